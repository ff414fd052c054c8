//! What is under legal hold is not deleted by anything.

use domain::UserId;
use serde_json::{Value, json};
use store::retention::{self, Step};

use super::{House, RETENTION, age, conversation, count, keep, keep_with, preview, purge, rounds, sql};
use crate::harness::{Person, TestApp, eventually};

async fn drop_streams(app: &TestApp) -> u64 {
    let mut tx = app.replica.engine.store().system().await.expect("a transaction");
    let dropped = store::housekeeping::drop_streams(&mut tx, None).await.expect("a count");
    tx.commit().await.expect("a commit");
    dropped.rows
}

#[tokio::test]
async fn a_hold_keeps_conversations_streams_and_memory_until_it_ends() {
    let house = House::build().await;
    let (alice, bob) = (house.app.alice(), house.app.bob());
    let alices = conversation(&house.app, &alice).await;
    for content in ["one", "two"] {
        bob.put("/v1/memory/user", json!({ "content": content })).await.expect(200);
    }
    let (held, free) = (conversation(&house.app, &bob).await, conversation(&house.app, &bob).await);
    let (app, database) = house.rest().await;
    for session in [&alices, &held, &free] {
        age(&database, session, 90).await;
    }
    sql(&database, "update sixty.copilot_memory_revisions set created_at = created_at - interval '90 days'")
        .await;
    let days = json!({"transcripts_days": 30, "messages_days": 30, "revisions_days": 30});
    let kept = async |hold: Value| -> Vec<bool> {
        keep_with(&alice, days.clone(), hold).await;
        let tried = preview(&alice, "").await;
        let purged = purge(&app).await;
        assert_eq!(
            [tried["sessions"].clone(), tried["revisions"].clone()],
            [purged.sessions, purged.revisions]
        );
        let mut there = Vec::new();
        for (person, session) in [(&alice, &alices), (&bob, &held), (&bob, &free)] {
            there.push(person.get(&format!("/v1/sessions/{session}")).await.status == 200);
        }
        there
    };
    let everything = "select (select count(*) from sixty.messages) + (select count(*) from sixty.run_events)
        + (select count(*) from sixty.copilot_memory_revisions)";
    let before = count(&database, everything).await;
    assert_eq!(kept(json!({"organization": true})).await, [true, true, true]);
    assert_eq!(drop_streams(&app).await, 0);
    assert_eq!(count(&database, everything).await, before);
    // Nobody deletes it by hand either.
    alice.delete(&format!("/v1/sessions/{alices}")).await.problem(409, "legal_hold");
    assert_eq!(kept(json!({"organization": false, "users": ["bob"]})).await, [false, true, true]);
    assert_eq!(count(&database, "select count(*) from sixty.copilot_memory_revisions").await, 2);
    assert_eq!(drop_streams(&app).await, 0);
    for session in [&held, &free] {
        bob.delete(&format!("/v1/sessions/{session}")).await.problem(409, "legal_hold");
    }
    assert_eq!(kept(json!({"organization": false, "sessions": [held]})).await, [false, true, false]);
    assert_eq!(count(&database, "select count(*) from sixty.copilot_memory_revisions").await, 1);
    bob.delete(&format!("/v1/sessions/{held}")).await.problem(409, "legal_hold");
    alice.delete(&format!("/v1/sessions/{held}")).await.problem(404, "not_found");
    assert_eq!(kept(json!({"organization": false})).await, [false, false, false]);
}

#[tokio::test]
async fn who_erases_learns_what_is_held() {
    let app = TestApp::start().await;
    let (alice, bob) = (app.alice(), app.bob());
    let session = bob.session().await;
    let held = async |hold: Value| {
        keep_with(&alice, json!({}), hold).await;
        let tenant = domain::Tenant::own(domain::OrgId::derive("acme"), UserId::derive("alice"));
        let mut tx = app.replica.engine.store().tenant(tenant).await.expect("a transaction");
        let mut held = Vec::new();
        for user in ["alice", "bob"] {
            held.push(retention::held(&mut tx, UserId::derive(user)).await.expect("an answer"));
        }
        tx.commit().await.expect("a commit");
        held
    };
    assert_eq!(held(json!({"organization": false})).await, [false, false]);
    assert_eq!(held(json!({"organization": false, "users": ["bob"]})).await, [false, true]);
    assert_eq!(held(json!({"organization": false, "sessions": [session]})).await, [false, true]);
    assert_eq!(held(json!({"organization": true})).await, [true, true]);
}

/// A conversation that takes several transactions.
async fn long(database: &sqlx::PgPool, alice: &Person) -> String {
    let session = alice.session().await;
    sql(
        database,
        format!(
            "insert into sixty.messages (org_id, owner_id, session_id, id, seq, role, content, author_id)
         select org_id, owner_id, id, gen_random_uuid(), n, 'user', '[]', owner_id
         from sixty.sessions, generate_series(1, 1200) n where id = '{session}'"
        ),
    )
    .await;
    age(database, &session, 90).await;
    session
}

#[tokio::test]
async fn when_the_administrator_hears_of_the_hold_nothing_is_deleted_any_more() {
    let (app, database) = House::build().await.rest().await;
    let alice = app.alice();
    long(&database, &alice).await;
    keep(&alice, json!({"transcripts_days": 30})).await;
    let store = app.replica.engine.store();
    let round = rounds::claim(store).await.expect("a round");
    let holding = alice.clone();
    let mut asked = None;
    let step = retention::step(store, &round, false, async || {
        let body = json!({"transcripts_days": 30, "legal_hold": {"organization": true}});
        #[expect(clippy::disallowed_methods, reason = "the test waits for the task")]
        let put = tokio::spawn(async move { holding.put(RETENTION, body).await });
        // The hold waits for the open transaction, which is small.
        let blocked = "select count(*) from pg_stat_activity
            where datname = current_database() and wait_event_type = 'Lock'";
        eventually("the hold waits", async || (app.database.count(blocked).await > 0).then_some(())).await;
        asked = Some(put);
    });
    assert!(matches!(step.await, Ok(Step::More(purged)) if purged.messages == 500));
    asked.expect("it was asked").await.expect("an answer").expect(200);
    let messages = "select count(*) from sixty.messages";
    assert_eq!(count(&database, messages).await, 700);
    assert!(purge(&app).await.is_nothing());
    assert_eq!(count(&database, messages).await, 700);
    // Afterwards it goes on where it was.
    keep(&alice, json!({})).await;
    purge(&app).await;
    assert_eq!(count(&database, messages).await, 0);
}
