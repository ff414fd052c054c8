//! The one function with rights of its own.

use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};

use crate::harness::Database;

const ACME: &str = "0f0e0d0c-0000-5000-8000-00000000000a";
const ALICE: &str = "0f0e0d0c-0000-5000-8000-0000000000a1";

/// An organization with two people. Each has a conversation and an archive.
const PEOPLE: &str = "
insert into sixty.orgs (org_id, external_id, name) values
    ('0f0e0d0c-0000-5000-8000-00000000000a', 'acme', ''), ('0f0e0d0c-0000-5000-8000-00000000000b', 'globex', '');
insert into sixty.members (org_id, user_id, external_id) values
    ('0f0e0d0c-0000-5000-8000-00000000000a', '0f0e0d0c-0000-5000-8000-0000000000a1', 'alice'),
    ('0f0e0d0c-0000-5000-8000-00000000000a', '0f0e0d0c-0000-5000-8000-0000000000a2', 'bob'),
    ('0f0e0d0c-0000-5000-8000-00000000000b', '0f0e0d0c-0000-5000-8000-0000000000a1', 'alice');
insert into sixty.sessions (org_id, owner_id, id) select org_id, user_id, user_id from sixty.members;
insert into sixty.copilot_session_summaries (org_id, owner_id, session_id, id, first_seq, last_seq, message_count,
        transcript, sha256, summary_text)
    select org_id, user_id, user_id, user_id, 1, 100000, 1, '[]', '', '' from sixty.members;
";

/// Gives every person so many passages: `plain` stands in all, `third` in every third, `odd` and `couple` in a few.
const PASSAGES: &str = "
insert into sixty.copilot_summary_passages (org_id, owner_id, summary_id, session_id, seq, part, role, text, said_at)
    select org_id, user_id, user_id, user_id, n, 0, 'user', 'plain text ' || n
            || case when n % 3 = 0 then ' third' else '' end || case when n % 7 = 0 then ' seventh' else '' end
            || case when n in (5, 6) then ' odd' else '' end || case when n % 1000 = 1 then ' couple' else '' end
            || case when n < 3000 and n % 20 = 0 then ' early' else '' end
            || case when n = 60 then ' twentieth' else '' end,
        now() - (100000 - n) * interval '1 minute'
    from sixty.members, generate_series(1, $1) n";

async fn filled(passages: i32) -> (Database, PgConnection) {
    let database = Database::create().await;
    let mut connection = PgConnection::connect(&database.superuser_url()).await.expect("a connection");
    sqlx::raw_sql(PEOPLE).execute(&mut connection).await.expect("people");
    sqlx::query(PASSAGES).bind(passages).execute(&mut connection).await.expect("passages");
    (database, connection)
}

/// Opens a tenant's transaction.
async fn act(connection: &mut PgConnection, org: &str, user: &str, scope: &str) {
    let sql = format!(
        "begin; set local role sixty_tenant; set local app.org_id = '{org}'; set local app.user_id = '{user}'; \
         set local app.scope = '{scope}'"
    );
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await.expect("a transaction");
}

/// Archive and message of the best, as the function answers them.
async fn search(connection: &mut PgConnection, words: &[&str], most: i32) -> Vec<(String, i64)> {
    let rows = sqlx::query(
        "select summary_id::text, seq from sixty.search_passages($1, array_fill(1.0::float8, array[cardinality($1)]),
            '{}', '{}', null, '{}', null, null, null, null, null, null, null, $2)",
    )
    .bind(words)
    .bind(most)
    .fetch_all(connection)
    .await
    .expect("a search");
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

async fn rollback(connection: &mut PgConnection) {
    sqlx::raw_sql("rollback").execute(connection).await.expect("a rollback");
}

#[tokio::test]
async fn it_finds_only_what_the_settings_name() {
    let (_database, mut connection) = filled(10).await;
    let nobody = "0f0e0d0c-0000-5000-8000-0000000000ff";
    for (org, user, scope, found) in [
        (ACME, ALICE, "own", 10),
        (ACME, nobody, "own", 0),
        (nobody, ALICE, "own", 0),
        (ACME, ALICE, "org", 20),
        (ACME, nobody, "org", 20),
        (nobody, ALICE, "org", 0),
        ("", "", "", 0),
        ("", ALICE, "org", 0),
        (ACME, "", "own", 0),
        (ACME, "", "org", 20),
        (ACME, ALICE, "all", 10),
    ] {
        act(&mut connection, org, user, scope).await;
        let places = search(&mut connection, &["plain"], 100).await;
        assert_eq!(places.len(), found, "{org} {user} {scope}");
        if scope != "org" {
            assert!(places.iter().all(|(archive, _)| archive == ALICE), "{places:?}");
        }
        rollback(&mut connection).await;
    }
    sqlx::raw_sql("begin; set local role sixty_tenant")
        .execute(&mut connection)
        .await
        .expect("a transaction");
    assert_eq!(search(&mut connection, &["plain"], 100).await, []);
}

#[tokio::test]
async fn nobody_else_may_call_it_and_its_role_reads_no_text() {
    let (_database, mut connection) = filled(1).await;
    for (role, sql) in [
        (
            "sixty_system",
            "select sixty.search_passages('{a}', '{1}', '{}', '{}', null, '{}', null, null, null, null, null, null, null, 1)",
        ),
        ("sixty_search", "select text from sixty.copilot_summary_passages"),
        ("sixty_search", "select question from sixty.copilot_summary_passages"),
        ("sixty_search", "delete from sixty.copilot_summary_passages"),
        ("sixty_search", "select title from sixty.sessions"),
        ("sixty_search", "create table sixty.bad (id int)"),
        ("sixty_tenant", "select search from sixty.copilot_summary_passages_00"),
    ] {
        let sql = format!("begin; set local role {role}; {sql}");
        let refusal =
            sqlx::raw_sql(AssertSqlSafe(sql.clone())).execute(&mut connection).await.expect_err("a refusal");
        let code = refusal
            .as_database_error()
            .and_then(sqlx::error::DatabaseError::code)
            .unwrap_or_default()
            .into_owned();
        assert_eq!(code, "42501", "{sql}: {refusal}");
        rollback(&mut connection).await;
    }
}

#[tokio::test]
async fn among_many_passages_rare_words_and_rare_pairs_of_common_words_are_found() {
    let (_database, mut connection) = filled(6_000).await;
    act(&mut connection, ACME, ALICE, "own").await;
    let seqs = async |connection: &mut PgConnection, words: &[&str], most| {
        search(connection, words, most).await.into_iter().map(|(_, seq)| seq).collect::<Vec<_>>()
    };
    // Of a common word the newest (of equal score: longer ones have less); a rare one leads to the old ones.
    assert_eq!(seqs(&mut connection, &["plain"], 3).await, [5_998, 5_996, 5_995]);
    assert_eq!(seqs(&mut connection, &["plain", "odd"], 2).await, [5, 6]);
    assert_eq!(seqs(&mut connection, &["plain", "third", "odd"], 2).await, [6, 5]);
    assert_eq!(seqs(&mut connection, &["couple"], 100).await.len(), 6);
    // Frequent once, and not of late: it is looked up in the index.
    assert_eq!(seqs(&mut connection, &["early"], 100).await.len(), 100);
    assert_eq!(seqs(&mut connection, &["twentieth", "third", "seventh"], 1).await, [60]);
    // Both are common, and both together as well.
    assert_eq!(seqs(&mut connection, &["third", "seventh"], 2).await, [5_985, 5_964]);
}

#[tokio::test]
async fn it_goes_by_the_indexes_however_full_the_partition_is() {
    for passages in [3, 6_000] {
        let (_database, mut connection) = filled(passages).await;
        act(&mut connection, ACME, ALICE, "own").await;
        assert_ne!(search(&mut connection, &["plain", "odd", "couple"], 10).await, []);
        let (scanned, by_words): (i64, i64) = sqlx::query_as(
            "select (select sum(pg_stat_get_xact_numscans(c.oid)) from pg_class c
                    where c.relname like 'copilot_summary_passages_%' and c.relkind = 'r')::bigint,
                (select sum(pg_stat_get_xact_numscans(i.indexrelid)) from pg_index i join pg_class c on c.oid = i.indexrelid
                    join pg_am m on m.oid = c.relam where m.amname = 'gin')::bigint",
        )
        .fetch_one(&mut connection)
        .await
        .expect("counters");
        assert_eq!(scanned, 0, "sequential scans with {passages} passages");
        // Three are read as quickly by their key.
        assert!(by_words > 0 || passages < 1_000, "the index of words is used");
        rollback(&mut connection).await;
    }
}
