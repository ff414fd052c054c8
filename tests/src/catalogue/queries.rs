//! The queries say what the policies say: whose rows they are about.

use std::{collections::BTreeSet, fs, path::Path};

use serde_json::Value;

use super::catalogue;
use crate::harness::Database;

/// How queries begin that name no organization or no person, and why they need not.
const EXCEPTIONS: &[(&str, &str)] = &[
    ("select max(version) from sixty._sqlx_migrations", "the schema, not anybody's rows"),
    ("select r.rolname::text", "the login's roles"),
    ("select id from sixty.runs where lease_owner = $1", "the system's: runs of this replica"),
    ("update sixty.runs set status = 'queued', lease_owner = null", "the system's: by fence and replica"),
    ("update sixty.runs r set lease_until", "the system's: by fence and replica"),
    ("update sixty.runs set status = 'running', lease_owner = $4", "the system's: by fence"),
    ("delete from sixty.idempotency where created_at", "the system's: expiry"),
    ("delete from sixty.slack_events where received_at", "the system's: expiry"),
    ("delete from sixty.slack_tickets where expires_at", "the system's: expiry"),
    ("delete from sixty.slack_turns where state = 'over'", "the system's: expiry"),
    (
        "select count(*) as \"count!\" from (select from sixty.slack_turns where org_id = $1 and author_id = $2",
        "whoever spoke is named: they speak in conversations of others too",
    ),
    ("select sixty.schedule_clock()", "the time, not anybody's rows"),
];

/// The statements that the program was compiled with, on one line each.
fn statements() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.sqlx");
    let entries = fs::read_dir(folder).expect("the query data is committed");
    let texts = entries.map(|entry| fs::read_to_string(entry.expect("a file").path()).expect("a text"));
    texts
        .map(|text| {
            let data: Value = serde_json::from_str(&text).expect("JSON");
            data["query"].as_str().expect("a query").split_whitespace().collect::<Vec<_>>().join(" ")
        })
        .collect()
}

/// What the statement does not name, if it must.
fn unnamed(statement: &str, personal: &BTreeSet<String>) -> Option<&'static str> {
    let words: BTreeSet<&str> =
        statement.split(|c: char| !(c.is_alphanumeric() || "_.".contains(c))).collect();
    let names = |column: &str| words.iter().any(|word| word.rsplit('.').next() == Some(column));
    let is_personal = personal.iter().any(|table| words.contains(format!("sixty.{table}").as_str()));
    match (names("org_id"), names("owner_id")) {
        (false, _) => Some("the organization"),
        (true, false) if is_personal => Some("the person"),
        _ => None,
    }
}

#[tokio::test]
async fn every_query_names_the_organization_and_of_personal_rows_the_person() {
    let database = Database::create().await;
    let mut connection = catalogue(&database).await;
    let personal: Vec<String> =
        sqlx::query_scalar("select name from personal_tables union all select 'session_context'")
            .fetch_all(&mut connection)
            .await
            .expect("the tables");
    let personal = BTreeSet::from_iter(personal);
    assert!(personal.len() >= 10, "{personal:?}");
    let statements = statements();
    println!("{} statements, {} personal tables", statements.len(), personal.len());
    assert!(statements.len() >= 60, "{}", statements.len());
    for statement in &statements {
        let excepted = EXCEPTIONS.iter().any(|(start, _)| statement.starts_with(start));
        match unnamed(statement, &personal) {
            Some(what) => assert!(excepted, "{what} is not named in: {statement}"),
            None => assert!(!excepted, "needs no exception: {statement}"),
        }
    }
    for (start, _) in EXCEPTIONS {
        assert!(
            statements.iter().any(|statement| statement.starts_with(start)),
            "no statement begins: {start}"
        );
    }
    // What it must catch.
    for (bad, what) in [
        ("select title from sixty.sessions where id = $1", "the organization"),
        ("select title from sixty.sessions where org_id = $1 and id = $2", "the person"),
        ("delete from sixty.orgs", "the organization"),
        ("select owner_id_hint from sixty.runs where org_id = $1", "the person"),
    ] {
        assert_eq!(unnamed(bad, &personal), Some(what), "{bad}");
    }
}
