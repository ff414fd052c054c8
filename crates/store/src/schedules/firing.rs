//! How tasks fire: once for each slot, on whichever replica comes first.
//!
//! Claiming a slot moves the task to its next one and inserts the slot's run, whose id is derived from both. Beginning
//! it reads the task again and changes that row with the run that begins. Seeing to its end changes the row a last
//! time, with all that follows from it. Each is one transaction. Leases only keep replicas out of each other's way.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    Result, RunId, ScheduleId, ScheduleRunId, SessionId, Tenant,
    run::Run,
    schedule::{CatchUp, KEPT_RUNS, TaskRunStatus},
};
use serde_json::Value;
use uuid::Uuid;

use super::{Task, lock};
use crate::{
    SystemTx, TenantTx,
    error::{corrupt, from_sqlx},
    sessions,
};

/// Results, and conversations, that one look drops.
const PRUNED: i64 = 50;

/// A task whose time has come.
#[derive(Clone, Debug)]
pub struct DueTask {
    pub owner: Tenant,
    pub id: ScheduleId,
    pub slot: DateTime<Utc>,
    pub schedule: Value,
    pub anchor: DateTime<Utc>,
    pub catch_up: CatchUp,
}

/// What becomes of it.
#[derive(Clone, Debug)]
pub struct Fired {
    pub task: DueTask,
    /// The slot that fires; none: it is skipped.
    pub fires: Option<DateTime<Utc>>,
    pub next: Option<DateTime<Utc>>,
}

/// A slot that this replica looks after.
#[derive(Clone, Copy, Debug)]
pub struct Leased {
    pub owner: Tenant,
    pub task: ScheduleId,
    pub id: ScheduleRunId,
}

pub(super) struct LeasedRow {
    pub org_id: Uuid,
    pub owner_id: Uuid,
    pub schedule_id: Uuid,
    pub id: Uuid,
}

impl From<LeasedRow> for Leased {
    fn from(row: LeasedRow) -> Self {
        Self {
            owner: Tenant::own(row.org_id.into(), row.owner_id.into()),
            task: row.schedule_id.into(),
            id: row.id.into(),
        }
    }
}

/// Tasks that are due, earliest first, which nobody else claims until the transaction ends; and the time.
pub async fn due(tx: &mut SystemTx, limit: i64) -> Result<(DateTime<Utc>, Vec<DueTask>)> {
    let rows = sqlx::query!(
        r#"select org_id, owner_id, id, schedule, anchor, next_run_at as "slot!", catch_up,
            sixty.schedule_clock() as "now!"
         from sixty.schedules where next_run_at <= sixty.schedule_clock()
         order by next_run_at limit $1 for no key update skip locked"#,
        limit
    )
    .fetch_all(tx.connection())
    .await
    .map_err(from_sqlx)?;
    let now = rows.first().map_or(DateTime::UNIX_EPOCH, |row| row.now);
    let tasks = rows.into_iter().map(|row| {
        Ok(DueTask {
            owner: Tenant::own(row.org_id.into(), row.owner_id.into()),
            id: row.id.into(),
            slot: row.slot,
            schedule: row.schedule,
            anchor: row.anchor,
            catch_up: CatchUp::parse(&row.catch_up).ok_or_else(|| corrupt("a rule", &row.catch_up))?,
        })
    });
    Ok((now, tasks.collect::<Result<_>>()?))
}

/// Moves tasks that [`due`] has locked to their next slots, and inserts the runs of those that fire. Answers them:
/// they are this replica's to begin.
pub async fn fire(tx: &mut SystemTx, fired: &[Fired], lease_seconds: u32) -> Result<Vec<Leased>> {
    let orgs: Vec<Uuid> = fired.iter().map(|it| it.task.owner.org.0).collect();
    let owners: Vec<Uuid> = fired.iter().map(|it| it.task.owner.user.0).collect();
    let ids: Vec<Uuid> = fired.iter().map(|it| it.task.id.0).collect();
    let next: Vec<Option<DateTime<Utc>>> = fired.iter().map(|it| it.next).collect();
    let slots: Vec<Option<DateTime<Utc>>> = fired.iter().map(|it| it.fires).collect();
    let of_slot = |it: &Fired| it.fires.map(|slot| ScheduleRunId::of_slot(it.task.id, slot).0);
    let runs: Vec<Option<Uuid>> = fired.iter().map(of_slot).collect();
    let rows = sqlx::query_as!(
        LeasedRow,
        r#"with fired as (
            select * from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::timestamptz[], $5::timestamptz[], $6::uuid[])
                as t (org_id, owner_id, id, next, slot, run)
         ), moved as (
            update sixty.schedules s set next_run_at = f.next,
                -- What fires no more, and not now, is over: a schedule that cannot be read.
                status = case when f.next is null and f.slot is null then 'completed' else s.status end
            from fired f where s.org_id = f.org_id and s.id = f.id
         )
         insert into sixty.schedule_runs (org_id, owner_id, schedule_id, id, slot, begin_at, lease_until)
         select org_id, owner_id, id, run, slot, sixty.schedule_clock(),
            sixty.schedule_clock() + make_interval(secs => $7)
         from fired where slot is not null
         on conflict (org_id, id) do nothing
         returning org_id, owner_id, schedule_id, id"#,
        &orgs,
        &owners,
        &ids,
        &next as &[Option<DateTime<Utc>>],
        &slots as &[Option<DateTime<Utc>>],
        &runs as &[Option<Uuid>],
        f64::from(lease_seconds)
    )
    .fetch_all(tx.connection())
    .await
    .map_err(from_sqlx)?;
    Ok(rows.into_iter().map(Leased::from).collect())
}

/// Slots that nobody begins, although it is time: asked for by hand, to be tried again, or of a replica that died.
pub async fn to_begin(tx: &mut SystemTx, limit: i64, lease_seconds: u32) -> Result<Vec<Leased>> {
    let rows = sqlx::query_as!(
        LeasedRow,
        "update sixty.schedule_runs f set lease_until = sixty.schedule_clock() + make_interval(secs => $2)
         from (select org_id, id from sixty.schedule_runs
            where state = 'due' and begin_at <= sixty.schedule_clock() and lease_until < sixty.schedule_clock()
            order by begin_at limit $1 for no key update skip locked) ripe
         where f.org_id = ripe.org_id and f.id = ripe.id
         returning f.org_id, f.owner_id, f.schedule_id, f.id",
        limit,
        f64::from(lease_seconds)
    )
    .fetch_all(tx.connection())
    .await
    .map_err(from_sqlx)?;
    Ok(rows.into_iter().map(Leased::from).collect())
}

/// Slots whose run has ended, is gone, or waits for its owner, who was not told.
pub async fn to_settle(tx: &mut SystemTx, limit: i64, lease_seconds: u32) -> Result<Vec<Leased>> {
    let rows = sqlx::query_as!(
        LeasedRow,
        "update sixty.schedule_runs f set lease_until = sixty.schedule_clock() + make_interval(secs => $2)
         from (select b.org_id, b.id from sixty.schedule_runs b
            left join sixty.runs r on r.org_id = b.org_id and r.id = b.run_id
            where b.state = 'begun' and b.lease_until < sixty.schedule_clock()
                and (r.id is null or r.status in ('done', 'failed', 'cancelled')
                    or (r.status = 'waiting' and r.fence is distinct from b.told_fence))
            order by b.lease_until limit $1 for no key update of b skip locked) ripe
         where f.org_id = ripe.org_id and f.id = ripe.id
         returning f.org_id, f.owner_id, f.schedule_id, f.id",
        limit,
        f64::from(lease_seconds)
    )
    .fetch_all(tx.connection())
    .await
    .map_err(from_sqlx)?;
    Ok(rows.into_iter().map(Leased::from).collect())
}

/// A slot with its task, both held until the transaction ends.
#[derive(Clone, Debug)]
pub struct Held {
    pub task: Task,
    pub id: ScheduleRunId,
    pub slot: DateTime<Utc>,
    pub manual: bool,
    /// Tries so far.
    pub attempt: i32,
    pub run: Option<RunId>,
    /// When the slot fired, and what the clock says now.
    pub fired_at: DateTime<Utc>,
    pub now: DateTime<Utc>,
}

/// How long a slot, and then its result, may wait for a conversation.
const PATIENCE: TimeDelta = TimeDelta::hours(6);

/// Whether it has waited since then as long as it may.
pub fn is_late(since: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    now - since > PATIENCE
}

/// Where a slot stands that is not over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Its run has not begun.
    Due,
    Begun,
}

impl Stage {
    fn as_str(self) -> &'static str {
        match self {
            Stage::Due => "due",
            Stage::Begun => "begun",
        }
    }
}

/// Locks the slot, at this stage, with its task. None: somebody else has done what there was to do.
pub async fn hold(tx: &mut TenantTx, leased: &Leased, stage: Stage) -> Result<Option<Held>> {
    let tenant = tx.tenant();
    let task = match lock(tx, leased.task).await {
        Err(domain::Error::NotFound) => return Ok(None),
        other => other?,
    };
    let row = sqlx::query!(
        r#"select slot, manual, attempt, run_id, created_at, sixty.schedule_clock() as "now!"
         from sixty.schedule_runs
         where org_id = $1 and owner_id = $2 and id = $3 and state = $4 for no key update"#,
        tenant.org.0,
        tenant.user.0,
        leased.id.0,
        stage.as_str()
    )
    .fetch_optional(tx.connection())
    .await
    .map_err(from_sqlx)?;
    Ok(row.map(|row| Held {
        task,
        id: leased.id,
        slot: row.slot,
        manual: row.manual,
        attempt: row.attempt,
        run: row.run_id.map(RunId),
        fired_at: row.created_at,
        now: row.now,
    }))
}

/// Makes the conversation of one run of a task. It stands in no list.
pub async fn open_session(tx: &mut TenantTx, task: &Task, title: &str) -> Result<SessionId> {
    let (tenant, id) = (tx.tenant(), SessionId::new());
    sqlx::query!(
        "insert into sixty.sessions (org_id, owner_id, id, title, title_source, schedule_id)
         values ($1, $2, $3, $4, 'user', $5)",
        tenant.org.0,
        tenant.user.0,
        id.0,
        title,
        task.id.0
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)?;
    tx.lock_new_session();
    Ok(id)
}

/// What goes on in a conversation.
#[derive(Clone, Copy, Debug)]
pub struct GoesOn {
    pub run: bool,
    /// A question has no answer yet.
    pub question: bool,
}

/// What goes on in the conversation that the transaction has locked.
pub async fn goes_on(tx: &mut TenantTx, session: SessionId) -> Result<GoesOn> {
    let tenant = tx.tenant();
    sqlx::query_as!(
        GoesOn,
        r#"select exists (select from sixty.runs where org_id = $1 and owner_id = $2 and session_id = $3
                and status in ('queued', 'running')) as "run!",
            exists (select from sixty.questions where org_id = $1 and owner_id = $2 and session_id = $3
                and status = 'open') as "question!""#,
        tenant.org.0,
        tenant.user.0,
        session.0
    )
    .fetch_one(tx.connection())
    .await
    .map_err(from_sqlx)
}

/// The slot begins, with this run.
pub async fn begin(tx: &mut TenantTx, held: &Held, run: RunId, session: SessionId) -> Result<()> {
    let tenant = tx.tenant();
    sqlx::query!(
        "update sixty.schedule_runs set state = 'begun', attempt = $4, run_id = $5, session_id = $6, told_fence = null,
            started_at = now(), finished_at = null, error_code = null, error_message = null,
            lease_until = sixty.schedule_clock() - interval '1 second'
         where org_id = $1 and owner_id = $2 and id = $3",
        tenant.org.0,
        tenant.user.0,
        held.id.0,
        held.attempt + 1,
        run.0,
        session.0
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)
    .map(drop)
}

/// The slot begins later, or its run is looked at later.
pub async fn postpone(tx: &mut TenantTx, held: &Held, wait: TimeDelta) -> Result<()> {
    let tenant = tx.tenant();
    sqlx::query!(
        "update sixty.schedule_runs set begin_at = sixty.schedule_clock() + make_interval(secs => $4),
            lease_until = sixty.schedule_clock() + make_interval(secs => $4)
         where org_id = $1 and owner_id = $2 and id = $3",
        tenant.org.0,
        tenant.user.0,
        held.id.0,
        wait.as_seconds_f64()
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)
    .map(drop)
}

/// The owner knows that it waits for them.
pub async fn told(tx: &mut TenantTx, held: &Held) -> Result<()> {
    let tenant = tx.tenant();
    sqlx::query!(
        "update sixty.schedule_runs f set told_fence = r.fence, lease_until = sixty.schedule_clock() - interval '1 second'
         from sixty.runs r
         where f.org_id = $1 and f.owner_id = $2 and f.id = $3
            and r.org_id = $1 and r.owner_id = $2 and r.id = f.run_id and r.status = 'waiting'",
        tenant.org.0,
        tenant.user.0,
        held.id.0
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)
    .map(drop)
}

/// What came of a try.
#[derive(Clone, Debug, Default)]
pub struct Outcome<'a> {
    pub result: Option<&'a str>,
    pub error: Option<(&'a str, &'a str)>,
}

/// The slot is over.
pub async fn end(
    tx: &mut TenantTx,
    held: &Held,
    status: TaskRunStatus,
    run: Option<&Run>,
    outcome: &Outcome<'_>,
) -> Result<()> {
    record(tx, held, status.as_str(), run, outcome, None).await
}

/// The slot is tried again after this time.
pub async fn again(
    tx: &mut TenantTx,
    held: &Held,
    run: &Run,
    outcome: &Outcome<'_>,
    wait: TimeDelta,
) -> Result<()> {
    record(tx, held, Stage::Due.as_str(), Some(run), outcome, Some(wait)).await
}

async fn record(
    tx: &mut TenantTx,
    held: &Held,
    state: &str,
    run: Option<&Run>,
    outcome: &Outcome<'_>,
    wait: Option<TimeDelta>,
) -> Result<()> {
    let tenant = tx.tenant();
    let usage = run.map(|run| run.usage).unwrap_or_default();
    sqlx::query!(
        "update sixty.schedule_runs set state = $4, result = $5, error_code = $6, error_message = $7,
            input_tokens = input_tokens + $8, output_tokens = output_tokens + $9,
            cost = cost + $10, finished_at = case when $4 <> 'due' then coalesce($11, now()) end,
            begin_at = case when $4 = 'due' then sixty.schedule_clock() + make_interval(secs => $12) else begin_at end,
            lease_until = sixty.schedule_clock() - interval '1 second'
         where org_id = $1 and owner_id = $2 and id = $3",
        tenant.org.0,
        tenant.user.0,
        held.id.0,
        state,
        outcome.result,
        outcome.error.map(|(code, _)| code),
        outcome.error.map(|(_, message)| message),
        usage.input_tokens + usage.cache_read_input_tokens + usage.cache_creation_input_tokens,
        usage.output_tokens,
        usage.cost.0,
        run.and_then(|run| run.finished_at),
        wait.unwrap_or_default().as_seconds_f64()
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)
    .map(drop)
}

/// Counts slots in a row that failed; `failed` false begins anew. Answers how many there are.
pub async fn count_failure(tx: &mut TenantTx, task: ScheduleId, failed: bool) -> Result<i32> {
    let tenant = tx.tenant();
    sqlx::query_scalar!(
        "update sixty.schedules set failures = case when $4 then failures + 1 else 0 end
         where org_id = $1 and owner_id = $2 and id = $3 returning failures",
        tenant.org.0,
        tenant.user.0,
        task.0,
        failed
    )
    .fetch_one(tx.connection())
    .await
    .map_err(from_sqlx)
}

/// A task that fires no more is completed, once all of its slots are over.
pub async fn complete(tx: &mut TenantTx, task: ScheduleId) -> Result<()> {
    let tenant = tx.tenant();
    sqlx::query!(
        "update sixty.schedules set status = 'completed', version = version + 1, updated_at = now()
         where org_id = $1 and owner_id = $2 and id = $3 and status = 'active' and next_run_at is null
            and not exists (select from sixty.schedule_runs
                where org_id = $1 and owner_id = $2 and schedule_id = $3 and state in ('due', 'begun'))",
        tenant.org.0,
        tenant.user.0,
        task.0
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)
    .map(drop)
}

/// Slots of the task that are due beside this one and fired before it: they are overtaken.
pub async fn overtake(tx: &mut TenantTx, held: &Held) -> Result<()> {
    let tenant = tx.tenant();
    sqlx::query!(
        "update sixty.schedule_runs set state = 'cancelled', finished_at = now(), error_code = 'overtaken',
            error_message = 'the next slot came before this one could begin'
         where org_id = $1 and owner_id = $2 and schedule_id = $3 and state = 'due' and not manual and slot < $4",
        tenant.org.0,
        tenant.user.0,
        held.task.id.0,
        held.slot
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)
    .map(drop)
}

/// Drops what is older than the newest results of a task, and conversations of which no result is left: those of
/// earlier tries as well. What is under legal hold stays, and what is under way. A few at a time.
pub async fn prune(tx: &mut TenantTx, task: ScheduleId) -> Result<()> {
    let tenant = tx.tenant();
    sqlx::query!(
        "delete from sixty.schedule_runs where org_id = $1 and owner_id = $2 and id in (
            select id from sixty.schedule_runs where org_id = $1 and owner_id = $2 and schedule_id = $3
                and state in ('done', 'failed', 'cancelled') and coalesce(delivery, '') not in ('pending', 'sending')
            order by slot desc, id desc offset $4 limit $5)",
        tenant.org.0,
        tenant.user.0,
        task.0,
        KEPT_RUNS,
        PRUNED
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)?;
    let left = sqlx::query_scalar!(
        "select s.id from sixty.sessions s
         where s.org_id = $1 and s.owner_id = $2 and s.schedule_id = $3
            and not exists (select from sixty.schedule_runs f
                where f.org_id = $1 and f.owner_id = $2 and f.schedule_id = $3 and f.session_id = s.id)
            and not exists (select from sixty.runs r where r.org_id = $1 and r.owner_id = $2 and r.session_id = s.id
                and r.status in ('queued', 'running', 'waiting'))
            and not exists (select from sixty.retention r where r.org_id = $1 and r.legal_hold)
            and not exists (select from sixty.retention_holds h where h.org_id = $1 and h.user_id = $2
                and h.session_id in (s.id, '00000000-0000-0000-0000-000000000000'))
         order by s.id limit $4",
        tenant.org.0,
        tenant.user.0,
        task.0,
        PRUNED
    )
    .fetch_all(tx.connection())
    .await
    .map_err(from_sqlx)?;
    sessions::delete_all(tx, &left, None).await.map(drop)
}

/// Whether the run has made a call that may have changed something.
pub async fn acted(tx: &mut TenantTx, run: RunId) -> Result<bool> {
    let tenant = tx.tenant();
    sqlx::query_scalar!(
        r#"select exists (select from sixty.tool_calls
            where org_id = $1 and owner_id = $2 and run_id = $3 and class <> 'read') as "acted!""#,
        tenant.org.0,
        tenant.user.0,
        run.0
    )
    .fetch_one(tx.connection())
    .await
    .map_err(from_sqlx)
}
