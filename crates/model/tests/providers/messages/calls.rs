//! The calls that are not streamed, and what every request carries.

use domain::block;
use model::{Auth, ModelError, ModelInfo, StopReason};

use crate::fake::{Fake, Reply, options};

#[tokio::test]
async fn a_whole_answer_keeps_its_blocks() {
    let content = r#"[{"type":"thinking","thinking":"t","signature":"s"},{"type":"redacted_thinking","data":"b3A="},{"type":"text","text":"hi"},{"type":"tool_use","id":"t1","name":"find","input":{"q": 1.0}}]"#;
    let body = format!(
        r#"{{"id":"m","type":"message","role":"assistant","model":"m-1","content":{content},"stop_reason":"tool_use","usage":{{"input_tokens":7,"output_tokens":2}}}}"#
    );
    let fake = Fake::start([Reply::json(&body)]).await;
    let answer = fake.client().create(r#"{"model":"m"}"#.into()).await.expect("an answer");
    assert_eq!(block::to_json(&answer.blocks), content);
    assert_eq!((answer.model.as_str(), answer.stop_reason), ("m-1", StopReason::ToolUse));
    assert_eq!((answer.usage.input_tokens, answer.usage.output_tokens), (7, 2));
    assert_eq!(fake.seen()[0].body, r#"{"model":"m"}"#);
}

#[tokio::test]
async fn a_page_instead_of_a_message_is_a_bad_answer() {
    let fake = Fake::start([Reply::html(), Reply::json(r#"{"ok":true}"#)]).await;
    for _ in 0..2 {
        let error = fake.client().create("{}".into()).await.expect_err("an error");
        assert!(matches!(error, ModelError::BadAnswer { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn a_whole_answer_that_breaks_off_is_asked_for_again() {
    let message = r#"{"content":[{"type":"text","text":"hi"}]}"#;
    let fake = Fake::start([Reply::json(message).cut(), Reply::json(message)]).await;
    assert_eq!(fake.client().create("{}".into()).await.expect("an answer").text(), "hi");
    assert_eq!(fake.seen().len(), 2);
}

#[tokio::test]
async fn tokens_are_counted_by_the_provider() {
    let fake = Fake::start([Reply::json(r#"{"input_tokens":2095}"#), Reply::json("{}")]).await;
    let client = fake.client();
    assert_eq!(client.count_tokens(r#"{"messages":[]}"#.into()).await.expect("a count"), 2095);
    let error = client.count_tokens("{}".into()).await.expect_err("an error");
    assert!(matches!(error, ModelError::BadAnswer { .. }), "{error:?}");
    let seen = &fake.seen()[0];
    assert_eq!(seen.line, "POST /v1/messages/count_tokens HTTP/1.1");
    assert_eq!(seen.body, r#"{"messages":[]}"#);
}

#[tokio::test]
async fn a_model_s_limits_are_what_the_provider_says_or_unknown() {
    let told = r#"{"type":"model","id":"m-1","max_input_tokens":200000,"max_tokens":64000}"#;
    let fake = Fake::start([Reply::json(told), Reply::json(r#"{"id":"a","max_tokens":null}"#)]).await;
    let client = fake.client();
    let info = client.model_info("m-1").await.expect("a model");
    assert_eq!(info, ModelInfo { max_input_tokens: Some(200_000), max_tokens: Some(64_000) });
    let info = client.model_info("../a b").await.expect("a model");
    assert_eq!(info, ModelInfo::default());
    let lines: Vec<String> = fake.seen().into_iter().map(|seen| seen.line).collect();
    assert_eq!(lines, ["GET /v1/models/m-1 HTTP/1.1", "GET /v1/models/..%2Fa%20b HTTP/1.1"]);
}

#[tokio::test]
async fn each_auth_style_sends_exactly_one_auth_header() {
    let fake =
        Fake::start([Reply::json(r#"{"input_tokens":1}"#), Reply::json(r#"{"input_tokens":1}"#)]).await;
    for auth in [Auth::XApiKey("k-1".into()), Auth::Bearer("k-2".into())] {
        fake.client_with(auth, options()).count_tokens("{}".into()).await.expect("a count");
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
