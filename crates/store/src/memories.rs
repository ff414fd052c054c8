//! Memory documents and their revisions.

use domain::{
    ApprovalId, EntityRef, Error, MemoryScope, Result, RunId, UserId,
    memory::{MemoryDocument, MemoryRevision},
};

use crate::{TenantTx, error::from_sqlx, turns::Versions};

/// Whose memory it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    Org,
    /// The person under whom the transaction runs: never another one.
    Me,
    Entity(EntityRef),
}

impl Subject {
    pub fn scope(&self) -> MemoryScope {
        match self {
            Subject::Org => MemoryScope::Org,
            Subject::Me => MemoryScope::User,
            Subject::Entity(_) => MemoryScope::Entity,
        }
    }

    fn key(&self, tx: &TenantTx) -> String {
        match self {
            Subject::Org => String::new(),
            Subject::Me => tx.tenant().user.to_string(),
            Subject::Entity(entity) => format!("{}:{}", entity.kind, entity.id),
        }
    }
}

/// How a new version comes about.
#[derive(Clone, Copy, Debug)]
pub enum Change<'a> {
    Put,
    Replace,
    Revert,
    /// What stood before is untouched; this was added.
    Append(&'a str),
}

impl<'a> Change<'a> {
    fn parts(self) -> (&'static str, Option<&'a str>) {
        match self {
            Change::Put => ("put", None),
            Change::Replace => ("replace", None),
            Change::Revert => ("revert", None),
            Change::Append(text) => ("append", Some(text)),
        }
    }
}

/// The copilot wrote it: in which run and step, and on whose word if a person was asked.
#[derive(Clone, Copy, Debug)]
pub struct ByCopilot {
    pub run: RunId,
    /// Number of the step whose results tell of it, from 1.
    pub step: i32,
    pub accepted: Option<(ApprovalId, UserId)>,
}

/// The document as it stands; empty, with version 0, when nobody wrote it.
pub async fn find(tx: &mut TenantTx, subject: &Subject) -> Result<MemoryDocument> {
    let (org, scope, key) = (tx.org(), subject.scope(), subject.key(tx));
    let row = sqlx::query!(
        r#"select d.content, d.version, d.updated_at, m.external_id as "updated_by?"
         from sixty.copilot_memories d
         left join sixty.members m on m.org_id = d.org_id and m.user_id = d.updated_by
         where d.org_id = $1 and d.scope = $2 and d.subject = $3"#,
        org.0,
        scope.as_str(),
        key
    )
    .fetch_optional(tx.connection())
    .await
    .map_err(from_sqlx)?;
    Ok(match row {
        Some(row) => MemoryDocument {
            scope,
            content: row.content,
            version: row.version,
            updated_at: Some(row.updated_at),
            updated_by: row.updated_by,
        },
        None => {
            MemoryDocument { scope, content: String::new(), version: 0, updated_at: None, updated_by: None }
        }
    })
}

/// Writes a new version, on top of the one that the writer saw if one is given.
pub async fn write(
    tx: &mut TenantTx,
    subject: &Subject,
    content: &str,
    change: Change<'_>,
    seen: Option<i64>,
    by: Option<ByCopilot>,
) -> Result<i64> {
    let tenant = tx.tenant();
    let (scope, key) = (subject.scope(), subject.key(tx));
    let (kind, appended) = change.parts();
    let (proposal, accepted_by) = by.and_then(|by| by.accepted).unzip();
    let version = sqlx::query_scalar!(
        r#"
        with document as (
            insert into sixty.copilot_memories as d
                (org_id, scope, subject, owner_id, content, version, updated_by)
            select $1, $2, $3, case when $2 = 'user' then $4::uuid end, $5, 1, $4
            where (coalesce($6::bigint, 0) = 0 or exists (select from sixty.copilot_memories e
                    where e.org_id = $1 and e.scope = $2 and e.subject = $3))
                -- Whoever is being erased remembers nothing more.
                and ($2 <> 'user' or exists (select from sixty.members m
                    where m.org_id = $1 and m.user_id = $4 and m.status = 'active' for share))
            on conflict (org_id, scope, subject) do update
            set content = excluded.content, version = d.version + 1, updated_at = now(), updated_by = $4
            where $6::bigint is null or d.version = $6
            returning version
        ), revision as (
            insert into sixty.copilot_memory_revisions
                (org_id, scope, subject, version, owner_id, content, change, appended, written_by, run_id, step_seq,
                    proposal_id, accepted_by)
            select $1, $2, $3, version, case when $2 = 'user' then $4::uuid end, $5, $7, $8, $4, $9, $10, $11, $12
            from document
        )
        select version as "version!" from document
        "#,
        tenant.org.0,
        scope.as_str(),
        key,
        tenant.user.0,
        content,
        seen,
        kind,
        appended,
        by.map(|by| by.run.0),
        by.map(|by| by.step),
        proposal.map(|proposal| proposal.0),
        accepted_by.map(|person| person.0),
    )
    .fetch_optional(tx.connection())
    .await
    .map_err(from_sqlx)?;
    match version {
        Some(version) => Ok(version),
        None => Err(Error::VersionMismatch { current: find(tx, subject).await?.version }),
    }
}

/// Revisions, newest first; `before` is the last version of the page before.
pub async fn revisions(
    tx: &mut TenantTx,
    subject: &Subject,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<MemoryRevision>> {
    let (org, scope, key) = (tx.org(), subject.scope(), subject.key(tx));
    let rows = sqlx::query!(
        r#"select r.version, r.content, r.change, r.run_id, r.step_seq, r.proposal_id, r.created_at,
            m.external_id as "written_by?", a.external_id as "accepted_by?"
         from sixty.copilot_memory_revisions r
         left join sixty.members m on m.org_id = r.org_id and m.user_id = r.written_by
         left join sixty.members a on a.org_id = r.org_id and a.user_id = r.accepted_by
         where r.org_id = $1 and r.scope = $2 and r.subject = $3 and ($4::bigint is null or r.version < $4)
         order by r.version desc limit $5"#,
        org.0,
        scope.as_str(),
        key,
        before,
        limit
    )
    .fetch_all(tx.connection())
    .await
    .map_err(from_sqlx)?;
    Ok(rows
        .into_iter()
        .map(|row| MemoryRevision {
            version: row.version,
            content: row.content,
            change: row.change,
            written_by: row.written_by,
            run_id: row.run_id.map(Into::into),
            step: row.step_seq,
            proposal_id: row.proposal_id.map(Into::into),
            accepted_by: row.accepted_by,
            created_at: row.created_at,
        })
        .collect())
}

/// What one version said.
pub async fn content_at(tx: &mut TenantTx, subject: &Subject, version: i64) -> Result<String> {
    let (org, scope, key) = (tx.org(), subject.scope(), subject.key(tx));
    sqlx::query_scalar!(
        "select content from sixty.copilot_memory_revisions
         where org_id = $1 and scope = $2 and subject = $3 and version = $4",
        org.0,
        scope.as_str(),
        key,
        version
    )
    .fetch_optional(tx.connection())
    .await
    .map_err(from_sqlx)?
    .ok_or(Error::NotFound)
}

/// A change that a session has not been told of.
#[derive(Clone, Debug)]
pub struct News {
    pub scope: MemoryScope,
    /// None: the document was changed in a way that voids the snapshot.
    pub appended: Option<String>,
}

/// What happened to a session's three documents since the versions it knows.
pub async fn news(tx: &mut TenantTx, entity: Option<&EntityRef>, told: Versions) -> Result<Vec<News>> {
    let (org, me) = (tx.org(), Subject::Me.key(tx));
    let entity = entity.map(|entity| Subject::Entity(entity.clone()).key(tx));
    let rows = sqlx::query!(
        "select scope, appended from sixty.copilot_memory_revisions
         where org_id = $1 and (
            (scope = 'org' and subject = '' and version > $2)
            or (scope = 'user' and subject = $3 and version > $4)
            or (scope = 'entity' and subject = $5 and version > $6))
         order by created_at, version",
        org.0,
        told[0],
        me,
        told[1],
        entity,
        told[2]
    )
    .fetch_all(tx.connection())
    .await
    .map_err(from_sqlx)?;
    Ok(rows
        .into_iter()
        .map(|row| News {
            scope: match row.scope.as_str() {
                "org" => MemoryScope::Org,
                "user" => MemoryScope::User,
                _ => MemoryScope::Entity,
            },
            appended: row.appended,
        })
        .collect())
}
