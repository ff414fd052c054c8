//! Whoever is cancelled in the middle of a transaction leaves nothing behind: no
//! tenant on a connection, no open transaction, no half of a write.

mod busy;
mod sockets;

use std::{
    future::{Future, poll_fn},
    pin::pin,
    task::Poll,
    time::Duration,
};

use domain::{OrgId, Tenant, UserId};
use serde_json::json;
use sqlx::PgPool;
use store::{PoolSize, Store, orgs};
use tokio::task::JoinSet;

use crate::harness::{Database, Setup, TestApp, eventually};

/// Where a future is dropped: after so many polls, at once (what it sent is on
/// its way) or when it would be polled again (the answer has come).
#[derive(Clone, Copy)]
struct Cut {
    polls: usize,
    at_once: bool,
}

impl Cut {
    /// Different cuts, the same in every test run.
    fn number(n: usize, most: usize) -> Self {
        Self { polls: 1 + n % most, at_once: (n / most).is_multiple_of(2) }
    }

    async fn of<T>(self, future: impl Future<Output = T>) -> Option<T> {
        let mut future = pin!(future);
        let mut left = self.polls;
        poll_fn(move |context| {
            if left == 0 {
                return Poll::Ready(None);
            }
            left -= 1;
            match future.as_mut().poll(context) {
                Poll::Pending if left == 0 && self.at_once => Poll::Ready(None),
                other => other.map(Some),
            }
        })
        .await
    }
}

/// Waits until every connection of the service is idle, outside any transaction.
async fn all_are_idle(superuser: &PgPool) {
    eventually("every connection is idle", async || {
        let busy: i64 = sqlx::query_scalar(
            "select count(*) from pg_stat_activity where datname = current_database()
             and application_name = 'sixty' and (state <> 'idle' or xact_start is not null)",
        )
        .fetch_one(superuser)
        .await
        .expect("a number");
        (busy == 0).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousands_of_cancelled_transactions_leave_nothing_to_the_next_borrower() {
    let database = Database::create().await;
    let size = PoolSize { connections: 3, acquire_timeout: Duration::from_mins(1) };
    let store = Store::connect(&database.url(), size).expect("a store");
    let mut tasks = JoinSet::new();
    for task in 0..10 {
        let store = store.clone();
        tasks.spawn(async move {
            for n in 0..300 {
                let name = format!("cancelled-{task}-{n}");
                let tenant = Tenant::own(OrgId::derive(&name), UserId::derive("nobody"));
                // Writes, and never commits.
                let work = async {
                    let mut tx = store.tenant(tenant).await.expect("a transaction");
                    orgs::create(&mut tx, &name, None).await.expect("a new organization");
                };
                Cut::number(n + task, 8).of(work).await;
            }
        });
    }
    for task in 0..3 {
        let store = store.clone();
        tasks.spawn(async move {
            let name = format!("honest-{task}");
            let tenant = Tenant::own(OrgId::derive(&name), UserId::derive("somebody"));
            for n in 0..200 {
                let mut tx = store.tenant(tenant).await.expect("a transaction");
                let is_new = orgs::create(&mut tx, &name, None).await.expect("an organization");
                assert_eq!(is_new, n == 0, "what was committed stays");
                let found = orgs::find(&mut tx).await.expect("an answer");
                assert_eq!(found, Some((name.clone(), name.clone())), "one's own organization");
                tx.commit().await.expect("a commit");
                let mine = store.memberships(UserId::derive("somebody")).await.expect("the system's view");
                assert!(mine.is_empty());
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.expect("no borrower got somebody else's transaction");
    }
    let superuser = database.superuser().await;
    all_are_idle(&superuser).await;
    let names: Vec<String> = sqlx::query_scalar("select external_id from sixty.orgs order by 1")
        .fetch_all(&superuser)
        .await
        .expect("the names");
    assert_eq!(names, ["honest-0", "honest-1", "honest-2"], "nothing cancelled was committed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cancelled_requests_are_finished_or_refused_and_hold_no_connection() {
    let app = TestApp::with(Setup { connections: 2, ..Setup::default() }).await;
    let (alice, mallory) = (app.alice(), app.stranger());
    alice.put("/v1/entities/deal/D-1", json!({"name": "First"})).await.expect(201);
    mallory.session().await;
    let mut tasks = JoinSet::new();
    for task in 0..8 {
        let person = if task % 2 == 0 { alice.clone() } else { mallory.clone() };
        tasks.spawn(async move {
            for n in 0..150 {
                let cut = Cut::number(n + task, 6);
                let key = format!("/v1/sessions/by-key/{task}-{n}");
                let deal = format!("/v1/entities/deal/{task}-{n}");
                match n % 4 {
                    0 => drop(cut.of(person.get("/v1/sessions")).await),
                    1 => drop(cut.of(person.put(&key, json!({"title": "Cut"}))).await),
                    2 => drop(cut.of(person.put(&deal, json!({"name": "Cut"}))).await),
                    _ => drop(cut.of(person.put("/v1/memory/user", json!({"content": "Cut"}))).await),
                }
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.expect("a task ends");
    }
    let superuser = app.database.superuser().await;
    all_are_idle(&superuser).await;
    for (person, other) in [(&alice, "globex"), (&mallory, "acme")] {
        let me = person.get("/v1/me").await.expect(200);
        assert!(!me.text.contains(other), "{me:?}");
        person.get("/v1/sessions?limit=100").await.expect(200);
    }
    // A document and its revisions were always written together.
    let halves = app
        .database
        .count(
            "select count(*) from sixty.copilot_memories d where d.version <>
             (select count(*) from sixty.copilot_memory_revisions r where r.org_id = d.org_id
                and r.scope = d.scope and r.subject = d.subject)",
        )
        .await;
    assert_eq!(halves, 0);
    all_are_idle(&superuser).await;
}

#[tokio::test]
async fn nobody_notices_that_the_server_has_ended_all_connections() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let superuser = app.database.superuser().await;
    for _ in 0..5 {
        let looks: Vec<_> = (0..8).map(|_| alice.get("/v1/me")).collect();
        for answer in futures_util::future::join_all(looks).await {
            answer.expect(200);
        }
        all_are_idle(&superuser).await;
        let ended: i64 = sqlx::query_scalar(
            "select count(pg_terminate_backend(pid, 5000)) from pg_stat_activity
             where datname = current_database() and application_name = 'sixty'",
        )
        .fetch_one(&superuser)
        .await
        .expect("a number");
        assert!(ended > 0, "there was a connection to end");
    }
    superuser.close().await;
}
