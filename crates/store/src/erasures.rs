//! Erasures: asked for, worked at by one replica at a time, done. What they remove is
//! in [`sweep`](crate::sweep).

use domain::{
    Error, OrgId, Result, UserId,
    erasure::{Erasure, ErasureStatus},
    id::ReplicaId,
};
use uuid::Uuid;

use crate::{
    SystemTx, TenantTx,
    error::{corrupt, from_sqlx, violates},
};

/// The newest erasure of the person, or of the organization itself.
pub async fn newest(tx: &mut TenantTx, user: Option<UserId>) -> Result<Option<Erasure>> {
    let org = tx.org();
    let row = sqlx::query!(
        "select id, status, row_count, created_at, finished_at from sixty.erasures
         where org_id = $1 and user_id is not distinct from $2 order by id desc limit 1",
        org.0,
        user.map(|user| user.0)
    )
    .fetch_optional(tx.connection())
    .await
    .map_err(from_sqlx)?;
    row.map(|row| {
        Ok(Erasure {
            id: row.id,
            status: ErasureStatus::parse(&row.status)
                .ok_or_else(|| corrupt("an erasure's status", &row.status))?,
            rows: row.row_count,
            requested_at: row.created_at,
            finished_at: row.finished_at,
        })
    })
    .transpose()
}

/// Refuses while the person's data is being erased.
pub async fn settled(tx: &mut TenantTx, user: Option<UserId>) -> Result<()> {
    match newest(tx, user).await? {
        Some(Erasure { status: ErasureStatus::Running, .. }) => {
            Err(Error::conflict("erasure_running", "this is being erased; wait until that is done"))
        }
        _ => Ok(()),
    }
}

/// Notes that the person's data, or the organization's, has to go. Its end is
/// [`finish`].
pub async fn create(tx: &mut TenantTx, user: Option<UserId>, requested_by: UserId) -> Result<Erasure> {
    let org = tx.org();
    let row = sqlx::query!(
        "insert into sixty.erasures (org_id, id, user_id, requested_by) values ($1, $2, $3, $4)
         returning id, created_at",
        org.0,
        Uuid::now_v7(),
        user.map(|user| user.0),
        requested_by.0
    )
    .fetch_one(tx.connection())
    .await
    .map_err(|error| {
        if violates(&error, "erasures_one_running") {
            Error::conflict("erasure_running", "somebody asked for this at the same moment; ask again")
        } else {
            from_sqlx(error)
        }
    })?;
    Ok(Erasure {
        id: row.id,
        status: ErasureStatus::Running,
        rows: 0,
        requested_at: row.created_at,
        finished_at: None,
    })
}

/// An erasure that nobody works at.
#[derive(Clone, Copy, Debug)]
pub struct Open {
    pub org: OrgId,
    pub id: Uuid,
    /// None: the organization.
    pub user: Option<UserId>,
}

/// Erasures that nobody works at, oldest first. One whose runs are still stopping is
/// given `grace_seconds` for it.
pub async fn open(tx: &mut SystemTx, grace_seconds: u32, limit: i64) -> Result<Vec<Open>> {
    let rows = sqlx::query!(
        "select e.org_id, e.id, e.user_id from sixty.erasures e
         where e.status = 'running' and (e.lease_until is null or e.lease_until < now())
            and (e.created_at < now() - make_interval(secs => $1) or not exists (
                select from sixty.runs r where r.org_id = e.org_id and r.status = 'running'
                    and (e.user_id is null or r.owner_id = e.user_id)))
         order by e.created_at limit $2",
        f64::from(grace_seconds),
        limit
    )
    .fetch_all(tx.connection())
    .await
    .map_err(from_sqlx)?;
    Ok(rows
        .into_iter()
        .map(|row| Open { org: row.org_id.into(), id: row.id, user: row.user_id.map(UserId) })
        .collect())
}

/// Takes one. False: another replica was faster.
pub async fn claim(tx: &mut SystemTx, open: &Open, me: ReplicaId, lease_seconds: u32) -> Result<bool> {
    let done = sqlx::query!(
        "update sixty.erasures set lease_owner = $3, lease_until = now() + make_interval(secs => $4)
         where org_id = $1 and id = $2 and status = 'running' and (lease_until is null or lease_until < now())",
        open.org.0,
        open.id,
        me.0,
        f64::from(lease_seconds)
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)?;
    Ok(done.rows_affected() == 1)
}

/// Lets another replica go on at once.
pub async fn hand_back(tx: &mut SystemTx, open: &Open, me: ReplicaId) -> Result<()> {
    sqlx::query!(
        "update sixty.erasures set lease_owner = null, lease_until = null
         where org_id = $1 and id = $2 and lease_owner = $3 and status = 'running'",
        open.org.0,
        open.id,
        me.0
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)
    .map(drop)
}

/// Notes a piece of work in the transaction that does it, and renews the lease. False:
/// another replica has it, and this transaction must not commit.
pub async fn advance(
    tx: &mut TenantTx,
    id: Uuid,
    me: ReplicaId,
    lease_seconds: u32,
    rows: u64,
) -> Result<bool> {
    let org = tx.org();
    let done = sqlx::query!(
        "update sixty.erasures set row_count = row_count + $4, lease_until = now() + make_interval(secs => $5)
         where org_id = $1 and id = $2 and lease_owner = $3 and status = 'running'",
        org.0,
        id,
        me.0,
        i64::try_from(rows).map_err(Error::internal)?,
        f64::from(lease_seconds)
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)?;
    Ok(done.rows_affected() == 1)
}

/// Nothing is left. False: another replica has it, and this transaction must not commit.
pub async fn finish(tx: &mut TenantTx, id: Uuid, me: ReplicaId) -> Result<bool> {
    let org = tx.org();
    let done = sqlx::query!(
        "update sixty.erasures set status = 'done', finished_at = now(), lease_owner = null, lease_until = null
         where org_id = $1 and id = $2 and lease_owner = $3 and status = 'running'",
        org.0,
        id,
        me.0
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)?;
    Ok(done.rows_affected() == 1)
}
