//! Who looks after which turn: across organizations, by ids, states and leases.

use domain::{Result, Tenant};
use uuid::Uuid;

use super::turns::Leased;
use crate::{SystemTx, error::from_sqlx};

struct Row {
    org_id: Uuid,
    owner_id: Uuid,
    id: Uuid,
    fence: i64,
}

impl From<Row> for Leased {
    fn from(row: Row) -> Self {
        Self { owner: Tenant::own(row.org_id.into(), row.owner_id.into()), id: row.id, fence: row.fence }
    }
}

/// Turns for which there is something to do, at most so many of an organization: those of one that has said much do
/// not stand before those of another.
pub async fn ripe(tx: &mut SystemTx, each: i64, limit: i64) -> Result<Vec<Leased>> {
    let rows = sqlx::query_as!(
        Row,
        r#"select org_id, owner_id, id, fence from (
            select t.org_id, t.owner_id, t.id, t.fence, t.next_at,
                row_number() over (partition by t.org_id order by t.next_at, t.id) as place
            from sixty.slack_turns t
            left join sixty.runs r on r.org_id = t.org_id and r.id = t.run_id
            where t.lease_until < now()
                and ((t.state <> 'over' and t.next_at <= now()
                    and (t.state = 'received' or r.id is null or r.status <> 'waiting'
                        or r.fence is distinct from t.told_fence))
                    or t.look_at <= now())
         ) waiting
         where place <= $1 order by place, next_at limit $2"#,
        each,
        limit
    )
    .fetch_all(tx.connection())
    .await
    .map_err(from_sqlx)?;
    Ok(rows.into_iter().map(Leased::from).collect())
}

/// Takes one of them, by compare and swap. None: somebody else was quicker.
pub async fn claim(tx: &mut SystemTx, ripe: &Leased, lease_seconds: u32) -> Result<Option<Leased>> {
    let row = sqlx::query_as!(
        Row,
        "update sixty.slack_turns set fence = fence + 1, lease_until = now() + make_interval(secs => $4)
         where org_id = $1 and id = $2 and fence = $3 and lease_until < now()
         returning org_id, owner_id, id, fence",
        ripe.owner.org.0,
        ripe.id,
        ripe.fence,
        f64::from(lease_seconds)
    )
    .fetch_optional(tx.connection())
    .await
    .map_err(from_sqlx)?;
    Ok(row.map(Leased::from))
}

/// Keeps it for another lease. False: somebody else looks after it by now.
pub async fn renew(tx: &mut SystemTx, leased: &Leased, lease_seconds: u32) -> Result<bool> {
    let done = sqlx::query!(
        "update sixty.slack_turns set lease_until = now() + make_interval(secs => $4)
         where org_id = $1 and owner_id = $5 and id = $2 and fence = $3 and lease_until > '-infinity'",
        leased.owner.org.0,
        leased.id,
        leased.fence,
        f64::from(lease_seconds),
        leased.owner.user.0
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)?;
    Ok(done.rows_affected() == 1)
}
