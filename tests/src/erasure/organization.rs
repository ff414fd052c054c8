//! A whole organization is erased.

use domain::OrgId;
use engine::audit::verify;
use serde_json::json;
use sqlx::AssertSqlSafe;

use super::{erased, lives, platform};
use crate::harness::{TestApp, eventually};

const ACME: &str = "/v1/platform/orgs/acme";

/// Table, number of rows and a checksum of them, of one organization.
async fn stored(app: &TestApp, org: &str) -> Vec<(String, i64, String)> {
    let pool = app.database.superuser().await;
    let tables: Vec<String> = sqlx::query_scalar(
        "select c.relname::text from pg_class c where c.relnamespace = 'sixty'::regnamespace
            and c.relkind in ('r', 'p') and not c.relispartition and c.relname <> '_sqlx_migrations' order by 1",
    )
    .fetch_all(&pool)
    .await
    .expect("the tables");
    let mut found = Vec::new();
    for table in tables {
        let sql = format!(
            "select count(*), coalesce(md5(string_agg(t::text, '|' order by t::text)), '')
             from sixty.{table} t where org_id = $1"
        );
        let (rows, sum): (i64, String) = sqlx::query_as(AssertSqlSafe(sql))
            .bind(OrgId::derive(org).0)
            .fetch_one(&pool)
            .await
            .expect("a checksum");
        // What the service seals by itself, it does whoever asks for what.
        if !["audit_pending", "audit_seals", "audit_heads"].contains(&table.as_str()) || org == "acme" {
            found.push((table, rows, sum));
        }
    }
    found
}

#[tokio::test]
async fn an_erased_organization_leaves_a_tombstone_and_the_others_as_they_were() {
    let app = TestApp::start().await;
    let (alice, bob, mallory) = (app.alice(), app.bob(), app.stranger());
    for person in [&alice, &mallory] {
        person.deal().await;
        person.post("/v1/entities/deal/D-42/notes", json!({"text": "A note."})).await.expect(201);
        person.put("/v1/memory/org", json!({"content": "We sell."})).await.expect(200);
        let skill = json!({"document": crate::skills::document("Brief", "Read."), "files": {"a.md": "A."}});
        person.put("/v1/admin/skills/brief", skill).await.expect(201);
        person.put("/v1/admin/permissions", json!({"preset": "conservative"})).await.expect(200);
        lives(&app, person, "Hello.").await;
    }
    lives(&app, &bob, "Hello.").await;
    // There is a chain of seals to be removed.
    eventually("the trail is sealed", async || {
        let sealed = app.database.count("select count(distinct org_id) from sixty.audit_seals").await;
        let waiting = app.database.count("select count(*) from sixty.audit_pending").await;
        (sealed == 2 && waiting == 0).then_some(())
    })
    .await;
    let before = stored(&app, "globex").await;
    let full = stored(&app, "acme").await.iter().filter(|(_, rows, _)| *rows > 0).count();
    assert!(full >= 14, "{full}");

    alice.delete(ACME).await.problem(403, "forbidden");
    let platform = platform(&app);
    platform.delete("/v1/platform/orgs/never").await.problem(404, "not_found");
    platform.get(&format!("{ACME}/erasure")).await.problem(404, "not_found");
    let done = erased(&platform, ACME).await;
    let after = stored(&app, "acme").await;
    let left: Vec<(&str, i64)> = after
        .iter()
        .filter(|(_, rows, _)| *rows > 0)
        .map(|(table, rows, _)| (table.as_str(), *rows))
        .collect();
    assert_eq!(left, [("erasures", 1), ("orgs", 1)]);
    assert_eq!(stored(&app, "globex").await, before);
    let pool = app.database.superuser().await;
    let org = OrgId::derive("acme");
    let row: String =
        sqlx::query_scalar("select external_id || name || status from sixty.orgs where org_id = $1")
            .bind(org.0)
            .fetch_one(&pool)
            .await
            .expect("a tombstone");
    assert_eq!(row, format!("erased:{org}erased"));
    // What is left is a trail without entries, which is whole.
    let keys = engine::audit::SealKeys::new(&engine::keys::MasterKeys::new([7; 32], Vec::new()));
    let report = verify(app.replica.engine.store(), &keys, org, None).await.expect("a report");
    assert_eq!((report.sealed, report.waiting, report.broken), (0, 0, None));

    // To ask again changes nothing, and no token gets in.
    assert_eq!(platform.delete(ACME).await.expect(200).json(), done);
    assert_eq!(platform.get(&format!("{ACME}/erasure")).await.expect(200).json(), done);
    for person in [&alice, &bob, &app.rita()] {
        person.get("/v1/sessions").await.problem(403, "organization_erased");
    }
    let member = format!("{ACME}/members/bob");
    platform.put(&member, json!({"role": "member"})).await.problem(404, "not_found");
    assert_eq!(stored(&app, "acme").await, after);
    mallory.get("/v1/me").await.expect(200);

    // The platform can make it anew, with nothing.
    let anew = platform.put(ACME, json!({"name": "Acme again"})).await.expect(201).json();
    assert_eq!((&anew["id"], &anew["name"]), (&json!("acme"), &json!("Acme again")));
    assert_eq!(alice.get("/v1/memory/org").await.expect(200).json()["version"], 0);
    assert_eq!(alice.get("/v1/sessions").await.expect(200).json()["data"], json!([]));
    lives(&app, &alice, "Hello again.").await;
    assert_ne!(erased(&platform, ACME).await["id"], done["id"]);
}

#[tokio::test]
async fn while_an_organization_is_erased_nobody_gets_in_and_the_platform_waits() {
    let app = TestApp::with(crate::harness::Setup { works: false, ..super::quick() }).await;
    let (alice, platform) = (app.alice(), platform(&app));
    alice.get("/v1/me").await.expect(200);
    let asked = platform.delete(ACME).await.expect(202).json();
    alice.get("/v1/me").await.problem(403, "membership_ended");
    // First sight of somebody makes no member either.
    app.bob().get("/v1/me").await.problem(403, "organization_erased");
    platform.put(ACME, json!({"name": "Acme"})).await.problem(409, "erasure_running");
    let again = platform.delete(ACME).await.expect(202).json();
    assert_eq!((&again["id"], &again["status"]), (&asked["id"], &json!("running")));
    let _worker = app.another_replica(super::quick()).await;
    eventually("the erasure is done", async || {
        let erasure = platform.get(&format!("{ACME}/erasure")).await.expect(200).json();
        (erasure["status"] == "done").then_some(())
    })
    .await;
    app.bob().get("/v1/me").await.problem(403, "organization_erased");
}
