//! Scheduled tasks: written, fired once for each slot, and what comes of it.

mod copilot;
mod delivery;
mod firing;
mod notices;
mod parcels;
mod refusals;
mod storm;
mod writing;

use model_sim::Reply;
use serde_json::{Value, json};

use crate::harness::{Person, TestApp, eventually};

const PATH: &str = "/v1/schedules";

/// A service whose model has something to say.
async fn start() -> TestApp {
    let app = TestApp::start().await;
    app.sim.respond_with(|_| Reply::text("All is well."));
    app
}

/// A task that fires each morning in Berlin.
fn daily() -> Value {
    json!({
        "name": "Morning brief",
        "prompt": "Tell me what is on today.",
        "schedule": {"kind": "cron", "cron": "0 9 * * *", "timezone": "Europe/Berlin"},
    })
}

/// The same with other fields.
fn with(changes: Value) -> Value {
    let (mut task, Value::Object(changes)) = (daily(), changes) else { panic!("changes are an object") };
    task.as_object_mut().expect("an object").extend(changes);
    task
}

async fn make(person: &Person, task: Value) -> String {
    let made = person.post(PATH, task).await.expect(201).json();
    made["id"].as_str().expect("an id").to_owned()
}

async fn read(person: &Person, id: &str) -> Value {
    person.get(&format!("{PATH}/{id}")).await.expect(200).json()
}

async fn runs(person: &Person, id: &str) -> Vec<Value> {
    let runs = person.get(&format!("{PATH}/{id}/runs?limit=100")).await.expect(200).json();
    runs["data"].as_array().expect("a list").clone()
}

async fn act(person: &Person, id: &str, what: &str) -> crate::harness::Answer {
    person.send(person.request(reqwest::Method::POST, &format!("{PATH}/{id}/{what}"))).await
}

/// What members may do by themselves, of one action.
async fn allow(alice: &Person, action: &str, policy: &str) {
    let row = json!({"role": "member", "action": action, "policy": policy});
    alice.put("/v1/admin/permissions", json!({"preset": "balanced", "rows": [row]})).await.expect(200);
}

/// Sets the clock by which tasks fire to this expression.
async fn set_clock(app: &TestApp, now: &str) {
    let body = format!("select {now}");
    let sql = format!(
        "create or replace function sixty.schedule_clock() returns timestamptz language sql stable as $${body}$$"
    );
    sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&app.database.superuser().await).await.expect("a clock");
}

/// The same, to a time at which it stands still.
async fn clock(app: &TestApp, now: &str) {
    set_clock(app, &format!("timestamptz '{now}'")).await;
}

/// Waits until the task is in this state.
async fn becomes(person: &Person, id: &str, status: &str) {
    eventually(status, async || (read(person, id).await["status"] == status).then_some(())).await;
}

/// Waits until so many slots are over.
async fn ended(person: &Person, id: &str, count: usize) -> Vec<Value> {
    let over = |run: &&Value| !["running", "waiting"].contains(&run["status"].as_str().unwrap_or_default());
    eventually("slots are over", async || {
        let runs = runs(person, id).await;
        (runs.iter().filter(over).count() >= count).then_some(runs)
    })
    .await
}

/// Has a task run now, and waits until that, as so many slots in all, is over.
async fn run_now(person: &Person, id: &str, count: usize) -> Vec<Value> {
    act(person, id, "run").await.expect(202);
    ended(person, id, count).await
}
