//! Which reply a request gets, and what is remembered of it.

use model_sim::{Reply, Sim};
use serde_json::json;

use crate::support::{Provider, chat, say};

#[tokio::test]
async fn a_request_without_a_reply_is_told_so() {
    let provider = Provider::scripted().await;
    let answer = provider.post(&say("Hello there")).await;
    let message = answer.refusal(500, "api_error");
    assert!(message.contains("no reply was scripted") && message.contains("Hello there"), "{message}");
    assert_eq!(answer.headers["x-should-retry"], "false");
}

#[tokio::test]
async fn a_reply_made_for_a_conversation_waits_for_it() {
    let provider = Provider::scripted().await;
    provider.sim.push(Reply::text("anyone"));
    provider.sim.push_for("deal B", Reply::text("for B"));
    provider.sim.on(|request| request.json()["model"] == "other", Reply::text("for the model"));
    let text = async |body| provider.post(&body).await.json()["content"][0]["text"].clone();
    assert_eq!(text(say("about deal B")).await, "for B");
    assert_eq!(text(say("about deal A")).await, "anyone");
    assert_eq!(provider.sim.unused(), 1);
    let other = json!({"model": "other", "max_tokens": 1, "messages": [{"role": "user", "content": "x"}]});
    assert_eq!(text(other).await, "for the model");
    assert_eq!(provider.sim.unused(), 0);
}

#[tokio::test]
async fn the_words_are_looked_for_in_the_last_user_text_not_in_tool_results() {
    let provider = Provider::scripted().await;
    provider.sim.push_for("first question", Reply::text("found"));
    let body = chat(json!([
        {"role": "user", "content": [{"type": "text", "text": "first question"}]},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "look", "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "other text"}]},
    ]));
    assert_eq!(provider.post(&body).await.json()["content"][0]["text"], "found");
}

#[tokio::test]
async fn a_function_may_answer_everything_else() {
    let provider = Provider::of(Sim::scripted()).await;
    provider.sim.respond_with(|request| Reply::text(request.last_user_text().to_uppercase()));
    provider.sim.push(Reply::text("queued"));
    assert_eq!(provider.post(&say("hi")).await.json()["content"][0]["text"], "queued");
    assert_eq!(provider.post(&say("hi")).await.json()["content"][0]["text"], "HI");
}

#[tokio::test]
async fn requests_are_kept_byte_for_byte() {
    let provider = Provider::scripted().await;
    provider.sim.push(Reply::text("ok"));
    let body = r#"{ "model":"m","max_tokens":5, "messages":[{"role":"user","content":"hi"}]}"#;
    let response = provider.request("/v1/messages").body(body).send().await.unwrap();
    let seen = provider.sim.wait_for_requests(1).await;
    assert_eq!(response.headers()["request-id"], seen[0].id.as_str());
    assert_eq!(seen.len(), 1);
    assert_eq!((seen[0].body.as_ref(), seen[0].path.as_str()), (body.as_bytes(), "/v1/messages"));
    assert_eq!(seen[0].header("x-api-key"), "k1");
    assert_eq!(seen[0].json()["max_tokens"], 5);
    assert_eq!(provider.sim.take_requests().len(), 1);
    assert!(provider.sim.requests().is_empty());
}

#[tokio::test]
async fn waiting_for_requests_ends_when_they_come() {
    let provider = Provider::scripted().await;
    provider.sim.respond_with(|_| Reply::text("ok"));
    let body = say("hi");
    let (seen, _, _) =
        tokio::join!(provider.sim.wait_for_requests(2), provider.post(&body), provider.post(&body));
    assert!(seen[0].at <= seen[1].at);
}

#[tokio::test]
async fn ids_of_calls_never_come_twice_in_a_conversation() {
    let provider = Provider::scripted().await;
    provider.sim.push(Reply::call("look", json!({})));
    let body = chat(json!([
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "toolu_sim_2", "name": "look", "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_sim_2"}]},
    ]));
    assert_eq!(provider.post(&body).await.json()["content"][0]["id"], "toolu_sim_3");
}
