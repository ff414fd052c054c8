//! The migrated schema keeps the rules of tenancy (see ARCHITECTURE.md). Each rule is
//! a query that finds what breaks it, and statements that it must catch.

mod grants;
mod lists;
mod queries;
mod tables;

use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::harness::Database;

/// A rule of the schema.
struct Rule {
    says: &'static str,
    /// Answers the names of what breaks the rule.
    finds: &'static str,
    /// Changes of the schema, each of which breaks it.
    broken_by: &'static [&'static str],
}

fn rules() -> impl Iterator<Item = &'static Rule> {
    tables::RULES.iter().chain(grants::RULES)
}

/// A superuser's connection, on which the lists of the rules are temporary tables.
async fn catalogue(database: &Database) -> PgConnection {
    let mut connection = PgConnection::connect(&database.superuser_url()).await.expect("a connection");
    for (table, entries) in lists::KNOWN {
        let (names, reasons): (Vec<&str>, Vec<&str>) = entries.iter().copied().unzip();
        let sql = format!(
            "create temp table {table} as select * from unnest($1::text[], $2::text[]) as t (name, reason)"
        );
        sqlx::query(AssertSqlSafe(sql))
            .bind(names)
            .bind(reasons)
            .execute(&mut connection)
            .await
            .expect("a list");
    }
    run(&mut connection, lists::VIEWS).await;
    connection
}

async fn run(connection: &mut PgConnection, sql: &'static str) {
    if let Err(error) = sqlx::raw_sql(sql).execute(connection).await {
        panic!("{error}: {sql}");
    }
}

async fn found(connection: &mut PgConnection, rule: &Rule) -> Vec<String> {
    sqlx::query_scalar(rule.finds)
        .fetch_all(connection)
        .await
        .unwrap_or_else(|error| panic!("{}: {error}", rule.says))
}

#[tokio::test]
async fn the_schema_keeps_every_rule() {
    let database = Database::create().await;
    let mut connection = catalogue(&database).await;
    for rule in rules() {
        assert_eq!(found(&mut connection, rule).await, Vec::<String>::new(), "{}", rule.says);
    }
}

#[tokio::test]
async fn every_rule_catches_what_breaks_it() {
    let database = Database::create().await;
    let mut connection = catalogue(&database).await;
    for rule in rules() {
        assert!(!rule.broken_by.is_empty(), "{}", rule.says);
        for change in rule.broken_by {
            run(&mut connection, "begin").await;
            run(&mut connection, change).await;
            let problems = found(&mut connection, rule).await;
            assert!(!problems.is_empty(), "{} allows: {change}", rule.says);
            run(&mut connection, "rollback").await;
        }
    }
}
