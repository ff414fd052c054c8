//! Versions of memory documents that another one has replaced.

use domain::{Result, UserId};
use uuid::Uuid;

use super::ROWS;
use crate::{TenantTx, error::from_sqlx};

/// The member after this one, whom no hold names.
pub async fn next_member(tx: &mut TenantTx, after: Uuid) -> Result<Option<UserId>> {
    let org = tx.org();
    let row = sqlx::query_scalar!(
        "select m.user_id from sixty.members m
         where m.org_id = $1 and m.user_id > $2 and not exists (select from sixty.retention_holds h
            where h.org_id = $1 and h.user_id = m.user_id
                and h.session_id = '00000000-0000-0000-0000-000000000000')
         order by m.user_id limit 1",
        org.0,
        after
    )
    .fetch_optional(tx.connection())
    .await
    .map_err(from_sqlx)?;
    Ok(row.map(Into::into))
}

/// Deletes some of the versions that were replaced before the time.
pub async fn delete_some(tx: &mut TenantTx, owner: Option<UserId>, days: i32) -> Result<i64> {
    due(tx, owner, days, Some(ROWS), true).await
}

/// How many there are.
pub async fn revisions_due(tx: &mut TenantTx, owner: Option<UserId>, days: i32) -> Result<i64> {
    due(tx, owner, days, None, false).await
}

/// The person's own versions, or those of the documents that are nobody's own (in a
/// transaction that sees the whole organization). Kept are the current version, those
/// that a session's prompt quotes or has yet to be told of, and what a person under hold
/// has written.
async fn due(
    tx: &mut TenantTx,
    owner: Option<UserId>,
    days: i32,
    limit: Option<i64>,
    delete: bool,
) -> Result<i64> {
    let org = tx.org();
    sqlx::query_scalar!(
        r#"with pins as (
            select k.scope, k.subject, k.pinned, k.told
            from sixty.sessions s
            cross join lateral (values
                ('org', '', s.pinned[1], s.told[1]),
                ('user', s.owner_id::text, s.pinned[2], s.told[2]),
                ('entity', s.entity_kind || ':' || s.entity_id, s.pinned[3], s.told[3])
            ) as k (scope, subject, pinned, told)
            where s.org_id = $1 and ($2::uuid is null or s.owner_id = $2) and s.pinned is not null
         ), kept as (
            select scope, subject, array_agg(distinct pinned) as pinned, min(coalesce(told, pinned)) as told
            from pins group by scope, subject
         ), due as (
            select r.scope, r.subject, r.version
            from sixty.copilot_memory_revisions r
            join sixty.copilot_memories d
                on d.org_id = r.org_id and d.scope = r.scope and d.subject = r.subject and d.version > r.version
            left join kept k on k.scope = r.scope and k.subject = r.subject
            where r.org_id = $1 and r.owner_id is not distinct from $2
                and exists (select from sixty.copilot_memory_revisions n
                    where n.org_id = $1 and n.scope = r.scope and n.subject = r.subject and n.version > r.version
                        and n.created_at < now() - make_interval(days => $3))
                and (k.scope is null or (r.version <= k.told and r.version <> all (k.pinned)))
                and not exists (select from sixty.retention_holds h
                    where h.org_id = $1 and h.user_id = r.written_by
                        and h.session_id = '00000000-0000-0000-0000-000000000000')
            order by r.scope, r.subject, r.version limit $4
         ), gone as (
            delete from sixty.copilot_memory_revisions r using due
            where $5 and r.org_id = $1 and r.scope = due.scope and r.subject = due.subject
                and r.version = due.version
         )
         select count(*) as "due!" from due"#,
        org.0,
        owner.map(|owner| owner.0),
        days,
        limit,
        delete
    )
    .fetch_one(tx.connection())
    .await
    .map_err(from_sqlx)
}
