//! What an organization says of a skill, its own or the platform's: on or off, and which version.

use domain::{Error, Result, skill::PLATFORM};

use super::{
    own, platforms,
    rows::{author, count_on, lock},
    write::{check_seen, no_such_version},
};
use crate::{TenantTx, error::from_sqlx};

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
            "insert into sixty.skill_settings as t (org_id, key, enabled, updated_by) values ($1, $2, $3, $4)
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

/// Pins the version that is used, or takes the pin away; whether that changed something.
pub async fn pin(tx: &mut TenantTx, key: &str, version: Option<i64>, seen: Option<i64>) -> Result<bool> {
    lock(tx).await?;
    let (org, author) = (tx.org(), author(tx));
    let own = own(tx, key).await?;
    check_seen(own.as_ref(), seen)?;
    let holder = match &own {
        Some(own) if !own.deleted => org,
        _ => platforms(tx, key).await?.map(|_| PLATFORM).ok_or(Error::NotFound)?,
    };
    if let Some(version) = version {
        sqlx::query_scalar!(
            "select version from sixty.skill_versions where org_id = $1 and key = $2 and version = $3",
            holder.0,
            key,
            version
        )
        .fetch_optional(tx.connection())
        .await
        .map_err(from_sqlx)?
        .ok_or_else(no_such_version)?;
    }
    let changed = if holder == org {
        sqlx::query!(
            "update sixty.skills set pinned_version = $3, updated_at = now(), updated_by = $4
             where org_id = $1 and key = $2 and pinned_version is distinct from $3",
            org.0,
            key,
            version,
            author.map(|author| author.0)
        )
        .execute(tx.connection())
        .await
    } else {
        sqlx::query!(
            "insert into sixty.skill_settings as t (org_id, key, enabled, pinned_version, updated_by)
             values ($1, $2, true, $3, $4)
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
    };
    let changed = changed.map_err(from_sqlx)?.rows_affected() > 0;
    if changed {
        count_on(tx).await?;
    }
    Ok(changed)
}
