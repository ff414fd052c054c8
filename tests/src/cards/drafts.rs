//! `draft_email`.

use serde_json::{Value, json};

use super::{blocks, call};
use crate::harness::{TestApp, look::all};

fn draft(to: &str, subject: &str, body: &str) -> Value {
    json!({"to": to, "subject": subject, "body": body})
}

#[tokio::test]
async fn a_draft_is_a_card_and_nothing_is_sent() {
    let app = TestApp::start().await;
    for person in [app.alice(), app.rita()] {
        let args =
            draft(" dana@acme.example,  Tom Berg <tom@acme.example>", "Renewal", "Hello Dana,\nshall we?");
        let shown = call(&app, &person, "draft_email", args).await;
        assert!(!shown.is_error && shown.told.contains("Nothing was sent"), "{}", shown.told);
        let card = shown.card();
        assert_eq!(card["type"], "email_draft");
        assert_eq!(
            card["data"],
            draft("dana@acme.example, Tom Berg <tom@acme.example>", "Renewal", "Hello Dana,\nshall we?")
        );
        assert_eq!(card["summary"], "E-mail to dana@acme.example, Tom Berg <tom@acme.example>: Renewal");
        assert_eq!(blocks(&person, &shown.session, "card").await[0]["card_id"], card["card_id"]);
        assert!(all(&shown.frames, "approval_required").is_empty());
    }
    let effects = "select (select count(*) from sixty.approvals) + (select count(*) from sixty.entities)";
    assert_eq!(app.database.count(effects).await, 0);
}

#[tokio::test]
async fn a_draft_that_could_not_be_sent_is_refused_with_the_reason() {
    let app = TestApp::start().await;
    let alice = app.alice();
    for (args, words) in [
        (draft("dana", "s", "b"), "to: \"dana\" is no address"),
        (draft("dana@acme.example, tom@", "s", "b"), "\"tom@\" is no address"),
        (draft("dana@acme.example; tom@acme.example", "s", "b"), "commas"),
        (draft("dana@acme.example\nBcc: all@acme.example", "s", "b"), "line break"),
        (draft("dana@acme.example", "s\r\nBcc: all@acme.example", "b"), "subject"),
        (draft("dana@acme.example", "s", " "), "body"),
        (draft("dana@acme.example", &"s".repeat(301), "b"), "subject"),
        (draft("dana@acme.example", "s", "The key is [REDACTED:api-key]."), "REDACTED"),
        (json!({"to": "dana@acme.example", "subject": "s"}), "body"),
        (json!({"to": "dana@acme.example", "subject": "s", "body": "b", "send": true}), "send"),
    ] {
        let shown = call(&app, &alice, "draft_email", args).await;
        assert!(shown.is_error && shown.told.contains(words), "{words}: {}", shown.told);
        assert!(all(&shown.frames, "card").is_empty());
    }
}
