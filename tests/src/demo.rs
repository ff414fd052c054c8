//! The demo organization, asked what a newcomer is shown, with the built-in stand-in as the model.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use model_sim::Sim;
use serde_json::{Value, json};

use crate::harness::{
    Person, Setup, TestApp,
    look::{all, answers, end},
};

async fn start(now: DateTime<Utc>) -> (TestApp, Person) {
    let sim = Sim::demo();
    sim.pace(Duration::ZERO, Duration::ZERO);
    let app = TestApp::answered_by(sim, Setup::default()).await;
    assert!(seed(&app, now).await, "it is not there yet");
    let alice = app.replica.person("demo", "alice", "owner");
    (app, alice)
}

async fn seed(app: &TestApp, now: DateTime<Utc>) -> bool {
    server::demo::fill(app.replica.engine.store(), now).await.expect("the demo is seeded")
}

/// The answer to a question in a conversation of its own, and the tools that were called.
async fn asked(alice: &Person, text: &str) -> (String, Vec<String>) {
    let frames = alice.hear(&alice.session().await, text).await;
    let end = end(&frames);
    assert_eq!((end.event.as_str(), &end.data["status"]), ("done", &json!("done")), "{text}: {frames:#?}");
    for result in all(&frames, "tool_result") {
        assert_eq!(result["success"], true, "{text}: {result}");
    }
    let calls = all(&frames, "tool_start");
    let calls = calls.iter().map(|call| call["name"].as_str().expect("a name").to_owned()).collect();
    (answers(&frames).pop().expect("an answer"), calls)
}

#[track_caller]
fn tells(answer: &str, facts: &[&str]) {
    for fact in facts {
        assert!(answer.contains(fact), "{fact:?} is missing in: {answer}");
    }
}

#[tokio::test]
async fn a_newcomer_is_told_what_needs_attention_how_to_prepare_and_how_a_deal_stands() {
    let (_app, alice) = start(Utc::now()).await;
    let (answer, calls) = asked(&alice, "What needs my attention today?").await;
    tells(
        &answer,
        &[
            "I would begin with **Send Tom the written answer on data residency** (T-1)",
            "**Acme: renewal terms** (M-1)",
            "**Two-year term sheet with 10 % for Jonas** (T-3)",
            "**Wallis Energy service contract** (D-53)",
            "**Savoy Pharma validation** (D-50): proposal · 128,000 EUR",
            "at risk (health 28)",
            "**Philippe Blanc** (C-30)",
        ],
    );
    assert_eq!(calls.len(), 6, "{calls:?}");

    let (answer, calls) = asked(&alice, "Prepare my next meeting").await;
    tells(
        &answer,
        &[
            "**Acme: renewal terms**",
            "**Dana Whitfield** (C-1): VP Operations",
            "**Miriam Vogt** (C-15)",
            "84,000 EUR",
            "my budget closes in three weeks",
            "Send Tom the written answer on data residency",
        ],
    );
    assert_eq!(calls[0], "get_next_meeting");

    let (answer, calls) = asked(&alice, "Catch me up on the Acme renewal").await;
    tells(
        &answer,
        &[
            "**Acme renewal** (D-42): proposal · 84,000 EUR",
            "She confirmed the three lines",
            "**Tom Arendt** (C-2): security",
            "Dana wants the renewal signed before her budget closes.",
        ],
    );
    assert_eq!(calls, ["resolve_entity", "get_deal", "get_deal_activities", "get_entity"]);
}

#[tokio::test]
async fn seeded_again_on_a_later_day_only_the_dates_are_new() {
    let now = Utc::now();
    let (app, alice) = start(now).await;
    let status = json!({"status": "done"});
    alice.patch("/v1/entities/task/T-1", status).await.expect(200);
    alice.delete("/v1/entities/task/T-10").await.expect(204);
    let later = now + TimeDelta::days(70);
    assert!(!seed(&app, later).await, "it is there");
    let task = alice.get("/v1/entities/task/T-1").await.expect(200).json();
    let due = (later.date_naive() - TimeDelta::days(4)).to_string();
    assert_eq!(task["status"], "done");
    assert!(task["due_date"].as_str().expect("a day") >= due.as_str(), "{task}");
    alice.get("/v1/entities/task/T-10").await.expect(404);
    let meeting: Value = alice.get("/v1/entities/meeting/M-1").await.expect(200).json();
    let begins: DateTime<Utc> = meeting["starts_at"].as_str().expect("a time").parse().expect("a time");
    assert!(begins > later && begins <= later + TimeDelta::hours(1), "{meeting}");
}
