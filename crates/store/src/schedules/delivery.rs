//! Results on their way to where their owner's conversations end: a mail server, a colleague's conversation.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    OptionalExt as _, Result, RunId, ScheduleRunId,
    schedule::{DeliveryStatus, Task},
};

use super::{
    firing::{Held, Leased, LeasedRow},
    lock,
};
use crate::{
    SystemTx, TenantTx,
    error::{corrupt, from_sqlx},
};

/// The result of a slot that has ended is to be handed over.
pub async fn hand_over(tx: &mut TenantTx, held: &Held) -> Result<()> {
    let tenant = tx.tenant();
    sqlx::query!(
        "update sixty.schedule_runs set delivery = 'pending', delivery_error = null,
            lease_until = sixty.schedule_clock() - interval '1 second'
         where org_id = $1 and owner_id = $2 and id = $3",
        tenant.org.0,
        tenant.user.0,
        held.id.0
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)
    .map(drop)
}

/// Results that it is time to hand over, or whose handing over has broken off.
pub async fn waiting(tx: &mut SystemTx, limit: i64, lease_seconds: u32) -> Result<Vec<Leased>> {
    let rows = sqlx::query_as!(
        LeasedRow,
        "update sixty.schedule_runs f set lease_until = sixty.schedule_clock() + make_interval(secs => $2)
         from (select org_id, id from sixty.schedule_runs
            where delivery in ('pending', 'sending') and lease_until < sixty.schedule_clock()
            order by lease_until limit $1 for no key update skip locked) ripe
         where f.org_id = ripe.org_id and f.id = ripe.id
         returning f.org_id, f.owner_id, f.schedule_id, f.id",
        limit,
        f64::from(lease_seconds)
    )
    .fetch_all(tx.connection())
    .await
    .map_err(from_sqlx)?;
    Ok(rows.into_iter().map(Leased::from).collect())
}

/// A result that is to be handed over, and its task, both held until the transaction ends.
#[derive(Clone, Debug)]
pub struct Parcel {
    pub task: Task,
    pub id: ScheduleRunId,
    pub slot: DateTime<Utc>,
    /// The run whose answer it is, and the beginning of that, should the conversation be gone.
    pub run: Option<RunId>,
    pub result: String,
    /// When there was a result, and what the clock says now.
    pub ended_at: DateTime<Utc>,
    pub now: DateTime<Utc>,
    pub status: DeliveryStatus,
    /// How often it was tried.
    pub tries: i32,
}

/// Locks a result that is not handed over. None: there is none, any more.
pub async fn hold(tx: &mut TenantTx, leased: &Leased) -> Result<Option<Parcel>> {
    let tenant = tx.tenant();
    let Some(task) = lock(tx, leased.task).await.optional()? else { return Ok(None) };
    let row = sqlx::query!(
        r#"select slot, run_id, coalesce(result, '') as "result!", coalesce(finished_at, created_at) as "ended_at!",
            sixty.schedule_clock() as "now!", delivery as "delivery!", delivery_tries
         from sixty.schedule_runs
         where org_id = $1 and owner_id = $2 and id = $3 and delivery in ('pending', 'sending') for no key update"#,
        tenant.org.0,
        tenant.user.0,
        leased.id.0
    )
    .fetch_optional(tx.connection())
    .await
    .map_err(from_sqlx)?;
    row.map(|row| {
        Ok(Parcel {
            task,
            id: leased.id,
            slot: row.slot,
            run: row.run_id.map(RunId),
            result: row.result,
            ended_at: row.ended_at,
            now: row.now,
            status: DeliveryStatus::parse(&row.delivery)
                .ok_or_else(|| corrupt("a delivery", &row.delivery))?,
            tries: row.delivery_tries,
        })
    })
    .transpose()
}

/// It is about to leave the service. Whoever finds it like this later does not send it again.
pub async fn sending(tx: &mut TenantTx, parcel: &Parcel) -> Result<()> {
    let tenant = tx.tenant();
    sqlx::query!(
        "update sixty.schedule_runs set delivery = 'sending', delivery_tries = delivery_tries + 1
         where org_id = $1 and owner_id = $2 and id = $3",
        tenant.org.0,
        tenant.user.0,
        parcel.id.0
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)
    .map(drop)
}

/// What became of it, for good. False: that is known already. Whoever has sent it knows better than whoever found it
/// `sending`.
pub async fn end(
    tx: &mut TenantTx,
    id: ScheduleRunId,
    status: DeliveryStatus,
    error: Option<&str>,
) -> Result<bool> {
    let tenant = tx.tenant();
    let changed = sqlx::query!(
        "update sixty.schedule_runs set delivery = $4, delivery_error = $5
         where org_id = $1 and owner_id = $2 and id = $3
            and (delivery in ('pending', 'sending') or (delivery = 'unknown' and $4 <> 'unknown'))",
        tenant.org.0,
        tenant.user.0,
        id.0,
        status.as_str(),
        error
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)?;
    Ok(changed.rows_affected() == 1)
}

/// It has not arrived, for sure, and is tried again after this time.
pub async fn again(tx: &mut TenantTx, id: ScheduleRunId, error: Option<&str>, wait: TimeDelta) -> Result<()> {
    let tenant = tx.tenant();
    sqlx::query!(
        "update sixty.schedule_runs set delivery = 'pending', delivery_error = $4,
            lease_until = sixty.schedule_clock() + make_interval(secs => $5)
         where org_id = $1 and owner_id = $2 and id = $3 and delivery in ('pending', 'sending')",
        tenant.org.0,
        tenant.user.0,
        id.0,
        error,
        wait.as_seconds_f64()
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)
    .map(drop)
}
