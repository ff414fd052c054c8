//! What is known about a model, and what every request carries.

use model::{Auth, ModelError, ModelInfo};

use super::streams::good;
use crate::fake::{Fake, Reply, answer, options};

#[tokio::test]
async fn a_model_s_limits_are_what_the_provider_says_or_unknown() {
    let told = r#"{"type":"model","id":"m-1","max_input_tokens":200000,"max_tokens":64000}"#;
    let fake = Fake::start([Reply::json(told), Reply::json(r#"{"id":"a","max_input_tokens":null}"#)]).await;
    let client = fake.client();
    let info = client.model_info("m-1").await.expect("a model");
    assert_eq!(info, ModelInfo { max_input_tokens: Some(200_000) });
    let info = client.model_info("../a b").await.expect("a model");
    assert_eq!(info, ModelInfo::default());
    let lines: Vec<String> = fake.seen().into_iter().map(|seen| seen.line).collect();
    assert_eq!(lines, ["GET /v1/models/m-1 HTTP/1.1", "GET /v1/models/..%2Fa%20b HTTP/1.1"]);
}

#[tokio::test]
async fn a_page_instead_of_a_model_is_a_bad_answer() {
    let fake = Fake::start([Reply::html(), Reply::json("7")]).await;
    for _ in 0..2 {
        let error = fake.client().model_info("m").await.expect_err("an error");
        assert!(matches!(error, ModelError::BadAnswer { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn limits_that_break_off_are_not_asked_for_again() {
    let told = r#"{"max_input_tokens":200000}"#;
    let fake = Fake::start([Reply::json(told).cut(), Reply::json(told)]).await;
    let error = fake.client().model_info("m").await.expect_err("an error");
    assert!(matches!(error, ModelError::Cut { .. }), "{error:?}");
    assert_eq!(fake.seen().len(), 1);
}

#[tokio::test]
async fn each_auth_style_sends_exactly_one_auth_header() {
    let fake = Fake::start([good(), good()]).await;
    for auth in [Auth::XApiKey("k-1".into()), Auth::Bearer("k-2".into())] {
        answer(fake.client_with(auth, options()).stream("{}".into())).await.expect("an answer");
    }
    let seen = fake.seen();
    let auth = |at: usize| (seen[at].header("x-api-key"), seen[at].header("authorization"));
    assert_eq!(auth(0), (Some("k-1"), None));
    assert_eq!(auth(1), (None, Some("Bearer k-2")));
    for seen in seen {
        assert_eq!(seen.header("anthropic-version"), Some("2023-06-01"));
        assert_eq!(seen.header("content-type"), Some("application/json"));
    }
}
