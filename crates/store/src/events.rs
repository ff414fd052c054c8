//! The stored stream of a run: frames as they were sent, a row per flush.

use domain::{Result, RunId, event::Cursor, run::Lease};
use sqlx::{Postgres, QueryBuilder};

use crate::{RunTx, SystemTx, TenantTx, error::from_sqlx, steps::Frames};

/// A row of the stream.
#[derive(Clone, Debug)]
pub struct Stored {
    pub fence: i64,
    pub n_from: i64,
    pub n_to: i64,
    pub frames: String,
}

/// Most bytes of one look, but for the row that passes it: what a reader holds is bounded.
const LOOK_BYTES: i64 = 64 * 1024;

/// Rows that hold anything after the cursor, oldest first: at most `limit`, and
/// as many as a reader may hold at once.
pub async fn list(tx: &mut TenantTx, run: RunId, after: Cursor, limit: i64) -> Result<Vec<Stored>> {
    let tenant = tx.tenant();
    sqlx::query_as!(
        Stored,
        "select fence, n_from, n_to, frames from (
            select fence, n_from, n_to, frames,
                sum(octet_length(frames)) over (order by fence, n_from) - octet_length(frames) as before
            from (
                select fence, n_from, n_to, frames from sixty.run_events
                where org_id = $1 and ($2::uuid is null or owner_id = $2) and run_id = $3
                    and (fence, n_to) > ($4, $5)
                order by fence, n_from limit $6
            ) page
         ) sized
         where before < $7
         order by fence, n_from",
        tenant.org.0,
        tenant.owner().map(|owner| owner.0),
        run.0,
        after.fence,
        after.n,
        limit,
        LOOK_BYTES
    )
    .fetch_all(tx.connection())
    .await
    .map_err(from_sqlx)
}

/// Whether anything of the stream is still there: it is dropped a day after the end.
pub async fn exist(tx: &mut TenantTx, run: RunId) -> Result<bool> {
    let tenant = tx.tenant();
    sqlx::query_scalar!(
        r#"select exists (select from sixty.run_events
            where org_id = $1 and ($2::uuid is null or owner_id = $2) and run_id = $3) as "exists!""#,
        tenant.org.0,
        tenant.owner().map(|owner| owner.0),
        run.0
    )
    .fetch_one(tx.connection())
    .await
    .map_err(from_sqlx)
}

/// Stores frames in the run's transaction.
pub async fn append(tx: &mut RunTx, frames: &Frames) -> Result<()> {
    let Lease { run, fence, .. } = *tx.lease();
    insert(tx.tenant(), run, fence, frames).await
}

/// Stores frames of a run of the transaction's person, under this fence.
pub(crate) async fn insert(tx: &mut TenantTx, run: RunId, fence: i64, frames: &Frames) -> Result<()> {
    let tenant = tx.tenant();
    sqlx::query!(
        "insert into sixty.run_events (org_id, owner_id, run_id, fence, n_from, n_to, frames)
         values ($1, $2, $3, $4, $5, $6, $7)",
        tenant.org.0,
        tenant.user.0,
        run.0,
        fence,
        frames.n_from,
        frames.n_to,
        frames.text
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)
    .map(drop)
}

/// Rows of one statement. A few sizes, so that each is planned once a connection.
const BATCHES: [usize; 4] = [1, 8, 32, 128];

/// Stores the tokens of many runs in few statements. Whoever lost a lease finds
/// no run to join and stores nothing.
pub async fn flush(tx: &mut SystemTx, rows: &[(Lease, Frames)]) -> Result<()> {
    let largest = BATCHES[BATCHES.len() - 1];
    for rows in rows.chunks(largest) {
        let size = BATCHES.into_iter().find(|size| rows.len() <= *size).unwrap_or(largest);
        flush_batch(tx, rows, size).await?;
    }
    Ok(())
}

/// `size` rows, of which those behind the last one name no run.
async fn flush_batch(tx: &mut SystemTx, rows: &[(Lease, Frames)], size: usize) -> Result<()> {
    let mut sql: QueryBuilder<Postgres> = QueryBuilder::new(
        "insert into sixty.run_events (org_id, owner_id, run_id, fence, n_from, n_to, frames)
         select v.org_id, v.owner_id, v.run_id, v.fence, v.n_from, v.n_to, v.frames from (",
    );
    let padded = rows.iter().map(Some).chain(std::iter::repeat(None)).take(size);
    sql.push_values(padded, |mut row, entry| {
        let ids = entry.map(|(lease, _)| (lease.org.0, lease.user.0, lease.run.0, lease.replica.0));
        let (org, user, run, replica) = ids.unwrap_or_default();
        let (fence, n_from, n_to, text) = entry.map_or((0, 0, 0, ""), |(lease, frames)| {
            (lease.fence, frames.n_from, frames.n_to, frames.text.as_str())
        });
        row.push_bind(org).push_bind(user).push_bind(run).push_bind(fence);
        row.push_bind(replica).push_bind(n_from).push_bind(n_to).push_bind(text);
    });
    sql.push(
        ") v (org_id, owner_id, run_id, fence, replica, n_from, n_to, frames)
         join sixty.runs r on r.org_id = v.org_id and r.id = v.run_id
            and r.fence = v.fence and r.lease_owner = v.replica",
    );
    sql.build().execute(tx.connection()).await.map_err(from_sqlx).map(drop)
}
