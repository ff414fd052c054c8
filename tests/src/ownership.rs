//! Who may write for a run, who may stop it, and when it is given up.

use model_sim::{Gate, Reply};
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;

use crate::harness::{
    Person, Setup, TestApp, eventually,
    look::{answers, end, names, prompts, run_of},
};

/// Changes what stands in the database, past all policies.
async fn tamper(app: &TestApp, sql: impl Into<String>) {
    let pool = app.database.superuser().await;
    sqlx::raw_sql(AssertSqlSafe(sql.into())).execute(&pool).await.expect("the statement runs");
    pool.close().await;
}

async fn rows(app: &TestApp) -> i64 {
    app.database
        .count(
            "select (select count(*) from sixty.messages) + (select count(*) from sixty.steps)
                + (select count(*) from sixty.tool_calls) + (select count(*) from sixty.run_events)
                + (select count(*) from sixty.entity_notes)",
        )
        .await
}

async fn cancel(person: &Person, run: &str) -> Value {
    person.post(&format!("/v1/runs/{run}/cancel"), json!({})).await.expect(202).json()
}

#[tokio::test]
async fn an_owner_that_lost_its_fence_writes_nothing_more() {
    let app = TestApp::start().await;
    let alice = app.alice();
    alice.deal().await;
    for reply in [
        Reply::text("An answer of a ghost that nobody may store."),
        Reply::text("I note it.").tool("add_note", json!({"kind": "deal", "id": "D-42", "text": "Boo"})),
    ] {
        let session = alice.session().await;
        let gate = Gate::new();
        app.sim.push(reply.hold_after(1, &gate));
        let mut events = alice.say(&session, "Hi").await;
        let run = run_of(&events.until("run_started").await);
        gate.reached().await;
        tamper(
            &app,
            format!(
                "update sixty.runs set fence = 2, lease_owner = gen_random_uuid(),
                    lease_until = now() + interval '1 hour' where id = '{run}'"
            ),
        )
        .await;
        let before = rows(&app).await;
        gate.release();
        // Only a reader whose owner has left looks into the database, and finds this.
        let frame = format!("id: 2.1\nevent: done\ndata: {{\"run_id\":\"{run}\"}}\n\n");
        tamper(
            &app,
            format!(
                "insert into sixty.run_events (org_id, owner_id, run_id, fence, n_from, n_to, frames)
                    select org_id, owner_id, id, 2, 1, 1, '{frame}' from sixty.runs where id = '{run}';
                update sixty.runs set status = 'done', lease_owner = null, lease_until = null where id = '{run}'"
            ),
        )
        .await;
        let rest = events.rest().await;
        assert!(rest.iter().all(|frame| ["token", "done"].contains(&frame.event.as_str())), "{rest:?}");
        assert_eq!(end(&rest).id, "2.1");
        assert_eq!(rows(&app).await, before + 1);
        assert_eq!(alice.history(&session).await.len(), 1);
    }
}

#[tokio::test]
async fn a_run_that_its_own_replica_claims_again_keeps_its_lease() {
    let app = TestApp::with(Setup { lease_seconds: 3, ..Setup::default() }).await;
    let alice = app.alice();
    let session = alice.session().await;
    let (first, second) = (Gate::new(), Gate::new());
    app.sim.push(Reply::text("The first attempt.").hold_after(1, &first));
    app.sim.push(Reply::text("The second attempt.").hold_before(&second));
    let events = alice.say(&session, "Hi").await;
    first.reached().await;
    tamper(
        &app,
        "update sixty.runs set lease_until = now() - interval '1 second', lease_owner = gen_random_uuid()",
    )
    .await;
    second.reached().await;
    first.release();
    let until = "select (extract(epoch from lease_until) * 1000)::bigint from sixty.runs";
    let claimed = app.database.count(until).await;
    eventually("the lease is renewed", async || (app.database.count(until).await > claimed).then_some(()))
        .await;
    assert_eq!(app.database.count("select fence from sixty.runs").await, 2);
    second.release();
    let frames = events.rest().await;
    assert_eq!(end(&frames).data["status"], "done");
    assert_eq!(answers(&frames), ["The second attempt."]);
    assert_eq!(prompts(&app.sim).len(), 2);
}

#[tokio::test]
async fn a_heartbeat_during_the_commit_of_the_message_does_not_lose_the_run() {
    let app = TestApp::with(Setup { lease_seconds: 3, ..Setup::default() }).await;
    let alice = app.alice();
    let session = alice.session().await;
    tamper(
        &app,
        "create function sixty.dawdle() returns trigger language plpgsql as
            'begin perform pg_sleep(1.5); return null; end';
        create constraint trigger dawdle after insert on sixty.messages deferrable initially deferred
            for each row when (new.role = 'user') execute function sixty.dawdle()",
    )
    .await;
    app.sim.push(Reply::text("Hello."));
    let frames = alice.hear(&session, "Hi").await;
    assert_eq!(names(&frames), ["run_started", "token", "message_complete", "done"]);
    assert!(frames.iter().all(|frame| frame.id.starts_with("1.")), "taken over: {frames:?}");
}

#[tokio::test]
async fn a_run_is_cancelled_while_the_model_answers_or_is_silent() {
    let app = TestApp::start().await;
    let api = app.another_replica(Setup { works: false, ..Setup::default() }).await;
    let alice = app.alice();
    for elsewhere in [false, true] {
        let asks = if elsewhere { alice.at(api.address) } else { alice.clone() };
        for silent in [false, true] {
            let session = alice.session().await;
            let gate = Gate::new();
            let held = Reply::text("Half an answer.");
            app.sim.push(if silent { held.hold_before(&gate) } else { held.hold_after(3, &gate) });
            let mut events = alice.say(&session, "Hi").await;
            let mut frames = events.until(if silent { "run_started" } else { "token" }).await;
            gate.reached().await;
            let run = run_of(&frames);
            cancel(&asks, &run).await;
            frames.extend(events.rest().await);
            assert_eq!(end(&frames).data["status"], "cancelled");
            assert!(answers(&frames).is_empty());
            assert_eq!(alice.history(&session).await.len(), 1);
            assert_eq!(cancel(&asks, &run).await["status"], "cancelled", "once more changes nothing");
            app.sim.push(Reply::text("Hello."));
            assert_eq!(end(&alice.hear(&session, "Hi again").await).data["status"], "done");
        }
    }
}

#[tokio::test]
async fn a_queued_run_that_is_cancelled_is_never_executed() {
    let app = TestApp::with(Setup { works: false, ..Setup::default() }).await;
    let alice = app.alice();
    let session = alice.session().await;
    let request = alice.message(&session, &json!({"text": "Hi"})).header("prefer", "respond-async");
    let run = alice.send(request).await.expect(202).json()["run"]["id"].as_str().expect("an id").to_owned();
    let reader = alice.follow(&run, None).await;
    assert_eq!(cancel(&alice, &run).await["status"], "cancelled");
    let frames = reader.rest().await;
    assert_eq!((names(&frames), &end(&frames).data["status"]), (vec!["done"], &json!("cancelled")));
    let worker = app.another_replica(Setup::default()).await;
    app.sim.push(Reply::text("Hello."));
    let next = alice.at(worker.address).hear(&session, "Hi again").await;
    assert_eq!(answers(&next), ["Hello."]);
    assert_eq!(prompts(&app.sim).len(), 1);
    assert_eq!(alice.get(&format!("/v1/runs/{run}")).await.expect(200).json()["status"], "cancelled");
}

#[tokio::test]
async fn a_run_that_breaks_off_again_and_again_is_given_up() {
    let app = TestApp::with(Setup { works: false, ..Setup::default() }).await;
    let alice = app.alice();
    let mut runs = Vec::new();
    for attempts in [4, 5] {
        let session = alice.session().await;
        let request = alice.message(&session, &json!({"text": "Hi"})).header("prefer", "respond-async");
        let run = alice.send(request).await.expect(202).json()["run"]["id"].clone();
        let run = run.as_str().expect("an id").to_owned();
        tamper(&app, format!("update sixty.runs set attempts = {attempts} where id = '{run}'")).await;
        runs.push((session, run));
    }
    app.sim.push(Reply::text("In the end."));
    let _worker = app.another_replica(Setup::default()).await;
    assert_eq!(answers(&alice.follow(&runs[0].1, None).await.rest().await), ["In the end."]);
    let given_up = alice.follow(&runs[1].1, None).await.rest().await;
    assert_eq!(
        (&end(&given_up).data["code"], &end(&given_up).data["retryable"]),
        (&json!("gave_up"), &json!(true))
    );
    let run = alice.get(&format!("/v1/runs/{}", runs[1].1)).await.expect(200).json();
    assert_eq!((&run["status"], &run["error"]["code"]), (&json!("failed"), &json!("gave_up")));
    let again = alice.message(&runs[1].0, &json!({"text": "Hi?"})).header("prefer", "respond-async");
    alice.send(again).await.expect(202);
}

#[tokio::test]
async fn a_claimed_run_that_cannot_be_loaded_goes_back_before_its_lease_ends() {
    let app = TestApp::with(Setup { works: false, ..Setup::default() }).await;
    let alice = app.alice();
    let session = alice.session().await;
    let request = alice.message(&session, &json!({"text": "Hi"})).header("prefer", "respond-async");
    let run = alice.send(request).await.expect(202).json()["run"]["id"].as_str().expect("an id").to_owned();
    let reader = alice.follow(&run, None).await;
    tamper(&app, "revoke select on sixty.session_context from sixty_tenant").await;
    app.sim.push(Reply::text("Hello."));
    let _worker = app.another_replica(Setup { lease_seconds: 600, ..Setup::default() }).await;
    let attempts = "select attempts::bigint from sixty.runs";
    eventually("it is claimed again", async || (app.database.count(attempts).await >= 2).then_some(())).await;
    tamper(&app, "grant select on sixty.session_context to sixty_tenant").await;
    let frames = reader.rest().await;
    assert_eq!(names(&frames), ["run_started", "token", "message_complete", "done"]);
    assert_eq!(answers(&frames), ["Hello."]);
}

#[tokio::test]
async fn the_first_event_of_a_claimed_run_is_stored_before_it_is_shown() {
    let app = TestApp::with(Setup { works: false, ..Setup::default() }).await;
    let alice = app.alice();
    let gate = Gate::new();
    let held = gate.clone();
    app.sim.respond_with(move |_| Reply::text("Hello.").hold_before(&held));
    let worker = app.another_replica(Setup::default()).await;
    for count in 1..=5 {
        let session = alice.session().await;
        let request = alice.message(&session, &json!({"text": "Hi"})).header("prefer", "respond-async");
        let run = alice.send(request).await.expect(202).json()["run"]["id"].clone();
        let mut events = alice.at(worker.address).follow(run.as_str().expect("an id"), None).await;
        events.until("run_started").await;
        assert_eq!(app.database.count("select count(*) from sixty.run_events").await, count);
    }
    gate.release();
}

#[tokio::test]
async fn a_run_has_the_rights_that_its_owner_has_when_it_is_executed() {
    let app = TestApp::with(Setup { works: false, ..Setup::default() }).await;
    let (alice, bob) = (app.alice(), app.bob());
    for person in [&alice, &bob] {
        let session = person.session().await;
        let request = person.message(&session, &json!({"text": "Hi"})).header("prefer", "respond-async");
        person.send(request).await.expect(202);
    }
    tamper(
        &app,
        "update sixty.members set status = 'removed' where external_id = 'alice';
        update sixty.members set ceiling = 'readonly' where external_id = 'bob'",
    )
    .await;
    app.sim.respond_with(|_| Reply::text("Hello."));
    let _worker = app.another_replica(Setup::default()).await;
    eventually("both runs end", async || {
        let ended = "select count(*) from sixty.runs where status in ('done', 'failed')";
        (app.database.count(ended).await == 2).then_some(())
    })
    .await;
    let refused = "select count(*) from sixty.runs where error_code = 'membership_ended'";
    assert_eq!(app.database.count(refused).await, 1);
    let sent = prompts(&app.sim);
    assert_eq!(sent.len(), 1, "nothing is asked for somebody who has left");
    let writes = ["add_note", "create_task", "memory_append", "update_entity"];
    let tools = sent[0].json()["tools"].as_array().expect("a list").clone();
    let offered = |name: &str| tools.iter().any(|tool| tool["name"] == name);
    assert!(offered("get_entity") && !writes.into_iter().any(offered), "a reader is offered reading tools");
}
