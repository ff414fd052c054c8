//! Nothing is asked of a model for which nothing is left.

use model_sim::{Gate, Reply};
use reqwest::Method;
use serde_json::{Value, json};

use super::{
    BUDGETS, DEFAULT, OWN, a_day_passes, if_match, limit, of, priced, reserved, send, today, used, using,
};
use crate::{
    harness::{
        Setup, TestApp, eventually,
        look::{answers, end, prompts, run_of, text_of},
    },
    models::Two,
};

#[tokio::test]
async fn a_turn_is_refused_before_the_model_is_asked_and_nothing_of_it_is_stored() {
    let app = TestApp::with(priced()).await;
    let alice = app.alice();
    limit(&alice, json!({"user": {"daily_tokens": 1000}})).await;
    let session = alice.session().await;
    app.sim.push(using("Yes.", 1_200));
    alice.ask(&session, "Hello?").await;
    let before = today();
    let refused = send(&alice, &session, "And now?").await;
    let problem = refused.problem(402, "budget_exhausted");
    let budget = &problem["budget"];
    assert_eq!(
        (&budget["scope"], &budget["period"], &budget["unit"]),
        (&json!("user"), &json!("day"), &json!("tokens"))
    );
    assert_eq!((&budget["limit"], &budget["used"], &budget["left"]), (&json!(1000), &json!(1200), &json!(0)));
    // Midnight may have come since.
    let mut days = [before, today()].into_iter().map(|day| day.succ_opt().expect("a day").to_string());
    let tomorrow = days.find(|day| budget["resets_at"] == format!("{day}T00:00:00Z")).expect("the next day");
    let detail = problem["detail"].as_str().expect("words");
    assert!(detail.contains("1200") && detail.contains(&tomorrow), "{detail}");
    assert_eq!((prompts(&app.sim).len(), alice.history(&session).await.len()), (1, 2));
    // Nor is it answered again, or compacted.
    for path in ["regenerate", "compact"] {
        let path = format!("/v1/sessions/{session}/{path}");
        alice.post(&path, json!({})).await.problem(402, "budget_exhausted");
    }
    assert_eq!(alice.history(&session).await.len(), 2);
    // A colleague has a budget of their own.
    app.sim.push(using("Yes.", 100));
    app.bob().ask(&app.bob().session().await, "Hello?").await;
    // With the next day it begins anew.
    a_day_passes(&app).await;
    app.sim.push(using("Good morning.", 100));
    alice.ask(&session, "And now?").await;
    assert_eq!(reserved(&app).await, 0);
}

#[tokio::test]
async fn each_limit_holds_for_whom_and_how_long_it_says() {
    for (limits, scope, period, unit) in [
        (json!({"org": {"daily_tokens": 500}}), "org", "day", "tokens"),
        (json!({"org": {"monthly_usd": 0.5}}), "org", "month", "usd"),
        (json!({"user": {"daily_usd": 0.5}}), "user", "day", "usd"),
        (json!({"user": {"monthly_tokens": 500}}), "user", "month", "tokens"),
    ] {
        let app = TestApp::with(priced()).await;
        let (alice, bob) = (app.alice(), app.bob());
        limit(&alice, limits).await;
        app.sim.respond_with(|_| using("Yes.", 1_000));
        let sessions = [alice.session().await, bob.session().await];
        alice.ask(&sessions[0], "Hello?").await;
        let budget =
            send(&alice, &sessions[0], "Again?").await.problem(402, "budget_exhausted")["budget"].clone();
        assert_eq!(
            (&budget["scope"], &budget["period"], &budget["unit"]),
            (&json!(scope), &json!(period), &json!(unit))
        );
        assert_eq!(budget["used"], if unit == "usd" { json!(0.91) } else { json!(1000) });
        let bobs = send(&bob, &sessions[1], "Hello?").await;
        assert_eq!(bobs.status, if scope == "org" { 402 } else { 200 }, "{bobs:?}");
        let standings = used(&alice, OWN).await["budgets"].clone();
        assert_eq!((&standings[0]["left"], standings.as_array().map(Vec::len)), (&budget["left"], Some(1)));
    }
}

#[tokio::test]
async fn a_run_that_uses_its_budget_up_ends_and_what_was_said_stays() {
    let app = TestApp::with(priced()).await;
    let alice = app.alice();
    for (limits, words) in [
        (json!({"run": {"tokens": 900}}), "the budget of a run"),
        (json!({"user": {"daily_usd": 0.5}}), "your daily budget"),
    ] {
        limit(&alice, limits).await;
        a_day_passes(&app).await;
        let session = alice.session().await;
        app.sim.push(
            Reply::text("Let me see.").tool("find_entities", json!({"query": "Dana"})).usage(of(1_000)),
        );
        app.sim.take_requests();
        let frames = alice.hear(&session, "Who is Dana?").await;
        let error = &end(&frames).data;
        assert_eq!((&error["code"], &error["retryable"]), (&json!("budget_exhausted"), &json!(false)));
        assert!(error["message"].as_str().is_some_and(|text| text.contains(words)), "{error}");
        assert_eq!((answers(&frames), prompts(&app.sim).len()), (vec!["Let me see.".into()], 1));
        let history = alice.history(&session).await;
        assert_eq!(text_of(&history[1]), "Let me see.");
        let run = used(&alice, &format!("/v1/runs/{}", run_of(&frames))).await;
        assert_eq!((&run["status"], &run["error"]["code"]), (&json!("failed"), &json!("budget_exhausted")));
        assert_eq!(reserved(&app).await, 0);
    }
}

#[tokio::test]
async fn an_answer_that_broke_off_is_asked_for_again_only_while_something_is_left() {
    let app = TestApp::with(priced()).await;
    let alice = app.alice();
    limit(&alice, json!({"user": {"daily_tokens": 500}})).await;
    let session = alice.session().await;
    app.sim.push(using("Half of what was to be said.", 1_000).chunk_chars(4).cut_after(6));
    let frames = alice.hear(&session, "Tell me").await;
    assert_eq!(end(&frames).data["code"], "budget_exhausted", "{frames:#?}");
    assert_eq!(prompts(&app.sim).len(), 1);
    send(&alice, &session, "Again").await.problem(402, "budget_exhausted");
}

#[tokio::test]
async fn an_answer_that_broke_off_unseen_is_asked_for_again_only_while_something_is_left() {
    let app = TestApp::with(priced()).await;
    let alice = app.alice();
    limit(&alice, json!({"user": {"daily_tokens": 1500}})).await;
    let cut = || Reply::text("Lost.").usage(of(1_000)).cut_after(2);
    (0..2).for_each(|_| app.sim.push(cut()));
    let frames = alice.hear(&alice.session().await, "Tell me").await;
    assert_eq!(end(&frames).data["code"], "budget_exhausted", "{frames:#?}");
    assert_eq!((prompts(&app.sim).len(), reserved(&app).await), (2, 0));
    assert_eq!(used(&alice, OWN).await["totals"]["calls"], 2);
}

#[tokio::test]
async fn whoever_has_set_no_budget_has_the_platforms() {
    let app = TestApp::with(priced()).await;
    let (alice, mallory, platform) = (app.alice(), app.stranger(), app.replica.root());
    assert_eq!(
        used(&alice, BUDGETS).await,
        json!({"inherited": false, "version": 0, "updated_at": null, "updated_by": null})
    );
    let default = json!({"user": {"daily_tokens": 500}});
    let put = if_match(&platform, DEFAULT, "\"0\"", default.clone()).await.expect(200);
    assert_eq!((put.header("etag"), &put.json()["user"]), ("\"1\"", &default["user"]));
    let told = used(&alice, BUDGETS).await;
    assert_eq!(
        (&told["user"], &told["inherited"], &told["version"]),
        (&default["user"], &json!(true), &json!(0))
    );
    limit(&mallory, json!({"user": {"daily_tokens": 5000}})).await;
    app.sim.respond_with(|_| using("Yes.", 1_000));
    for (person, status) in [(&alice, 402), (&mallory, 200)] {
        let session = person.session().await;
        person.ask(&session, "Hello?").await;
        assert_eq!(send(person, &session, "Again?").await.status, status);
    }
    // One that sets none has none.
    limit(&alice, json!({})).await;
    let told = used(&alice, BUDGETS).await;
    assert_eq!(
        (&told["inherited"], &told["version"], &told["updated_by"]),
        (&json!(false), &json!(1), &json!("alice"))
    );
    alice.ask(&alice.session().await, "Again?").await;
    for barred in [&alice, &app.bob()] {
        barred.get(DEFAULT).await.problem(403, "forbidden");
        barred.put(DEFAULT, json!({})).await.problem(403, "forbidden");
    }
    let trail = used(&platform, "/v1/platform/audit?action=budgets.put").await;
    assert_eq!(trail["data"].as_array().map(Vec::len), Some(1), "{trail}");
}

#[tokio::test]
async fn a_budget_is_set_at_the_version_that_was_seen_by_who_may() {
    let app = TestApp::with(priced()).await;
    let (alice, bob) = (app.alice(), app.bob());
    if_match(&alice, BUDGETS, "\"1\"", json!({})).await.problem(412, "version_mismatch");
    if_match(&alice, BUDGETS, "\"0\"", json!({"org": {"daily_usd": 2.5}})).await.expect(200);
    if_match(&alice, BUDGETS, "\"0\"", json!({})).await.problem(412, "version_mismatch");
    let second =
        if_match(&alice, BUDGETS, "\"1\"", json!({"run": {"usd": 0.125, "tokens": 7}})).await.expect(200);
    assert_eq!(
        (second.header("etag"), &second.json()["run"]),
        ("\"2\"", &json!({"usd": 0.125, "tokens": 7}))
    );
    assert_eq!(second.json().get("org"), None);
    for barred in [&bob, &app.rita()] {
        barred.get(BUDGETS).await.problem(403, "forbidden");
        barred.put(BUDGETS, json!({})).await.problem(403, "forbidden");
    }
    for (limits, field) in [
        (json!({"org": {"daily_tokens": -1}}), "org.daily_tokens"),
        (json!({"user": {"monthly_usd": 1e9}}), "user.monthly_usd"),
        (json!({"run": {"usd": -0.5}}), "run.usd"),
        (json!({"run": {"daily_usd": 1}}), "run.daily_usd"),
        (json!({"team": {}}), "team"),
        (json!({"org": {"daily_tokens": 1.5}}), "org.daily_tokens"),
        (json!({"org": []}), "must be a JSON object"),
        (json!({"run": [7, 7]}), "must be a JSON object"),
        (json!([]), "must be a JSON object"),
    ] {
        let problem = alice.put(BUDGETS, limits.clone()).await.problem(422, "validation_failed");
        let told = problem["errors"][0].to_string();
        assert!(told.contains(field.rsplit('.').next().unwrap_or(field)), "{limits}: {problem}");
    }
    assert_eq!(alice.get(BUDGETS).await.expect(200).header("etag"), "\"2\"");
}

#[tokio::test]
async fn an_organization_may_go_back_to_the_platforms_budget() {
    let app = TestApp::with(priced()).await;
    let (alice, platform) = (app.alice(), app.replica.root());
    platform.put(DEFAULT, json!({"user": {"daily_tokens": 500}})).await.expect(200);
    // There is nothing to go back from, yet.
    alice.delete(BUDGETS).await.expect(204);
    limit(&alice, json!({})).await;
    app.sim.respond_with(|_| using("Yes.", 1_000));
    let session = alice.session().await;
    alice.ask(&session, "Hello?").await;
    alice.ask(&session, "Again?").await;
    for barred in [app.bob(), app.rita()] {
        barred.delete(BUDGETS).await.problem(403, "forbidden");
    }
    let delete = |tag: &str| alice.send(alice.request(Method::DELETE, BUDGETS).header("if-match", tag));
    delete("\"2\"").await.problem(412, "version_mismatch");
    delete("\"1\"").await.expect(204);
    send(&alice, &session, "And now?").await.problem(402, "budget_exhausted");
    let told = used(&alice, BUDGETS).await;
    assert_eq!(
        (&told["inherited"], &told["user"]["daily_tokens"], &told["version"], &told["updated_by"]),
        (&json!(true), &json!(500), &json!(2), &json!("alice"))
    );
    // Whoever saw an older one overwrites nothing.
    if_match(&alice, BUDGETS, "\"1\"", json!({})).await.problem(412, "version_mismatch");
    if_match(&alice, BUDGETS, "\"2\"", json!({})).await.expect(200);
    alice.ask(&session, "And now?").await;
    let trail = used(&alice, "/v1/admin/audit?action=budgets.delete").await;
    assert_eq!(trail["data"].as_array().map(Vec::len), Some(1), "{trail}");
}

#[tokio::test]
async fn for_a_summary_is_set_aside_what_the_model_costs_that_makes_it() {
    let two = Two::with(priced()).await;
    let alice = two.app.alice();
    let settings = json!({
        "models": [{"model": "second/small", "price": {"input": 1, "output": 1}}],
        "routes": [{"feature": "summary", "candidates": ["second/small"]}],
    });
    alice.put("/v1/admin/models", settings).await.expect(200);
    limit(&alice, json!({"org": {"daily_usd": 1000}})).await;
    let session = alice.session().await;
    two.app.sim.push(using("Yes.", 100));
    alice.ask(&session, "Hello?").await;
    let gate = Gate::new();
    two.second.push(using("A summary.", 100).hold_before(&gate));
    let path = format!("/v1/sessions/{session}/compact");
    let (compacted, (tokens, cost)) = tokio::join!(alice.post(&path, json!({})), async {
        gate.reached().await;
        let pool = two.app.database.superuser().await;
        let row: (i64, i64) = sqlx::query_as("select tokens, cost from sixty.budget_reservations")
            .fetch_one(&pool)
            .await
            .expect("one is set aside");
        gate.release();
        row
    });
    compacted.expect(200);
    // A millionth of a dollar a token, and an answer of 2000 at most.
    assert_eq!(cost, tokens * 1_000);
    assert!((2_000..4_096).contains(&tokens), "{tokens}");
    eventually("nothing is set aside", async || (reserved(&two.app).await == 0).then_some(())).await;
}

#[tokio::test]
async fn a_run_taken_over_sets_aside_anew_and_leaves_nothing_behind() {
    let app = TestApp::with(Setup { works: false, ..priced() }).await;
    let quick = || Setup { lease_seconds: 1, ..priced() };
    let doomed = app.another_replica(quick()).await;
    let alice = app.alice();
    limit(&alice, json!({"org": {"daily_tokens": 100_000}})).await;
    let session = alice.session().await;
    let gate = Gate::new();
    app.sim.push(using("Too late.", 1_000).hold_before(&gate));
    app.sim.push(using("Somebody else answers.", 2_000));
    let mut events = alice.at(doomed.address).say(&session, "Hi").await;
    let run = run_of(&events.until("run_started").await);
    gate.reached().await;
    assert_eq!(reserved(&app).await, 1);
    let standing = used(&alice, OWN).await["budgets"][0].clone();
    assert!(standing["reserved"].as_i64().is_some_and(|tokens| tokens > 4_096), "{standing}");
    doomed.kill();
    let heir = app.another_replica(quick()).await;
    let rest = alice.at(heir.address).follow(&run, None).await.rest().await;
    assert_eq!(answers(&rest), ["Somebody else answers."]);
    assert_eq!(reserved(&app).await, 0);
    let standing = used(&alice, OWN).await["budgets"][0].clone();
    assert_eq!((&standing["used"], &standing["left"]), (&json!(2_000), &json!(98_000)));
}

#[tokio::test]
async fn a_run_that_was_handed_back_and_is_cancelled_leaves_nothing_set_aside() {
    let app = TestApp::with(Setup { works: false, ..priced() }).await;
    let leaving = app.another_replica(priced()).await;
    let alice = app.alice();
    limit(&alice, json!({"org": {"daily_tokens": 100_000}})).await;
    let session = alice.session().await;
    let gate = Gate::new();
    app.sim.push(using("Never.", 1_000).hold_before(&gate));
    let mut events = alice.at(leaving.address).say(&session, "Hi").await;
    let run = run_of(&events.until("run_started").await);
    gate.reached().await;
    assert_eq!(reserved(&app).await, 1);
    leaving.shut_down().await;
    // What was sent is accounted for, and nothing is under way.
    assert_eq!(reserved(&app).await, 0);
    let standing = used(&alice, OWN).await["budgets"][0].clone();
    assert!(standing["used"].as_i64().is_some_and(|tokens| tokens > 100), "{standing}");
    alice.post(&format!("/v1/runs/{run}/cancel"), json!({})).await;
    assert_eq!(reserved(&app).await, 0);
    gate.release();
}

#[tokio::test]
async fn a_scheduled_task_that_finds_nothing_left_has_failed_and_says_why() {
    let app = TestApp::with(priced()).await;
    let alice = app.alice();
    limit(&alice, json!({"user": {"daily_tokens": 0}})).await;
    let task = json!({"name": "Brief", "prompt": "Tell me.", "schedule": {"kind": "interval", "every_seconds": 86_400}});
    let made = alice.post("/v1/schedules", task).await.expect(201).json();
    let path = format!("/v1/schedules/{}", made["id"].as_str().expect("an id"));
    alice.send(alice.request(Method::POST, &format!("{path}/run"))).await;
    let slot = eventually("the slot ends", async || {
        let runs: Value = alice.get(&format!("{path}/runs")).await.expect(200).json();
        runs["data"].as_array()?.iter().find(|slot| slot["status"] == "failed").cloned()
    })
    .await;
    assert!(slot["error"].to_string().contains("your daily budget of 0 tokens"), "{slot}");
    let told = used(&alice, "/v1/notifications").await;
    assert!(told["data"][0]["text"].as_str().is_some_and(|text| text.contains("daily budget")), "{told}");
    assert_eq!(prompts(&app.sim).len(), 0);
}
