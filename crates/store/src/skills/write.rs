//! What administrators write. Each function locks the organization's state first, so that two
//! writers see one another, and counts it on if it has changed something.

use chrono::{Days, Utc};
use domain::{
    Error, Result,
    skill::{MAX_KEYS, MAX_SKILLS, PLATFORM},
};

use super::{
    New, Own, Written, content_hash, enabled, own, platforms,
    read::own_files,
    rows::{copy, count_on, forget_old, head, insert_files, insert_version, lock},
};
use crate::{TenantTx, error::from_sqlx, orgs::author};

/// How long versions of a deleted skill stay: longer than any run.
const REMEMBERED: Days = Days::new(30);

/// On what a document is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum On {
    /// On nothing: there must not be a skill of this key.
    Nothing,
    /// On the version that the administrator saw, if one is given; 0 is none.
    Seen(Option<i64>),
}

pub(super) fn check_seen(own: Option<&Own>, seen: Option<i64>) -> Result<()> {
    let current = Own::seen(own);
    match seen {
        Some(seen) if seen != current => Err(Error::VersionMismatch { current }),
        _ => Ok(()),
    }
}

/// Writes a document, its number following on the last one's.
pub async fn put(tx: &mut TenantTx, new: New<'_>, on: On) -> Result<Written> {
    lock(tx).await?;
    let own = own(tx, new.key).await?;
    let live = own.as_ref().filter(|own| !own.deleted);
    match on {
        On::Nothing if live.is_some() => {
            let detail = format!("there is a skill {} already; PUT writes a new version of it", new.key);
            return Err(Error::conflict("skill_exists", detail));
        }
        On::Nothing => {}
        On::Seen(seen) => check_seen(own.as_ref(), seen)?,
    }
    let kept;
    let files = if let Some(files) = new.files {
        files
    } else {
        kept = own_files(tx, new.key).await?;
        &kept
    };
    let hash = content_hash(new.document, files);
    if let Some(own) = live.filter(|own| own.sha256 == hash) {
        return Ok(Written::Unchanged(own.version));
    }
    let says = new.facts.active;
    let enabled = live.map_or(says, |own| enabled(own.enabled, own.active, says));
    if live.is_none() {
        make_room(tx, own.is_some()).await?;
    }
    let version = own.as_ref().map_or(1, |own| own.version + 1);
    head(tx, new.key, version, enabled).await?;
    insert_version(tx, &new, version, &hash).await?;
    insert_files(tx, new.key, version, files).await?;
    forget_old(tx, new.key, version).await?;
    count_on(tx).await?;
    Ok(if live.is_some() { Written::Updated(version) } else { Written::Created(version) })
}

/// Brings the content of an earlier version back, as the newest one. One that is the newest
/// already stays.
pub async fn rollback(tx: &mut TenantTx, key: &str, to: i64, seen: Option<i64>) -> Result<Written> {
    lock(tx).await?;
    let own = writable(tx, key).await?;
    check_seen(Some(&own), seen)?;
    let org = tx.org();
    let old = sqlx::query!(
        "select sha256, active from sixty.skill_versions where org_id = $1 and key = $2 and version = $3",
        org.0,
        key,
        to
    )
    .fetch_optional(tx.connection())
    .await
    .map_err(from_sqlx)?
    .ok_or_else(no_such_version)?;
    if old.sha256 == own.sha256 {
        return Ok(Written::Unchanged(own.version));
    }
    let version = own.version + 1;
    let enabled = enabled(own.enabled, own.active, old.active);
    head(tx, key, version, enabled).await?;
    copy(tx, key, to, version).await?;
    forget_old(tx, key, version).await?;
    count_on(tx).await?;
    Ok(Written::Updated(version))
}

/// Deletes the organization's own skill; the platform's of this key, if there is one, shows
/// again. Versions stay for runs that began with one.
pub async fn delete(tx: &mut TenantTx, key: &str, seen: Option<i64>) -> Result<()> {
    lock(tx).await?;
    let own = writable(tx, key).await?;
    check_seen(Some(&own), seen)?;
    let (org, author) = (tx.org(), author(tx));
    sqlx::query!(
        "update sixty.skills set deleted_at = now(), pinned_version = null, updated_at = now(), updated_by = $3
         where org_id = $1 and key = $2",
        org.0,
        key,
        author.map(|author| author.0)
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)?;
    count_on(tx).await
}

/// The organization's own skill. The platform's is seen, and not written.
async fn writable(tx: &mut TenantTx, key: &str) -> Result<Own> {
    if let Some(own) = own(tx, key).await?.filter(|own| !own.deleted) {
        return Ok(own);
    }
    platforms(tx, key).await?.ok_or(Error::NotFound)?;
    let detail = "the skill is the platform's: disable or pin it, or PUT one of your own under its key";
    Err(Error::conflict("platform_skill", detail))
}

pub(super) fn no_such_version() -> Error {
    Error::field("version", "there is no such version")
}

/// Refuses one more skill where there are enough; `returns` if its key is one of those.
async fn make_room(tx: &mut TenantTx, returns: bool) -> Result<()> {
    let org = tx.org();
    if org != PLATFORM {
        let before = Utc::now() - REMEMBERED;
        sqlx::query!("delete from sixty.skills where org_id = $1 and deleted_at < $2", org.0, before)
            .execute(tx.connection())
            .await
            .map_err(from_sqlx)?;
    }
    let counts = sqlx::query!(
        r#"select count(*) as "keys!", count(*) filter (where deleted_at is null) as "skills!"
         from sixty.skills where org_id = $1"#,
        org.0
    )
    .fetch_one(tx.connection())
    .await
    .map_err(from_sqlx)?;
    let detail = if counts.skills >= MAX_SKILLS {
        format!("there may be {MAX_SKILLS} skills; delete one first")
    } else if !returns && counts.keys >= MAX_KEYS {
        format!("there may be {MAX_KEYS} keys with those deleted in the last 30 days; use one of these again")
    } else {
        return Ok(());
    };
    Err(Error::conflict("too_many_skills", detail))
}
