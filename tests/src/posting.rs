//! The ways to send a message and to hear of its run.

use std::time::Duration;

use futures_util::future::join_all;
use model_sim::{Gate, Reply};
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{
    Events, TestApp, eventually,
    look::{answers, end, messages, names, prompts, run_of, text_of},
};

#[tokio::test]
async fn a_client_may_wait_for_the_whole_answer() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let session = alice.session().await;
    app.sim.push(Reply::text("Hello."));
    let answer = alice.send(alice.message(&session, &json!({"text": "Hi"}))).await.expect(200);
    let turn = answer.json();
    assert_eq!(answer.header("location"), format!("/v1/runs/{}", turn["run"]["id"].as_str().expect("an id")));
    assert_eq!(turn["run"]["status"], "done");
    assert_eq!(turn["message"]["content"], json!([{"type": "text", "text": "Hello."}]));
    app.sim.push(Reply::status(400));
    let turn = alice.ask(&session, "Again").await;
    assert_eq!((&turn["run"]["status"], turn.get("message")), (&json!("failed"), None));
    assert_eq!(turn["run"]["error"]["code"], "model_refused_request");
}

#[tokio::test]
async fn a_client_may_go_on_at_once_or_after_some_seconds() {
    let app = TestApp::start().await;
    let alice = app.alice();
    for prefer in ["respond-async", "wait=0", "handling=lenient, wait=0"] {
        let session = alice.session().await;
        let gate = Gate::new();
        app.sim.push(Reply::text("Hello.").hold_before(&gate));
        let request = alice.message(&session, &json!({"text": "Hi"})).header("prefer", prefer);
        let answer = alice.send(request).await.expect(202);
        let run = answer.header("location").to_owned();
        assert_eq!(answer.json()["run"]["status"], "running", "{prefer}");
        gate.release();
        eventually("the run ends", async || {
            (alice.get(&run).await.expect(200).json()["status"] == "done").then_some(())
        })
        .await;
    }
    let session = alice.session().await;
    let request = alice.message(&session, &json!({"text": "Hi"})).header("prefer", "wait=soon");
    assert_eq!(alice.send(request).await.problem(422, "validation_failed")["errors"][0]["field"], "Prefer");
}

#[tokio::test]
async fn a_session_answers_one_message_at_a_time() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let session = alice.session().await;
    let gate = Gate::new();
    app.sim.push(Reply::text("Hello.").hold_before(&gate));
    let first = alice.say(&session, "Hi").await;
    let second = alice.post(&format!("/v1/sessions/{session}/messages"), json!({"text": "Hi?"})).await;
    second.problem(409, "run_active");
    let again = alice.post(&format!("/v1/sessions/{session}/regenerate"), json!({})).await;
    again.problem(409, "run_active");
    gate.release();
    assert_eq!(end(&first.rest().await).event, "done");
    assert_eq!(alice.history(&session).await.len(), 2);
}

#[tokio::test]
async fn of_messages_that_come_at_once_one_is_answered() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let session = alice.session().await;
    let gate = Gate::new();
    app.sim.push(Reply::text("Hello.").hold_before(&gate));
    let send = async |n: usize| {
        let body = json!({ "text": format!("Message {n}") });
        alice.send(alice.message(&session, &body).header("prefer", "respond-async")).await.status.as_u16()
    };
    let mut answered = join_all((0..8).map(send)).await;
    answered.sort_unstable();
    assert_eq!(answered, [202, 409, 409, 409, 409, 409, 409, 409]);
    gate.release();
    eventually("the run ends", async || (alice.history(&session).await.len() == 2).then_some(())).await;
    assert_eq!(prompts(&app.sim).len(), 1);
}

#[tokio::test]
async fn ten_requests_with_one_key_share_one_run_and_its_events() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let session = alice.session().await;
    let gate = Gate::new();
    app.sim.push(Reply::text("Only once.").hold_after(1, &gate));
    let open = || {
        let request = alice.message(&session, &json!({"text": "Hi"})).header("idempotency-key", "k-1");
        Events::open(request.header("accept", "text/event-stream"))
    };
    let streams = join_all((0..10).map(|_| open())).await;
    gate.release();
    let heard = join_all(streams.into_iter().map(Events::rest)).await;
    for frames in &heard {
        assert_eq!(frames, &heard[0]);
    }
    assert_eq!(answers(&heard[0]), ["Only once."]);
    assert_eq!(open().await.rest().await, heard[0], "after the end, too");
    assert_eq!(prompts(&app.sim).len(), 1);
    assert_eq!(alice.history(&session).await.len(), 2);

    let request = alice.message(&session, &json!({"text": "Hi"})).header("idempotency-key", "k-1");
    let turn = alice.send(request).await.expect(200).json();
    assert_eq!(turn["run"]["id"], run_of(&heard[0]).as_str());
    let other = alice.message(&session, &json!({"text": "Ho"})).header("idempotency-key", "k-1");
    alice.send(other).await.problem(422, "idempotency_mismatch");
}

#[tokio::test]
async fn a_regenerated_answer_replaces_the_old_one_in_the_prompt_only() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let session = alice.session().await;
    for text in ["First answer.", "Old answer."] {
        app.sim.push(Reply::text(text));
        alice.hear(&session, "A question").await;
    }
    app.sim.push(Reply::text("New answer."));
    let path = format!("/v1/sessions/{session}/regenerate");
    let request = alice.request(Method::POST, &path).header("accept", "text/event-stream");
    let frames = Events::open(request).await.rest().await;
    assert_eq!(names(&frames), ["run_started", "token", "message_complete", "done"]);
    assert_eq!(answers(&frames), ["New answer."]);
    let history = alice.history(&session).await;
    let said: Vec<String> = history.iter().map(text_of).collect();
    assert_eq!(said, ["A question", "First answer.", "A question", "Old answer.", "New answer."]);
    let superseded: Vec<bool> = history.iter().map(|message| message["superseded"] == true).collect();
    assert_eq!(superseded, [false, false, false, true, false]);
    app.sim.push(Reply::text("Yes."));
    alice.hear(&session, "Sure?").await;
    let sent = prompts(&app.sim);
    let texts = |i: usize| messages(&sent[i]).iter().map(text_of).collect::<Vec<_>>();
    assert_eq!(texts(2), texts(1), "asked again with the very same prompt");
    assert_eq!(texts(3)[3], "New answer.");
    assert!(!texts(3).contains(&"Old answer.".to_owned()));
}

#[tokio::test]
async fn an_earlier_answer_may_be_replaced_by_its_id() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let session = alice.session().await;
    let path = format!("/v1/sessions/{session}/regenerate");
    alice.post(&path, json!({})).await.problem(409, "nothing_to_regenerate");
    for text in ["One.", "Two."] {
        app.sim.push(Reply::text(text));
        alice.hear(&session, "Count").await;
    }
    let first = alice.history(&session).await[1]["id"].clone();
    app.sim.push(Reply::text("Uno."));
    let turn: Value = alice.post(&path, json!({"message_id": first})).await.expect(200).json();
    assert_eq!(text_of(&turn["message"]), "Uno.");
    let sent = prompts(&app.sim);
    assert_eq!(messages(sent.last().expect("a prompt")).len(), 1, "what came after is out of the prompt");
    let unknown = json!({"message_id": uuid::Uuid::now_v7()});
    alice.post(&path, unknown).await.problem(404, "not_found");
}

#[tokio::test]
async fn a_run_goes_on_when_its_reader_hangs_up() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let session = alice.session().await;
    let gate = Gate::new();
    app.sim.push(Reply::text("Nobody listens.").hold_after(1, &gate));
    let mut events = alice.say(&session, "Hi").await;
    let seen = events.until("token").await;
    drop(events);
    let waiting = alice.message(&session, &json!({"text": "Hi?"})).timeout(Duration::from_millis(1)).send();
    drop(waiting.await);
    gate.release();
    let last = seen.last().map(|frame| frame.id.clone());
    let rest = alice.follow(&run_of(&seen), last.as_deref()).await.rest().await;
    assert_eq!(answers(&[seen, rest].concat()), ["Nobody listens."]);
    assert_eq!(text_of(&alice.history(&session).await[1]), "Nobody listens.");
}

#[tokio::test]
async fn who_does_not_wait_is_answered_202_even_of_a_run_that_has_ended() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let session = alice.session().await;
    app.sim.push(Reply::text("Done."));
    let path = format!("/v1/sessions/{session}/messages");
    let post = || {
        let request = alice.request(Method::POST, &path).header("idempotency-key", "one");
        request.json(&json!({"text": "Quick"}))
    };
    let waited = alice.send(post()).await.expect(200).json();
    let not_waited = alice.send(post().header("prefer", "respond-async")).await.expect(202);
    assert_eq!(not_waited.json()["run"]["id"], waited["run"]["id"]);
    assert_eq!(not_waited.header("location"), format!("/v1/runs/{}", waited["run"]["id"].as_str().unwrap()));
}

#[tokio::test]
async fn an_answer_that_failed_may_be_asked_for_again() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let session = alice.session().await;
    app.sim.push(Reply::status(400));
    assert_eq!(end(&alice.hear(&session, "Hi").await).event, "error");
    app.sim.push(Reply::text("Hello."));
    let turn = alice.post(&format!("/v1/sessions/{session}/regenerate"), json!({})).await.expect(200).json();
    assert_eq!(text_of(&turn["message"]), "Hello.");
    let sent = prompts(&app.sim);
    assert_eq!(messages(&sent[1]), messages(&sent[0]));
    assert_eq!(alice.history(&session).await.len(), 2);
}
