//! Each model call is recorded, and told to whom it concerns.

use domain::UserId;
use model_sim::{Gate, Reply, Usage};
use serde_json::{Value, json};

use super::{ALL, OWN, a_day_passes, half_a_minute_passes, of, priced, today, used, using};
use crate::harness::{
    Setup, TestApp, eventually,
    look::{end, run_of},
};

const EVENTS: &str = "/v1/platform/usage-events";

#[tokio::test]
async fn each_model_call_is_recorded_with_its_model_its_cost_and_what_the_cache_saved() {
    let app = TestApp::with(priced()).await;
    let alice = app.alice();
    let session = alice.session().await;
    let written = Usage { cache_creation_input_tokens: 200, ..of(1_000) };
    app.sim.push(Reply::call("find_entities", json!({"query": "Dana"})).usage(written));
    app.sim.push(using("Nobody.", 2_000));
    let before = today();
    let frames = alice.hear(&session, "Who is Dana?").await;
    assert_eq!(end(&frames).data["usage"]["cost_usd"], 1.11 + 1.82);
    let told = used(&alice, &format!("{OWN}?group_by=day,user,model,feature")).await;
    // Midnight may have come since.
    let (day, days) = (&told["data"][0]["day"], [before, today()].map(|day| json!(day.to_string())));
    assert!(days.contains(day) && days.contains(&told["to"]), "{told}");
    let sum = json!({
        "day": day, "user": "alice", "model": "anthropic/claude-test", "feature": "chat", "calls": 2,
        "input_tokens": 2_400, "output_tokens": 300, "cache_read_input_tokens": 300,
        "cache_creation_input_tokens": 200, "cost_usd": 2.93, "cache_read_share": 0.1034,
    });
    assert_eq!(told["data"], json!([sum]));
    assert_eq!((&told["totals"]["calls"], &told["totals"]["cost_usd"]), (&json!(2), &json!(2.93)));
    assert_eq!(told["budgets"], json!([]));
    // Each call by itself, for the platform.
    let platform = app.replica.root();
    assert_eq!(used(&platform, EVENTS).await["data"], json!([]), "not before half a minute has passed");
    half_a_minute_passes(&app).await;
    let first = used(&platform, &format!("{EVENTS}?limit=1")).await;
    let event = &first["data"][0];
    assert_eq!(event["organization"], "acme");
    assert_eq!(event["user_id"], UserId::derive("alice").to_string());
    assert_eq!(event["run_id"], run_of(&frames));
    assert_eq!(event["cache_creation_input_tokens"], 200);
    assert_eq!((&event["input_tokens"], &event["cost_usd"]), (&json!(800), &json!(1.11)));
    let next = first["next_cursor"].as_str().expect("a cursor");
    let second = used(&platform, &format!("{EVENTS}?limit=1&cursor={next}")).await;
    assert_eq!((&second["data"][0]["cost_usd"], &second["next_cursor"]), (&json!(1.82), &Value::Null));
    alice.get(EVENTS).await.problem(403, "forbidden");
}

#[tokio::test]
async fn what_a_call_is_for_is_told_apart() {
    let small = engine::compaction::Thresholds {
        at_tokens: Some(600),
        keep_tokens: Some(100),
        keep_messages: Some(4),
    };
    let app = TestApp::with(Setup { compaction: small, ..priced() }).await;
    let alice = app.alice();
    let skill = json!({"document": crate::skills::document("Brief", "Read and answer.")});
    alice.put("/v1/admin/skills/brief", skill).await.expect(201);
    app.sim.respond_with(|request| {
        let is_summary = String::from_utf8_lossy(&request.body).contains("Write the summary now");
        using("fine", if is_summary { 200 } else { 100 })
    });
    let session = alice.session().await;
    for turn in 0..8 {
        let filler = "and so on ".repeat(40);
        alice.ask(&session, &format!("question {turn} about the security review {filler}")).await;
    }
    let follows = json!({"text": "A brief, please.", "skill": "brief"});
    alice.send(alice.message(&alice.session().await, &follows)).await.expect(200);
    let told = used(&alice, &format!("{OWN}?group_by=feature")).await;
    let calls = |feature: &str| {
        let groups = told["data"].as_array().expect("a list");
        groups
            .iter()
            .find(|group| group["feature"] == feature)
            .map_or(0, |group| group["calls"].as_i64().unwrap_or(0))
    };
    assert_eq!((calls("chat"), calls("skill")), (8, 1), "{told}");
    assert!(calls("summary") >= 1, "{told}");
    // Summaries cost what answers cost, by the price of the same model.
    let summary = told["data"].as_array().expect("a list").iter().find(|it| it["feature"] == "summary");
    assert!(summary.is_some_and(|it| it["cost_usd"].as_f64().is_some_and(|cost| cost > 0.0)), "{told}");
    let by_model = used(&alice, &format!("{OWN}?group_by=model")).await;
    assert_eq!(by_model["data"].as_array().map(Vec::len), Some(1), "{by_model}");
}

#[tokio::test]
async fn members_see_their_own_and_administrators_all_of_their_organization() {
    let app = TestApp::with(priced()).await;
    let (alice, bob, mallory) = (app.alice(), app.bob(), app.stranger());
    for (person, tokens) in [(&alice, 100), (&bob, 200), (&mallory, 400)] {
        app.sim.push(using("Yes.", tokens));
        person.ask(&person.session().await, "Hello?").await;
    }
    for (person, cost) in [(&alice, 0.091), (&bob, 0.182), (&mallory, 0.364)] {
        let told = used(person, &format!("{OWN}?group_by=user")).await;
        assert_eq!(
            (told["data"].as_array().map(Vec::len), &told["totals"]["cost_usd"]),
            (Some(1), &json!(cost))
        );
    }
    let told = used(&alice, &format!("{ALL}?group_by=user")).await;
    let people: Vec<(&Value, &Value)> =
        told["data"].as_array().expect("a list").iter().map(|it| (&it["user"], &it["cost_usd"])).collect();
    assert_eq!(people, [(&json!("alice"), &json!(0.091)), (&json!("bob"), &json!(0.182))]);
    assert_eq!(told["totals"]["calls"], 2);
    for barred in [&bob, &app.rita()] {
        barred.get(ALL).await.problem(403, "forbidden");
    }
    // Of an erased person the sums stay, without a name.
    crate::erasure::erased(&alice, "/v1/admin/members/bob/data").await;
    let after = used(&alice, &format!("{ALL}?group_by=user")).await;
    let nobody = after["data"].as_array().expect("a list").iter().find(|it| it["user"].is_null());
    assert_eq!(nobody.map(|it| &it["cost_usd"]), Some(&json!(0.182)), "{after}");
    assert_eq!(after["totals"], told["totals"]);
    half_a_minute_passes(&app).await;
    let events = used(&app.replica.root(), EVENTS).await;
    let of_nobody =
        events["data"].as_array().expect("a list").iter().filter(|it| it["user_id"].is_null()).count();
    assert_eq!(of_nobody, 1, "{events}");
}

#[tokio::test]
async fn days_are_told_apart_and_what_cannot_be_asked_is_named() {
    let app = TestApp::with(priced()).await;
    let alice = app.alice();
    let session = alice.session().await;
    for tokens in [100, 300] {
        a_day_passes(&app).await;
        app.sim.push(using("Yes.", tokens));
        alice.ask(&session, "Hello?").await;
    }
    let told = used(&alice, OWN).await;
    let costs: Vec<&Value> =
        told["data"].as_array().expect("a list").iter().map(|it| &it["cost_usd"]).collect();
    assert_eq!(costs, [0.091, 0.273]);
    let yesterday = told["data"][0]["day"].as_str().expect("a day").to_owned();
    let one = used(&alice, &format!("{OWN}?from={yesterday}&to={yesterday}")).await;
    assert_eq!(one["totals"]["cost_usd"], 0.091);
    let none = used(&alice, &format!("{OWN}?from=2020-01-01&to=2020-12-31")).await;
    assert_eq!((&none["data"], &none["totals"]["cache_read_share"]), (&json!([]), &json!(0.0)));
    for (query, field) in [
        ("from=yesterday", "from"),
        ("to=2026-11-31", "to"),
        ("to=2026-1-1", "to"),
        ("from=2026-11-02&to=2026-11-01", "from"),
        ("from=2025-01-01&to=2026-11-01", "from"),
        ("group_by=week", "group_by"),
        ("group_by=", "group_by"),
    ] {
        for path in [OWN, ALL] {
            let problem = alice.get(&format!("{path}?{query}")).await.problem(422, "validation_failed");
            assert_eq!(problem["errors"][0]["field"], field, "{query}");
        }
    }
}

#[tokio::test]
async fn a_call_that_broke_off_or_was_stopped_counts_as_far_as_its_provider_has_told() {
    let app = TestApp::with(priced()).await;
    let alice = app.alice();
    let session = alice.session().await;
    let gate = Gate::new();
    app.sim.push(using("Nobody waits for all of this.", 1_000).chunk_chars(4).hold_after(2, &gate));
    let mut events = alice.say(&session, "Tell me").await;
    let run = run_of(&events.until("token").await);
    alice.post(&format!("/v1/runs/{run}/cancel"), json!({})).await;
    events.rest().await;
    gate.release();
    eventually("the run ends", async || (app.replica.engine.running() == 0).then_some(())).await;
    let told = used(&alice, OWN).await;
    assert_eq!((&told["totals"]["calls"], &told["totals"]["input_tokens"]), (&json!(1), &json!(800)));
}

/// The stand-in keeps the books of the cache that a provider has: what it says was read, was there to be read.
#[tokio::test]
async fn twenty_turns_with_memory_and_tools_read_most_of_their_input_from_the_providers_cache() {
    let app = TestApp::start().await;
    let alice = app.alice();
    alice.deal().await;
    let memory = json!({"content": "## Preferences\n- Short answers, numbers first\n".repeat(10)});
    alice.put("/v1/memory/user", memory.clone()).await.expect(200);
    alice.put("/v1/memory/org", memory).await.expect(200);
    let session = alice.session_with(json!({"entity": {"kind": "deal", "id": "D-42"}})).await;
    let mut sum = Usage::default();
    for turn in 0..20 {
        if turn % 3 == 1 {
            app.sim.push(Reply::call("find_entities", json!({"query": "Acme"})));
        }
        if turn == 7 || turn == 14 {
            let fact = json!({"scope": "user", "section": "Preferences", "text": format!("Number {turn}")});
            app.sim.push(Reply::call("memory_append", fact));
        }
        app.sim.push(Reply::text(format!("Answer {turn}: Dana decides, and Tom has to sign for security.")));
        let frames = alice.hear(&session, &format!("Question {turn}: who has to sign next?")).await;
        let usage = &end(&frames).data["usage"];
        let tokens = |name: &str| usage[name].as_u64().expect(name);
        sum.input_tokens += tokens("input_tokens");
        sum.cache_read_input_tokens += tokens("cache_read_input_tokens");
        sum.cache_creation_input_tokens += tokens("cache_creation_input_tokens");
    }
    let whole = sum.input_tokens + sum.cache_read_input_tokens + sum.cache_creation_input_tokens;
    assert!(sum.cache_read_input_tokens * 100 >= whole * 85, "{sum:?}");
    let told = used(&alice, &format!("{OWN}?group_by=model")).await;
    let (model, share) = (&told["data"][0]["model"], told["data"][0]["cache_read_share"].as_f64());
    assert_eq!(model, "anthropic/claude-test");
    #[expect(clippy::cast_precision_loss, reason = "counts of tokens, far below 2^52")]
    let seen = sum.cache_read_input_tokens as f64 / whole as f64;
    assert!(
        share.is_some_and(|share| (share - seen).abs() < 0.0001),
        "{share:?}, and the stream says {seen}"
    );
}
