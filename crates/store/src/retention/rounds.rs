//! Rounds: which organization is due, and which replica deletes there.

use domain::{OrgId, Result, id::ReplicaId, retention::Purged};
use uuid::Uuid;

use crate::{SystemTx, TenantTx, error::from_sqlx};

/// An organization whose round is due.
#[derive(Clone, Copy, Debug)]
pub struct Due {
    pub org: OrgId,
    fence: i64,
}

/// A round that a replica has taken.
#[derive(Clone, Copy, Debug)]
pub struct Round {
    pub org: OrgId,
    fence: i64,
    replica: ReplicaId,
    lease_seconds: u32,
}

/// Where a round stands.
pub(super) struct Place {
    pub phase: Phase,
    /// The last one of the phase that is done.
    pub after: Option<Uuid>,
}

/// What a round looks at, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Sessions,
    Messages,
    Revisions,
}

impl Phase {
    fn as_str(self) -> &'static str {
        match self {
            Phase::Sessions => "sessions",
            Phase::Messages => "messages",
            Phase::Revisions => "revisions",
        }
    }
}

/// Organizations whose round is due and that no replica works at: those that have waited
/// longest come first.
pub async fn due(tx: &mut SystemTx, limit: i64) -> Result<Vec<Due>> {
    let rows = sqlx::query!(
        "select org_id, fence from sixty.retention_rounds
         where next_at <= now() and (lease_until is null or lease_until < now()) order by next_at limit $1",
        limit
    )
    .fetch_all(tx.connection())
    .await
    .map_err(from_sqlx)?;
    Ok(rows.into_iter().map(|row| Due { org: row.org_id.into(), fence: row.fence }).collect())
}

/// Takes a round by compare-and-swap. None: another replica was faster.
pub async fn claim(tx: &mut SystemTx, due: Due, me: ReplicaId, lease_seconds: u32) -> Result<Option<Round>> {
    let done = sqlx::query!(
        "update sixty.retention_rounds set fence = fence + 1, lease_owner = $3,
            lease_until = now() + make_interval(secs => $4)
         where org_id = $1 and fence = $2 and (lease_until is null or lease_until < now())",
        due.org.0,
        due.fence,
        me.0,
        f64::from(lease_seconds)
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)?;
    let round = Round { org: due.org, fence: due.fence + 1, replica: me, lease_seconds };
    Ok((done.rows_affected() == 1).then_some(round))
}

/// The first statement of each transaction of a round: renews the lease and locks the
/// round's row until the end. None: another replica has the round.
pub(super) async fn guard(tx: &mut TenantTx, round: &Round) -> Result<Option<Place>> {
    let row = sqlx::query!(
        "update sixty.retention_rounds set lease_until = now() + make_interval(secs => $4)
         where org_id = $1 and fence = $2 and lease_owner = $3 returning phase, after",
        round.org.0,
        round.fence,
        round.replica.0,
        f64::from(round.lease_seconds)
    )
    .fetch_optional(tx.connection())
    .await
    .map_err(from_sqlx)?;
    Ok(row.map(|row| Place {
        phase: match row.phase.as_str() {
            "messages" => Phase::Messages,
            "revisions" => Phase::Revisions,
            _ => Phase::Sessions,
        },
        after: row.after,
    }))
}

/// Moves the place on and counts what this transaction has deleted.
pub(super) async fn advance(tx: &mut TenantTx, place: &Place, more: Purged) -> Result<()> {
    let org = tx.org();
    sqlx::query!(
        "update sixty.retention_rounds set phase = $2, after = $3, sessions = sessions + $4,
            messages = messages + $5, archives = archives + $6, runs = runs + $7, events = events + $8,
            revisions = revisions + $9
         where org_id = $1",
        org.0,
        place.phase.as_str(),
        place.after,
        more.sessions,
        more.messages,
        more.archives,
        more.runs,
        more.events,
        more.revisions
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)
    .map(drop)
}

/// Ends the round, and answers all that it has deleted; the next one is due in a day.
pub(super) async fn finish(tx: &mut TenantTx) -> Result<Purged> {
    let org = tx.org();
    let done = sqlx::query_as!(
        Purged,
        "select sessions, messages, archives, runs, events, revisions
         from sixty.retention_rounds where org_id = $1",
        org.0
    )
    .fetch_one(tx.connection())
    .await
    .map_err(from_sqlx)?;
    sqlx::query!(
        "update sixty.retention_rounds set next_at = now() + interval '1 day', lease_owner = null, lease_until = null,
            phase = 'sessions', after = null, sessions = 0, messages = 0, archives = 0, runs = 0, events = 0,
            revisions = 0
         where org_id = $1",
        org.0
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)?;
    Ok(done)
}

/// Hands the round back behind those of the other organizations.
pub(super) async fn hand_back(tx: &mut TenantTx) -> Result<()> {
    let org = tx.org();
    sqlx::query!(
        "update sixty.retention_rounds set next_at = now(), lease_owner = null, lease_until = null where org_id = $1",
        org.0
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)
    .map(drop)
}

/// What is set has changed: the round begins anew, whoever has it.
pub(super) async fn begin_anew(tx: &mut TenantTx) -> Result<()> {
    let org = tx.org();
    sqlx::query!(
        "insert into sixty.retention_rounds (org_id) values ($1)
         on conflict (org_id) do update set next_at = now(), phase = 'sessions', after = null",
        org.0
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)
    .map(drop)
}
