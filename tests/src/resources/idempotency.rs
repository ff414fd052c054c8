use domain::{OrgId, UserId};
use futures_util::future::join_all;
use model_sim::Reply;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, Person, TestApp};

async fn post(person: &Person, path: &str, key: &str, body: Value) -> Answer {
    person.send(person.request(Method::POST, path).header("idempotency-key", key).json(&body)).await
}

#[tokio::test]
async fn a_repeated_request_is_answered_as_the_first_was() {
    let app = TestApp::start().await;
    let alice = app.alice();
    alice.put("/v1/entities/deal/D-1", json!({"name": "Acme"})).await.expect(201);
    for (path, body) in [
        ("/v1/sessions", json!({"title": "One"})),
        ("/v1/entities", json!({"kind": "deal", "id": "D-2", "name": "Two"})),
        ("/v1/entities/deal/D-1/notes", json!({"text": "Three"})),
    ] {
        let first = post(&alice, path, path, body.clone()).await.expect(201);
        for _ in 0..3 {
            let again = post(&alice, path, path, body.clone()).await.expect(201);
            assert_eq!((again.json(), again.header("location")), (first.json(), first.header("location")));
        }
        let mut other = body.clone();
        other[body.as_object().expect("an object").keys().next().expect("a field")] = json!("other");
        let mismatch = post(&alice, path, path, other).await;
        assert_eq!(mismatch.status, 422, "{mismatch:?}");
        alice.post(path, body).await.expect(if path == "/v1/entities" { 409 } else { 201 });
    }
    post(&alice, "/v1/sessions", "/v1/sessions", json!({})).await.problem(422, "idempotency_mismatch");
    // The key of one operation is taken for every other.
    let elsewhere = json!({"kind": "deal", "id": "D-3", "name": "Two"});
    post(&alice, "/v1/entities", "/v1/sessions", elsewhere).await.problem(422, "idempotency_mismatch");
    assert_eq!(app.database.count("select count(*) from sixty.sessions").await, 2);
    assert_eq!(app.database.count("select count(*) from sixty.entities").await, 2);
    assert_eq!(app.database.count("select count(*) from sixty.entity_notes").await, 2);
}

#[tokio::test]
async fn twenty_at_once_make_one() {
    let app = TestApp::start().await;
    let alice = app.alice();
    alice.put("/v1/entities/deal/D-1", json!({"name": "Acme"})).await.expect(201);
    for (path, body) in [
        ("/v1/sessions", json!({})),
        ("/v1/entities", json!({"kind": "contact", "id": "C-1", "name": "Dana"})),
        ("/v1/entities/deal/D-1/notes", json!({"text": "Once"})),
    ] {
        let answers = join_all((0..20).map(|_| post(&alice, path, path, body.clone()))).await;
        assert!(
            answers.iter().all(|answer| answer.status == 201 && answer.text == answers[0].text),
            "{answers:?}"
        );
    }
    let session = alice.session().await;
    app.sim.push(Reply::text("Once."));
    let path = format!("/v1/sessions/{session}/messages");
    let answers = join_all((0..20).map(|_| post(&alice, &path, "run", json!({"text": "Once?"})))).await;
    for answer in &answers {
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.json()["run"]["id"], answers[0].json()["run"]["id"]);
        assert_eq!(answer.json()["message"]["content"][0]["text"], "Once.");
    }
    assert_eq!(alice.history(&session).await.len(), 2);
    assert_eq!(app.database.count("select count(*) from sixty.runs").await, 1);
    assert_eq!(app.database.count("select count(*) from sixty.sessions").await, 2);
    assert_eq!(app.database.count("select count(*) from sixty.entity_notes").await, 1);
}

#[tokio::test]
async fn a_refused_request_does_not_use_its_key() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let unknown = json!({"entity": {"kind": "deal", "id": "D-1"}});
    post(&alice, "/v1/sessions", "k", unknown.clone()).await.problem(422, "validation_failed");
    alice.put("/v1/entities/deal/D-1", json!({"name": "Acme"})).await.expect(201);
    post(&alice, "/v1/sessions", "k", unknown).await.expect(201);
    let rita = app.rita();
    let deal = json!({"kind": "deal", "id": "D-2", "name": "Two"});
    post(&rita, "/v1/entities", "k", deal.clone()).await.problem(403, "forbidden");
    post(&app.replica.person("acme", "rita", "member"), "/v1/entities", "k", deal).await.expect(201);
}

#[tokio::test]
async fn a_repeated_revert_makes_one_version() {
    let app = TestApp::start().await;
    let alice = app.alice();
    alice.put("/v1/entities/deal/D-1", json!({"name": "Acme"})).await.expect(201);
    for path in ["/v1/memory/org", "/v1/memory/user", "/v1/memory/entities/deal/D-1"] {
        alice.put(path, json!({"content": "First"})).await.expect(200);
        alice.put(path, json!({"content": "Second"})).await.expect(200);
        let revert = format!("{path}/revert");
        let answers = join_all((0..10).map(|_| post(&alice, &revert, path, json!({"version": 1})))).await;
        for answer in answers {
            assert_eq!((answer.status.as_u16(), answer.header("etag")), (200, "\"3\""), "{answer:?}");
            assert_eq!(answer.json()["content"], "First");
        }
        post(&alice, &revert, path, json!({"version": 2})).await.problem(422, "idempotency_mismatch");
        assert_eq!(alice.get(path).await.expect(200).json()["version"], 3);
    }
}

#[tokio::test]
async fn what_is_created_carries_its_version_at_the_first_answer_and_at_each_replay() {
    let app = TestApp::start().await;
    let alice = app.alice();
    for (path, body) in [
        ("/v1/sessions", json!({"title": "Renewal"})),
        ("/v1/entities", json!({"kind": "deal", "id": "D-1", "name": "Acme"})),
    ] {
        let first = post(&alice, path, path, body.clone()).await.expect(201);
        let location = first.header("location").to_owned();
        assert_eq!(first.header("etag"), alice.get(&location).await.expect(200).header("etag"));
        alice.patch(&location, json!({"mode": "agent"})).await;
        let again = post(&alice, path, path, body).await.expect(201);
        assert_eq!((again.header("etag"), &again.text), ("\"1\"", &first.text));
    }
}

#[tokio::test]
async fn a_key_that_is_in_use_for_long_is_a_conflict() {
    let app = TestApp::start().await;
    let alice = app.alice();
    alice.get("/v1/me").await.expect(200);
    let pool = app.database.superuser().await;
    let mut working = pool.begin().await.expect("a transaction");
    sqlx::query(
        "insert into sixty.idempotency (org_id, owner_id, key, request_hash) values ($1, $2, encode(sha256('k'), 'hex'), '')",
    )
    .bind(OrgId::derive("acme").0)
    .bind(UserId::derive("alice").0)
    .execute(&mut *working)
    .await
    .expect("a row");
    post(&alice, "/v1/sessions", "k", json!({})).await.problem(409, "idempotency_in_flight");
    working.rollback().await.expect("a rollback");
    post(&alice, "/v1/sessions", "k", json!({})).await.expect(201);
}
