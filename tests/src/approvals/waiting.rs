//! While a run waits: the session goes on, replicas come and go, time runs out.

use std::time::Duration;

use engine::Limits;
use model_sim::{Gate, Reply};
use serde_json::{Value, json};

use super::desk::{
    Waiting, approve, deal_waits, decide, deny, goes_on, note, see, set, stage, stage_of, tamper, wait_for,
    wait_in,
};
use crate::harness::{
    Person, Setup, TestApp, eventually,
    look::{all, answers, end, last_blocks, messages, names, prompts, result, run_of, text_of},
};

async fn run(person: &Person, id: &str) -> Value {
    person.get(&format!("/v1/runs/{id}")).await.expect(200).json()
}

async fn ended(person: &Person, id: &str) -> Value {
    eventually("the run ends", async || {
        let run = run(person, id).await;
        ["done", "failed", "cancelled"].contains(&run["status"].as_str().expect("a status")).then_some(run)
    })
    .await
}

/// The prompt's bytes up to the end of its last message, without the marks that move.
fn bytes(prompt: &model_sim::Request) -> String {
    let body = std::str::from_utf8(&prompt.body).expect("UTF-8");
    let body = body.replace(r#","cache_control":{"type":"ephemeral"}"#, "");
    body.strip_suffix("]}").expect("messages come last").to_owned()
}

#[tokio::test]
async fn who_waits_for_the_answer_is_told_that_the_run_waits() {
    let app = TestApp::start().await;
    let alice = app.alice();
    alice.deal().await;
    let session = alice.session().await;
    app.sim.push(Reply::call("update_entity", stage("won")));
    let turn = alice.ask(&session, "Move it").await;
    assert_eq!(turn["run"]["status"], "waiting");
    assert_eq!(alice.get(&format!("/v1/sessions/{session}")).await.json()["run_status"], "waiting");
}

#[tokio::test]
async fn the_session_goes_on_and_the_outcome_is_told_where_it_came_about() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let waiting = deal_waits(&app, &alice).await;
    app.sim.push(Reply::text("It is sunny."));
    let meanwhile = alice.hear(&waiting.session, "How is the weather?").await;
    assert_eq!(end(&meanwhile).data["status"], "done");
    let (told, is_error) = {
        let prompt = &prompts(&app.sim)[1];
        let block = messages(prompt)[2]["content"][0].clone();
        assert_eq!(block["type"], "tool_result");
        (block["content"].as_str().expect("a text").to_owned(), block["is_error"] == true)
    };
    assert!(told.starts_with("awaiting approval") && !is_error, "{told}");
    app.sim.push(Reply::text("Moved at last."));
    approve(&alice, &waiting.approval).await;
    let rest = goes_on(&alice, &waiting).await;
    assert_eq!(
        (end(&rest).data["status"].as_str(), answers(&rest)),
        (Some("done"), vec!["Moved at last.".to_owned()])
    );
    assert_eq!(stage_of(&alice).await, "won");
    app.sim.push(Reply::text("Bye."));
    alice.hear(&waiting.session, "Thanks").await;
    let sent = prompts(&app.sim);
    assert_eq!(sent.len(), 4);
    let quoted = last_blocks(&sent[2])[0]["text"].as_str().expect("a text");
    assert!(
        quoted.contains("<late_result tool=\"update_entity\"") && quoted.contains("negotiation → won"),
        "{quoted}"
    );
    assert!(bytes(&sent[2]).starts_with(&bytes(&sent[1])), "what was sent stays, byte for byte");
    assert!(bytes(&sent[3]).starts_with(&bytes(&sent[2])), "and so does the quotation");
    // The history has everything as it was said, in the order of time.
    let history = alice.history(&waiting.session).await;
    let kinds: Vec<&str> =
        history.iter().map(|message| message["content"][0]["type"].as_str().expect("a type")).collect();
    assert_eq!(kinds, ["text", "text", "text", "text", "tool_result", "text", "text", "text"]);
    assert_eq!(history[4]["run_id"], waiting.run.as_str());
}

#[tokio::test]
async fn several_runs_of_a_session_wait_and_are_decided_in_any_order() {
    let app = TestApp::start().await;
    let alice = app.alice();
    alice.deal().await;
    set(&alice, json!({"preset": "conservative"})).await;
    let session = alice.session().await;
    let mut runs: Vec<Waiting> = Vec::new();
    for n in 1..=3 {
        let reply = Reply::call("add_note", note(&format!("Note {n}")));
        runs.push(wait_in(&app, &alice, session.clone(), reply).await);
    }
    for (place, text) in [(1, "Second."), (2, "Third."), (0, "First.")] {
        app.sim.push(Reply::text(text));
        approve(&alice, &runs[place].approval).await;
        assert_eq!(answers(&goes_on(&alice, &runs[place]).await), [text]);
    }
    let notes = alice.get("/v1/entities/deal/D-42/notes").await.expect(200).json();
    let texts: Vec<&Value> =
        notes["data"].as_array().expect("a list").iter().map(|note| &note["text"]).collect();
    assert_eq!(texts, ["Note 1", "Note 3", "Note 2"], "newest first: each was written when it was decided");
    let sent = prompts(&app.sim);
    for pair in sent[2..].windows(2) {
        assert!(bytes(&pair[1]).starts_with(&bytes(&pair[0])));
    }
}

#[tokio::test]
async fn a_waiting_run_survives_the_end_of_every_replica() {
    let app = TestApp::with(Setup { works: false, ..Setup::default() }).await;
    app.alice().deal().await;
    for dies in [true, false] {
        let worker = app.another_replica(Setup::default()).await;
        let alice = app.alice().at(worker.address);
        let stage = stage(if dies { "won" } else { "won again" });
        let waiting = wait_for(&app, &alice, "update_entity", stage).await;
        if dies {
            worker.kill();
        } else {
            worker.shut_down().await;
        }
        let heir = app.another_replica(Setup::default()).await;
        let alice = alice.at(heir.address);
        assert_eq!(run(&alice, &waiting.run).await["status"], "waiting");
        assert_eq!(see(&alice, &waiting.approval).await["status"], "pending");
        app.sim.push(Reply::text("Moved."));
        approve(&alice, &waiting.approval).await;
        let rest = goes_on(&alice, &waiting).await;
        assert_eq!(names(&rest), ["tool_result", "token", "message_complete", "done"], "nothing was void");
        heir.shut_down().await;
    }
    assert_eq!(app.database.count("select version from sixty.entities").await, 3, "once each");
}

#[tokio::test]
async fn a_replica_that_dies_after_the_decision_leaves_the_rest_to_another() {
    let app = TestApp::with(Setup { works: false, ..Setup::default() }).await;
    let doomed = app.another_replica(Setup { lease_seconds: 3, ..Setup::default() }).await;
    let alice = app.alice().at(doomed.address);
    let waiting = deal_waits(&app, &alice).await;
    let gate = Gate::new();
    app.sim.push(Reply::text("Nobody hears this.").hold_before(&gate));
    app.sim.push(Reply::text("Moved."));
    approve(&alice, &waiting.approval).await;
    gate.reached().await;
    doomed.kill();
    let heir = app.another_replica(Setup { lease_seconds: 3, ..Setup::default() }).await;
    let rest = goes_on(&alice.at(heir.address), &waiting).await;
    assert_eq!(answers(&rest), ["Moved."]);
    assert_eq!(app.database.count("select version from sixty.entities").await, 2, "performed once");
}

#[tokio::test]
async fn when_nobody_decides_in_time_the_run_goes_on_and_that_is_no_denial() {
    let limits = Limits { approval_time: Duration::from_millis(300), ..Limits::default() };
    let app = TestApp::with(Setup { limits, ..Setup::default() }).await;
    let alice = app.alice();
    alice.deal().await;
    let session = alice.session().await;
    app.sim.push(Reply::call("update_entity", stage("won")));
    app.sim.push(Reply::text("Nobody said anything."));
    let frames = alice.hear(&session, "Move it").await;
    let asked = all(&frames, "approval_required")[0]["approval_id"].as_str().expect("an id").to_owned();
    assert_eq!(ended(&alice, &run_of(&frames)).await["status"], "done");
    let shown = see(&alice, &asked).await;
    assert_eq!((&shown["status"], shown.get("decided_by")), (&json!("expired"), None));
    decide(&alice, &asked, json!({"decision": "approve"})).await.problem(409, "approval_expired");
    let (told, is_error) = result(&prompts(&app.sim)[1], 0);
    assert!(is_error && told.contains("in time") && told.contains("no denial"), "{told}");
    assert_eq!(stage_of(&alice).await, "negotiation");
    let listed = alice.get("/v1/approvals?status=expired").await.expect(200).json();
    assert_eq!(listed["data"][0]["id"], asked.as_str());
    assert_eq!(alice.get("/v1/approvals?status=denied").await.expect(200).json()["data"], json!([]));
}

#[tokio::test]
async fn an_overdue_approval_cannot_be_decided_although_nobody_has_noticed_yet() {
    let app = TestApp::with(Setup { works: false, ..Setup::default() }).await;
    let worker = app.another_replica(Setup::default()).await;
    let alice = app.alice();
    let waiting = deal_waits(&app, &alice.at(worker.address)).await;
    worker.shut_down().await;
    tamper(&app, "update sixty.approvals set expires_at = now() - interval '1 second'").await;
    decide(&alice, &waiting.approval, json!({"decision": "approve"})).await.problem(409, "approval_expired");
    assert_eq!(see(&alice, &waiting.approval).await["status"], "expired");
    assert_eq!(alice.get("/v1/approvals?status=pending").await.expect(200).json()["data"], json!([]));
}

#[tokio::test]
async fn cancelling_a_waiting_run_voids_what_it_asked() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let waiting = deal_waits(&app, &alice).await;
    let path = format!("/v1/runs/{}/cancel", waiting.run);
    assert_eq!(alice.post(&path, json!({})).await.expect(202).json()["status"], "cancelled");
    decide(&alice, &waiting.approval, json!({"decision": "approve"})).await.problem(409, "approval_void");
    assert_eq!(see(&alice, &waiting.approval).await["status"], "void");
    let whole = alice.follow(&waiting.run, None).await.rest().await;
    assert_eq!(end(&whole).data["status"], "cancelled");
    app.sim.push(Reply::text("Hello."));
    assert_eq!(end(&alice.hear(&waiting.session, "Still there?").await).data["status"], "done");
    let told = messages(&prompts(&app.sim)[1])[2]["content"][0]["content"].clone();
    assert!(
        told.as_str().is_some_and(|text| text.contains("The run ended") && text.contains("nothing.")),
        "{told}"
    );
    assert_eq!(stage_of(&alice).await, "negotiation");
}

#[tokio::test]
async fn what_was_done_of_a_cancelled_step_is_told_and_not_denied() {
    let app = TestApp::start().await;
    let alice = app.alice();
    alice.deal().await;
    let session = alice.session().await;
    let answer =
        Reply::text("Two things.").tool("add_note", note("Seen")).tool("update_entity", stage("won"));
    let waiting = wait_in(&app, &alice, session, answer).await;
    alice.post(&format!("/v1/runs/{}/cancel", waiting.run), json!({})).await.expect(202);
    app.sim.push(Reply::text("One of two."));
    alice.hear(&waiting.session, "What have you done?").await;
    let blocks = messages(&prompts(&app.sim)[1])[2]["content"].clone();
    for block in blocks.as_array().expect("blocks") {
        let text = block["content"].as_str().expect("a text");
        assert!(text.contains("add_note") && text.contains("Noted on deal D-42"), "{text}");
        assert!(!text.contains("update_entity"), "{text}");
    }
}

#[tokio::test]
async fn a_waiting_run_is_deleted_with_its_session() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let waiting = deal_waits(&app, &alice).await;
    alice.delete(&format!("/v1/sessions/{}", waiting.session)).await.expect(204);
    decide(&alice, &waiting.approval, json!({"decision": "approve"})).await.problem(404, "not_found");
    assert_eq!(app.database.count("select count(*) from sixty.approvals").await, 0);
}

#[tokio::test]
async fn a_decision_made_while_the_session_answers_waits_for_its_turn() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let waiting = deal_waits(&app, &alice).await;
    let gate = Gate::new();
    app.sim.push(Reply::text("It is sunny.").hold_before(&gate));
    app.sim.push(Reply::text("Moved."));
    let meanwhile = alice.say(&waiting.session, "How is the weather?").await;
    gate.reached().await;
    approve(&alice, &waiting.approval).await;
    assert_eq!(run(&alice, &waiting.run).await["status"], "queued");
    gate.release();
    assert_eq!(answers(&meanwhile.rest().await), ["It is sunny."]);
    assert_eq!(answers(&goes_on(&alice, &waiting).await), ["Moved."]);
    let said: Vec<String> = alice.history(&waiting.session).await.iter().map(text_of).collect();
    assert_eq!(said, ["Do it", "One moment.", "How is the weather?", "It is sunny.", "", "Moved."]);
}

#[tokio::test]
async fn what_waits_may_be_archived_before_it_is_decided() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let waiting = deal_waits(&app, &alice).await;
    app.sim.push(Reply::text("It is sunny."));
    alice.hear(&waiting.session, "How is the weather?").await;
    app.sim.push_for("Write the summary now", Reply::text("## Decisions\n- none"));
    alice.post(&format!("/v1/sessions/{}/compact", waiting.session), json!({})).await.expect(200);
    app.sim.push(Reply::text("All right."));
    deny(&alice, &waiting.approval, "too early").await;
    assert_eq!(answers(&goes_on(&alice, &waiting).await), ["All right."]);
    let sent = prompts(&app.sim);
    let told = serde_json::to_string(sent.last().expect("a prompt").json()).expect("JSON");
    assert!(told.contains("late_result") && told.contains("too early"), "{told}");
}

#[tokio::test]
async fn a_run_waits_whatever_way_it_was_asked_for() {
    let app = TestApp::with(Setup { works: false, ..Setup::default() }).await;
    let alice = app.alice();
    alice.deal().await;
    let mut runs = Vec::new();
    for channel in ["http", "chat", "slack", "schedule"] {
        let session = alice.session().await;
        let request = alice.message(&session, &json!({"text": "Move it"})).header("prefer", "respond-async");
        let run =
            alice.send(request).await.expect(202).json()["run"]["id"].as_str().expect("an id").to_owned();
        tamper(&app, format!("update sixty.runs set trigger = '{channel}' where id = '{run}'")).await;
        app.sim.push(Reply::call("update_entity", stage("won")));
        runs.push(run);
    }
    let _worker = app.another_replica(Setup::default()).await;
    for id in &runs {
        eventually("the run waits", async || (run(&alice, id).await["status"] == "waiting").then_some(()))
            .await;
    }
    assert_eq!(stage_of(&alice).await, "negotiation");
    assert_eq!(app.database.count("select count(*) from sixty.approvals where blocking").await, 4);
}

#[tokio::test]
async fn a_reader_of_a_waiting_run_ends_and_one_that_comes_back_misses_nothing() {
    let app = TestApp::start().await;
    let api = app.another_replica(Setup { works: false, ..Setup::default() }).await;
    let alice = app.alice();
    let waiting = wait_for_deal(&app, &alice).await;
    for reader in [alice.clone(), alice.at(api.address)] {
        assert_eq!(reader.follow(&waiting.run, None).await.rest().await, waiting.frames);
        assert!(reader.follow(&waiting.run, Some(waiting.last())).await.rest().await.is_empty());
    }
    app.sim.push(Reply::text("Moved."));
    approve(&alice, &waiting.approval).await;
    let rest = goes_on(&alice, &waiting).await;
    let expected = [&waiting.frames[..waiting.frames.len() - 1], &rest].concat();
    for reader in [alice.clone(), alice.at(api.address)] {
        assert_eq!(reader.follow(&waiting.run, None).await.rest().await, expected, "one end");
        assert_eq!(reader.follow(&waiting.run, Some(waiting.last())).await.rest().await, rest);
    }
}

async fn wait_for_deal(app: &TestApp, person: &Person) -> Waiting {
    person.deal().await;
    wait_for(app, person, "update_entity", stage("won")).await
}
