//! Results of scheduled tasks, told in Slack.

use model_sim::Reply;
use reqwest::Method;
use serde_json::{Value, json};

use super::{CHANNEL, Desk};
use crate::harness::eventually;

fn told(deliver: Value) -> Value {
    let mut deliver = deliver;
    deliver["kind"] = json!("slack");
    json!({
        "name": "Morning brief",
        "prompt": "What is on today?",
        "schedule": {"kind": "cron", "cron": "0 9 * * *"},
        "deliver": deliver,
    })
}

/// Has the task run now, and waits until so many messages were posted. Channel and text of the last one.
async fn report(desk: &Desk, task: Value, count: usize) -> (Value, String) {
    let alice = desk.app.alice();
    let made = alice.post("/v1/schedules", task).await.expect(201).json();
    let run = format!("/v1/schedules/{}/run", made["id"].as_str().expect("an id"));
    alice.send(alice.request(Method::POST, &run)).await.expect(202);
    let post =
        eventually("a message", async || desk.slack.calls("chat.postMessage").into_iter().nth(count - 1));
    let post = post.await;
    desk.settled().await;
    (post.body["channel"].clone(), post.body.to_string())
}

#[tokio::test]
async fn a_scheduled_task_reports_once_in_a_direct_message_or_in_a_listed_channel() {
    let desk = Desk::open().await;
    desk.app.sim.respond_with(|_| Reply::text("Two meetings."));
    let (channel, text) = report(&desk, told(json!({})), 1).await;
    assert_eq!(channel, "U0ALICE");
    assert!(text.contains("Morning brief") && text.contains("Two meetings."), "{text}");
    desk.app.alice().patch("/v1/admin/slack", json!({ "channels": [CHANNEL] })).await.expect(200);
    let (channel, text) = report(&desk, told(json!({ "channel": CHANNEL })), 2).await;
    assert_eq!(channel, CHANNEL);
    assert!(text.contains("Two meetings."), "{text}");
    assert_eq!(desk.slack.calls("chat.postMessage").len(), 2);
}

#[tokio::test]
async fn who_is_not_linked_or_may_not_speak_in_a_channel_is_told_when_they_write_the_task() {
    let desk = Desk::open().await;
    let (alice, bob) = (desk.app.alice(), desk.app.bob());
    let refused = bob.post("/v1/schedules", told(json!({}))).await.problem(422, "validation_failed");
    assert_eq!(refused["errors"][0]["field"], "deliver.kind");
    let unlisted = told(json!({ "channel": "C0OTHER" }));
    let refused = alice.post("/v1/schedules", unlisted).await.problem(422, "validation_failed");
    assert_eq!(refused["errors"][0]["field"], "deliver.channel");
    alice.patch("/v1/admin/slack", json!({ "channels": [CHANNEL] })).await.expect(200);
    desk.link("U0BOB", &bob).await;
    let listed = told(json!({ "channel": CHANNEL }));
    let refused = bob.post("/v1/schedules", listed).await.problem(422, "validation_failed");
    assert_eq!(refused["errors"][0]["field"], "deliver.channel");
    bob.post("/v1/schedules", told(json!({}))).await.expect(201);
}
