//! What happens around every request: ids, CORS, rates, and the routes of operators.

use std::{
    io,
    sync::{Mutex, PoisonError},
};

use futures_util::future::join_all;
use reqwest::{Method, header::HeaderMap};
use serde_json::{Value, json};

use crate::harness::{Answer, Person, Setup, TestApp};

fn stranger(app: &TestApp) -> Person {
    app.replica.bearer("")
}

#[tokio::test]
async fn every_answer_carries_a_request_id_and_a_plain_one_is_the_clients() {
    let app = TestApp::start().await;
    let alice = app.alice();
    for path in ["/v1/me", "/v1/sessions", "/nothing", "/healthz", "/openapi.json", "/v1/sessions/nothing"] {
        for plain in ["abc-123_4.5:6", &"x".repeat(128)] {
            let answer = alice.send(alice.request(Method::GET, path).header("x-request-id", plain)).await;
            assert_eq!(answer.header("x-request-id"), plain, "{path}");
        }
        let long = "x".repeat(129);
        for hostile in ["", " ", "a b", "<script>", "a\tb", "\u{fc}", "a\"b", "{}", long.as_str()] {
            let request = alice.request(Method::GET, path).header("x-request-id", hostile.as_bytes());
            let answer = alice.send(request).await;
            let id = answer.header("x-request-id");
            assert!(uuid::Uuid::parse_str(id).is_ok(), "{hostile:?} became {id:?}");
        }
        let (one, other) = (alice.get(path).await, alice.get(path).await);
        assert_ne!(one.header("x-request-id"), other.header("x-request-id"));
    }
}

/// The log of the test's process.
static LOG: Mutex<Vec<u8>> = Mutex::new(Vec::new());

struct Log;

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LOG.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn what_a_handler_logs_carries_the_id_of_its_request() {
    tracing_subscriber::fmt().with_ansi(false).with_writer(|| Log).init();
    let app = TestApp::start().await;
    let alice = app.alice();
    alice.deal().await;
    app.database.run("drop table sixty.entity_notes").await;
    let path = "/v1/entities/deal/D-42/notes";
    let request = alice.request(Method::GET, path).header("x-request-id", "the-one-that-fails");
    alice.send(request).await.problem(500, "internal");
    let log = String::from_utf8_lossy(&LOG.lock().unwrap_or_else(PoisonError::into_inner)).into_owned();
    let line = log.lines().find(|line| line.contains("entity_notes")).expect("the reason is logged");
    assert!(line.contains("the-one-that-fails"), "{line}");
}

async fn preflight(person: &Person, origin: &str, method: &str, headers: &str) -> HeaderMap {
    let request = person
        .request(Method::OPTIONS, "/v1/sessions")
        .header("origin", origin)
        .header("access-control-request-method", method)
        .header("access-control-request-headers", headers);
    person.send(request).await.headers
}

#[tokio::test]
async fn browsers_may_call_from_the_configured_origins_only() {
    let origins = vec!["https://app.example".to_owned(), "https://two.example:8443".to_owned()];
    let app = TestApp::with(Setup { cors_origins: origins.clone(), ..Setup::default() }).await;
    let alice = app.alice();
    let wanted = "authorization, content-type, x-org-id, idempotency-key, if-match, last-event-id, prefer";
    for origin in &origins {
        let headers = preflight(&alice, origin, "PATCH", wanted).await;
        assert_eq!(headers["access-control-allow-origin"], *origin);
        let allowed = headers["access-control-allow-headers"].to_str().expect("text").to_lowercase();
        assert!(
            wanted.split(", ").all(|name| allowed.split(',').any(|other| other.trim() == name)),
            "{allowed}"
        );
        let methods = headers["access-control-allow-methods"].to_str().expect("text");
        assert!(
            ["GET", "POST", "PUT", "PATCH", "DELETE"].iter().all(|name| methods.contains(name)),
            "{methods}"
        );
        assert!(!headers.contains_key("access-control-allow-credentials"));
        let answer = alice.send(alice.request(Method::GET, "/v1/me").header("origin", origin)).await;
        assert_eq!(answer.header("access-control-allow-origin"), origin);
        let exposed = answer.header("access-control-expose-headers");
        assert!(
            ["etag", "location", "x-request-id", "retry-after"].iter().all(|name| exposed.contains(name)),
            "{exposed}"
        );
        // A browser may read refusals as well.
        let refused = alice.send(alice.request(Method::GET, "/v1/nothing").header("origin", origin)).await;
        assert_eq!(refused.header("access-control-allow-origin"), origin);
    }
    for origin in [
        "https://evil.example",
        "null",
        "http://app.example",
        "https://app.example.evil.example",
        "https://two.example",
        "*",
    ] {
        let headers = preflight(&alice, origin, "GET", "authorization").await;
        assert!(!headers.contains_key("access-control-allow-origin"), "{origin}");
        let answer = alice.send(alice.request(Method::GET, "/v1/me").header("origin", origin)).await;
        assert_eq!(answer.header("access-control-allow-origin"), "", "{origin}");
    }
    let closed = TestApp::start().await;
    let headers = preflight(&closed.alice(), "https://app.example", "GET", "authorization").await;
    assert!(!headers.contains_key("access-control-allow-origin"));
}

#[tokio::test]
async fn one_persons_haste_is_answered_429_and_hurts_nobody_else() {
    let app = TestApp::with(Setup { rate_per_minute: 2, ..Setup::default() }).await;
    let alice = app.alice();
    let answers: Vec<Answer> = join_all((0..20).map(|_| alice.get("/v1/sessions"))).await;
    let (served, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 200);
    assert_eq!(served.len(), 2);
    for answer in &refused {
        answer.problem(429, "rate_limited");
        let wait: u64 = answer.header("retry-after").parse().expect("seconds");
        assert!((1..=30).contains(&wait), "{wait}");
    }
    alice.post("/v1/sessions", json!({})).await.problem(429, "rate_limited");
    app.bob().get("/v1/sessions").await.expect(200);
    app.replica.person("globex", "alice", "owner").get("/v1/sessions").await.expect(200);
    stranger(&app).get("/healthz").await.expect(200);
}

#[tokio::test]
async fn operators_routes_need_no_token() {
    let app = TestApp::start().await;
    let anybody = stranger(&app);
    assert_eq!(anybody.get("/healthz").await.expect(200).text, "ok");
    assert_eq!(anybody.get("/readyz").await.expect(200).text, "ready");
    let document = anybody.get("/openapi.json").await.expect(200);
    assert_eq!(document.header("content-type"), "application/json");
    let own: Value = serde_json::to_value(server::openapi()).expect("JSON");
    assert_eq!(document.json(), own);
}

#[tokio::test]
async fn a_replica_that_shuts_down_is_not_ready() {
    let app = TestApp::start().await;
    let other = app.another_replica(Setup::default()).await;
    let anybody = other.bearer("");
    anybody.get("/readyz").await.expect(200);
    other.engine.stopping().cancel();
    // The connection that is open may still be answered, and then says so; a new one finds nobody.
    if let Ok(answer) = anybody.request(Method::GET, "/readyz").send().await {
        assert_eq!(answer.status(), 503);
    }
    stranger(&app).get("/readyz").await.expect(200);
}
