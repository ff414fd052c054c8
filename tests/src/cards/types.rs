//! Types of cards, as administrators register them.

use reqwest::Method;
use serde_json::{Value, json};

use super::{call, offer, register};
use crate::{
    harness::{Answer, Person, TestApp},
    resources::if_match,
};

const PATH: &str = "/v1/admin/card-types";

async fn put_bytes(person: &Person, name: &str, schema: &str) -> Answer {
    let request = person.request(Method::PUT, &format!("{PATH}/{name}"));
    person.send(request.header("content-type", "application/json").body(schema.to_owned())).await
}

#[tokio::test]
async fn a_schema_is_kept_byte_for_byte_and_has_versions() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let schema =
        r#"{ "type":"object", "properties" : {"b":{"minimum":1.50}, "a":{"const":1e2}},  "title":"\u0041" }"#;
    let made = put_bytes(&alice, "offer", schema).await.expect(201);
    assert_eq!(made.header("etag"), "\"1\"");
    let read = alice.get(&format!("{PATH}/offer")).await.expect(200);
    assert!(read.text.contains(schema), "{}", read.text);
    assert_eq!((read.json(), read.header("etag")), (made.json(), "\"1\""));
    assert_eq!((&read.json()["type"], &read.json()["updated_by"]), (&json!("offer"), &json!("alice")));
    let admin = app.replica.person("acme", "adam", "admin");
    let changed = put_bytes(&admin, "offer", "{}").await.expect(200);
    assert_eq!((changed.header("etag"), &changed.json()["updated_by"]), ("\"2\"", &json!("adam")));
    let at = async |method: Method, tag: &str| {
        if_match(&alice, method, &format!("{PATH}/offer"), tag, json!({"type": "object"})).await
    };
    at(Method::PUT, "\"1\"").await.problem(412, "version_mismatch");
    at(Method::PUT, "\"0\"").await.problem(412, "version_mismatch");
    at(Method::DELETE, "\"1\"").await.problem(412, "version_mismatch");
    at(Method::PUT, "\"2\"").await.expect(200);
    at(Method::DELETE, "\"3\"").await.expect(204);
    at(Method::PUT, "\"3\"").await.problem(412, "version_mismatch");
    alice.delete(&format!("{PATH}/offer")).await.problem(404, "not_found");
    alice.get(&format!("{PATH}/offer")).await.problem(404, "not_found");
    at(Method::PUT, "\"0\"").await.expect(201);
    let entries = alice.get("/v1/admin/audit?limit=100").await.expect(200).json();
    let told: Vec<(&str, &Value)> = entries["data"]
        .as_array()
        .expect("a list")
        .iter()
        .filter(|entry| entry["target"] == "card_type:offer")
        .map(|entry| (entry["action"].as_str().expect("an action"), &entry["detail"]))
        .collect();
    assert_eq!(told.len(), 5, "{entries}");
    assert_eq!(told[0], ("card_type.put", &json!("version 1")));
    assert_eq!(told[1].0, "card_type.delete");
}

#[tokio::test]
async fn types_are_listed_by_name_and_are_for_administrators_of_the_organization() {
    let app = TestApp::start().await;
    let (alice, mallory) = (app.alice(), app.stranger());
    register(&alice).await;
    for name in ["b", "a-1", "a_1", "zoo"] {
        alice.put(&format!("{PATH}/{name}"), json!({})).await.expect(201);
    }
    let (mut names, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = alice.get(&format!("{PATH}?limit=2{cursor}")).await.expect(200).json();
        for card_type in page["data"].as_array().expect("a list") {
            assert!(card_type.get("schema").is_none() && card_type["version"] == 1, "{card_type}");
            names.push(card_type["type"].as_str().expect("a name").to_owned());
        }
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(names, ["a-1", "a_1", "b", "offer", "zoo"]);
    for person in [app.bob(), app.rita()] {
        for (method, path) in [
            (Method::GET, PATH.to_owned()),
            (Method::GET, format!("{PATH}/offer")),
            (Method::PUT, format!("{PATH}/offer")),
            (Method::DELETE, format!("{PATH}/offer")),
        ] {
            person.send(person.request(method, &path).json(&json!({}))).await.problem(403, "forbidden");
        }
    }
    assert_eq!(mallory.get(PATH).await.expect(200).json()["data"], json!([]));
    for method in [Method::GET, Method::DELETE] {
        mallory.send(mallory.request(method, &format!("{PATH}/offer"))).await.problem(404, "not_found");
    }
    // The same name is each organization's own.
    assert_eq!(mallory.put(&format!("{PATH}/offer"), json!({})).await.expect(201).header("etag"), "\"1\"");
    assert_eq!(
        alice.get(&format!("{PATH}/offer")).await.expect(200).json()["schema"]["required"][0],
        "customer"
    );
}

#[tokio::test]
async fn what_is_no_schema_is_refused_with_its_place_and_the_reason() {
    let app = TestApp::start().await;
    let alice = app.alice();
    for (name, schema, field, words) in [
        ("offer", json!({"type": "objekt"}), "type", "objekt"),
        ("offer", json!({"properties": {"a": {"pattern": "("}}}), "properties.a.pattern", "("),
        ("offer", json!({"items": {"$ref": "https://acme.example/x"}}), "items.$ref", "this same schema"),
        ("offer", json!({"$ref": "file:///etc/passwd"}), "$ref", "this same schema"),
        ("offer", json!({"$ref": "#/$defs/a"}), "$ref", "nothing that is a schema"),
        ("offer", json!({"$schema": "https://acme.example/x"}), "$schema", "2020-12"),
        ("offer", json!({"title": "x".repeat(33_000)}), "", "32768"),
        ("offer", json!({"title": "[REDACTED:api-key]"}), "title", "stands for a secret"),
        (
            "offer",
            json!({"default": {"a": ["postgres://sixty:horse-battery@db.example/x"]}}),
            "default.a[0]",
            "secret",
        ),
        ("offer", json!([]), "", "object"),
        ("offer", json!(true), "", "map"),
        ("text", json!({}), "type", "built in"),
        ("email_draft", json!({}), "type", "built in"),
        ("Offer", json!({}), "type", "a-z"),
        ("1a", json!({}), "type", "a-z"),
        (&*"a".repeat(65), json!({}), "type", "1 to 64"),
    ] {
        let problem = put_bytes(&alice, name, &schema.to_string()).await.problem(422, "validation_failed");
        let error = &problem["errors"][0];
        assert_eq!(error["field"], field, "{problem}");
        assert!(error["error"].as_str().is_some_and(|error| error.contains(words)), "{problem}");
    }
    assert_eq!(alice.get(PATH).await.expect(200).json()["data"], json!([]));
}

#[tokio::test]
async fn a_hostile_schema_harms_nobody() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let back = json!({"$ref": "#"});
    let defs: serde_json::Map<String, Value> = (0..24)
        .map(|i| {
            (
                format!("d{i}"),
                json!({"anyOf": vec![json!({"$ref": format!("#/$defs/d{}", (i + 1) % 25)}); 2]}),
            )
        })
        .chain([("d24".to_owned(), json!({}))])
        .collect();
    for schema in [
        back.to_string(),
        json!({"allOf": [back]}).to_string(),
        json!({"items": {"anyOf": [back, back]}}).to_string(),
        json!({"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"})
            .to_string(),
        json!({"$ref": "#/$defs/d0", "$defs": defs}).to_string(),
        json!({"pattern": "((a{1000}){1000}){1000}"}).to_string(),
        json!({"pattern": "(a+)+\\1"}).to_string(),
        format!("{}{{}}{}", r#"{"not":"#.repeat(100), "}".repeat(100)),
    ] {
        put_bytes(&alice, "evil", &schema).await.problem(422, "validation_failed");
    }
    let bottomless = format!("{}{{}}{}", r#"{"not":"#.repeat(4_000), "}".repeat(4_000));
    assert!(put_bytes(&alice, "evil", &bottomless).await.status.is_client_error());
    // Patterns that a backtracking engine would never come back from are matched in linear time.
    let patterns: Vec<Value> = ["^(a+)+$", "^(a|a)*$", "(.*)*x", "^(([a-z])+.)+[A-Z]$"]
        .iter()
        .map(|p| json!({"pattern": p}))
        .collect();
    alice.put(&format!("{PATH}/slow"), json!({"properties": {"x": {"oneOf": patterns}}})).await.expect(201);
    let card = json!({"type": "slow", "summary": "Slow", "data": {"x": format!("{}!", "a".repeat(15_000))}});
    let shown = call(&app, &alice, "show_card", card).await;
    assert_eq!(shown.card()["type"], "text", "{}", shown.told);
    alice.get("/v1/me").await.expect(200);
}

#[tokio::test]
async fn an_organization_has_at_most_a_hundred_types() {
    let app = TestApp::start().await;
    let alice = app.alice();
    register(&alice).await;
    let more = "insert into sixty.card_types (org_id, type, schema, version)
        select org_id, 'n' || n, '{}', 1 from sixty.card_types, generate_series(1, 99) n";
    app.database.run(more).await;
    alice.put(&format!("{PATH}/one-more"), json!({})).await.problem(409, "too_many_card_types");
    alice.put(&format!("{PATH}/n7"), json!({"type": "object"})).await.expect(200);
    alice.delete(&format!("{PATH}/n8")).await.expect(204);
    alice.put(&format!("{PATH}/one-more"), json!({})).await.expect(201);
    // Each organization for itself.
    register(&app.stranger()).await;
}

#[tokio::test]
async fn the_operators_export_has_the_types_and_a_card_survives_its_type() {
    let app = TestApp::start().await;
    let alice = app.alice();
    register(&alice).await;
    let shown = call(&app, &alice, "show_card", offer()).await;
    let mut out = Vec::new();
    let store = app.replica.engine.store();
    server::export::export(store, "acme", None, &mut out)
        .await
        .map_err(|error| error.to_string())
        .expect("an export");
    let text = String::from_utf8(out).expect("UTF-8");
    let line = text.lines().find(|line| line.contains(r#""type":"card_type""#)).expect("a line");
    let line: Value = serde_json::from_str(line).expect("JSON");
    assert_eq!((&line["card_type"], &line["version"]), (&json!("offer"), &json!(1)));
    let schema: Value = serde_json::from_str(line["schema"].as_str().expect("a text")).expect("a schema");
    assert_eq!(schema["required"], json!(["customer", "lines"]));
    alice.delete(&format!("{PATH}/offer")).await.expect(204);
    let stored = super::blocks(&alice, &shown.session, "card").await;
    assert_eq!(stored[0]["card_type"], "offer");
}
