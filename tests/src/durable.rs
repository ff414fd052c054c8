//! The server dies, and the answer comes all the same.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use model_sim::{Gate, Reply};
use serde_json::json;

use crate::harness::{
    Frame, Setup, TestApp, eventually,
    look::{answers, end, names, prompts, run_of, text_of},
};

const LEASE: u32 = 3;

fn worker() -> Setup {
    Setup { lease_seconds: LEASE, ..Setup::default() }
}

/// A service whose own replica executes nothing.
async fn service() -> TestApp {
    TestApp::with(Setup { works: false, ..Setup::default() }).await
}

fn last_id(frames: &[Frame]) -> Option<&str> {
    frames.last().map(|frame| frame.id.as_str())
}

#[tokio::test]
async fn a_message_is_stored_although_the_server_dies_before_the_first_word() {
    let app = service().await;
    let doomed = app.another_replica(worker()).await;
    let alice = app.alice();
    let session = alice.session().await;
    let gate = Gate::new();
    app.sim.push(Reply::text("Too late.").hold_before(&gate));
    app.sim.push(Reply::text("Somebody else answers."));
    let mut events = alice.at(doomed.address).say(&session, "Hi").await;
    let seen = events.until("run_started").await;
    gate.reached().await;
    doomed.kill();
    assert_eq!(text_of(&alice.history(&session).await[0]), "Hi");
    let heir = app.another_replica(worker()).await;
    let rest = alice.at(heir.address).follow(&run_of(&seen), last_id(&seen)).await.rest().await;
    assert_eq!(names(&rest), ["reset", "token", "message_complete", "done"]);
    assert_eq!(alice.history(&session).await.len(), 2);
}

#[tokio::test]
async fn a_reader_of_a_dead_server_gets_exactly_the_rest_from_another() {
    let app = service().await;
    let doomed = app.another_replica(worker()).await;
    let alice = app.alice();
    let session = alice.session().await;
    let gate = Gate::new();
    app.sim.push(Reply::text("Half an answer that nobody ends.").hold_after(4, &gate));
    app.sim.push(Reply::text("A whole answer."));
    let mut events = alice.at(doomed.address).say(&session, "Hi").await;
    let seen = events.until("token").await;
    doomed.kill();
    let heir = app.another_replica(worker()).await;
    let run = run_of(&seen);
    for reader in [alice.at(heir.address), alice.clone()] {
        let rest = reader.follow(&run, last_id(&seen)).await.rest().await;
        assert_eq!(end(&rest).data["status"], "done");
        assert_eq!(rest.iter().filter(|frame| frame.event == "reset").count(), 1);
        assert_eq!(answers(&[seen.clone(), rest].concat()), ["A whole answer."]);
        let all = reader.follow(&run, None).await.rest().await;
        assert_eq!(all[0], seen[0]);
        assert_eq!(answers(&all), ["A whole answer."]);
    }
    let said: Vec<String> = alice.history(&session).await.iter().map(text_of).collect();
    assert_eq!(said, ["Hi", "A whole answer."]);
}

#[tokio::test]
async fn what_a_dead_server_did_is_not_done_again() {
    let app = service().await;
    let doomed = app.another_replica(worker()).await;
    let alice = app.alice();
    alice.deal().await;
    let session = alice.session().await;
    let gate = Gate::new();
    app.sim.push(Reply::call("add_note", json!({"kind": "deal", "id": "D-42", "text": "Once"})));
    app.sim.push(Reply::text("Noted.").hold_before(&gate));
    app.sim.push(Reply::text("It is noted."));
    let mut events = alice.at(doomed.address).say(&session, "Note it").await;
    let seen = events.until("tool_result").await;
    gate.reached().await;
    doomed.kill();
    let heir = app.another_replica(worker()).await;
    let rest = alice.at(heir.address).follow(&run_of(&seen), last_id(&seen)).await.rest().await;
    assert_eq!(names(&rest), ["reset", "token", "message_complete", "done"]);
    let done = &end(&rest).data;
    assert_eq!((&done["iterations"], &done["tools_used"][0]["name"]), (&json!(2), &json!("add_note")));
    assert_eq!(app.database.count("select count(*) from sixty.entity_notes").await, 1);
    assert_eq!(alice.history(&session).await.len(), 4);
    let sent = prompts(&app.sim);
    assert_eq!(sent.len(), 3);
    assert_eq!(sent[1].body, sent[2].body, "the same prompt, byte for byte");
}

#[tokio::test]
async fn an_effect_that_was_under_way_happens_exactly_once() {
    let app = service().await;
    let doomed = app.another_replica(worker()).await;
    let alice = app.alice();
    alice.deal().await;
    let session = alice.session().await;
    app.sim.push(Reply::call("add_note", json!({"kind": "deal", "id": "D-42", "text": "Once"})));
    app.sim.push(Reply::text("Noted."));
    let pool = app.database.superuser().await;
    let mut lock = pool.begin().await.expect("a transaction");
    let sql = "lock table sixty.entity_notes in exclusive mode";
    sqlx::query(sql).execute(&mut *lock).await.expect("the lock");
    let mut events = alice.at(doomed.address).say(&session, "Note it").await;
    let seen = events.until("tool_start").await;
    eventually("the note waits for the lock", async || {
        let waiting =
            "select count(*) from pg_locks where not granted and relation = 'sixty.entity_notes'::regclass";
        (app.database.count(waiting).await == 1).then_some(())
    })
    .await;
    doomed.kill();
    lock.rollback().await.expect("the lock is released");
    let heir = app.another_replica(worker()).await;
    let rest = alice.at(heir.address).follow(&run_of(&seen), last_id(&seen)).await.rest().await;
    assert_eq!(names(&rest), ["reset", "tool_result", "token", "message_complete", "done"]);
    assert_eq!(app.database.count("select count(*) from sixty.entity_notes").await, 1);
    assert_eq!(prompts(&app.sim).len(), 2, "the model is not asked again for what it has said");
    assert_eq!(alice.history(&session).await.len(), 4);
    pool.close().await;
}

#[tokio::test]
async fn a_shutdown_hands_its_runs_over_long_before_the_lease_ends() {
    for silent in [false, true] {
        let app = service().await;
        let leaving = app.another_replica(Setup::default()).await;
        let alice = app.alice();
        let session = alice.session().await;
        let gate = Gate::new();
        let held = Reply::text("Half an answer.");
        app.sim.push(if silent { held.hold_before(&gate) } else { held.hold_after(3, &gate) });
        app.sim.push(Reply::text("A whole answer."));
        let mut events = alice.at(leaving.address).say(&session, "Hi").await;
        let seen = events.until(if silent { "run_started" } else { "token" }).await;
        gate.reached().await;
        let heir = app.another_replica(Setup::default()).await;
        let began = Instant::now();
        leaving.shut_down().await;
        let cut = events.rest().await;
        assert!(cut.iter().all(|frame| frame.event == "token"), "{cut:?}");
        let seen = [seen, cut].concat();
        let rest = alice.at(heir.address).follow(&run_of(&seen), last_id(&seen)).await.rest().await;
        assert_eq!(end(&rest).data["status"], "done");
        assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
        assert_eq!(answers(&[seen, rest].concat()), ["A whole answer."]);
        assert_eq!(alice.history(&session).await.len(), 2);
    }
}

#[tokio::test]
async fn a_message_that_no_replica_can_execute_waits_for_one_that_can() {
    let app = service().await;
    let alice = app.alice();
    let session = alice.session().await;
    app.sim.push(Reply::text("At last."));
    let request = alice.message(&session, &json!({"text": "Hi"})).header("prefer", "respond-async");
    let run = alice.send(request).await.expect(202).json()["run"].clone();
    assert_eq!(run["status"], "queued");
    let events = alice.follow(run["id"].as_str().expect("an id"), None).await;
    let _worker = app.another_replica(worker()).await;
    let frames = events.rest().await;
    assert_eq!(names(&frames), ["run_started", "token", "message_complete", "done"]);
    assert_eq!(answers(&frames), ["At last."]);
}

#[tokio::test]
async fn workers_share_the_queue_and_execute_each_run_once() {
    let app = service().await;
    let alice = app.alice();
    app.sim.respond_with(|_| Reply::text("Done."));
    let mut runs = Vec::new();
    for _ in 0..20 {
        let session = alice.session().await;
        let request = alice.message(&session, &json!({"text": "Hi"})).header("prefer", "respond-async");
        runs.push(
            alice.send(request).await.expect(202).json()["run"]["id"].as_str().expect("an id").to_owned(),
        );
    }
    let _workers = (
        app.another_replica(Setup::default()).await,
        app.another_replica(Setup::default()).await,
        app.another_replica(Setup::default()).await,
    );
    for run in &runs {
        let frames = alice.follow(run, None).await.rest().await;
        assert_eq!(answers(&frames), ["Done."]);
        assert!(frames.iter().all(|frame| frame.id.starts_with("1.")), "{frames:?}");
    }
    assert_eq!(prompts(&app.sim).len(), runs.len());
}

#[tokio::test]
async fn a_run_outlives_the_loss_of_every_connection_to_the_database() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let session = alice.session().await;
    let gate = Gate::new();
    app.sim.push(Reply::text("An answer that cannot be stored.").hold_after(3, &gate));
    app.sim.push(Reply::text("An answer that can."));
    let events = alice.say(&session, "Hi").await;
    gate.reached().await;
    app.database
        .count(
            "select count(pg_terminate_backend(pid)) from pg_stat_activity
             where datname = current_database() and pid <> pg_backend_pid()",
        )
        .await;
    gate.release();
    eventually("the run ends", async || {
        let done = "select count(*) from sixty.runs where status = 'done'";
        (app.database.count(done).await == 1).then_some(())
    })
    .await;
    drop(events);
    assert_eq!(app.database.count("select count(*) from sixty.messages").await, 2);
}

#[tokio::test]
async fn a_shutdown_leaves_nothing_behind_that_somebody_would_have_to_wait_for() {
    let app = service().await;
    let leaving = app.another_replica(Setup::default()).await;
    let alice = app.alice();
    app.sim.respond_with(|_| Reply::text("Done."));
    let mut sessions = Vec::new();
    for _ in 0..12 {
        sessions.push(alice.session().await);
    }
    let there = alice.at(leaving.address);
    let sent = join_all(sessions.iter().map(|session| {
        let request = there.message(session, &json!({"text": "Hi"})).header("prefer", "respond-async");
        // A server that leaves may refuse the connection.
        async { request.send().await.is_ok_and(|answer| answer.status() == 202) }
    }));
    let (sent, ()) = tokio::join!(sent, leaving.shut_down());
    let accepted = i64::try_from(sent.into_iter().filter(|accepted| *accepted).count()).expect("a number");
    assert_eq!(app.database.count("select count(*) from sixty.runs where status = 'running'").await, 0);
    assert!(app.database.count("select count(*) from sixty.runs").await >= accepted);
    let _heir = app.another_replica(Setup::default()).await;
    eventually("all are answered", async || {
        let open = "select count(*) from sixty.runs where status <> 'done'";
        (app.database.count(open).await == 0).then_some(())
    })
    .await;
    let (runs, messages) = ("select count(*) from sixty.runs", "select count(*) from sixty.messages");
    assert_eq!(app.database.count(messages).await, 2 * app.database.count(runs).await);
}
