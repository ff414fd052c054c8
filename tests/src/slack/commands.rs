//! Slash commands.

use model_sim::Reply;
use serde_json::{Value, json};

use super::{Desk, fake::Answer};
use crate::harness::eventually;

#[tokio::test]
async fn free_text_is_answered_by_a_run_through_the_response_url() {
    let desk = Desk::open().await;
    desk.app.sim.push(Reply::text("There are **three** deals."));
    let answer = desk.command("U0ALICE", "how many deals are there?").await;
    assert_eq!((answer.status().as_u16(), answer.text().await.expect("a body").as_str()), (200, ""));
    desk.hears("There are **three** deals.").await;
    desk.settled().await;
    let told = &desk.slack.calls("response_url")[0].body;
    assert_eq!((&told["response_type"], &told["replace_original"]), (&json!("ephemeral"), &json!(false)));
    assert!(desk.slack.calls("chat.postMessage").is_empty());
    // It is the person's own conversation, which they find by its name.
    let alice = desk.app.alice();
    let session = alice.put("/v1/sessions/by-key/slack:T0ACME", json!({})).await.expect(200).json();
    let history = alice.history(session["id"].as_str().expect("an id")).await;
    assert_eq!(history.len(), 2, "{history:?}");
    let run = history[1]["run_id"].as_str().expect("a run");
    assert_eq!(alice.get(&format!("/v1/runs/{run}")).await.expect(200).json()["trigger"], "slack");
    // What was said is kept in the conversation, and nowhere else.
    let kept = "select count(*) from sixty.slack_turns where text <> '' or response_url is not null";
    assert_eq!(desk.app.database.count(kept).await, 0);
}

#[tokio::test]
async fn an_answer_that_the_response_url_does_not_take_comes_as_a_direct_message() {
    let desk = Desk::open().await;
    desk.app.sim.push(Reply::text("Here it is."));
    desk.slack.next("response_url", Answer::Refuse("expired_url"));
    desk.command("U0ALICE", "tell me").await;
    desk.settled().await;
    let posted = &desk.slack.calls("chat.postMessage")[0].body;
    assert_eq!(posted["channel"], "U0ALICE");
    assert!(posted.to_string().contains("Here it is."), "{posted}");
    assert_eq!((&posted["unfurl_links"], &posted["unfurl_media"]), (&json!(false), &json!(false)));
}

#[tokio::test]
async fn an_answer_whose_fate_nobody_knows_is_not_sent_again() {
    let desk = Desk::open().await;
    desk.app.sim.push(Reply::text("Once."));
    desk.slack.next("response_url", Answer::Lose);
    desk.command("U0ALICE", "tell me").await;
    desk.settled().await;
    assert_eq!(desk.slack.calls("response_url").len(), 1);
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
        desk.command("U0ALICE", text).await;
        desk.hears(words).await;
    }
    desk.settled().await;
    assert_eq!(desk.app.database.count("select count(*) from sixty.runs").await, 0);
}

#[tokio::test]
async fn help_and_near_misses_are_answered_at_once_and_cost_nothing() {
    let desk = Desk::open().await;
    for (text, words) in [("help", "pipeline"), ("pipline", "pipeline"), ("deal", "deal")] {
        let told = desk.command("U0ALICE", text).await.json::<Value>().await.expect("JSON");
        assert_eq!(told["response_type"], "ephemeral", "{told}");
        assert!(told.to_string().contains(words), "{told}");
    }
    assert_eq!(desk.turns().await, 0);
}

#[tokio::test]
async fn a_new_conversation_leaves_the_old_one_in_the_list() {
    let desk = Desk::open().await;
    for text in ["One.", "Two."] {
        desk.app.sim.push(Reply::text(text));
        desk.command("U0ALICE", "say something").await;
        desk.hears(text).await;
        desk.settled().await;
        let told = desk.command("U0ALICE", "new").await.json::<Value>().await.expect("JSON");
        assert!(told.to_string().contains("new conversation"), "{told}");
    }
    let listed = desk.app.alice().get("/v1/sessions").await.expect(200).json();
    assert_eq!(listed["data"].as_array().map(Vec::len), Some(2), "{listed}");
}

#[tokio::test]
async fn what_is_said_while_the_copilot_answers_is_answered_next() {
    let desk = Desk::open().await;
    let gate = model_sim::Gate::new();
    desk.app.sim.push(Reply::text("First answer.").hold_after(1, &gate));
    desk.app.sim.push(Reply::text("Second answer."));
    desk.command("U0ALICE", "first").await;
    eventually("the first is answered", async || (desk.app.replica.engine.running() == 1).then_some(()))
        .await;
    assert_eq!(desk.command("U0ALICE", "second").await.status(), 200);
    assert_eq!(desk.turns().await, 2);
    gate.release();
    desk.settled().await;
    let told: Vec<String> =
        desk.slack.calls("response_url").iter().map(|call| call.body["text"].to_string()).collect();
    assert!(told[0].contains("First") && told[1].contains("Second") && told.len() == 2, "{told:?}");
}
