//! The other wire: Chat Completions.

use std::time::Duration;

use model_sim::{Quirk, Reply, Sim, Usage};
use serde_json::{Value, json};

use crate::support::{Answer, Provider, answer, tool, with};

const PATH: &str = "/v1/chat/completions";

async fn post(provider: &Provider, body: &Value) -> Answer {
    answer(provider.bare(PATH).bearer_auth("k1").json(body)).await
}

/// A request with these messages.
fn chat(messages: Value) -> Value {
    with(&json!({"model": "demo"}), "messages", messages)
}

fn say(text: &str) -> Value {
    chat(json!([{"role": "user", "content": text}]))
}

fn function(name: &str) -> Value {
    let mut function = tool(name);
    function["parameters"] = json!({"type": "object", "properties": {}});
    function.as_object_mut().expect("an object").remove("input_schema");
    json!({"type": "function", "function": function})
}

/// The chunks of a stream, and how it ended.
async fn stream(provider: &Provider, body: &Value) -> (Vec<Value>, bool) {
    let text = post(provider, &with(body, "stream", json!(true))).await.text;
    let data: Vec<_> =
        text.split_terminator("\n\n").filter_map(|frame| frame.strip_prefix("data: ")).collect();
    let chunks = data.iter().filter(|data| **data != "[DONE]");
    let chunks = chunks.map(|data| serde_json::from_str(data).expect("a chunk is JSON")).collect();
    (chunks, data.last() == Some(&"[DONE]"))
}

/// What the chunks' deltas add up to at this place.
fn joined(chunks: &[Value], place: &str) -> String {
    chunks.iter().filter_map(|chunk| chunk["choices"][0]["delta"].pointer(place)?.as_str()).collect()
}

/// The message of an error of this status, whose form is checked.
fn refusal(answer: &Answer, status: u16) -> (String, Value) {
    let error = answer.json()["error"].clone();
    assert_eq!(answer.status, status, "{error}");
    let members: Vec<_> = error.as_object().expect("an error").keys().collect();
    assert_eq!(members, ["code", "message", "param", "type"]);
    (error["message"].as_str().expect("a message").to_owned(), error)
}

async fn refused(body: &Value) -> String {
    let provider = Provider::scripted().await;
    provider.sim.push(Reply::text("never"));
    let (message, error) = refusal(&post(&provider, body).await, 400);
    assert_eq!(error["type"], "invalid_request_error");
    assert_eq!(provider.sim.unused(), 1, "a wrong request uses up no reply");
    message
}

#[tokio::test]
async fn a_stream_has_the_chunks_of_the_real_api_in_their_order() {
    let provider = Provider::scripted().await;
    let usage = Usage { input_tokens: 7, output_tokens: 5, cache_read_input_tokens: 3, ..Usage::default() };
    provider.sim.push(
        Reply::message()
            .thinking("Hm.")
            .and_text("Hello, world!")
            .tool("look", json!({"id": 1}))
            .usage(usage)
            .chunk_chars(7),
    );
    let body = with(&say("Hi"), "stream_options", json!({"include_usage": true}));
    let (chunks, done) = stream(&provider, &body).await;
    assert!(done);
    assert!(
        chunks.iter().all(|chunk| chunk["object"] == "chat.completion.chunk" && chunk["created"].is_u64())
    );
    let deltas: Vec<_> = chunks.iter().map(|chunk| chunk["choices"][0]["delta"].clone()).collect();
    let call = json!({"index": 0, "id": "call_sim_2", "type": "function", "function": {"name": "look", "arguments": ""}});
    let more = |piece: &str| json!({"tool_calls": [{"index": 0, "function": {"arguments": piece}}]});
    let expected = [
        json!({"role": "assistant", "content": "", "refusal": null}),
        json!({"reasoning_content": "Hm."}),
        json!({"content": "Hello, "}),
        json!({"content": "world!"}),
        json!({"tool_calls": [call]}),
        more(r#"{"id":1"#),
        more("}"),
        json!({}),
        Value::Null,
    ];
    assert_eq!(deltas, expected);
    assert_eq!(chunks[7]["choices"][0]["finish_reason"], "tool_calls");
    assert_eq!((&chunks[7]["usage"], &chunks[8]["choices"]), (&Value::Null, &json!([])));
    let usage = &chunks[8]["usage"];
    assert_eq!(
        (
            &usage["prompt_tokens"],
            &usage["completion_tokens"],
            &usage["prompt_tokens_details"]["cached_tokens"]
        ),
        (&json!(10), &json!(5), &json!(3))
    );
}

#[tokio::test]
async fn without_stream_the_same_answer_is_one_document() {
    let provider = Provider::scripted().await;
    let reply = Reply::text("Yes.").tool_with_id("call_x", "look", json!({"id": 1}));
    provider.sim.push(reply.clone());
    provider.sim.push(reply);
    let document = post(&provider, &say("Hi")).await.json();
    let (chunks, _) = stream(&provider, &say("Hi")).await;
    let message = &document["choices"][0]["message"];
    assert_eq!(message["content"], joined(&chunks, "/content"));
    assert_eq!(message["tool_calls"][0]["function"]["arguments"], r#"{"id":1}"#);
    assert_eq!(joined(&chunks, "/tool_calls/0/function/arguments"), r#"{"id":1}"#);
    assert!(document["usage"]["total_tokens"].as_u64().is_some_and(|tokens| tokens > 0));
    assert!(chunks.iter().all(|chunk| chunk.get("usage").is_none()), "usage was not asked for");
}

#[tokio::test]
async fn the_same_script_answers_on_both_wires() {
    let provider = Provider::scripted().await;
    provider.sim.push_for("deal B", Reply::text("for B"));
    provider.sim.push(Reply::text("for anyone"));
    assert_eq!(
        provider.post(&crate::support::say("deal A")).await.json()["content"][0]["text"],
        "for anyone"
    );
    let answer = post(&provider, &say("deal B")).await.json();
    assert_eq!(answer["choices"][0]["message"]["content"], "for B");
    let missing = post(&provider, &say("deal C")).await;
    assert!(refusal(&missing, 500).0.contains("no reply was scripted"));
    assert_eq!(missing.headers["x-should-retry"], "false");
}

#[tokio::test]
async fn scripted_failures_have_the_form_of_this_wire() {
    let provider = Provider::scripted().await;
    provider.sim.push(Reply::status(429).header("retry-after", "1"));
    let limited = post(&provider, &say("Hi")).await;
    assert_eq!(refusal(&limited, 429).1["code"], "rate_limit_exceeded");
    assert_eq!(limited.headers["retry-after"], "1");
    provider.sim.push(Reply::status(400).error("invalid_request_error", "no"));
    assert_eq!(refusal(&post(&provider, &say("Hi")).await, 400).0, "no");
    provider.sim.push(Reply::text("abcdefgh").chunk_chars(2).error_event_after(2, "overloaded_error"));
    let (chunks, done) = stream(&provider, &say("Hi")).await;
    assert_eq!((joined(&chunks, "/content").as_str(), done), ("abcd", false));
    assert_eq!(chunks.last().expect("an error")["error"]["type"], "server_error");
    provider.sim.push(Reply::html(200));
    assert!(post(&provider, &say("Hi")).await.text.starts_with("<!doctype html>"));
}

#[tokio::test]
async fn each_quirk_leaves_out_what_it_names() {
    let provider = Provider::scripted().await;
    let odd = async |quirk| {
        provider.sim.push(Reply::text("Yes.").tool_with_id("call_x", "look", json!({})).quirk(quirk));
        let body = with(&say("Hi"), "stream_options", json!({"include_usage": true}));
        let (chunks, done) = stream(&provider, &body).await;
        (json!(chunks).to_string(), done)
    };
    for (quirk, gone) in [
        (Quirk::NoCreated, r#""created""#),
        (Quirk::NoIndex, r#""index":0,"type""#),
        (Quirk::NoIds, "call_x"),
        (Quirk::NoUsage, "usage"),
        (Quirk::NoFinishReason, r#""finish_reason":"tool_calls""#),
    ] {
        let (text, done) = odd(quirk).await;
        assert!(!text.contains(gone) && done, "{quirk:?}: {text}");
    }
    assert!(!odd(Quirk::NoDone).await.1);
    assert!(odd(Quirk::AlwaysStop).await.0.contains(r#""finish_reason":"stop""#));
}

#[tokio::test]
async fn an_unknown_reason_to_stop_goes_out_as_it_is() {
    let provider = Provider::scripted().await;
    for (said, sent) in [("max_tokens", "length"), ("refusal", "content_filter"), ("eos_token", "eos_token")]
    {
        provider.sim.push(Reply::text("So").stop_reason(said));
        assert_eq!(post(&provider, &say("Hi")).await.json()["choices"][0]["finish_reason"], sent);
    }
}

#[tokio::test]
async fn a_call_has_its_result_and_a_result_its_call() {
    let call =
        |id: &str| json!({"id": id, "type": "function", "function": {"name": "look", "arguments": "{}"}});
    let calls = |ids: &[&str]| json!({"role": "assistant", "content": null, "tool_calls": ids.iter().map(|id| call(id)).collect::<Vec<_>>()});
    let result = |id: &str| json!({"role": "tool", "tool_call_id": id, "content": "seen"});
    let user = json!({"role": "user", "content": "Hi"});
    let provider = Provider::scripted().await;
    provider.sim.push(Reply::text("ok"));
    let good = chat(json!([user, calls(&["a", "b"]), result("b"), result("a"), user]));
    assert_eq!(post(&provider, &good).await.status, 200);
    let missing = refused(&chat(json!([user, calls(&["a", "b"]), result("a"), user]))).await;
    assert!(missing.ends_with("did not have response messages: b"), "{missing}");
    let at_the_end = refused(&chat(json!([user, calls(&["a"])]))).await;
    assert!(at_the_end.ends_with("did not have response messages: a"), "{at_the_end}");
    for wrong in [json!([user, result("a")]), json!([user, calls(&["a"]), result("a"), result("a")])] {
        let message = refused(&chat(wrong)).await;
        assert!(message.contains("must be a response to a preceeding message"), "{message}");
    }
    let long = "c".repeat(41);
    let message = refused(&chat(json!([user, calls(&[&long]), result(&long)]))).await;
    assert!(message.contains("maximum length 40"), "{message}");
}

#[tokio::test]
async fn what_belongs_to_the_other_wire_is_refused() {
    let cached = json!({"type": "text", "text": "Hi", "cache_control": {"type": "ephemeral"}});
    for (wrong, words) in [
        (with(&say("Hi"), "system", json!("Be brief.")), "Unrecognized request argument supplied: system"),
        (with(&say("Hi"), "tools", json!([tool("look")])), "Missing required parameter: 'tools[0].type'"),
        (with(&say("Hi"), "tools", json!([])), "Invalid 'tools'"),
        (with(&say("Hi"), "tool_choice", json!("required")), "only allowed when 'tools' are specified"),
        (with(&say("Hi"), "stream_options", json!({})), "only allowed when 'stream' is enabled"),
        (
            chat(json!([{"role": "user", "content": [cached]}])),
            "Unknown parameter: 'messages[0].content[0].cache_control'",
        ),
        (
            chat(json!([{"role": "user", "content": [{"type": "image", "source": {}}]}])),
            "Invalid value: 'image'",
        ),
        (chat(json!([{"role": "assistant", "content": null}])), "Invalid value for 'content'"),
        (chat(json!([])), "empty array"),
        (json!({"messages": []}), "you must provide a model parameter"),
        (json!([]), "could not parse"),
    ] {
        let message = refused(&wrong).await;
        assert!(message.contains(words), "{message}");
    }
    let mut open = function("look");
    open["function"]["parameters"] = json!({"type": "object"});
    let message = refused(&with(&say("Hi"), "tools", json!([open]))).await;
    assert_eq!(
        message,
        "Invalid schema for function 'look': In context=(), object schema missing properties."
    );
}

#[tokio::test]
async fn who_has_no_key_and_what_does_not_fit_is_refused() {
    let provider = Provider::scripted().await;
    let keyless = answer(provider.bare(PATH).json(&say("Hi"))).await;
    assert_eq!(refusal(&keyless, 401).1["code"], "invalid_api_key");
    provider.sim.window(100);
    let (message, error) = refusal(&post(&provider, &say(&"x".repeat(800))).await, 400);
    assert!(message.starts_with("This model's maximum context length is 100 tokens."), "{message}");
    assert_eq!(error["code"], "context_length_exceeded");
    provider.sim.models(&["only"]);
    assert_eq!(refusal(&post(&provider, &say("Hi")).await, 404).1["code"], "model_not_found");
    let get = |path: &str| answer(provider.http.get(provider.url(path)).bearer_auth("k1"));
    assert_eq!(refusal(&get("/v1/models/demo").await, 404).1["code"], "model_not_found");
    let models = get("/v1/models").await.json();
    assert_eq!((&models["object"], &models["data"][0]["object"]), (&json!("list"), &json!("model")));
}

#[tokio::test]
async fn the_demo_talks_and_uses_tools_over_this_wire_too() {
    let provider = Provider::demo().await;
    let remember =
        with(&say("remember that I like short answers"), "tools", json!([function("memory_append")]));
    let asked = post(&provider, &remember).await.json();
    let message = asked["choices"][0]["message"].clone();
    let call = &message["tool_calls"][0];
    assert_eq!(call["function"]["name"], "memory_append", "{asked}");
    let mut body = remember;
    let result = json!({"role": "tool", "tool_call_id": call["id"], "content": "Written"});
    let messages = body["messages"].as_array_mut().expect("messages");
    messages.extend([message, result]);
    let told = post(&provider, &body).await.json();
    assert_eq!(told["choices"][0]["finish_reason"], "stop", "{told}");
    assert!(told["choices"][0]["message"]["content"].as_str().is_some_and(|text| !text.is_empty()));
}

#[tokio::test]
async fn a_bench_counts_tokens_on_this_wire_too() {
    let provider = Provider::of(Sim::bench(3, Duration::ZERO, Duration::ZERO)).await;
    assert_eq!(joined(&stream(&provider, &say("Hi")).await.0, "/content"), "tok0 tok1 tok2");
}
