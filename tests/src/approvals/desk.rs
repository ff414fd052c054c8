//! What the tests of approvals share: a call that waits, and a person who decides.

use model_sim::Reply;
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;

use crate::harness::{
    Answer, Frame, Person, TestApp,
    look::{all, end, run_of},
};

/// A call that waits for a person.
pub struct Waiting {
    pub session: String,
    pub run: String,
    pub approval: String,
    pub frames: Vec<Frame>,
}

impl Waiting {
    /// Id of the last event that its reader has.
    pub fn last(&self) -> &str {
        &self.frames.last().expect("a frame").id
    }
}

pub fn stage(stage: &str) -> Value {
    json!({"kind": "deal", "id": "D-42", "changes": {"stage": stage}})
}

pub fn title(title: &str) -> Value {
    json!({"kind": "contact", "id": "C-7", "changes": {"title": title}})
}

pub fn note(text: &str) -> Value {
    json!({"kind": "deal", "id": "D-42", "text": text})
}

/// Has the model call a tool in a new session, and the run wait.
pub async fn wait_for(app: &TestApp, person: &Person, tool: &str, args: Value) -> Waiting {
    let session = person.session().await;
    wait_in(app, person, session, Reply::text("One moment.").tool(tool, args)).await
}

pub async fn wait_in(app: &TestApp, person: &Person, session: String, reply: Reply) -> Waiting {
    app.sim.push(reply);
    let frames = person.hear(&session, "Do it").await;
    assert_eq!(end(&frames).data["status"], "waiting", "{frames:#?}");
    let approval = all(&frames, "approval_required")[0]["approval_id"].as_str().expect("an id").to_owned();
    Waiting { session, run: run_of(&frames), approval, frames }
}

/// The deal D-42 is to move to `won`, and waits.
pub async fn deal_waits(app: &TestApp, person: &Person) -> Waiting {
    if person.get("/v1/entities/deal/D-42").await.status == 404 {
        person.deal().await;
    }
    wait_for(app, person, "update_entity", stage("won")).await
}

pub async fn decide(person: &Person, approval: &str, body: Value) -> Answer {
    person.post(&format!("/v1/approvals/{approval}"), body).await
}

pub async fn approve(person: &Person, approval: &str) -> Value {
    decide(person, approval, json!({"decision": "approve"})).await.expect(202).json()
}

pub async fn deny(person: &Person, approval: &str, reason: &str) -> Value {
    decide(person, approval, json!({"decision": "deny", "reason": reason})).await.expect(202).json()
}

pub async fn see(person: &Person, approval: &str) -> Value {
    person.get(&format!("/v1/approvals/{approval}")).await.expect(200).json()
}

/// The run's events from where its reader stopped, to their end.
pub async fn goes_on(person: &Person, waiting: &Waiting) -> Vec<Frame> {
    person.follow(&waiting.run, Some(waiting.last())).await.rest().await
}

pub async fn stage_of(person: &Person) -> Value {
    person.get("/v1/entities/deal/D-42").await.expect(200).json()["stage"].clone()
}

pub async fn set(person: &Person, body: Value) {
    person.put("/v1/admin/permissions", body).await.expect(200);
}

/// Changes what stands in the database, past all policies.
pub async fn tamper(app: &TestApp, sql: impl Into<String>) {
    let pool = app.database.superuser().await;
    sqlx::raw_sql(AssertSqlSafe(sql.into())).execute(&pool).await.expect("the statement runs");
    pool.close().await;
}
