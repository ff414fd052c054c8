//! The log of a run. Each function is one statement in a guarded transaction:
//! the step, the message that it adds, the events that tell of it, and the
//! run's new state stand or fall together.

use domain::{
    Card, MessageId, Result, RunId,
    run::{Lease, RunStatus},
    tool::{CallState, ToolClass},
    usage::Call,
};
use sqlx::{Postgres, QueryBuilder};

use crate::{
    RunTx, TenantTx,
    error::{corrupt, from_sqlx},
    sequences,
    usage::accounting,
};

/// Frames that are not stored yet, as one row of the stream.
#[derive(Clone, Debug)]
pub struct Frames {
    pub n_from: i64,
    pub n_to: i64,
    pub text: String,
}

/// A step: a message that joins the conversation, and where the run stands after it.
#[derive(Clone, Debug)]
pub struct NewStep<'a> {
    /// Place in the run's log, from 1.
    pub seq: i32,
    pub kind: StepKind,
    /// What the log keeps beside the message (JSON text).
    pub payload: &'a str,
    pub message: MessageId,
    /// JSON text of the blocks.
    pub content: &'a str,
    /// Shown in lists of sessions; none leaves what stands there.
    pub preview: Option<&'a str>,
    /// Model calls that nothing accounts for yet.
    pub calls: &'a [Call],
    /// Model calls so far.
    pub iterations: i32,
    /// The run's end, if this is its last step.
    pub done: bool,
    /// The model that answered, as `provider/model`.
    pub model: &'a str,
    /// Which models failed before it, and who was asked instead: that joins the run's reason.
    pub detour: Option<&'a str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepKind {
    Answer,
    Tools,
}

impl StepKind {
    fn as_str(self) -> &'static str {
        match self {
            StepKind::Answer => "answer",
            StepKind::Tools => "tools",
        }
    }

    fn role(self) -> &'static str {
        match self {
            StepKind::Answer => "assistant",
            StepKind::Tools => "user",
        }
    }
}

/// Stores a step, and accounts for its model calls. Returns its message's place in the session.
pub async fn create(tx: &mut RunTx, step: &NewStep<'_>, frames: &Frames) -> Result<i64> {
    let lease = *tx.lease();
    accounting!(
        query_scalar,
        lease,
        step.calls,
        r#"
        , session as (
            update sixty.sessions set last_seq = last_seq + 1, message_count = message_count + 1,
                last_message_at = now(), preview = coalesce($17, preview)
            where org_id = $1 and owner_id = $15 and id = $16
            returning last_seq
        ), message as (
            insert into sixty.messages (org_id, owner_id, session_id, id, seq, role, content, run_id, author_id)
            select $1, $15, $16, $18, last_seq, $19, $20, $3, $15 from session
        ), step as (
            insert into sixty.steps (org_id, owner_id, run_id, seq, kind, fence, payload)
            values ($1, $15, $3, $21, $22, $23, $24)
        ), event as (
            insert into sixty.run_events (org_id, owner_id, run_id, fence, n_from, n_to, frames)
            values ($1, $15, $3, $23, $25, $26, $27)
        )
        update sixty.runs r set attempts = 0, iterations = $28,
            input_tokens = r.input_tokens + spent.sent, output_tokens = r.output_tokens + spent.answered,
            cache_read_input_tokens = r.cache_read_input_tokens + spent.read,
            cache_creation_input_tokens = r.cache_creation_input_tokens + spent.written, cost = r.cost + spent.cost,
            status = case when $29 then 'done' else r.status end,
            lease_owner = case when $29 then null else r.lease_owner end,
            lease_until = case when $29 then null else r.lease_until end,
            finished_at = case when $29 then now() end, model = $30,
            model_reason = left(r.model_reason || coalesce('; ' || $31, ''), 2000)
        from spent where r.org_id = $1 and r.owner_id = $15 and r.id = $3
        returning (select last_seq from session) as "seq!"
        "#,
        lease.user.0,
        lease.session.0,
        step.preview,
        step.message.0,
        step.kind.role(),
        step.content,
        step.seq,
        step.kind.as_str(),
        lease.fence,
        step.payload,
        frames.n_from,
        frames.n_to,
        frames.text,
        step.iterations,
        step.done,
        step.model,
        step.detour,
    )
    .fetch_one(tx.connection())
    .await
    .map_err(from_sqlx)
}

/// Ends a run without a further message: failed, cancelled, or done. Of a call
/// that is under way nobody will learn what came of it.
pub async fn finish(
    tx: &mut RunTx,
    status: RunStatus,
    error: Option<(&str, &str)>,
    frames: &Frames,
) -> Result<()> {
    let Lease { org, user, run, fence, .. } = *tx.lease();
    let (code, message) = error.unzip();
    sqlx::query!(
        "
        with event as (
            insert into sixty.run_events (org_id, owner_id, run_id, fence, n_from, n_to, frames)
            values ($1, $2, $3, $4, $5, $6, $7)
        ), call as (
            update sixty.tool_calls set state = 'unknown'
            where org_id = $1 and owner_id = $2 and run_id = $3 and state = 'started'
        ), reservation as (
            delete from sixty.budget_reservations where org_id = $1 and run_id = $3
        )
        update sixty.runs set status = $8, error_code = $9, error_message = $10,
            lease_owner = null, lease_until = null, finished_at = now()
        where org_id = $1 and owner_id = $2 and id = $3
        ",
        org.0,
        user.0,
        run.0,
        fence,
        frames.n_from,
        frames.n_to,
        frames.text,
        status.as_str(),
        code,
        message,
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)?;
    if status == RunStatus::Done { Ok(()) } else { sequences::end(tx.tenant(), run, status).await }
}

/// A tool call: an intent, or what came of it.
#[derive(Clone, Debug)]
pub struct ToolCall<'a> {
    pub id: &'a str,
    pub name: &'a str,
    pub class: ToolClass,
    pub state: CallState,
    /// The bytes that are or were executed, and their SHA-256.
    pub args: &'a str,
    pub args_hash: [u8; 32],
    pub result: Option<&'a str>,
    pub duration_ms: Option<i64>,
    /// The block that it has shown (JSON text).
    pub card: Option<&'a str>,
}

/// Records calls: new ones, and what came of those that were started. What is
/// known for good stays. Several rows of values, because `insert … select
/// unnest()` does not work everywhere under row-level security.
pub async fn record_calls(tx: &mut RunTx, calls: &[ToolCall<'_>]) -> Result<()> {
    if calls.is_empty() {
        return Ok(());
    }
    let Lease { org, user, run, fence, .. } = *tx.lease();
    let mut sql: QueryBuilder<Postgres> = QueryBuilder::new(
        "insert into sixty.tool_calls
            (org_id, owner_id, run_id, call_id, name, class, state, args, args_hash, fence, result, duration_ms,
            card) ",
    );
    sql.push_values(calls, |mut row, call| {
        row.push_bind(org.0)
            .push_bind(user.0)
            .push_bind(run.0)
            .push_bind(call.id)
            .push_bind(call.name)
            .push_bind(call.class.as_str())
            .push_bind(call.state.as_str())
            .push_bind(call.args)
            .push_bind(call.args_hash.to_vec())
            .push_bind(fence)
            .push_bind(call.result)
            .push_bind(call.duration_ms)
            .push_bind(call.card);
    });
    sql.push(
        " on conflict (org_id, run_id, call_id) do update set state = excluded.state, fence = excluded.fence,
            result = excluded.result, duration_ms = excluded.duration_ms, card = excluded.card
          where tool_calls.state = 'started'",
    );
    sql.build().execute(tx.connection()).await.map_err(from_sqlx).map(drop)
}

/// A call that an owner of the run has recorded.
#[derive(Clone, Debug)]
pub struct Recorded {
    pub id: String,
    pub name: String,
    pub class: String,
    pub state: CallState,
    /// The bytes that were, or would be, executed.
    pub args: String,
    pub result: Option<String>,
    /// What it has shown.
    pub card: Option<Card>,
}

/// The calls that the run has recorded so far, in order.
pub async fn calls(tx: &mut TenantTx, run: RunId) -> Result<Vec<Recorded>> {
    let tenant = tx.tenant();
    let rows = sqlx::query!(
        "select call_id, name, class, state, args, result, card from sixty.tool_calls
         where org_id = $1 and owner_id = $2 and run_id = $3 order by created_at, call_id",
        tenant.org.0,
        tenant.user.0,
        run.0
    )
    .fetch_all(tx.connection())
    .await
    .map_err(from_sqlx)?;
    rows.into_iter()
        .map(|row| {
            let state = CallState::parse(&row.state).ok_or_else(|| corrupt("a call's state", &row.state))?;
            let card = row.card.map(|card| serde_json::from_str(&card).map_err(|_| corrupt("a card", &card)));
            Ok(Recorded {
                id: row.call_id,
                name: row.name,
                class: row.class,
                state,
                args: row.args,
                result: row.result,
                card: card.transpose()?,
            })
        })
        .collect()
}
