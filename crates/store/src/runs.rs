//! Runs: what the API shows of them, and how replicas share them.

use chrono::{DateTime, Utc};
use domain::{
    Cost, Error, OrgId, Result, RunId, SessionId, Usage, UserId,
    id::ReplicaId,
    offered::Routing,
    run::{Lease, Mode, PinnedSkill, Run, RunError, RunStatus},
    sequence::{RunStep, StepStatus},
};
use sqlx::types::Json;
use uuid::Uuid;

use crate::{
    RunTx, SystemTx, TenantTx, approvals, budgets,
    error::{corrupt, from_sqlx, violates},
    events, sequences,
    steps::Frames,
};

struct Row {
    id: Uuid,
    session_id: Uuid,
    message_id: Uuid,
    status: String,
    trigger: String,
    mode: String,
    mode_reason: Option<String>,
    routing: Option<Json<Routing>>,
    skill: Option<Json<PinnedSkill>>,
    model: String,
    model_reason: Option<String>,
    iterations: i32,
    input_tokens: i64,
    output_tokens: i64,
    cache_read_input_tokens: i64,
    cache_creation_input_tokens: i64,
    cost: i64,
    error_code: Option<String>,
    error_message: Option<String>,
    created_at: DateTime<Utc>,
    started_at: Option<DateTime<Utc>>,
    finished_at: Option<DateTime<Utc>>,
}

impl TryFrom<Row> for Run {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Run {
            id: row.id.into(),
            session_id: row.session_id.into(),
            message_id: row.message_id.into(),
            status: RunStatus::parse(&row.status).ok_or_else(|| corrupt("a run's status", &row.status))?,
            trigger: row.trigger,
            mode: Mode::parse(&row.mode).ok_or_else(|| corrupt("a run's mode", &row.mode))?,
            mode_reason: row.mode_reason,
            routing: row.routing.map(|routing| routing.0),
            skill: row.skill.map(|skill| skill.0),
            steps: Vec::new(),
            model: row.model,
            model_reason: row.model_reason,
            iterations: row.iterations,
            usage: Usage {
                input_tokens: row.input_tokens,
                output_tokens: row.output_tokens,
                cache_read_input_tokens: row.cache_read_input_tokens,
                cache_creation_input_tokens: row.cache_creation_input_tokens,
                cost: Cost(row.cost),
            },
            error: row.error_code.zip(row.error_message).map(|(code, message)| RunError { code, message }),
            created_at: row.created_at,
            started_at: row.started_at,
            finished_at: row.finished_at,
        })
    }
}

pub async fn find(tx: &mut TenantTx, id: RunId) -> Result<Run> {
    let tenant = tx.tenant();
    let run: Run = sqlx::query_as!(
        Row,
        r#"select id, session_id, message_id, status, trigger, mode, mode_reason,
            routing as "routing: Json<Routing>", skill as "skill: Json<PinnedSkill>", model, model_reason, iterations,
            input_tokens, output_tokens, cache_read_input_tokens, cache_creation_input_tokens, cost,
            error_code, error_message, created_at, started_at, finished_at
         from sixty.runs where org_id = $1 and ($2::uuid is null or owner_id = $2) and id = $3"#,
        tenant.org.0,
        tenant.owner().map(|owner| owner.0),
        id.0
    )
    .fetch_optional(tx.connection())
    .await
    .map_err(from_sqlx)?
    .ok_or(Error::NotFound)?
    .try_into()?;
    let steps = if run.skill.is_some() { sequences::of_run(tx, id).await? } else { Vec::new() };
    let of = i32::try_from(steps.len()).unwrap_or(i32::MAX);
    let waits = run.status == RunStatus::Waiting;
    let shown = steps.iter().map(|step| match step.status {
        StepStatus::Running if waits => RunStep { status: StepStatus::Waiting, ..step.shown(of) },
        _ => step.shown(of),
    });
    Ok(Run { steps: shown.collect(), ..run })
}

/// Asks a run to stop. One that nobody executes ends here, with its last frames
/// made by `last_frames` for the run as it was and the fence that it has now, and what
/// it asked of a person is void; the owner of a running one sees the request within a
/// second. An ended one stays as it is.
pub async fn cancel(
    tx: &mut TenantTx,
    id: RunId,
    last_frames: impl FnOnce(&Run, i64) -> Frames,
) -> Result<()> {
    let tenant = tx.tenant();
    let run = find(tx, id).await?;
    let row = sqlx::query!(
        "update sixty.runs set
            cancel_requested = true,
            status = case when status = 'running' then status else 'cancelled' end,
            fence = case when status = 'running' then fence else fence + 1 end,
            finished_at = case when status = 'running' then finished_at else now() end
         where org_id = $1 and owner_id = $2 and id = $3 and status in ('queued', 'running', 'waiting')
         returning status, fence",
        tenant.org.0,
        tenant.user.0,
        id.0
    )
    .fetch_optional(tx.connection())
    .await
    .map_err(from_sqlx)?;
    if let Some(row) = row
        && row.status == "cancelled"
    {
        let frames = last_frames(&run, row.fence);
        events::insert(tx, id, row.fence, &frames).await?;
        approvals::void(tx, id).await?;
        sequences::end(tx, id, RunStatus::Cancelled).await?;
        budgets::release(tx, id).await?;
    }
    Ok(())
}

/// Stops every run of a person, or of the whole organization, which are about to be
/// erased: whoever executes one sees it within a second, and nobody begins another.
/// Answers those that are being executed.
pub async fn stop_all(tx: &mut SystemTx, org: OrgId, user: Option<UserId>) -> Result<Vec<RunId>> {
    let rows = sqlx::query!(
        r#"update sixty.runs set cancel_requested = true,
            status = case when status = 'running' then status else 'cancelled' end,
            fence = case when status = 'running' then fence else fence + 1 end
         where org_id = $1 and ($2::uuid is null or owner_id = $2) and status in ('queued', 'running', 'waiting')
         returning id, status = 'running' as "running!""#,
        org.0,
        user.map(|user| user.0)
    )
    .fetch_all(tx.connection())
    .await
    .map_err(from_sqlx)?;
    Ok(rows.into_iter().filter(|row| row.running).map(|row| row.id.into()).collect())
}

/// Runs of the session that wait for a person, and whose question stands at `seq` or
/// later.
pub async fn waiting(tx: &mut TenantTx, session: SessionId, seq: i64) -> Result<Vec<RunId>> {
    let tenant = tx.tenant();
    let rows = sqlx::query_scalar!(
        "select r.id from sixty.runs r
         join sixty.messages m on m.org_id = r.org_id and m.owner_id = r.owner_id and m.id = r.message_id
         where r.org_id = $1 and r.owner_id = $2 and r.session_id = $3 and r.status = 'waiting' and m.seq >= $4",
        tenant.org.0,
        tenant.user.0,
        session.0,
        seq
    )
    .fetch_all(tx.connection())
    .await
    .map_err(from_sqlx)?;
    Ok(rows.into_iter().map(RunId).collect())
}

/// A run that somebody may claim.
#[derive(Clone, Copy, Debug)]
pub struct Candidate {
    lease: Lease,
    /// Claims since its last committed step.
    pub attempts: i32,
}

/// Runs that nobody executes: queued ones (of a session the oldest), those whose
/// lease has ended, those that are to wake. Organizations take turns. A question comes
/// before a run that waited and goes on: what that one adds belongs after the answer.
pub async fn candidates(tx: &mut SystemTx, me: ReplicaId, limit: i64) -> Result<Vec<Candidate>> {
    let rows = sqlx::query!(
        r#"select org_id, id, owner_id, author_id as "author_id!", session_id, fence, attempts
         from (
            select r.org_id, r.id, r.owner_id, coalesce(r.author_id, r.owner_id) as author_id, r.session_id, r.fence,
                r.attempts, r.created_at,
                row_number() over (partition by r.org_id order by r.created_at) as turn
            from sixty.runs r
            where (r.status = 'queued'
                    and not exists (select from sixty.runs o
                        where o.org_id = r.org_id and o.session_id = r.session_id
                            and (o.status = 'running'
                                or (o.status = 'queued' and (o.wake_at is not null, o.created_at, o.id)
                                    < (r.wake_at is not null, r.created_at, r.id)))))
                or (r.status = 'running' and r.lease_until < now())
                or (r.status = 'waiting' and r.wake_at <= now()
                    and not exists (select from sixty.runs o
                        where o.org_id = r.org_id and o.session_id = r.session_id
                            and o.status in ('queued', 'running')))
         ) open
         order by turn, created_at limit $1"#,
        limit
    )
    .fetch_all(tx.connection())
    .await
    .map_err(from_sqlx)?;
    Ok(rows
        .into_iter()
        .map(|row| Candidate {
            lease: Lease {
                org: row.org_id.into(),
                run: row.id.into(),
                session: row.session_id.into(),
                user: row.owner_id.into(),
                author: row.author_id.into(),
                fence: row.fence,
                replica: me,
            },
            attempts: row.attempts,
        })
        .collect())
}

/// Compare-and-swap on the fence. None: somebody else was faster, or the
/// session has a running run.
pub async fn claim(tx: &mut SystemTx, candidate: &Candidate, lease_seconds: u32) -> Result<Option<Lease>> {
    let Lease { org, run, fence, replica, .. } = candidate.lease;
    let claimed = sqlx::query_scalar!(
        "update sixty.runs set status = 'running', lease_owner = $4,
            lease_until = now() + make_interval(secs => $5), fence = fence + 1, attempts = attempts + 1
         where org_id = $1 and id = $2 and fence = $3
            and (status = 'queued' or (status = 'running' and lease_until < now())
                or (status = 'waiting' and wake_at <= now()))
         returning fence",
        org.0,
        run.0,
        fence,
        replica.0,
        f64::from(lease_seconds)
    )
    .fetch_optional(tx.connection())
    .await;
    match claimed {
        Ok(fence) => Ok(fence.map(|fence| Lease { fence, ..candidate.lease })),
        Err(error) if violates(&error, "runs_one_running") => Ok(None),
        Err(error) => Err(from_sqlx(error)),
    }
}

/// Renews leases. Returns the runs that this replica still owns, each with
/// whether somebody asked it to stop.
pub async fn heartbeat(
    tx: &mut SystemTx,
    leases: &[Lease],
    lease_seconds: u32,
) -> Result<Vec<(RunId, bool)>> {
    let Some(first) = leases.first() else { return Ok(Vec::new()) };
    let (orgs, runs, fences) = columns(leases);
    let rows = sqlx::query!(
        r#"update sixty.runs r set lease_until = now() + make_interval(secs => $5)
         from unnest($1::uuid[], $2::uuid[], $3::bigint[]) as mine (org_id, id, fence)
         where r.org_id = mine.org_id and r.id = mine.id and r.fence = mine.fence
            and r.lease_owner = $4 and r.status = 'running'
         returning r.id, r.cancel_requested"#,
        &orgs,
        &runs,
        &fences,
        first.replica.0,
        f64::from(lease_seconds)
    )
    .fetch_all(tx.connection())
    .await
    .map_err(from_sqlx)?;
    Ok(rows.into_iter().map(|row| (row.id.into(), row.cancel_requested)).collect())
}

/// Runs of this replica that somebody asked to stop.
pub async fn cancelled(tx: &mut SystemTx, me: ReplicaId) -> Result<Vec<RunId>> {
    let rows =
        sqlx::query_scalar!("select id from sixty.runs where lease_owner = $1 and cancel_requested", me.0)
            .fetch_all(tx.connection())
            .await
            .map_err(from_sqlx)?;
    Ok(rows.into_iter().map(RunId).collect())
}

/// Hands a run back, so that another replica need not wait for the lease's end.
/// An owner that leaves in order has made no attempt that failed. False: the
/// lease is another's, or the run has ended.
pub async fn hand_back(tx: &mut SystemTx, lease: Lease, in_order: bool) -> Result<bool> {
    let done = sqlx::query!(
        "update sixty.runs set status = 'queued', lease_owner = null, lease_until = null,
            attempts = case when $5 then greatest(attempts - 1, 0) else attempts end
         where org_id = $1 and id = $2 and fence = $3 and lease_owner = $4 and status = 'running'",
        lease.org.0,
        lease.run.0,
        lease.fence,
        lease.replica.0,
        in_order
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)?;
    Ok(done.rows_affected() == 1)
}

/// The same in the run's own transaction, with whatever else it stores.
pub async fn hand_back_in(tx: &mut RunTx, in_order: bool) -> Result<()> {
    let Lease { org, user, run, .. } = *tx.lease();
    sqlx::query!(
        "update sixty.runs set lease_owner = null, lease_until = null, status = 'queued',
            attempts = case when $4 then greatest(attempts - 1, 0) else attempts end
         where org_id = $1 and owner_id = $2 and id = $3",
        org.0,
        user.0,
        run.0,
        in_order
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)
    .map(drop)
}

/// Hands back whatever this replica still owns, in order.
pub async fn hand_back_all(tx: &mut SystemTx, me: ReplicaId) -> Result<u64> {
    let done = sqlx::query!(
        "update sixty.runs set status = 'queued', lease_owner = null, lease_until = null,
            attempts = greatest(attempts - 1, 0)
         where lease_owner = $1 and status = 'running'",
        me.0
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)?;
    Ok(done.rows_affected())
}

fn columns(leases: &[Lease]) -> (Vec<Uuid>, Vec<Uuid>, Vec<i64>) {
    let orgs = leases.iter().map(|lease| lease.org.0).collect();
    let runs = leases.iter().map(|lease| lease.run.0).collect();
    (orgs, runs, leases.iter().map(|lease| lease.fence).collect())
}
