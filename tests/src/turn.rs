//! A message becomes an answer.

use model_sim::Reply;
use reqwest::Method;
use serde_json::json;

use crate::harness::TestApp;

#[tokio::test]
async fn an_answer_is_streamed_stored_and_read_again() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let session = alice.session().await;
    app.sim.push(Reply::text("Good morning, Alice."));
    let frames = alice.say(&session, "Good morning").await.rest().await;
    let names: Vec<&str> = frames.iter().map(|frame| frame.event.as_str()).collect();
    assert_eq!(names.first(), Some(&"run_started"));
    assert_eq!(names[names.len() - 2..], ["message_complete", "done"]);
    let text: String = frames
        .iter()
        .filter_map(|frame| frame.data["text"].as_str().filter(|_| frame.event == "token"))
        .collect();
    assert_eq!(text, "Good morning, Alice.");
    let history = alice.history(&session).await;
    assert_eq!(history.len(), 2);
    assert_eq!(history[0]["content"], json!([{"type": "text", "text": "Good morning"}]));
    assert_eq!(history[1]["content"], json!([{"type": "text", "text": "Good morning, Alice."}]));
    let run = frames[0].data["run_id"].as_str().expect("an id");
    assert_eq!(alice.follow(run, None).await.rest().await, frames);
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
