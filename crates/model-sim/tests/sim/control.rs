//! The stand-in as another process drives it.

use serde_json::{Value, json};

use crate::support::{Provider, answer, say};

#[tokio::test]
async fn a_script_may_be_posted() {
    let provider = Provider::demo().await;
    let script = json!([
        {"for": "D-42", "content": [{"thinking": "Hm."}, {"text": "Deal."}, {"tool": {"name": "look", "input": {"a": 1}}}],
         "usage": {"input_tokens": 10, "output_tokens": 5}, "chunk_chars": 2, "first_ms": 0, "between_ms": 0},
        {"status": 429, "error": {"type": "rate_limit_error", "message": "Slow"}, "headers": {"retry-after": "1"}},
    ]);
    let queued = answer(provider.bare("/sim/script").json(&script)).await;
    assert_eq!(queued.json(), json!({"queued": 2}));
    let refused = provider.post(&say("Hi")).await;
    assert_eq!(refused.refusal(429, "rate_limit_error"), "Slow");
    let answered = provider.post(&say("What of D-42?")).await.json();
    assert_eq!(answered["content"][1]["text"], "Deal.");
    assert_eq!(answered["content"][2]["input"], json!({"a": 1}));
    assert_eq!(answered["usage"]["input_tokens"], 10);
}

#[tokio::test]
async fn a_script_with_an_unknown_field_is_refused_whole() {
    let provider = Provider::demo().await;
    let script = json!([{"content": []}, {"txt": "typo"}]);
    let refused = answer(provider.bare("/sim/script").json(&script)).await;
    assert_eq!(refused.status, 400);
    assert!(refused.text.contains("unknown field `txt`"), "{}", refused.text);
    assert_eq!(provider.sim.unused(), 0);
}

#[tokio::test]
async fn a_script_may_be_taken_back() {
    let provider = Provider::scripted().await;
    provider.sim.push(model_sim::Reply::text("never"));
    let deleted = answer(provider.http.delete(provider.url("/sim/script"))).await;
    assert_eq!((deleted.status, provider.sim.unused()), (204, 0));
}

#[tokio::test]
async fn requests_are_shown_without_their_keys() {
    let provider = Provider::demo().await;
    provider.post(&say("Hi")).await;
    let shown = provider.get("/sim/requests").await;
    assert!(!shown.text.contains("k1"), "{}", shown.text);
    let json: Value = shown.json();
    let request = &json["data"][0];
    assert_eq!(json["data"].as_array().unwrap().len(), 1);
    assert_eq!((&request["method"], &request["path"]), (&json!("POST"), &json!("/v1/messages")));
    assert_eq!(request["headers"]["x-api-key"], "[hidden]");
    assert_eq!(request["body"]["messages"][0]["content"], "Hi");
    let deleted = answer(provider.http.delete(provider.url("/sim/requests"))).await;
    assert_eq!(deleted.status, 204);
    assert_eq!(provider.get("/sim/requests").await.json(), json!({"data": []}));
}

#[tokio::test]
async fn the_wire_alone_has_no_control_routes() {
    let sim = model_sim::Sim::demo();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let mut server = tokio::task::JoinSet::new();
    server.spawn(async move { axum::serve(listener, sim.wire_router()).await });
    let status = async |path| reqwest::get(format!("{url}{path}")).await.unwrap().status().as_u16();
    assert_eq!((status("/sim/requests").await, status("/healthz").await), (404, 200));
}

#[tokio::test]
async fn a_shutdown_ends_even_answers_that_never_end() {
    let sim = model_sim::Sim::scripted();
    sim.push(model_sim::Reply::hang());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1/messages", listener.local_addr().unwrap());
    let client = reqwest::Client::new();
    let request = client.post(url).header("x-api-key", "k").header("anthropic-version", "2023-06-01");
    let mut hanging = tokio::task::JoinSet::new();
    hanging.spawn(request.json(&say("Hi")).send());
    let stop = sim.clone();
    let shutdown = async move {
        stop.wait_for_requests(1).await;
    };
    sim.serve(listener, shutdown).await.unwrap();
}
