//! What was used is counted where it becomes true: nothing of it waits for an answer that may never be stored.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::SeqCst},
};

use engine::compaction::Thresholds;
use model_sim::{Gate, Reply};
use serde_json::{Value, json};

use super::{OWN, limit, of, priced, used, using};
use crate::{
    harness::{
        Person, Setup, TestApp, eventually,
        look::{end, run_of},
    },
    models::Two,
};

/// Calls and tokens that were sent, cached ones apart.
async fn counted(person: &Person, query: &str) -> (i64, i64) {
    let told = used(person, &format!("{OWN}{query}")).await;
    let number = |name: &str| told["totals"][name].as_i64().expect("a number");
    (number("calls"), number("input_tokens"))
}

async fn run_has(person: &Person, run: &str) -> Value {
    used(person, &format!("/v1/runs/{run}")).await["usage"]["input_tokens"].clone()
}

#[tokio::test]
async fn what_a_summary_used_is_counted_with_the_summary_and_not_only_with_the_answer() {
    let small = Thresholds { at_tokens: Some(600), keep_tokens: Some(100), keep_messages: Some(4) };
    let setup = || Setup { compaction: small, ..priced() };
    let app = TestApp::with(Setup { works: false, ..setup() }).await;
    let doomed = app.another_replica(Setup { lease_seconds: 1, ..setup() }).await;
    let alice = app.alice();
    let (gate, summed_up) = (Gate::new(), Arc::new(AtomicBool::new(false)));
    let (held, seen) = (gate.clone(), summed_up.clone());
    app.sim.respond_with(move |request| {
        if String::from_utf8_lossy(&request.body).contains("Write the summary now") {
            seen.store(true, SeqCst);
            return using("fine", 200);
        }
        let answer = using("fine", 100);
        if seen.load(SeqCst) { answer.hold_before(&held) } else { answer }
    });
    let session = alice.session().await;
    let mut turns = 0;
    while !summed_up.load(SeqCst) {
        let words = format!("question {turns} about the security review {}", "and so on ".repeat(40));
        let events = alice.at(doomed.address).say(&session, &words).await;
        tokio::select! {
            () = gate.reached() => {}
            _ = events.rest() => turns += 1,
        }
    }
    let (calls, sent) = counted(&alice, "").await;
    assert_eq!((calls, sent), (turns + 1, 80 * turns + 160), "the answer is not there yet");
    doomed.kill();
    gate.release();
    let heir = app.another_replica(setup()).await;
    eventually("somebody else has answered", async || {
        (counted(&alice, "").await == (turns + 2, 80 * (turns + 1) + 160)).then_some(())
    })
    .await;
    drop(heir);
}

#[tokio::test]
async fn what_a_call_had_used_is_counted_when_its_run_is_handed_back() {
    let app = TestApp::with(Setup { works: false, ..priced() }).await;
    let leaving = app.another_replica(priced()).await;
    let alice = app.alice();
    let session = alice.session().await;
    let gate = Gate::new();
    app.sim.push(using("Nobody waits for all of this.", 1_000).chunk_chars(4).hold_after(2, &gate));
    app.sim.push(using("Somebody else answers.", 2_000));
    let mut events = alice.at(leaving.address).say(&session, "Tell me").await;
    let run = run_of(&events.until("token").await);
    leaving.shut_down().await;
    gate.release();
    assert_eq!((counted(&alice, "").await, run_has(&alice, &run).await), ((1, 800), json!(800)));
    let heir = app.another_replica(priced()).await;
    alice.at(heir.address).follow(&run, None).await.rest().await;
    assert_eq!((counted(&alice, "").await, run_has(&alice, &run).await), ((2, 2_400), json!(2_400)));
}

#[tokio::test]
async fn what_a_model_had_used_that_failed_is_counted_before_the_next_one_is_asked() {
    let two = Two::routed().await;
    let alice = two.app.alice();
    let gate = Gate::new();
    two.app.sim.push(Reply::text("Lost.").usage(of(1_000)).cut_after(2));
    two.second.push(using("Here I am.", 2_000).hold_before(&gate));
    let session = alice.session().await;
    let mut events = alice.say(&session, "Hi").await;
    events.until("run_started").await;
    gate.reached().await;
    assert_eq!(counted(&alice, "").await, (1, 800));
    gate.release();
    events.rest().await;
    assert_eq!(counted(&alice, "").await, (2, 2_400));
    let told = used(&alice, &format!("{OWN}?group_by=model")).await;
    let models: Vec<&Value> =
        told["data"].as_array().expect("a list").iter().map(|group| &group["model"]).collect();
    assert_eq!(models, ["anthropic/first", "second/next"]);
}

#[tokio::test]
async fn no_other_model_is_asked_once_the_one_that_failed_has_used_all_that_was_left() {
    let two = Two::routed().await;
    let alice = two.app.alice();
    limit(&alice, json!({"user": {"daily_tokens": 500}})).await;
    two.app.sim.push(Reply::text("Lost.").usage(of(1_000)).cut_after(2));
    let frames = alice.hear(&alice.session().await, "Hi").await;
    assert_eq!(end(&frames).data["code"], "budget_exhausted", "{frames:#?}");
    assert_eq!(two.calls(), (1, 0));
}
