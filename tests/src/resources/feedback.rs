use model_sim::Reply;
use serde_json::{Value, json};
use uuid::Uuid;

use super::lists::walk;
use crate::harness::{Answer, Person, TestApp};

fn place(message: &str) -> String {
    format!("/v1/messages/{message}/feedback")
}

/// Asks something; the ids of the question and of its answer.
async fn asked(app: &TestApp, person: &Person) -> (String, String) {
    let session = person.session().await;
    app.sim.push(Reply::text("Forty-two."));
    person.ask(&session, "What is it?").await;
    let history = person.history(&session).await;
    let id = |message: &Value| message["id"].as_str().expect("an id").to_owned();
    assert_eq!((&history[0]["role"], &history[1]["role"]), (&json!("user"), &json!("assistant")));
    (id(&history[0]), id(&history[1]))
}

async fn every_way(person: &Person, message: &str) -> [Answer; 3] {
    let path = place(message);
    [person.put(&path, json!({"rating": "up"})).await, person.get(&path).await, person.delete(&path).await]
}

#[tokio::test]
async fn an_answer_is_rated_and_what_was_said_of_it_is_replaced_and_taken_back() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let (_, answer) = asked(&app, &alice).await;
    let path = place(&answer);
    alice.get(&path).await.problem(404, "not_found");
    let first =
        alice.put(&path, json!({"rating": "down", "text": " Too short. \n"})).await.expect(200).json();
    let at = first["updated_at"].as_str().expect("a time").to_owned();
    let stored = json!({"message_id": answer, "rating": "down", "text": "Too short.", "updated_at": at});
    assert_eq!(first, stored);
    assert_eq!(alice.get(&path).await.expect(200).json(), stored);
    // The second word counts, and only that: its text is not the first one's.
    let second = alice.put(&path, json!({"rating": "up"})).await.expect(200).json();
    assert!(second["updated_at"].as_str().is_some_and(|then| *then > *at), "{second}");
    assert_eq!(second, json!({"message_id": answer, "rating": "up", "updated_at": second["updated_at"]}));
    assert_eq!(alice.get(&path).await.expect(200).json(), second);
    assert_eq!(app.database.count("select count(*) from sixty.message_feedback").await, 1);
    assert_eq!(alice.delete(&path).await.expect(204).text, "");
    alice.get(&path).await.problem(404, "not_found");
    alice.delete(&path).await.problem(404, "not_found");
    alice.put(&path, json!({"rating": "down"})).await.expect(200);
}

#[tokio::test]
async fn only_answers_in_ones_own_conversations_are_rated() {
    let app = TestApp::start().await;
    let (alice, bob, mallory) = (app.alice(), app.bob(), app.stranger());
    let (question, _) = asked(&app, &alice).await;
    let (_, bobs) = asked(&app, &bob).await;
    let (_, mallorys) = asked(&app, &mallory).await;
    for (person, answer) in [(&bob, &bobs), (&mallory, &mallorys)] {
        person.put(&place(answer), json!({"rating": "up", "text": "Theirs."})).await.expect(200);
    }
    let nobodys = every_way(&alice, &Uuid::now_v7().to_string()).await;
    let said = |answer: &Answer| {
        let mut problem = answer.problem(404, "not_found");
        problem.as_object_mut().expect("an object").remove("request_id");
        problem
    };
    // Alice is an owner: that does not make a colleague's answers hers.
    for message in [&question, &bobs, &mallorys, "not-an-id"] {
        for (answer, nobodys) in every_way(&alice, message).await.iter().zip(&nobodys) {
            assert_eq!(said(answer), said(nobodys), "{message}");
        }
    }
    for (person, answer) in [(&bob, &bobs), (&mallory, &mallorys)] {
        assert_eq!(person.get(&place(answer)).await.expect(200).json()["text"], "Theirs.");
    }
}

#[tokio::test]
async fn readonly_members_rate_the_answers_that_they_get() {
    let app = TestApp::start().await;
    let rita = app.rita();
    let (_, answer) = asked(&app, &rita).await;
    let [put, got, deleted] = every_way(&rita, &answer).await;
    assert_eq!(put.expect(200).json(), got.expect(200).json());
    deleted.expect(204);
}

#[tokio::test]
async fn feedback_goes_with_its_conversation() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let session = alice.session().await;
    app.sim.push(Reply::text("Hello."));
    let answer = alice.ask(&session, "Hi").await["message"]["id"].as_str().expect("an id").to_owned();
    alice.put(&place(&answer), json!({"rating": "up"})).await.expect(200);
    alice.delete(&format!("/v1/sessions/{session}")).await.expect(204);
    alice.get(&place(&answer)).await.problem(404, "not_found");
    alice.put(&place(&answer), json!({"rating": "up"})).await.problem(404, "not_found");
    assert_eq!(app.database.count("select count(*) from sixty.message_feedback").await, 0);
}

#[tokio::test]
async fn feedback_that_is_none_is_refused() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let (_, answer) = asked(&app, &alice).await;
    let path = place(&answer);
    for (body, field) in [
        (json!({}), ""),
        (json!({"rating": "sideways"}), "rating"),
        (json!({"rating": null}), "rating"),
        (json!({"rating": 1}), "rating"),
        (json!({"rating": "up", "text": ""}), "text"),
        (json!({"rating": "up", "text": " \n\t"}), "text"),
        (json!({"rating": "up", "text": "\u{200b}\u{2060}"}), "text"),
        (json!({"rating": "up", "text": "a\u{0}b"}), "text"),
        (json!({"rating": "up", "text": "é".repeat(2_001)}), "text"),
        (json!({"rating": "up", "text": "It was [REDACTED:api_key]"}), "text"),
        (json!({"rating": "up", "text": ["good"]}), "text"),
        (json!({"rating": "up", "stars": 5}), ""),
    ] {
        let problem = alice.put(&path, body.clone()).await.problem(422, "validation_failed");
        let named = problem["errors"][0]["field"].as_str().expect("a field");
        assert!(field.is_empty() || named == field, "{body}: {problem}");
    }
    alice.get(&path).await.problem(404, "not_found");
    let long = "é".repeat(2_000);
    for text in [json!(long), json!(format!("  {long}  ")), json!(null)] {
        let stored = alice.put(&path, json!({"rating": "up", "text": text})).await.expect(200).json();
        assert_eq!(stored["text"], if text.is_null() { json!(null) } else { json!(long) });
    }
}

#[tokio::test]
async fn a_secret_in_feedback_is_not_stored() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let (_, answer) = asked(&app, &alice).await;
    let key = format!("sk-{}-api03-{}", "ant", "Ab3dEf6hIj9k".repeat(6));
    let text = format!("It printed {key} to me");
    let stored = alice.put(&place(&answer), json!({"rating": "down", "text": text})).await.expect(200).json();
    let stored = stored["text"].as_str().expect("a text");
    assert!(stored.starts_with("It printed [REDACTED:") && stored.ends_with("] to me"), "{stored}");
}

#[tokio::test]
async fn administrators_read_the_feedback_of_all_members_newest_first_and_leave_an_entry() {
    let app = TestApp::start().await;
    let (alice, bob, rita, mallory) = (app.alice(), app.bob(), app.rita(), app.stranger());
    let mut answers = Vec::new();
    for (person, name, rating) in [
        (&alice, "alice", "up"),
        (&bob, "bob", "down"),
        (&rita, "rita", "up"),
        (&bob, "bob", "up"),
        (&alice, "alice", "down"),
    ] {
        let (_, answer) = asked(&app, person).await;
        person
            .put(&place(&answer), json!({"rating": rating, "text": format!("Says {name}.")}))
            .await
            .expect(200);
        answers.push((answer, name));
    }
    let (_, mallorys) = asked(&app, &mallory).await;
    mallory.put(&place(&mallorys), json!({"rating": "up", "text": "Mallory's."})).await.expect(200);
    // Who says it again says it anew.
    let again = alice.put(&place(&answers[0].0), json!({"rating": "down"})).await.expect(200).json();
    for member in [&bob, &rita] {
        member.get("/v1/admin/feedback").await.problem(403, "forbidden");
    }
    let of = |items: &[Value]| -> Vec<(String, String)> {
        let text = |item: &Value, name: &str| item[name].as_str().expect("a text").to_owned();
        items.iter().map(|item| (text(item, "message_id"), text(item, "user"))).collect()
    };
    let order = |places: &[usize]| -> Vec<(String, String)> {
        places.iter().map(|place| (answers[*place].0.clone(), answers[*place].1.to_owned())).collect()
    };
    for limit in [1, 2, 100] {
        let all = walk(&alice, "/v1/admin/feedback?", limit).await;
        assert_eq!(of(&all), order(&[0, 4, 3, 2, 1]), "{limit}");
    }
    let up = walk(&alice, "/v1/admin/feedback?rating=up&", 1).await;
    assert_eq!(of(&up), order(&[3, 2]));
    let session = up[0]["session_id"].as_str().expect("an id");
    assert!(bob.history(session).await.iter().any(|message| message["id"] == answers[3].0.as_str()));
    let expected = json!({"message_id": answers[3].0, "session_id": session, "user": "bob", "rating": "up",
        "text": "Says bob.", "updated_at": up[0]["updated_at"]});
    assert_eq!(up[0], expected);
    let since = again["updated_at"].as_str().expect("a time").replace('+', "%2B");
    let newest = walk(&alice, &format!("/v1/admin/feedback?since={since}&"), 10).await;
    assert_eq!((of(&newest), &newest[0]["text"]), (order(&[0]), &Value::Null));
    assert_eq!(of(&walk(&mallory, "/v1/admin/feedback?", 10).await).len(), 1);
    for query in ["rating=sideways", "since=yesterday", "limit=0", "limit=101", "cursor=x", "cursor=WzEsMl0"]
    {
        alice.get(&format!("/v1/admin/feedback?{query}")).await.problem(422, "validation_failed");
    }
    let trail = alice.get("/v1/admin/audit?action=feedback.read&limit=100").await.expect(200).json();
    let entries = trail["data"].as_array().expect("a list");
    // Nine pages, of which the trail holds no content.
    assert_eq!(entries.len(), 5 + 3 + 1 + 2 + 1);
    assert!(entries.iter().all(|entry| entry["actor"] == "alice" && entry["target"] == Value::Null));
}
