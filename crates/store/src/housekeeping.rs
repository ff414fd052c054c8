//! What is dropped when its time is over.

use domain::Result;

use crate::{SystemTx, error::from_sqlx};

/// Drops streams of runs that ended a day ago, those of some hundred runs at a
/// time, and keys of requests of a day ago. Returns how many rows went.
pub async fn drop_expired(tx: &mut SystemTx) -> Result<u64> {
    let events = sqlx::query!(
        "delete from sixty.run_events where (org_id, run_id) in (
            select e.org_id, e.run_id from sixty.run_events e
            join sixty.runs r on r.org_id = e.org_id and r.id = e.run_id
            where e.created_at < now() - interval '24 hours'
                and r.status in ('done', 'failed', 'cancelled') and r.finished_at < now() - interval '24 hours'
            order by e.created_at limit 1000)"
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)?;
    let keys = sqlx::query!("delete from sixty.idempotency where created_at < now() - interval '24 hours'")
        .execute(tx.connection())
        .await
        .map_err(from_sqlx)?;
    Ok(events.rows_affected() + keys.rows_affected())
}
