//! While a limit in money stands, no model is asked whose price nobody knows.

use model_sim::Reply;
use serde_json::{Value, json};

use super::{BUDGETS, DEFAULT, limit, priced, send, used, using};
use crate::{
    harness::{
        Setup, TestApp,
        look::{answers, run_of},
    },
    models::Two,
};

const MODELS: &str = "/v1/admin/models";

/// A row that says what a million tokens of the model cost.
fn costs(model: &str, dollars: u32) -> Value {
    json!({"model": model, "price": {"input": dollars, "output": dollars}})
}

#[tokio::test]
async fn a_limit_in_money_is_refused_while_a_model_that_turns_come_to_has_no_price() {
    let app = TestApp::start().await;
    let (alice, platform) = (app.alice(), app.replica.root());
    for (limits, field) in [
        (json!({"org": {"monthly_usd": 5}}), "org.monthly_usd"),
        (json!({"user": {"daily_usd": 5, "daily_tokens": 9}}), "user.daily_usd"),
        (json!({"run": {"usd": 5}}), "run.usd"),
    ] {
        for (person, path) in [(&alice, BUDGETS), (&platform, DEFAULT)] {
            let problem = person.put(path, limits.clone()).await.problem(422, "validation_failed");
            let errors = problem["errors"].as_array().expect("errors");
            assert_eq!((errors.len(), &errors[0]["field"]), (1, &json!(field)), "{problem}");
            let why = errors[0]["error"].as_str().expect("words");
            assert!(why.contains("anthropic/claude-test") && why.contains("PUT /v1/admin/models"), "{why}");
        }
    }
    limit(&alice, json!({"user": {"daily_tokens": 1000}})).await;
    let money = json!({"user": {"daily_usd": 5}});
    alice.put(MODELS, json!({"models": [costs("anthropic/claude-test", 0)]})).await.expect(200);
    limit(&alice, money.clone()).await;
    // What one organization says of a model is nothing to the others.
    platform.put(DEFAULT, money.clone()).await.problem(422, "validation_failed");
    let everywhere = json!({"models": [costs("anthropic/claude-test", 10)]});
    platform.put("/v1/platform/models", everywhere).await.expect(200);
    platform.put(DEFAULT, money.clone()).await.expect(200);
    let routes = json!([
        {"candidates": ["anthropic/one", "anthropic/claude-test", "anthropic/two"]},
        {"feature": "summary", "candidates": ["anthropic/three", "anthropic/four"]},
    ]);
    alice.put(MODELS, json!({ "routes": routes })).await.expect(200);
    let problem = alice.put(BUDGETS, money).await.problem(422, "validation_failed");
    let why = problem["errors"][0]["error"].as_str().expect("words");
    assert!(why.contains("anthropic/one, anthropic/two, anthropic/three and 1 more"), "{why}");
}

#[tokio::test]
async fn a_turn_that_only_models_without_a_price_could_answer_is_refused_and_nobody_is_asked() {
    let two = Two::with(Setup::default()).await;
    let alice = two.app.alice();
    alice.put(MODELS, json!({"models": [costs("anthropic/claude-test", 10)]})).await.expect(200);
    limit(&alice, json!({"user": {"daily_usd": 100}})).await;
    // The row with the price is gone with it.
    two.route(json!([{"candidates": ["second/next"]}])).await;
    let session = alice.session().await;
    let problem = send(&alice, &session, "Hello?").await.problem(409, "no_model");
    let why = problem["detail"].as_str().expect("words");
    for said in ["second/next, anthropic/claude-test", "PUT /v1/admin/models", "SIXTY_MODEL_PRICES"] {
        assert!(why.contains(said), "{why}");
    }
    let wish = json!({"text": "Hello?", "model": "second/next"});
    let problem = alice.send(alice.message(&session, &wish)).await.problem(422, "validation_failed");
    assert_eq!(problem["errors"][0]["field"], "model");
    assert!(problem["detail"].as_str().is_some_and(|why| why.contains("no price")), "{problem}");
    assert_eq!((two.calls(), alice.history(&session).await.len()), ((0, 0), 0));
    // One that is said to cost nothing is asked.
    let free = json!({"models": [costs("second/next", 0)], "routes": [{"candidates": ["second/next"]}]});
    alice.put(MODELS, free).await.expect(200);
    two.second.push(using("Yes.", 100));
    alice.ask(&session, "Hello?").await;
    assert_eq!(two.calls(), (0, 1));
    // A run that is queued finds out when its time comes.
    two.route(json!([{"candidates": ["second/next"]}])).await;
    let again = alice.post(&format!("/v1/sessions/{session}/regenerate"), json!({})).await.expect(200).json();
    let error = &again["run"]["error"];
    assert_eq!((&again["run"]["status"], &error["code"]), (&json!("failed"), &json!("no_model")), "{again}");
    assert_eq!(two.calls(), (0, 0));
}

#[tokio::test]
async fn no_candidate_without_a_price_is_asked_where_another_one_fails() {
    let two = Two::with(priced()).await;
    let alice = two.app.alice();
    limit(&alice, json!({"org": {"monthly_usd": 100}})).await;
    let settings = json!({
        "models": [costs("anthropic/first", 10)],
        "routes": [{"candidates": ["anthropic/first", "second/next"]}],
    });
    alice.put(MODELS, settings).await.expect(200);
    two.app.sim.push(Reply::status(529));
    two.app.sim.push(using("Here I am.", 100));
    let frames = alice.hear(&alice.session().await, "Hi").await;
    assert_eq!((answers(&frames), two.calls()), (vec!["Here I am.".to_owned()], (2, 0)));
    let run = used(&alice, &format!("/v1/runs/{}", run_of(&frames))).await;
    let why = run["model_reason"].as_str().expect("a reason");
    assert!(why.contains("for want of a price") && why.ends_with("second/next"), "{why}");
    // Where tokens alone are limited, it is.
    limit(&alice, json!({"org": {"daily_tokens": 1_000_000}})).await;
    two.app.sim.push(Reply::status(529));
    two.second.push(using("Here I am too.", 100));
    let frames = alice.hear(&alice.session().await, "Hi").await;
    assert_eq!((answers(&frames), two.calls()), (vec!["Here I am too.".to_owned()], (1, 1)));
}

#[tokio::test]
async fn whoever_answers_makes_the_summary_where_the_model_for_summaries_has_no_price() {
    let two = Two::with(priced()).await;
    let alice = two.app.alice();
    limit(&alice, json!({"user": {"daily_usd": 1000}})).await;
    two.route(json!([{"feature": "summary", "candidates": ["second/small"]}])).await;
    let session = alice.session().await;
    two.app.sim.push(using("Yes.", 100));
    alice.ask(&session, "Hello?").await;
    two.app.sim.push(using("A summary.", 100));
    alice.post(&format!("/v1/sessions/{session}/compact"), json!({})).await.expect(200);
    assert_eq!(two.calls(), (2, 0));
}

#[tokio::test]
async fn a_run_that_has_waited_asks_nobody_whom_a_limit_in_money_has_ruled_out_meanwhile() {
    let two = Two::with(Setup { works: false, ..priced() }).await;
    let alice = two.app.alice();
    two.route(json!([{"candidates": ["second/next", "anthropic/claude-test"]}])).await;
    let session = alice.session().await;
    let request = alice.message(&session, &json!({"text": "Hi"})).header("prefer", "respond-async");
    let queued = alice.send(request).await.expect(202).json();
    let run = queued["run"]["id"].as_str().expect("an id");
    assert_eq!(queued["run"]["model"], "second/next");
    alice.delete(MODELS).await.expect(204);
    limit(&alice, json!({"user": {"daily_usd": 1000}})).await;
    two.app.sim.push(using("Here I am.", 100));
    let providers = vec![("second".to_owned(), two.second_url())];
    let worker = two.app.another_replica(Setup { providers, ..priced() }).await;
    let frames = alice.at(worker.address).follow(run, None).await.rest().await;
    assert_eq!((answers(&frames), two.calls()), (vec!["Here I am.".to_owned()], (1, 0)));
}
