//! What is deleted is gone, and what goes on beside it stops.

use model_sim::{Gate, Reply};
use reqwest::Method;
use serde_json::json;
use sqlx::AssertSqlSafe;

use crate::harness::{
    TestApp, eventually,
    look::{prompts, run_of, system},
};

const DEAL: &str = "/v1/entities/deal/D-42";

#[tokio::test]
async fn a_session_is_deleted_while_its_run_writes() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let session = alice.session().await;
    let gate = Gate::new();
    app.sim.push(Reply::text("Nobody will read this.").hold_after(1, &gate));
    let mut events = alice.say(&session, "Hi").await;
    let run = run_of(&events.until("token").await);
    // A run's transaction: first its own row, then the session's.
    let pool = app.database.superuser().await;
    let mut writing = pool.begin().await.expect("a transaction");
    let sql = format!("update sixty.runs set attempts = 0 where id = '{run}'");
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut *writing).await.expect("the run's row");
    let deleting = alice.clone();
    let path = format!("/v1/sessions/{session}");
    #[expect(clippy::disallowed_methods, reason = "the test waits for the task")]
    let deleted = tokio::spawn(async move { deleting.delete(&path).await });
    eventually("the deletion waits for the run", async || {
        let blocked = "select count(*) from pg_stat_activity
            where datname = current_database() and wait_event_type = 'Lock'";
        (app.database.count(blocked).await > 0).then_some(())
    })
    .await;
    let sql = format!("update sixty.sessions set preview = 'x' where id = '{session}'");
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut *writing).await.expect("the session's row");
    writing.commit().await.expect("a commit");
    deleted.await.expect("an answer").expect(204);
    // The held answer of the model is given up.
    eventually("the run stops", async || (app.replica.engine.running() == 0).then_some(())).await;
    gate.release();
    let left = "select (select count(*) from sixty.sessions) + (select count(*) from sixty.runs)
        + (select count(*) from sixty.messages) + (select count(*) from sixty.run_events)";
    assert_eq!(app.database.count(left).await, 0);
}

#[tokio::test]
async fn a_deleted_entity_is_forgotten() {
    let app = TestApp::start().await;
    let alice = app.alice();
    alice.deal().await;
    let memory = "/v1/memory/entities/deal/D-42";
    alice.put(memory, json!({"content": "Dana decides."})).await.expect(200);
    let session = alice.session_with(json!({"entity": {"kind": "deal", "id": "D-42"}})).await;
    let asks = async |expected: bool| {
        app.sim.push(Reply::text("Yes."));
        alice.hear(&session, "Who decides?").await;
        let sent = prompts(&app.sim);
        let knows = system(sent.last().expect("a prompt")).join("\n").contains("Dana decides.");
        assert_eq!(knows, expected);
    };
    asks(true).await;
    alice
        .send(alice.request(Method::DELETE, DEAL).header("if-match", "\"7\""))
        .await
        .problem(412, "version_mismatch");
    asks(true).await;
    alice.delete(DEAL).await.expect(204);
    asks(false).await;
    let left = "select (select count(*) from sixty.copilot_memories)
        + (select count(*) from sixty.copilot_memory_revisions)";
    assert_eq!(app.database.count(left).await, 0);
    alice.deal().await;
    assert_eq!(alice.get(memory).await.expect(200).json()["version"], 0);
    asks(false).await;
    // What an earlier program left behind does not come back either.
    alice.put(memory, json!({"content": "Dana decides."})).await.expect(200);
    app.database.run("delete from sixty.entities").await;
    asks(false).await;
}
