//! While a limit in money stands, no model is asked whose price nobody knows.

use model_sim::Reply;
use serde_json::{Value, json};

use super::{BUDGETS, DEFAULT, limit, priced, send, used, using};
use crate::{
    harness::{
        Answer, Setup, TestApp,
        look::{answers, end, run_of},
    },
    models::Two,
};

const MODELS: &str = "/v1/admin/models";
const MODELS_OF_ALL: &str = "/v1/platform/models";

/// A row that says what a million tokens of the model cost.
fn costs(model: &str, dollars: u32) -> Value {
    json!({"model": model, "price": {"input": dollars, "output": dollars}})
}

/// Limits what members spend by the platform's default, which looks at the platform's routes alone.
async fn limit_all(app: &TestApp) {
    app.replica.root().put(DEFAULT, json!({"user": {"daily_usd": 1000}})).await.expect(200);
}

/// An organization whose turns come to `second/next` alone, of which no price is known.
async fn comes_to_one_without_a_price(setup: Setup) -> Two {
    let two = Two::with(setup).await;
    two.app.alice().put(MODELS, only_next()).await.expect(200);
    two
}

fn only_next() -> Value {
    json!({"routes": [{"candidates": ["second/next"]}], "allowed": ["second/*"]})
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
    platform.put(MODELS_OF_ALL, everywhere).await.expect(200);
    platform.put(DEFAULT, money.clone()).await.expect(200);
    limit(&alice, json!({"user": {"daily_tokens": 1000}})).await;
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
async fn while_a_limit_in_money_stands_no_settings_leave_a_model_without_a_price_that_turns_come_to() {
    let app = TestApp::start().await;
    let (alice, platform) = (app.alice(), app.replica.root());
    let price = || json!({"models": [costs("anthropic/claude-test", 10)]});
    let refused = |answer: Answer, limits: &str, model: &str| {
        let problem = answer.problem(422, "validation_failed");
        let errors = problem["errors"].as_array().expect("errors");
        assert_eq!((errors.len(), &errors[0]["field"]), (1, &json!("models")), "{problem}");
        let why = errors[0]["error"].as_str().expect("words");
        assert!([limits, model, "PUT /v1/admin/models"].iter().all(|said| why.contains(said)), "{why}");
    };
    alice.put(MODELS, price()).await.expect(200);
    limit(&alice, json!({"user": {"daily_usd": 5}, "run": {"usd": 1}, "org": {"daily_usd": 0}})).await;
    let next = || {
        let mut settings = price();
        settings["routes"] = json!([{"candidates": ["anthropic/next"]}]);
        settings
    };
    refused(alice.put(MODELS, next()).await, "(user.daily_usd, run.usd)", "anthropic/next");
    refused(alice.put(MODELS, json!({})).await, "(user.daily_usd, run.usd)", "anthropic/claude-test");
    refused(alice.delete(MODELS).await, "(user.daily_usd, run.usd)", "anthropic/claude-test");
    let stands = used(&alice, MODELS).await;
    assert_eq!(
        (&stands["version"], &stands["models"][0]["model"]),
        (&json!(1), &json!("anthropic/claude-test"))
    );
    // Tokens need no prices. Nor does a limit of 0, under which nothing begins.
    for limits in [json!({"user": {"daily_tokens": 5}}), json!({"org": {"daily_usd": 0}})] {
        limit(&alice, limits).await;
        alice.put(MODELS, next()).await.expect(200);
        alice.delete(MODELS).await.expect(204);
    }
    // The platform's settings are held to the platform's limits, and whoever inherits these to them as well.
    platform.put(MODELS_OF_ALL, price()).await.expect(200);
    limit_all(&app).await;
    refused(platform.put(MODELS_OF_ALL, json!({})).await, "user.daily_usd", "anthropic/claude-test");
    alice.delete(BUDGETS).await.expect(204);
    refused(alice.put(MODELS, next()).await, "user.daily_usd", "anthropic/next");
}

#[tokio::test]
async fn a_turn_that_only_models_without_a_price_could_answer_is_refused_and_nobody_is_asked() {
    let two = comes_to_one_without_a_price(priced()).await;
    let (alice, platform) = (two.app.alice(), two.app.replica.root());
    limit_all(&two.app).await;
    let session = alice.session().await;
    let problem = send(&alice, &session, "Hello?").await.problem(409, "no_model");
    let why = problem["detail"].as_str().expect("words");
    for said in ["second/next", "PUT /v1/admin/models", "SIXTY_MODEL_PRICES"] {
        assert!(why.contains(said), "{why}");
    }
    let wish = json!({"text": "Hello?", "model": "second/next"});
    let problem = alice.send(alice.message(&session, &wish)).await.problem(422, "validation_failed");
    assert_eq!(problem["errors"][0]["field"], "model");
    assert!(problem["detail"].as_str().is_some_and(|why| why.contains("no price")), "{problem}");
    assert_eq!((two.calls(), alice.history(&session).await.len()), ((0, 0), 0));
    // One that is said to cost nothing is asked.
    let mut free = only_next();
    free["models"] = json!([costs("second/next", 0)]);
    alice.put(MODELS, free).await.expect(200);
    two.second.push(using("Yes.", 100));
    alice.ask(&session, "Hello?").await;
    assert_eq!(two.calls(), (0, 1));
    // Nor is an answer given again that no model may give.
    platform.put(DEFAULT, json!({})).await.expect(200);
    alice.put(MODELS, only_next()).await.expect(200);
    limit_all(&two.app).await;
    let before = alice.history(&session).await;
    let path = format!("/v1/sessions/{session}/regenerate");
    let problem = alice.post(&path, json!({})).await.problem(409, "no_model");
    assert!(problem["detail"].as_str().is_some_and(|why| why.contains("second/next")), "{problem}");
    assert_eq!((two.calls(), alice.history(&session).await), ((0, 0), before));
}

#[tokio::test]
async fn no_candidate_without_a_price_is_asked_where_another_one_fails() {
    let two = Two::with(priced()).await;
    let alice = two.app.alice();
    let settings = json!({
        "models": [costs("anthropic/first", 10)],
        "routes": [{"candidates": ["anthropic/first", "second/next"]}],
    });
    alice.put(MODELS, settings).await.expect(200);
    limit_all(&two.app).await;
    two.app.sim.push(Reply::status(529));
    two.app.sim.push(using("Here I am.", 100));
    let frames = alice.hear(&alice.session().await, "Hi").await;
    assert_eq!((answers(&frames), two.calls()), (vec!["Here I am.".to_owned()], (2, 0)));
    let run = used(&alice, &format!("/v1/runs/{}", run_of(&frames))).await;
    let why = run["model_reason"].as_str().expect("a reason");
    assert!(why.contains("for want of a price") && why.ends_with("second/next"), "{why}");
    // What the conversation has chosen is passed over as well.
    two.app.sim.push(using("Still here.", 100));
    let session = alice.session_with(json!({"model": "second/other"})).await;
    let frames = alice.hear(&session, "Hi").await;
    assert_eq!((answers(&frames), two.calls()), (vec!["Still here.".to_owned()], (1, 0)));
    let run = used(&alice, &format!("/v1/runs/{}", run_of(&frames))).await;
    let why = run["model_reason"].as_str().expect("a reason");
    assert!(
        why.ends_with("for want of a price, which a limit in money needs: second/other, second/next"),
        "{why}"
    );
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
    two.route(json!([{"feature": "summary", "candidates": ["second/small"]}])).await;
    limit_all(&two.app).await;
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

#[tokio::test]
async fn a_run_that_has_waited_fails_where_only_models_without_a_price_are_left() {
    let two = comes_to_one_without_a_price(Setup { works: false, ..priced() }).await;
    let alice = two.app.alice();
    let session = alice.session().await;
    let request = alice.message(&session, &json!({"text": "Hi"})).header("prefer", "respond-async");
    let queued = alice.send(request).await.expect(202).json();
    let run = queued["run"]["id"].as_str().expect("an id");
    limit_all(&two.app).await;
    let providers = vec![("second".to_owned(), two.second_url())];
    let worker = two.app.another_replica(Setup { providers, ..priced() }).await;
    let frames = alice.at(worker.address).follow(run, None).await.rest().await;
    assert_eq!((end(&frames).data["code"].as_str(), two.calls()), (Some("no_model"), (0, 0)));
    let why = end(&frames).data["message"].to_string();
    assert!(why.contains("no price is known of second/next"), "{why}");
}
