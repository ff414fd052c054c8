//! Answers piece by piece, whole and broken.

use domain::{Usage, block};
use model::{Broken, Delta, ModelError, StopReason};
use serde_json::{Value, json};

use super::ask;
use crate::fake::{Fake, Reply, answer, drain, impatient, slow_to_retry};

const ROLE: &str = r#"{"id":"c-1","object":"chat.completion.chunk","created":1,"model":"m-1","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}],"usage":null}"#;
const HELLO: &str = r#"{"id":"c-1","choices":[{"index":0,"delta":{"content":"Grüße "}}]}"#;
const WORLD: &str = r#"{"id":"c-1","choices":[{"index":0,"delta":{"content":"🌍"}}]}"#;
const STOP: &str = r#"{"id":"c-1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#;
const USAGE: &str = r#"{"id":"c-1","choices":[],"usage":{"prompt_tokens":30,"completion_tokens":2,"prompt_tokens_details":{"cached_tokens":20}}}"#;
const DONE: &str = "[DONE]";
const OVERLOADED: &str = r#"{"error":{"message":"Overloaded","type":"server_error","code":null}}"#;
const INVALID: &str = r#"{"error":{"message":"no","type":"invalid_request_error"}}"#;

pub fn good() -> Reply {
    Reply::data(&[ROLE, HELLO, WORLD, STOP, USAGE, DONE])
}

#[tokio::test]
async fn an_answer_is_shown_as_it_comes_and_then_handed_out_whole() {
    let fake = Fake::start([good()]).await;
    let stream = ask(&fake.chat());
    let (shown, answer) = drain(stream).await;
    let answer = answer.expect("an answer");
    assert_eq!(shown.concat(), "<started>Grüße 🌍");
    assert_eq!(block::to_json(&answer.blocks), r#"[{"type":"text","text":"Grüße 🌍"}]"#);
    assert_eq!((answer.stop_reason, answer.model.as_str()), (StopReason::EndTurn, "m-1"));
    let usage = (answer.usage.input_tokens, answer.usage.cache_read_input_tokens, answer.usage.output_tokens);
    assert_eq!(usage, (10, 20, 2));
    let seen = &fake.seen()[0];
    assert_eq!(seen.line, "POST /v1/chat/completions HTTP/1.1");
    assert_eq!(seen.header("authorization"), Some("Bearer sk-test-secret"));
    assert!(seen.header("user-agent").is_some_and(|agent| agent.starts_with("sixty/")));
    let body: Value = serde_json::from_str(&seen.body).expect("JSON");
    let expected = json!({"model": "m", "max_tokens": 5, "messages": [{"role": "user", "content": "Hi"}],
        "stream": true, "stream_options": {"include_usage": true}});
    assert_eq!(body, expected);
}

#[tokio::test]
async fn bytes_that_trickle_in_give_the_same_answer() {
    let fake = Fake::start([good().byte_by_byte()]).await;
    let (shown, answer) = drain(ask(&fake.chat())).await;
    assert_eq!(shown.concat(), "<started>Grüße 🌍");
    assert_eq!(answer.expect("an answer").text(), "Grüße 🌍");
}

#[tokio::test]
async fn a_delta_is_handed_out_while_the_provider_still_thinks() {
    let fake = Fake::start([Reply::data(&[ROLE, HELLO]).then_silence()]).await;
    let mut stream = ask(&fake.chat());
    while let Some(delta) = stream.next().await.expect("a delta") {
        if let Delta::Text(text) = delta {
            assert_eq!(text, "Grüße ");
            break;
        }
    }
}

#[tokio::test]
async fn what_breaks_before_anything_visible_is_asked_again() {
    const BROKE_OFF: &str = "<started><broke off>";
    for (broken, told) in [
        (Reply::data(&[ROLE, OVERLOADED]), BROKE_OFF),
        (Reply::data(&[ROLE]), BROKE_OFF),
        (Reply::data(&[ROLE, DONE]), BROKE_OFF),
        (Reply::data(&[ROLE]).cut(), BROKE_OFF),
        (Reply::data(&[ROLE]).then_silence(), BROKE_OFF),
        (Reply::raw(": alive\n\n").cut(), "<broke off>"),
        (Reply::raw("event: error\ndata: {\"message\":\"busy\"}\n\n"), ""),
        (Reply::data(&[OVERLOADED]), ""),
        (Reply::nothing(), ""),
        (Reply::hang_up(), ""),
    ] {
        let fake = Fake::start([broken, good()]).await;
        let client = fake.chat_with(impatient(500));
        let (shown, answer) = drain(ask(&client)).await;
        assert_eq!(shown.concat(), format!("{told}<started>Grüße 🌍"));
        assert_eq!(answer.expect("an answer").text(), "Grüße 🌍");
        let seen = fake.seen();
        assert_eq!((seen.len(), &seen[0].body), (2, &seen[1].body));
    }
}

#[tokio::test]
async fn an_attempt_that_broke_off_is_told_once_with_what_has_come_of_it() {
    let piece = |call: Value| json!({"choices": [{"delta": {"tool_calls": [call]}}]}).to_string();
    let call = piece(json!({"index": 0, "id": "a", "function": {"name": "find"}}));
    let arguments = [r#"{"a":"#, "12"];
    let [head, tail] = arguments.map(|text| piece(json!({"index": 0, "function": {"arguments": text}})));
    let fake = Fake::start([Reply::data(&[ROLE, &call, &head, &tail, USAGE]).cut()]).await;
    let mut stream = ask(&fake.chat_with(slow_to_retry()));
    let broken = loop {
        match stream.next().await.expect("a delta") {
            Some(Delta::BrokeOff(broken)) => break broken,
            Some(Delta::Started { .. } | Delta::ToolUseStarted { .. }) => {}
            other => panic!("{other:?}"),
        }
    };
    let usage = Usage { input_tokens: 10, cache_read_input_tokens: 20, output_tokens: 2, ..Usage::default() };
    assert_eq!(broken, Broken { usage, received: arguments.concat().len(), whole: false });
    assert_eq!(stream.broken(), None);
}

#[tokio::test]
async fn the_attempt_with_which_a_stream_ends_is_left_unless_it_was_refused() {
    for (reply, broken) in [
        (Reply::data(&[INVALID]), None),
        (Reply::error(400, "", "invalid_request_error", "no"), None),
        (Reply::data(&[ROLE, INVALID]), Some(Broken::default())),
    ] {
        let fake = Fake::start([reply]).await;
        let mut stream = ask(&fake.chat());
        let error = loop {
            match stream.next().await {
                Ok(Some(Delta::Started { .. })) => {}
                Ok(other) => panic!("{other:?}"),
                Err(error) => break error,
            }
        };
        assert_eq!(stream.broken(), broken, "{error:?}");
    }
}

#[tokio::test]
async fn what_breaks_after_visible_text_is_the_caller_s_to_decide() {
    let text = [ROLE, HELLO];
    for (broken, name) in [
        (Reply::data(&[ROLE, HELLO, OVERLOADED]), "ErrorEvent"),
        (Reply::data(&text), "Cut"),
        (Reply::data(&text).cut(), "Cut"),
        (Reply::data(&text).then_silence(), "Timeout"),
    ] {
        let fake = Fake::start([broken, good()]).await;
        let client = fake.chat_with(impatient(500));
        let (shown, answer) = drain(ask(&client)).await;
        let error = answer.expect_err("an error");
        assert_eq!(shown, ["<started>", "Grüße "]);
        assert!(format!("{error:?}").starts_with(name), "{name}: {error:?}");
        assert!(error.is_retryable());
        assert_eq!(fake.seen().len(), 1);
    }
}

#[tokio::test]
async fn the_retries_of_a_stream_and_of_its_opening_come_from_one_budget() {
    let cut = || Reply::data(&[ROLE]).cut();
    let fake = Fake::start([Reply::error(500, "", "server_error", "x"), cut(), cut(), good()]).await;
    let (shown, answer) = drain(ask(&fake.chat())).await;
    assert_eq!(shown, ["<started>", "<broke off>", "<started>"]);
    assert!(matches!(answer, Err(ModelError::Cut { .. })), "{answer:?}");
    assert_eq!(fake.seen().len(), 3);
}

#[tokio::test]
async fn an_error_event_that_blames_the_request_is_not_retried() {
    let fake = Fake::start([Reply::data(&[ROLE, INVALID]), good()]).await;
    let error = answer(ask(&fake.chat())).await.expect_err("an error");
    let expected = ModelError::ErrorEvent { kind: "invalid_request_error".into(), message: "no".into() };
    assert_eq!(error, expected);
    assert_eq!(fake.seen().len(), 1);
}

#[tokio::test]
async fn an_answer_with_its_reason_to_stop_is_whole_whatever_comes_then() {
    for end in [
        Reply::data(&[ROLE, HELLO, STOP]),
        Reply::data(&[ROLE, HELLO, STOP]).cut(),
        Reply::data(&[ROLE, HELLO, STOP]).then_silence(),
        Reply::data(&[ROLE, HELLO, STOP, USAGE, DONE]).then_silence(),
    ] {
        let fake = Fake::start([end]).await;
        let answer = answer(ask(&fake.chat())).await.expect("an answer");
        assert_eq!(answer.text(), "Grüße ");
    }
}

#[tokio::test]
async fn comments_are_signs_of_life_and_nothing_else() {
    let waiting = ": OPENROUTER PROCESSING\n\n".repeat(3);
    let frames = format!("{waiting}data: {HELLO}\n\n{waiting}data: {STOP}\n\ndata: [DONE]\n\n");
    let fake = Fake::start([Reply::raw(&frames)]).await;
    let (shown, answer) = drain(ask(&fake.chat())).await;
    assert_eq!(shown, ["<started>", "Grüße "]);
    assert_eq!(answer.expect("an answer").text(), "Grüße ");
}

#[tokio::test]
async fn what_cannot_be_read_is_a_bad_answer() {
    for reply in [
        Reply::html(),
        Reply::json("{\"ok\":true}"),
        Reply::data(&["{\"choices\":"]),
        Reply::data(&["7"]),
        Reply::data(&["<html>"]),
    ] {
        let fake = Fake::start([reply, good()]).await;
        let error = answer(ask(&fake.chat())).await.expect_err("an error");
        assert!(matches!(error, ModelError::BadAnswer { .. }), "{error:?}");
        assert_eq!(fake.seen().len(), 1);
    }
}

#[tokio::test]
async fn finished_streams_leave_their_connections_to_others() {
    let fake = Fake::start((0..8).map(|_| good())).await;
    let client = fake.chat();
    for _ in 0..8 {
        answer(ask(&client)).await.expect("an answer");
    }
    assert!(fake.seen().iter().all(|seen| seen.connection < 8), "each had its own");
}

#[tokio::test]
async fn a_pending_next_can_be_dropped_and_called_again() {
    let fake = Fake::start([Reply::data(&[ROLE]).cut(), good().byte_by_byte()]).await;
    let mut stream = ask(&fake.chat());
    let mut text = String::new();
    loop {
        tokio::select! {
            biased;
            delta = stream.next() => match delta.expect("a delta") {
                Some(Delta::Text(piece)) => text.push_str(&piece),
                Some(_) => {}
                None => break,
            },
            () = tokio::task::yield_now() => {}
        }
    }
    assert_eq!(text, "Grüße 🌍");
    assert_eq!(fake.seen().len(), 2);
}
