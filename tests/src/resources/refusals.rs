//! What is wrong with a request for memory or for the profile is said, and nothing is written.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use futures_util::future::join_all;
use reqwest::{Method, header::HeaderValue};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::if_match;
use crate::harness::{Person, TestApp};

const JSON: &str = "application/json";
const MARKDOWN: &str = "text/markdown";
const ENTITY: &str = "/v1/memory/entities/deal/D-1";
const MEMORY: [&str; 3] = ["/v1/memory/org", "/v1/memory/user", ENTITY];
const PROFILE: &str = "/v1/org/profile";

/// The document with the name that its text has in it.
fn texts() -> impl Iterator<Item = (&'static str, &'static str)> {
    MEMORY.into_iter().map(|path| (path, "content")).chain([(PROFILE, "company_name")])
}

/// Everything at version 1.
async fn app() -> TestApp {
    let app = TestApp::start().await;
    let alice = app.alice();
    for id in ["D-1", "D-2"] {
        alice.put(&format!("/v1/entities/deal/{id}"), json!({"name": "Acme"})).await.expect(201);
    }
    for (path, name) in texts() {
        alice.put(path, json!({ name: "First" })).await.expect(200);
    }
    app
}

/// Fails if a document is no longer what it was in the beginning.
#[track_caller]
fn unchanged(documents: &[(String, String)]) {
    for (tag, text) in documents {
        assert!(tag == "\"1\"" && text.contains("First"), "{tag} {text}");
    }
}

async fn documents(person: &Person) -> Vec<(String, String)> {
    join_all(texts().map(async |(path, _)| {
        let answer = person.get(path).await.expect(200);
        (answer.header("etag").to_owned(), answer.text)
    }))
    .await
}

#[tokio::test]
async fn a_body_that_is_no_document_is_refused() {
    let app = app().await;
    let alice = app.alice();
    let max = 1024 * 1024;
    for (path, name) in texts() {
        let with = |text: &[u8]| [format!("{{\"{name}\": \"").as_bytes(), text, b"\"}"].concat();
        let is_memory = path != PROFILE;
        // Where only JSON is taken, Markdown is another type.
        let markdown =
            |status, code| if is_memory { (status, code) } else { (415, "unsupported_media_type") };
        for (mime, body, (status, code)) in [
            (JSON, with(b"\xff\xfe"), (400, "malformed_json")),
            (JSON, with(b"a\0b"), (400, "malformed_json")),
            (JSON, with(b"a\\u0000b"), (422, "validation_failed")),
            (JSON, with(b"\\ud800"), (400, "malformed_json")),
            (JSON, with(b"\\x"), (400, "malformed_json")),
            (JSON, with(&b"x".repeat(max)), (413, "body_too_large")),
            (JSON, with(&"ü".repeat(16_001).into_bytes()), (422, "validation_failed")),
            (JSON, [with(b"a"), with(b"b")].concat(), (400, "malformed_json")),
            (JSON, Vec::new(), (400, "malformed_json")),
            (JSON, b"null".to_vec(), (422, "validation_failed")),
            (JSON, b"[\"a\"]".to_vec(), (422, "validation_failed")),
            (
                JSON,
                format!("{{\"{name}\": {}1{}}}", "[".repeat(200), "]".repeat(200)).into_bytes(),
                // A profile is read as a value before it is checked.
                if is_memory { (422, "validation_failed") } else { (400, "malformed_json") },
            ),
            (JSON, format!("{{\"{name}\": 1e999}}").into_bytes(), (400, "malformed_json")),
            (
                JSON,
                format!("{{\"{name}\": \"a\", \"scope\": \"org\"}}").into_bytes(),
                (422, "validation_failed"),
            ),
            (MARKDOWN, b"caf\xe9".to_vec(), markdown(422, "validation_failed")),
            (MARKDOWN, b"a\0b".to_vec(), markdown(422, "validation_failed")),
            (MARKDOWN, b"x".repeat(max + 1), markdown(413, "body_too_large")),
            (MARKDOWN, b"x".repeat(16_001), markdown(422, "validation_failed")),
            (MARKDOWN, b"[REDACTED:api-key]".to_vec(), markdown(422, "validation_failed")),
            ("text/markdown; charset=iso-8859-1", b"a".to_vec(), (415, "unsupported_media_type")),
            (
                "text/markdown; variant=GFM; charset=\"UTF-16\"",
                b"a".to_vec(),
                (415, "unsupported_media_type"),
            ),
            ("text/plain", b"a".to_vec(), (415, "unsupported_media_type")),
            ("application/xml", b"<a/>".to_vec(), (415, "unsupported_media_type")),
            ("application/x-www-form-urlencoded", b"content=a".to_vec(), (415, "unsupported_media_type")),
            ("", b"{}".to_vec(), (415, "unsupported_media_type")),
        ] {
            let request = alice.request(Method::PUT, path).header("content-type", mime).body(body.clone());
            let answer = alice.send(request).await;
            let start = String::from_utf8_lossy(&body[..body.len().min(60)]);
            assert_eq!(answer.status, status, "{path} {mime} {start}: {answer:?}");
            answer.problem(status, code);
        }
    }
    unchanged(&documents(&alice).await);
}

#[tokio::test]
async fn a_condition_that_does_not_hold_or_cannot_be_read_is_refused() {
    let app = app().await;
    let alice = app.alice();
    let bad = |tag: &[u8]| (HeaderValue::from_bytes(tag).expect("a value"), 422, "validation_failed");
    let stale = |tag: &'static str| (HeaderValue::from_static(tag), 412, "version_mismatch");
    for (path, name) in texts() {
        let mut targets = vec![(Method::PUT, path.to_owned(), json!({ name: "Second" }))];
        if path != PROFILE {
            targets.push((Method::POST, format!("{path}/revert"), json!({"version": 1})));
        }
        for (method, path, body) in targets {
            for (tag, status, code) in [
                stale("\"0\""),
                stale("\"2\""),
                stale("\"9223372036854775807\""),
                bad(b"W/\"1\""),
                bad(b"1"),
                bad(b"\"\""),
                bad(b""),
                bad(b"\"1\", \"2\""),
                bad(b"\"+1\""),
                bad(b"\"01\""),
                bad(b"\"-1\""),
                bad(b"\"1.0\""),
                bad(b"\"99999999999999999999\""),
                bad(b"\"\xc3\xbc\""),
                bad(b"**"),
            ] {
                let request =
                    alice.request(method.clone(), &path).header("if-match", tag.clone()).json(&body);
                let problem = alice.send(request).await.problem(status, code);
                let detail = problem["detail"].as_str().expect("a detail");
                assert!(status != 412 || detail.contains("at version \"1\""), "{path} {tag:?}: {detail}");
            }
            let twice = alice.request(method, &path).header("if-match", "\"1\"").header("if-match", "\"2\"");
            alice.send(twice.json(&body)).await.problem(422, "validation_failed");
        }
    }
    unchanged(&documents(&alice).await);
    for (path, name) in texts() {
        let any = if_match(&alice, Method::PUT, path, "*", json!({ name: "Any" })).await;
        assert_eq!(any.expect(200).header("etag"), "\"2\"");
    }
}

#[tokio::test]
async fn a_version_that_never_was_is_not_reverted_to() {
    let app = app().await;
    let alice = app.alice();
    for path in MEMORY {
        let revert = format!("{path}/revert");
        for version in [
            json!(0),
            json!(-1),
            json!(2),
            json!(i64::MAX),
            json!(u64::MAX),
            json!(1.5),
            json!("1"),
            json!(null),
        ] {
            let problem =
                alice.post(&revert, json!({ "version": version })).await.problem(422, "validation_failed");
            assert_eq!(problem["errors"][0]["field"], "version", "{version}: {problem}");
        }
        alice.post(&revert, json!({})).await.problem(422, "validation_failed");
        alice.post(&revert, json!({"version": 1, "to": 1})).await.problem(422, "validation_failed");
        let text = alice.request(Method::POST, &revert).header("content-type", MARKDOWN).body("1");
        alice.send(text).await.problem(415, "unsupported_media_type");
    }
    unchanged(&documents(&alice).await);
}

#[tokio::test]
async fn memory_of_what_is_not_there_is_not_there() {
    let app = app().await;
    let alice = app.alice();
    let long = "9".repeat(10_000);
    for name in [
        "deal/D-9",
        "contact/D-1",
        "invoice/D-1",
        "Deal/D-1",
        "deal/%00",
        "deal/%ff",
        "deal/%20",
        &format!("deal/{long}"),
        "deal/D-1%00",
    ] {
        let path = format!("/v1/memory/entities/{name}");
        alice.get(&path).await.problem(404, "not_found");
        alice.get(&format!("{path}/revisions")).await.problem(404, "not_found");
        alice.put(&path, json!({"content": "x"})).await.problem(404, "not_found");
        alice.post(&format!("{path}/revert"), json!({"version": 1})).await.problem(404, "not_found");
    }
    for path in ["/v1/memory", "/v1/memory/team", "/v1/memory/entities/deal", "/v1/memory/user/revisions/1"] {
        alice.get(path).await.problem(404, "not_found");
    }
    unchanged(&documents(&alice).await);
    assert_eq!(app.database.count("select count(*) from sixty.copilot_memories").await, 3);
}

/// The status of the answer to a cursor of 100 KB, which no well-behaved client can send.
async fn vast(app: &TestApp, list: &str) -> u16 {
    let mut stream = TcpStream::connect(app.replica.address).await.expect("a connection");
    let head = format!("GET {list}?cursor={} HTTP/1.1\r\nhost: sixty\r\n\r\n", "A".repeat(100_000));
    stream.write_all(head.as_bytes()).await.expect("the head is sent");
    let mut start = [0; 12];
    stream.read_exact(&mut start).await.expect("a status line");
    let start = std::str::from_utf8(&start).expect("text");
    start.strip_prefix("HTTP/1.1 ").and_then(|status| status.parse().ok()).expect("a status")
}

#[tokio::test]
async fn a_cursor_belongs_to_its_list() {
    let app = app().await;
    let alice = app.alice();
    for (path, name) in texts() {
        alice.put(path, json!({ name: "Second" })).await.expect(200);
    }
    let other = "/v1/memory/entities/deal/D-2";
    for n in 0..2 {
        alice.put(other, json!({"content": format!("{n}")})).await.expect(200);
    }
    let lists: Vec<String> =
        MEMORY.iter().chain([&other, &PROFILE]).map(|path| format!("{path}/revisions")).collect();
    let first = async |path: String| {
        let page = alice.get(&format!("{path}?limit=1")).await.expect(200).json();
        page["next_cursor"].as_str().expect("one more").to_owned()
    };
    let cursors = join_all(lists.iter().map(|list| first(list.clone()))).await;
    let entities = first("/v1/entities".into()).await;
    let forged = [
        json!(2),
        json!(["memory:user"]),
        json!(["memory:user", "2"]),
        json!(["memory:user", 2, 3]),
        json!({}),
        json!(null),
        json!(["a\u{0}", 2]),
    ];
    let forged: Vec<String> = forged.iter().map(|value| BASE64.encode(value.to_string())).collect();
    for (i, list) in lists.iter().enumerate() {
        let page = alice.get(&format!("{list}?cursor={}", cursors[i])).await.expect(200).json();
        assert_eq!(
            (page["data"].as_array().map(Vec::len), &page["data"][0]["version"]),
            (Some(1), &json!(1))
        );
        let elsewhere = cursors.iter().enumerate().filter(|(j, _)| i != *j).map(|(_, cursor)| cursor);
        let garbage = ["", "!", "%21", "e30", "null"].map(str::to_owned);
        for cursor in elsewhere.chain([&entities]).chain(&forged).chain(&garbage) {
            let problem =
                alice.get(&format!("{list}?cursor={cursor}")).await.problem(422, "validation_failed");
            assert_eq!(problem["errors"][0]["field"], "cursor", "{list} {cursor}");
        }
        // One that fits into a request, and one that does not.
        alice.get(&format!("{list}?cursor={}", "A".repeat(8_000))).await.problem(422, "validation_failed");
        assert_eq!(vast(&app, list).await, 414, "{list}");
        for limit in ["0", "101", "-1", "ten", "1.5", "", "99999999999999999999"] {
            alice.get(&format!("{list}?limit={limit}")).await.problem(422, "validation_failed");
        }
    }
}
