//! Whole conversations, children first: a cascade over all of them would be one long lock.

use domain::{Result, SessionId, UserId, retention::Purged};
use sqlx::postgres::PgQueryResult;
use uuid::Uuid;

use super::{BIG_ROWS, OneSession, ROWS};
use crate::{TenantTx, error::from_sqlx};

/// The next conversation that goes: without activity, without a run that could still
/// write, and held by nobody; or one whose deletion has begun.
pub async fn next(tx: &mut TenantTx, days: Option<i32>, after: Option<Uuid>) -> Result<Option<OneSession>> {
    let org = tx.org();
    let row = sqlx::query!(
        "select s.id, s.owner_id from sixty.sessions s
         where s.org_id = $1 and ($2::uuid is null or s.id > $2)
            and (s.expired
                or (coalesce(s.last_message_at, s.created_at) < now() - make_interval(days => $3::int)
                    and not exists (select from sixty.runs r where r.org_id = $1 and r.session_id = s.id
                        and r.status in ('queued', 'running', 'waiting'))))
            and not exists (select from sixty.retention_holds h where h.org_id = $1 and h.user_id = s.owner_id
                and h.session_id in (s.id, '00000000-0000-0000-0000-000000000000'))
         order by s.id limit 1",
        org.0,
        after,
        days
    )
    .fetch_optional(tx.connection())
    .await
    .map_err(from_sqlx)?;
    Ok(row.map(|row| OneSession { id: row.id.into(), owner: row.owner_id.into() }))
}

/// Deletes some rows of the conversation; the whole of a small one. True: nothing of it
/// is left, or it has become active meanwhile.
pub async fn delete_some(
    tx: &mut TenantTx,
    session: OneSession,
    days: Option<i32>,
) -> Result<(Purged, bool)> {
    let mut purged = Purged::default();
    if !expire(tx, session, days).await? {
        return Ok((purged, true));
    }
    let OneSession { id, owner } = session;
    purged.events = events(tx, owner, id).await?;
    if purged.events == ROWS || passages(tx, owner, id).await? == ROWS {
        return Ok((purged, false));
    }
    purged.archives = archives(tx, owner, id).await?;
    if purged.archives == BIG_ROWS {
        return Ok((purged, false));
    }
    purged.messages = messages(tx, owner, id).await?;
    if purged.messages == ROWS || feedback(tx, owner, id).await? == ROWS {
        return Ok((purged, false));
    }
    purged.runs = runs(tx, owner, id).await?;
    if purged.runs == BIG_ROWS {
        return Ok((purged, false));
    }
    purged.sessions = the_session(tx, owner, id).await?;
    Ok((purged, true))
}

/// From here on the conversation does not exist for anybody else. A turn that has just
/// begun holds its row: it is passed over, and nobody waits.
async fn expire(tx: &mut TenantTx, session: OneSession, days: Option<i32>) -> Result<bool> {
    let org = tx.org();
    let done = sqlx::query!(
        "update sixty.sessions set expired = true, client_key = null
         where org_id = $1 and owner_id = $2 and id in (
            select s.id from sixty.sessions s
            where s.org_id = $1 and s.owner_id = $2 and s.id = $3
                and (s.expired
                    or (coalesce(s.last_message_at, s.created_at) < now() - make_interval(days => $4::int)
                        and not exists (select from sixty.runs r where r.org_id = $1 and r.session_id = s.id
                            and r.status in ('queued', 'running', 'waiting'))))
            for update skip locked)",
        org.0,
        session.owner.0,
        session.id.0,
        days
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)?;
    Ok(done.rows_affected() == 1)
}

fn rows(done: Result<PgQueryResult, sqlx::Error>) -> Result<i64> {
    Ok(done.map_err(from_sqlx)?.rows_affected().try_into().unwrap_or(i64::MAX))
}

async fn events(tx: &mut TenantTx, owner: UserId, session: SessionId) -> Result<i64> {
    let org = tx.org();
    let done = sqlx::query!(
        "delete from sixty.run_events where org_id = $1 and owner_id = $2 and (run_id, fence, n_from) in (
            select e.run_id, e.fence, e.n_from from sixty.run_events e
            join sixty.runs r on r.org_id = e.org_id and r.id = e.run_id
            where e.org_id = $1 and r.owner_id = $2 and r.session_id = $3 limit $4)",
        org.0,
        owner.0,
        session.0,
        ROWS
    );
    rows(done.execute(tx.connection()).await)
}

async fn passages(tx: &mut TenantTx, owner: UserId, session: SessionId) -> Result<i64> {
    let org = tx.org();
    let done = sqlx::query!(
        "delete from sixty.copilot_summary_passages where org_id = $1 and owner_id = $2
            and (summary_id, seq, part) in (
            select p.summary_id, p.seq, p.part from sixty.copilot_summary_passages p
            join sixty.copilot_session_summaries a on a.org_id = p.org_id and a.id = p.summary_id
            where p.org_id = $1 and a.owner_id = $2 and a.session_id = $3 limit $4)",
        org.0,
        owner.0,
        session.0,
        ROWS
    );
    rows(done.execute(tx.connection()).await)
}

async fn archives(tx: &mut TenantTx, owner: UserId, session: SessionId) -> Result<i64> {
    let org = tx.org();
    let done = sqlx::query!(
        "delete from sixty.copilot_session_summaries where org_id = $1 and owner_id = $2 and id in (
            select id from sixty.copilot_session_summaries
            where org_id = $1 and owner_id = $2 and session_id = $3 order by first_seq limit $4)",
        org.0,
        owner.0,
        session.0,
        BIG_ROWS
    );
    rows(done.execute(tx.connection()).await)
}

async fn messages(tx: &mut TenantTx, owner: UserId, session: SessionId) -> Result<i64> {
    let org = tx.org();
    let done = sqlx::query!(
        "delete from sixty.messages where org_id = $1 and owner_id = $2 and session_id = $3 and seq in (
            select seq from sixty.messages where org_id = $1 and owner_id = $2 and session_id = $3
            order by seq limit $4)",
        org.0,
        owner.0,
        session.0,
        ROWS
    );
    rows(done.execute(tx.connection()).await)
}

async fn feedback(tx: &mut TenantTx, owner: UserId, session: SessionId) -> Result<i64> {
    let org = tx.org();
    let done = sqlx::query!(
        "delete from sixty.message_feedback where org_id = $1 and owner_id = $2 and message_id in (
            select message_id from sixty.message_feedback
            where org_id = $1 and owner_id = $2 and session_id = $3 order by message_id limit $4)",
        org.0,
        owner.0,
        session.0,
        ROWS
    );
    rows(done.execute(tx.connection()).await)
}

/// Each takes its steps, tool calls, approvals and questions along, which its limits bound.
async fn runs(tx: &mut TenantTx, owner: UserId, session: SessionId) -> Result<i64> {
    let org = tx.org();
    let done = sqlx::query!(
        "delete from sixty.runs where org_id = $1 and owner_id = $2 and id in (
            select id from sixty.runs where org_id = $1 and owner_id = $2 and session_id = $3
            order by created_at limit $4)",
        org.0,
        owner.0,
        session.0,
        BIG_ROWS
    );
    rows(done.execute(tx.connection()).await)
}

async fn the_session(tx: &mut TenantTx, owner: UserId, session: SessionId) -> Result<i64> {
    let org = tx.org();
    let done = sqlx::query!(
        "delete from sixty.sessions where org_id = $1 and owner_id = $2 and id = $3",
        org.0,
        owner.0,
        session.0
    );
    rows(done.execute(tx.connection()).await)
}
