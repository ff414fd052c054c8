//! Answers whose status is no success, and when they are asked again.

use std::time::{Duration, Instant};

use model::{Auth, Endpoint, MessagesClient, ModelError};

use super::streams::good;
use crate::fake::{Fake, Reply, answer, impatient, options};

fn refusal(status: u16, headers: &str) -> Reply {
    Reply::error(status, headers, "some_error", "no")
}

#[tokio::test]
async fn a_passing_failure_is_retried_and_forgotten() {
    for (status, headers) in [
        (408, ""),
        (409, ""),
        (429, ""),
        (429, "retry-after-ms: 5\r\n"),
        (429, "retry-after: 0.005\r\n"),
        (500, ""),
        (503, ""),
        (504, ""),
        (529, ""),
        (400, "x-should-retry: true\r\n"),
    ] {
        let fake = Fake::start([refusal(status, headers), refusal(status, headers), good()]).await;
        let answer = answer(fake.client().stream("{}".into())).await.expect("an answer");
        assert_eq!(answer.text(), "Grüße 🌍", "{status} {headers}");
        assert_eq!(fake.seen().len(), 3, "{status} {headers}");
    }
}

#[tokio::test]
async fn two_retries_are_enough() {
    let fake = Fake::start((0..4).map(|_| refusal(529, ""))).await;
    let error = fake.client().stream("{}".into()).opened().await.expect_err("an error");
    assert!(matches!(error, ModelError::Overloaded { .. }), "{error:?}");
    assert_eq!(fake.seen().len(), 3);
}

#[tokio::test]
async fn the_caller_s_and_the_server_s_faults_are_not_retried() {
    for (status, headers) in [
        (302, "location: http://127.0.0.1:1/\r\n"),
        (400, ""),
        (401, ""),
        (403, ""),
        (404, ""),
        (413, ""),
        (500, "x-should-retry: false\r\n"),
        (429, "x-should-retry: false\r\nretry-after: 1\r\n"),
    ] {
        let fake = Fake::start([refusal(status, headers), good()]).await;
        fake.client().stream("{}".into()).opened().await.expect_err("an error");
        assert_eq!(fake.seen().len(), 1, "{status} {headers}");
    }
}

#[tokio::test]
async fn the_server_s_wait_is_kept() {
    let fake = Fake::start([refusal(429, "retry-after-ms: 60\r\n"), good()]).await;
    let asked = Instant::now();
    answer(fake.client().stream("{}".into())).await.expect("an answer");
    assert!(asked.elapsed() >= Duration::from_millis(60));
}

#[tokio::test]
async fn a_wait_that_is_too_long_is_told_instead_of_waited_for() {
    let fake = Fake::start([refusal(429, "retry-after: 3600\r\n"), good()]).await;
    let error = fake.client().stream("{}".into()).opened().await.expect_err("an error");
    assert!(matches!(error, ModelError::RateLimited { .. }), "{error:?}");
    assert_eq!(error.retry_after(), Some(Duration::from_hours(1)));
    assert!(error.is_retryable());
    assert_eq!(fake.seen().len(), 1);
}

#[tokio::test]
async fn a_refusal_says_what_the_provider_said() {
    let reply = Reply::error(404, "request-id: req_head\r\n", "not_found_error", "model: m-9");
    let fake = Fake::start([reply, Reply::error(400, "", "invalid_request_error", "bad")]).await;
    let refused = |status, kind: &str, message: &str, id: &str| ModelError::Refused {
        status,
        kind: kind.into(),
        message: message.into(),
        request_id: Some(id.into()),
    };
    let client = fake.client();
    let error = client.stream("{}".into()).opened().await.expect_err("an error");
    assert_eq!(error, refused(404, "not_found_error", "model: m-9", "req_head"));
    let error = client.stream("{}".into()).opened().await.expect_err("an error");
    assert_eq!(error, refused(400, "invalid_request_error", "bad", "req_body"));
}

#[tokio::test]
async fn a_prompt_that_is_too_long_is_told_apart() {
    let long = || Reply::error(400, "", "invalid_request_error", "prompt is too long: 9 tokens > 8 maximum");
    let fake = Fake::start([long(), Reply::error(413, "", "request_too_large", "too big")]).await;
    for _ in 0..2 {
        let error = fake.client().stream("{}".into()).opened().await.expect_err("an error");
        assert!(matches!(error, ModelError::PromptTooLong { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn an_error_shows_neither_the_key_nor_a_whole_page() {
    let echo = format!("key sk-test-secret is wrong {}", "x".repeat(2000));
    let refusal = || Reply::error(401, "", "authentication_error", &echo);
    let page = || Reply::json(&echo);
    let fake = Fake::start([refusal(), refusal(), page(), page()]).await;
    let client = fake.client();
    for _ in 0..2 {
        let asked = client.stream("{}".into()).opened().await.expect_err("an error");
        let looked_up = client.model_info("m").await.expect_err("an error");
        for error in [asked, looked_up] {
            let shown = format!("{error} {error:?}");
            assert!(!shown.contains("sk-test-secret") && shown.contains("[key]"), "{shown}");
            assert!(shown.len() < 900, "{} characters", shown.len());
        }
    }
}

#[tokio::test]
async fn an_unreachable_provider_is_told_without_its_address() {
    let closed = Fake::start([]).await.url.clone();
    let base_url = closed.replace("http://", "http://user:password@");
    let endpoint =
        Endpoint { base_url, auth: Auth::Bearer("sk-test-secret".into()), version: "2023-06-01".into() };
    let client = MessagesClient::new(endpoint, options()).expect("a client");
    let error = client.stream("{}".into()).opened().await.expect_err("an error");
    assert!(matches!(error, ModelError::Connect { .. }), "{error:?}");
    assert!(!error.to_string().contains("password"), "{error}");
}

#[tokio::test]
async fn a_silent_provider_is_left_after_two_retries() {
    let fake = Fake::start([]).await;
    let client = fake.client_with(Auth::Bearer("k".into()), impatient(20));
    let asked = Instant::now();
    let error = client.stream("{}".into()).opened().await.expect_err("an error");
    assert!(matches!(error, ModelError::Timeout { .. }), "{error:?}");
    let error = client.model_info("m").await.expect_err("an error");
    assert!(matches!(error, ModelError::Timeout { .. }), "{error:?}");
    // Attempts are told by the time they take: on a busy machine, one may be
    // over before the provider has seen it.
    assert!(asked.elapsed() >= Duration::from_millis(4 * 20));
    assert!(fake.seen().len() <= 4);
}
