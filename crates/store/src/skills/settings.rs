//! What an organization says of a skill, its own or the platform's: on or off, and which version.

use domain::{
    Error, OrgId, Result,
    skill::{PLATFORM, SkillList},
};

use super::{
    own, platforms,
    rows::{count_on, lock},
    write::{check_seen, no_such_version},
};
use crate::{TenantTx, error::from_sqlx, orgs::author};

/// Switches a skill on or off; whether that changed something. The platform's is switched for
/// this organization alone.
pub async fn switch(tx: &mut TenantTx, key: &str, enabled: bool) -> Result<bool> {
    lock(tx).await?;
    let (org, author) = (tx.org(), author(tx));
    let changed = if own(tx, key).await?.is_some_and(|own| !own.deleted) {
        sqlx::query!(
            "update sixty.skills set enabled = $3, updated_at = now(), updated_by = $4
             where org_id = $1 and key = $2 and enabled <> $3",
            org.0,
            key,
            enabled,
            author.map(|author| author.0)
        )
        .execute(tx.connection())
        .await
    } else {
        let offered = platforms(tx, key).await?.ok_or(Error::NotFound)?;
        if enabled && !offered {
            let detail = "the platform has switched this skill off; write one of your own under its key";
            return Err(Error::conflict("disabled_by_platform", detail));
        }
        sqlx::query!(
            "insert into sixty.skill_settings as t (org_id, key, enabled, updated_by)
             select $1, $2, $3, $4 where not $3 or exists (
                select from sixty.skill_settings s where s.org_id = $1 and s.key = $2)
             on conflict (org_id, key) do update
             set enabled = $3, updated_at = now(), updated_by = $4 where t.enabled <> $3",
            org.0,
            key,
            enabled,
            author.map(|author| author.0)
        )
        .execute(tx.connection())
        .await
    };
    let changed = changed.map_err(from_sqlx)?.rows_affected() > 0;
    if changed {
        count_on(tx).await?;
    }
    Ok(changed)
}

/// Pins the version that is used, or takes the pin away; whether that changed something. The
/// platform's is pinned for this organization alone.
pub async fn pin(tx: &mut TenantTx, key: &str, version: Option<i64>, seen: Option<i64>) -> Result<bool> {
    lock(tx).await?;
    let own = own(tx, key).await?;
    check_seen(own.as_ref(), seen)?;
    let changed = if own.is_some_and(|own| !own.deleted) {
        known(tx, tx.org(), key, version).await?;
        pin_own(tx, key, version).await?
    } else {
        platforms(tx, key).await?.ok_or(Error::NotFound)?;
        known(tx, PLATFORM, key, version).await?;
        pin_platforms(tx, key, version).await?
    };
    if changed {
        count_on(tx).await?;
    }
    Ok(changed)
}

/// How the organization's list of skills is made, and the number of the change that made it so.
pub async fn list_settings(tx: &mut TenantTx) -> Result<(SkillList, i64)> {
    let org = tx.org();
    let row =
        sqlx::query!("select first, tokens, list_version from sixty.skill_states where org_id = $1", org.0)
            .fetch_optional(tx.connection())
            .await
            .map_err(from_sqlx)?;
    Ok(match row {
        Some(row) => (SkillList { first: row.first, tokens: row.tokens }, row.list_version),
        None => (SkillList::default(), 0),
    })
}

/// Changes that; whether it was another before.
pub async fn set_list(tx: &mut TenantTx, list: &SkillList, seen: Option<i64>) -> Result<bool> {
    lock(tx).await?;
    let (before, version) = list_settings(tx).await?;
    if seen.is_some_and(|seen| seen != version) {
        return Err(Error::VersionMismatch { current: version });
    }
    if before == *list {
        return Ok(false);
    }
    let org = tx.org();
    sqlx::query!(
        "update sixty.skill_states set first = $2, tokens = $3, list_version = list_version + 1 where org_id = $1",
        org.0,
        &list.first,
        list.tokens
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)?;
    count_on(tx).await?;
    Ok(true)
}

/// Refuses a version that there is not.
async fn known(tx: &mut TenantTx, holder: OrgId, key: &str, version: Option<i64>) -> Result<()> {
    let Some(version) = version else { return Ok(()) };
    let there = sqlx::query_scalar!(
        "select version from sixty.skill_versions where org_id = $1 and key = $2 and version = $3",
        holder.0,
        key,
        version
    )
    .fetch_optional(tx.connection())
    .await
    .map_err(from_sqlx)?;
    there.map(drop).ok_or_else(no_such_version)
}

async fn pin_own(tx: &mut TenantTx, key: &str, version: Option<i64>) -> Result<bool> {
    let (org, author) = (tx.org(), author(tx));
    let done = sqlx::query!(
        "update sixty.skills set pinned_version = $3, updated_at = now(), updated_by = $4
         where org_id = $1 and key = $2 and pinned_version is distinct from $3",
        org.0,
        key,
        version,
        author.map(|author| author.0)
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)?;
    Ok(done.rows_affected() > 0)
}

async fn pin_platforms(tx: &mut TenantTx, key: &str, version: Option<i64>) -> Result<bool> {
    let (org, author) = (tx.org(), author(tx));
    let done = sqlx::query!(
        "insert into sixty.skill_settings as t (org_id, key, enabled, pinned_version, updated_by)
         select $1, $2, true, $3::bigint, $4 where $3::bigint is not null or exists (
            select from sixty.skill_settings s where s.org_id = $1 and s.key = $2)
         on conflict (org_id, key) do update
         set pinned_version = $3, updated_at = now(), updated_by = $4
         where t.pinned_version is distinct from $3",
        org.0,
        key,
        version,
        author.map(|author| author.0)
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)?;
    Ok(done.rows_affected() > 0)
}
