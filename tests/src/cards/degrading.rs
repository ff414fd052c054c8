//! What cannot be laid out is shown as text.

use serde_json::{Value, json};

use super::{call, offer, register};
use crate::harness::TestApp;

#[tokio::test]
async fn a_card_of_an_unknown_type_is_text_and_the_model_learns_which_types_there_are() {
    let app = TestApp::start().await;
    let alice = app.alice();
    alice.deal().await;
    let mut card = offer();
    let actions = json!([{"type": "open", "label": "Open", "kind": "deal", "id": "D-42"}]);
    card["actions"] = actions.clone();
    let shown = call(&app, &alice, "show_card", card.clone()).await;
    assert!(!shown.is_error && shown.told.contains("there is no type \"offer\""), "{}", shown.told);
    assert!(shown.told.contains("email_draft, text"), "{}", shown.told);
    let event = shown.card();
    assert_eq!(
        (&event["type"], &event["summary"], &event["actions"]),
        (&json!("text"), &card["summary"], &actions)
    );
    assert_eq!(
        event["data"],
        json!({"text": "customer: Acme\nlines:\n  1:\n    name: Tea\n    price: 10\n  2:\n    name: Cups\n    price: 4"})
    );
    for name in ["zoo", "a-quote"] {
        alice.put(&format!("/v1/admin/card-types/{name}"), json!({})).await.expect(201);
    }
    // Another organization's are none of this one's.
    register(&app.stranger()).await;
    let told = call(&app, &alice, "show_card", offer()).await.told;
    assert!(told.contains("The types are: a-quote, email_draft, text, zoo."), "{told}");
    register(&alice).await;
    let shown = call(&app, &alice, "show_card", offer()).await;
    assert_eq!((&shown.card()["type"], &shown.card()["data"]), (&json!("offer"), &offer()["data"]));
}

#[tokio::test]
async fn data_that_do_not_fit_are_text_and_the_model_learns_which_field_and_why() {
    let app = TestApp::start().await;
    let alice = app.alice();
    register(&alice).await;
    for (card_type, data, words) in [
        ("offer", json!({"customer": "Acme", "lines": [{"name": "Tea", "price": -1}]}), "lines.0.price: "),
        ("offer", json!({"customer": "Acme", "lines": [{"name": "tea", "price": 1}]}), "lines.0.name: "),
        ("offer", json!({"customer": "Acme"}), "\"lines\" is a required"),
        ("text", json!({"words": "x"}), "\"text\" is a required"),
        ("email_draft", json!({"to": "dana", "subject": "s", "body": "b"}), "to: \"dana\" is no address"),
        ("email_draft", json!({"to": "d@a.example", "subject": "a\nb", "body": "b"}), "subject: "),
    ] {
        let card = json!({"type": card_type, "summary": "Look", "data": data});
        let shown = call(&app, &alice, "show_card", card).await;
        assert!(!shown.is_error && shown.told.contains("do not fit"), "{}", shown.told);
        assert!(shown.told.contains(words), "{}", shown.told);
        assert_eq!((&shown.card()["type"], &shown.card()["summary"]), (&json!("text"), &json!("Look")));
        assert!(shown.card()["data"]["text"].is_string());
    }
}

#[tokio::test]
async fn a_schema_that_is_not_usable_any_more_degrades_as_well() {
    let app = TestApp::start().await;
    let alice = app.alice();
    register(&alice).await;
    let pool = app.database.superuser().await;
    for schema in [r##"{"$ref":"#"}"##, r#"{"type":7}"#, "nonsense"] {
        sqlx::query("update sixty.card_types set schema = $1")
            .bind(schema)
            .execute(&pool)
            .await
            .expect("a change");
        let shown = call(&app, &alice, "show_card", offer()).await;
        assert!(shown.told.contains("its schema is not fit"), "{}", shown.told);
        assert_eq!(shown.card()["type"], "text");
    }
}

#[tokio::test]
async fn large_data_that_fit_nothing_stay_readable_and_small() {
    let app = TestApp::start().await;
    let deep = (0..60).fold(json!(["x".repeat(4_000)]), |inner: Value, _| json!({ "in": inner }));
    let card =
        json!({"type": "maze", "summary": "Deep", "data": {"words": "word ".repeat(2_000), "deep": deep}});
    let shown = call(&app, &app.alice(), "show_card", card).await;
    let text = shown.card()["data"]["text"].as_str().expect("a text");
    assert!(text.starts_with("deep:\n  in:\n    in:\n") && text.chars().count() <= 12_001);
}
