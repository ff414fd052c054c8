//! Slash commands.

use model_sim::{Gate, Reply};
use serde_json::json;

use super::{ALICE, DIRECT, Desk, TEAM, standin::Fault};
use crate::harness::eventually;

#[tokio::test]
async fn free_text_is_answered_by_a_run_through_the_response_url() {
    let desk = Desk::open().await;
    desk.app.sim.push(Reply::text("There are **three** deals."));
    let answer = desk.command(ALICE, "how many deals are there?").await;
    assert_eq!(answer.body, "");
    let seen = desk.hears("There are **three** deals.").await;
    assert_eq!(seen.only_for.as_deref(), Some(ALICE));
    desk.settled().await;
    let told = &desk.slack.replies(&answer.response_url)[0];
    assert_eq!((&told["response_type"], &told["replace_original"]), (&json!("ephemeral"), &json!(false)));
    assert!(desk.slack.calls("chat.postMessage").is_empty());
    // It is the person's own conversation, which they find by its name.
    let alice = desk.app.alice();
    let session = alice.put(&format!("/v1/sessions/by-key/slack:{TEAM}"), json!({})).await.expect(200).json();
    let history = alice.history(session["id"].as_str().expect("an id")).await;
    assert_eq!(history.len(), 2, "{history:?}");
    let run = history[1]["run_id"].as_str().expect("a run");
    assert_eq!(alice.get(&format!("/v1/runs/{run}")).await.expect(200).json()["trigger"], "slack");
    // What was said is kept in the conversation, and nowhere else.
    let kept = "select count(*) from sixty.slack_turns where text <> '' or response_url is not null";
    assert_eq!(desk.app.database.count(kept).await, 0);
}

#[tokio::test]
async fn an_answer_that_comes_after_half_an_hour_comes_as_a_direct_message() {
    let desk = Desk::open().await;
    let gate = Gate::new();
    desk.app.sim.push(Reply::text("Here it is.").hold_before(&gate));
    let answer = desk.command(ALICE, "tell me").await;
    desk.slack.expire_response_urls();
    gate.release();
    desk.settled().await;
    let seen = desk.hears("Here it is.").await;
    assert_eq!((seen.channel.as_str(), seen.only_for), (DIRECT, None));
    assert!(desk.slack.replies(&answer.response_url).is_empty());
}

#[tokio::test]
async fn an_answer_whose_fate_nobody_knows_is_not_sent_again() {
    let desk = Desk::open().await;
    desk.app.sim.push(Reply::text("Once."));
    desk.slack.fail("respond", [Fault::Status(502)]);
    desk.command(ALICE, "tell me").await;
    desk.settled().await;
    assert_eq!(desk.slack.calls("respond").len(), 1);
    assert!(desk.slack.calls("chat.postMessage").is_empty());
    let unknown = "select count(*) from sixty.slack_posts where state = 'unknown'";
    assert_eq!(desk.app.database.count(unknown).await, 1);
}

#[tokio::test]
async fn the_record_answers_without_a_model() {
    let desk = Desk::open().await;
    let alice = desk.app.alice();
    alice
        .put("/v1/entities/deal/D-42", json!({"name": "Acme renewal", "stage": "proposal", "amount": 5000}))
        .await;
    alice.put("/v1/entities/contact/C-1", json!({"name": "Carla Client", "title": "Buyer"})).await;
    alice.put("/v1/memory/user", json!({"content": "- likes brevity"})).await.expect(200);
    for (text, words) in [
        ("deal acme renewal", "Acme renewal"),
        ("contact Carla", "Carla Client"),
        ("pipeline", "Pipeline"),
        ("risks", "Deals at risk"),
        ("today", "Meetings today"),
        ("task list", "Your to-dos"),
        ("schedules", "scheduled tasks"),
        ("approvals", "Nothing waits"),
        ("memory", "likes brevity"),
    ] {
        desk.command(ALICE, text).await;
        desk.hears(words).await;
    }
    desk.settled().await;
    assert_eq!(desk.runs().await, 0);
}

#[tokio::test]
async fn help_and_near_misses_are_answered_at_once_and_cost_nothing() {
    let desk = Desk::open().await;
    for (text, words) in [("help", "pipeline"), ("pipline", "pipeline"), ("deal", "deal")] {
        let told = desk.command(ALICE, text).await.json();
        assert_eq!(told["response_type"], "ephemeral", "{told}");
        assert!(told.to_string().contains(words), "{told}");
    }
    assert_eq!(desk.turns().await, 0);
}

#[tokio::test]
async fn a_near_miss_becomes_what_a_click_says_it_was() {
    let desk = Desk::open().await;
    desk.app.sim.push(Reply::text("It flows to the sea."));
    for (button, words) in [("Yes", "Deals at risk"), ("No, ask it as it is", "It flows to the sea.")] {
        desk.command(ALICE, "riskss").await;
        let asked = desk.hears("Did you mean").await;
        desk.press(ALICE, &asked, button).await;
        let seen = desk.hears(words).await;
        assert_eq!(seen.only_for.as_deref(), Some(ALICE));
    }
    desk.settled().await;
    assert_eq!(desk.runs().await, 1);
}

#[tokio::test]
async fn a_new_conversation_leaves_the_old_one_in_the_list() {
    let desk = Desk::open().await;
    for text in ["One.", "Two."] {
        desk.app.sim.push(Reply::text(text));
        desk.command(ALICE, "say something").await;
        desk.hears(text).await;
        desk.settled().await;
        let told = desk.command(ALICE, "new").await;
        assert!(told.body.contains("new conversation"), "{told:?}");
    }
    let listed = desk.app.alice().get("/v1/sessions").await.expect(200).json();
    assert_eq!(listed["data"].as_array().map(Vec::len), Some(2), "{listed}");
}

#[tokio::test]
async fn what_is_said_while_the_copilot_answers_is_answered_next() {
    let desk = Desk::open().await;
    let gate = Gate::new();
    desk.app.sim.push(Reply::text("First answer.").hold_after(1, &gate));
    desk.app.sim.push(Reply::text("Second answer."));
    desk.command(ALICE, "first").await;
    eventually("the first is answered", async || (desk.app.replica.engine.running() == 1).then_some(()))
        .await;
    desk.command(ALICE, "second").await;
    assert_eq!(desk.turns().await, 2);
    gate.release();
    desk.settled().await;
    let told: Vec<String> =
        desk.slack.calls("respond").iter().map(|call| call.args["text"].to_string()).collect();
    assert!(told[0].contains("First") && told[1].contains("Second") && told.len() == 2, "{told:?}");
}
