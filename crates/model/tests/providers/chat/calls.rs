//! Refusals, what is known about a model, and what every request carries.

use std::time::{Duration, Instant};

use model::{ChatClient, ChatEndpoint, Client, ModelError, ModelInfo};

use super::{ask, streams::good};
use crate::fake::{Fake, Reply, answer, impatient, options};

#[tokio::test]
async fn a_passing_failure_is_retried_and_forgotten() {
    for (status, headers) in [
        (408, ""),
        (409, ""),
        (429, "retry-after-ms: 5\r\n"),
        (500, ""),
        (529, ""),
        (400, "x-should-retry: true\r\n"),
    ] {
        let refusal = || Reply::error(status, headers, "some_error", "no");
        let fake = Fake::start([refusal(), refusal(), good()]).await;
        let answer = answer(ask(&fake.chat())).await.expect("an answer");
        assert_eq!((answer.text().as_str(), fake.seen().len()), ("Grüße 🌍", 3), "{status} {headers}");
    }
}

#[tokio::test]
async fn a_refusal_becomes_what_the_caller_can_do_about_it() {
    let long = r#"{"error":{"message":"This is too much.","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}}"#;
    for (reply, name, requests) in [
        (Reply::status(400, "", long), "PromptTooLong", 1),
        (Reply::error(400, "", "invalid_request_error", "no"), "Refused", 1),
        (Reply::error(401, "", "invalid_request_error", "no"), "Unauthorized", 1),
        (Reply::error(403, "", "", "no"), "Unauthorized", 1),
        (Reply::error(404, "", "", "no"), "Refused", 1),
        (Reply::error(302, "location: http://127.0.0.1:1/\r\n", "", "no"), "Refused", 1),
        (Reply::error(500, "x-should-retry: false\r\n", "server_error", "no"), "Server", 1),
        (Reply::error(429, "retry-after: 3600\r\n", "", "no"), "RateLimited", 1),
        (Reply::json(r#"{"error":{"message":"no","code":402}}"#), "ErrorEvent", 1),
        (Reply::json(r#"{"choices":[]}"#), "BadAnswer", 1),
        (Reply::html(), "BadAnswer", 1),
        (Reply::error(529, "", "", "no"), "Overloaded", 3),
    ] {
        let status = format!("{name} in {requests}");
        let fake =
            Fake::start(std::iter::once(reply).chain((0..2).map(|_| Reply::error(529, "", "", "no")))).await;
        let error = answer(ask(&fake.chat())).await.expect_err("an error");
        assert!(format!("{error:?}").starts_with(name), "{status}: {error:?}");
        assert_eq!(fake.seen().len(), requests, "{status}");
    }
}

#[tokio::test]
async fn a_refusal_says_what_the_provider_said() {
    let reply = Reply::error(404, "x-request-id: req_head\r\n", "invalid_request_error", "no model m-9");
    let fake = Fake::start([reply]).await;
    let error = ask(&fake.chat()).opened().await.expect_err("an error");
    let expected = ModelError::Refused {
        status: 404,
        kind: "invalid_request_error".into(),
        message: "no model m-9".into(),
        request_id: Some("req_head".into()),
    };
    assert_eq!(error, expected);
}

#[tokio::test]
async fn an_error_shows_neither_the_key_nor_a_whole_page() {
    let echo = format!("key sk-test-secret is wrong {}", "x".repeat(2000));
    let refusal = || Reply::error(401, "", "authentication_error", &echo);
    let page = || Reply::json(&echo);
    let fake = Fake::start([refusal(), refusal(), page(), page()]).await;
    let client = fake.chat();
    for _ in 0..2 {
        let asked = ask(&client).opened().await.expect_err("an error");
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
    let client = ChatClient::new(ChatEndpoint::new(base_url, None), options()).expect("a client");
    let error = ask(&client).opened().await.expect_err("an error");
    assert!(matches!(error, ModelError::Connect { .. }), "{error:?}");
    assert!(!error.to_string().contains("password"), "{error}");
}

#[tokio::test]
async fn a_silent_provider_is_left_after_two_retries() {
    let fake = Fake::start([]).await;
    let client = fake.chat_with(impatient(20));
    let asked = Instant::now();
    let error = ask(&client).opened().await.expect_err("an error");
    assert!(matches!(error, ModelError::Timeout { .. }), "{error:?}");
    let error = client.model_info("m").await.expect_err("an error");
    assert!(matches!(error, ModelError::Timeout { .. }), "{error:?}");
    assert!(asked.elapsed() >= Duration::from_millis(4 * 20));
    assert!(fake.seen().len() <= 4);
}

#[tokio::test]
async fn a_server_that_wants_no_key_is_sent_none() {
    let fake = Fake::start([good()]).await;
    let endpoint = ChatEndpoint::new(format!("{}/v1/", fake.url), None);
    let client = ChatClient::new(endpoint, options()).expect("a client");
    answer(ask(&client)).await.expect("an answer");
    let seen = &fake.seen()[0];
    assert_eq!(seen.header("authorization"), None);
    assert_eq!(seen.header("content-type"), Some("application/json"));
    assert_eq!(seen.line, "POST /v1/chat/completions HTTP/1.1");
}

#[tokio::test]
async fn a_model_s_limits_are_what_the_provider_says_or_unknown() {
    let fake = Fake::start([
        Reply::json(r#"{"id":"m-1","object":"model","max_model_len":32768}"#),
        Reply::json(r#"{"id":"a/b","context_length":200000}"#),
        Reply::json(r#"{"id":"gpt","object":"model","created":1,"owned_by":"openai"}"#),
    ])
    .await;
    let client = Client::from(fake.chat());
    for (model, max_input_tokens) in [("m-1", Some(32_768)), ("a/b", Some(200_000)), ("gpt", None)] {
        let info = client.model_info(model).await.expect("a model");
        assert_eq!(info, ModelInfo { max_input_tokens });
    }
    let lines: Vec<String> = fake.seen().into_iter().map(|seen| seen.line).collect();
    let expected =
        ["GET /v1/models/m-1 HTTP/1.1", "GET /v1/models/a%2Fb HTTP/1.1", "GET /v1/models/gpt HTTP/1.1"];
    assert_eq!(lines, expected);
}

#[tokio::test]
async fn a_page_instead_of_a_model_is_a_bad_answer() {
    for page in [Reply::html(), Reply::json("7"), Reply::json("{\"id\":")] {
        let fake = Fake::start([page]).await;
        let error = fake.chat().model_info("m").await.expect_err("an error");
        assert!(matches!(error, ModelError::BadAnswer { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn limits_that_break_off_are_not_asked_for_again() {
    let told = r#"{"max_model_len":32768}"#;
    let fake = Fake::start([Reply::json(told).cut(), Reply::json(told)]).await;
    let error = fake.chat().model_info("m").await.expect_err("an error");
    assert!(matches!(error, ModelError::Cut { .. }), "{error:?}");
    assert_eq!(fake.seen().len(), 1);
}

#[tokio::test]
async fn what_cannot_be_translated_is_refused_before_it_is_sent() {
    let fake = Fake::start([]).await;
    let error = fake.chat().stream(b"[]").err().expect("an error");
    assert!(matches!(error, ModelError::Refused { status: 400, .. }), "{error:?}");
    assert!(fake.seen().is_empty());
}
