//! The form of a good answer.

use std::time::{Duration, Instant};

use model_sim::{Gate, Reply, Sim, Usage};
use serde_json::json;

use crate::support::{Provider, joined, names, say, with};

#[tokio::test]
async fn a_stream_has_the_events_of_the_real_api_in_their_order() {
    let provider = Provider::scripted().await;
    provider.sim.push(Reply::text("Hello, world!").tool("look", json!({"id": 1})).chunk_chars(7));
    let events = provider.stream(&say("Hi")).await;
    let expected = [
        "message_start",
        "ping",
        "content_block_start",
        "content_block_delta",
        "content_block_delta",
        "content_block_stop",
        "content_block_start",
        "content_block_delta",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ];
    assert_eq!(names(&events), expected);
    assert!(events.iter().all(|event| event.data["type"] == event.name.as_str()));
    let opening = &events[0].data["message"];
    assert_eq!(opening["content"], json!([]));
    assert_eq!(opening["model"], "demo");
    assert_eq!(opening["stop_reason"], json!(null));
    assert!(opening["id"].as_str().unwrap().starts_with("msg_sim_"));
    assert_eq!(events[3].data["delta"], json!({"type": "text_delta", "text": "Hello, "}));
    assert_eq!(
        events[6].data["content_block"],
        json!({"type": "tool_use", "id": "toolu_sim_2", "name": "look", "input": {}})
    );
    assert_eq!(joined(&events, "partial_json"), r#"{"id":1}"#);
    let stop = json!({"stop_reason": "tool_use", "stop_sequence": null, "stop_details": null});
    assert_eq!(events[10].data["delta"], stop);
}

#[tokio::test]
async fn a_refusal_has_details() {
    let provider = Provider::scripted().await;
    provider.sim.push(Reply::text("No.").stop_reason("refusal"));
    let message = provider.post(&say("Hi")).await.json();
    assert_eq!(
        (&message["stop_reason"], &message["stop_details"]["type"]),
        (&json!("refusal"), &json!("refusal"))
    );
}

#[tokio::test]
async fn usage_begins_with_the_prompt_and_ends_cumulative() {
    let provider = Provider::scripted().await;
    let usage = Usage { input_tokens: 7, output_tokens: 5, cache_read_input_tokens: 3, ..Usage::default() };
    provider.sim.push(Reply::text("Hello").usage(usage));
    provider.sim.push(Reply::text("Hello"));
    let events = provider.stream(&say("Hi")).await;
    assert_eq!(events[0].data["message"]["usage"]["input_tokens"], 7);
    assert_eq!(events[0].data["message"]["usage"]["output_tokens"], 1);
    let last = &events[events.len() - 2].data["usage"];
    assert_eq!(
        last,
        &json!({"input_tokens": 7, "output_tokens": 5, "cache_read_input_tokens": 3, "cache_creation_input_tokens": 0})
    );
    let estimated = provider.post(&say("Hi there")).await.json();
    assert_eq!(estimated["usage"]["output_tokens"], 2);
}

#[tokio::test]
async fn without_stream_the_same_answer_is_one_document() {
    let provider = Provider::scripted().await;
    let reply =
        Reply::message().thinking("Hm.").and_text("Yes.").tool_with_id("toolu_x", "look", json!({"id": 1}));
    provider.sim.push(reply.clone());
    provider.sim.push(reply);
    let document = provider.post(&say("Hi")).await.json();
    let events = provider.stream(&say("Hi")).await;
    assert_eq!(document["type"], "message");
    assert_eq!(document["role"], "assistant");
    assert_eq!(document["stop_reason"], "tool_use");
    let [thinking, text, tool] = document["content"].as_array().unwrap().as_slice() else {
        panic!("three blocks: {document}")
    };
    assert_eq!(thinking["thinking"], joined(&events, "thinking"));
    assert_eq!(thinking["signature"], joined(&events, "signature"));
    assert_eq!(text["text"], joined(&events, "text"));
    assert_eq!(tool, &json!({"type": "tool_use", "id": "toolu_x", "name": "look", "input": {"id": 1}}));
}

#[tokio::test]
async fn arguments_that_are_no_json_go_out_as_they_are() {
    let provider = Provider::scripted().await;
    provider.sim.push(Reply::message().tool_raw("look", r#"{"id": "#));
    provider.sim.push(Reply::message().tool_raw("look", r#"{"id": "#));
    assert_eq!(joined(&provider.stream(&say("Hi")).await, "partial_json"), r#"{"id": "#);
    assert_eq!(provider.post(&say("Hi")).await.json()["content"][0]["input"], r#"{"id": "#);
}

#[tokio::test]
async fn the_first_partial_json_may_be_empty_and_an_empty_input_is_nothing_else() {
    let provider = Provider::scripted().await;
    provider.sim.push(Reply::call("look", json!({"a": 1})).empty_first_partial_json());
    provider.sim.push(Reply::call("look", json!({})).empty_first_partial_json());
    let events = provider.stream(&say("Hi")).await;
    assert_eq!(events[3].data["delta"], json!({"type": "input_json_delta", "partial_json": ""}));
    assert_eq!(joined(&events, "partial_json"), r#"{"a":1}"#);
    let empty = provider.stream(&say("Hi")).await;
    assert_eq!(joined(&empty, "partial_json"), "");
    assert_eq!(names(&empty)[3..5], ["content_block_delta", "content_block_stop"]);
}

#[tokio::test]
async fn text_in_any_script_is_cut_between_characters() {
    let provider = Provider::scripted().await;
    let text = "Grüße, 世界 👩‍💻 \"quoted\"\n\\ and \u{1} too";
    provider.sim.push(Reply::text(text).chunk_chars(1));
    let events = provider.stream(&say("Hi")).await;
    assert_eq!(joined(&events, "text"), text);
}

#[tokio::test]
async fn a_gate_holds_the_stream_until_it_is_released() {
    let provider = Provider::scripted().await;
    let gate = Gate::new();
    provider.sim.push(Reply::text("abcdefgh").chunk_chars(1).hold_after(3, &gate));
    let mut response = provider.open(&say("Hi")).await;
    gate.reached().await;
    let mut seen = String::new();
    while !seen.contains(r#""text":"c""#) {
        seen.push_str(std::str::from_utf8(&response.chunk().await.unwrap().unwrap()).unwrap());
    }
    assert!(!seen.contains(r#""text":"d""#));
    gate.release();
    let rest = response.text().await.unwrap();
    assert!(rest.contains(r#""text":"d""#) && rest.contains("message_stop"));
}

#[tokio::test]
async fn a_gate_may_stand_before_the_status_line() {
    let provider = Provider::scripted().await;
    let gate = Gate::new();
    provider.sim.push(Reply::text("late").hold_before(&gate));
    let release = async {
        gate.reached().await;
        gate.release();
    };
    let body = say("Hi");
    let (answer, ()) = tokio::join!(provider.post(&body), release);
    assert_eq!(answer.json()["content"][0]["text"], "late");
}

#[tokio::test]
async fn a_paced_reply_takes_its_time() {
    let provider = Provider::scripted().await;
    let (first, between) = (Duration::from_millis(20), Duration::from_millis(10));
    provider.sim.push(Reply::text("abcd").chunk_chars(1).delay_first(first).delay_between(between));
    let start = Instant::now();
    provider.stream(&say("Hi")).await;
    assert!(start.elapsed() >= first + 3 * between);
}

#[tokio::test]
async fn a_bench_counts_tokens_at_its_pace() {
    for gap in [Duration::ZERO, Duration::from_millis(1)] {
        let provider = Provider::of(Sim::bench(3, Duration::from_millis(5), gap)).await;
        let start = Instant::now();
        let events = provider.stream(&say("Hi")).await;
        assert!(start.elapsed() >= Duration::from_millis(5) + 2 * gap);
        assert_eq!(joined(&events, "text"), "tok0 tok1 tok2");
        assert_eq!(names(&events)[2..5], ["content_block_delta"; 3]);
        assert_eq!(names(&events)[6..], ["message_delta", "message_stop"]);
        assert_eq!(events[6].data["usage"]["output_tokens"], 3);
        let document = provider.post(&with(&say("Hi"), "model", json!("other"))).await.json();
        assert_eq!(document["content"][0]["text"], "tok0 tok1 tok2");
        assert_eq!(document["model"], "other");
        assert!(provider.sim.requests().is_empty());
    }
}
