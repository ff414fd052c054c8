use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;

use super::if_match;
use crate::harness::{Setup, TestApp};

fn hex(digit: u8) -> char {
    char::from_digit(digit.into(), 16).expect("a digit")
}

/// The id as one segment of a path.
fn segment(id: &str) -> String {
    id.bytes().flat_map(|byte| ['%', hex(byte >> 4), hex(byte & 15)]).collect()
}

#[tokio::test]
async fn an_entity_is_created_replaced_changed_and_deleted() {
    let app = TestApp::start().await;
    let alice = app.alice();
    alice.put("/v1/entities/contact/C-1", json!({"name": "Dana"})).await.expect(201);
    let new = json!({"kind": "deal", "id": "D-42", "name": "Acme renewal", "stage": "open", "amount": 12000.5,
        "currency": "EUR", "owner": "bob", "links": [{"kind": "contact", "id": "C-1", "role": "buyer"}],
        "attributes": {"region": "EMEA", "tags": ["a", "b"]}});
    let created = alice.post("/v1/entities", new.clone()).await.expect(201);
    assert_eq!(created.header("location"), "/v1/entities/deal/D-42");
    let entity = created.json();
    for (name, value) in new.as_object().expect("an object") {
        assert_eq!(&entity[name], value, "{name}");
    }
    alice.post("/v1/entities", new).await.problem(409, "entity_exists");
    let path = "/v1/entities/deal/D-42";
    let read = app.bob().get(path).await.expect(200);
    assert_eq!((read.json(), read.header("etag")), (entity, "\"1\""));
    // PATCH changes what it names, null clears; PUT writes the whole.
    let changed =
        alice.patch(path, json!({"stage": "won", "amount": null, "owner": null})).await.expect(200).json();
    assert_eq!((&changed["stage"], changed.get("amount"), changed.get("owner")), (&json!("won"), None, None));
    assert_eq!(changed["attributes"]["region"], "EMEA");
    let replaced = alice.put(path, json!({"name": "Acme"})).await.expect(200);
    assert_eq!(replaced.header("etag"), "\"3\"");
    assert_eq!((replaced.json().get("stage"), replaced.json()["attributes"].clone()), (None, json!({})));
    assert_eq!(replaced.json()["links"], json!([]));
    alice.patch(path, json!({"amount": "much"})).await.problem(422, "validation_failed");
    alice.patch(path, json!({"email": "a@b.example"})).await.problem(422, "validation_failed");
    alice.delete(path).await.expect(204);
    alice.get(path).await.problem(404, "not_found");
    alice.patch(path, json!({"name": "x"})).await.problem(404, "not_found");
}

#[tokio::test]
async fn an_entity_is_written_at_the_version_that_was_seen() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let path = "/v1/entities/contact/C-1";
    let name = |name: &str| json!({"name": name});
    if_match(&alice, Method::PUT, path, "\"1\"", name("Dana")).await.problem(404, "not_found");
    // Version 0 says that it must be new: of twenty one makes it.
    let answers = join_all((0..20).map(|_| if_match(&alice, Method::PUT, path, "\"0\"", name("Dana")))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
    assert_eq!(answers.iter().filter(|answer| answer.status == 412).count(), 19);
    for method in [Method::PUT, Method::PATCH, Method::DELETE] {
        if_match(&alice, method, path, "\"7\"", name("Eve")).await.problem(412, "version_mismatch");
    }
    if_match(&alice, Method::PATCH, path, "\"1\"", name("Dana B")).await.expect(200);
    if_match(&alice, Method::DELETE, path, "\"2\"", json!({})).await.expect(204);
}

#[tokio::test]
async fn changes_of_different_fields_at_once_are_all_kept() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let path = "/v1/entities/deal/D-1";
    alice.put(path, json!({"name": "Acme"})).await.expect(201);
    alice.put("/v1/entities/contact/C-1", json!({"name": "Dana"})).await.expect(201);
    let changes = [
        json!({"name": "Acme renewal"}),
        json!({"owner": "bob"}),
        json!({"stage": "won"}),
        json!({"amount": 7}),
        json!({"currency": "EUR"}),
        json!({"close_date": "2026-12-31"}),
        json!({"probability": 40}),
        json!({"health": 80}),
        json!({"attributes": {"region": "EMEA"}}),
        json!({"links": [{"kind": "contact", "id": "C-1"}]}),
    ];
    for answer in join_all(changes.iter().map(|change| alice.patch(path, change.clone()))).await {
        answer.expect(200);
    }
    let entity = alice.get(path).await.expect(200).json();
    for change in changes {
        let (name, value) = change.as_object().and_then(|change| change.iter().next()).expect("a field");
        assert_eq!(&entity[name], value, "{name}");
    }
    assert_eq!(entity["version"], 11);
}

#[tokio::test]
async fn any_id_of_the_product_names_its_entity() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let longest = "ü".repeat(200);
    let ids = [
        "a/b",
        "../up",
        "a b",
        "a+b",
        "100%",
        "%2F",
        "a?b#c",
        "it's",
        "\"quoted\"",
        "a\\b",
        "';drop table--",
        "日本語",
        "👩‍👩‍👧",
        "{id}",
        "a:b@c",
        "\u{202e}rtl",
        "NULL",
        "0",
        longest.as_str(),
    ];
    for id in ids {
        let created =
            alice.post("/v1/entities", json!({"kind": "deal", "id": id, "name": id})).await.expect(201);
        let path = format!("/v1/entities/deal/{}", segment(id));
        assert_eq!(alice.get(&path).await.expect(200).json()["id"], id);
        assert_eq!(alice.get(created.header("location")).await.expect(200).json()["id"], id, "{created:?}");
        alice.patch(&path, json!({"stage": "won"})).await.expect(200);
        let note = alice.post(&format!("{path}/notes"), json!({"text": "Called."})).await.expect(201);
        assert_eq!(alice.get(note.header("location")).await.expect(200).json()["data"][0]["text"], "Called.");
        alice
            .put(&format!("/v1/memory/entities/deal/{}", segment(id)), json!({"content": id}))
            .await
            .expect(200);
        let session = alice.session_with(json!({"entity": {"kind": "deal", "id": id}})).await;
        let listed =
            alice.get(&format!("/v1/sessions?entity_kind=deal&entity_id={}", segment(id))).await.json();
        assert_eq!(listed["data"][0]["id"], session.as_str());
        let found = alice.get(&format!("/v1/entities?kind=deal&q={}", segment(id))).await.expect(200).json();
        assert!(found["data"].as_array().is_some_and(|all| all.iter().any(|one| one["id"] == id)), "{id}");
    }
    let listed = alice.get("/v1/entities?limit=100").await.expect(200).json();
    assert_eq!(listed["data"].as_array().map(Vec::len), Some(ids.len()));
    // What cannot be an id names nothing, and cannot be made one.
    let huge = "x".repeat(10_240);
    alice.get(&format!("/v1/entities/deal/{huge}")).await.problem(404, "not_found");
    alice.get(&format!("/v1/memory/entities/deal/{huge}")).await.problem(404, "not_found");
    alice
        .put(&format!("/v1/entities/deal/{huge}"), json!({"name": "x"}))
        .await
        .problem(422, "validation_failed");
    alice.put("/v1/entities/deal/%0A", json!({"name": "x"})).await.problem(422, "validation_failed");
    alice.put("/v1/entities/Deal/D-1", json!({"name": "x"})).await.problem(404, "not_found");
}

#[tokio::test]
async fn notes_are_kept_newest_first_and_go_with_their_entity() {
    let app = TestApp::start().await;
    let (alice, bob) = (app.alice(), app.bob());
    let path = "/v1/entities/deal/D-1/notes";
    alice.post(path, json!({"text": "Lost"})).await.problem(404, "not_found");
    alice.put("/v1/entities/deal/D-1", json!({"name": "Acme"})).await.expect(201);
    alice.post(path, json!({"text": " First "})).await.expect(201);
    bob.post(path, json!({"text": "Second"})).await.expect(201);
    let notes = alice.get(path).await.expect(200).json()["data"].clone();
    let seen: Vec<_> = notes
        .as_array()
        .expect("a list")
        .iter()
        .map(|note| (note["text"].clone(), note["author"].clone()))
        .collect();
    assert_eq!(seen, [(json!("Second"), json!("bob")), (json!("First"), json!("alice"))]);
    for text in ["", " \n ", &"x".repeat(10_001)] {
        alice.post(path, json!({"text": text})).await.problem(422, "validation_failed");
    }
    alice.delete("/v1/entities/deal/D-1").await.expect(204);
    alice.put("/v1/entities/deal/D-1", json!({"name": "Acme again"})).await.expect(201);
    assert_eq!(alice.get(path).await.expect(200).json()["data"], json!([]));
}

#[tokio::test]
async fn no_secret_is_stored_wherever_it_stands() {
    let secret = "correct-horse-battery-staple-9";
    let app = TestApp::with(Setup { secrets: vec![secret.to_owned()], ..Setup::default() }).await;
    let alice = app.alice();
    let text = format!("It is {secret}.");
    let deal = json!({"name": text, "stage": text, "owner": text, "attributes": {"a": {text.clone(): [text]}},
        "links": [{"kind": "deal", "id": "D-2", "role": text}]});
    alice.put("/v1/entities/deal/D-2", json!({"name": "Globex"})).await.expect(201);
    alice.put("/v1/entities/deal/D-1", deal).await.expect(201);
    alice.patch("/v1/entities/deal/D-1", json!({"owner": text, "stage": text})).await.expect(200);
    alice.post("/v1/entities/deal/D-1/notes", json!({"text": text})).await.expect(201);
    for path in ["/v1/memory/org", "/v1/memory/user", "/v1/memory/entities/deal/D-1"] {
        alice.put(path, json!({"content": text})).await.expect(200);
    }
    let session = alice.session_with(json!({"title": text})).await;
    alice.patch(&format!("/v1/sessions/{session}"), json!({"title": text})).await.expect(200);
    app.sim.push(model_sim::Reply::text(&text));
    let turn = alice.ask(&session, &text).await;
    assert!(!turn.to_string().contains(secret), "{turn}");
    let stored = "select count(*) from (
        select t::text as row from sixty.entities t union all select t::text from sixty.entity_notes t
        union all select t::text from sixty.copilot_memories t
        union all select t::text from sixty.copilot_memory_revisions t
        union all select t::text from sixty.sessions t union all select t::text from sixty.messages t
        union all select t::text from sixty.steps t union all select t::text from sixty.run_events t
        union all select t::text from sixty.idempotency t) rows where row like '%horse-battery%'";
    assert_eq!(app.database.count(stored).await, 0);
    assert!(app.sim.requests().iter().all(|request| !format!("{request:?}").contains(secret)));
}

#[tokio::test]
async fn a_null_clears_what_can_be_empty() {
    let app = TestApp::start().await;
    let alice = app.alice();
    alice.put("/v1/entities/contact/C-7", json!({"name": "Dana"})).await.expect(201);
    let links = json!([{"kind": "contact", "id": "C-7"}]);
    let deal =
        json!({"name": "Acme", "owner": "bob", "stage": "won", "links": links, "attributes": {"a": 1}});
    alice.put("/v1/entities/deal/D-42", deal.clone()).await.expect(201);
    let same = alice.patch("/v1/entities/deal/D-42", json!({})).await.expect(200).json();
    assert_eq!(
        (&same["links"], &same["attributes"], &same["owner"]),
        (&links, &json!({"a": 1}), &json!("bob"))
    );
    let nulls = json!({"owner": null, "stage": null, "links": null, "attributes": null});
    let cleared = alice.patch("/v1/entities/deal/D-42", nulls).await.expect(200).json();
    assert_eq!(
        (&cleared["links"], &cleared["attributes"], &cleared["name"]),
        (&json!([]), &json!({}), &json!("Acme"))
    );
    assert!(cleared.get("owner").is_none() && cleared.get("stage").is_none(), "{cleared}");
    let problem =
        alice.patch("/v1/entities/deal/D-42", json!({"name": null})).await.problem(422, "validation_failed");
    assert_eq!(problem["errors"][0]["field"], "name");
}
