//! What is refused, with which words.

use model_sim::Reply;
use serde_json::{Value, json};

use crate::support::{Answer, Provider, answer, chat, say, tool, with};

async fn refused(body: Value) -> String {
    let provider = Provider::scripted().await;
    provider.sim.push(Reply::text("never"));
    provider.post(&body).await.refusal(400, "invalid_request_error")
}

async fn with_headers(headers: &[(&str, &str)], body: Value) -> Answer {
    let provider = Provider::scripted().await;
    provider.sim.push(Reply::text("ok"));
    let request = provider.bare("/v1/messages").json(&body);
    answer(headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))).await
}

#[tokio::test]
async fn either_kind_of_key_is_accepted_but_not_both_and_not_none() {
    let version = ("anthropic-version", "2023-06-01");
    let (key, bearer) = (("x-api-key", "k"), ("authorization", "Bearer k"));
    assert_eq!(with_headers(&[version, key], say("Hi")).await.status, 200);
    assert_eq!(with_headers(&[version, bearer], say("Hi")).await.status, 200);
    with_headers(&[version], say("Hi")).await.refusal(401, "authentication_error");
    with_headers(&[version, key, bearer], say("Hi")).await.refusal(400, "invalid_request_error");
}

#[tokio::test]
async fn a_version_that_exists_is_needed() {
    let key = ("x-api-key", "k");
    let version = |version| [key, ("anthropic-version", version)];
    assert_eq!(with_headers(&version("2026-10-21"), say("Hi")).await.status, 200);
    let missing = with_headers(&[key], say("Hi")).await.refusal(400, "invalid_request_error");
    assert_eq!(missing, "anthropic-version: header is required");
    with_headers(&version("2020-01-01"), say("Hi")).await.refusal(400, "invalid_request_error");
}

#[tokio::test]
async fn sampling_parameters_went_with_the_newer_version() {
    for name in ["temperature", "top_p", "top_k"] {
        let body = with(&say("Hi"), name, json!(1));
        let version = |version| [("x-api-key", "k"), ("anthropic-version", version)];
        assert_eq!(with_headers(&version("2023-06-01"), body.clone()).await.status, 200);
        let message = with_headers(&version("2026-10-21"), body).await.refusal(400, "invalid_request_error");
        assert!(message.starts_with(name), "{message}");
    }
}

#[tokio::test]
async fn the_newer_version_is_stricter_about_blocks() {
    let document =
        json!({"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "x"}});
    let cited = json!({"type": "text", "text": "x", "citations": []});
    let said = chat(json!([{"role": "user", "content": "Hi"}, {"role": "assistant", "content": [document]}]));
    let citing = chat(json!([{"role": "user", "content": [cited]}]));
    for body in [said, citing] {
        let version = |version| [("x-api-key", "k"), ("anthropic-version", version)];
        assert_eq!(with_headers(&version("2023-06-01"), body.clone()).await.status, 200);
        with_headers(&version("2026-10-21"), body).await.refusal(400, "invalid_request_error");
    }
}

#[tokio::test]
async fn model_max_tokens_and_messages_are_required() {
    for name in ["model", "max_tokens", "messages"] {
        let mut body = say("Hi");
        body.as_object_mut().unwrap().remove(name);
        assert_eq!(refused(body).await, format!("{name}: Field required"));
    }
    assert_eq!(refused(chat(json!([]))).await, "messages: at least one message is required");
}

#[tokio::test]
async fn unknown_fields_are_refused_at_the_top_and_in_blocks() {
    assert_eq!(
        refused(with(&say("Hi"), "org_id", json!("x"))).await,
        "org_id: Extra inputs are not permitted"
    );
    let block = json!([{"role": "user", "content": [{"type": "text", "text": "Hi", "id": 1}]}]);
    assert_eq!(refused(chat(block)).await, "messages.0.content.0.text.id: Extra inputs are not permitted");
}

#[tokio::test]
async fn unknown_members_of_tools_are_refused() {
    let mut odd = tool("a");
    odd["action"] = json!("modify_deals");
    let message = refused(with(&say("Hi"), "tools", json!([odd]))).await;
    assert_eq!(message, "tools.0.custom.action: Extra inputs are not permitted");
}

#[tokio::test]
async fn the_first_message_is_the_users_and_neighbours_may_be_too() {
    let first = chat(json!([{"role": "assistant", "content": "Hi"}]));
    assert_eq!(refused(first).await, "messages: first message must use the \"user\" role");
    let provider = Provider::scripted().await;
    provider.sim.push(Reply::text("ok"));
    let two = chat(json!([{"role": "user", "content": "One"}, {"role": "user", "content": "Two"}]));
    assert_eq!(provider.post(&two).await.status, 200);
}

#[tokio::test]
async fn empty_texts_are_refused_wherever_they_stand() {
    let block = |text: &str| json!([{"type": "text", "text": text}]);
    let message = |text| chat(json!([{"role": "user", "content": block(text)}]));
    assert_eq!(refused(message("")).await, "messages: text content blocks must be non-empty");
    assert_eq!(
        refused(message(" \n")).await,
        "messages: text content blocks must contain non-whitespace text"
    );
    assert_eq!(
        refused(with(&say("Hi"), "system", block(""))).await,
        "system: text content blocks must be non-empty"
    );
    let nothing = refused(chat(json!([{"role": "user", "content": ""}]))).await;
    assert!(nothing.starts_with("messages.0: all messages must have non-empty content"), "{nothing}");
}

#[tokio::test]
async fn names_of_tools_are_unique_and_plain() {
    let twice = with(&say("Hi"), "tools", json!([tool("a"), tool("a")]));
    assert_eq!(refused(twice).await, "tools: Tool names must be unique.");
    let odd = with(&say("Hi"), "tools", json!([tool("a.b")]));
    assert!(refused(odd).await.starts_with("tools.0.custom.name: String should match pattern"));
}

#[tokio::test]
async fn a_choice_of_tool_needs_the_tool() {
    let choice = json!({"type": "tool", "name": "b"});
    let without = with(&say("Hi"), "tool_choice", choice.clone());
    assert!(refused(without).await.contains("may only be specified while providing tools"));
    let other = with(&with(&say("Hi"), "tools", json!([tool("a")])), "tool_choice", choice);
    assert_eq!(refused(other).await, "Tool 'b' not found in provided tools");
}

#[tokio::test]
async fn four_breakpoints_are_enough() {
    let block = json!({"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}});
    let blocks = |count| with(&say("Hi"), "system", json!(vec![block.clone(); count]));
    let expected = "A maximum of 4 blocks with cache_control may be provided. Found 5.";
    assert_eq!(refused(blocks(5)).await, expected);
    let provider = Provider::scripted().await;
    provider.sim.push(Reply::text("ok"));
    assert_eq!(provider.post(&blocks(4)).await.status, 200);
}

#[tokio::test]
async fn a_thinking_budget_fits_between_1024_and_max_tokens() {
    let thinking =
        |budget: u64| with(&say("Hi"), "thinking", json!({"type": "enabled", "budget_tokens": budget}));
    assert!(refused(thinking(100)).await.contains("greater than or equal to 1024"));
    assert_eq!(refused(thinking(5_000)).await, "`max_tokens` must be greater than `thinking.budget_tokens`");
}

#[tokio::test]
async fn what_is_no_json_is_refused() {
    let provider = Provider::scripted().await;
    let broken = answer(provider.request("/v1/messages").body("{\"model\"")).await;
    assert!(broken.refusal(400, "invalid_request_error").contains("not valid JSON"));
}

#[tokio::test]
async fn a_prompt_longer_than_the_window_is_refused_with_both_numbers() {
    let provider = Provider::scripted().await;
    provider.sim.window(1_000);
    let long = provider.post(&say(&"x".repeat(8_000))).await;
    assert_eq!(long.refusal(400, "invalid_request_error"), "prompt is too long: 2001 tokens > 1000 maximum");
    provider.sim.push(Reply::text("ok"));
    assert_eq!(provider.post(&say(&"x".repeat(3_000))).await.status, 200);
}

#[tokio::test]
async fn a_body_over_32_megabytes_is_refused_unread() {
    let provider = Provider::scripted().await;
    let huge = answer(provider.request("/v1/messages").body(vec![b' '; 33 * 1024 * 1024])).await;
    huge.refusal(413, "request_too_large");
    assert!(provider.sim.requests()[0].body.is_empty());
}

#[tokio::test]
async fn tokens_are_counted_without_max_tokens() {
    let provider = Provider::scripted().await;
    let mut body = say(&"x".repeat(398));
    body.as_object_mut().unwrap().remove("max_tokens");
    let count = answer(provider.request("/v1/messages/count_tokens").json(&body)).await;
    assert_eq!(count.json(), json!({"input_tokens": 100}));
    let extra = answer(provider.request("/v1/messages/count_tokens").json(&say("Hi"))).await;
    assert_eq!(extra.refusal(400, "invalid_request_error"), "max_tokens: Extra inputs are not permitted");
}

#[tokio::test]
async fn models_tell_their_window() {
    let provider = Provider::scripted().await;
    provider.sim.window(5_000);
    let model = provider.get("/v1/models/sim/demo").await.json();
    assert_eq!((&model["id"], &model["max_input_tokens"]), (&json!("sim/demo"), &json!(5_000)));
    assert_eq!(provider.get("/v1/models").await.json()["data"][0]["type"], "model");
    provider.sim.models(&["only"]);
    assert_eq!(provider.get("/v1/models/demo").await.refusal(404, "not_found_error"), "model: demo");
    assert_eq!(provider.post(&say("Hi")).await.refusal(404, "not_found_error"), "model: demo");
}

#[tokio::test]
async fn unknown_routes_and_hidden_ones_are_not_found() {
    let provider = Provider::scripted().await;
    provider.get("/v1/nothing").await.refusal(404, "not_found_error");
    provider.get("/v1/messages").await.refusal(405, "invalid_request_error");
    provider.sim.hide("/v1/messages/count_tokens");
    answer(provider.request("/v1/messages/count_tokens").json(&say("Hi")))
        .await
        .refusal(404, "not_found_error");
}
