//! Results of scheduled tasks, told in Slack.

use model_sim::Reply;
use reqwest::Method;
use serde_json::{Value, json};

use super::{BOB, CHANNEL, DIRECT, Desk, UNLISTED, standin::Seen};
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

/// Has the task run now, and waits for the message, which is the `count`th.
async fn report(desk: &Desk, task: Value, count: usize) -> Seen {
    let alice = desk.app.alice();
    let made = alice.post("/v1/schedules", task).await.expect(201).json();
    let run = format!("/v1/schedules/{}/run", made["id"].as_str().expect("an id"));
    alice.send(alice.request(Method::POST, &run)).await.expect(202);
    let all = async || desk.slack.said().into_iter().filter(|seen| seen.only_for.is_none()).nth(count - 1);
    let seen = eventually("a message", all).await;
    desk.settled().await;
    seen
}

#[tokio::test]
async fn a_scheduled_task_reports_once_in_a_direct_message_or_in_a_listed_channel() {
    let desk = Desk::open().await;
    desk.app.sim.respond_with(|_| Reply::text("Two meetings."));
    let seen = report(&desk, told(json!({})), 1).await;
    assert_eq!((seen.channel.as_str(), seen.thread), (DIRECT, None));
    assert!(seen.words.contains("Morning brief") && seen.words.contains("Two meetings."), "{}", seen.words);
    desk.app.alice().patch("/v1/admin/slack", json!({ "channels": [CHANNEL] })).await.expect(200);
    let seen = report(&desk, told(json!({ "channel": CHANNEL })), 2).await;
    assert_eq!((seen.channel.as_str(), seen.thread), (CHANNEL, None));
    assert!(seen.words.contains("Two meetings."), "{}", seen.words);
    assert_eq!(desk.slack.calls("chat.postMessage").len(), 2);
}

#[tokio::test]
async fn what_a_task_and_its_result_mention_nobody_is_told_of() {
    let desk = Desk::open().await;
    desk.app.sim.respond_with(|_| Reply::text(super::mentions::LOUD));
    let mut task = told(json!({}));
    task["name"] = super::mentions::LOUD.into();
    let seen = report(&desk, task, 1).await;
    assert_eq!(seen.words.matches("<!channel>").count(), 2, "{}", seen.words);
    super::mentions::told_nobody(&desk);
}

#[tokio::test]
async fn who_is_not_linked_or_may_not_speak_in_a_channel_is_told_when_they_write_the_task() {
    let desk = Desk::open().await;
    let (alice, bob) = (desk.app.alice(), desk.app.bob());
    let refused = bob.post("/v1/schedules", told(json!({}))).await.problem(422, "validation_failed");
    assert_eq!(refused["errors"][0]["field"], "deliver.kind");
    let unlisted = told(json!({ "channel": UNLISTED }));
    let refused = alice.post("/v1/schedules", unlisted).await.problem(422, "validation_failed");
    assert_eq!(refused["errors"][0]["field"], "deliver.channel");
    alice.patch("/v1/admin/slack", json!({ "channels": [CHANNEL] })).await.expect(200);
    desk.link(BOB, &bob).await;
    let listed = told(json!({ "channel": CHANNEL }));
    let refused = bob.post("/v1/schedules", listed).await.problem(422, "validation_failed");
    assert_eq!(refused["errors"][0]["field"], "deliver.channel");
    bob.post("/v1/schedules", told(json!({}))).await.expect(201);
}
