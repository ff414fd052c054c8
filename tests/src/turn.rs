//! A message becomes an answer.

use model_sim::Reply;
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
