//! Statements of one row or version each; what belongs together is in `write`.

use domain::{
    Result, Scope,
    skill::{KEPT_VERSIONS, PLATFORM},
};

use super::{Facts, Files, New};
use crate::{
    TenantTx,
    error::from_sqlx,
    orgs::{self, author},
};

/// Lets one writer of the organization's skills in after the other. Who looks at the others before it writes takes it
/// first, as each write does.
pub async fn lock(tx: &mut TenantTx) -> Result<()> {
    let org = tx.org();
    orgs::stands(tx).await?;
    sqlx::query!(
        "insert into sixty.skill_states (org_id, version) values ($1, 0)
         on conflict (org_id) do update set version = skill_states.version",
        org.0
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)
    .map(drop)
}

/// Tells caches that something has changed.
pub(super) async fn count_on(tx: &mut TenantTx) -> Result<()> {
    let org = tx.org();
    sqlx::query!("update sixty.skill_states set version = version + 1 where org_id = $1", org.0)
        .execute(tx.connection())
        .await
        .map_err(from_sqlx)
        .map(drop)
}

/// The skill at its newest version, alive.
pub(super) async fn head(tx: &mut TenantTx, key: &str, version: i64, enabled: bool) -> Result<()> {
    let (org, author) = (tx.org(), author(tx));
    sqlx::query!(
        "insert into sixty.skills (org_id, key, version, enabled, updated_by) values ($1, $2, $3, $4, $5)
         on conflict (org_id, key) do update
         set version = $3, enabled = $4, updated_at = now(), updated_by = $5, deleted_at = null",
        org.0,
        key,
        version,
        enabled,
        author.map(|author| author.0)
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)
    .map(drop)
}

pub(super) async fn insert_version(
    tx: &mut TenantTx,
    new: &New<'_>,
    version: i64,
    hash: &[u8],
) -> Result<()> {
    let (org, author) = (tx.org(), author(tx));
    let Facts {
        kind,
        name,
        description,
        category,
        priority,
        tags,
        deprecated_by,
        deprecation_reason,
        active,
    } = new.facts;
    sqlx::query!(
        "insert into sixty.skill_versions (org_id, key, version, document, sha256, kind, name, description,
            category, priority, tags, active, created_by, deprecated_by, deprecation_reason)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
        org.0,
        new.key,
        version,
        new.document,
        hash,
        kind.as_str(),
        name,
        description,
        category,
        priority,
        tags,
        active,
        author.map(|author| author.0),
        deprecated_by,
        deprecation_reason
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)
    .map(drop)
}

pub(super) async fn insert_files(tx: &mut TenantTx, key: &str, version: i64, files: &Files) -> Result<()> {
    if files.is_empty() {
        return Ok(());
    }
    let org = tx.org();
    let (paths, contents): (Vec<&str>, Vec<&str>) =
        files.iter().map(|(path, content)| (path.as_str(), content.as_str())).unzip();
    sqlx::query!(
        "insert into sixty.skill_files (org_id, key, version, path, content)
         select $1, $2, $3, path, content from unnest($4::text[], $5::text[]) f (path, content)",
        org.0,
        key,
        version,
        &paths as &[&str],
        &contents as &[&str]
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)
    .map(drop)
}

/// The content of a version, as another one.
pub(super) async fn copy(tx: &mut TenantTx, key: &str, from: i64, version: i64) -> Result<()> {
    let (org, author) = (tx.org(), author(tx));
    sqlx::query!(
        "insert into sixty.skill_versions (org_id, key, version, document, sha256, kind, name, description,
            category, priority, tags, active, deprecated_by, deprecation_reason, restored, created_by)
         select org_id, key, $4, document, sha256, kind, name, description, category, priority, tags, active,
            deprecated_by, deprecation_reason, $3, $5
         from sixty.skill_versions where org_id = $1 and key = $2 and version = $3",
        org.0,
        key,
        from,
        version,
        author.map(|author| author.0)
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)?;
    sqlx::query!(
        "insert into sixty.skill_files (org_id, key, version, path, content)
         select org_id, key, $4, path, content from sixty.skill_files
         where org_id = $1 and key = $2 and version = $3",
        org.0,
        key,
        from,
        version
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)
    .map(drop)
}

/// Drops what is older than the versions that are kept, but for those that a run follows which has not ended. Of the
/// platform's all are kept: organizations have pinned them.
pub(super) async fn forget_old(tx: &mut TenantTx, key: &str, newest: i64) -> Result<()> {
    let (org, last) = (tx.org(), newest - KEPT_VERSIONS);
    if org == PLATFORM || last < 1 {
        return Ok(());
    }
    let followed = followed(tx, key).await?;
    sqlx::query!(
        "delete from sixty.skill_versions v where v.org_id = $1 and v.key = $2 and v.version <= $3
            and v.version <> all ($4)
            and not exists (select from sixty.skills s
                where s.org_id = $1 and s.key = $2 and s.pinned_version = v.version)",
        org.0,
        key,
        last,
        &followed
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)
    .map(drop)
}

/// The versions of the organization's skill that runs follow, whosever they are, which have not ended.
async fn followed(tx: &mut TenantTx, key: &str) -> Result<Vec<i64>> {
    let (org, scope) = (tx.org(), tx.tenant().scope);
    tx.switch(None, Scope::Org).await?;
    let versions = sqlx::query_scalar!(
        r#"with open as (
            select r.id, r.owner_id, r.skill from sixty.runs r
            where r.org_id = $1 and r.status in ('queued', 'running', 'waiting') and r.skill is not null
         ), pins as (
            select skill as pin from open
            union all
            select inner_pin from open, jsonb_array_elements(coalesce(skill -> 'follows', '[]')) as inner_pin
            union all
            select t.skill::jsonb from open join sixty.sequence_steps t
                on t.org_id = $1 and t.owner_id = open.owner_id and t.run_id = open.id
            where t.skill is not null
         )
         select distinct (pin ->> 'version')::bigint as "version!" from pins
         where pin ->> 'key' = $2 and pin ->> 'source' = 'own'"#,
        org.0,
        key
    )
    .fetch_all(tx.connection())
    .await
    .map_err(from_sqlx);
    tx.switch(None, scope).await?;
    versions
}
