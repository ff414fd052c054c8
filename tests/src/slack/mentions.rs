//! What a model, a record or a person wrote is shown as it is written, and nobody is told of it. That no group is
//! mentioned the stand-in sees to, wherever a text is read by Slack.

use model_sim::Reply;
use serde_json::json;

use super::{ALICE, BOB, Desk, approvals::waits, standin::Fault};

/// A text that would tell everybody, and Bob.
pub const LOUD: &str = "Ask <@U0BOB>, <!channel>, <!here|here>, <!subteam^S1>, <#C0DEALS> & @here.";

pub fn told_nobody(desk: &Desk) {
    let named = desk.slack.world().named.clone();
    assert!(!named.contains(BOB), "{named:?}");
}

#[tokio::test]
async fn an_answer_mentions_nobody_however_it_is_shown() {
    let desk = Desk::open().await;
    // In pieces of one letter, as a stream; as a message that is changed; as one post.
    let fall_backs: [fn(&Desk); 3] = [|_| {}, Desk::without_streams, Desk::without_drafts];
    for fall_back in fall_backs {
        fall_back(&desk);
        desk.app.sim.push(Reply::text(LOUD).chunk_chars(1));
        desk.say("whom do I ask?").await;
        desk.settled().await;
    }
    assert_eq!(desk.slack.shown(), [LOUD; 3]);
    desk.app.sim.push(Reply::text(LOUD));
    let answer = desk.command(ALICE, "whom do I ask?").await;
    desk.settled().await;
    assert_eq!(desk.slack.replies(&answer.response_url).len(), 1);
    assert_eq!(desk.hears(LOUD).await.only_for.as_deref(), Some(ALICE));
    told_nobody(&desk);
}

#[tokio::test]
async fn a_stream_that_breaks_off_within_a_mention_mentions_nobody() {
    let desk = Desk::open().await;
    let gate = model_sim::Gate::new();
    desk.app.sim.push(Reply::text("Ask <@U0BOB>.").chunk_chars(5).hold_after(1, &gate));
    desk.say("whom do I ask?").await;
    desk.hears("Ask").await;
    desk.slack.fail("chat.appendStream", [Fault::Error("message_not_in_streaming_state")]);
    gate.release();
    desk.settled().await;
    assert_eq!(desk.slack.shown(), ["Ask <@U0BOB>."]);
    told_nobody(&desk);
}

#[tokio::test]
async fn a_card_mentions_nobody() {
    let desk = Desk::open().await;
    for (tool, arguments) in [
        ("show_card", json!({"type": "text", "summary": LOUD, "data": {"text": LOUD}})),
        ("draft_email", json!({"to": "dana@acme.example", "subject": LOUD, "body": LOUD})),
    ] {
        let before = desk.slack.shown().len();
        desk.app.sim.push(Reply::call(tool, arguments));
        desk.app.sim.push(Reply::text("There."));
        desk.say("show it").await;
        desk.settled().await;
        let shown = desk.slack.shown()[before..].join("\n");
        assert!(shown.matches("<!channel>").count() >= 2, "{tool}: {shown}");
    }
    told_nobody(&desk);
}

#[tokio::test]
async fn an_approval_mentions_nobody_before_and_after_it_is_decided() {
    let desk = Desk::open().await;
    let alice = desk.app.alice();
    alice.put("/v1/entities/deal/D-42", json!({"name": LOUD, "stage": "proposal"})).await.expect(201);
    let changes = json!({"kind": "deal", "id": "D-42", "changes": {"stage": LOUD}});
    desk.app.sim.push(Reply::text(LOUD).tool("update_entity", changes));
    let asked = waits(&desk, &desk.direct(ALICE, "win the deal")).await;
    assert!(asked.words.matches("<!channel>").count() >= 2, "{}", asked.words);
    desk.app.sim.push(Reply::text("As you wish."));
    let denial = json!({"decision": "deny", "reason": LOUD});
    alice.post(&format!("/v1/approvals/{}", asked.buttons[0].value), denial).await.expect(202);
    desk.settled().await;
    let decided = desk.hears("Reason:").await;
    assert!(decided.words.contains(&format!("Reason: {LOUD}")), "{}", decided.words);
    told_nobody(&desk);
}

#[tokio::test]
async fn a_question_mentions_nobody() {
    let desk = Desk::open().await;
    let ask = json!({"question": LOUD, "options": [LOUD, "Nobody"]});
    desk.app.sim.push(Reply::call("ask_user", ask));
    desk.say("plan it").await;
    let asked = desk.hears(LOUD).await;
    assert_eq!(asked.buttons.len(), 2);
    told_nobody(&desk);
}

#[tokio::test]
async fn what_one_person_alone_is_told_mentions_nobody() {
    let desk = Desk::open().await;
    let alice = desk.app.alice();
    alice.put("/v1/entities/deal/D-42", json!({"name": LOUD, "stage": "proposal"})).await.expect(201);
    alice.put("/v1/memory/user", json!({"content": format!("- {LOUD}")})).await.expect(200);
    for (text, words) in
        [("deal ask", LOUD), ("memory", LOUD), ("dael &lt;!channel&gt; &lt;@U0BOB&gt;", "<!channel>")]
    {
        desk.command(ALICE, text).await;
        let seen = desk.hears(words).await;
        assert_eq!(seen.only_for.as_deref(), Some(ALICE), "{text}");
        desk.settled().await;
        desk.slack.world().delete(&seen.channel, &seen.ts);
    }
    told_nobody(&desk);
}
