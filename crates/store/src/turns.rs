//! The beginning of a turn: the hot path. One statement brings all that the
//! model call needs to know: `prepare`, in `context`. One takes the message in,
//! beside that call; it is here. `queued` has the runs that wait for a worker,
//! and `resumed` what a worker goes on with.

mod context;
mod queued;
mod resumed;

use domain::{
    Error, MessageId, Result, Role, RunId, SessionId, UserId,
    audit::Channel,
    budget::Spent,
    id::ReplicaId,
    offered::Routing,
    run::{Chosen, PinnedSkill},
};
use sqlx::types::Json;

use crate::{
    TenantTx, budgets,
    error::{from_sqlx, violates},
    sequences::{self, SequenceStep},
};

pub use context::{Context, Next, Past, Summary, Versions, context, pin, prepare};
pub use queued::{Queued, decide, enqueue};
pub use resumed::{Resumed, load};

/// A user's message and the run that is to answer it.
#[derive(Clone, Debug)]
pub struct NewTurn {
    pub session: SessionId,
    pub message: MessageId,
    /// The message's place in the session.
    pub seq: i64,
    /// JSON text of the blocks.
    pub content: String,
    pub context: String,
    /// Shown in lists of sessions.
    pub preview: String,
    /// Given to a session that has no title yet.
    pub title: String,
    pub run: RunId,
    /// Who says it: mostly the transaction's person.
    pub author: UserId,
    pub trigger: Channel,
    pub mode: Chosen,
    pub routing: Option<Routing>,
    pub skill: Option<PinnedSkill>,
    /// The steps of that skill, if they are executed one by one.
    pub steps: Vec<SequenceStep>,
    /// Whom the run asks, in order, as `provider/model`, and why.
    pub candidates: Vec<String>,
    pub model_reason: String,
    pub role: Role,
    /// IANA name of the zone in which the person asks.
    pub timezone: &'static str,
    /// The replica that starts at once, and its lease in seconds; else a worker claims the run.
    pub claim: Option<(ReplicaId, u32)>,
    /// The first event, as a frame under fence 1 (or empty).
    pub first_frame: String,
    /// Memory as the prompt quotes it, and what the session was told of since.
    pub pinned: Versions,
    pub told: Versions,
    /// The prompt, or the message itself, holds what came from outside.
    pub untrusted: bool,
    /// What is set aside of a budget for its first model call.
    pub reserve: Option<Spent>,
}

/// Takes the message in, at the place that [`prepare`] told, with its run.
pub async fn begin(tx: &mut TenantTx, new: &NewTurn) -> Result<()> {
    let tenant = tx.tenant();
    let (replica, seconds) = new.claim.unzip();
    sqlx::query!(
        r#"
        with session as (
            update sixty.sessions set last_seq = $4, message_count = message_count + 1, last_message_at = now(),
                preview = $7, title = coalesce(title, nullif($8, '')), pinned = $18, told = $19,
                untrusted = untrusted or $20
            where org_id = $1 and owner_id = $2 and id = $3
        ), message as (
            insert into sixty.messages (org_id, owner_id, session_id, id, seq, role, content, context, run_id, author_id)
            values ($1, $2, $3, $5, $4, 'user', $6, nullif($9, ''), $10, $25)
        ), run as (
            insert into sixty.runs (org_id, owner_id, session_id, id, message_id, trigger, status, mode, model, role,
                lease_owner, lease_until, fence, attempts, started_at, timezone, mode_reason,
                routing, skill, author_id, candidates, model_reason)
            values ($1, $2, $3, $10, $5, $11, case when $14::uuid is null then 'queued' else 'running' end,
                $12, $13, $17, $14::uuid, now() + make_interval(secs => $15),
                case when $14::uuid is null then 0 else 1 end,
                case when $14::uuid is null then 0 else 1 end,
                case when $14::uuid is not null then now() end, $21, $22, $23, $24, nullif($25, $2), $26, $27)
        )
        insert into sixty.run_events (org_id, owner_id, run_id, fence, n_from, n_to, frames)
        select $1, $2, $10, 1, 1, 1, $16 where $16 <> ''
        "#,
        tenant.org.0,
        tenant.user.0,
        new.session.0,
        new.seq,
        new.message.0,
        new.content,
        new.preview,
        new.title,
        new.context,
        new.run.0,
        new.trigger.as_str(),
        new.mode.mode.as_str(),
        new.candidates.first(),
        replica.map(|replica| replica.0),
        seconds.map(f64::from),
        new.first_frame,
        new.role.as_str(),
        &new.pinned[..],
        &new.told[..],
        new.untrusted,
        new.timezone,
        new.mode.reason,
        new.routing.as_ref().map(Json) as _,
        new.skill.as_ref().map(Json) as _,
        new.author.0,
        &new.candidates,
        new.model_reason,
    )
    .execute(tx.connection())
    .await
    // A run that waited may be claimed at this moment.
    .map_err(|error| if violates(&error, "runs_one_running") { run_active() } else { from_sqlx(error) })?;
    if let Some(spent) = new.reserve {
        budgets::reserve(tx, new.run, new.author, spent).await?;
    }
    sequences::create(tx, new.run, &new.steps).await
}

fn run_active() -> Error {
    Error::conflict(
        "run_active",
        "this session is still answering; wait for the run's end, or cancel it with POST /v1/runs/{id}/cancel",
    )
}
