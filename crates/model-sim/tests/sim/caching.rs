//! The simulated prompt cache.

use model_sim::Reply;
use serde_json::{Value, json};

use crate::support::{Provider, answer, chat, with};

const LONG: usize = 8_000; // 2,000 tokens

async fn provider() -> Provider {
    let provider = Provider::scripted().await;
    provider.sim.respond_with(|_| Reply::text("ok"));
    provider
}

fn system(letter: &str) -> Value {
    json!([{"type": "text", "text": letter.repeat(LONG), "cache_control": {"type": "ephemeral"}}])
}

fn hello(letter: &str) -> Value {
    with(&chat(json!([{"role": "user", "content": "y".repeat(400)}])), "system", system(letter))
}

/// Tokens that were read, written, and neither.
async fn usage(provider: &Provider, body: &Value) -> (u64, u64, u64) {
    let usage = provider.post(body).await.json()["usage"].clone();
    let tokens = |name: &str| usage[name].as_u64().expect("a number");
    (tokens("cache_read_input_tokens"), tokens("cache_creation_input_tokens"), tokens("input_tokens"))
}

#[tokio::test]
async fn a_prefix_is_written_once_and_then_read() {
    let provider = provider().await;
    assert_eq!(usage(&provider, &hello("a")).await, (0, 2_001, 100));
    assert_eq!(usage(&provider, &hello("a")).await, (2_001, 0, 100));
    assert_eq!(usage(&provider, &hello("b")).await, (0, 2_001, 100));
    provider.sim.forget_cache();
    assert_eq!(usage(&provider, &hello("a")).await, (0, 2_001, 100));
}

#[tokio::test]
async fn other_keys_and_models_share_nothing() {
    let provider = provider().await;
    usage(&provider, &hello("a")).await;
    assert_eq!(usage(&provider, &with(&hello("a"), "model", json!("other"))).await.0, 0);
    let stranger = provider.bare("/v1/messages").header("x-api-key", "k2");
    let stranger = answer(stranger.header("anthropic-version", "2023-06-01").json(&hello("a"))).await;
    assert_eq!(stranger.json()["usage"]["cache_read_input_tokens"], 0);
}

#[tokio::test]
async fn a_growing_conversation_pays_for_what_is_new() {
    let provider = provider().await;
    let message = |role: &str, letter: &str, mark: bool| {
        let mut block = json!({"type": "text", "text": letter.repeat(LONG)});
        if mark {
            block["cache_control"] = json!({"type": "ephemeral"});
        }
        json!({"role": role, "content": [block]})
    };
    let first = chat(json!([message("user", "a", true)]));
    assert_eq!(usage(&provider, &first).await, (0, 2_001, 0));
    // The mark moves on; what it marked before is found all the same.
    let second = chat(json!([
        message("user", "a", false),
        message("assistant", "b", false),
        message("user", "c", true)
    ]));
    assert_eq!(usage(&provider, &second).await, (2_001, 4_001, 0));
}

#[tokio::test]
async fn without_a_breakpoint_or_below_the_minimum_nothing_is_cached() {
    let provider = provider().await;
    let unmarked = chat(json!([{"role": "user", "content": "x".repeat(LONG)}]));
    let short = json!([{"type": "text", "text": "x".repeat(2_000), "cache_control": {"type": "ephemeral"}}]);
    let short = with(&chat(json!([{"role": "user", "content": "Hi"}])), "system", short);
    for body in [unmarked, short] {
        for _ in 0..2 {
            let (read, written, _) = usage(&provider, &body).await;
            assert_eq!((read, written), (0, 0));
        }
    }
}

#[tokio::test]
async fn a_change_of_tools_loses_the_prefix_and_a_change_of_tool_choice_only_the_messages() {
    let provider = provider().await;
    let mut body = hello("a");
    body["messages"] = json!([{"role": "user", "content": system("b")}]);
    body["tools"] = json!([crate::support::tool("one")]);
    let (_, all, _) = usage(&provider, &body).await;
    let none = with(&body, "tool_choice", json!({"type": "none"}));
    let (read, written, _) = usage(&provider, &none).await;
    assert!(read > 2_000 && written >= 2_000 && read + written == all, "{read} {written} {all}");
    body["tools"] = json!([crate::support::tool("two")]);
    assert_eq!(usage(&provider, &body).await.0, 0);
}

#[tokio::test]
async fn keys_that_change_places_lose_the_prefix() {
    let provider = provider().await;
    let tool = |members: &str| {
        let text = "x".repeat(LONG);
        format!(
            r#"{{"model":"m","max_tokens":9,"tools":[{{{members},"description":"{text}","cache_control":{{"type":"ephemeral"}}}}],"messages":[{{"role":"user","content":"Hi"}}]}}"#
        )
    };
    let sorted = tool(r#""input_schema":{"type":"object"},"name":"a""#);
    let shuffled = tool(r#""name":"a","input_schema":{"type":"object"}"#);
    let read = async |body: &str| {
        let answer = answer(provider.request("/v1/messages").body(body.to_owned())).await.json();
        answer["usage"]["cache_read_input_tokens"].as_u64().unwrap()
    };
    assert_eq!(read(&sorted).await, 0);
    assert!(read(&sorted).await > 2_000);
    assert_eq!(read(&shuffled).await, 0);
}

#[tokio::test]
async fn a_failed_request_writes_nothing() {
    let provider = provider().await;
    provider.sim.push(Reply::status(529));
    provider.post(&hello("a")).await;
    assert_eq!(usage(&provider, &hello("a")).await.0, 0);
}
