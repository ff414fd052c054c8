//! What an organization has: its own skills, and those of the platform that it does not override.

use chrono::{DateTime, Utc};
use domain::{
    Error, OrgId, Result,
    skill::{Kind, PLATFORM, Shelf, SkillDocument, SkillHead, SkillVersion, Source},
};
use uuid::Uuid;

use super::Files;
use crate::{
    TenantTx,
    error::{corrupt, from_sqlx},
};

/// Which skills a list shows.
#[derive(Clone, Copy, Debug, Default)]
pub struct Filter<'a> {
    pub shelf: Shelf<'a>,
    pub source: Option<Source>,
}

/// Skills by key; `after` is the last of the page before.
pub async fn list(
    tx: &mut TenantTx,
    filter: Filter<'_>,
    after: Option<&str>,
    limit: i64,
) -> Result<Vec<SkillHead>> {
    // What a database takes for the same letters depends on where it runs: a shelf is looked through here.
    let most = if filter.shelf.is_open() { limit } else { i64::MAX };
    let mut found = select(tx, None, filter.source, after, most).await?;
    found.retain(|it| filter.shelf.holds(it.category.as_deref(), it.priority.as_deref(), &it.tags));
    found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    Ok(found)
}

/// The organization's own skill of this key, or else the platform's.
pub async fn find(tx: &mut TenantTx, key: &str) -> Result<SkillHead> {
    select(tx, Some(key), None, None, 1).await?.pop().ok_or(Error::NotFound)
}

async fn select(
    tx: &mut TenantTx,
    key: Option<&str>,
    source: Option<Source>,
    after: Option<&str>,
    limit: i64,
) -> Result<Vec<SkillHead>> {
    let org = tx.org();
    let source = source.map(|source| (source == Source::Own) != (org == PLATFORM));
    let rows = sqlx::query_as!(
        Row,
        r#"select s.key, v.kind, v.name, v.description, v.category, v.priority, v.tags, v.deprecated_by,
            v.deprecation_reason, s.version,
            s.enabled and coalesce(t.enabled, true) as "enabled!", s.org_id = $1 as "own!",
            s.org_id <> $2 and exists (select from sixty.skills p
                where p.org_id = $2 and p.key = s.key and p.deleted_at is null) as "overrides!",
            coalesce(t.pinned_version, s.pinned_version) as pinned_version,
            greatest(s.updated_at, t.updated_at) as "updated_at!", m.external_id as "updated_by?"
         from sixty.skills s
         join sixty.skill_versions v on v.org_id = s.org_id and v.key = s.key and v.version = s.version
         left join sixty.skill_settings t on t.org_id = $1 and t.key = s.key and s.org_id <> $1
         left join sixty.members m on m.org_id = $1
            and m.user_id = case when s.org_id = $1 then s.updated_by else t.updated_by end
         where s.org_id in ($1, $2) and s.deleted_at is null
            and (s.org_id = $1 or not exists (select from sixty.skills o
                where o.org_id = $1 and o.key = s.key and o.deleted_at is null))
            and ($3::text is null or s.key = $3) and ($4::text is null or s.key > $4)
            and ($5::boolean is null or (s.org_id = $1) = $5)
         order by s.key limit $6"#,
        org.0,
        PLATFORM.0,
        key,
        after,
        source,
        limit
    )
    .fetch_all(tx.connection())
    .await
    .map_err(from_sqlx)?;
    rows.into_iter().map(|row| row.head(org)).collect()
}

/// A skill as the organization has it.
struct Row {
    key: String,
    kind: String,
    name: String,
    description: String,
    category: Option<String>,
    priority: Option<String>,
    tags: Vec<String>,
    deprecated_by: Option<String>,
    deprecation_reason: Option<String>,
    version: i64,
    enabled: bool,
    own: bool,
    overrides: bool,
    pinned_version: Option<i64>,
    updated_at: DateTime<Utc>,
    updated_by: Option<String>,
}

impl Row {
    fn head(self, org: OrgId) -> Result<SkillHead> {
        Ok(SkillHead {
            key: self.key,
            kind: Kind::parse(&self.kind).ok_or_else(|| corrupt("a kind of skill", &self.kind))?,
            name: self.name,
            description: self.description,
            category: self.category,
            priority: self.priority,
            tags: self.tags,
            deprecated_by: self.deprecated_by,
            deprecation_reason: self.deprecation_reason,
            version: self.version,
            enabled: self.enabled,
            // To the platform its own are the platform's.
            source: if self.own && org != PLATFORM { Source::Own } else { Source::Platform },
            overrides: self.overrides,
            pinned_version: self.pinned_version,
            updated_at: self.updated_at,
            updated_by: self.updated_by,
        })
    }
}

/// Whose the skill is that the organization has under this key.
async fn holder(tx: &mut TenantTx, key: &str) -> Result<Uuid> {
    let org = tx.org();
    sqlx::query_scalar!(
        "select org_id from sixty.skills where org_id in ($1, $2) and key = $3 and deleted_at is null
         order by org_id = $1 desc limit 1",
        org.0,
        PLATFORM.0,
        key
    )
    .fetch_optional(tx.connection())
    .await
    .map_err(from_sqlx)?
    .ok_or(Error::NotFound)
}

/// The skill's document at a version.
pub async fn document(tx: &mut TenantTx, key: &str, version: i64) -> Result<SkillDocument> {
    let holder = holder(tx, key).await?;
    let document = sqlx::query_scalar!(
        "select document from sixty.skill_versions where org_id = $1 and key = $2 and version = $3",
        holder,
        key,
        version
    )
    .fetch_optional(tx.connection())
    .await
    .map_err(from_sqlx)?
    .ok_or(Error::NotFound)?;
    Ok(SkillDocument { document, files: files_at(tx, holder, key, version).await? })
}

/// Companions of the organization's own skill, as a write that names none leaves them. Empty
/// if it has no such skill.
pub async fn own_files(tx: &mut TenantTx, key: &str) -> Result<Files> {
    let org = tx.org();
    match super::own(tx, key).await?.filter(|own| !own.deleted) {
        Some(own) => files_at(tx, org.0, key, own.version).await,
        None => Ok(Files::new()),
    }
}

async fn files_at(tx: &mut TenantTx, holder: Uuid, key: &str, version: i64) -> Result<Files> {
    let rows = sqlx::query!(
        "select path, content from sixty.skill_files where org_id = $1 and key = $2 and version = $3",
        holder,
        key,
        version
    )
    .fetch_all(tx.connection())
    .await
    .map_err(from_sqlx)?;
    Ok(rows.into_iter().map(|row| (row.path, row.content)).collect())
}

/// Versions, newest first; `before` is the last of the page before.
pub async fn versions(
    tx: &mut TenantTx,
    key: &str,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<SkillVersion>> {
    let holder = holder(tx, key).await?;
    let rows = sqlx::query!(
        r#"select v.version, v.name, v.sha256, v.restored, v.created_at, m.external_id as "created_by?"
         from sixty.skill_versions v
         left join sixty.members m on m.org_id = v.org_id and m.user_id = v.created_by
         where v.org_id = $1 and v.key = $2 and ($3::bigint is null or v.version < $3)
         order by v.version desc limit $4"#,
        holder,
        key,
        before,
        limit
    )
    .fetch_all(tx.connection())
    .await
    .map_err(from_sqlx)?;
    Ok(rows
        .into_iter()
        .map(|row| SkillVersion {
            version: row.version,
            name: row.name,
            sha256: hex::encode(row.sha256),
            restored: row.restored,
            created_at: row.created_at,
            created_by: row.created_by,
        })
        .collect())
}
