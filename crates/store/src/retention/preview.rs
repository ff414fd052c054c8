//! What would be deleted now.

use domain::{
    Result, Scope,
    retention::{Days, Purged},
};
use uuid::Uuid;

use super::{find, purge};
use crate::{TenantTx, error::from_sqlx};

/// Counts what these days would delete now, as far as no hold keeps it. Needs a
/// transaction that sees the organization; it goes on in that scope.
pub async fn preview(tx: &mut TenantTx, days: Days) -> Result<Purged> {
    if find(tx).await?.hold.organization {
        return Ok(Purged::default());
    }
    let mut all = rows(tx, days).await?;
    if let Some(days) = days.revisions {
        all.revisions += purge::revisions_due(tx, None, days).await?;
        let mut after = Uuid::nil();
        while let Some(member) = purge::next_member(tx, after).await? {
            // What one person's memory says only that person's transaction sees.
            tx.switch(Some(member), Scope::Own).await?;
            let due = purge::revisions_due(tx, Some(member), days).await;
            tx.switch(None, Scope::Org).await?;
            all.revisions += due?;
            after = member.0;
        }
    }
    Ok(all)
}

async fn rows(tx: &mut TenantTx, days: Days) -> Result<Purged> {
    let org = tx.org();
    sqlx::query_as!(
        Purged,
        r#"with free as (
            select s.id, s.owner_id, s.live_from_seq,
                s.expired or coalesce(s.last_message_at, s.created_at) < now() - make_interval(days => $2::int) as old,
                exists (select from sixty.runs r where r.org_id = $1 and r.session_id = s.id
                    and r.status in ('queued', 'running', 'waiting')) as runs
            from sixty.sessions s
            where s.org_id = $1 and not exists (select from sixty.retention_holds h
                where h.org_id = $1 and h.user_id = s.owner_id
                    and h.session_id in (s.id, '00000000-0000-0000-0000-000000000000'))
         ), gone as (select id, owner_id from free where old and not runs)
         select
            (select count(*) from gone) as "sessions!",
            (select count(*) from sixty.messages m where m.org_id = $1 and m.session_id in (select id from gone))
                + (select count(*) from sixty.messages m
                    join sixty.copilot_session_summaries a on a.org_id = m.org_id and a.session_id = m.session_id
                        and m.seq between a.first_seq and a.last_seq and a.summary_text is not null
                    join free f on f.id = m.session_id and not f.runs and f.old is not true
                        and a.last_seq < f.live_from_seq
                    where m.org_id = $1 and m.created_at < now() - make_interval(days => $3::int)) as "messages!",
            (select count(*) from sixty.copilot_session_summaries a
                where a.org_id = $1 and a.session_id in (select id from gone)) as "archives!",
            (select count(*) from sixty.runs r
                where r.org_id = $1 and r.session_id in (select id from gone)) as "runs!",
            (select count(*) from sixty.run_events e
                join sixty.runs r on r.org_id = e.org_id and r.id = e.run_id
                join free f on f.id = r.session_id
                where e.org_id = $1 and (f.id in (select id from gone)
                    or (r.status in ('done', 'failed', 'cancelled')
                        and greatest(e.created_at, r.finished_at) < now() - make_interval(hours => $4::int)))) as "events!",
            0::bigint as "revisions!""#,
        org.0,
        days.transcripts,
        days.messages,
        event_hours(days)
    )
    .fetch_one(tx.connection())
    .await
    .map_err(from_sqlx)
}

/// How long streams are kept after the end of their run.
fn event_hours(days: Days) -> i32 {
    match days.events {
        None => 24,
        Some(0) => 1,
        Some(days) => days * 24,
    }
}
