use futures_util::future::join_all;
use model_sim::Reply;
use reqwest::Method;
use serde_json::json;
use uuid::Uuid;

use super::if_match;
use crate::harness::TestApp;

#[tokio::test]
async fn a_session_is_created_read_changed_and_deleted() {
    let app = TestApp::start().await;
    let alice = app.alice();
    alice.put("/v1/entities/deal/D-42", json!({"name": "Acme renewal"})).await.expect(201);
    let new = json!({"title": "  Renewal  ", "entity": {"kind": "deal", "id": "D-42"}, "mode": "agent"});
    let created = alice.post("/v1/sessions", new).await.expect(201);
    let session = created.json();
    let path = format!("/v1/sessions/{}", session["id"].as_str().expect("an id"));
    assert_eq!(created.header("location"), path);
    assert_eq!(Uuid::parse_str(session["id"].as_str().unwrap()).map(|id| id.get_version_num()), Ok(7));
    assert_eq!(session["title"], "Renewal");
    assert_eq!(session["title_source"], "user");
    assert_eq!(session["entity"], json!({"kind": "deal", "id": "D-42"}));
    assert_eq!((&session["mode"], &session["message_count"]), (&json!("agent"), &json!(0)));
    let read = alice.get(&path).await.expect(200);
    assert_eq!(read.json(), session);
    assert_eq!(read.header("etag"), "\"1\"");
    // A field that is left out stays; null gives the title back.
    let changed = alice.patch(&path, json!({"title": "Other"})).await.expect(200);
    assert_eq!((changed.json()["title"].clone(), changed.header("etag")), (json!("Other"), "\"2\""));
    assert_eq!(changed.json()["mode"], "agent");
    let changed = alice.patch(&path, json!({"title": null, "mode": null})).await.expect(200).json();
    assert_eq!((&changed["title"], &changed["title_source"]), (&json!(null), &json!("auto")));
    assert_eq!(changed["mode"], json!(null));
    alice.delete(&path).await.expect(204);
    alice.get(&path).await.problem(404, "not_found");
    alice.delete(&path).await.problem(404, "not_found");
    alice.patch(&path, json!({"title": "Again"})).await.problem(404, "not_found");
}

#[tokio::test]
async fn a_session_is_changed_at_the_version_that_was_seen() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let path = format!("/v1/sessions/{}", alice.session().await);
    let title = |n: usize| json!({"title": format!("Title {n}")});
    // Of twenty who saw version 1 one wins.
    let writes = (0..20).map(|n| if_match(&alice, Method::PATCH, &path, "\"1\"", title(n)));
    let answers = join_all(writes).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    assert_eq!(answers.iter().filter(|answer| answer.status == 412).count(), 19);
    if_match(&alice, Method::DELETE, &path, "\"1\"", json!({})).await.problem(412, "version_mismatch");
    if_match(&alice, Method::PATCH, &path, "*", title(1)).await.expect(200);
    if_match(&alice, Method::DELETE, &path, "\"3\"", json!({})).await.expect(204);
}

#[tokio::test]
async fn a_named_session_is_one_however_often_it_is_asked_for_at_once() {
    let app = TestApp::start().await;
    let alice = app.alice();
    for key in ["main", "deal:D-42", "a%2Fb%20c", "%F0%9F%A6%80", "01a20340-6b7f-735c-a92a-10927a9e3e02"] {
        let path = format!("/v1/sessions/by-key/{key}");
        let answers = join_all((0..20).map(|_| alice.put(&path, json!({"title": key})))).await;
        let first = answers[0].json()["id"].clone();
        assert!(answers.iter().all(|answer| answer.json()["id"] == first), "{key}");
        assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1, "{key}: it is new once");
        assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 19, "{key}");
        // Without a body, and with another one: it is what it is.
        let again = alice.send(alice.request(Method::PUT, &path)).await.expect(200).json();
        assert_eq!((&again["id"], &again["title"]), (&first, &json!(key)));
        alice.put(&path, json!({"title": "Other"})).await.expect(200);
        assert_eq!(app.bob().put(&path, json!({})).await.expect(201).json()["title"], json!(null));
    }
    assert_eq!(app.database.count("select count(*) from sixty.sessions").await, 10);
    alice
        .put(&format!("/v1/sessions/by-key/{}", "k".repeat(201)), json!({}))
        .await
        .problem(422, "validation_failed");
    alice.put("/v1/sessions/by-key/a%0Ab", json!({})).await.problem(422, "validation_failed");
}

#[tokio::test]
async fn deleting_a_session_deletes_what_was_said_in_it() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let session = alice.session().await;
    app.sim.push(Reply::text("Hello."));
    let turn = alice.ask(&session, "Hello").await;
    assert_eq!(alice.history(&session).await.len(), 2);
    let listed = alice.get("/v1/sessions").await.expect(200).json()["data"][0].clone();
    assert_eq!((&listed["message_count"], &listed["run_status"]), (&json!(2), &json!("done")));
    alice.delete(&format!("/v1/sessions/{session}")).await.expect(204);
    let run = turn["run"]["id"].as_str().expect("an id");
    alice.get(&format!("/v1/runs/{run}")).await.problem(404, "not_found");
    alice.get(&format!("/v1/sessions/{session}/messages")).await.problem(404, "not_found");
    let left = "select (select count(*) from sixty.messages) + (select count(*) from sixty.runs)
        + (select count(*) from sixty.steps) + (select count(*) from sixty.run_events)";
    assert_eq!(app.database.count(left).await, 0);
}
