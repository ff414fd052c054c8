//! `/metrics`.

use model_sim::{Gate, Reply, Usage};
use serde_json::json;

use super::reader::Scrape;
use crate::{
    harness::{
        Setup, TestApp, eventually,
        look::{end, prompts, run_of},
    },
    models::Two,
    usage::limit,
};

const MODEL: [(&str, &str); 2] = [("provider", "anthropic"), ("model", "claude-test")];
const GEN_AI: [(&str, &str); 2] =
    [("gen_ai_provider_name", "anthropic"), ("gen_ai_request_model", "claude-test")];

fn used(input: u64, read: u64, write: u64, output: u64) -> Usage {
    Usage {
        input_tokens: input,
        cache_read_input_tokens: read,
        cache_creation_input_tokens: write,
        output_tokens: output,
    }
}

fn and<'a>(labels: &[(&'a str, &'a str)], more: (&'a str, &'a str)) -> Vec<(&'a str, &'a str)> {
    labels.iter().copied().chain([more]).collect()
}

#[track_caller]
fn is(value: f64, expected: f64) {
    assert!((value - expected).abs() < 1e-9, "{value} is not {expected}");
}

#[tokio::test]
async fn a_turn_with_tools_counts_the_tokens_that_the_provider_reported() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let calls = Reply::call("find_entities", json!({"query": "Dana"})).usage(used(100, 40, 8, 20));
    app.sim.push(calls);
    app.sim.push(Reply::text("Nobody is called that.").usage(used(7, 160, 0, 30)));
    alice.hear(&alice.session().await, "Who is Dana?").await;
    let scrape = Scrape::of(&alice).await;
    for (kind, tokens) in [("input", 107.0), ("cache_read", 200.0), ("cache_write", 8.0), ("output", 50.0)] {
        is(scrape.one("sixty_model_tokens_total", &and(&MODEL, ("kind", kind))), tokens);
    }
    is(scrape.one("sixty_prompt_cache_read_share", &MODEL), 200.0 / 315.0);
    for (kind, tokens) in [("input", 315.0), ("output", 50.0)] {
        let labels = and(&GEN_AI, ("gen_ai_token_type", kind));
        is(scrape.one("gen_ai_client_token_usage_sum", &labels), tokens);
        is(scrape.one("gen_ai_client_token_usage_count", &labels), 2.0);
    }
    is(scrape.one("gen_ai_client_operation_duration_seconds_count", &and(&GEN_AI, ("error_type", ""))), 2.0);
    is(scrape.one("gen_ai_client_operation_time_to_first_chunk_seconds_count", &GEN_AI), 2.0);
    is(scrape.one("sixty_runs_ended_total", &[("status", "done")]), 1.0);
    is(scrape.one("sixty_model_circuit_state", &MODEL), 0.0);
    let route = [("http_route", "/v1/sessions/{id}/messages"), ("http_request_method", "POST")];
    is(scrape.one("http_server_request_duration_seconds_count", &route), 1.0);
    is(scrape.one("sixty_build_info", &[("version", env!("CARGO_PKG_VERSION"))]), 1.0);
}

#[tokio::test]
async fn the_share_that_the_cache_gives_grows_as_a_conversation_goes_on() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let session = alice.session().await;
    let mut last = 0.0;
    for turn in 0..12 {
        // The stand-in reports what a real cache would have given.
        app.sim.push(Reply::text("So it is, and that is all there is to say about it."));
        alice.hear(&session, &format!("Question {turn}: is it so, and is there more to say?")).await;
        let share = Scrape::of(&alice).await.one("sixty_prompt_cache_read_share", &MODEL);
        assert!((0.0..=1.0).contains(&share) && (turn == 0 || share > last), "{turn}: {share} after {last}");
        last = share;
    }
    assert!(last > 0.7, "{last}");
    let scrape = Scrape::of(&alice).await;
    let of = |kind| scrape.one("sixty_model_tokens_total", &and(&MODEL, ("kind", kind)));
    is(last, of("cache_read") / (of("input") + of("cache_read") + of("cache_write")));
}

#[tokio::test]
async fn a_failing_model_shows_in_failovers_errors_and_its_circuit() {
    let two = Two::with(Setup::default()).await;
    let alice = two.app.alice();
    let routes = json!({"routes": [{"candidates": ["anthropic/first", "second/next"]}]});
    two.app.replica.root().put("/v1/platform/models", routes).await.expect(200);
    two.app.sim.respond_with(|_| Reply::status(529));
    two.second.respond_with(|_| Reply::text("Here I am."));
    for _ in 0..3 {
        alice.hear(&alice.session().await, "Hi").await;
    }
    let scrape = Scrape::of(&alice).await;
    let route = [("from", "anthropic/first"), ("to", "second/next")];
    is(scrape.one("sixty_model_failovers_total", &route), 3.0);
    let first = [("gen_ai_provider_name", "anthropic"), ("gen_ai_request_model", "first")];
    let count = "gen_ai_client_operation_duration_seconds_count";
    is(scrape.one(count, &and(&first, ("error_type", "overloaded"))), 3.0);
    is(scrape.sum("gen_ai_client_operation_time_to_first_chunk_seconds_count", &first), 0.0);
    let second = [("gen_ai_provider_name", "second"), ("gen_ai_request_model", "next")];
    is(scrape.one(count, &and(&second, ("error_type", ""))), 3.0);
    is(scrape.one("sixty_model_circuit_state", &[("provider", "anthropic"), ("model", "first")]), 2.0);
    is(scrape.one("sixty_model_circuit_state", &[("provider", "second"), ("model", "next")]), 0.0);
}

#[tokio::test]
async fn a_name_that_an_organization_made_up_is_no_label() {
    let two = Two::routed().await;
    let alice = two.app.alice();
    two.app.sim.respond_with(|_| Reply::status(529));
    two.second.respond_with(|_| Reply::text("Here I am."));
    alice.hear(&alice.session().await, "Hi").await;
    let scrape = Scrape::of(&alice).await;
    is(scrape.one("sixty_model_failovers_total", &[("from", "other/other"), ("to", "other/other")]), 1.0);
    // Nor is one of which nobody waits to see whether it answers.
    let gate = Gate::new();
    two.app.sim.push(Reply::text("Never.").hold_before(&gate));
    let asks = json!({"text": "Hi", "model": "anthropic/made-up"});
    let mut events = alice.say_with(&alice.session().await, &asks).await;
    let run = run_of(&events.until("run_started").await);
    gate.reached().await;
    alice.post(&format!("/v1/runs/{run}/cancel"), json!({})).await.expect(202);
    events.rest().await;
    gate.release();
    let text = eventually("the run is over", async || {
        let text = alice.get("/metrics").await.expect(200).text;
        (Scrape::read(&text).one("sixty_runs_in_progress", &[]) == 0.0).then_some(text)
    })
    .await;
    let cancelled = [("gen_ai_request_model", "other"), ("error_type", "cancelled")];
    is(Scrape::read(&text).one("gen_ai_client_operation_duration_seconds_count", &cancelled), 1.0);
    assert!(!text.contains("made-up"), "{text}");
}

#[tokio::test]
async fn what_is_refused_is_counted_by_why() {
    let setup = Setup {
        rate_per_minute: 30,
        org_rate_per_minute: 45,
        runs_of_user: 1,
        runs_of_org: 1,
        ..Setup::default()
    };
    let app = TestApp::with(setup).await;
    let (alice, bob) = (app.alice(), app.bob());
    limit(&alice, json!({"user": {"daily_tokens": 10}})).await;
    let session = alice.session().await;
    app.sim.push(Reply::text("Yes.").usage(used(20, 0, 0, 2)));
    alice.ask(&session, "Hello?").await;
    alice.send(alice.message(&session, &json!({"text": "Again?"}))).await.problem(402, "budget_exhausted");
    let gate = Gate::new();
    app.sim.push(Reply::text("Slowly.").hold_before(&gate));
    let events = bob.say(&bob.session().await, "Hi").await;
    gate.reached().await;
    let bobs = bob.session().await;
    bob.send(bob.message(&bobs, &json!({"text": "And this"}))).await.problem(429, "too_many_runs");
    let scrape = Scrape::of(&alice).await;
    is(scrape.one("sixty_runs_in_progress", &[]), 1.0);
    is(scrape.one("sixty_event_streams_open", &[]), 1.0);
    let carol = app.replica.person("acme", "carol", "member");
    let carols = carol.session().await;
    carol.send(carol.message(&carols, &json!({"text": "Me too"}))).await.problem(429, "too_many_runs");
    gate.release();
    end(&events.rest().await);
    for person in [&bob, &carol] {
        let mut asked = 0;
        while person.get("/v1/me").await.status == 200 {
            asked += 1;
            assert!(asked < 100, "nobody is refused");
        }
    }
    // A stream ends with its connection, which the client may close a moment after the last event.
    let scrape = eventually("the stream is closed", async || {
        let scrape = Scrape::of(&alice).await;
        (scrape.sum("sixty_event_streams_open", &[]) == 0.0).then_some(scrape)
    })
    .await;
    is(scrape.one("sixty_budget_refusals_total", &[("scope", "user")]), 1.0);
    for kind in ["user_runs", "org_runs", "user_rate", "org_rate"] {
        is(scrape.one("sixty_rate_limit_refusals_total", &[("kind", kind)]), 1.0);
    }
    is(scrape.one("sixty_runs_in_progress", &[]), 0.0);
    is(scrape.one("sixty_database_connections", &[("pool", "main"), ("state", "in_use")]), 0.0);
    assert!(scrape.one("sixty_database_connections", &[("pool", "main"), ("state", "idle")]) > 0.0);
}

#[tokio::test]
async fn a_call_that_somebody_cancels_is_told_as_such_and_so_is_its_run() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let session = alice.session().await;
    let gate = Gate::new();
    app.sim.push(Reply::text("Never.").hold_before(&gate));
    let mut events = alice.say(&session, "Hi").await;
    let run = run_of(&events.until("run_started").await);
    gate.reached().await;
    alice.post(&format!("/v1/runs/{run}/cancel"), json!({})).await.expect(202);
    events.rest().await;
    gate.release();
    let scrape = eventually("the run is over", async || {
        let scrape = Scrape::of(&alice).await;
        (scrape.one("sixty_runs_in_progress", &[]) == 0.0).then_some(scrape)
    })
    .await;
    let labels = and(&GEN_AI, ("error_type", "cancelled"));
    is(scrape.one("gen_ai_client_operation_duration_seconds_count", &labels), 1.0);
    is(scrape.one("sixty_runs_ended_total", &[("status", "cancelled")]), 1.0);
}

#[tokio::test]
async fn numbers_name_no_organization_no_person_and_nothing_that_was_said() {
    let app = TestApp::start().await;
    let person = app.replica.person("canary-org", "canary-user", "owner");
    let entity = json!({"name": "canary-deal", "stage": "canary-stage"});
    person.put("/v1/entities/deal/canary-id", entity).await.expect(201);
    let session = person.session_with(json!({"entity": {"kind": "deal", "id": "canary-id"}})).await;
    app.sim.push(Reply::call("canary_tool", json!({"canary": "canary-argument"})));
    app.sim.push(Reply::text("canary-answer").stop_reason("canary_reason"));
    person.hear(&session, "canary-question").await;
    person.get("/v1/canary-path?canary=1").await.expect(404);
    let custom = reqwest::Method::from_bytes(b"CANARY").expect("a method");
    person.send(person.request(custom, "/v1/me")).await;
    assert_eq!(prompts(&app.sim).len(), 2);
    let text = person.get("/metrics").await.expect(200).text;
    assert!(!text.to_lowercase().contains("canary"), "{text}");
    assert!(!text.contains(&session), "{text}");
    let scrape = Scrape::read(&text);
    let known = [
        "error_type",
        "from",
        "gen_ai_operation_name",
        "gen_ai_provider_name",
        "gen_ai_request_model",
        "gen_ai_token_type",
        "http_request_method",
        "http_response_status_class",
        "http_route",
        "kind",
        "le",
        "model",
        "pool",
        "provider",
        "scope",
        "state",
        "status",
        "to",
        "version",
    ];
    let mut names: Vec<&str> =
        scrape.label_names().into_iter().filter(|name| !known.contains(name)).collect();
    names.sort_unstable();
    assert!(names.is_empty(), "new labels: {names:?}");
    let unmatched = [("http_route", "unmatched"), ("http_response_status_class", "4xx")];
    is(scrape.one("http_server_request_duration_seconds_count", &unmatched), 1.0);
    is(scrape.sum("http_server_request_duration_seconds_count", &[("http_request_method", "_OTHER")]), 1.0);
}

#[tokio::test]
async fn every_number_is_in_the_documents() {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/observability.md"));
    let text = text.expect("the document");
    for metric in engine::telemetry::names::ALL {
        assert!(text.contains(&format!("`{}`", metric.name)), "{} is not described", metric.name);
    }
    let app = TestApp::start().await;
    let scrape = Scrape::of(&app.alice()).await;
    for name in scrape.names() {
        assert!(engine::telemetry::names::ALL.iter().any(|metric| metric.name == name), "{name}");
    }
}

#[tokio::test]
async fn numbers_are_each_servers_own_ask_for_no_token_and_can_be_switched_off() {
    let app = TestApp::start().await;
    let alice = app.alice();
    app.sim.push(Reply::text("Hello."));
    alice.ask(&alice.session().await, "Hi").await;
    let other = app.another_replica(Setup::default()).await;
    let nobody = other.bearer("nobody");
    is(Scrape::of(&nobody).await.sum("sixty_runs_ended_total", &[]), 0.0);
    let ended = Scrape::of(&alice.with_token("nobody".into())).await.sum("sixty_runs_ended_total", &[]);
    is(ended, 1.0);
    let silent = app.another_replica(Setup { metrics: false, ..Setup::default() }).await;
    let bob = alice.at(silent.address);
    app.sim.push(Reply::text("Hello."));
    bob.ask(&bob.session().await, "Hi").await;
    bob.get("/metrics").await.problem(404, "not_found");
}
