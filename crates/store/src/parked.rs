//! Runs that wait for a person, in the run's own guarded transactions: what they
//! ask, how they are put aside, and what they find when they go on.

use chrono::{DateTime, Utc};
use domain::{
    ApprovalId, Result, UserId,
    approval::ApprovalStatus,
    permission::{Action, Decider},
    run::Lease,
};
use uuid::Uuid;

use crate::{
    RunTx,
    error::{corrupt, from_sqlx},
    steps::Frames,
};

/// A call that a person is asked about.
#[derive(Clone, Debug)]
pub struct NewApproval<'a> {
    pub id: ApprovalId,
    pub call_id: &'a str,
    pub tool: &'a str,
    pub action: Action,
    pub schema_hash: [u8; 32],
    /// The arguments' bytes, and their SHA-256.
    pub args: &'a str,
    pub args_hash: [u8; 32],
    /// JSON text.
    pub preview: &'a str,
    /// The conversation has read what came from outside.
    pub untrusted: bool,
    pub blocking: bool,
    pub decider: Decider,
    /// How long it can be decided, in seconds.
    pub seconds: f64,
}

/// What is stored of a call that a person is asked about.
#[derive(Clone, Debug)]
pub struct Held {
    pub id: ApprovalId,
    pub call_id: String,
    pub tool: String,
    pub action: String,
    pub schema_hash: Vec<u8>,
    pub args: String,
    pub args_hash: Vec<u8>,
    pub edited: Option<(String, Vec<u8>)>,
    pub status: ApprovalStatus,
    /// Still pending, and its time is over.
    pub overdue: bool,
    /// The person who decided, and their external id.
    pub decided_by_id: Option<UserId>,
    pub decided_by: Option<String>,
    pub decided_by_admin: bool,
    pub reason: Option<String>,
    pub expires_at: DateTime<Utc>,
    /// The arguments as the run that asked has recorded them, if it has.
    pub recorded_args: Option<String>,
}

/// Asks a person about a call. Answers until when.
pub async fn create(tx: &mut RunTx, new: &NewApproval<'_>) -> Result<DateTime<Utc>> {
    let Lease { org, user, session, run, .. } = *tx.lease();
    sqlx::query_scalar!(
        "insert into sixty.approvals (org_id, owner_id, id, session_id, run_id, call_id, tool, action, schema_hash,
            args, args_hash, preview, blocking, decider, expires_at, untrusted)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, now() + make_interval(secs => $15), $16)
         returning expires_at",
        org.0,
        user.0,
        new.id.0,
        session.0,
        run.0,
        new.call_id,
        new.tool,
        new.action.as_str(),
        &new.schema_hash[..],
        new.args,
        &new.args_hash[..],
        new.preview,
        new.blocking,
        new.decider.as_str(),
        new.seconds,
        new.untrusted
    )
    .fetch_one(tx.connection())
    .await
    .map_err(from_sqlx)
}

struct Row {
    id: Uuid,
    call_id: String,
    tool: String,
    action: String,
    schema_hash: Vec<u8>,
    args: String,
    args_hash: Vec<u8>,
    edited_args: Option<String>,
    edited_hash: Option<Vec<u8>>,
    status: String,
    overdue: bool,
    decided_by_id: Option<Uuid>,
    decided_by: Option<String>,
    decided_as: Option<String>,
    reason: Option<String>,
    expires_at: DateTime<Utc>,
    recorded_args: Option<String>,
}

/// What the run has asked, or as the run of an accepted proposal is to carry out.
pub async fn held(tx: &mut RunTx) -> Result<Vec<Held>> {
    let Lease { org, user, run, .. } = *tx.lease();
    let rows = sqlx::query_as!(
        Row,
        r#"select a.id, a.call_id, a.tool, a.action, a.schema_hash, a.args, a.args_hash, a.edited_args, a.edited_hash,
            a.status, a.status = 'pending' and a.expires_at <= now() as "overdue!",
            a.decided_by as decided_by_id, d.external_id as "decided_by?", a.decided_as, a.reason, a.expires_at, c.args as "recorded_args?"
         from sixty.approvals a
         left join sixty.members d on d.org_id = a.org_id and d.user_id = a.decided_by
         left join sixty.tool_calls c on c.org_id = a.org_id and c.owner_id = a.owner_id
            and c.run_id = a.run_id and c.call_id = a.call_id
         where a.org_id = $1 and a.owner_id = $2 and (a.run_id = $3 or a.decision_run_id = $3)
         order by a.id"#,
        org.0,
        user.0,
        run.0
    )
    .fetch_all(tx.connection())
    .await
    .map_err(from_sqlx)?;
    rows.into_iter()
        .map(|row| {
            Ok(Held {
                id: row.id.into(),
                call_id: row.call_id,
                tool: row.tool,
                action: row.action,
                schema_hash: row.schema_hash,
                args: row.args,
                args_hash: row.args_hash,
                edited: row.edited_args.zip(row.edited_hash),
                status: ApprovalStatus::parse(&row.status).ok_or_else(|| corrupt("a status", &row.status))?,
                overdue: row.overdue,
                decided_by_id: row.decided_by_id.map(Into::into),
                decided_by: row.decided_by,
                decided_by_admin: row.decided_as.as_deref() == Some(Decider::Admin.as_str()),
                reason: row.reason,
                expires_at: row.expires_at,
                recorded_args: row.recorded_args,
            })
        })
        .collect()
}

/// Moves an approval on, once. False: it is elsewhere by now.
pub async fn settle(
    tx: &mut RunTx,
    id: ApprovalId,
    from: ApprovalStatus,
    to: ApprovalStatus,
) -> Result<bool> {
    let Lease { org, user, .. } = *tx.lease();
    let done = sqlx::query!(
        "update sixty.approvals set status = $5 where org_id = $1 and owner_id = $2 and id = $3 and status = $4",
        org.0,
        user.0,
        id.0,
        from.as_str(),
        to.as_str()
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)?;
    Ok(done.rows_affected() == 1)
}

/// Puts the run aside until somebody decides or answers, or the first of what it has
/// asked is overdue. `note` is the result that the open calls of the answer at `seq` have
/// in the prompts of other runs.
pub async fn park(tx: &mut RunTx, seq: i64, note: &str, frames: &Frames) -> Result<()> {
    let Lease { org, user, session, run, fence, .. } = *tx.lease();
    sqlx::query!(
        "
        with event as (
            insert into sixty.run_events (org_id, owner_id, run_id, fence, n_from, n_to, frames)
            values ($1, $2, $3, $4, $5, $6, $7)
        ), answer as (
            update sixty.messages set context = $10
            where org_id = $1 and owner_id = $2 and session_id = $8 and seq = $9
        )
        update sixty.runs set status = 'waiting', attempts = 0, lease_owner = null, lease_until = null,
            -- A decision that came before this found nobody to wake. One about a call behind
            -- another that is still open has to wait for that.
            wake_at = least((select min(case a.status when 'pending' then a.expires_at else now() end)
                from sixty.approvals a
                where a.org_id = $1 and a.owner_id = $2 and a.run_id = $3 and a.blocking
                    and (a.status = 'pending' or (a.status in ('approved', 'denied')
                        and not exists (select from sixty.tool_calls c
                            where c.org_id = $1 and c.owner_id = $2 and c.run_id = $3 and c.call_id = a.call_id)
                        and not exists (select from sixty.approvals b
                            where b.org_id = $1 and b.owner_id = $2 and b.run_id = $3 and b.blocking
                                and b.status = 'pending' and b.id < a.id)
                        and not exists (select from sixty.questions b
                            where b.org_id = $1 and b.owner_id = $2 and b.run_id = $3
                                and b.status = 'open' and b.expires_at > now() and b.id < a.id)))),
                (select min(case q.status when 'open' then q.expires_at else now() end) from sixty.questions q
                where q.org_id = $1 and q.owner_id = $2 and q.run_id = $3
                    and not exists (select from sixty.tool_calls c
                        where c.org_id = $1 and c.owner_id = $2 and c.run_id = $3 and c.call_id = q.call_id)))
        where org_id = $1 and owner_id = $2 and id = $3
        ",
        org.0,
        user.0,
        run.0,
        fence,
        frames.n_from,
        frames.n_to,
        frames.text,
        session.0,
        seq,
        note,
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)
    .map(drop)
}

/// What a run that waited for a person goes on with.
#[derive(Clone, Debug)]
pub struct Parked {
    /// Nobody has gone on with it since.
    pub untouched: bool,
    /// Its last message, if that is an answer whose calls a person was asked about: its
    /// place and its content. Others may have spoken after it, or it is archived by now.
    pub open: Option<(i64, String)>,
    /// Ids of the calls that a person was asked about.
    pub asked: Vec<String>,
}

pub(crate) async fn of_run(tx: &mut RunTx, untouched: bool) -> Result<Parked> {
    Ok(Parked { untouched, open: open_answer(tx).await?, asked: asked(tx).await? })
}

async fn open_answer(tx: &mut RunTx) -> Result<Option<(i64, String)>> {
    let Lease { org, user, session, run, .. } = *tx.lease();
    let row = sqlx::query!(
        "select seq, role, content from sixty.messages
         where org_id = $1 and owner_id = $2 and session_id = $3 and run_id = $4
            and (exists (select from sixty.approvals a
                    where a.org_id = $1 and a.owner_id = $2 and a.run_id = $4 and a.blocking)
                or exists (select from sixty.questions q
                    where q.org_id = $1 and q.owner_id = $2 and q.run_id = $4))
         order by seq desc limit 1",
        org.0,
        user.0,
        session.0,
        run.0
    )
    .fetch_optional(tx.connection())
    .await
    .map_err(from_sqlx)?;
    Ok(row.filter(|row| row.role == "assistant").map(|row| (row.seq, row.content)))
}

async fn asked(tx: &mut RunTx) -> Result<Vec<String>> {
    let Lease { org, user, run, .. } = *tx.lease();
    sqlx::query_scalar!(
        r#"select call_id as "call_id!" from sixty.approvals
            where org_id = $1 and owner_id = $2 and run_id = $3 and blocking
         union all
         select call_id from sixty.questions where org_id = $1 and owner_id = $2 and run_id = $3"#,
        org.0,
        user.0,
        run.0
    )
    .fetch_all(tx.connection())
    .await
    .map_err(from_sqlx)
}
