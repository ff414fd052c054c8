//! What must not get into the record, by itself and as a line of a batch: each is refused with
//! the field and the reason, and nothing of it is stored.

use serde_json::{Value, json};

use super::{results, send_batch, sound};
use crate::harness::TestApp;

/// What is sent, the field that is refused, and words of the reason.
fn bad() -> Vec<(Value, &'static str, &'static str)> {
    let deal = |field: &str, value: Value| {
        let mut deal = json!({"kind": "deal", "id": "D-1", "name": "Deal"});
        deal[field] = value;
        deal
    };
    let of = |kind: &str, field: &str, value: Value| {
        let mut entity = deal(field, value);
        entity["kind"] = kind.into();
        entity
    };
    let link = |kind: &str, id: &str| json!([{"kind": kind, "id": id}]);
    let many: Vec<Value> = (0..101).map(|n| json!({"kind": "contact", "id": format!("C-{n}")})).collect();
    vec![
        (deal("kind", json!("car")), "kind", "must be one of deal"),
        (deal("kind", json!("Deal")), "kind", "must be one of deal"),
        (deal("id", json!("")), "id", "must be 1 to 200"),
        (deal("id", json!("x".repeat(10_240))), "id", "must be 1 to 200"),
        (deal("id", json!("a\nb")), "id", "control characters"),
        (deal("id", json!("..")), "id", "must not be"),
        (deal("id", json!("a\u{0}")), "id", "U+0000"),
        (deal("name", json!(" ")), "name", "must be 1 to 500"),
        (deal("name", json!("x".repeat(501))), "name", "must be 1 to 500"),
        (deal("amount", json!("12000")), "amount", "must be a number"),
        (deal("amount", json!(-1)), "amount", "must be a number"),
        (deal("amount", json!(1e16)), "amount", "must be a number"),
        (deal("currency", json!("euro")), "currency", "currency code"),
        (deal("close_date", json!("2026-02-30")), "close_date", "must be a date"),
        (deal("close_date", json!("0000-01-01")), "close_date", "must be a date"),
        (deal("close_date", json!("31.12.2026")), "close_date", "must be a date"),
        (deal("probability", json!(101)), "probability", "0 to 100"),
        (deal("stage", json!("x".repeat(201))), "stage", "at most 200"),
        (deal("subject", json!("x")), "subject", "is not a field of the kind deal"),
        (deal("visibility", json!("owner")), "owner", "must be given"),
        (deal("owner", json!("")), "owner", "must be 1 to 500"),
        (deal("links", link("deal", "D-1")), "links[0]", "the entity itself"),
        (deal("links", link("deal", "D-9")), "links[0]", "there is no deal \"D-9\""),
        (deal("links", link("contact", "C-globex")), "links[0]", "there is no contact"),
        (deal("links", link("deal", "")), "links[0].id", "must be 1 to 200"),
        (deal("links", json!(many)), "links", "must be at most 100"),
        (deal("attributes", json!({"x": "y".repeat(40_000)})), "attributes", "at most 32768 bytes"),
        (deal("attributes", json!({"x": "[REDACTED:secret]"})), "attributes.x", "mark"),
        (of("meeting", "starts_at", json!("2026-01-01")), "starts_at", "must be a time"),
        (of("meeting", "attendees", json!([{"id": 7}])), "attendees", "name or address"),
        (of("task", "status", json!("doing")), "status", "must be one of open"),
        (of("email", "date", json!("2026-13-01")), "date", "must be a date"),
        (of("contact", "email", json!("nobody")), "email", "an e-mail address"),
        (
            of("contact", "last_activity_at", json!("2026-01-01T25:00:00Z")),
            "last_activity_at",
            "must be a time",
        ),
    ]
}

#[tokio::test]
async fn each_is_refused_with_field_and_reason_and_nothing_of_it_is_stored() {
    let app = TestApp::start().await;
    let alice = app.alice();
    app.stranger().put("/v1/entities/contact/C-globex", json!({"name": "Theirs"})).await.expect(201);
    let refused = |errors: &Value, field: &str, words: &str| {
        let errors = errors.as_array().expect("errors");
        errors.iter().any(|error| {
            error["field"] == field && error["error"].as_str().is_some_and(|e| e.contains(words))
        })
    };
    for (body, field, words) in bad() {
        let answer = send_batch(&alice, body.to_string()).await.expect(200);
        let results = results(&answer);
        assert!(results.len() == 1 && results[0]["status"] == "error", "{body}: {answer:?}");
        assert!(refused(&results[0]["errors"], field, words), "{field} {words}: {answer:?}");
        if field == "kind" {
            // serde says which kinds there are in its own words.
            alice.post("/v1/entities", body).await.problem(422, "validation_failed");
            continue;
        }
        let problem = alice.post("/v1/entities", body.clone()).await.problem(422, "validation_failed");
        assert!(refused(&problem["errors"], field, words), "{field} {words}: {problem}");
    }
    let ours = "select count(*) from sixty.entities where id <> 'C-globex'";
    assert_eq!(app.database.count(ours).await, 0);
    sound(&app).await;
}

#[tokio::test]
async fn lines_that_are_no_lines_are_refused_and_those_beside_them_are_not() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let good =
        |id: &str| format!("{{\"kind\": \"deal\", \"id\": \"{id}\", \"name\": \"Deal\"}}").into_bytes();
    let mut long = good("D-long");
    long.truncate(long.len() - 1);
    long.extend_from_slice(b", \"attributes\": {\"x\": \"");
    long.resize(1024 * 1024, b'x');
    long.extend_from_slice(b"\"}}");
    let bad: [(Vec<u8>, &str); 8] = [
        (b"{\"kind\": \"deal\", \"id\": \"\xff\xfe\"}".to_vec(), "not UTF-8"),
        (long, "longer than 262144 bytes"),
        (b"[]".to_vec(), "must be a JSON object"),
        (b"null".to_vec(), "must be a JSON object"),
        (b"{\"kind\": \"deal\"".to_vec(), "not JSON"),
        (b"{} {}".to_vec(), "not JSON"),
        (b"{}".to_vec(), "missing field"),
        ("[".repeat(10_000).into_bytes(), "not JSON"),
    ];
    let mut body = Vec::new();
    for (n, (line, _)) in bad.iter().enumerate() {
        body.extend_from_slice(&good(&format!("D-{n}")));
        body.push(b'\n');
        body.extend_from_slice(line);
        body.push(b'\n');
    }
    let answer = send_batch(&alice, body).await.expect(200);
    let results = results(&answer);
    assert_eq!(results.len(), 2 * bad.len());
    for (n, (_, words)) in bad.iter().enumerate() {
        assert_eq!(results[2 * n]["status"], "created", "{n}");
        let told = results[2 * n + 1]["errors"][0]["error"].as_str().expect("a reason");
        assert!(told.contains(words), "{words}: {told}");
    }
    sound(&app).await;
}

#[tokio::test]
async fn ids_that_look_alike_are_different_entities() {
    let app = TestApp::start().await;
    let alice = app.alice();
    // Composed and decomposed, Latin and Cyrillic, wide and narrow, with a blank that nobody sees.
    let ids = [
        "\u{e9}",
        "e\u{301}",
        "A",
        "\u{410}",
        "\u{ff21}",
        "a",
        "D-1",
        "D\u{2011}1",
        "D-1\u{200b}",
        "O'Neil\"; --",
        "a/b",
    ];
    for id in ids {
        alice
            .post("/v1/entities", json!({"kind": "deal", "id": id, "name": format!("Deal {id}")}))
            .await
            .expect(201);
    }
    let listed = alice.get("/v1/entities?limit=100").await.expect(200).json();
    let mut found: Vec<String> = listed["data"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|e| e["id"].as_str().expect("an id").to_owned())
        .collect();
    found.sort();
    let mut sent: Vec<String> = ids.map(str::to_owned).to_vec();
    sent.sort();
    assert_eq!(found, sent);
    sound(&app).await;
}
