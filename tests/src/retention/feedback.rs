//! What was thought of an answer stays as long as the conversation.

use serde_json::{Value, json};

use super::{House, age, count, keep, keep_with, purge};

const ROWS: &str = "select count(*) from sixty.message_feedback";

/// The answers of a conversation, as places of feedback.
fn places(history: &[Value]) -> Vec<String> {
    let answers = history.iter().filter(|message| message["role"] == "assistant");
    answers.map(|it| format!("/v1/messages/{}/feedback", it["id"].as_str().expect("an id"))).collect()
}

#[tokio::test]
async fn feedback_outlives_live_messages_and_goes_with_the_conversation() {
    let house = House::build().await;
    let alice = house.app.alice();
    let session = alice.session().await;
    for text in ["The first", "The second", "The last"] {
        alice.ask(&session, text).await;
    }
    age(&house.database, &session, 60).await;
    alice.post(&format!("/v1/sessions/{session}/compact"), json!({})).await.expect(200);
    let before = alice.history(&session).await;
    let places = places(&before);
    alice.put(&places[0], json!({"rating": "up", "text": "Good."})).await.expect(200);
    let (app, database) = house.rest().await;
    keep(&alice, json!({"messages_days": 30})).await;
    assert_eq!(purge(&app).await.messages, 4);
    assert_eq!(alice.history(&session).await, before);
    // What was said stays, and may be said otherwise; an archive's messages get no new feedback.
    assert_eq!(alice.get(&places[0]).await.expect(200).json()["text"], "Good.");
    alice.put(&places[0], json!({"rating": "down"})).await.expect(200);
    alice.put(&places[1], json!({"rating": "up"})).await.problem(404, "not_found");
    assert_eq!(count(&database, ROWS).await, 1);
    keep(&alice, json!({"transcripts_days": 30})).await;
    assert_eq!(purge(&app).await.sessions, 1);
    assert_eq!(count(&database, ROWS).await, 0);
    alice.get(&places[0]).await.problem(404, "not_found");
}

#[tokio::test]
async fn under_legal_hold_feedback_is_not_taken_back() {
    let house = House::build().await;
    let (alice, bob) = (house.app.alice(), house.app.bob());
    let session = bob.session().await;
    bob.ask(&session, "Hi").await;
    let place = places(&bob.history(&session).await).remove(0);
    bob.put(&place, json!({"rating": "down", "text": "This was wrong."})).await.expect(200);
    for hold in [
        json!({"organization": true}),
        json!({"organization": false, "users": ["bob"]}),
        json!({"organization": false, "sessions": [session]}),
    ] {
        keep_with(&alice, json!({}), hold).await;
        bob.delete(&place).await.problem(409, "legal_hold");
        assert_eq!(bob.get(&place).await.expect(200).json()["text"], "This was wrong.");
    }
    keep(&alice, json!({})).await;
    bob.delete(&place).await.expect(204);
}
