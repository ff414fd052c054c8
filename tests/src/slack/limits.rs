//! What Slack asks for is kept: how long to wait, and how long a message may be.

use std::time::Duration;

use model_sim::{Gate, Reply};

use super::{
    ALICE, BOB, CHANNEL, Desk,
    standin::{Call, Fault},
};
use crate::harness::eventually;
use serde_json::json;

/// The calls of a method from the limited one on. What comes too early the stand-in notes by itself, too.
fn since_the_limit(desk: &Desk, method: &str) -> Vec<Call> {
    let calls = desk.slack.calls(method).into_iter();
    calls.skip_while(|call| !call.error.as_ref().is_some_and(|error| error.contains("RateLimited"))).collect()
}

/// Whether the next try came, and not before its time.
fn waited(desk: &Desk, method: &str, seconds: u64) {
    let calls = since_the_limit(desk, method);
    assert!(calls.len() > 1, "{method}: {calls:?}");
    assert!(calls[1].at - calls[0].at >= Duration::from_secs(seconds), "{method}: {calls:?}");
}

#[tokio::test]
async fn a_post_is_tried_again_when_slack_has_said_and_not_before() {
    let desk = Desk::open().await;
    desk.slack.fail("chat.startStream", vec![Fault::Error("unknown_method"); 9]);
    desk.slack.fail("chat.postMessage", [Fault::RateLimited(1), Fault::RateLimited(2)]);
    desk.app.sim.push(Reply::text("In a while."));
    desk.say("tell me").await;
    desk.settled().await;
    assert_eq!(desk.slack.shown(), ["In a while."]);
    waited(&desk, "chat.postMessage", 1);
    assert_eq!(since_the_limit(&desk, "chat.postMessage").len(), 3);
}

#[tokio::test]
async fn a_command_is_answered_at_its_address_when_slack_has_said() {
    let desk = Desk::open().await;
    desk.slack.fail("respond", [Fault::RateLimited(1)]);
    desk.app.sim.push(Reply::text("In a while."));
    let answer = desk.command(ALICE, "tell me").await;
    desk.settled().await;
    assert_eq!(desk.slack.replies(&answer.response_url).len(), 1);
    waited(&desk, "respond", 1);
}

#[tokio::test]
async fn an_answer_that_grows_waits_too_and_is_whole_in_the_end() {
    for method in ["chat.startStream", "chat.appendStream", "chat.stopStream"] {
        let desk = Desk::open().await;
        let gate = Gate::new();
        desk.slack.fail(method, [Fault::RateLimited(1)]);
        desk.app.sim.push(Reply::text("One thing and another.").chunk_chars(6).hold_after(2, &gate));
        desk.say("tell me").await;
        eventually("it has begun", async || (!desk.slack.calls("chat.startStream").is_empty()).then_some(()))
            .await;
        gate.release();
        desk.settled().await;
        assert_eq!(desk.slack.shown(), ["One thing and another."], "{method}");
    }
}

#[tokio::test]
async fn a_message_that_is_changed_waits_too_before_it_is_changed_for_the_last_time() {
    let desk = Desk::open().await;
    let gate = Gate::new();
    desk.app.sim.push(Reply::text("One thing and another.").chunk_chars(6).hold_after(2, &gate));
    desk.say("tell me").await;
    desk.hears("One").await;
    desk.slack.expire_streams();
    desk.slack.fail("chat.update", [Fault::RateLimited(2)]);
    gate.release();
    desk.settled().await;
    assert_eq!(desk.slack.shown(), ["One thing and another."]);
    waited(&desk, "chat.update", 2);
}

#[tokio::test]
async fn while_a_channel_is_to_be_left_alone_no_other_thread_of_it_is_written_to() {
    let desk = Desk::open().await;
    desk.app.alice().patch("/v1/admin/slack", json!({ "channels": [CHANNEL] })).await.expect(200);
    desk.link(BOB, &desk.app.bob()).await;
    desk.app.sim.push_for("the first", Reply::text("The first answer."));
    desk.app.sim.push_for("the second", Reply::text("The second answer."));
    desk.without_drafts();
    desk.slack.fail("chat.postMessage", [Fault::RateLimited(2)]);
    desk.deliver(&desk.mention(ALICE, "the first", None)).await;
    eventually("it is limited", async || {
        (!since_the_limit(&desk, "chat.postMessage").is_empty()).then_some(())
    })
    .await;
    desk.without_streams();
    desk.deliver(&desk.mention(BOB, "the second", None)).await;
    desk.settled().await;
    let mut shown = desk.slack.shown();
    shown.sort();
    assert_eq!(shown, ["The first answer.", "The second answer."]);
}

/// Paragraphs of about 300 letters and, after every third, code of about 700.
fn long() -> (String, Vec<String>) {
    let words = "There is something to say about this, and it is said here at some length. ".repeat(4);
    let code = "let answer = question.think().await?;\n".repeat(18);
    let mut parts = Vec::new();
    for n in 0..60 {
        parts.push(format!("Paragraph {n}. {}", words.trim()));
        if n % 3 == 0 {
            parts.push(format!("```rust\n// {n}\n{code}```"));
        }
    }
    (parts.join("\n\n"), parts)
}

/// The messages hold all parts, each whole, in their order and nothing else.
fn holds(messages: &[String], parts: &[String]) {
    assert!((2..=5).contains(&messages.len()), "{} messages", messages.len());
    let mut rest = parts.iter().peekable();
    for message in messages {
        let mut left = message.trim();
        while let Some(part) = rest.next_if(|part| left.starts_with(part.as_str())) {
            left = left[part.len()..].trim_start();
        }
        assert_eq!(left, "", "a message ends within a part");
    }
    assert_eq!(rest.next(), None);
}

#[tokio::test]
async fn a_long_answer_is_cut_between_paragraphs_and_its_code_is_whole() {
    let desk = Desk::open().await;
    let (text, parts) = long();
    desk.app.sim.push(Reply::text(text.clone()));
    desk.say("as a stream").await;
    desk.settled().await;
    holds(&desk.slack.shown(), &parts);

    let before = desk.slack.shown().len();
    desk.without_drafts();
    desk.app.sim.push(Reply::text(text.clone()));
    desk.say("as posts").await;
    desk.settled().await;
    holds(&desk.slack.shown()[before..], &parts);

    let before = desk.slack.shown().len();
    desk.without_streams();
    desk.app.sim.push(Reply::text(text.clone()));
    desk.say("as a message that is changed").await;
    desk.settled().await;
    holds(&desk.slack.shown()[before..], &parts);

    let before = desk.slack.said().len();
    desk.app.sim.push(Reply::text(text));
    desk.command(ALICE, "as whispers").await;
    desk.settled().await;
    let whispers: Vec<String> = desk.slack.said().into_iter().skip(before).map(|seen| seen.words).collect();
    holds(&whispers, &parts);
}
