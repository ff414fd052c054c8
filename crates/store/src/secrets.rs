//! Secrets of organizations. What is stored here is sealed by whoever calls, and cannot be opened here.

use std::time::Duration;

use domain::{
    Error, OptionalExt, OrgId, Result,
    secret::{MAX_SECRETS, MAX_VALUES, SecretHead},
};

use crate::{SystemTx, TenantTx, error::from_sqlx, orgs};

/// A value as it is stored.
#[derive(Clone, Debug)]
pub struct Sealed {
    pub name: String,
    /// It is bound to this number.
    pub version: i64,
    pub sealed: Vec<u8>,
}

/// What was sealed, and by which master key.
#[derive(Clone, Copy, Debug)]
pub struct NewSeal<'a> {
    pub sealed: &'a [u8],
    pub key_id: &'a str,
}

pub async fn find(tx: &mut TenantTx, name: &str) -> Result<SecretHead> {
    let org = tx.org();
    sqlx::query_as!(
        SecretHead,
        r#"select s.name, s.version, s.created_at, s.updated_at, m.external_id as "updated_by?"
         from sixty.secrets s
         left join sixty.members m on m.org_id = s.org_id and m.user_id = s.updated_by
         where s.org_id = $1 and s.name = $2"#,
        org.0,
        name
    )
    .fetch_optional(tx.connection())
    .await
    .map_err(from_sqlx)?
    .ok_or(Error::NotFound)
}

/// Secrets by name; `after` is the last of the page before.
pub async fn list(tx: &mut TenantTx, after: Option<&str>, limit: i64) -> Result<Vec<SecretHead>> {
    let org = tx.org();
    sqlx::query_as!(
        SecretHead,
        r#"select s.name, s.version, s.created_at, s.updated_at, m.external_id as "updated_by?"
         from sixty.secrets s
         left join sixty.members m on m.org_id = s.org_id and m.user_id = s.updated_by
         where s.org_id = $1 and ($2::text is null or s.name > $2)
         order by s.name limit $3"#,
        org.0,
        after,
        limit
    )
    .fetch_all(tx.connection())
    .await
    .map_err(from_sqlx)
}

/// Those of these names that the organization has.
pub async fn known(tx: &mut TenantTx, names: &[String]) -> Result<Vec<String>> {
    let org = tx.org();
    sqlx::query_scalar!("select name from sixty.secrets where org_id = $1 and name = any($2)", org.0, names)
        .fetch_all(tx.connection())
        .await
        .map_err(from_sqlx)
}

/// Makes room for a value, on top of the version that the administrator saw if one is given. Answers the version to
/// which the value is to be bound, and the state after the change; [`keep`] stores it.
pub async fn next_version(tx: &mut TenantTx, name: &str, seen: Option<i64>) -> Result<(i64, i64)> {
    orgs::stands(tx).await?;
    // First, so that two who write wait for each other: the limits are counted.
    let state = changed(tx).await?;
    let tenant = tx.tenant();
    let author = orgs::author(tx);
    let version = sqlx::query_scalar!(
        "insert into sixty.secrets as s (org_id, name, version, updated_by)
         select $1, $2, 1, $3
         where exists (select from sixty.secrets x where x.org_id = $1 and x.name = $2)
            or (coalesce($4::bigint, 0) = 0
                and (select count(*) from sixty.secrets n where n.org_id = $1) < $5)
         on conflict (org_id, name) do update
         set version = s.version + 1, updated_at = now(), updated_by = $3
         where $4::bigint is null or s.version = $4
         returning version",
        tenant.org.0,
        name,
        author.map(|author| author.0),
        seen,
        MAX_SECRETS
    )
    .fetch_optional(tx.connection())
    .await
    .map_err(from_sqlx)?;
    match version {
        Some(version) => Ok((version, state)),
        None => Err(refusal(tx, name, seen).await?),
    }
}

/// Why a secret was not written.
async fn refusal(tx: &mut TenantTx, name: &str, seen: Option<i64>) -> Result<Error> {
    Ok(match (find(tx, name).await.optional()?, seen) {
        (Some(there), _) => Error::VersionMismatch { current: there.version },
        (None, Some(1..)) => Error::VersionMismatch { current: 0 },
        (None, _) => Error::conflict(
            "too_many_secrets",
            format!("an organization has at most {MAX_SECRETS} secrets; delete one first"),
        ),
    })
}

/// Stores a new value, if there is room for it. Needs a transaction that sees the organization.
pub async fn keep(tx: &mut TenantTx, name: &str, new: NewSeal<'_>) -> Result<()> {
    put_value(tx, name, new).await?;
    let org = tx.org();
    let sum = sqlx::query_scalar!(
        r#"select coalesce(sum(octet_length(sealed)), 0)::bigint as "sum!" from sixty.secret_values where org_id = $1"#,
        org.0
    )
    .fetch_one(tx.connection())
    .await
    .map_err(from_sqlx)?;
    if sum <= MAX_VALUES {
        return Ok(());
    }
    let detail =
        format!("the secrets of an organization have at most {MAX_VALUES} bytes together; delete one first");
    Err(Error::conflict("too_many_secrets", detail))
}

/// Stores a value, or the same value under another seal. Needs a transaction that sees the organization.
pub async fn put_value(tx: &mut TenantTx, name: &str, new: NewSeal<'_>) -> Result<()> {
    let org = tx.org();
    sqlx::query!(
        "insert into sixty.secret_values (org_id, name, sealed, key_id) values ($1, $2, $3, $4)
         on conflict (org_id, name) do update set sealed = excluded.sealed, key_id = excluded.key_id",
        org.0,
        name,
        new.sealed,
        new.key_id
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)
    .map(drop)
}

/// Deletes a secret that nothing uses. Answers the state after the change.
pub async fn delete(tx: &mut TenantTx, name: &str, seen: Option<i64>) -> Result<i64> {
    let org = tx.org();
    let state = changed(tx).await?;
    let found = sqlx::query_scalar!(
        "select version from sixty.secrets where org_id = $1 and name = $2 for update",
        org.0,
        name
    )
    .fetch_optional(tx.connection())
    .await
    .map_err(from_sqlx)?
    .ok_or(Error::NotFound)?;
    if seen.is_some_and(|seen| seen != found) {
        return Err(Error::VersionMismatch { current: found });
    }
    let users = sqlx::query_scalar!(
        "select provider from sixty.model_keys where org_id = $1 and secret = $2 order by provider",
        org.0,
        name
    )
    .fetch_all(tx.connection())
    .await
    .map_err(from_sqlx)?;
    if !users.is_empty() {
        let detail = format!(
            "the secret is the key for the model provider {}; take it out of `keys` with PUT /v1/admin/models first",
            users.join(", ")
        );
        return Err(Error::conflict("secret_in_use", detail));
    }
    sqlx::query!("delete from sixty.secrets where org_id = $1 and name = $2", org.0, name)
        .execute(tx.connection())
        .await
        .map_err(from_sqlx)?;
    Ok(state)
}

/// In which state they are; 0: there has never been one.
pub async fn state(tx: &mut TenantTx) -> Result<i64> {
    let org = tx.org();
    sqlx::query_scalar!(
        r#"select coalesce(max(version), 0) as "state!" from sixty.secret_states where org_id = $1"#,
        org.0
    )
    .fetch_one(tx.connection())
    .await
    .map_err(from_sqlx)
}

/// The number grows, and is later than any that the organization has had, even if it was erased in between.
async fn changed(tx: &mut TenantTx) -> Result<i64> {
    let org = tx.org();
    sqlx::query_scalar!(
        "insert into sixty.secret_states as s (org_id, version)
         values ($1, (extract(epoch from clock_timestamp()) * 1000000)::bigint)
         on conflict (org_id) do update
         set version = greatest(s.version + 1, excluded.version), changed_at = now()
         returning version",
        org.0
    )
    .fetch_one(tx.connection())
    .await
    .map_err(from_sqlx)
}

/// All values of the organization, by name. Needs no scope of its own: it looks at the whole organization, and goes on as
/// before.
pub async fn sealed(tx: &mut TenantTx) -> Result<Vec<Sealed>> {
    let org = tx.org();
    let before = tx.oversee().await?;
    let rows = sqlx::query_as!(
        Sealed,
        "select s.name, s.version, v.sealed from sixty.secrets s
         join sixty.secret_values v on v.org_id = s.org_id and v.name = s.name
         where s.org_id = $1 order by s.name",
        org.0
    )
    .fetch_all(tx.connection())
    .await
    .map_err(from_sqlx);
    tx.go_back_to(before).await?;
    rows
}

/// Organizations whose secrets have changed within this time, and in which state they are; without a time, all that have
/// ever had one.
pub async fn changes(tx: &mut SystemTx, within: Option<Duration>) -> Result<Vec<(OrgId, i64)>> {
    let rows = sqlx::query!(
        "select org_id, version from sixty.secret_states
         where $1::float8 is null or changed_at > now() - make_interval(secs => $1)",
        within.map(|within| within.as_secs_f64())
    )
    .fetch_all(tx.connection())
    .await
    .map_err(from_sqlx)?;
    Ok(rows.into_iter().map(|row| (row.org_id.into(), row.version)).collect())
}

/// Organizations, after the last one of the page before, with a value that one of these master keys has sealed.
pub async fn sealed_by(
    tx: &mut SystemTx,
    keys: &[String],
    after: Option<OrgId>,
    limit: i64,
) -> Result<Vec<OrgId>> {
    let rows = sqlx::query_scalar!(
        "select distinct org_id from sixty.secret_values
         where key_id = any($1) and ($2::uuid is null or org_id > $2) order by org_id limit $3",
        keys,
        after.map(|org| org.0),
        limit
    )
    .fetch_all(tx.connection())
    .await
    .map_err(from_sqlx)?;
    Ok(rows.into_iter().map(OrgId).collect())
}

/// The values of the organization that one of these master keys has sealed, locked. Needs a transaction that sees the
/// organization.
pub async fn lock_sealed_by(tx: &mut TenantTx, keys: &[String]) -> Result<Vec<Sealed>> {
    let org = tx.org();
    sqlx::query_as!(
        Sealed,
        "select s.name, s.version, v.sealed from sixty.secrets s
         join sixty.secret_values v on v.org_id = s.org_id and v.name = s.name
         where s.org_id = $1 and v.key_id = any($2) order by s.name for update of s, v",
        org.0,
        keys
    )
    .fetch_all(tx.connection())
    .await
    .map_err(from_sqlx)
}
