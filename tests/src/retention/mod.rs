//! What an organization no longer keeps is deleted, and nothing else.

mod export;
mod feedback;
mod hold;
mod purge;
mod revisions;
mod rounds;
mod seam;
mod settings;

use domain::{id::ReplicaId, retention::Purged};
use engine::retention::Purger;
use model_sim::Reply;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, PgPool};
use tokio_util::sync::CancellationToken;

use crate::harness::{Person, Replica, Setup, TestApp, eventually};

const RETENTION: &str = "/v1/admin/retention";

/// A service in which nothing is deleted by itself: its one worker is for the conversations.
struct House {
    app: TestApp,
    worker: Replica,
    database: PgPool,
}

impl House {
    async fn build() -> Self {
        Self::with(Setup::default()).await
    }

    async fn with(setup: Setup) -> Self {
        let app = TestApp::with(Setup { works: false, ..setup.clone() }).await;
        let worker = app.another_replica(setup).await;
        let database = app.database.superuser().await;
        app.sim.respond_with(|request| {
            let system = &request.json()["system"];
            Reply::text(if system.is_string() { "## Decisions\n- The pilot is in May" } else { "fine" })
        });
        Self { app, worker, database }
    }

    /// From here on only this test deletes.
    async fn rest(self) -> (TestApp, PgPool) {
        self.worker.shut_down().await;
        (self.app, self.database)
    }
}

async fn sql(database: &PgPool, sql: impl Into<String>) {
    sqlx::raw_sql(AssertSqlSafe(sql.into())).execute(database).await.expect("the statement runs");
}

async fn count(database: &PgPool, sql: impl Into<String>) -> i64 {
    sqlx::query_scalar(AssertSqlSafe(sql.into())).fetch_one(database).await.expect("a number")
}

/// Moves what was said in a session so far into the past; what is archived stays as the
/// archive has it.
async fn age(database: &PgPool, session: &str, days: u32) {
    let past = format!("- interval '{days} days'");
    sql(
        database,
        format!(
            "update sixty.messages m set created_at = m.created_at {past} from sixty.sessions s
                where s.id = '{session}' and m.session_id = s.id and m.seq >= s.live_from_seq;
             update sixty.run_events e set created_at = e.created_at {past}
                from sixty.runs r where r.id = e.run_id and r.session_id = '{session}';
             update sixty.runs set created_at = created_at {past}, finished_at = finished_at {past}
                where session_id = '{session}';
             update sixty.sessions set created_at = created_at {past}, last_message_at = last_message_at {past}
                where id = '{session}'"
        ),
    )
    .await;
}

/// A conversation with a tool call, an archive and a live end.
async fn conversation(app: &TestApp, person: &Person) -> String {
    let session = person.session().await;
    app.sim.push_for("Look it up", Reply::call("recall", json!({"query": "pilot"})));
    person.ask(&session, "Look it up, please.").await;
    person.post(&format!("/v1/sessions/{session}/compact"), json!({})).await.expect(200);
    person.ask(&session, "And now?").await;
    session
}

fn purger() -> Purger {
    Purger { replica: ReplicaId::new(), lease_seconds: 30, stopping: CancellationToken::new() }
}

/// One replica deletes all that is due.
async fn purge(app: &TestApp) -> Purged {
    engine::retention::purge(app.replica.engine.store(), &purger()).await.expect("it deletes")
}

/// The worker of a house may have been faster.
async fn all_rounds_are_done(database: &PgPool) {
    eventually("the rounds end", async || {
        let due = "select count(*) from sixty.retention_rounds where next_at <= now()";
        (count(database, due).await == 0).then_some(())
    })
    .await;
}

/// Sets days, with no hold.
async fn keep(person: &Person, days: Value) {
    keep_with(person, days, json!({"organization": false})).await;
}

async fn keep_with(person: &Person, mut settings: Value, hold: Value) {
    settings["legal_hold"] = hold;
    person.put(RETENTION, settings).await.expect(200);
}

async fn preview(person: &Person, query: &str) -> Value {
    person.get(&format!("{RETENTION}/preview{query}")).await.expect(200).json()
}

/// The trail's entries of this action, oldest first.
async fn trail(person: &Person, action: &str) -> Vec<Value> {
    let listed = person.get(&format!("/v1/admin/audit?action={action}")).await.expect(200).json();
    let mut entries = listed["data"].as_array().expect("a list").clone();
    entries.reverse();
    entries
}
