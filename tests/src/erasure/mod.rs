//! Erasure and export of a person and of an organization.

mod dump;
mod export;
mod fates;
mod organization;
mod person;

use serde_json::{Value, json};
use sqlx::AssertSqlSafe;

use crate::harness::{Person, Setup, TestApp, eventually};

/// A replica that lets go quickly.
fn quick() -> Setup {
    Setup { lease_seconds: 1, ..Setup::default() }
}

pub fn platform(app: &TestApp) -> Person {
    app.replica.root()
}

/// Asks for an erasure and waits for its end.
pub async fn erased(by: &Person, path: &str) -> Value {
    let asked = by.delete(path).await.expect(202);
    let place = asked.header("location").to_owned();
    let id = asked.json()["id"].clone();
    eventually("the erasure is done", async || {
        let erasure = by.get(&place).await.expect(200).json();
        assert_eq!(erasure["id"], id);
        (erasure["status"] == "done").then_some(erasure)
    })
    .await
}

/// A number, past all policies.
async fn number(app: &TestApp, sql: String) -> i64 {
    let pool = app.database.superuser().await;
    let number = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&pool).await.expect("a number");
    pool.close().await;
    number
}

/// Something of everything that a person has without the help of the copilot's tools.
async fn lives(app: &TestApp, person: &Person, words: &str) -> String {
    person.put("/v1/memory/user", json!({"content": words})).await.expect(200);
    let session = person.session_with(json!({"title": words})).await;
    app.sim.push(model_sim::Reply::text(words));
    person.ask(&session, words).await;
    session
}
