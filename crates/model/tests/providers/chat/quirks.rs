//! What compatible servers do with tool calls, reasoning and the rest.

use domain::{Block, block};
use model::{Answer, InvalidInput, StopReason};
use serde_json::{Value, json};

use super::ask;
use crate::fake::{Fake, Reply, drain};

/// What is shown of chunks with these choices, and the answer.
async fn answer(choices: &[Value]) -> (Vec<String>, Answer) {
    let chunks: Vec<_> = choices.iter().map(|choice| json!({"choices": [choice]}).to_string()).collect();
    let mut frames: Vec<&str> = chunks.iter().map(String::as_str).collect();
    frames.push("[DONE]");
    let fake = Fake::start([Reply::data(&frames)]).await;
    let (shown, answer) = drain(ask(&fake.chat())).await;
    (shown, answer.expect("an answer"))
}

/// A chunk with these pieces of calls.
fn calls(pieces: &Value) -> Value {
    json!({"delta": {"tool_calls": pieces}})
}

fn stop(reason: &str) -> Value {
    json!({"delta": {}, "finish_reason": reason})
}

/// The calls of an answer: id, name and arguments.
fn called(answer: &Answer) -> Vec<(&str, &str, &str)> {
    let calls = answer.blocks.iter().filter_map(|block| match block {
        Block::ToolUse { id, name, input } => Some((id.as_str(), name.as_str(), input.get())),
        _ => None,
    });
    calls.collect()
}

#[tokio::test]
async fn parallel_calls_come_interleaved_by_index() {
    let (shown, answer) = answer(&[
        calls(&json!([{"index": 0, "id": "a", "type": "function", "function": {"name": "find", "arguments": ""}}])),
        calls(&json!([{"index": 1, "id": "b", "function": {"name": "look", "arguments": "{\"n\":"}}])),
        calls(&json!([{"index": 0, "function": {"arguments": "{\"q\": \"Zü"}}])),
        calls(&json!([{"index": 1, "function": {"arguments": " 1.0}"}}, {"index": 0, "function": {"arguments": "rich\"}"}}])),
        stop("tool_calls"),
    ])
    .await;
    assert_eq!(shown, ["<started>", "<find>", "<look>"]);
    assert_eq!(called(&answer), [("a", "find", r#"{"q": "Zürich"}"#), ("b", "look", r#"{"n": 1.0}"#)]);
    assert_eq!(answer.stop_reason, StopReason::ToolUse);
}

#[tokio::test]
async fn without_an_index_an_id_begins_a_call_and_what_has_none_goes_on_with_the_last() {
    let (_, answer) = answer(&[
        calls(&json!([{"id": "a", "function": {"name": "find", "arguments": "{\"q\":"}}])),
        calls(&json!([{"function": {"arguments": "1}"}}])),
        calls(&json!([{"id": "b", "function": {"name": "find", "arguments": "{\"q\":"}}])),
        calls(&json!([{"id": "", "function": {"name": "", "arguments": "2}"}}])),
        stop("stop"),
    ])
    .await;
    assert_eq!(called(&answer), [("a", "find", r#"{"q":1}"#), ("b", "find", r#"{"q":2}"#)]);
    assert_eq!(answer.stop_reason, StopReason::ToolUse);
}

#[tokio::test]
async fn calls_without_ids_get_ids_of_ours() {
    let whole = |name: &str| json!({"function": {"name": name, "arguments": "{}"}});
    let (shown, answer) = answer(&[calls(&json!([whole("find"), whole("look")])), stop("tool_calls")]).await;
    assert_eq!(shown, ["<started>", "<find>", "<look>"]);
    let calls = called(&answer);
    assert_eq!((calls.len(), calls[0].1, calls[1].1), (2, "find", "look"));
    assert_ne!(calls[0].0, calls[1].0);
    assert!(calls.iter().all(|(id, ..)| id.starts_with("call_") && id.len() == 29), "{calls:?}");
}

#[tokio::test]
async fn an_index_that_never_moves_and_ids_that_always_do_are_seen_through() {
    let all_zero = [
        calls(&json!([{"index": 0, "id": "a", "function": {"name": "find", "arguments": "{}"}}])),
        calls(&json!([{"index": 0, "id": "b", "function": {"name": "look", "arguments": "{}"}}])),
    ];
    let (_, two) = answer(&all_zero).await;
    assert_eq!(called(&two), [("a", "find", "{}"), ("b", "look", "{}")]);
    let always_new = [
        calls(&json!([{"index": 0, "id": "a", "function": {"name": "find", "arguments": "{"}}])),
        calls(&json!([{"index": 0, "id": "b", "function": {"arguments": "}"}}])),
    ];
    let (_, one) = answer(&always_new).await;
    assert_eq!(called(&one), [("a", "find", "{}")]);
}

#[tokio::test]
async fn ids_that_other_providers_would_refuse_are_made_plain() {
    let call =
        json!([{"index": 0, "id": "functions.find:0", "function": {"name": "find", "arguments": "{}"}}]);
    let (_, answer) = answer(&[calls(&call), stop("tool_calls")]).await;
    assert_eq!(called(&answer), [("functions_find_0", "find", "{}")]);
}

#[tokio::test]
async fn arguments_may_be_an_object_or_nothing_and_broken_ones_are_kept_aside() {
    let (_, answer) = answer(&[
        calls(&json!([{"index": 0, "id": "a", "function": {"name": "find", "arguments": {"q": 1}}}])),
        calls(&json!([{"index": 1, "id": "b", "function": {"name": "find"}}])),
        calls(&json!([{"index": 2, "id": "c", "function": {"name": "find", "arguments": "{\"q\": "}}])),
        calls(&json!([{"index": 3, "id": "d", "function": {"arguments": "{}"}}])),
        stop("length"),
    ])
    .await;
    assert_eq!(called(&answer), [("a", "find", r#"{"q":1}"#), ("b", "find", "{}"), ("c", "find", "{}")]);
    let invalid = InvalidInput { tool_use_id: "c".into(), raw: r#"{"q": "#.into() };
    assert_eq!(answer.invalid_inputs, [invalid]);
    assert_eq!(answer.stop_reason, StopReason::MaxTokens);
}

#[tokio::test]
async fn the_one_call_of_older_servers_is_a_call() {
    let (_, answer) = answer(&[
        json!({"delta": {"function_call": {"name": "find", "arguments": "{\"q\":"}}}),
        json!({"delta": {"function_call": {"arguments": "1}"}}}),
        stop("function_call"),
    ])
    .await;
    let calls = called(&answer);
    assert_eq!((calls.len(), calls[0].1, calls[0].2), (1, "find", r#"{"q":1}"#));
    assert_eq!(answer.stop_reason, StopReason::ToolUse);
}

#[tokio::test]
async fn reasoning_has_two_names_and_is_a_block_without_a_signature() {
    for name in ["reasoning_content", "reasoning"] {
        let (shown, answer) = answer(&[
            json!({"delta": {name: "Hm"}}),
            json!({"delta": {name: ".", "content": null}}),
            json!({"delta": {"content": "Yes."}}),
            stop("stop"),
        ])
        .await;
        assert_eq!(shown, ["<started>", "Hm", ".", "Yes."]);
        assert_eq!(
            block::to_json(&answer.blocks),
            r#"[{"type":"thinking","thinking":"Hm.","signature":""},{"type":"text","text":"Yes."}]"#
        );
    }
    let both = json!({"delta": {"reasoning_content": "Hm.", "reasoning": "Hm."}});
    assert_eq!(answer(&[both, stop("stop")]).await.0, ["<started>", "Hm."]);
}

#[tokio::test]
async fn what_comes_all_at_once_is_in_order() {
    let call = json!({"id": "call_1", "type": "function", "function": {"name": "find", "arguments": "{\"q\": 1.0}"}});
    let all = json!({"index": 0, "finish_reason": "tool_calls", "logprobs": null, "delta": {"role": "assistant",
        "content": "hi", "refusal": null, "reasoning_content": "Hm.", "tool_calls": [call]}});
    let (shown, answer) = answer(&[all]).await;
    assert_eq!(shown, ["<started>", "Hm.", "hi", "<find>"]);
    assert_eq!(
        block::to_json(&answer.blocks),
        r#"[{"type":"thinking","thinking":"Hm.","signature":""},{"type":"text","text":"hi"},{"type":"tool_use","id":"call_1","name":"find","input":{"q": 1.0}}]"#
    );
    assert_eq!(answer.stop_reason, StopReason::ToolUse);
}

#[tokio::test]
async fn text_in_parts_and_a_refusal_are_text() {
    let parts = json!({"delta": {"content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}});
    assert_eq!(answer(&[parts, stop("stop")]).await.1.text(), "ab");
    let (_, refused) =
        answer(&[json!({"delta": {"content": null, "refusal": "I cannot."}}), stop("stop")]).await;
    assert_eq!((refused.text().as_str(), refused.stop_reason), ("I cannot.", StopReason::Refusal));
}

#[tokio::test]
async fn every_reason_to_stop_has_its_name_known_or_not() {
    for (reason, expected) in [
        (json!("stop"), StopReason::EndTurn),
        (json!("length"), StopReason::MaxTokens),
        (json!("content_filter"), StopReason::Refusal),
        (json!("tool_calls"), StopReason::ToolUse),
        (json!("eos_token"), StopReason::Other("eos_token".into())),
        (json!(null), StopReason::Other(String::new())),
        (json!(7), StopReason::Other(String::new())),
    ] {
        let (_, answer) = answer(&[json!({"delta": {"content": "x"}, "finish_reason": reason})]).await;
        assert_eq!(answer.stop_reason, expected, "{reason}");
    }
}

#[tokio::test]
async fn usage_may_be_missing_zero_or_somewhere_else() {
    let usage = async |chunk: Value| {
        let chunk = chunk.to_string();
        let text = r#"{"choices":[{"delta":{"content":"x"},"finish_reason":"stop"}],"usage":null}"#;
        let fake = Fake::start([Reply::data(&[text, &chunk, "[DONE]"])]).await;
        let (_, answer) = drain(ask(&fake.chat())).await;
        let usage = answer.expect("an answer").usage;
        let cached = (usage.cache_read_input_tokens, usage.cache_creation_input_tokens);
        (usage.input_tokens, cached, usage.output_tokens)
    };
    for (chunk, expected) in [
        (json!({"choices": []}), (0, (0, 0), 0)),
        (json!({"usage": {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}}), (0, (0, 0), 0)),
        (json!({"choices": [{"usage": {"prompt_tokens": 9, "completion_tokens": 2}}]}), (9, (0, 0), 2)),
        (
            json!({"usage": {"prompt_tokens": 9, "prompt_cache_hit_tokens": 4, "completion_tokens": 2}}),
            (5, (4, 0), 2),
        ),
        (
            json!({"usage": {"prompt_tokens": 3, "prompt_tokens_details": {"cached_tokens": 8}}}),
            (0, (8, 0), 0),
        ),
        (
            json!({"usage": {"prompt_tokens": 9, "prompt_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 3}}}),
            (2, (4, 3), 0),
        ),
        (json!({"usage": {"prompt_tokens": "9", "completion_tokens": 2}}), (0, (0, 0), 2)),
    ] {
        assert_eq!(usage(chunk.clone()).await, expected, "{chunk}");
    }
}

#[tokio::test]
async fn fields_of_other_types_than_ours_are_absent_and_not_fatal() {
    let odd = json!({"id": 7, "created": "now", "model": null, "choices": [{"index": "0", "delta":
        {"role": 1, "content": "x", "tool_calls": null, "reasoning": {}}, "logprobs": [], "finish_reason": "stop"}],
        "usage": [], "error": null, "service_tier": {}});
    let odd = odd.to_string();
    let fake = Fake::start([Reply::data(&[&odd])]).await;
    let (shown, answer) = drain(ask(&fake.chat())).await;
    assert_eq!(
        (shown, answer.expect("an answer").text()),
        (vec!["<started>".to_owned(), "x".into()], "x".into())
    );
}
