//! What is not shown at all, and why.

use serde_json::{Value, json};

use super::{Shown, blocks, call};
use crate::{
    approvals::desk::{deal_waits, deny, goes_on},
    harness::{Person, TestApp, look::all},
};

async fn with_action(app: &TestApp, person: &Person, action: Value) -> Shown {
    let first = json!({"type": "send_message", "label": "Go on", "prompt": "Go on."});
    let card = json!({"type": "text", "summary": "Look", "data": {"text": "x"}, "actions": [first, action]});
    call(app, person, "show_card", card).await
}

async fn refused(person: &Person, shown: &Shown, words: &[&str]) {
    assert!(shown.is_error, "{}", shown.told);
    for word in words {
        assert!(shown.told.contains(word), "{word:?} is missing: {}", shown.told);
    }
    assert!(all(&shown.frames, "card").is_empty() && blocks(person, &shown.session, "card").await.is_empty());
}

#[tokio::test]
async fn an_action_that_is_wrong_is_named_and_nothing_is_shown() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let url = |url: &str| json!({"type": "open_url", "label": "Site", "url": url});
    for (action, words) in [
        (json!({"type": "pay", "label": "Pay"}), ["actions.1.type", "send_message"]),
        (json!({"type": "open_url", "label": "Site"}), ["actions[1]", "missing field `url`"]),
        (
            json!({"type": "open", "label": "Look", "kind": "spaceship", "id": "1"}),
            ["actions.1.kind", "contact"],
        ),
        (
            json!({"type": "open", "label": "x".repeat(81), "kind": "deal", "id": "1"}),
            ["actions.1.label", "80"],
        ),
        (
            json!({"type": "send_message", "label": "Say", "prompt": "x".repeat(2_001)}),
            ["actions.1.prompt", "2000"],
        ),
        (json!({"type": "send_message", "label": " ", "prompt": "x"}), ["actions[1].label", "blank"]),
        (json!({"type": "approve", "label": "Yes", "approval_id": "7"}), ["actions[1]", "invalid"]),
        (
            json!({"type": "open", "label": "Look", "kind": "deal", "id": "N-1"}),
            ["actions[1].id", "no deal \"N-1\""],
        ),
        (
            json!({"type": "open", "label": "Look", "kind": "deal", "id": "[REDACTED:key]"}),
            ["[REDACTED]", "cannot be written"],
        ),
        (url("ftp://acme.example"), ["actions[1].url", "http"]),
        (url("javascript:alert(1)"), ["actions[1].url", "http"]),
        (url("https://alice@acme.example"), ["actions[1].url", "a user's name"]),
        (url("acme.example"), ["actions[1].url", "no address"]),
        (url(&format!("https://acme.example/{}", "x".repeat(2_040))), ["actions.1.url", "2048"]),
    ] {
        refused(&alice, &with_action(&app, &alice, action).await, &words).await;
    }
    let seven = vec![json!({"type": "send_message", "label": "a", "prompt": "b"}); 7];
    let card = json!({"type": "text", "summary": "s", "data": {"text": "x"}, "actions": seven});
    refused(&alice, &call(&app, &alice, "show_card", card).await, &["actions", "6"]).await;
}

#[tokio::test]
async fn summary_and_data_have_their_limits() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let card = |summary: &str, data: Value| json!({"type": "text", "summary": summary, "data": data});
    for (card, words) in [
        (card("", json!({"text": "x"})), "summary"),
        (card(" \u{200B}\n", json!({"text": "x"})), "summary: must not be blank"),
        (card(&"\u{fc}".repeat(501), json!({"text": "x"})), "summary"),
        (card("s", json!([1])), "data"),
        (card("s", json!("x")), "data"),
        (card("s", json!({"text": "x".repeat(17_000)})), "16384"),
        (card("[REDACTED:api-key]", json!({"text": "x"})), "REDACTED"),
        (card("s", json!({"deep": [{"er": "[REDACTED:api-key]"}]})), "REDACTED"),
        // It becomes a mark at the door.
        (card("s", json!({"text": "postgres://sixty:horse-battery@db.example/x"})), "REDACTED"),
        (json!({"summary": "s", "data": {}}), "type"),
        (json!({"type": "text", "summary": "s", "data": {}, "card_id": "x"}), "card_id"),
    ] {
        refused(&alice, &call(&app, &alice, "show_card", card).await, &[words]).await;
    }
    let longest = call(&app, &alice, "show_card", card(&"\u{fc}".repeat(500), json!({"text": "x"}))).await;
    assert!(!longest.is_error, "{}", longest.told);
}

#[tokio::test]
async fn what_is_somebody_elses_can_neither_be_opened_nor_approved() {
    let app = TestApp::start().await;
    let (alice, bob, mallory) = (app.alice(), app.bob(), app.stranger());
    let own = deal_waits(&app, &alice).await;
    let bobs = deal_waits(&app, &bob).await;
    mallory.put("/v1/entities/deal/D-9", json!({"name": "Secret"})).await.expect(201);
    let private = json!({"name": "Bob's", "owner": "bob", "visibility": "owner"});
    bob.put("/v1/entities/deal/D-7", private).await.expect(201);
    let open = |id: &str| json!({"type": "open", "label": "Look", "kind": "deal", "id": id});
    let approve = |id: &str| json!({"type": "approve", "label": "Yes", "approval_id": id});
    let nobodys = with_action(&app, &alice, open("N-9")).await.told;
    for id in ["D-9", "D-7"] {
        let shown = with_action(&app, &alice, open(id)).await;
        refused(&alice, &shown, &["actions[1].id"]).await;
        assert_eq!(shown.told.replace(id, "N-9"), nobodys);
    }
    let theirs = deal_waits(&app, &mallory).await;
    let never = uuid::Uuid::now_v7().to_string();
    let nobodys = with_action(&app, &alice, approve(&never)).await.told;
    for id in [&bobs.approval, &theirs.approval] {
        let shown = with_action(&app, &alice, approve(id)).await;
        refused(&alice, &shown, &["actions[1].approval_id"]).await;
        assert_eq!(shown.told.replace(id.as_str(), &never), nobodys);
    }
    // One's own can, while it waits.
    assert_eq!(with_action(&app, &bob, open("D-7")).await.card()["actions"][1]["id"], "D-7");
    let shown = with_action(&app, &alice, approve(&own.approval)).await;
    assert_eq!(shown.card()["actions"][1]["approval_id"], own.approval);
    app.sim.push(model_sim::Reply::text("Then not."));
    deny(&alice, &own.approval, "No.").await;
    goes_on(&alice, &own).await;
    // What an administrator decides is no button for a member.
    let fact = json!({"scope": "org", "section": "Facts", "text": "We sell tea."});
    app.sim.push(model_sim::Reply::call("memory_append", fact));
    app.sim.push(model_sim::Reply::text("I propose it."));
    let proposed = bob.hear(&bob.session().await, "Remember it").await;
    let id = all(&proposed, "approval_required")[0]["approval_id"].as_str().expect("an id").to_owned();
    let shown = with_action(&app, &bob, approve(&id)).await;
    refused(&bob, &shown, &["actions[1].approval_id", "an owner or administrator decides"]).await;
    let late = with_action(&app, &alice, approve(&own.approval)).await;
    refused(&alice, &late, &["actions[1].approval_id", "denied"]).await;
}
