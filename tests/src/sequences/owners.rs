//! Sequences that are cancelled, and those whose owner goes.

use model_sim::{Gate, Reply};
use serde_json::json;

use super::{FOLLOW_UP, begin, prepare, shown, statuses, steps, submit, tasks, told};
use crate::harness::{
    Setup, TestApp,
    look::{end, run_of},
};

#[tokio::test]
async fn a_sequence_that_is_cancelled_stops_where_it_is() {
    let app = TestApp::start().await;
    let alice = app.alice();
    prepare(&alice, "follow-up", FOLLOW_UP).await;
    let gate = Gate::new();
    app.sim.push(submit(json!({"title": "Call Dana"})).hold_before(&gate));
    let session = alice.session().await;
    let mut events = begin(&alice, "follow-up", &session).await;
    let mut frames = events.until("run_started").await;
    gate.reached().await;
    let run = run_of(&frames);
    alice.post(&format!("/v1/runs/{run}/cancel"), json!({})).await.expect(202);
    gate.release();
    frames.extend(events.rest().await);
    assert_eq!(end(&frames).data["status"], "cancelled");
    assert_eq!(statuses(&shown(&alice, &run).await), ["done", "cancelled", "skipped"]);
    assert_eq!(told(&frames)[3..], steps(&[(2, "cancelled"), (3, "skipped")]));
    assert!(tasks(&alice).await.is_empty());
    app.sim.push(Reply::text("Here I am."));
    assert_eq!(end(&alice.hear(&session, "Are you there?").await).data["status"], "done");
}

#[tokio::test]
async fn the_next_step_obeys_the_role_that_its_person_has_by_then() {
    let app = TestApp::start().await;
    let (alice, bob) = (app.alice(), app.bob());
    prepare(&alice, "follow-up", FOLLOW_UP).await;
    let gate = Gate::new();
    app.sim.push(submit(json!({"title": "Call Dana"})).hold_before(&gate));
    let session = bob.session().await;
    let mut events = begin(&bob, "follow-up", &session).await;
    let mut frames = events.until("run_started").await;
    gate.reached().await;
    alice.patch("/v1/admin/members/bob", json!({"ceiling": "readonly"})).await.expect(200);
    gate.release();
    frames.extend(events.rest().await);
    assert_eq!(end(&frames).data["code"], "sequence_step_failed", "{frames:#?}");
    assert_eq!(statuses(&shown(&bob, &run_of(&frames)).await), ["done", "done", "failed"]);
    assert!(tasks(&alice).await.is_empty());
}

#[tokio::test]
async fn a_sequence_that_waits_is_cancelled_with_its_steps() {
    let app = TestApp::start().await;
    let alice = app.alice();
    prepare(&alice, "follow-up", &FOLLOW_UP.replace("order: 2", "order: 2\n      requires_approval: true"))
        .await;
    let session = alice.session().await;
    let frames = begin(&alice, "follow-up", &session).await.rest().await;
    let run = run_of(&frames);
    let cancelled = alice.post(&format!("/v1/runs/{run}/cancel"), json!({})).await.expect(202).json();
    assert_eq!(cancelled["status"], "cancelled");
    assert_eq!(statuses(&shown(&alice, &run).await), ["done", "cancelled", "skipped"]);
    let whole = alice.follow(&run, None).await.rest().await;
    assert_eq!(told(&whole)[4..], steps(&[(2, "cancelled"), (3, "skipped")]));
}

#[tokio::test]
async fn another_replica_goes_on_with_the_step_that_was_open() {
    let setup = || Setup { lease_seconds: 2, ..Setup::default() };
    let app = TestApp::with(Setup { works: false, ..setup() }).await;
    let first = app.another_replica(setup()).await;
    let alice = app.alice();
    prepare(&alice, "follow-up", FOLLOW_UP).await;
    let gate = Gate::new();
    app.sim.push(submit(json!({"title": "Never"})).hold_before(&gate));
    let session = alice.session().await;
    let mut events = begin(&alice.at(first.address), "follow-up", &session).await;
    let seen = events.until("run_started").await;
    gate.reached().await;
    first.kill();
    let seen = [seen, events.rest().await].concat();
    app.sim.push(submit(json!({"title": "Call Dana"})));
    app.sim.push(Reply::text("Done."));
    let second = app.another_replica(setup()).await;
    let after = seen.last().map(|frame| frame.id.as_str());
    let rest = alice.at(second.address).follow(&run_of(&seen), after).await.rest().await;
    assert_eq!(end(&rest).data["status"], "done", "{rest:#?}");
    let all = [(1, "running"), (1, "done"), (2, "running"), (2, "done"), (3, "running"), (3, "done")];
    assert_eq!(told(&[seen, rest].concat()), steps(&all));
    let made = tasks(&alice).await;
    assert_eq!((made.len(), &made[0]["name"]), (1, &json!("Call Dana")));
    gate.release();
}

#[tokio::test]
async fn a_shutdown_in_the_midst_of_a_sequence_hands_it_over() {
    let app = TestApp::with(Setup { works: false, ..Setup::default() }).await;
    let first = app.another_replica(Setup::default()).await;
    let alice = app.alice();
    prepare(&alice, "follow-up", FOLLOW_UP).await;
    let gate = Gate::new();
    app.sim.push(submit(json!({"title": "Never"})).hold_before(&gate));
    let session = alice.session().await;
    let mut events = begin(&alice.at(first.address), "follow-up", &session).await;
    let seen = events.until("run_started").await;
    gate.reached().await;
    first.shut_down().await;
    let seen = [seen, events.rest().await].concat();
    super::script(&app.sim);
    let second = app.another_replica(Setup::default()).await;
    let after = seen.last().map(|frame| frame.id.as_str());
    let rest = alice.at(second.address).follow(&run_of(&seen), after).await.rest().await;
    assert_eq!(end(&rest).data["status"], "done", "{rest:#?}");
    assert_eq!(tasks(&alice).await.len(), 1);
    gate.release();
}
