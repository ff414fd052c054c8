//! What providers do on bad days.

use std::time::Duration;

use model_sim::Reply;
use serde_json::json;

use crate::support::{Provider, chat, events, joined, names, say, streamed};

#[tokio::test]
async fn an_error_status_has_the_usual_type_unless_told_otherwise() {
    let provider = Provider::scripted().await;
    let usual =
        [(402, "billing_error"), (429, "rate_limit_error"), (500, "api_error"), (529, "overloaded_error")];
    for (status, kind) in usual {
        provider.sim.push(Reply::status(status));
        assert!(!provider.post(&say("Hi")).await.refusal(status, kind).is_empty());
    }
    let reply = Reply::status(429).header("retry-after", "1").error("custom_error", "Slow down");
    provider.sim.push(reply);
    let answer = provider.post(&streamed(&say("Hi"))).await;
    assert_eq!(answer.refusal(429, "custom_error"), "Slow down");
    assert_eq!(answer.headers["retry-after"], "1");
}

#[tokio::test]
async fn an_error_event_may_end_a_stream_that_began_well() {
    let provider = Provider::scripted().await;
    provider.sim.push(Reply::text("abcdef").chunk_chars(1).error_event_after(2, "overloaded_error"));
    let events = provider.stream(&say("Hi")).await;
    assert_eq!(joined(&events, "text"), "ab");
    let last = events.last().unwrap();
    assert_eq!(last.name, "error");
    assert_eq!(
        last.data,
        json!({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}})
    );
}

#[tokio::test]
async fn an_error_event_may_come_before_the_first_delta() {
    let provider = Provider::scripted().await;
    provider.sim.push(Reply::text("abc").error_event_after(0, "api_error"));
    let events = provider.stream(&say("Hi")).await;
    assert_eq!(names(&events), ["message_start", "ping", "content_block_start", "error"]);
}

#[tokio::test]
async fn a_late_error_is_a_status_when_nothing_is_streamed() {
    let provider = Provider::scripted().await;
    provider.sim.push(Reply::text("abc").error_event_after(1, "overloaded_error"));
    provider.post(&say("Hi")).await.refusal(529, "overloaded_error");
}

#[tokio::test]
async fn a_cut_closes_the_connection_after_so_many_events() {
    let provider = Provider::scripted().await;
    provider.sim.push(Reply::text("abcdef").chunk_chars(1).cut_after(5));
    let mut response = provider.open(&say("Hi")).await;
    let mut seen = Vec::new();
    let error = loop {
        match response.chunk().await {
            Ok(chunk) => seen.extend_from_slice(&chunk.expect("no orderly end")),
            Err(error) => break error,
        }
    };
    assert!(error.is_body() || error.is_decode(), "{error:?}");
    assert_eq!(events(std::str::from_utf8(&seen).unwrap()).len(), 5);
}

#[tokio::test]
async fn a_cut_document_is_half_a_document() {
    let provider = Provider::scripted().await;
    provider.sim.push(Reply::text("abcdef").cut_after(0));
    let response = provider.request("/v1/messages").json(&say("Hi")).send().await.unwrap();
    assert!(response.text().await.is_err());
}

#[tokio::test]
async fn html_may_come_where_json_was_expected() {
    let provider = Provider::scripted().await;
    provider.sim.push(Reply::html(200));
    provider.sim.push(Reply::html(502));
    let answer = provider.post(&streamed(&say("Hi"))).await;
    assert_eq!(
        (answer.status, answer.headers["content-type"].as_bytes()),
        (200, &b"text/html; charset=utf-8"[..])
    );
    assert!(answer.text.starts_with("<!doctype html>"));
    assert_eq!(provider.post(&say("Hi")).await.status, 502);
}

#[tokio::test]
async fn a_hanging_provider_answers_never() {
    let provider = Provider::scripted().await;
    provider.sim.push(Reply::hang());
    let body = say("Hi");
    let hanging = tokio::select! {
        _ = provider.post(&body) => false,
        // Others are served meanwhile, so the stand-in is not merely slow.
        seen = async {
            provider.sim.wait_for_requests(1).await;
            provider.sim.push(Reply::text("others"));
            provider.post(&body).await
        } => seen.status == 200,
    };
    assert!(hanging);
}

#[tokio::test]
async fn slow_bytes_cut_frames_and_characters_but_lose_nothing() {
    let provider = Provider::scripted().await;
    let text = "äöü 世界";
    for size in [1, 2, 3, 7, 100] {
        provider.sim.push(Reply::text(text).slow_bytes(size, Duration::ZERO));
        let mut response = provider.open(&say("Hi")).await;
        let mut whole = Vec::new();
        let mut split_a_character = false;
        while let Some(chunk) = response.chunk().await.unwrap() {
            split_a_character |= std::str::from_utf8(&chunk).is_err();
            whole.extend_from_slice(&chunk);
        }
        assert!(split_a_character || size > 7, "pieces of {size}");
        assert_eq!(joined(&events(std::str::from_utf8(&whole).unwrap()), "text"), text);
    }
}

#[tokio::test]
async fn unknown_events_surround_the_known_ones() {
    let provider = Provider::scripted().await;
    provider.sim.push(Reply::text("Hello").unknown_events());
    let text = provider.open(&say("Hi")).await.text().await.unwrap();
    assert!(text.contains("\n\n: a comment\n\n"));
    let events = events(&text);
    assert!(names(&events).contains(&"sim_future_event"));
    assert!(events.iter().any(|event| event.data["delta"]["type"] == "sim_future_delta"));
    assert_eq!(joined(&events, "text"), "Hello");
}

#[tokio::test]
async fn an_unknown_block_may_be_sent_back() {
    let provider = Provider::scripted().await;
    provider.sim.push(Reply::text("Hello").unknown_events());
    provider.sim.push(Reply::text("Good"));
    let content = provider.post(&say("Hi")).await.json()["content"].clone();
    assert_eq!(content[0]["type"], "sim_future_block");
    let again = chat(json!([
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": content},
        {"role": "user", "content": "Go on"},
    ]));
    assert_eq!(provider.post(&again).await.status, 200);
}

#[tokio::test]
async fn thinking_must_come_back_unchanged() {
    let provider = Provider::scripted().await;
    provider.sim.push(Reply::message().thinking("Hm.").tool_with_id("toolu_1", "look", json!({})));
    provider.sim.push(Reply::text("Good"));
    let mut content = provider.post(&say("Hi")).await.json()["content"].clone();
    let result = json!([{"type": "tool_result", "tool_use_id": "toolu_1", "content": "ok"}]);
    let again = |content| {
        chat(json!([
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": content},
            {"role": "user", "content": result},
        ]))
    };
    assert_eq!(provider.post(&again(content.clone())).await.status, 200);
    content[0]["thinking"] = json!("Hm!");
    let refused = provider.post(&again(content)).await.refusal(400, "invalid_request_error");
    assert_eq!(refused, "messages.1.content.0: Invalid `signature` in `thinking` block");
}
