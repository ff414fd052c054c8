//! The audit trail: what it tells, who reads it, and what its seals prove.

mod entries;
mod operator;
mod sealing;
mod tampering;

use domain::{OrgId, Tenant, UserId, audit::Actor};
use engine::audit::{Report, SealKeys};
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;
use store::{
    Store,
    audit::{Entry, record},
};

use crate::harness::{Person, Setup, TestApp};

/// A service whose trail nobody seals but the test.
async fn unsealed() -> TestApp {
    TestApp::with(Setup { works: false, ..Setup::default() }).await
}

fn keys() -> SealKeys {
    SealKeys::new(&Setup::default().keys)
}

fn acme() -> OrgId {
    OrgId::derive("acme")
}

impl TestApp {
    fn store(&self) -> &Store {
        self.replica.engine.store()
    }

    async fn seal(&self) {
        engine::audit::seal(self.store(), &keys()).await.expect("the trails are sealed");
    }

    async fn verify(&self, org: &str) -> Report {
        engine::audit::verify(self.store(), &keys(), OrgId::derive(org), None).await.expect("a report")
    }

    /// Changes what stands in the database, past all policies and foreign keys.
    async fn tamper(&self, sql: &str) {
        let pool = self.database.superuser().await;
        let sql = format!("begin; set local session_replication_role = replica; {sql}; commit");
        if let Err(error) = sqlx::raw_sql(AssertSqlSafe(sql.clone())).execute(&pool).await {
            panic!("{error}: {sql}");
        }
        pool.close().await;
    }
}

/// Adds entries about these targets, as Alice's requests do.
async fn note(store: &Store, targets: &[&str]) {
    let alice = UserId::derive("alice");
    let mut tx = store.tenant(Tenant::own(acme(), alice)).await.expect("a transaction");
    let entries: Vec<Entry<'_>> =
        targets.iter().map(|target| Entry::done(Actor::Person(alice), "entity.update").on(target)).collect();
    record(&mut tx, &entries).await.expect("the entries are written");
    tx.commit().await.expect("a commit");
}

/// The trail as an administrator reads it, oldest first.
async fn trail(person: &Person, query: &str) -> Vec<Value> {
    let page = person.get(&format!("/v1/admin/audit?limit=100{query}")).await.expect(200).json();
    assert_eq!(page["next_cursor"], Value::Null);
    let mut entries = page["data"].as_array().expect("a list").clone();
    entries.reverse();
    entries
}

/// Who did what to what, in short.
fn gist(entries: &[Value]) -> Vec<Value> {
    entries.iter().map(|e| json!([e["actor"], e["action"], e["target"], e["detail"]])).collect()
}
