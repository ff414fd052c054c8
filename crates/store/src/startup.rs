//! What `serve` demands of its database before it takes a request.

use domain::{Error, Result};

use crate::{Store, error::from_sqlx};

/// First minor releases with the fix of CVE-2025-8713 (statistics that leak
/// past row-level security), per major version, as `server_version_num`.
const FIXED: [(i32, i32); 3] = [(15, 150_014), (16, 160_010), (17, 170_006)];

/// Why the service does not start. The text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    #[error("the database cannot be used: {0}")]
    Unreachable(#[from] Error),
    #[error(
        "the login {0:?} of DATABASE_URL may bypass row-level security (superuser or BYPASSRLS); \
         run `sixty migrate`, which makes a login that may not, and use that one"
    )]
    BypassesPolicies(String),
    #[error(
        "the login {0:?} of DATABASE_URL inherits its roles; run `sixty migrate`, which ends that (on Postgres 15 \
         `alter role {0} noinherit`, since 16 `grant sixty_tenant, sixty_system to {0} with inherit false`)"
    )]
    Inherits(String),
    #[error(
        "the login {0:?} of DATABASE_URL is a member of other roles than sixty_tenant and sixty_system: {1}; \
         revoke them, or use a login that has only these two"
    )]
    OtherRoles(String, String),
    #[error("the login {0:?} of DATABASE_URL owns tables of the schema sixty; use one that owns nothing")]
    Owns(String),
    #[error("the login {0:?} is not a member of sixty_tenant and sixty_system; run `sixty migrate`")]
    LacksRoles(String),
    #[error("the schema sixty is missing, or of another version than this program; run `sixty migrate`")]
    NotMigrated,
    #[error(
        "Postgres {0} is too old: 15.14, 16.10 or 17.6 fix CVE-2025-8713. Update it, or set \
         SIXTY_ALLOW_OLD_POSTGRES=1 to take the risk"
    )]
    OldServer(String),
}

#[expect(
    clippy::struct_excessive_bools,
    reason = "a row of the catalogue, read once and checked field by field"
)]
struct Login {
    name: String,
    bypasses: bool,
    inherits: bool,
    owns: bool,
    member: bool,
    others: Option<String>,
    version: i32,
    version_text: String,
}

/// Refuses a login for which the policies do not hold, and a server whose
/// policies leak.
pub async fn check(store: &Store, allow_old: bool) -> Result<(), Refusal> {
    let login = login(store).await?;
    if login.bypasses {
        return Err(Refusal::BypassesPolicies(login.name));
    }
    if !login.member {
        return Err(Refusal::LacksRoles(login.name));
    }
    if login.inherits {
        return Err(Refusal::Inherits(login.name));
    }
    if let Some(others) = login.others {
        return Err(Refusal::OtherRoles(login.name, others));
    }
    if login.owns {
        return Err(Refusal::Owns(login.name));
    }
    if newest_migration(store).await? != crate::migrate::newest() {
        return Err(Refusal::NotMigrated);
    }
    if is_old(login.version) {
        if !allow_old {
            return Err(Refusal::OldServer(login.version_text));
        }
        tracing::warn!(
            version = login.version_text,
            "this Postgres leaks statistics past row-level security (CVE-2025-8713)"
        );
    }
    Ok(())
}

fn is_old(version: i32) -> bool {
    match FIXED.iter().find(|(major, _)| *major == version / 10_000) {
        Some((_, fixed)) => version < *fixed,
        None => version < FIXED[0].1,
    }
}

async fn login(store: &Store) -> Result<Login> {
    // Before any transaction: this asks about the login itself, in the catalogue.
    sqlx::query_as!(
        Login,
        r#"
        select
            r.rolname::text as "name!",
            r.rolsuper or r.rolbypassrls as "bypasses!",
            exists (select from pg_catalog.pg_roles g where g.rolname in ('sixty_tenant', 'sixty_system')
                and pg_has_role(r.oid, g.oid, 'usage')) as "inherits!",
            (select string_agg(g.rolname, ', ' order by g.rolname) from pg_catalog.pg_roles g
                where g.oid <> r.oid and g.rolname not in ('sixty_tenant', 'sixty_system')
                    and pg_has_role(r.oid, g.oid, 'member')) as "others?",
            exists (select from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
                where n.nspname = 'sixty' and c.relowner = r.oid) as "owns!",
            (select count(distinct m.roleid) = 2 from pg_catalog.pg_auth_members m
                join pg_catalog.pg_roles granted on granted.oid = m.roleid
                where m.member = r.oid and granted.rolname in ('sixty_tenant', 'sixty_system')) as "member!",
            current_setting('server_version_num')::int as "version!",
            current_setting('server_version') as "version_text!"
        from pg_catalog.pg_roles r where r.rolname = current_user
        "#
    )
    .fetch_one(store.connections.pool())
    .await
    .map_err(from_sqlx)
}

/// None: there is no schema, or nothing in it.
async fn newest_migration(store: &Store) -> Result<Option<i64>> {
    let mut tx = store.system().await?;
    let newest = sqlx::query_scalar!("select max(version) from sixty._sqlx_migrations where success")
        .fetch_one(tx.connection())
        .await;
    tx.rollback().await?;
    match newest {
        Err(sqlx::Error::Database(error))
            if matches!(error.code().as_deref(), Some("42P01" | "42501" | "3F000")) =>
        {
            Ok(None)
        }
        other => other.map_err(from_sqlx),
    }
}

#[cfg(test)]
mod tests {
    use super::is_old;

    #[test]
    fn servers_without_the_fix_are_old() {
        for version in [140_020, 150_013, 160_009, 170_005] {
            assert!(is_old(version), "{version}");
        }
        for version in [150_014, 150_018, 160_010, 170_006, 180_000] {
            assert!(!is_old(version), "{version}");
        }
    }
}
