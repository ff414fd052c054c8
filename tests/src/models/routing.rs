//! Who is asked: rows by feature and tier, what was wished for, and what is allowed.

use model_sim::Reply;
use serde_json::{Value, json};

use super::Two;
use crate::{
    erasure::platform,
    harness::{
        Person, Setup, TestApp,
        look::{end, run_of},
    },
};

/// The run of a new conversation's first turn.
async fn turn(alice: &Person, session: Value, message: Value) -> Value {
    let session = alice.session_with(session).await;
    let answer = alice.post(&format!("/v1/sessions/{session}/messages"), message).await.expect(200).json();
    answer["run"].clone()
}

async fn answering() -> Two {
    let two = Two::with(Setup::default()).await;
    two.app.sim.respond_with(|_| Reply::text("From the first."));
    two.second.respond_with(|_| Reply::text("From the second."));
    two
}

#[tokio::test]
async fn without_routes_the_services_own_model_answers_and_the_run_says_why() {
    let two = answering().await;
    let run = turn(&two.app.alice(), json!({}), json!({ "text": "What is on?" })).await;
    assert_eq!(run["model"], "anthropic/claude-test");
    let why = run["model_reason"].as_str().expect("a reason");
    assert!(why.contains("several steps") && why.contains("no route is set"), "{why}");
}

#[tokio::test]
async fn a_turn_goes_to_the_route_of_its_feature_and_tier() {
    let two = answering().await;
    let alice = two.app.alice();
    two.route(json!([
        { "tier": "low", "candidates": ["second/small"] },
        { "tier": "high", "candidates": ["second/large"] },
        { "feature": "chat", "tier": "medium", "candidates": ["anthropic/chat"] },
    ]))
    .await;
    let long = "A long report. ".repeat(600);
    for (message, model, why) in [
        (json!({ "text": "Thanks!" }), "second/small", "one shot is enough"),
        (json!({ "text": "What is on?" }), "anthropic/chat", "route for chat, medium"),
        (json!({ "text": long }), "second/large", "the message is long"),
        (json!({ "text": "What is on?", "mode": "single" }), "second/small", "one shot is enough"),
    ] {
        let run = turn(&alice, json!({}), message).await;
        assert_eq!(run["model"], model, "{run}");
        assert!(run["model_reason"].as_str().expect("a reason").contains(why), "{run}");
    }
    let names: Vec<String> = two
        .second
        .requests()
        .iter()
        .map(|request| request.json()["model"].as_str().expect("a model").to_owned())
        .collect();
    assert_eq!(names, ["small", "large", "small"]);
}

#[tokio::test]
async fn a_request_stands_before_its_conversation_and_that_before_a_skill() {
    let two = answering().await;
    let alice = two.app.alice();
    let skill = "---\nname: Brief\ndescription: Brief me before a meeting.\nmodel: second/of-skill\ntier: high\n---\n\nBrief the person.\n";
    alice.post("/v1/admin/skills", json!({ "key": "brief", "document": skill })).await.expect(201);
    let asks = json!({ "text": "Go on", "skill": "brief" });
    for (session, message, model) in [
        (json!({}), asks.clone(), "second/of-skill"),
        (json!({ "model": "second/of-session" }), asks.clone(), "second/of-session"),
        (
            json!({ "model": "second/of-session" }),
            json!({ "text": "Go on", "skill": "brief", "model": "anthropic/of-request" }),
            "anthropic/of-request",
        ),
    ] {
        assert_eq!(turn(&alice, session, message).await["model"], model);
    }
}

#[tokio::test]
async fn what_is_not_allowed_is_refused_to_a_request_and_passed_over_where_it_was_asked_for_before() {
    let two = answering().await;
    let alice = two.app.alice();
    let session = alice.session_with(json!({ "model": "second/once" })).await;
    let allowed = json!({ "allowed": ["anthropic/*"], "routes": [{ "candidates": ["second/next", "anthropic/first"] }] });
    alice.put("/v1/admin/models", allowed).await.expect(200);
    for model in ["second/once", "third/any", "plain", ""] {
        let asked = json!({ "text": "Hi", "model": model });
        let problem = alice.post(&format!("/v1/sessions/{session}/messages"), asked).await;
        let problem = problem.problem(422, "validation_failed");
        assert_eq!(problem["errors"][0]["field"], "model", "{problem}");
        alice.post("/v1/sessions", json!({ "model": model })).await.problem(422, "validation_failed");
    }
    assert_eq!(two.calls(), (0, 0));
    let answer = alice.ask(&session, "Hi").await;
    assert_eq!(answer["run"]["model"], "anthropic/first");
    assert_eq!(alice.history(&session).await.len(), 2, "what was refused is nowhere");
}

#[tokio::test]
async fn the_platforms_routes_stand_for_organizations_that_say_nothing() {
    let two = answering().await;
    let root = platform(&two.app);
    let rows = json!({ "routes": [{ "candidates": ["second/of-platform"] }],
        "models": [{ "model": "second/of-platform", "context_window": 32000, "price": { "input": 1, "output": 2 } }] });
    root.put("/v1/platform/models", rows).await.expect(200);
    let (alice, mallory) = (two.app.alice(), two.app.stranger());
    alice
        .put("/v1/admin/models", json!({ "routes": [{ "candidates": ["anthropic/own"] }] }))
        .await
        .expect(200);
    let hi = || json!({ "text": "Hi there, what is on?" });
    let theirs = turn(&mallory, json!({}), hi()).await;
    assert_eq!(theirs["model"], "second/of-platform");
    assert!(theirs["usage"]["cost_usd"].as_f64().is_some_and(|cost| cost > 0.0), "{theirs}");
    assert_eq!(turn(&alice, json!({}), hi()).await["model"], "anthropic/own");
    // The change of the platform's counts at once, for whoever has asked before too.
    root.put("/v1/platform/models", json!({})).await.expect(200);
    assert_eq!(turn(&mallory, json!({}), hi()).await["model"], "anthropic/claude-test");
    let seen = alice.get("/v1/admin/models").await.expect(200).json();
    assert_eq!(seen["routes"][0]["candidates"], json!(["anthropic/own"]));
    assert_eq!(
        (&seen["providers"], &seen["platform"]["routes"]),
        (&json!(["anthropic", "second"]), &json!([]))
    );
}

#[tokio::test]
async fn settings_are_versioned_checked_and_for_administrators() {
    let app = TestApp::start().await;
    let (alice, bob) = (app.alice(), app.bob());
    bob.get("/v1/admin/models").await.problem(403, "forbidden");
    bob.put("/v1/admin/models", json!({})).await.problem(403, "forbidden");
    alice.get("/v1/platform/models").await.problem(403, "forbidden");
    let first = alice.get("/v1/admin/models").await.expect(200);
    assert_eq!((first.header("etag"), &first.json()["version"]), ("\"0\"", &json!(0)));
    let row = json!({ "models": [{ "model": "anthropic/a", "max_output_tokens": 100, "capabilities": ["tools"],
        "price": { "input": 3.0, "output": 15.0, "cache_read": 0.3, "cache_write": 3.75 } }],
        "routes": [{ "feature": "summary", "candidates": ["anthropic/a"] }], "allowed": ["anthropic/*"] });
    let set = alice.put("/v1/admin/models", row.clone()).await.expect(200).json();
    for part in ["models", "routes", "allowed"] {
        assert_eq!(set[part], row[part]);
    }
    assert_eq!((&set["version"], &set["updated_by"]), (&json!(1), &json!("alice")));
    let stale = alice.request(reqwest::Method::PUT, "/v1/admin/models").header("if-match", "\"0\"");
    alice.send(stale.json(&json!({}))).await.problem(412, "version_mismatch");
    let bad = json!({ "routes": [{ "candidates": ["elsewhere/x"] }, { "tier": "huge", "candidates": ["anthropic/a"] }] });
    alice.put("/v1/admin/models", bad).await.problem(422, "validation_failed");
    let bad = json!({ "routes": [{ "candidates": ["elsewhere/x"] }] });
    let problem = alice.put("/v1/admin/models", bad).await.problem(422, "validation_failed");
    assert_eq!(problem["errors"][0]["field"], "routes[0].candidates[0]");
    assert_eq!(alice.get("/v1/admin/models").await.json()["version"], 1);
    let listed = bob.get("/v1/models").await.expect(200).json();
    let names: Vec<&str> = listed["data"]
        .as_array()
        .expect("models")
        .iter()
        .filter_map(|model| model["model"].as_str())
        .collect();
    assert_eq!(names, ["anthropic/claude-test", "anthropic/a"]);
    assert_eq!(listed["data"][1]["price"]["output"], 15.0);
}

#[tokio::test]
async fn the_longest_answer_of_a_model_and_what_it_takes_are_heeded() {
    let two = answering().await;
    let alice = two.app.alice();
    let rows = json!({
        "models": [{ "model": "anthropic/blind", "max_output_tokens": 100, "capabilities": ["tools"] }],
        "routes": [{ "candidates": ["anthropic/blind", "second/seeing"] }] });
    alice.put("/v1/admin/models", rows).await.expect(200);
    turn(&alice, json!({}), json!({ "text": "What is on?" })).await;
    let sent = two.app.sim.take_requests();
    assert_eq!((&sent[0].json()["model"], &sent[0].json()["max_tokens"]), (&json!("blind"), &json!(100)));
    let picture = json!({ "type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo=" });
    let content =
        json!([{ "type": "text", "text": "What is this?" }, { "type": "image", "source": picture }]);
    let run = turn(&alice, json!({}), json!({ "content": content })).await;
    assert_eq!(run["model"], "second/seeing");
}

#[tokio::test]
async fn a_summary_is_made_by_the_model_of_its_route() {
    let two = answering().await;
    let alice = two.app.alice();
    two.route(json!([{ "feature": "summary", "candidates": ["second/cheap"] }])).await;
    two.second.respond_with(|_| Reply::text("Decisions: none."));
    let session = alice.session().await;
    alice.ask(&session, "Remember the blue folder.").await;
    let summary = alice.post(&format!("/v1/sessions/{session}/compact"), json!({})).await.expect(200).json();
    assert_eq!(summary["summarized_by"], "cheap");
    assert_eq!(two.calls(), (1, 1));
}

#[tokio::test]
async fn what_was_queued_is_routed_when_it_begins() {
    let two = answering().await;
    let alice = two.app.alice();
    let session = alice.session().await;
    let frames = crate::harness::Person::hear(&alice, &session, "What is on?").await;
    two.route(json!([{ "candidates": ["second/next"] }])).await;
    let again = alice.post(&format!("/v1/sessions/{session}/regenerate"), json!({})).await.expect(200).json();
    assert_eq!(again["run"]["model"], "second/next");
    assert_ne!(again["run"]["id"], json!(run_of(&frames)));
    assert!(again["run"]["model_reason"].is_string(), "{again}");
}

/// Nobody is left: the service's own model may not be asked, and no route names another.
async fn allow_nobody(alice: &Person) {
    alice.put("/v1/admin/models", json!({ "allowed": ["second/*"] })).await.expect(200);
}

#[tokio::test]
async fn a_queued_run_that_no_model_may_answer_ends_at_once_and_says_why() {
    let two = Two::with(Setup { works: false, ..Setup::default() }).await;
    let alice = two.app.alice();
    let session = alice.session().await;
    let request =
        alice.message(&session, &json!({ "text": "What is on?" })).header("prefer", "respond-async");
    let queued = alice.send(request).await.expect(202).json();
    let run = queued["run"]["id"].as_str().expect("an id");
    allow_nobody(&alice).await;
    let providers = vec![("second".to_owned(), two.second_url())];
    let worker = two.app.another_replica(Setup { providers, ..Setup::default() }).await;
    let frames = alice.at(worker.address).follow(run, None).await.rest().await;
    assert_eq!((end(&frames).data["code"].as_str(), two.calls()), (Some("no_model"), (0, 0)));
    let run = alice.get(&format!("/v1/runs/{run}")).await.expect(200).json();
    assert_eq!((&run["status"], &run["error"]["code"]), (&json!("failed"), &json!("no_model")), "{run}");
}

#[tokio::test]
async fn an_answer_that_no_model_may_give_again_stays() {
    let two = answering().await;
    let alice = two.app.alice();
    let session = alice.session().await;
    alice.ask(&session, "What is on?").await;
    let before = alice.history(&session).await;
    two.calls();
    allow_nobody(&alice).await;
    let path = format!("/v1/sessions/{session}/regenerate");
    alice.post(&path, json!({})).await.problem(409, "no_model");
    assert_eq!((alice.history(&session).await, two.calls()), (before, (0, 0)));
}

#[tokio::test]
async fn where_no_model_may_be_asked_a_summary_is_extracted() {
    let two = answering().await;
    let alice = two.app.alice();
    let session = alice.session().await;
    alice.ask(&session, "Remember the blue folder.").await;
    two.calls();
    allow_nobody(&alice).await;
    let summary = alice.post(&format!("/v1/sessions/{session}/compact"), json!({})).await.expect(200).json();
    assert_eq!((&summary["summarized_by"], two.calls()), (&json!("extractive"), (0, 0)), "{summary}");
    assert!(summary["summary_text"].as_str().is_some_and(|text| text.contains("blue folder")), "{summary}");
}
