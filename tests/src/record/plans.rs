//! The very statements of lists and searches, as they were compiled, explained on a record of
//! many thousands as the role that the service has: each finds its rows by an index.

use std::{fs, path::Path};

use serde_json::Value;
use sqlx::{AssertSqlSafe, Row as _};

use crate::harness::{Database, TestApp};

/// Organizations of the test, the first with more than all others.
const FILL: &str = "
    insert into sixty.orgs (org_id, external_id, name)
        select md5(n::text)::uuid, 'org' || n, 'Org' from generate_series(1, 50) n;
    insert into sixty.entities (org_id, kind, id, name, owner, updated_at, at, words)
        select o.org_id, k.kind, k.kind || '-' || n, 'Entity ' || n, 'owner' || n % 7, now() - n * interval '1 minute',
            now() - n * interval '1 hour', array['3entity', '3word' || n]
        from sixty.orgs o cross join unnest(array['deal', 'contact', 'email', 'task']) as k (kind)
        cross join lateral generate_series(1, case when o.external_id = 'org1' then 3000 else 60 end) n;
    insert into sixty.entity_words (org_id, word, kind, at, id, weight)
        select e.org_id, substr(w.coded, 2), e.kind, e.at, e.id, 3
        from sixty.entities e cross join unnest(e.words) as w (coded);
    insert into sixty.entity_links (org_id, to_kind, to_id, kind, at, id)
        select org_id, 'deal', 'deal-' || (row_number() over (partition by org_id order by id)) % 50 + 1, kind, at, id
        from sixty.entities where kind in ('email', 'task');
    analyze sixty.entities; analyze sixty.entity_words; analyze sixty.entity_links;";

/// The committed text of the statement that holds these words.
fn statement(words: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.sqlx");
    let texts = fs::read_dir(folder).expect("the query data is committed").map(|entry| {
        let text = fs::read_to_string(entry.expect("a file").path()).expect("a text");
        let data: Value = serde_json::from_str(&text).expect("JSON");
        data["query"].as_str().expect("a query").to_owned()
    });
    let found: Vec<String> = texts.filter(|text| text.contains(words)).collect();
    assert_eq!(found.len(), 1, "statements with {words:?}: {found:?}");
    found.into_iter().next().expect("one")
}

/// The plan of a statement with these arguments, for any arguments of their types.
async fn plan(database: &Database, statement: &str, arguments: &str) -> String {
    let pool = database.superuser().await;
    let mut tx = pool.begin().await.expect("a transaction");
    let opener = "set local role sixty_tenant; set local app.scope = 'own'; set local plan_cache_mode = force_generic_plan;
        select set_config('app.org_id', md5('1')::uuid::text, true), set_config('app.user_id', md5('x')::uuid::text, true)";
    sqlx::raw_sql(opener).execute(&mut *tx).await.expect("the tenant");
    let prepare = format!("prepare looked as {statement}");
    sqlx::raw_sql(AssertSqlSafe(prepare)).execute(&mut *tx).await.expect("the statement is prepared");
    let explain =
        format!("explain (analyze, costs off, timing off, summary off) execute looked ({arguments})");
    let rows = sqlx::raw_sql(AssertSqlSafe(explain)).fetch_all(&mut *tx).await.expect("a plan");
    rows.iter().map(|row| row.get::<String, _>(0) + "\n").collect()
}

#[tokio::test]
async fn lists_and_searches_find_their_rows_by_an_index() {
    let app = TestApp::start().await;
    let superuser = app.database.superuser().await;
    sqlx::raw_sql(FILL).execute(&superuser).await.expect("a record");
    let org = "md5('1')::uuid";
    let filters = format!("{org}, null, null, null, null");
    let kinds = "array['deal', 'contact', 'email']";
    let cases = [
        (
            "e.kind >= $6 and e.kind <= $7",
            format!("{filters}, 'deal', 'deal', 'deal', 'deal-1', 51"),
            "entities_pkey",
        ),
        (
            "e.kind = $6 and e.updated_at <= $7",
            format!("{filters}, 'task', now(), '', 51"),
            "entities_by_update",
        ),
        (
            "e.org_id = $1 and e.updated_at <= $6",
            format!("{filters}, now(), 'activity', '', 51"),
            "entities_by_change",
        ),
        (
            "l.to_kind = $7 and l.to_id = $8",
            format!("{filters}, {kinds}, 'deal', 'deal-7', 'activity', '', 51"),
            "entity_links_pkey",
        ),
        (
            "n.org_id = $1 and n.word = $7",
            format!(
                "{filters}, {kinds}, 'entity', '', '', '#entity', '#entity\u{10ffff}', array['entity', 'word7'], array['entity', 'word7\u{10ffff}'], 'activity', '', null, null, 51"
            ),
            "entity_words_pkey",
        ),
        (
            "limit 1001",
            format!("{org}, {kinds}, array['entity', 'word7'], array['entity', 'word7z']"),
            "entity_words_pkey",
        ),
        (
            "from unnest($2::text[], $3::text[], $4::boolean[]) as w (kind, id, own)",
            format!("{org}, array['deal', 'email'], array['deal-7', 'email-9'], array[true, false]"),
            "entities_pkey",
        ),
        ("set touched_at = n.at", format!("{org}, array['deal'], array['deal-7']"), "entity_links_pkey"),
    ];
    for (words, arguments, index) in cases {
        let plan = plan(&app.database, &statement(words), &arguments).await;
        assert!(!plan.contains("Seq Scan"), "{words}:\n{plan}");
        assert!(plan.contains(index), "{words}: {index} is not used:\n{plan}");
    }
}
