//! The protocol: refusals have one shape, limits hold, and nothing is stored on the way.

mod around;
mod document;

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::harness::{Answer, Person, TestApp};

/// Everything that a client can store.
const STORED: &str = "select (select count(*) from sixty.sessions) + (select count(*) from sixty.messages)
    + (select count(*) from sixty.runs) + (select count(*) from sixty.entities) + (select count(*) from sixty.entity_notes)
    + (select count(*) from sixty.copilot_memories) + (select count(*) from sixty.org_profiles)
    + (select count(*) from sixty.idempotency)";

const ODD_ID: &str = "01a20340-6b7f-735c-a92a-10927a9e3e02";

fn raw(
    person: &Person,
    method: &str,
    path: &str,
    mime: &str,
    body: impl Into<reqwest::Body>,
) -> RequestBuilder {
    let method = Method::from_bytes(method.as_bytes()).expect("a method");
    person.request(method, path).header("content-type", mime).body(body)
}

#[tokio::test]
async fn every_refusal_is_a_problem_document_and_stores_nothing() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let json = "application/json";
    let deep = format!("{{\"title\": {}1{}}}", "[".repeat(5_000), "]".repeat(5_000));
    for (method, path, mime, body, status, code) in [
        ("GET", "/", json, "", 404, "not_found"),
        ("GET", "/v1", json, "", 404, "not_found"),
        ("GET", "/v1/nothing", json, "", 404, "not_found"),
        ("GET", "/v1/sessions/", json, "", 404, "not_found"),
        ("GET", "/v1//sessions", json, "", 404, "not_found"),
        ("POST", "/v1/sessions/%00/messages", json, "{}", 404, "not_found"),
        ("DELETE", "/v1/me", json, "", 405, "method_not_allowed"),
        ("PUT", "/v1/sessions", json, "{}", 405, "method_not_allowed"),
        ("POST", "/healthz", json, "{}", 405, "method_not_allowed"),
        ("PURGE", "/v1/sessions", json, "", 405, "method_not_allowed"),
        ("POST", "/v1/sessions", "text/plain", "{}", 415, "unsupported_media_type"),
        (
            "POST",
            "/v1/sessions",
            "application/x-www-form-urlencoded",
            "title=a",
            415,
            "unsupported_media_type",
        ),
        ("POST", "/v1/sessions", "application/jsonp", "{}", 415, "unsupported_media_type"),
        ("PUT", "/v1/memory/user", "text/plain", "Mine", 415, "unsupported_media_type"),
        ("POST", "/v1/sessions", json, "", 400, "malformed_json"),
        ("POST", "/v1/sessions", json, "{", 400, "malformed_json"),
        ("POST", "/v1/sessions", json, "{} {}", 400, "malformed_json"),
        ("POST", "/v1/sessions", json, "{\"title\": \"a\0\"}", 400, "malformed_json"),
        ("POST", "/v1/sessions", json, "{\"title\": \"\\ud800\"}", 400, "malformed_json"),
        ("POST", "/v1/sessions", json, "{'title': 1}", 400, "malformed_json"),
        ("POST", "/v1/sessions", json, "\u{feff}{}", 400, "malformed_json"),
        ("PUT", "/v1/entities/deal/D-1", json, "{\"name\": \"a\", \"amount\": 1e999}", 400, "malformed_json"),
        ("POST", "/v1/sessions", json, "7", 422, "validation_failed"),
        ("POST", "/v1/sessions", json, "[null, null, null, null]", 422, "validation_failed"),
        ("POST", "/v1/sessions", json, deep.as_str(), 422, "validation_failed"),
    ] {
        let answer = alice.send(raw(&alice, method, path, mime, body.to_owned())).await;
        assert_eq!(answer.status, status, "{method} {path} {body:.60}: {answer:?}");
        answer.problem(status, code);
        if status == 405 {
            assert_ne!(answer.header("allow"), "", "{method} {path} says what is allowed");
        }
    }
    let answer =
        alice.send(raw(&alice, "POST", "/v1/sessions", json, b"{\"title\": \"\xff\"}".to_vec())).await;
    answer.problem(400, "malformed_json");
    let answer = alice.send(raw(&alice, "PUT", "/v1/memory/user", "text/markdown", b"\xff".to_vec())).await;
    answer.problem(422, "validation_failed");
    assert_eq!(app.database.count(STORED).await, 0);
}

fn base64(kind: &str, media_type: &str, data: &str) -> Value {
    json!({"type": kind, "source": {"type": "base64", "media_type": media_type, "data": data}})
}

#[tokio::test]
async fn a_refused_field_is_named_by_its_path() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let session = alice.session().await;
    let messages = format!("/v1/sessions/{session}/messages");
    let text = |value: Value| json!({"content": [{"type": "text", "text": "a"}, value]});
    let deal =
        |value: Value| json!({"kind": "deal", "id": "D-1", "name": "Acme", "attributes": {}, "stage": value});
    let linked = |link: Value| json!({"kind": "deal", "id": "D-1", "name": "Acme", "links": [{"kind": "deal", "id": "D-2"}, link]});
    for (path, body, field) in [
        ("/v1/sessions", json!({"nope": 1}), "nope"),
        ("/v1/sessions", json!({"title": 7}), "title"),
        ("/v1/sessions", json!({"mode": "fast"}), "mode"),
        ("/v1/sessions", json!({"model": "nobody/x"}), "model"),
        ("/v1/sessions", json!({"title": "x".repeat(201)}), "title"),
        ("/v1/sessions", json!({"entity": {"kind": "deal", "id": 7}}), "entity.id"),
        ("/v1/sessions", json!({"entity": {"kind": "car", "id": "7"}}), "entity.kind"),
        ("/v1/sessions", json!({"entity": {"kind": "deal", "id": "7", "x": 1}}), "entity.x"),
        ("/v1/sessions", json!({"title": "a\u{0}b"}), "title"),
        ("/v1/sessions", json!({"entity": {"kind": "deal", "id": "\u{0}"}}), "entity.id"),
        (&messages, json!({}), "text"),
        (&messages, json!({"text": " \n"}), "text"),
        (&messages, json!({"text": "a", "content": []}), "content"),
        (&messages, json!({"content": []}), "content"),
        (&messages, json!({"text": "a", "mode": 1}), "mode"),
        (&messages, json!({"text": "a", "context": {"timezone": "Mars/Base"}}), "context.timezone"),
        (&messages, json!({"text": "a", "context": {"view": {"x": "y".repeat(5_000)}}}), "context.view"),
        (&messages, json!({"text": "a", "context": {"user": "bob"}}), "context.user"),
        (&messages, text(json!({"type": "text", "text": "b\u{0}"})), "content[1].text"),
        (&messages, text(json!({"type": "text", "text": 1})), "content[1]"),
        (&messages, text(json!({"type": "tool_result", "tool_use_id": "x"})), "content[1].type"),
        (
            &messages,
            text(json!({"type": "image", "source": {"type": "url", "url": "file:///etc"}})),
            "content[1].source.url",
        ),
        (
            &messages,
            text(
                json!({"type": "image", "source": {"type": "url", "url": "https://bob:hunter2@example.com/a.png"}}),
            ),
            "content[1].source.url",
        ),
        (&messages, text(json!({"type": "text", "text": " "})), "content[1].text"),
        (&messages, text(base64("image", "image/svg+xml", "AAAA")), "content[1].source.media_type"),
        (&messages, text(base64("image", "application/pdf", "AAAA")), "content[1].source.media_type"),
        (&messages, text(base64("document", "image/png", "AAAA")), "content[1].source.media_type"),
        (&messages, text(base64("document", "text/plain", "AAAA")), "content[1].source.media_type"),
        (&messages, text(base64("image", "image/png", "")), "content[1].source.data"),
        (&messages, text(base64("image", "image/png", "not base64!")), "content[1].source.data"),
        (&messages, text(base64("image", "image/png", "AAA")), "content[1].source.data"),
        (
            &messages,
            text(
                json!({"type": "image", "source": {"type": "text", "media_type": "text/plain", "data": "x"}}),
            ),
            "content[1].source.type",
        ),
        (
            &messages,
            text(
                json!({"type": "document", "source": {"type": "text", "media_type": "text/html", "data": "x"}}),
            ),
            "content[1].source.media_type",
        ),
        ("/v1/entities", deal(json!(7)), "stage"),
        ("/v1/entities", linked(json!({"kind": "deal", "id": ""})), "links[1].id"),
        ("/v1/entities", linked(json!({"kind": "deal", "id": "x".repeat(201)})), "links[1].id"),
        (
            "/v1/entities",
            linked(json!({"kind": "deal", "id": "D-2", "role": "x".repeat(501)})),
            "links[1].role",
        ),
        ("/v1/entities", deal(json!("a\u{0}")), "stage"),
        (
            "/v1/entities",
            json!({"kind": "deal", "id": "D-1", "name": "Acme", "email": "a@b.example"}),
            "email",
        ),
        ("/v1/entities", json!({"kind": "deal", "id": "D-1", "name": " "}), "name"),
        ("/v1/entities", json!({"kind": "deal", "id": "", "name": "Acme"}), "id"),
        ("/v1/entities", json!({"kind": "deal", "id": "a\nb", "name": "Acme"}), "id"),
        ("/v1/entities", json!({"kind": "deal", "id": "x".repeat(201), "name": "Acme"}), "id"),
        (
            "/v1/entities",
            json!({"kind": "deal", "id": "D-1", "name": "Acme", "attributes": {"a\u{0}": 1}}),
            "attributes",
        ),
        (
            "/v1/entities",
            json!({"kind": "deal", "id": "D-1", "name": "Acme", "attributes": {"a": "x".repeat(40_000)}}),
            "attributes",
        ),
    ] {
        let problem = alice.post(path, body.clone()).await.problem(422, "validation_failed");
        assert_eq!(problem["errors"][0]["field"], field, "{body}: {problem}");
        assert!(problem["errors"][0]["error"].as_str().is_some_and(|error| error.len() > 5), "{problem}");
    }
    assert_eq!(app.database.count(STORED).await, 1, "the session alone");
}

#[tokio::test]
async fn odd_queries_and_headers_are_refused_not_failed() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let session = alice.session().await;
    for query in [
        "/v1/sessions?limit=0",
        "/v1/sessions?limit=101",
        "/v1/sessions?limit=-1",
        "/v1/sessions?limit=ten",
        "/v1/sessions?limit=99999999999999999999",
        "/v1/sessions?limit=1&limit=2",
        "/v1/sessions?cursor=%21",
        "/v1/sessions?cursor=e30",
        "/v1/sessions?q=a%00b",
        "/v1/sessions?entity_kind=car",
        "/v1/entities?kind=car",
        "/v1/entities?cursor=bnVsbA",
        "/v1/memory/org/revisions?limit=0",
        "/v1/memory/user/revisions?cursor=e30",
    ] {
        let answer = alice.get(query).await;
        assert_eq!(answer.status, 422, "{query}: {answer:?}");
        answer.problem(422, "validation_failed");
    }
    // A cursor is the client's to forge: what stands in it is checked as well.
    for (list, cursor) in [
        ("/v1/entities", json!({"kind": "deal", "id": "a\u{0}b"}).to_string()),
        ("/v1/sessions", json!(["+262142-01-01T00:00:00Z", ODD_ID]).to_string()),
        ("/v1/sessions", json!(["-262143-01-01T00:00:00Z", ODD_ID]).to_string()),
        ("/v1/sessions", json!(["-5000-01-01T00:00:00Z", ODD_ID]).to_string()),
    ] {
        let answer = alice.get(&format!("{list}?cursor={}", BASE64.encode(&cursor))).await;
        assert!(answer.status == 422 || answer.status == 200, "{cursor}: {answer:?}");
    }
    let run_events = format!("/v1/runs/{ODD_ID}/events");
    let title = json!({"title": "New"});
    let session_path = format!("/v1/sessions/{session}");
    for (method, path, name, value) in [
        (Method::PATCH, session_path.as_str(), "if-match", "3"),
        (Method::PATCH, &session_path, "if-match", "\"x\""),
        (Method::PATCH, &session_path, "if-match", "\"-1\""),
        (Method::PATCH, &session_path, "if-match", ""),
        (Method::POST, "/v1/sessions", "idempotency-key", ""),
        (Method::POST, "/v1/sessions", "idempotency-key", "k\u{fc}"),
        (Method::GET, &run_events, "last-event-id", "first"),
        (Method::GET, &run_events, "last-event-id", "-1.2"),
    ] {
        let request = alice.request(method, path).header(name, value.as_bytes()).json(&title);
        let problem = alice.send(request).await.problem(422, "validation_failed");
        let field = problem["errors"][0]["field"].as_str().expect("a field").to_lowercase();
        assert_eq!(field, name, "{value}");
    }
    let long =
        alice.request(Method::POST, "/v1/sessions").header("idempotency-key", "k".repeat(256)).json(&title);
    alice.send(long).await.problem(422, "validation_failed");
    assert_eq!(app.database.count(STORED).await, 1, "the session alone");
}

/// Sends these bytes and reads until the answer's body has come.
async fn talk(app: &TestApp, head: &str, body: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(app.replica.address).await.expect("a connection");
    let token = app.alice().token;
    let head = format!(
        "PUT /v1/memory/user HTTP/1.1\r\nhost: sixty\r\nauthorization: Bearer {token}\r\ncontent-type: text/markdown\r\n{head}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.expect("the head is sent");
    stream.write_all(body).await.expect("the body is sent");
    let mut text = Vec::new();
    let mut buffer = [0; 4096];
    while !String::from_utf8_lossy(&text).contains("\"request_id\"") {
        match stream.read(&mut buffer).await.expect("an answer") {
            0 => break,
            n => text.extend_from_slice(&buffer[..n]),
        }
    }
    let text = String::from_utf8(text).expect("text");
    let (head, body) = text.split_once("\r\n\r\n").expect("a head and a body");
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    let headers = head
        .lines()
        .skip(1)
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.parse().expect("a name"), value.parse().expect("a value")))
        .collect();
    Answer { status, headers, text: body.to_owned() }
}

#[tokio::test]
async fn a_body_over_one_mebibyte_is_refused_announced_or_not() {
    const MAX: usize = 1024 * 1024;
    let app = TestApp::start().await;
    // Announced: it is refused before it is sent.
    let answer = talk(&app, &format!("content-length: {}", MAX + 1), b"").await;
    answer.problem(413, "body_too_large");
    // Not announced: it is refused when it has come to be too large.
    let mut chunks = format!("{:x}\r\n", MAX + 1).into_bytes();
    chunks.extend(std::iter::repeat_n(b'a', MAX + 1));
    let answer = talk(&app, "transfer-encoding: chunked", &chunks).await;
    answer.problem(413, "body_too_large");
    // The largest body is read, and then it is the document that is too long.
    let answer = talk(&app, &format!("content-length: {MAX}"), &vec![b'a'; MAX]).await;
    assert_eq!(answer.problem(422, "validation_failed")["errors"][0]["field"], "content");
    assert_eq!(app.database.count(STORED).await, 0);
}

#[tokio::test]
async fn images_and_documents_that_models_read_are_taken() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let session = alice.session().await;
    let mut blocks: Vec<Value> = ["image/jpeg", "image/png", "image/gif", "image/webp"]
        .into_iter()
        .map(|media_type| base64("image", media_type, "iVBORw0KGgo="))
        .collect();
    blocks.push(base64("document", "application/pdf", "JVBERi0="));
    blocks.push(
        json!({"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "x"}}),
    );
    blocks.push(json!({"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}}));
    app.sim.push(model_sim::Reply::text("Nice pictures."));
    let path = format!("/v1/sessions/{session}/messages");
    let turn = alice.post(&path, json!({"content": blocks})).await.expect(200).json();
    assert_eq!(turn["run"]["status"], "done", "{turn}");
    assert_eq!(alice.history(&session).await[0]["content"], json!(blocks));
}

#[tokio::test]
async fn a_body_that_breaks_off_is_no_large_body() {
    let app = TestApp::start().await;
    let broken = talk(&app, "transfer-encoding: chunked", b"3\r\nabc\r\nzz\r\n").await;
    broken.problem(400, "incomplete_body");
    assert_eq!(app.database.count(STORED).await, 0);
}
