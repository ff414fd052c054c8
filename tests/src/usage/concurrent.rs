//! Many at the same time overshoot a budget by no more than one call each.

use futures_util::future::join_all;
use model_sim::{Gate, Reply, Usage};
use serde_json::json;

use super::{OWN, limit, priced, reserved, used};
use crate::harness::{TestApp, eventually, look::prompts};

const RUNS: usize = 100;
const CALL: i64 = 5_000;
/// More than what some of them set aside, and less than the longest answers of half of them.
const LIMIT: i64 = 200_000;

/// A call that asks for another one, as long as it may.
fn another() -> Reply {
    let usage = Usage { input_tokens: 4_500, output_tokens: 500, ..Usage::default() };
    Reply::call("find_entities", json!({"query": "Dana"})).usage(usage)
}

fn number(count: usize) -> i64 {
    i64::try_from(count).expect("a number")
}

#[tokio::test]
async fn a_hundred_runs_at_once_overshoot_a_budget_by_at_most_one_call_each() {
    let app = TestApp::with(priced()).await;
    let alice = app.alice();
    limit(&alice, json!({"user": {"daily_tokens": LIMIT}})).await;
    let gate = Gate::new();
    let held = gate.clone();
    app.sim.respond_with(move |_| another().hold_before(&held));
    let sessions = join_all((0..RUNS).map(|_| alice.session())).await;
    let send = |session: &String| {
        let request = alice.message(session, &json!({"text": "Search"}));
        alice.send(request.header("prefer", "respond-async"))
    };
    let answers = join_all(sessions.iter().map(send)).await;
    let begun = answers.iter().filter(|answer| answer.status == 202).count();
    for answer in answers.iter().filter(|answer| answer.status != 202) {
        answer.problem(402, "budget_exhausted");
    }
    assert!((1..RUNS).contains(&begun), "{begun} of {RUNS} runs began");
    // Nothing is used yet: what they have set aside is what leaves nothing to the others.
    gate.reached_by(begun).await;
    let standing = used(&alice, OWN).await["budgets"][0].clone();
    assert_eq!((&standing["used"], &standing["left"]), (&json!(0), &json!(0)), "{standing}");
    assert_eq!((reserved(&app).await, prompts(&app.sim).len()), (number(begun), begun));
    gate.release();
    eventually("all runs have ended", async || (app.replica.engine.running() == 0).then_some(())).await;
    let standing = used(&alice, OWN).await["budgets"][0].clone();
    let spent = standing["used"].as_i64().expect("a number");
    let calls = number(prompts(&app.sim).len());
    println!("{begun} runs began, {calls} calls used {spent} of {LIMIT} tokens");
    assert_eq!(spent, calls * CALL, "every call is counted once");
    let most = LIMIT + number(begun) * CALL;
    assert!(spent <= most, "{spent} of at most {most}");
    assert_eq!((reserved(&app).await, &standing["reserved"]), (0, &json!(0)));
}
