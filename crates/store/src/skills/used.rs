//! What copilots use of an organization's skills.

use domain::{
    Error, Result,
    skill::{PLATFORM, Source},
};
use uuid::Uuid;

use crate::{TenantTx, error::from_sqlx};

/// Numbers that grow with each change, of the organization's skills and of the platform's.
/// What is made of an organization's skills is the same as long as both are. They never come again, not even when an
/// organization is erased and made anew.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct States {
    pub own: i64,
    pub platform: i64,
}

/// Longest document of which copilots are given anything, in bytes. Of a longer one [`in_use`] has what stands before
/// its body, so that all that an organization has stays within bounds.
const LONGEST: i32 = 327_680;
/// How much that is, in characters.
const BEGINNING: i32 = 70_000;

/// A skill that copilots of the organization are offered, at the version that they use.
#[derive(Clone, Debug)]
pub struct Used {
    pub key: String,
    pub source: Source,
    pub version: i64,
    pub document: String,
    /// The document is its beginning alone.
    pub is_cut: bool,
    /// Paths of its companions; [`file`] reads one.
    pub files: Vec<String>,
}

/// What a cache of an organization's skills is kept by: one look at two rows.
pub async fn states(tx: &mut TenantTx) -> Result<States> {
    let org = tx.org();
    let rows = sqlx::query!(
        r#"select org_id, since + version as "state!" from sixty.skill_states where org_id in ($1, $2)"#,
        org.0,
        PLATFORM.0
    )
    .fetch_all(tx.connection())
    .await
    .map_err(from_sqlx)?;
    let of = |whose: Uuid| rows.iter().find(|row| row.org_id == whose).map_or(0, |row| row.state);
    Ok(States { own: of(org.0), platform: of(PLATFORM.0) })
}

/// All that copilots of the organization are offered, by key: its own skills and the platform's,
/// without what is switched off, at the versions that are pinned.
pub async fn in_use(tx: &mut TenantTx) -> Result<Vec<Used>> {
    let org = tx.org();
    let rows = sqlx::query!(
        r#"select v.org_id = $2 as "platform!", v.key, v.version, octet_length(v.document) > $3 as "is_cut!",
            case when octet_length(v.document) > $3 then left(v.document, $4) else v.document end as "document!",
            array(select f.path from sixty.skill_files f
                where f.org_id = v.org_id and f.key = v.key and f.version = v.version
                order by f.path) as "files!"
         from sixty.skills s
         left join sixty.skill_settings t on t.org_id = $1 and t.key = s.key and s.org_id <> $1
         join sixty.skill_versions v on v.org_id = s.org_id and v.key = s.key
            and v.version = coalesce(t.pinned_version, s.pinned_version, s.version)
         where s.org_id in ($1, $2) and s.deleted_at is null and s.enabled and coalesce(t.enabled, true)
            and (s.org_id = $1 or not exists (select from sixty.skills o
                where o.org_id = $1 and o.key = s.key and o.deleted_at is null))
         order by v.key"#,
        org.0,
        PLATFORM.0,
        LONGEST,
        BEGINNING
    )
    .fetch_all(tx.connection())
    .await
    .map_err(from_sqlx)?;
    Ok(rows
        .into_iter()
        .map(|row| Used {
            key: row.key,
            source: if row.platform { Source::Platform } else { Source::Own },
            version: row.version,
            document: row.document,
            is_cut: row.is_cut,
            files: row.files,
        })
        .collect())
}

/// A version as a run began with it, which may have been deleted since.
pub async fn at(tx: &mut TenantTx, source: Source, (key, version): (&str, i64)) -> Result<Used> {
    let holder = if source == Source::Own { tx.org() } else { PLATFORM };
    let row = sqlx::query!(
        r#"select v.document, array(select f.path from sixty.skill_files f
                where f.org_id = v.org_id and f.key = v.key and f.version = v.version
                order by f.path) as "files!"
         from sixty.skill_versions v where v.org_id = $1 and v.key = $2 and v.version = $3"#,
        holder.0,
        key,
        version
    )
    .fetch_optional(tx.connection())
    .await
    .map_err(from_sqlx)?
    .ok_or(Error::NotFound)?;
    Ok(Used { key: key.to_owned(), source, version, document: row.document, is_cut: false, files: row.files })
}

/// A companion of such a version.
pub async fn file(
    tx: &mut TenantTx,
    source: Source,
    (key, version): (&str, i64),
    path: &str,
) -> Result<String> {
    let holder = if source == Source::Own { tx.org() } else { PLATFORM };
    sqlx::query_scalar!(
        "select content from sixty.skill_files where org_id = $1 and key = $2 and version = $3 and path = $4",
        holder.0,
        key,
        version,
        path
    )
    .fetch_optional(tx.connection())
    .await
    .map_err(from_sqlx)?
    .ok_or(Error::NotFound)
}
