//! Brings a database up to date: roles, the runtime login, the schema.

use std::str::FromStr;

use domain::{Error, Result};
use percent_encoding::percent_decode_str;
use sqlx::{AssertSqlSafe, Connection, PgConnection, migrate::Migrator, postgres::PgConnectOptions};

use crate::{error::from_sqlx, tx::run_raw};

static MIGRATIONS: Migrator = sqlx::migrate!("../../migrations");

/// Roles belong to the cluster, and several databases may be migrated at the
/// same moment: creating one that appeared meanwhile is not an error.
const ROLES: &str = "
do $$
declare
    name text;
    -- Since Postgres 16 a role's maker is a member of it who may not take it on, and each grant says for
    -- itself whether it is inherited.
    of_16 constant boolean := current_setting('server_version_num')::int >= 160000;
begin
    foreach name in array array['sixty_owner', 'sixty_tenant', 'sixty_system', 'sixty_search'] loop
        if not exists (select from pg_catalog.pg_roles where rolname = name) then
            begin
                execute format('create role %I nologin', name);
            exception when duplicate_object or unique_violation then null;
            end;
        end if;
    end loop;
    -- The function that searches the archive is made in the name of the role that owns it.
    foreach name in array array['sixty_owner', 'sixty_search'] loop
        if not pg_has_role(current_user, name, case when of_16 then 'set' else 'member' end) then
            execute format('grant %I to %I%s', name, current_user,
                case when of_16 then ' with inherit false, set true' else '' end);
        end if;
    end loop;
    begin
        create schema if not exists sixty authorization sixty_owner;
    exception when duplicate_schema or unique_violation then null;
    end;
end
$$";

/// The login of `DATABASE_URL`: a member of the two roles that it may take on,
/// without inheriting anything, so that a bare query is refused. The timeouts
/// stand on the login because `set role` does not apply those of the role.
const LOGIN: &str = "
select format($f$
do $do$
begin
    begin
        create role %1$I login noinherit password %2$L;
    exception when duplicate_object or unique_violation then null;
    end;
    if exists (select from pg_catalog.pg_roles where rolname = %1$L and rolinherit) then
        alter role %1$I noinherit;
    end if;
end
$do$;
grant sixty_tenant, sixty_system to %1$I%3$s;
alter role %1$I set statement_timeout = '15s';
alter role %1$I set lock_timeout = '5s';
alter role %1$I set idle_in_transaction_session_timeout = '30s';
-- A statement is planned once a connection: planning the begin of a turn takes 2 ms, running it 0.2.
alter role %1$I set plan_cache_mode = 'force_generic_plan';
$f$, $1::text, $2::text,
    case when current_setting('server_version_num')::int >= 160000 then ' with inherit false, set true' else '' end)";

/// Roles and the runtime login, then every migration that is missing. Safe to
/// run from several places at once.
pub async fn run(owner_url: &str, runtime_url: &str) -> Result<()> {
    let runtime = url::Url::parse(runtime_url)
        .map_err(|error| Error::internal(format!("DATABASE_URL is not a URL: {error}")))?;
    let mut connection = connect(owner_url).await?;
    patiently(&mut connection, ROLES.to_owned()).await?;
    let login: String = sqlx::query_scalar(LOGIN)
        .bind(decoded(runtime.username()))
        .bind(runtime.password().map(decoded))
        .fetch_one(&mut connection)
        .await
        .map_err(from_sqlx)?;
    patiently(&mut connection, login).await?;
    schema(&mut connection).await?;
    connection.close().await.map_err(from_sqlx)
}

fn decoded(part: &str) -> String {
    percent_decode_str(part).decode_utf8_lossy().into_owned()
}

/// The password in a Postgres URL, wherever it stands there, as the server gets it.
pub fn password_in(url: &str) -> Option<String> {
    let url = url::Url::parse(url).ok()?;
    let parameter =
        || url.query_pairs().find(|(name, _)| name == "password").map(|(_, value)| value.into_owned());
    url.password().map(decoded).or_else(parameter)
}

/// Two migrations of one cluster can touch the same role row at the same
/// moment; Postgres then refuses one of them, which simply comes again.
async fn patiently(connection: &mut PgConnection, sql: String) -> Result<()> {
    for _ in 0..100 {
        match sqlx::raw_sql(AssertSqlSafe(sql.clone())).execute(&mut *connection).await {
            Err(sqlx::Error::Database(error)) if error.message().contains("concurrently updated") => {}
            other => return other.map(drop).map_err(from_sqlx),
        }
    }
    Err(Error::internal("the cluster's roles are being changed by somebody else all the time"))
}

/// Objects belong to `sixty_owner`, and so does the table that lists migrations.
async fn schema(connection: &mut PgConnection) -> Result<()> {
    run_raw(connection, "set role sixty_owner").await.map_err(from_sqlx)?;
    let mut migrator = Migrator::with_migrations(MIGRATIONS.migrations.to_vec());
    migrator.dangerous_set_table_name("sixty._sqlx_migrations");
    migrator.run(&mut *connection).await.map_err(Error::internal)?;
    run_raw(connection, "reset role").await.map_err(from_sqlx)
}

async fn connect(url: &str) -> Result<PgConnection> {
    let options = PgConnectOptions::from_str(url).map_err(from_sqlx)?;
    PgConnection::connect_with(&options).await.map_err(from_sqlx)
}

/// Version of the newest migration that the program brings.
pub fn newest() -> Option<i64> {
    MIGRATIONS.iter().map(|migration| migration.version).max()
}

/// Makes the database of the private cluster, if it is not there.
pub async fn create_database(superuser_url: &str, name: &str) -> Result<()> {
    let mut connection = connect(superuser_url).await?;
    let exists: bool =
        sqlx::query_scalar("select exists (select from pg_catalog.pg_database where datname = $1)")
            .bind(name)
            .fetch_one(&mut connection)
            .await
            .map_err(from_sqlx)?;
    if !exists {
        let sql: String = sqlx::query_scalar("select format('create database %I', $1::text)")
            .bind(name)
            .fetch_one(&mut connection)
            .await
            .map_err(from_sqlx)?;
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.map_err(from_sqlx)?;
    }
    connection.close().await.map_err(from_sqlx)
}

#[cfg(test)]
mod tests {
    use super::{decoded, password_in};

    #[test]
    fn a_password_is_read_as_the_server_gets_it() {
        for (url, password) in [
            ("postgres://app:p%40ss%2Fw+rd%26more@db/sixty", Some("p@ss/w+rd&more")),
            ("postgres://app:a&b=c;d@db/sixty", Some("a&b=c;d")),
            ("postgres://app@db/sixty?sslmode=disable&password=p%40ss", Some("p@ss")),
            ("postgres://app@db/sixty", None),
        ] {
            assert_eq!(password_in(url).as_deref(), password, "{url}");
        }
        assert_eq!(decoded("gr%C3%B6%C3%9Fer"), "größer");
    }
}
