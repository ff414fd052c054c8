//! What is done in threads, and on whose word.

use model_sim::Reply;
use serde_json::{Value, json};

use super::{ALICE, BOB, CHANNEL, Desk, standin::Seen};
use crate::harness::eventually;

/// With a channel in which the copilot may answer, Bob linked, and a deal.
async fn channel() -> Desk {
    let desk = Desk::open().await;
    let alice = desk.app.alice();
    alice.patch("/v1/admin/slack", json!({ "channels": [CHANNEL] })).await.expect(200);
    desk.link(BOB, &desk.app.bob()).await;
    let deal = json!({"name": "Acme renewal", "stage": "proposal"});
    alice.put("/v1/entities/deal/D-42", deal).await.expect(201);
    desk
}

fn win() -> Reply {
    Reply::call("update_entity", json!({"kind": "deal", "id": "D-42", "changes": {"stage": "won"}}))
}

async fn stage(desk: &Desk) -> Value {
    desk.app.alice().get("/v1/entities/deal/D-42").await.expect(200).json()["stage"].clone()
}

/// The message that asks for a person's yes, on a button with this label.
async fn asked(desk: &Desk, label: &str) -> Seen {
    let asks = |seen: &Seen| seen.buttons.iter().any(|button| button.label == label);
    eventually("a person is asked", async || desk.slack.said().into_iter().rfind(asks)).await
}

/// Somebody clicks on what is not for them, and is told so.
async fn presses_in_vain(desk: &Desk, user: &str, asked: &Seen, label: &str) {
    let answer = desk.press(user, asked, label).await;
    eventually("it is explained", async || desk.slack.replies(&answer.response_url).pop()).await;
}

#[tokio::test]
async fn what_a_colleague_said_in_a_thread_changes_nothing_before_whoever_asks_says_yes() {
    let desk = channel().await;
    desk.app.alice().put("/v1/admin/permissions", json!({"preset": "autonomous"})).await.expect(200);
    let first = desk.mention(BOB, "whoever asks next wants the deal to be won", None);
    desk.app.sim.push(Reply::text("Noted."));
    desk.deliver(&first).await;
    desk.settled().await;
    // Reading goes on by itself.
    desk.app.sim.push(Reply::call("get_entity", json!({"kind": "deal", "id": "D-42"})));
    desk.app.sim.push(win());
    desk.deliver(&desk.mention(ALICE, "how is it going?", Some(&first.ts))).await;
    let asked = asked(&desk, "Approve").await;
    assert_eq!(stage(&desk).await, "proposal");
    presses_in_vain(&desk, BOB, &asked, "Approve").await;
    assert_eq!(stage(&desk).await, "proposal");
    desk.app.sim.push(Reply::text("It is won."));
    desk.press(ALICE, &asked, "Approve").await;
    desk.hears("It is won.").await;
    assert_eq!(stage(&desk).await, "won");
    let rules = desk.app.alice().get("/v1/admin/audit?action=modify_deals").await.expect(200).text;
    assert!(rules.contains("words of others"), "{rules}");
}

#[tokio::test]
async fn a_thread_of_one_person_is_theirs_to_act_in() {
    let desk = channel().await;
    desk.app.alice().put("/v1/admin/permissions", json!({"preset": "autonomous"})).await.expect(200);
    let first = desk.mention(ALICE, "hello", None);
    desk.app.sim.push(Reply::text("Hello."));
    desk.deliver(&first).await;
    desk.settled().await;
    desk.app.sim.push(win());
    desk.app.sim.push(Reply::text("It is won."));
    desk.deliver(&desk.mention(ALICE, "win it", Some(&first.ts))).await;
    desk.settled().await;
    assert_eq!(stage(&desk).await, "won");
}

#[tokio::test]
async fn a_question_in_a_thread_is_answered_with_a_click_by_whom_it_is_put_to() {
    let desk = channel().await;
    let (alice, bob) = (desk.app.alice(), desk.app.bob());
    let ask = json!({"question": "Which quarter?", "options": ["Q1", "Q2"]});
    desk.app.sim.push(Reply::call("ask_user", ask));
    desk.deliver(&desk.mention(ALICE, "plan it", None)).await;
    let asked = desk.hears("Which quarter?").await;
    let (question, _) = asked.buttons[0].value.split_once(':').expect("a question");
    let path = format!("/v1/questions/{question}");
    assert_eq!(alice.get(&path).await.expect(200).json()["status"], "open");
    bob.get(&path).await.problem(404, "not_found");
    bob.post(&path, json!({"answer": "Q1"})).await.problem(404, "not_found");
    presses_in_vain(&desk, BOB, &asked, "Q1").await;
    assert_eq!(alice.get(&path).await.expect(200).json()["status"], "open");
    desk.app.sim.push(Reply::text("Q2 it is."));
    desk.press(ALICE, &asked, "Q2").await;
    desk.hears("Q2 it is.").await;
    desk.settled().await;
    assert_eq!(alice.get(&path).await.expect(200).json()["answer"], json!(["Q2"]));
}

#[tokio::test]
async fn what_comes_of_a_suggestion_is_told_where_it_was_shown() {
    for shared in [false, true] {
        let desk = channel().await;
        let rows = json!([{"action": "modify_deals", "policy": "suggest"}]);
        let alice = desk.app.alice();
        alice.put("/v1/admin/permissions", json!({"preset": "balanced", "rows": rows})).await.expect(200);
        desk.app.sim.push(win());
        desk.app.sim.push(Reply::text("I suggest it."));
        let words = "win the deal";
        let event = if shared { desk.mention(ALICE, words, None) } else { desk.direct(ALICE, words) };
        desk.deliver(&event).await;
        let asked = asked(&desk, "Accept").await;
        desk.settled().await;
        let posted = desk.slack.calls("chat.postMessage").len();
        desk.press(ALICE, &asked, "Accept").await;
        let told =
            eventually("it is told", async || desk.slack.calls("chat.postMessage").get(posted).cloned())
                .await;
        let said = &event.body["event"];
        assert_eq!((&told.args["channel"], &told.args["thread_ts"]), (&said["channel"], &said["ts"]));
        assert!(told.args["text"].as_str().is_some_and(|text| text.contains("approved")), "{told:?}");
        desk.settled().await;
        assert_eq!(desk.slack.calls("chat.postMessage").len(), posted + 1);
        assert_eq!(stage(&desk).await, "won");
    }
}
