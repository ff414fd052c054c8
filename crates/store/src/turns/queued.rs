//! A run that waits for a worker, and what the worker decides of it.

use domain::{
    Error, MessageId, Result, Role, RunId, SessionId,
    run::{Chosen, Lease, Mode},
};

use super::run_active;
use crate::{RunTx, TenantTx, error::from_sqlx, sequences};

/// A run for a message which is already there.
#[derive(Clone, Copy, Debug)]
pub struct Queued<'a> {
    pub session: SessionId,
    pub message: MessageId,
    pub run: RunId,
    pub trigger: &'a str,
    pub mode: Mode,
    pub model: &'a str,
    pub role: Role,
}

/// Queues a run, for a worker to claim. What a sequence has done is not done again by itself.
pub async fn enqueue(tx: &mut TenantTx, new: &Queued<'_>) -> Result<()> {
    let tenant = tx.tenant();
    if new.trigger == "http" && sequences::answered(tx, new.session, new.message).await? {
        let detail =
            "the steps of a sequence have had their effects; call for it again to carry it out once more";
        return Err(Error::conflict("sequence_not_repeated", detail));
    }
    let done = sqlx::query!(
        "insert into sixty.runs
            (org_id, owner_id, session_id, id, message_id, trigger, status, mode, model, role, routing, skill)
         select $1, $2, $3, $4, $5, $9, 'queued', $6, $7, $8, earlier.routing, earlier.skill
         from (values (1)) one
         -- An answer that is given again follows the skill that the first one followed.
         left join lateral (select r.routing, r.skill from sixty.runs r
            where r.org_id = $1 and r.owner_id = $2 and r.session_id = $3 and r.message_id = $5 and $9 = 'http'
            order by r.id limit 1) earlier on true
         where not exists (select from sixty.runs r
            where r.org_id = $1 and r.session_id = $3 and r.status in ('queued', 'running'))",
        tenant.org.0,
        tenant.user.0,
        new.session.0,
        new.run.0,
        new.message.0,
        new.mode.as_str(),
        new.model,
        new.role.as_str(),
        new.trigger
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)?;
    if done.rows_affected() == 1 { Ok(()) } else { Err(run_active()) }
}

/// Stores what was decided of a run that was queued.
pub async fn decide(tx: &mut RunTx, chosen: &Chosen, candidates: &[String], why: &str) -> Result<()> {
    let Lease { org, user, run, .. } = *tx.lease();
    sqlx::query!(
        "update sixty.runs set mode = $4, mode_reason = $5, model = $6, candidates = $7, model_reason = $8
         where org_id = $1 and owner_id = $2 and id = $3",
        org.0,
        user.0,
        run.0,
        chosen.mode.as_str(),
        chosen.reason,
        candidates.first(),
        candidates,
        why
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)
    .map(drop)
}
