//! A proposal: the run goes on at once, and a person may accept it later.

use model_sim::{Gate, Reply};
use serde_json::{Value, json};

use super::desk::{approve, decide, deny, see, title};
use crate::harness::{
    Frame, Person, Setup, TestApp, eventually,
    look::{all, answers, end, last_blocks, messages, names, prompts, result},
};

/// Has the model call something that becomes a proposal; session, approval, frames.
async fn propose(app: &TestApp, person: &Person, tool: &str, args: Value) -> (String, String, Vec<Frame>) {
    let session = person.session().await;
    app.sim.push(Reply::call(tool, args));
    app.sim.push(Reply::text("I proposed it."));
    let frames = person.hear(&session, "Do it").await;
    let asked = all(&frames, "approval_required")[0]["approval_id"].as_str().expect("an id").to_owned();
    (session, asked, frames)
}

async fn title_of(person: &Person) -> Value {
    person.get("/v1/entities/contact/C-7").await.expect(200).json()["title"].clone()
}

#[tokio::test]
async fn the_run_goes_on_and_says_that_it_proposed() {
    let app = TestApp::start().await;
    let alice = app.alice();
    alice.contact().await;
    let (_, asked, frames) = propose(&app, &alice, "update_entity", title("CEO")).await;
    assert_eq!(
        names(&frames),
        [
            "run_started",
            "message_complete",
            "tool_start",
            "tool_result",
            "approval_required",
            "token",
            "message_complete",
            "done"
        ]
    );
    assert_eq!(all(&frames, "approval_required")[0]["blocking"], false);
    assert_eq!(end(&frames).data["status"], "done");
    let (told, is_error) = result(&prompts(&app.sim)[1], 0);
    assert!(!is_error && told.contains("proposal") && told.contains("nothing was done"), "{told}");
    assert_eq!(title_of(&alice).await, "Buyer");
    let shown = see(&alice, &asked).await;
    assert_eq!((&shown["status"], &shown["blocking"]), (&json!("pending"), &json!(false)));
}

#[tokio::test]
async fn an_accepted_proposal_is_carried_out_by_a_run_of_its_own() {
    let app = TestApp::start().await;
    let alice = app.alice();
    alice.contact().await;
    let (session, asked, frames) = propose(&app, &alice, "update_entity", title("CEO")).await;
    app.sim.push(Reply::text("Yes."));
    alice.hear(&session, "Did you?").await;
    let asked_before = prompts(&app.sim).len();
    let run = approve(&alice, &asked).await["run_id"].as_str().expect("an id").to_owned();
    assert_ne!(run, frames[0].data["run_id"].as_str().expect("an id"));
    let done = alice.follow(&run, None).await.rest().await;
    assert_eq!(names(&done), ["run_started", "tool_start", "tool_result", "done"]);
    assert_eq!(end(&done).data["tools_used"][0]["name"], "update_entity");
    assert_eq!(title_of(&alice).await, "CEO");
    assert_eq!(prompts(&app.sim).len(), asked_before, "no model is asked");
    let shown = see(&alice, &asked).await;
    assert_eq!((&shown["status"], &shown["decision_run_id"]), (&json!("executed"), &json!(run)));
    let state = alice.get(&format!("/v1/runs/{run}")).await.expect(200).json();
    assert_eq!((&state["trigger"], &state["status"]), (&json!("decision"), &json!("done")));
    // The outcome stands in the history, and in the next prompt as a quotation.
    let history = alice.history(&session).await;
    let last = history.last().expect("a message");
    assert_eq!((&last["run_id"], &last["content"][0]["type"]), (&json!(run), &json!("tool_result")));
    app.sim.push(Reply::text("Done."));
    alice.hear(&session, "And now?").await;
    let sent = prompts(&app.sim);
    let prompt = sent.last().expect("a prompt");
    let said = json!(last_blocks(prompt)).to_string();
    assert!(
        said.contains("late_result") && said.contains("Buyer → CEO") && said.contains("And now?"),
        "{said}"
    );
    assert_eq!(messages(prompt).len(), 7);
    decide(&alice, &asked, json!({"decision": "approve"})).await.problem(409, "already_decided");
}

#[tokio::test]
async fn an_accepted_proposal_is_carried_out_though_no_model_may_be_asked() {
    let providers = vec![("second".to_owned(), "http://127.0.0.1:9".to_owned())];
    let app = TestApp::with(Setup { providers, ..Setup::default() }).await;
    let alice = app.alice();
    alice.contact().await;
    let (session, asked, _) = propose(&app, &alice, "update_entity", title("CEO")).await;
    alice.put("/v1/admin/models", json!({"allowed": ["second/*"]})).await.expect(200);
    let say = alice.message(&session, &json!({"text": "Did you?"}));
    alice.send(say).await.problem(409, "no_model");
    let run = approve(&alice, &asked).await["run_id"].as_str().expect("an id").to_owned();
    let done = alice.follow(&run, None).await.rest().await;
    assert_eq!(end(&done).data["status"], "done", "{done:#?}");
    assert_eq!(title_of(&alice).await, "CEO");
}

#[tokio::test]
async fn a_proposal_may_be_changed_or_turned_down() {
    let app = TestApp::start().await;
    let alice = app.alice();
    alice.contact().await;
    let (_, asked, _) = propose(&app, &alice, "update_entity", title("CEO")).await;
    let body = json!({"decision": "approve", "input": title("CFO")});
    let run = decide(&alice, &asked, body).await.expect(202).json()["run_id"].clone();
    let done = alice.follow(run.as_str().expect("an id"), None).await.rest().await;
    let told = all(&done, "tool_result")[0]["result"].as_str().expect("a text").to_owned();
    assert!(told.contains("other arguments") && told.contains("CFO"), "{told}");
    assert_eq!(title_of(&alice).await, "CFO");
    let (_, asked, frames) = propose(&app, &alice, "update_entity", title("Chair")).await;
    assert_eq!(deny(&alice, &asked, "no").await["run_id"], frames[0].data["run_id"]);
    assert_eq!(see(&alice, &asked).await["status"], "denied");
    assert_eq!(title_of(&alice).await, "CFO");
}

#[tokio::test]
async fn an_accepted_proposal_waits_for_its_turn_in_the_session() {
    let app = TestApp::start().await;
    let alice = app.alice();
    alice.contact().await;
    let (session, asked, _) = propose(&app, &alice, "update_entity", title("CEO")).await;
    let gate = Gate::new();
    app.sim.push(Reply::text("It is sunny.").hold_before(&gate));
    let meanwhile = alice.say(&session, "How is the weather?").await;
    gate.reached().await;
    let run = approve(&alice, &asked).await["run_id"].as_str().expect("an id").to_owned();
    assert_eq!(alice.get(&format!("/v1/runs/{run}")).await.expect(200).json()["status"], "queued");
    gate.release();
    assert_eq!(answers(&meanwhile.rest().await), ["It is sunny."]);
    assert_eq!(end(&alice.follow(&run, None).await.rest().await).data["status"], "done");
    assert_eq!(title_of(&alice).await, "CEO");
}

#[tokio::test]
async fn a_decision_run_that_is_cancelled_carries_nothing_out() {
    let app = TestApp::start().await;
    let alice = app.alice();
    alice.contact().await;
    let (session, asked, _) = propose(&app, &alice, "update_entity", title("CEO")).await;
    let gate = Gate::new();
    app.sim.push(Reply::text("It is sunny.").hold_before(&gate));
    let meanwhile = alice.say(&session, "How is the weather?").await;
    gate.reached().await;
    let run = approve(&alice, &asked).await["run_id"].as_str().expect("an id").to_owned();
    alice.post(&format!("/v1/runs/{run}/cancel"), json!({})).await.expect(202);
    gate.release();
    meanwhile.rest().await;
    assert_eq!(see(&alice, &asked).await["status"], "void");
    assert_eq!(title_of(&alice).await, "Buyer");
}

#[tokio::test]
async fn the_organizations_memory_is_written_when_an_administrator_accepts() {
    let app = TestApp::start().await;
    let (alice, bob) = (app.alice(), app.bob());
    let fact = json!({"scope": "org", "section": "Facts", "text": "We sell tea"});
    let (_, asked, _) = propose(&app, &bob, "memory_append", fact).await;
    decide(&bob, &asked, json!({"decision": "approve"})).await.problem(403, "forbidden");
    let run = approve(&alice, &asked).await["run_id"].as_str().expect("an id").to_owned();
    eventually("it is written", async || {
        let memory = alice.get("/v1/memory/org").await.expect(200).json();
        (memory["content"] == "## Facts\n- We sell tea").then_some(())
    })
    .await;
    let done = bob.follow(&run, None).await.rest().await;
    assert_eq!(all(&done, "memory_written")[0]["scope"], "org");
    alice.get(&format!("/v1/runs/{run}")).await.problem(404, "not_found");
}
