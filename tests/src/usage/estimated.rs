//! What a provider does not tell is estimated: nobody is served for nothing.

use model_sim::{Gate, Quirk, Reply, Usage};
use serde_json::{Value, json};

use super::{OWN, half_a_minute_passes, limit, priced, send, used, using};
use crate::harness::{Person, Setup, TestApp, eventually, look::run_of};

/// The platform's accounts, half a minute later.
async fn events(app: &TestApp) -> Vec<Value> {
    half_a_minute_passes(app).await;
    let told = used(&app.replica.root(), "/v1/platform/usage-events").await;
    told["data"].as_array().expect("a list").clone()
}

async fn totals(person: &Person) -> (i64, i64, i64) {
    let told = used(person, OWN).await;
    let number = |name: &str| told["totals"][name].as_i64().expect("a number");
    (number("calls"), number("input_tokens"), number("output_tokens"))
}

/// An answer that is stopped when a part of it is there.
async fn stopped(app: &TestApp, person: &Person, words: &str) {
    let session = person.session().await;
    let gate = Gate::new();
    let deltas = words.len() / 40;
    app.sim.push(using(&words.repeat(2), 1_000).chunk_chars(40).hold_after(deltas, &gate));
    let mut events = person.say(&session, "Tell me").await;
    let run = run_of(&events.until("token").await);
    gate.reached().await;
    person.post(&format!("/v1/runs/{run}/cancel"), json!({})).await;
    events.rest().await;
    gate.release();
    eventually("the run ends", async || (app.replica.engine.running() == 0).then_some(())).await;
}

#[tokio::test]
async fn an_answer_that_is_stopped_costs_what_came_of_it_whichever_protocol_tells_how_much() {
    let words = "and so on ".repeat(200);
    for chat in [false, true] {
        let app = TestApp::with(Setup { chat, ..priced() }).await;
        let alice = app.alice();
        stopped(&app, &alice, &words).await;
        let (calls, sent, answered) = totals(&alice).await;
        assert_eq!(calls, 1, "chat: {chat}");
        // Tools and rules alone are more than that.
        assert!(if chat { sent > 500 } else { sent == 800 }, "chat: {chat}, {sent}");
        assert!((400..1_000).contains(&answered), "chat: {chat}, {answered} tokens of 2000 characters");
        let event = &events(&app).await[0];
        assert_eq!((&event["estimated"], &event["output_tokens"]), (&json!(true), &json!(answered)));
        assert!(event["cost_usd"].as_f64().is_some_and(|cost| cost > 0.0), "{event}");
    }
}

#[tokio::test]
async fn who_counts_nothing_is_counted_and_no_budget_is_evaded() {
    for chat in [false, true] {
        let app = TestApp::with(Setup { chat, ..priced() }).await;
        let alice = app.alice();
        limit(&alice, json!({"user": {"daily_tokens": 500}})).await;
        let session = alice.session().await;
        let silent = Reply::text("and so on ".repeat(35)).usage(Usage::default());
        app.sim.push(if chat { silent.quirk(Quirk::NoUsage) } else { silent });
        alice.ask(&session, "Hello?").await;
        let (calls, sent, answered) = totals(&alice).await;
        assert!(calls == 1 && sent > 500 && (100..300).contains(&answered), "{calls} {sent} {answered}");
        send(&alice, &session, "And now?").await.problem(402, "budget_exhausted");
        assert_eq!(events(&app).await[0]["estimated"], true);
    }
}

#[tokio::test]
async fn what_was_told_is_not_called_an_estimate() {
    for chat in [false, true] {
        let app = TestApp::with(Setup { chat, ..priced() }).await;
        let alice = app.alice();
        app.sim.push(using("Yes.", 1_000));
        alice.ask(&alice.session().await, "Hello?").await;
        let event = &events(&app).await[0];
        assert_eq!((event.get("estimated"), &event["output_tokens"]), (None, &json!(100)), "{event}");
    }
}
