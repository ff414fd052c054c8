//! Whoever reaches the database past the service, but has not its key, is found out.

use engine::audit::{Anchor, Broken, SealKeys, seal, verify};
use engine::keys::MasterKeys;
use uuid::Uuid;

use super::{acme, keys, note, unsealed};
use crate::harness::TestApp;

/// Three seals of three entries in `acme`, two entries that wait, and a copy of it all.
pub(super) struct Sealed {
    pub app: TestApp,
    /// In the order of their seals.
    pub entries: Vec<Uuid>,
}

const TABLES: [&str; 4] = ["audit", "audit_pending", "audit_seals", "audit_heads"];

impl Sealed {
    pub async fn new() -> Self {
        let app = unsealed().await;
        app.alice().get("/v1/me").await.expect(200);
        app.stranger().deal().await;
        for round in 0..3 {
            note(app.store(), &[&format!("deal:{round}a"), "deal:b", "deal:c"]).await;
            app.seal().await;
        }
        note(app.store(), &["deal:x", "deal:y"]).await;
        for table in TABLES {
            app.tamper(&format!("create table public.{table} as table sixty.{table}")).await;
        }
        let pool = app.database.superuser().await;
        let entries = sqlx::query_scalar(
            "select unnest(entries) from sixty.audit_seals where org_id = $1 order by seq",
        )
        .bind(acme().0)
        .fetch_all(&pool)
        .await
        .expect("the entries");
        pool.close().await;
        Self { app, entries }
    }

    async fn restore(&self) {
        for table in TABLES {
            let sql =
                format!("delete from sixty.{table}; insert into sixty.{table} select * from public.{table}");
            self.app.tamper(&sql).await;
        }
    }

    /// Fails unless the change is found, and named as this.
    async fn finds(&self, change: &str, broken: &Broken) {
        let sql = change.replace("$acme", &format!("org_id = '{}'", acme()));
        self.app.tamper(&sql).await;
        let report = self.app.verify("acme").await;
        assert_eq!(report.broken.as_ref(), Some(broken), "{sql}");
        self.restore().await;
    }
}

#[tokio::test]
async fn an_untouched_trail_is_whole() {
    let sealed = Sealed::new().await;
    let report = sealed.app.verify("acme").await;
    assert_eq!((report.seals, report.sealed, report.waiting, report.broken), (3, 9, 2, None));
    assert_eq!(report.end.expect("an end").seq, 3);
    let theirs = sealed.app.verify("globex").await;
    assert_eq!((theirs.seals, theirs.sealed, theirs.broken), (1, 1, None));
    sealed.restore().await;
    assert_eq!(sealed.app.verify("acme").await.broken, None, "the copy is a copy");
}

#[tokio::test]
async fn a_change_of_any_column_of_an_entry_is_found() {
    let sealed = Sealed::new().await;
    let entry = sealed.entries[4];
    for change in [
        "at = at + interval '1 microsecond'",
        "actor_kind = 'platform'",
        "actor_id = gen_random_uuid()",
        "actor_kind = 'service', actor_id = null",
        "on_behalf_of = gen_random_uuid()",
        "channel = 'chat'",
        "action = 'entity.delete'",
        "tool = 'x'",
        "decision = 'refused'",
        "rule = 'x'",
        "approval_id = gen_random_uuid()",
        "run_id = gen_random_uuid()",
        "call_id = ''",
        "args_hash = sha256('')",
        "target = 'deal:B'",
        "target = null",
        "detail = ''",
    ] {
        let sql = format!("update sixty.audit set {change} where id = '{entry}'");
        sealed.finds(&sql, &Broken::EntryChanged { seq: 2, entry }).await;
    }
}

#[tokio::test]
async fn entries_that_go_come_or_change_places_are_found() {
    let sealed = Sealed::new().await;
    let (third, fourth, fifth) = (sealed.entries[3], sealed.entries[4], sealed.entries[8]);
    let new = Uuid::now_v7();
    let columns = "at, actor_kind, actor_id, channel, action, decision";
    let copy = format!(
        "insert into sixty.audit (org_id, id, {columns})
            select org_id, '{new}', {columns} from sixty.audit where id = '{third}'"
    );
    let swap = |a: Uuid, b: Uuid| {
        format!(
            "update sixty.audit set id = '{new}' where id = '{a}'; update sixty.audit set id = '{a}' where id = '{b}';
             update sixty.audit set id = '{b}' where id = '{new}'"
        )
    };
    let stray = "select id from sixty.audit_pending where $acme order by id limit 1";
    let waiting: Uuid = {
        let pool = sealed.app.database.superuser().await;
        let sql = "select id from sixty.audit_pending where org_id = $1 order by id limit 1";
        sqlx::query_scalar(sql).bind(acme().0).fetch_one(&pool).await.expect("an entry that waits")
    };
    let globex = domain::OrgId::derive("globex");
    for (change, broken) in [
        (
            format!("delete from sixty.audit where id = '{fourth}'"),
            Broken::EntryMissing { seq: 2, entry: fourth },
        ),
        (copy, Broken::EntryInserted { entry: new }),
        (swap(third, fourth), Broken::EntryChanged { seq: 2, entry: third }),
        (swap(third, fifth), Broken::EntryChanged { seq: 2, entry: third }),
        (
            format!("update sixty.audit set org_id = '{globex}' where id = '{third}'"),
            Broken::EntryMissing { seq: 2, entry: third },
        ),
        (
            format!("delete from sixty.audit_pending where id = ({stray})"),
            Broken::EntryInserted { entry: waiting },
        ),
        (
            format!(
                "insert into sixty.audit_pending select org_id, id from sixty.audit where id = '{third}'"
            ),
            Broken::EntryTwice { entry: third },
        ),
    ] {
        sealed.finds(&change, &broken).await;
    }
    // Another organization's entry, brought into this one's trail.
    sealed.app.tamper(&format!("update sixty.audit set org_id = '{globex}' where id = '{third}'")).await;
    assert_eq!(sealed.app.verify("globex").await.broken, Some(Broken::EntryInserted { entry: third }));
}

#[tokio::test]
async fn a_change_of_any_column_of_a_seal_is_found() {
    let sealed = Sealed::new().await;
    let changed = Broken::SealChanged { seq: 2 };
    for (change, broken) in [
        ("sealed_at = sealed_at + interval '1 microsecond'", &changed),
        ("entries = array[entries[2], entries[1], entries[3]]", &changed),
        (
            "entries = array[entries[2], entries[1], entries[3]],
                digests = substr(digests, 33, 32) || substr(digests, 1, 32) || substr(digests, 65)",
            &changed,
        ),
        ("entries = entries[1:2], digests = substr(digests, 1, 64)", &changed),
        ("entries = entries || entries[1], digests = digests || substr(digests, 1, 32)", &changed),
        ("digests = substr(digests, 1, 64) || sha256('')", &changed),
        ("hash = sha256('')", &changed),
        ("key_id = 'another'", &changed),
        ("mac = sha256('')", &Broken::SealForged { seq: 2 }),
    ] {
        sealed.finds(&format!("update sixty.audit_seals set {change} where $acme and seq = 2"), broken).await;
    }
}

#[tokio::test]
async fn seals_that_go_come_or_change_places_are_found() {
    let sealed = Sealed::new().await;
    let last = &sealed.entries[6..];
    let tail = format!(
        "delete from sixty.audit_seals where $acme and seq = 3;
         delete from sixty.audit where id in ('{}', '{}', '{}')",
        last[0], last[1], last[2]
    );
    let globex = domain::OrgId::derive("globex");
    for (change, broken) in [
        ("delete from sixty.audit_seals where $acme and seq = 1".to_owned(), Broken::SealMissing { seq: 1 }),
        ("delete from sixty.audit_seals where $acme and seq = 2".to_owned(), Broken::SealMissing { seq: 2 }),
        ("delete from sixty.audit_seals where $acme".to_owned(), Broken::SealMissing { seq: 1 }),
        (
            "update sixty.audit_seals set seq = 9 where $acme and seq = 2;
             update sixty.audit_seals set seq = 2 where $acme and seq = 3;
             update sixty.audit_seals set seq = 3 where $acme and seq = 9"
                .to_owned(),
            Broken::SealChanged { seq: 2 },
        ),
        (
            "insert into sixty.audit_seals select org_id, 4, sealed_at, entries, digests, hash, key_id, mac
                from sixty.audit_seals where $acme and seq = 3"
                .to_owned(),
            Broken::SealChanged { seq: 4 },
        ),
        (
            format!(
                "delete from sixty.audit_seals where $acme and seq = 1;
                 insert into sixty.audit_seals select '{}', seq, sealed_at, entries, digests, hash, key_id, mac
                    from sixty.audit_seals where org_id = '{globex}'",
                acme()
            ),
            Broken::SealChanged { seq: 1 },
        ),
        // The newest part, cut off as a whole.
        (tail.clone(), Broken::SealMissing { seq: 3 }),
        (format!("{tail}; delete from sixty.audit_heads where $acme"), Broken::EndMissing),
        (
            format!(
                "{tail}; update sixty.audit_heads h set seq = 2, hash = s.hash, seal_mac = s.mac
                    from sixty.audit_seals s where s.org_id = h.org_id and s.seq = 2 and h.{}",
                "$acme"
            ),
            Broken::EndChanged,
        ),
    ] {
        sealed.finds(&change, &broken).await;
    }
    for change in ["seq = 2", "hash = sha256('')", "seal_mac = sha256('')", "mac = sha256('')"] {
        let sql = format!("update sixty.audit_heads set {change} where $acme");
        sealed.finds(&sql, &Broken::EndChanged).await;
    }
}

#[tokio::test]
async fn a_chain_made_anew_with_another_key_is_found() {
    let sealed = Sealed::new().await;
    let anew =
        "delete from sixty.audit_seals; delete from sixty.audit_heads; delete from sixty.audit_pending;
        update sixty.audit set target = 'deal:other' where target = 'deal:b';
        insert into sixty.audit_pending select org_id, id from sixty.audit";
    sealed.app.tamper(anew).await;
    let foreign = SealKeys::new(&MasterKeys::new([9; 32], Vec::new()));
    seal(sealed.app.store(), &foreign).await.expect("their seals");
    let theirs = verify(sealed.app.store(), &foreign, acme(), None).await.expect("a report");
    assert_eq!(theirs.broken, None);
    assert_eq!(sealed.app.verify("acme").await.broken, Some(Broken::UnknownKey { seq: 1 }));
    // With the name of the right key on it, it is no better.
    let named = "update sixty.audit_seals s set key_id = o.key_id from public.audit_heads o where o.org_id = s.org_id";
    sealed.app.tamper(named).await;
    assert_eq!(sealed.app.verify("acme").await.broken, Some(Broken::SealChanged { seq: 1 }));
}

#[tokio::test]
async fn a_trail_is_not_made_whole_by_sealing_on() {
    let sealed = Sealed::new().await;
    let forged =
        "insert into sixty.audit_seals select org_id, 4, sealed_at, entries, digests, hash, key_id, mac
        from sixty.audit_seals where seq = 3";
    sealed.app.tamper(forged).await;
    sealed.app.seal().await;
    assert_eq!(sealed.app.verify("acme").await.broken, Some(Broken::SealChanged { seq: 4 }));
    sealed.restore().await;
    let cut = "delete from sixty.audit_seals where seq > 1;
        update sixty.audit_heads h set seq = 1, hash = s.hash, seal_mac = s.mac
            from sixty.audit_seals s where s.org_id = h.org_id and s.seq = 1";
    sealed.app.tamper(cut).await;
    sealed.app.seal().await;
    assert_eq!(sealed.app.verify("acme").await.broken, Some(Broken::EndChanged));
    let waiting = format!("select count(*) from sixty.audit_pending where org_id = '{}'", acme());
    let pool = sealed.app.database.superuser().await;
    let waiting: i64 =
        sqlx::query_scalar(sqlx::AssertSqlSafe(waiting)).fetch_one(&pool).await.expect("a number");
    assert_eq!(waiting, 2, "they wait until somebody has looked");
    pool.close().await;
}

#[tokio::test]
async fn a_return_to_an_old_state_is_found_by_a_seal_that_was_written_down() {
    let sealed = Sealed::new().await;
    let (store, keys) = (sealed.app.store(), keys());
    sealed.app.seal().await;
    let end = sealed.app.verify("acme").await.end.expect("an end");
    assert_eq!(end.seq, 4);
    let report = verify(store, &keys, acme(), Some(&end)).await.expect("a report");
    assert_eq!(report.broken, None);
    // An old backup of the whole database: its end is a good one, of that time.
    sealed.restore().await;
    sealed.app.tamper("delete from sixty.audit a using sixty.audit_pending p where p.id = a.id").await;
    sealed.app.tamper("delete from sixty.audit_pending").await;
    assert_eq!(sealed.app.verify("acme").await.broken, None, "what no database can tell of itself");
    let report = verify(store, &keys, acme(), Some(&end)).await.expect("a report");
    assert_eq!(report.broken, Some(Broken::SealMissing { seq: 4 }));
    let other = Anchor { seq: 2, ..end };
    let report = verify(store, &keys, acme(), Some(&other)).await.expect("a report");
    assert_eq!(report.broken, Some(Broken::AnchorDiffers { seq: 2 }));
}
