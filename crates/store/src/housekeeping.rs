//! What is dropped when its time is over.

use domain::Result;

use crate::{SystemTx, error::from_sqlx};

/// Drops streams of runs that ended a day ago, and keys of requests of a day
/// ago. Returns how many rows went.
pub async fn drop_expired(tx: &mut SystemTx) -> Result<u64> {
    let events = sqlx::query!(
        "delete from sixty.run_events e using sixty.runs r
         where e.created_at < now() - interval '24 hours' and r.org_id = e.org_id and r.id = e.run_id
            and r.status in ('done', 'failed', 'cancelled') and r.finished_at < now() - interval '24 hours'"
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
