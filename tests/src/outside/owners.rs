//! Calls whose run changes its owner.

use model_sim::{Gate, Reply};
use serde_json::{Value, json};

use super::{World, only_result, probe, unknown};
use crate::harness::{
    look::{all, answers, end, names, run_of},
    probe::Answer,
};

#[tokio::test]
async fn a_repeatable_call_of_a_dead_owner_is_made_again_under_its_key() {
    let world = World::start().await;
    let mut doomed = world.process().await;
    let alice = world.app.alice();
    let session = alice.session().await;
    let gate = Gate::new();
    world.probe.answer("once", Answer::Hold(gate.clone()));
    world.app.sim.push(probe("probe_idempotent", "once"));
    world.app.sim.push(Reply::text("Done."));
    let mut events = alice.at(doomed.address).say(&session, "Do it").await;
    let seen = events.until("tool_start").await;
    gate.reached().await;
    doomed.kill();
    gate.release();
    let heir = world.process().await;
    let there = alice.at(heir.address);
    let rest = there.follow(&run_of(&seen), seen.last().map(|frame| frame.id.as_str())).await.rest().await;
    assert_eq!(names(&rest), ["reset", "tool_result", "token", "message_complete", "done"]);
    assert_eq!(only_result(&world, &there, &session, &rest).await["success"], true);
    assert_eq!((world.probe.count("once"), world.probe.effects("once")), (2, 1));
    let by_the_heir = "select count(*) from sixty.tool_calls where state = 'done' and fence = 2";
    assert_eq!(world.app.database.count(by_the_heir).await, 1);
}

#[tokio::test]
async fn an_unrepeatable_call_of_a_dead_owner_is_unknown_and_not_made_again() {
    let world = World::start().await;
    let mut doomed = world.process().await;
    let alice = world.app.alice();
    let session = alice.session().await;
    let gate = Gate::new();
    world.probe.answer("once", Answer::Hold(gate.clone()));
    world.app.sim.push(probe("probe_unsafe", "once"));
    world.app.sim.push(Reply::text("I cannot tell."));
    let mut events = alice.at(doomed.address).say(&session, "Do it").await;
    let seen = events.until("tool_start").await;
    gate.reached().await;
    doomed.kill();
    gate.release();
    let heir = world.process().await;
    let there = alice.at(heir.address);
    let rest = there.follow(&run_of(&seen), seen.last().map(|frame| frame.id.as_str())).await.rest().await;
    assert_eq!(names(&rest), ["reset", "tool_result", "token", "message_complete", "done"]);
    unknown(&only_result(&world, &there, &session, &rest).await);
    assert_eq!(end(&rest).data["tools_used"][0]["success"], false);
    assert_eq!((world.probe.count("once"), world.states("unknown").await), (1, 1));
    world.app.sim.push(Reply::text("Still not."));
    assert_eq!(answers(&there.hear(&session, "And now?").await), ["Still not."]);
    assert_eq!(world.probe.count("once"), 1);
}

#[tokio::test]
async fn a_dead_owners_results_are_neither_lost_nor_told_twice() {
    let world = World::start().await;
    let mut doomed = world.process().await;
    let alice = world.app.alice();
    alice.deal().await;
    let session = alice.session().await;
    let gate = Gate::new();
    world.probe.answer("last", Answer::Hold(gate.clone()));
    world.app.sim.push(
        Reply::message()
            .tool("add_note", json!({"kind": "deal", "id": "D-42", "text": "Once"}))
            .tool("probe_unsafe", json!({"text": "first"}))
            .tool("probe_idempotent", json!({"text": "last"})),
    );
    world.app.sim.push(Reply::text("Done."));
    let mut events = alice.at(doomed.address).say(&session, "Do it").await;
    let mut seen = events.until("tool_result").await;
    gate.reached().await;
    doomed.kill();
    seen.extend(events.rest().await);
    gate.release();
    let heir = world.process().await;
    let after = seen.last().map(|frame| frame.id.as_str());
    let rest = alice.at(heir.address).follow(&run_of(&seen), after).await.rest().await;
    let told: Vec<Value> = all(&[seen, rest.clone()].concat(), "tool_result")
        .into_iter()
        .map(|data| data["name"].clone())
        .collect();
    assert_eq!(told, ["add_note", "probe_unsafe", "probe_idempotent"]);
    let used = end(&rest).data["tools_used"].as_array().expect("a list").clone();
    assert_eq!(used.len(), 3, "{used:?}");
    assert!(used.iter().all(|tool| tool["success"] == true), "{used:?}");
    assert_eq!(world.app.database.count("select count(*) from sixty.entity_notes").await, 1);
    assert_eq!(
        (world.probe.count("first"), world.probe.count("last"), world.probe.effects("last")),
        (1, 2, 1)
    );
    let history = alice.history(&session).await;
    assert_eq!((history.len(), history[2]["content"].as_array().expect("a list").len()), (4, 3));
}

#[tokio::test]
async fn a_shutdown_waits_a_moment_for_a_call_that_ends() {
    let world = World::start().await;
    let mut leaving = world.process().await;
    let alice = world.app.alice();
    let session = alice.session().await;
    let gate = Gate::new();
    world.probe.answer("soon", Answer::Hold(gate.clone()));
    world.app.sim.push(probe("probe_unsafe", "soon"));
    world.app.sim.push(Reply::text("Done."));
    let mut events = alice.at(leaving.address).say(&session, "Do it").await;
    let seen = events.until("tool_start").await;
    gate.reached().await;
    leaving.signal("TERM");
    // Its stream ends first of all.
    let seen = [seen, events.rest().await].concat();
    gate.release();
    assert!(leaving.ended().await.success());
    let heir = world.process().await;
    let there = alice.at(heir.address);
    let rest = there.follow(&run_of(&seen), seen.last().map(|frame| frame.id.as_str())).await.rest().await;
    assert_eq!(end(&rest).data["status"], "done");
    assert_eq!(only_result(&world, &there, &session, &rest).await["success"], true);
    assert_eq!((world.probe.count("soon"), world.states("done").await), (1, 1));
}

#[tokio::test]
async fn a_run_that_is_given_up_or_cancelled_by_its_heir_tells_of_its_effects() {
    let world = World::start().await;
    let alice = world.app.alice();
    for cancelled in [false, true] {
        let mut doomed = world.process().await;
        let session = alice.session().await;
        let gate = Gate::new();
        let text = format!("once, {cancelled}");
        world.probe.answer(&text, Answer::Hold(gate.clone()));
        world.app.sim.push(probe("probe_unsafe", &text));
        let mut events = alice.at(doomed.address).say(&session, "Do it").await;
        let seen = events.until("tool_start").await;
        gate.reached().await;
        doomed.kill();
        gate.release();
        let change = if cancelled { "cancel_requested = true" } else { "attempts = 5" };
        let pool = world.app.database.superuser().await;
        let sql = format!("update sixty.runs set {change} where status = 'running'");
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&pool).await.expect("the statement runs");
        pool.close().await;
        let heir = world.process().await;
        let after = seen.last().map(|frame| frame.id.as_str());
        let rest = alice.at(heir.address).follow(&run_of(&seen), after).await.rest().await;
        let ended = &end(&rest).data;
        assert!(ended["status"] == "cancelled" || ended["code"] == "gave_up", "{ended}");
        unknown(all(&rest, "tool_result")[0]);
        let history = alice.history(&session).await;
        let told = history[2]["content"][0]["content"].as_str().expect("a text");
        assert!(told.starts_with("The outcome is unknown"), "{told}");
        assert_eq!(world.probe.count(&text), 1);
    }
    assert_eq!(world.states("unknown").await, 2);
}
