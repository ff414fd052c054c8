//! What is dropped when its time is over.

use chrono::{DateTime, Utc};
use domain::Result;

use crate::{SystemTx, error::from_sqlx};

/// What one look came to.
#[derive(Clone, Copy, Debug)]
pub struct Dropped {
    pub rows: u64,
    /// The age up to which streams have been looked at; none: there are no more.
    pub next: Option<DateTime<Utc>>,
}

/// Drops streams of runs that ended a day ago, or as long ago as their organization wants:
/// those of some hundred runs at a time, of streams that are younger than `after`. What is
/// under legal hold stays, and is passed over.
pub async fn drop_streams(tx: &mut SystemTx, after: Option<DateTime<Utc>>) -> Result<Dropped> {
    let dropped = sqlx::query!(
        r#"with looked as (
            select e.org_id, e.run_id, e.created_at from sixty.run_events e
            where e.created_at < now() - interval '1 hour' and ($1::timestamptz is null or e.created_at > $1)
            order by e.created_at limit 1000
         ), due as (
            select distinct l.org_id, l.run_id from looked l
            join sixty.runs r on r.org_id = l.org_id and r.id = l.run_id
            left join sixty.retention t on t.org_id = l.org_id
            where r.status in ('done', 'failed', 'cancelled') and t.legal_hold is not true
                and greatest(l.created_at, r.finished_at) < now()
                    - make_interval(hours => case t.events_days when 0 then 1 else coalesce(t.events_days, 1) * 24 end)
                and not exists (select from sixty.retention_holds h
                    where h.org_id = r.org_id and h.user_id = r.owner_id
                        and h.session_id in (r.session_id, '00000000-0000-0000-0000-000000000000'))
         ), gone as (
            delete from sixty.run_events e using due where e.org_id = due.org_id and e.run_id = due.run_id
            returning e.created_at
         )
         select (select count(*) from gone) as "rows!", (select max(created_at) from looked) as next"#,
        after
    )
    .fetch_one(tx.connection())
    .await
    .map_err(from_sqlx)?;
    Ok(Dropped { rows: dropped.rows.try_into().unwrap_or(0), next: dropped.next })
}

/// Days for which single model calls are kept: as many as one look at usage may cover, so that a year's account can be
/// settled in the month after it. The sums by day stay.
pub const USAGE_DAYS: i32 = 400;
/// Rows of one look.
pub const USAGE_ROWS: i64 = 1_000;

/// Drops single model calls that are older than that, at most [`USAGE_ROWS`] of them. Returns how many went.
pub async fn drop_usage(tx: &mut SystemTx) -> Result<u64> {
    let calls = sqlx::query!(
        "delete from sixty.usage_events e using (
            select org_id, id from sixty.usage_events
            where at < now() - make_interval(days => $1) order by at, id limit $2) old
         where e.org_id = old.org_id and e.id = old.id",
        USAGE_DAYS,
        USAGE_ROWS
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)?;
    Ok(calls.rows_affected())
}

/// Drops keys of requests of a day ago. Returns how many went.
pub async fn drop_keys(tx: &mut SystemTx) -> Result<u64> {
    let keys = sqlx::query!("delete from sixty.idempotency where created_at < now() - interval '24 hours'")
        .execute(tx.connection())
        .await
        .map_err(from_sqlx)?;
    Ok(keys.rows_affected())
}
