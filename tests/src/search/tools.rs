//! What the copilot is told when it recalls.

use model_sim::Reply;
use serde_json::{Value, json};

use super::archived;
use crate::harness::TestApp;

/// What these calls answered, one after the other.
async fn results(app: &TestApp, calls: &[(&str, Value)]) -> Vec<String> {
    let alice = app.alice();
    let session = alice.session().await;
    app.sim.take_requests();
    for (tool, input) in calls {
        app.sim.push(Reply::call(*tool, input.clone()));
    }
    app.sim.push(Reply::text("Done."));
    alice.ask(&session, "Look it up.").await;
    let requests = app.sim.requests();
    requests[1..]
        .iter()
        .map(|request| {
            let messages = request.json()["messages"].as_array().expect("messages").clone();
            let last = messages.last().expect("a message").clone();
            last["content"][0]["content"].as_str().expect("a result").to_owned()
        })
        .collect()
}

#[tokio::test]
async fn recall_says_when_and_where_it_was_said_and_what_to_do_when_nothing_was() {
    let app = TestApp::start().await;
    let alice = app.alice();
    alice
        .post("/v1/entities", json!({"kind": "deal", "id": "D-7", "name": "Zorin renewal"}))
        .await
        .expect(201);
    let about = json!({"title": "Zorin weekly", "entity": {"kind": "deal", "id": "D-7"}});
    let archive = archived(&app, &alice, about, &[("How did Graz go?", "The pilot ran eight weeks.")]).await;
    let told = results(
        &app,
        &[
            ("recall", json!({"query": "pilot weeks"})),
            ("recall", json!({"query": "pilot weeks", "since": "2999-01-01"})),
            ("recall", json!({"query": "zeppelin"})),
        ],
    )
    .await;
    let day = chrono::Utc::now().format("%A ").to_string();
    let id = archive["id"].as_str().expect("an id");
    let first = told[0].lines().next().expect("a line");
    assert!(first.starts_with(&day) || chrono::Utc::now().format("%H%M").to_string() == "0000", "{first}");
    let ending = format!(
        r#", the copilot, in "Zorin weekly", about deal:D-7 "Zorin renewal" (archive {id}, message 2): The **pilot** ran eight **weeks**."#
    );
    assert!(first.ends_with(&ending), "{first}");
    assert!(told[1].starts_with("Nothing in the archive since 2999-01-01 matches"), "{}", told[1]);
    assert!(told[2].contains("Try other words"), "{}", told[2]);
}

#[tokio::test]
async fn a_long_archive_is_read_in_pages_and_ranges() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let long = format!("{} end", "word ".repeat(1_500));
    let archive = archived(
        &app,
        &alice,
        json!({}),
        &[("One?", &long), ("Two?", &long), ("Three?", "Short."), ("Four?", "No.")],
    )
    .await;
    let id = &archive["id"];
    let told = results(
        &app,
        &[
            ("read_archive", json!({"summary_id": id})),
            ("read_archive", json!({"summary_id": id, "from_seq": 4})),
            ("read_archive", json!({"summary_id": id, "from_seq": 5, "to_seq": 5})),
            ("read_archive", json!({"summary_id": id, "from_seq": 9})),
            ("read_archive", json!({"summary_id": id, "from_seq": 3, "to_seq": 2})),
        ],
    )
    .await;
    assert!(
        told[0].contains("Two?") && told[0].ends_with("call read_archive with from_seq 4.]"),
        "{}",
        told[0]
    );
    assert!(told[1].starts_with("[4 assistant") && told[1].ends_with("Short."), "{}", told[1]);
    assert!(told[2].ends_with("Three?") && told[2].starts_with("[5 user"), "{}", told[2]);
    assert!(told[3].contains("holds the messages 1 to 6"), "{}", told[3]);
    assert!(told[4].contains("comes after"), "{}", told[4]);
}
