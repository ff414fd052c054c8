//! What a worker needs to know of a run that it has claimed.

use domain::{
    MessageId, Result, Role,
    offered::Routing,
    permission::Matrix,
    run::{Lease, Mode, PinnedSkill},
};
use sqlx::types::Json;

use super::context::{Context, context};
use crate::{
    RunTx,
    error::{corrupt, from_sqlx},
    parked::{self, Parked},
    permissions,
    steps::{self, Recorded},
};

/// What a claimed run goes on with.
#[derive(Clone, Debug)]
pub struct Resumed {
    pub context: Context,
    /// What the person's copilot may do, as it stands now.
    pub matrix: Matrix,
    pub message: MessageId,
    pub trigger: String,
    pub mode: Mode,
    /// Why it is that; none: it is to be decided.
    pub mode_reason: Option<String>,
    pub routing: Option<Routing>,
    pub skill: Option<PinnedSkill>,
    /// The model that answered last; of one that nobody has answered yet, the first candidate.
    pub model: String,
    /// Whom it asks, in order; none: it is to be decided.
    pub candidates: Option<Vec<String>>,
    pub role: Role,
    /// IANA name of the zone in which the person asked.
    pub timezone: String,
    pub iterations: i32,
    pub usage: domain::Usage,
    /// Number of the last committed step, from 1.
    pub steps: i32,
    pub cancel_requested: bool,
    pub attempts: i32,
    /// The provider paused in the last step, and goes on when it is sent its answer.
    pub paused: bool,
    /// The tool calls so far, in order; the last may be under way.
    pub calls: Vec<Recorded>,
    /// Place of the last message that is the run's own: its question, or what it added.
    pub own_seq: i64,
    /// Whether an earlier owner has written to the stream.
    pub has_events: bool,
    pub parked: Parked,
}

/// Loads a run that was claimed, with its session's prompt.
pub async fn load(tx: &mut RunTx) -> Result<Resumed> {
    let Lease { org, user, author, run, session, .. } = *tx.lease();
    let context = context(tx.tenant(), session).await?;
    let matrix = permissions::matrix_of(tx.tenant(), author).await?;
    let row = sqlx::query!(
        r#"
        update sixty.runs r set started_at = coalesce(started_at, now()), wake_at = null
        where org_id = $1 and owner_id = $3 and id = $2
        returning message_id, trigger, mode, mode_reason, model, candidates,
            routing as "routing: Json<Routing>", skill as "skill: Json<PinnedSkill>", role, timezone, iterations,
            cancel_requested, attempts,
            input_tokens, output_tokens, cache_read_input_tokens, cache_creation_input_tokens, cost,
            (select coalesce(max(s.seq), 0) from sixty.steps s where s.org_id = $1 and s.run_id = $2) as "steps!",
            coalesce((select s.payload::jsonb ->> 'stop_reason' = 'pause_turn' from sixty.steps s
                where s.org_id = $1 and s.run_id = $2 order by s.seq desc limit 1), false) as "paused!",
            exists (select from sixty.run_events e where e.org_id = $1 and e.run_id = $2) as "has_events!",
            -- 0 where an archive alone holds its question: no message of the prompt is the run's own.
            coalesce((select max(m.seq) from sixty.messages m
                where m.org_id = $1 and m.owner_id = $3 and (m.run_id = $2 or m.id = r.message_id)), 0) as "own_seq!",
            (select o.wake_at is not null from sixty.runs o where o.org_id = $1 and o.id = $2) as "was_parked!"
        "#,
        org.0,
        run.0,
        user.0
    )
    .fetch_one(tx.connection())
    .await
    .map_err(from_sqlx)?;
    let calls = steps::calls(tx.tenant(), run).await?;
    Ok(Resumed {
        context,
        matrix,
        message: row.message_id.into(),
        trigger: row.trigger,
        mode: Mode::parse(&row.mode).ok_or_else(|| corrupt("a run's mode", &row.mode))?,
        mode_reason: row.mode_reason,
        routing: row.routing.map(|routing| routing.0),
        skill: row.skill.map(|skill| skill.0),
        model: row.model,
        candidates: row.candidates,
        role: Role::parse_lenient(&row.role),
        timezone: row.timezone,
        iterations: row.iterations,
        usage: domain::Usage {
            input_tokens: row.input_tokens,
            output_tokens: row.output_tokens,
            cache_read_input_tokens: row.cache_read_input_tokens,
            cache_creation_input_tokens: row.cache_creation_input_tokens,
            cost: domain::Cost(row.cost),
        },
        steps: row.steps,
        cancel_requested: row.cancel_requested,
        attempts: row.attempts,
        paused: row.paused,
        calls,
        own_seq: row.own_seq,
        has_events: row.has_events,
        parked: parked::of_run(tx, row.was_parked).await?,
    })
}
