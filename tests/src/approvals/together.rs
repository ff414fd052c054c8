//! Approvals beside what else happens in their session.

use model_sim::Reply;
use serde_json::{Value, json};

use super::desk::{approve, deal_waits, decide, note, see, set, stage, stage_of, title, wait_in};
use crate::harness::{
    Setup, TestApp, eventually,
    look::{answers, end, messages, prompts},
};

#[tokio::test]
async fn a_question_that_was_queued_first_is_answered_by_its_own_run_and_no_other_runs_calls_are_made() {
    let app = TestApp::with(Setup { works: false, ..Setup::default() }).await;
    let worker = app.another_replica(Setup::default()).await;
    let alice = app.alice();
    let waiting = deal_waits(&app, &alice.at(worker.address)).await;
    worker.shut_down().await;
    let asked = alice.message(&waiting.session, &json!({"text": "And the weather?"}));
    let asked = alice.send(asked.header("prefer", "respond-async")).await.expect(202).json();
    let second = asked["run"]["id"].as_str().expect("an id").to_owned();
    approve(&alice, &waiting.approval).await;
    app.sim.push(Reply::text("It is sunny."));
    app.sim.push(Reply::text("Moved.").tool("add_note", note("Moved")).tool("update_entity", stage("lost")));
    let _worker = app.another_replica(Setup::default()).await;
    let heard = alice.follow(&second, None).await.rest().await;
    assert_eq!((answers(&heard), &end(&heard).data["status"]), (vec!["It is sunny.".into()], &json!("done")));
    let run = async |id: &str| alice.get(&format!("/v1/runs/{id}")).await.expect(200).json();
    eventually("the first run waits again", async || {
        let pending = alice.get("/v1/approvals?status=pending").await.json();
        (pending["data"].as_array().map(Vec::len) == Some(1)).then_some(())
    })
    .await;
    eventually("and is put aside", async || (run(&waiting.run).await["status"] == "waiting").then_some(()))
        .await;
    assert_eq!(run(&second).await["iterations"], 1);
    assert_eq!(stage_of(&alice).await, "won");
    assert_eq!(app.database.count("select count(*) from sixty.entity_notes").await, 1);
    for prompt in prompts(&app.sim) {
        let sent = messages(&prompt);
        assert_eq!(sent.last().expect("a message")["role"], "user", "{sent:#?}");
    }
}

#[tokio::test]
async fn a_run_whose_second_call_is_approved_first_sleeps_until_the_first_is_decided() {
    let app = TestApp::start().await;
    let alice = app.alice();
    alice.deal().await;
    alice.contact().await;
    set(&alice, json!({"preset": "conservative"})).await;
    let both = Reply::call("update_entity", stage("won")).tool("update_entity", title("Chief"));
    let waiting = wait_in(&app, &alice, alice.session().await, both).await;
    let list = alice.get("/v1/approvals?status=pending").await.json();
    let other = list["data"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|approval| approval["id"].as_str())
        .find(|id| *id != waiting.approval)
        .expect("two approvals")
        .to_owned();
    approve(&alice, &other).await;
    eventually("it was looked at, and sleeps", async || {
        let asleep = "select count(*) from sixty.runs
            where status = 'waiting' and fence > 1 and wake_at > now() + interval '1 hour'";
        (app.database.count(asleep).await == 1).then_some(())
    })
    .await;
    app.sim.push(Reply::text("Both."));
    approve(&alice, &waiting.approval).await;
    eventually("it ends", async || {
        let run = alice.get(&format!("/v1/runs/{}", waiting.run)).await.json();
        (run["status"] == "done").then_some(())
    })
    .await;
    assert_eq!(stage_of(&alice).await, "won");
    assert_eq!(alice.get("/v1/entities/contact/C-7").await.json()["title"], "Chief");
}

#[tokio::test]
async fn who_approves_for_themselves_lends_the_call_the_rights_of_that_moment() {
    let app = TestApp::start().await;
    let alice = app.alice();
    alice.deal().await;
    let rows = json!([{"role": "member", "action": "modify_deals", "policy": "disabled"}]);
    set(&alice, json!({"preset": "balanced", "rows": rows})).await;
    let waiting = deal_waits(&app, &app.replica.person("acme", "dave", "owner")).await;
    let dave = app.replica.person("acme", "dave", "member");
    app.sim.push(Reply::text("It was not done."));
    approve(&dave, &waiting.approval).await;
    let rest = super::desk::goes_on(&dave, &waiting).await;
    assert_eq!(end(&rest).data["status"], "done");
    assert_eq!(see(&dave, &waiting.approval).await["status"], "refused");
    assert_eq!(stage_of(&alice).await, "negotiation");
}

#[tokio::test]
async fn what_an_answer_asked_for_is_void_once_the_answer_is_replaced() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let waiting = deal_waits(&app, &alice).await;
    app.sim.push(Reply::text("Rather not."));
    let path = format!("/v1/sessions/{}/regenerate", waiting.session);
    let again = alice.post(&path, json!({})).await.expect(200).json();
    assert_eq!(again["run"]["status"], "done");
    assert_eq!(alice.get(&format!("/v1/runs/{}", waiting.run)).await.json()["status"], "cancelled");
    assert_eq!(see(&alice, &waiting.approval).await["status"], "void");
    decide(&alice, &waiting.approval, json!({"decision": "approve"})).await.problem(409, "approval_void");
    assert_eq!(stage_of(&alice).await, "negotiation");
}

#[tokio::test]
async fn an_input_that_no_value_can_hold_is_refused_with_its_field() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let waiting = deal_waits(&app, &alice).await;
    let path = format!("/v1/approvals/{}", waiting.approval);
    let deep = format!("{}{}", "[".repeat(300), "]".repeat(300));
    for input in [deep.as_str(), r#"{"a":1e999}"#, r#"{"a":"\ud800"}"#] {
        for decision in ["approve", "deny"] {
            let body = format!(r#"{{"decision":"{decision}","input":{input}}}"#);
            let request =
                alice.request(reqwest::Method::POST, &path).header("content-type", "application/json");
            let refused: Value = alice.send(request.body(body)).await.expect(422).json();
            assert!(
                refused["errors"][0]["field"].as_str().expect("a field").starts_with("input"),
                "{refused}"
            );
        }
    }
    let rows: Vec<Value> = vec![json!({"action": "send_email", "policy": "auto"}); 5000];
    let refused = alice.put("/v1/admin/permissions", json!({"preset": "balanced", "rows": rows})).await;
    let refused = refused.expect(422).json();
    assert_eq!(refused["errors"].as_array().map(Vec::len), Some(1), "one problem, not five thousand");
}
