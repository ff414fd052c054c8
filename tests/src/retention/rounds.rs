//! Who deletes: one replica per organization at a time, each row once, and past deaths.

use std::panic::AssertUnwindSafe;

use domain::{id::ReplicaId, retention::Purged};
use futures_util::{FutureExt as _, future::join_all};
use serde_json::json;
use sqlx::PgPool;
use store::{
    Store,
    retention::{self, Round, Step},
};

use super::{House, age, all_rounds_are_done, count, keep, purger, sql, trail};
use crate::harness::{Person, eventually};

/// Takes the round that is due, for a moment: its lease ends at once.
pub async fn claim(store: &Store) -> Option<Round> {
    claim_for(store, 0).await
}

async fn claim_for(store: &Store, lease_seconds: u32) -> Option<Round> {
    let mut tx = store.system().await.expect("a transaction");
    let due = *retention::due(&mut tx, 10).await.expect("rounds").first()?;
    let round = retention::claim(&mut tx, due, ReplicaId::new(), lease_seconds).await.expect("an answer");
    tx.commit().await.expect("a commit");
    round
}

/// So many old conversations of a person, with messages, made behind the service's back.
async fn old_conversations(database: &PgPool, person: &Person, sessions: u32, messages: u32) {
    let session = person.session().await;
    sql(
        database,
        format!(
            "insert into sixty.sessions (org_id, owner_id, id, title, last_seq, message_count, created_at)
             select org_id, owner_id, gen_random_uuid(), 'old', {messages}, {messages}, now() - interval '90 days'
             from sixty.sessions, generate_series(1, {sessions}) where id = '{session}';
             insert into sixty.messages (org_id, owner_id, session_id, id, seq, role, content, author_id)
             select org_id, owner_id, id, gen_random_uuid(), n, 'user', '[]', owner_id
             from sixty.sessions, generate_series(1, {messages}) n
             where title = 'old' and (org_id, owner_id) =
                (select org_id, owner_id from sixty.sessions where id = '{session}')"
        ),
    )
    .await;
}

#[tokio::test]
async fn replicas_that_delete_at_once_count_each_row_once() {
    let (app, database) = House::build().await.rest().await;
    let people: Vec<Person> =
        (0..4).map(|n| app.replica.person(&format!("org-{n}"), "alice", "owner")).collect();
    for person in &people {
        // More than one turn's transactions.
        old_conversations(&database, person, 130, 3).await;
        keep(person, json!({"transcripts_days": 30})).await;
    }
    let store = app.replica.engine.store();
    let purges = (0..4).map(async |_| engine::retention::purge(store, &purger()).await.expect("it deletes"));
    let mut sum = Purged::default();
    for part in join_all(purges).await {
        sum += part;
    }
    all_rounds_are_done(&database).await;
    assert_eq!(sum, Purged { sessions: 520, messages: 1_560, ..Purged::default() });
    for person in &people {
        let entries = trail(person, "retention.purge").await;
        let wanted = Purged { sessions: 130, messages: 390, ..Purged::default() };
        assert_eq!((entries.len(), &entries[0]["detail"]), (1, &json!(wanted.to_string())));
    }
    assert_eq!(count(&database, "select count(*) from sixty.sessions").await, 4);
}

#[tokio::test]
async fn a_death_between_or_within_transactions_loses_and_doubles_nothing() {
    let (app, database) = House::build().await.rest().await;
    let alice = app.alice();
    old_conversations(&database, &alice, 12, 2).await;
    keep(&alice, json!({"transcripts_days": 30})).await;
    let store = app.replica.engine.store();
    let before = claim(store).await.expect("a round");
    let mut deaths = 0;
    let all = loop {
        let Some(round) = claim(store).await else { continue };
        // In the open transaction, after it has deleted and counted.
        let dying = retention::step(store, &round, false, async || panic!("a death on purpose"));
        if deaths < 12 {
            assert!(AssertUnwindSafe(dying).catch_unwind().await.is_err());
            deaths += 1;
        }
        // And after a commit: whoever comes next goes on.
        let next = loop {
            if let Some(next) = claim(store).await {
                break next;
            }
        };
        assert_eq!(retention::step(store, &round, false, async || {}).await.expect("an answer"), Step::Lost);
        match retention::step(store, &next, false, async || {}).await.expect("a step") {
            Step::More(purged) => assert!(purged.sessions <= 1),
            Step::Finished(all) => break all,
            Step::Lost => panic!("nobody has taken it"),
        }
    };
    assert_eq!(retention::step(store, &before, false, async || {}).await.expect("an answer"), Step::Lost);
    assert_eq!(all, Purged { sessions: 12, messages: 24, ..Purged::default() });
    let entries = trail(&alice, "retention.purge").await;
    assert_eq!((entries.len(), &entries[0]["detail"]), (1, &json!(all.to_string())));
}

#[tokio::test]
async fn a_turn_goes_on_while_rows_are_being_deleted() {
    let house = House::build().await;
    let alice = house.app.alice();
    let own = alice.session().await;
    for n in 0..3 {
        alice.ask(&own, &format!("question {n}")).await;
    }
    age(&house.database, &own, 40).await;
    alice.post(&format!("/v1/sessions/{own}/compact"), json!({})).await.expect(200);
    let other = alice.session().await;
    old_conversations(&house.database, &alice, 2, 700).await;
    let store = house.app.replica.engine.store();
    // The house's worker shall not have the round.
    let round = eventually("the test has the round", async || {
        keep(&alice, json!({})).await;
        claim_for(store, 3_600).await
    })
    .await;
    keep(&alice, json!({"transcripts_days": 60, "messages_days": 30})).await;
    let ask = async || {
        for session in [&other, &own] {
            assert_eq!(alice.ask(session, "Are you there?").await["run"]["status"], "done");
        }
    };
    let mut all = Purged::default();
    while let Step::More(purged) = retention::step(store, &round, false, ask).await.expect("a step") {
        all += purged;
    }
    // Those of the old conversations, and the archived ones of the conversation that goes on.
    assert_eq!((all.sessions, all.messages), (2, 1_404));
}

#[tokio::test]
async fn organizations_take_turns() {
    let (app, database) = House::build().await.rest().await;
    let (big, small) = (app.alice(), app.stranger());
    old_conversations(&database, &big, 250, 1).await;
    keep(&big, json!({"transcripts_days": 30})).await;
    old_conversations(&database, &small, 1, 1).await;
    keep(&small, json!({"transcripts_days": 30})).await;
    let store = app.replica.engine.store();
    // The big one, for a turn; it goes to the end of the line.
    let mut tx = store.system().await.expect("a transaction");
    let due = retention::due(&mut tx, 10).await.expect("rounds");
    assert_eq!(due.len(), 2);
    let round =
        retention::claim(&mut tx, due[0], ReplicaId::new(), 30).await.expect("an answer").expect("a round");
    tx.commit().await.expect("a commit");
    assert_ne!(round.org, due[1].org);
    assert!(matches!(retention::step(store, &round, true, async || {}).await, Ok(Step::More(_))));
    let mut tx = store.system().await.expect("a transaction");
    let line: Vec<_> = retention::due(&mut tx, 10).await.expect("rounds").iter().map(|due| due.org).collect();
    tx.commit().await.expect("a commit");
    assert_eq!(line, [due[1].org, due[0].org]);
    super::purge(&app).await;
    assert_eq!(count(&database, "select count(*) from sixty.sessions").await, 2);
}
