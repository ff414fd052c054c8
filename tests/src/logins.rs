//! The login of the service: `migrate` makes it harmless, and `serve` checks that it is.

use std::time::Duration;

use sqlx::{AssertSqlSafe, PgPool};
use store::{
    PoolSize, Store, migrate,
    startup::{self, Refusal},
};

use crate::harness::Database;

async fn run(superuser: &PgPool, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(superuser).await.expect("the statement runs");
}

/// The database's URL with this login in place of the superuser.
fn url_of(database: &Database, login: &str) -> String {
    let url = database.superuser_url();
    let (scheme, rest) = url.split_once("://").expect("a scheme");
    let (_, host) = rest.split_once('@').expect("a user");
    format!("{scheme}://{login}:a-password@{host}")
}

async fn check(url: &str) -> Result<(), Refusal> {
    let size = PoolSize { connections: 1, acquire_timeout: Duration::from_secs(10) };
    let store = Store::connect(url, size).expect("a store");
    let checked = startup::check(&store, true).await;
    store.close().await;
    checked
}

#[tokio::test]
async fn an_owner_without_superuser_migrates_and_makes_an_old_login_harmless() {
    let database = Database::create().await;
    let superuser = database.superuser().await;
    run(&superuser, "drop schema sixty cascade").await;
    run(&superuser, "create role t_migrator login createrole password 'a-password'").await;
    run(&superuser, "create role t_inherits login inherit password 'a-password'").await;
    let name: String =
        sqlx::query_scalar("select current_database()::text").fetch_one(&superuser).await.expect("a name");
    run(&superuser, &format!("grant create on database {name} to t_migrator, sixty_owner")).await;
    let runtime = url_of(&database, "t_inherits");
    migrate::run(&url_of(&database, "t_migrator"), &runtime).await.expect("migrations run");
    migrate::run(&url_of(&database, "t_migrator"), &runtime).await.expect("and once more");
    check(&runtime).await.expect("the login is accepted");
    run(&superuser, "alter role t_inherits inherit").await;
    assert!(matches!(check(&runtime).await, Err(Refusal::Inherits(_))));
}

#[tokio::test]
async fn a_login_with_other_roles_is_refused() {
    let database = Database::create().await;
    let superuser = database.superuser().await;
    run(&superuser, "create role t_reader login noinherit password 'a-password'").await;
    let url = url_of(&database, "t_reader");
    assert!(matches!(check(&url).await, Err(Refusal::LacksRoles(_))));
    run(&superuser, "grant sixty_tenant, sixty_system to t_reader").await;
    check(&url).await.expect("the login is accepted");
    run(
        &superuser,
        "create role t_group nologin; grant pg_read_all_data to t_group; grant t_group to t_reader",
    )
    .await;
    let refusal = check(&url).await.expect_err("a refusal").to_string();
    assert!(refusal.contains("pg_read_all_data, t_group"), "{refusal}");
    run(&superuser, "revoke t_group from t_reader; grant sixty_owner to t_reader").await;
    assert!(matches!(check(&url).await, Err(Refusal::OtherRoles(_, others)) if others == "sixty_owner"));
}
