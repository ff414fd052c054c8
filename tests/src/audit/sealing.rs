//! Seals come later than entries, from several replicas, and miss none.

use domain::{Tenant, UserId, audit::Actor};
use engine::audit::{Sealing, seal_organization};
use engine::{audit::SealKeys, keys::MasterKeys};
use futures_util::future::join_all;
use sqlx::Connection;
use store::audit::{Entry, record};

use super::{acme, keys, note, unsealed};
use crate::harness::{TestApp, eventually};

async fn founded() -> TestApp {
    let app = unsealed().await;
    app.alice().get("/v1/me").await.expect(200);
    app
}

#[tokio::test]
async fn a_replica_seals_by_itself() {
    let app = TestApp::start().await;
    app.alice().deal().await;
    eventually("the entry is sealed", async || {
        (app.database.count("select count(*) from sixty.audit_seals").await == 1).then_some(())
    })
    .await;
    let report = app.verify("acme").await;
    assert_eq!((report.seals, report.sealed, report.waiting, report.broken), (1, 1, 0, None));
}

#[tokio::test]
async fn an_entry_that_commits_late_goes_into_the_next_seal() {
    let app = founded().await;
    let alice = UserId::derive("alice");
    let mut late = app.store().tenant(Tenant::own(acme(), alice)).await.expect("a transaction");
    let entry = Entry::done(Actor::Person(alice), "entity.update").on("deal:late");
    record(&mut late, &[entry]).await.expect("an entry");
    note(app.store(), &["deal:1", "deal:2"]).await;
    app.seal().await;
    let before = app.verify("acme").await;
    assert_eq!((before.sealed, before.waiting, before.broken), (2, 0, None));
    late.commit().await.expect("a commit");
    let between = app.verify("acme").await;
    assert_eq!((between.sealed, between.waiting, between.broken), (2, 1, None));
    app.seal().await;
    let after = app.verify("acme").await;
    assert_eq!((after.seals, after.sealed, after.waiting, after.broken), (2, 3, 0, None));
    let late_is_older = "select count(*) from sixty.audit_seals a, sixty.audit_seals b
        where a.seq = 1 and b.seq = 2 and b.entries[1] < a.entries[1]";
    assert_eq!(app.database.count(late_is_older).await, 1);
}

#[tokio::test]
async fn two_replicas_that_seal_at_once_make_one_seal() {
    let app = founded().await;
    note(app.store(), &["deal:1", "deal:2", "deal:3"]).await;
    let url = app.database.superuser_url();
    let mut holder = sqlx::PgConnection::connect(&url).await.expect("a connection");
    // Both have read the same queue and the same end when they come to the seal.
    sqlx::raw_sql("begin; lock table sixty.audit_seals in exclusive mode")
        .execute(&mut holder)
        .await
        .expect("the table is held");
    let keys = keys();
    let release = async {
        eventually("both wait", async || {
            let waiting = "select count(*) from pg_locks l join pg_class c on c.oid = l.relation
                where c.relname = 'audit_seals' and not l.granted
                    and l.database = (select oid from pg_database where datname = current_database())";
            (app.database.count(waiting).await == 2).then_some(())
        })
        .await;
        sqlx::raw_sql("commit").execute(&mut holder).await.expect("the table is free");
    };
    let (first, second, ()) = tokio::join!(
        seal_organization(app.store(), &keys, acme()),
        seal_organization(app.store(), &keys, acme()),
        release
    );
    let mut outcomes = [first.expect("an outcome"), second.expect("an outcome")];
    outcomes.sort_by_key(|outcome| *outcome == Sealing::Lost);
    assert_eq!(outcomes, [Sealing::Sealed(3), Sealing::Lost]);
    assert_eq!(seal_organization(app.store(), &keys, acme()).await.expect("an outcome"), Sealing::Nothing);
    let report = app.verify("acme").await;
    assert_eq!((report.seals, report.sealed, report.broken), (1, 3, None));
}

#[tokio::test]
async fn under_load_every_entry_is_sealed_once() {
    const WRITERS: usize = 6;
    const EACH: usize = 30;
    let app = founded().await;
    let other = app.another_replica(crate::harness::Setup { works: false, ..Default::default() }).await;
    let keys = keys();
    let writing = tokio_util::sync::CancellationToken::new();
    let sealer = async |store: &store::Store| {
        let mut sealed = 0;
        loop {
            // Looked at before the queue: what was written until then is in it.
            let last = writing.is_cancelled();
            match seal_organization(store, &keys, acme()).await.expect("an outcome") {
                Sealing::Sealed(count) => sealed += count,
                Sealing::Lost => {}
                Sealing::Nothing if last => return sealed,
                Sealing::Nothing => tokio::task::yield_now().await,
            }
        }
    };
    let writers = async {
        let write = async |writer: usize| {
            for n in 0..EACH {
                note(app.store(), &[&format!("deal:{writer}-{n}"), "deal:beside"]).await;
            }
        };
        join_all((0..WRITERS).map(write)).await;
        writing.cancel();
    };
    let (here, there, ()) = tokio::join!(sealer(app.store()), sealer(other.engine.store()), writers);
    assert_eq!(here + there, WRITERS * EACH * 2);
    let report = app.verify("acme").await;
    assert!(report.seals > 1, "{report:?}");
    assert_eq!((report.sealed, report.waiting, report.broken), (WRITERS * EACH * 2, 0, None));
}

#[tokio::test]
async fn a_rotated_master_key_goes_on_with_the_chain() {
    let app = founded().await;
    note(app.store(), &["deal:1"]).await;
    app.seal().await;
    note(app.store(), &["deal:2"]).await;
    let alone = SealKeys::new(&MasterKeys::new([8; 32], Vec::new()));
    let refusal = seal_organization(app.store(), &alone, acme()).await.expect_err("a refusal");
    let domain::Error::Internal(cause) = refusal else { panic!("{refusal:?}") };
    assert!(cause.to_string().contains("SIXTY_MASTER_KEY_PREVIOUS"), "{cause}");
    let rotated = SealKeys::new(&MasterKeys::new([8; 32], vec![[7; 32]]));
    assert_eq!(seal_organization(app.store(), &rotated, acme()).await.expect("a seal"), Sealing::Sealed(1));
    // From here on the new key proves what the old one sealed.
    for keys in [&rotated, &alone] {
        let report = engine::audit::verify(app.store(), keys, acme(), None).await.expect("a report");
        assert_eq!((report.seals, report.sealed, report.broken), (2, 2, None));
    }
}
