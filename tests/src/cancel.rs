//! A cancel, from any replica, at any moment: the run ends soon, and the
//! conversation goes on.

use std::{collections::HashSet, time::Instant};

use model_sim::{Gate, Reply, Request};
use serde_json::{Value, json};
use sqlx::{PgPool, Postgres, Transaction};

use crate::harness::{
    Events, Frame, Person, Replica, Setup, TestApp, eventually,
    look::{answers, end, messages, names, prompts, run_of},
};

async fn elsewhere(app: &TestApp) -> (Replica, Person) {
    let replica = app.another_replica(Setup { works: false, ..Setup::default() }).await;
    let person = app.alice().at(replica.address);
    (replica, person)
}

async fn cancel(person: &Person, run: &str) -> Value {
    person.post(&format!("/v1/runs/{run}/cancel"), json!({})).await.expect(202).json()
}

/// Holds up everybody who wants to read or write the table.
async fn locked(pool: &PgPool, sql: &'static str) -> Transaction<'static, Postgres> {
    let mut lock = pool.begin().await.expect("a transaction");
    sqlx::query(sql).execute(&mut *lock).await.expect("the lock");
    lock
}

async fn somebody_waits(app: &TestApp, sql: &'static str) {
    eventually("a tool waits for the lock", async || (app.database.count(sql).await >= 1).then_some(()))
        .await;
}

/// Fails where the prompt has a tool call that is not answered by the next message.
#[track_caller]
fn every_call_has_its_result(prompt: &Request) {
    let messages = messages(prompt);
    for (i, message) in messages.iter().enumerate() {
        let ids = |message: &Value, kind: &str, field: &str| -> HashSet<String> {
            let blocks = message["content"].as_array().cloned().unwrap_or_default();
            let of_kind = blocks.iter().filter(|block| block["type"] == kind);
            of_kind.map(|block| block[field].as_str().expect("an id").to_owned()).collect()
        };
        let calls = ids(message, "tool_use", "id");
        let results =
            messages.get(i + 1).map(|next| ids(next, "tool_result", "tool_use_id")).unwrap_or_default();
        assert_eq!(calls, results, "after message {i}: {messages:#?}");
    }
}

/// The session takes the next message, and the model is told of no open call.
async fn goes_on(app: &TestApp, person: &Person, session: &str) {
    app.sim.push(Reply::text("Of course."));
    let frames = person.hear(session, "And now?").await;
    assert_eq!(end(&frames).data["status"], "done");
    assert_eq!(answers(&frames), ["Of course."]);
    let sent = prompts(&app.sim);
    every_call_has_its_result(sent.last().expect("a prompt"));
}

#[track_caller]
fn ended_cancelled(frames: &[Frame]) {
    assert_eq!((&*end(frames).event, &end(frames).data["status"]), ("done", &json!("cancelled")));
    answers(frames);
}

async fn begun(alice: &Person, session: &str, until: &str) -> (Events, Vec<Frame>, String) {
    let mut events = alice.say(session, "Do it").await;
    let seen = events.until(until).await;
    let run = run_of(&seen);
    (events, seen, run)
}

#[tokio::test]
async fn a_cancel_at_another_replica_ends_the_run_while_its_model_is_silent() {
    let app = TestApp::start().await;
    let (_replica, asks) = elsewhere(&app).await;
    let alice = app.alice();
    let mut took = Vec::new();
    for _ in 0..8 {
        let session = alice.session().await;
        let gate = Gate::new();
        app.sim.push(Reply::text("An answer without an end.").hold_after(3, &gate));
        let (events, seen, run) = begun(&alice, &session, "token").await;
        let far = asks.follow(&run, None).await;
        gate.reached().await;
        let asked = Instant::now();
        cancel(&asks, &run).await;
        let frames = [seen, events.rest().await].concat();
        took.push(asked.elapsed());
        ended_cancelled(&frames);
        assert_eq!(far.rest().await, frames);
        goes_on(&app, &alice, &session).await;
    }
    took.sort();
    println!("cancels at another replica, from the request to the end of the stream: {took:?}");
}

#[tokio::test]
async fn a_run_is_cancelled_while_a_tool_reads() {
    let app = TestApp::start().await;
    let (_replica, far) = elsewhere(&app).await;
    let alice = app.alice();
    alice.deal().await;
    let pool = app.database.superuser().await;
    for asks in [&alice, &far] {
        let session = alice.session().await;
        let gate = Gate::new();
        let reply = Reply::text("I look.").tool("get_entity", json!({"kind": "deal", "id": "D-42"}));
        app.sim.push(reply.hold_after(1, &gate));
        let (mut events, mut seen, run) = begun(&alice, &session, "token").await;
        let lock = locked(&pool, "lock table sixty.entities in access exclusive mode").await;
        gate.release();
        seen.extend(events.until("tool_start").await);
        somebody_waits(
            &app,
            "select count(*) from pg_locks where not granted and relation = 'sixty.entities'::regclass
                and database = (select oid from pg_database where datname = current_database())",
        )
        .await;
        cancel(asks, &run).await;
        let frames = [seen, events.rest().await].concat();
        ended_cancelled(&frames);
        assert_eq!(names(&frames).iter().filter(|name| **name == "tool_result").count(), 0);
        lock.rollback().await.expect("the lock is released");
        goes_on(&app, &alice, &session).await;
    }
    pool.close().await;
}

#[tokio::test]
async fn a_write_that_is_under_way_happens_whole_before_its_run_is_cancelled() {
    let app = TestApp::start().await;
    let (_replica, far) = elsewhere(&app).await;
    let alice = app.alice();
    alice.deal().await;
    let pool = app.database.superuser().await;
    // Where the tool is done before its owner has heard of the cancel, the model is asked once more.
    let gate = Gate::new();
    let held = gate.clone();
    app.sim.respond_with(move |_| Reply::text("Too late.").hold_before(&held));
    for (i, asks) in [&alice, &far].into_iter().enumerate() {
        let session = alice.session().await;
        let lock = locked(&pool, "lock table sixty.entity_notes in exclusive mode").await;
        app.sim.push(Reply::call("add_note", json!({"kind": "deal", "id": "D-42", "text": format!("{i}")})));
        let (mut events, mut frames, run) = begun(&alice, &session, "tool_start").await;
        somebody_waits(
            &app,
            "select count(*) from pg_locks where not granted and relation = 'sixty.entity_notes'::regclass
                and database = (select oid from pg_database where datname = current_database())",
        )
        .await;
        // The cancel waits for the step that is being stored, and the step for the lock.
        let release = async {
            let waiting = "select count(*) from pg_stat_activity
                where datname = current_database() and wait_event_type = 'Lock'";
            eventually("the cancel waits too", async || {
                (app.database.count(waiting).await >= 2).then_some(())
            })
            .await;
            lock.rollback().await.expect("the lock is released");
        };
        tokio::join!(cancel(asks, &run), release);
        frames.extend(events.until("tool_result").await);
        frames.extend(events.rest().await);
        ended_cancelled(&frames);
        let noted = app.database.count("select count(*) from sixty.entity_notes").await;
        assert_eq!(noted, i64::try_from(i).expect("a number") + 1, "once, and whole");
        assert_eq!(alice.history(&session).await[2]["content"][0]["type"], "tool_result");
        goes_on(&app, &alice, &session).await;
    }
    pool.close().await;
}

/// Talks until a run stands before its summary.
async fn until_summed_up(person: &Person, session: &str, gate: &Gate) -> (Events, Vec<Frame>) {
    for _ in 0..12 {
        let mut events = person.say(session, &"and so on ".repeat(60)).await;
        let mut frames = Vec::new();
        loop {
            tokio::select! {
                () = gate.reached(), if !frames.is_empty() => return (events, frames),
                frame = events.next() => match frame {
                    Some(frame) => frames.push(frame),
                    None => break,
                },
            }
        }
        end(&frames);
    }
    panic!("the history was never summed up");
}

#[tokio::test]
async fn a_run_is_cancelled_while_its_history_is_summed_up() {
    let compaction = engine::compaction::Thresholds {
        at_tokens: Some(600),
        keep_tokens: Some(100),
        keep_messages: Some(4),
    };
    let app = TestApp::with(Setup { compaction, ..Setup::default() }).await;
    let (_replica, far) = elsewhere(&app).await;
    let alice = app.alice();
    for asks in [&alice, &far] {
        let session = alice.session().await;
        let gate = Gate::new();
        let held = gate.clone();
        app.sim.respond_with(move |request| {
            let summary = |system: &str| system.contains("Summarise the conversation");
            let summary = request.json()["system"].as_str().is_some_and(summary);
            if summary { Reply::text("## Decisions").hold_before(&held) } else { Reply::text("fine") }
        });
        let (events, mut frames) = until_summed_up(&alice, &session, &gate).await;
        let run = run_of(&frames);
        cancel(asks, &run).await;
        frames.extend(events.rest().await);
        ended_cancelled(&frames);
        gate.release();
        let frames = alice.hear(&session, "And now?").await;
        assert_eq!((answers(&frames), &end(&frames).data["status"]), (vec!["fine".into()], &json!("done")));
    }
}

#[tokio::test]
async fn half_an_answer_of_a_run_that_is_cancelled_in_the_queue_is_void() {
    let app = TestApp::with(Setup { works: false, ..Setup::default() }).await;
    let leaving = app.another_replica(Setup::default()).await;
    let alice = app.alice();
    let session = alice.session().await;
    let gate = Gate::new();
    app.sim.push(Reply::text("Half an answer.").hold_after(3, &gate));
    let (events, seen, run) = begun(&alice.at(leaving.address), &session, "token").await;
    gate.reached().await;
    leaving.shut_down().await;
    let seen = [seen, events.rest().await].concat();
    assert_eq!(cancel(&alice, &run).await["status"], "cancelled");
    let rest = alice.follow(&run, seen.last().map(|frame| &*frame.id)).await.rest().await;
    assert_eq!(names(&rest), ["reset", "done"]);
    let frames = [seen, rest].concat();
    ended_cancelled(&frames);
    assert_eq!(alice.follow(&run, None).await.rest().await.last(), frames.last());
    let worker = app.another_replica(Setup::default()).await;
    goes_on(&app, &alice.at(worker.address), &session).await;
}

#[tokio::test]
async fn a_cancel_that_the_owner_never_heard_of_is_obeyed_by_its_heir() {
    let app = TestApp::with(Setup { works: false, ..Setup::default() }).await;
    let doomed = app.another_replica(Setup { lease_seconds: 3, ..Setup::default() }).await;
    let alice = app.alice();
    let session = alice.session().await;
    let gate = Gate::new();
    app.sim.push(Reply::text("Half an answer.").hold_after(3, &gate));
    let (events, seen, run) = begun(&alice.at(doomed.address), &session, "token").await;
    doomed.kill();
    let seen = [seen, events.rest().await].concat();
    assert_eq!(cancel(&alice, &run).await["status"], "running", "its owner may still live");
    let heir = app.another_replica(Setup { lease_seconds: 3, ..Setup::default() }).await;
    let rest = alice.follow(&run, seen.last().map(|frame| &*frame.id)).await.rest().await;
    ended_cancelled(&[seen, rest].concat());
    assert_eq!(prompts(&app.sim).len(), 1, "the model is not asked for it again");
    goes_on(&app, &alice.at(heir.address), &session).await;
}
