//! What an organization keeps secret is in no text of its own.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use model_sim::Reply;
use serde_json::json;

use super::keep;
use crate::{
    harness::{
        Person, Setup, TestApp, eventually,
        look::{answers, messages, prompts, text_of},
    },
    secrets::tables_with,
};

const VALUE: &str = "correct-horse-battery-4711";
const MASK: &str = "[REDACTED:secret]";

/// Says it, and gives what is kept of it.
async fn said(app: &TestApp, person: &Person, text: &str) -> String {
    app.sim.push(Reply::text("I see."));
    let session = person.session().await;
    person.hear(&session, text).await;
    text_of(&person.history(&session).await[0])
}

#[tokio::test]
async fn a_stored_secret_is_masked_in_messages_answers_and_results_of_its_organization() {
    let app = TestApp::start().await;
    let (alice, bob) = (app.alice(), app.bob());
    bob.deal().await;
    // It was written down before anybody knew that it is a secret.
    let note = json!({"text": format!("The password is {VALUE}.")});
    bob.post("/v1/entities/deal/D-42/notes", note).await.expect(201);
    keep(&alice, "crm", VALUE).await.expect(201);
    let session = bob.session().await;
    app.sim.push(Reply::call("get_entity", json!({"kind": "deal", "id": "D-42"})));
    app.sim.push(Reply::text(format!("The password is {VALUE}.")).chunk_chars(3));
    let encoded = BASE64_STANDARD.encode(VALUE);
    let frames = bob.hear(&session, &format!("Is it {VALUE}, or {encoded}?")).await;
    assert_eq!(answers(&frames).last().map(String::as_str), Some("The password is [REDACTED:secret]."));
    let history = bob.history(&session).await;
    assert_eq!(text_of(&history[0]), format!("Is it {MASK}, or {MASK}?"));
    let shown = format!("{frames:?} {history:?}");
    let asked = prompts(&app.sim);
    assert_eq!(asked.len(), 2);
    assert!(format!("{:?}", messages(&asked[1])).contains(MASK));
    for text in [shown.as_str(), &String::from_utf8_lossy(&asked[1].body)] {
        assert!(!text.contains(VALUE) && !text.contains(&encoded), "{text}");
    }
    // The old note holds it, and nothing that was written since.
    assert_eq!(tables_with(&app, VALUE).await, ["entity_notes"]);
}

#[tokio::test]
async fn what_one_organization_keeps_secret_is_an_ordinary_word_to_another() {
    let app = TestApp::start().await;
    keep(&app.alice(), "crm", VALUE).await.expect(201);
    assert_eq!(said(&app, &app.stranger(), VALUE).await, VALUE);
    assert_eq!(said(&app, &app.bob(), VALUE).await, MASK);
}

#[tokio::test]
async fn another_replica_masks_a_new_value_with_the_next_turn_and_soon_everywhere_else() {
    let app = TestApp::start().await;
    let other = app.another_replica(Setup::default()).await;
    let bob = other.person("acme", "bob", "member");
    for (value, status) in [(VALUE, 201), ("tr0ub4dor-and-three", 200)] {
        assert_eq!(said(&app, &bob, value).await, value, "nobody has said that it is secret");
        keep(&app.alice(), "crm", value).await.expect(status);
        assert_eq!(said(&app, &bob, value).await, MASK);
        let remembered = async || {
            bob.put("/v1/memory/user", json!({"content": value})).await.expect(200);
            let memory = bob.get("/v1/memory/user").await.expect(200).json();
            (memory["content"] == MASK).then_some(())
        };
        eventually("the door of the other replica knows it", remembered).await;
    }
    // What was replaced is a secret no more, nor is what was deleted.
    assert_eq!(said(&app, &bob, VALUE).await, VALUE);
    app.alice().delete("/v1/admin/secrets/crm").await.expect(204);
    assert_eq!(said(&app, &app.bob(), "tr0ub4dor-and-three").await, "tr0ub4dor-and-three");
}

#[tokio::test]
async fn a_run_that_is_under_way_learns_of_a_new_secret() {
    let app = TestApp::start().await;
    let (alice, bob) = (app.alice(), app.bob());
    let gate = model_sim::Gate::new();
    app.sim.push(Reply::call("list_tasks", json!({})).hold_before(&gate));
    app.sim.push(Reply::text(format!("It is {VALUE}.")));
    let session = bob.session().await;
    let mut events = bob.say(&session, "What is it?").await;
    events.until("run_started").await;
    gate.reached().await;
    keep(&alice, "crm", VALUE).await.expect(201);
    gate.release();
    assert_eq!(answers(&events.rest().await).last().map(String::as_str), Some("It is [REDACTED:secret]."));
}
