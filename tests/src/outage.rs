//! The database goes away in the middle of things, and comes back: no turn is
//! lost, no word comes twice.

use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use model_sim::{Reply, Request};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, PgPool};
use tokio_util::sync::CancellationToken;

use crate::harness::{
    Events, Frame, Person, Setup, TestApp,
    look::{answers, end, last_blocks, run_of, text_of},
};

const RUNS: usize = 100;

fn setup() -> Setup {
    Setup { lease_seconds: 3, ..Setup::default() }
}

/// Every third question needs a tool that writes.
fn reply(request: &Request) -> Reply {
    let question = request.last_user_text();
    let number = question.rsplit('#').next().unwrap_or_default().to_owned();
    let answered = last_blocks(request).iter().any(|block| block["type"] == "tool_result");
    let slowly = |reply: Reply| reply.chunk_chars(8).delay_between(Duration::from_millis(25));
    if question.contains("note") && !answered {
        return slowly(Reply::text("I write that down."))
            .tool("add_note", json!({"kind": "deal", "id": "D-42", "text": format!("note {number}")}));
    }
    slowly(Reply::text(format!("Here is the whole answer to question number {number}, as it was asked.")))
}

/// What a client does whose service stumbles: it asks again, with the same key.
async fn patiently(person: &Person, method: Method, path: &str, key: Option<&str>, body: &Value) -> Value {
    loop {
        let mut request = person.request(method.clone(), path);
        if method == Method::POST {
            request = request.json(body).header("idempotency-key", key.unwrap_or_default());
        }
        let answer = person.send(request.header("prefer", "respond-async")).await;
        match answer.status.as_u16() {
            200..300 => return answer.json(),
            503 => {
                assert_eq!(answer.header("retry-after"), "1");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            // The first request with this key is still under way.
            409 => tokio::time::sleep(Duration::from_millis(50)).await,
            _ => panic!("{answer:?}"),
        }
    }
}

/// Reads a run's events to the end, and comes back with the last id as often as it must.
async fn heard(person: &Person, run: &str) -> (Vec<Frame>, usize) {
    let mut frames: Vec<Frame> = Vec::new();
    let mut cuts = 0;
    let path = format!("/v1/runs/{run}/events");
    loop {
        let mut request = person.request(Method::GET, &path);
        if let Some(last) = frames.last() {
            request = request.header("last-event-id", &last.id);
        }
        let response = request.send().await.expect("the service answers");
        if response.status() == 200 {
            frames.extend(Events::of(response).rest().await);
        } else {
            assert_eq!(response.status(), 503);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        if frames.last().is_some_and(|last| ["done", "error"].contains(&&*last.event)) {
            return (frames, cuts);
        }
        cuts += 1;
    }
}

struct Turn {
    session: String,
    question: String,
    frames: Vec<Frame>,
}

async fn turn(asks: &Person, reads: &Person, i: usize) -> (Turn, usize) {
    let question = format!("{} #{i}", if i.is_multiple_of(3) { "note" } else { "plain" });
    let made = patiently(asks, Method::POST, "/v1/sessions", Some(&format!("s{i}")), &json!({})).await;
    let session = made["id"].as_str().expect("an id").to_owned();
    let path = format!("/v1/sessions/{session}/messages");
    let key = format!("m{i}");
    let begun = patiently(asks, Method::POST, &path, Some(&key), &json!({"text": question})).await;
    let (frames, cuts) = heard(reads, begun["run"]["id"].as_str().expect("an id")).await;
    (Turn { session, question, frames }, cuts)
}

async fn check(person: &Person, turn: &Turn) {
    assert_eq!(end(&turn.frames).data["status"], "done", "{:#?}", turn.frames);
    let path = format!("/v1/sessions/{}/messages", turn.session);
    let history = patiently(person, Method::GET, &path, None, &Value::Null).await;
    let history = history["data"].as_array().expect("a list");
    let said: Vec<String> =
        history.iter().filter(|message| message["role"] == "assistant").map(text_of).collect();
    assert_eq!(answers(&turn.frames), said);
    let number = turn.question.rsplit('#').next().expect("a number");
    let answer = format!("Here is the whole answer to question number {number}, as it was asked.");
    assert_eq!(said.last(), Some(&answer));
    let notes = turn.question.starts_with("note");
    assert_eq!(history.len(), if notes { 4 } else { 2 }, "{history:#?}");
}

async fn run(pool: &PgPool, sql: impl Into<String>) -> u64 {
    sqlx::raw_sql(AssertSqlSafe(sql.into())).execute(pool).await.expect("the statement runs").rows_affected()
}

/// Ends some of the service's connections, wherever they are, until told to stop.
async fn terminate_at_random(pool: &PgPool, stop: &CancellationToken) -> u64 {
    let mut ended = 0;
    while !stop.is_cancelled() {
        ended += run(
            pool,
            "select pg_terminate_backend(pid) from pg_stat_activity
             where datname = current_database() and usename = 'sixty_app' and random() < 0.3",
        )
        .await;
        let pause = tokio::time::sleep(Duration::from_millis(150));
        stop.run_until_cancelled(pause).await;
    }
    ended
}

#[tokio::test]
async fn a_hundred_runs_outlive_connections_that_break_at_random() {
    let app = TestApp::with(setup()).await;
    let other = app.another_replica(setup()).await;
    app.sim.respond_with(reply);
    let alice = app.alice();
    alice.deal().await;
    let elsewhere = alice.at(other.address);
    let pool = app.database.superuser().await;
    let stop = CancellationToken::new();
    let turns = async {
        let turns = (0..RUNS).map(|i| {
            let (asks, reads) = if i % 2 == 0 { (&alice, &elsewhere) } else { (&elsewhere, &alice) };
            turn(asks, if i % 4 < 2 { reads } else { asks }, i)
        });
        let turns: Vec<_> = stream::iter(turns).buffer_unordered(25).collect().await;
        stop.cancel();
        turns
    };
    let (turns, ended) = tokio::join!(turns, terminate_at_random(&pool, &stop));
    pool.close().await;
    let cuts: usize = turns.iter().map(|(_, cuts)| cuts).sum();
    let reset = turns.iter().filter(|(turn, _)| turn.frames.iter().any(|f| f.event == "reset")).count();
    println!("{RUNS} runs, {ended} connections ended, {cuts} streams cut, {reset} runs begun again");
    assert!(ended >= 30, "{ended}");
    for (turn, _) in &turns {
        check(&alice, turn).await;
    }
    let notes = "select count(*) from sixty.entity_notes";
    let distinct = "select count(distinct text) from sixty.entity_notes";
    let wrote = i64::try_from(RUNS.div_ceil(3)).expect("a number");
    assert_eq!((app.database.count(notes).await, app.database.count(distinct).await), (wrote, wrote));
}

#[tokio::test]
async fn a_database_that_refuses_connections_for_a_while_ends_no_stream_and_loses_no_turn() {
    let app = TestApp::with(Setup { acquire_timeout: Duration::from_secs(1), ..setup() }).await;
    let api = Setup { works: false, acquire_timeout: Duration::from_secs(1), ..setup() };
    let other = app.another_replica(api).await;
    app.sim.respond_with(reply);
    let alice = app.alice();
    alice.deal().await;
    let elsewhere = alice.at(other.address);
    let pool = app.database.superuser().await;
    let mut open = Vec::new();
    for i in 0..12 {
        let session = alice.session().await;
        let question = format!("{} #{i}", if i % 3 == 0 { "note" } else { "plain" });
        let mut events = alice.say(&session, &question).await;
        let seen = events.until("token").await;
        let far = elsewhere.follow(&run_of(&seen), None).await;
        open.push((session, question, events, seen, far));
    }
    let name: String =
        sqlx::query_scalar("select current_database()").fetch_one(&pool).await.expect("a name");
    run(&pool, format!("alter database {name} connection limit 0")).await;
    let ended = run(
        &pool,
        "select pg_terminate_backend(pid) from pg_stat_activity
         where datname = current_database() and usename = 'sixty_app'",
    )
    .await;
    assert!(ended > 0);
    let refused = alice.get("/v1/sessions").await.problem(503, "unavailable");
    assert!(!refused.to_string().contains("connection"), "{refused}");
    // The model's answers are whole by now, and none of them can be stored.
    tokio::time::sleep(Duration::from_secs(2)).await;
    run(&pool, format!("alter database {name} connection limit -1")).await;
    pool.close().await;
    for (session, question, events, mut frames, far) in open {
        frames.extend(events.rest().await);
        let far = far.rest().await;
        check(&alice, &Turn { session: session.clone(), question: question.clone(), frames }).await;
        check(&alice, &Turn { session, question, frames: far }).await;
    }
    assert_eq!(app.database.count("select count(*) from sixty.entity_notes").await, 4);
}

#[tokio::test]
async fn whatever_the_database_is_short_of_is_an_outage_and_no_defect() {
    let app = TestApp::start().await;
    let alice = app.alice();
    alice.session().await;
    let pool = app.database.superuser().await;
    run(
        &pool,
        "create function sixty.fail() returns trigger language plpgsql as
            'begin raise exception using errcode = current_setting(''tests.code''); end';
        create trigger fail before insert on sixty.sessions for each row execute function sixty.fail()",
    )
    .await;
    let name: String =
        sqlx::query_scalar("select current_database()").fetch_one(&pool).await.expect("a name");
    for code in ["08006", "08P01", "25P03", "40001", "53100", "53200", "53300", "57P01", "57P03"] {
        run(&pool, format!("alter database {name} set tests.code = '{code}'")).await;
        // A connection has the settings of the time when it was opened.
        let fresh = app.another_replica(Setup { works: false, ..Setup::default() }).await;
        let refused = alice.at(fresh.address).post("/v1/sessions", json!({})).await;
        refused.problem(503, "unavailable");
        assert_eq!(refused.header("retry-after"), "1", "{code}");
    }
    pool.close().await;
}
