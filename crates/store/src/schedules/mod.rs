//! Scheduled tasks of one person; `firing` is what all replicas do for all of them.

pub mod delivery;
pub mod firing;
mod history;

use chrono::{DateTime, Utc};
use domain::{
    Error, Result, Role, RunId, ScheduleId, ScheduleRunId, Scope, SessionId,
    schedule::{CatchUp, Deliver, MAX_KEPT, MAX_OF_ORG, MAX_OF_PERSON, PausedFor, Task, TaskStatus},
};
use serde_json::Value;
use sqlx::types::Json;
use uuid::Uuid;

use crate::{
    TenantTx,
    error::{corrupt, from_sqlx},
    retention, sessions,
};

pub use history::{find_run, newest_runs, runs};

/// What its owner says of a task.
#[derive(Clone, Debug)]
pub struct Content<'a> {
    pub name: &'a str,
    pub prompt: &'a str,
    pub schedule: &'a Value,
    pub anchor: DateTime<Utc>,
    /// The next slot; none: it fires no more.
    pub next: Option<DateTime<Utc>>,
    pub catch_up: CatchUp,
    pub session: Option<SessionId>,
    pub deliver: &'a Deliver,
    pub role: Role,
    pub untrusted: bool,
}

struct Row {
    id: Uuid,
    name: String,
    prompt: String,
    schedule: Value,
    anchor: DateTime<Utc>,
    next_run_at: Option<DateTime<Utc>>,
    status: String,
    paused_for: Option<String>,
    catch_up: String,
    session_id: Option<Uuid>,
    deliver: Json<Deliver>,
    role: String,
    untrusted: bool,
    failures: i32,
    version: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl TryFrom<Row> for Task {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        let paused_for =
            row.paused_for.map(|why| PausedFor::parse(&why).ok_or_else(|| corrupt("a reason", &why)));
        Ok(Task {
            id: row.id.into(),
            name: row.name,
            prompt: row.prompt,
            schedule: row.schedule,
            anchor: row.anchor,
            next_run_at: row.next_run_at,
            status: TaskStatus::parse(&row.status).ok_or_else(|| corrupt("a status", &row.status))?,
            paused_for: paused_for.transpose()?,
            catch_up: CatchUp::parse(&row.catch_up).ok_or_else(|| corrupt("a rule", &row.catch_up))?,
            session: row.session_id.map(SessionId),
            deliver: row.deliver.0,
            role: Role::parse(&row.role).ok_or_else(|| corrupt("a role", &row.role))?,
            untrusted: row.untrusted,
            failures: row.failures,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

/// What the clock of scheduled tasks says.
pub async fn now(tx: &mut TenantTx) -> Result<DateTime<Utc>> {
    sqlx::query_scalar!(r#"select sixty.schedule_clock() as "now!""#)
        .fetch_one(tx.connection())
        .await
        .map_err(from_sqlx)
}

/// Stores a new task; refused where there are too many.
pub async fn create(tx: &mut TenantTx, id: ScheduleId, new: &Content<'_>) -> Result<()> {
    let tenant = tx.tenant();
    // A person's that are made at once are counted one after the other, and so in a statement of their own. Of an
    // organization there may be as many more as people make one at this moment.
    sqlx::query_scalar!(
        "select user_id from sixty.members
         where org_id = $1 and user_id = $2 and status = 'active' for no key update",
        tenant.org.0,
        tenant.user.0
    )
    .fetch_optional(tx.connection())
    .await
    .map_err(from_sqlx)?
    .ok_or(Error::NotFound)?;
    let own = sqlx::query!(
        r#"select count(*) filter (where status in ('active', 'paused')) as "alive!", count(*) as "all!"
         from sixty.schedules where org_id = $1 and owner_id = $2"#,
        tenant.org.0,
        tenant.user.0
    )
    .fetch_one(tx.connection())
    .await
    .map_err(from_sqlx)?;
    if own.alive >= MAX_OF_PERSON {
        return Err(limit(&format!("you have {MAX_OF_PERSON} scheduled tasks, which is the most")));
    }
    if own.all >= MAX_KEPT {
        let detail = format!("you have {MAX_KEPT} scheduled tasks, those that are over included");
        return Err(Error::conflict("schedule_limit", format!("{detail}; delete some of them")));
    }
    if of_organization(tx).await? >= MAX_OF_ORG {
        return Err(limit(&format!("the organization has {MAX_OF_ORG} scheduled tasks, which is the most")));
    }
    sqlx::query!(
        "insert into sixty.schedules (org_id, owner_id, id, name, prompt, schedule, anchor, next_run_at, status,
            catch_up, session_id, deliver, role, untrusted)
         values ($1, $2, $3, $4, $5, $6, $7, $8, 'active', $9, $10, $11, $12, $13)",
        tenant.org.0,
        tenant.user.0,
        id.0,
        new.name,
        new.prompt,
        new.schedule,
        new.anchor,
        new.next,
        new.catch_up.as_str(),
        new.session.map(|session| session.0),
        Json(new.deliver) as _,
        new.role.as_str(),
        new.untrusted
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)
    .map(drop)
}

/// How many tasks of the organization are active or paused, whoever's they are. No more than their number is seen.
async fn of_organization(tx: &mut TenantTx) -> Result<i64> {
    let scope = tx.tenant().scope;
    tx.switch(None, Scope::Org).await?;
    let tenant = tx.tenant();
    let count = sqlx::query_scalar!(
        r#"select count(*) as "count!" from sixty.schedules
         where org_id = $1 and ($2::uuid is null or owner_id = $2) and status in ('active', 'paused')"#,
        tenant.org.0,
        tenant.owner().map(|owner| owner.0)
    )
    .fetch_one(tx.connection())
    .await;
    tx.switch(None, scope).await?;
    count.map_err(from_sqlx)
}

fn limit(detail: &str) -> Error {
    Error::conflict("schedule_limit", format!("{detail}; cancel or delete one first"))
}

pub async fn find(tx: &mut TenantTx, id: ScheduleId) -> Result<Task> {
    select(tx, Some(id), None, None, 1).await?.pop().ok_or(Error::NotFound)
}

/// The task, held as it is until the transaction ends: it neither fires nor begins meanwhile.
pub async fn lock(tx: &mut TenantTx, id: ScheduleId) -> Result<Task> {
    let tenant = tx.tenant();
    sqlx::query_as!(
        Row,
        r#"select id, name, prompt, schedule, anchor, next_run_at, status, paused_for, catch_up, session_id,
            deliver as "deliver: Json<Deliver>", role, untrusted, failures, version, created_at, updated_at
         from sixty.schedules where org_id = $1 and owner_id = $2 and id = $3 for no key update"#,
        tenant.org.0,
        tenant.user.0,
        id.0
    )
    .fetch_optional(tx.connection())
    .await
    .map_err(from_sqlx)?
    .ok_or(Error::NotFound)?
    .try_into()
}

/// The caller's tasks, newest first. `before` is the last of the page before.
pub async fn list(
    tx: &mut TenantTx,
    status: Option<TaskStatus>,
    before: Option<ScheduleId>,
    limit: i64,
) -> Result<Vec<Task>> {
    select(tx, None, status, before, limit).await
}

async fn select(
    tx: &mut TenantTx,
    id: Option<ScheduleId>,
    status: Option<TaskStatus>,
    before: Option<ScheduleId>,
    limit: i64,
) -> Result<Vec<Task>> {
    let tenant = tx.tenant();
    sqlx::query_as!(
        Row,
        r#"select id, name, prompt, schedule, anchor, next_run_at, status, paused_for, catch_up, session_id,
            deliver as "deliver: Json<Deliver>", role, untrusted, failures, version, created_at, updated_at
         from sixty.schedules
         where org_id = $1 and owner_id = $2 and ($3::uuid is null or id = $3) and ($4::text is null or status = $4)
            and ($5::uuid is null or id < $5)
         order by id desc limit $6"#,
        tenant.org.0,
        tenant.user.0,
        id.map(|id| id.0),
        status.map(TaskStatus::as_str),
        before.map(|before| before.0),
        limit
    )
    .fetch_all(tx.connection())
    .await
    .map_err(from_sqlx)?
    .into_iter()
    .map(Task::try_from)
    .collect()
}

/// Writes a task that the transaction has locked. What was due and has not begun is cancelled if `afresh`.
pub async fn update(tx: &mut TenantTx, id: ScheduleId, new: &Content<'_>, afresh: bool) -> Result<()> {
    let tenant = tx.tenant();
    sqlx::query!(
        "update sixty.schedules set name = $4, prompt = $5, schedule = $6, anchor = $7,
            next_run_at = case when status = 'active' then $8 else next_run_at end,
            catch_up = $9, session_id = $10, deliver = $11, role = $12, untrusted = $13,
            version = version + 1, updated_at = now()
         where org_id = $1 and owner_id = $2 and id = $3",
        tenant.org.0,
        tenant.user.0,
        id.0,
        new.name,
        new.prompt,
        new.schedule,
        new.anchor,
        new.next,
        new.catch_up.as_str(),
        new.session.map(|session| session.0),
        Json(new.deliver) as _,
        new.role.as_str(),
        new.untrusted
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)?;
    if afresh { cancel_due(tx, id, false).await } else { Ok(()) }
}

/// Moves a task that the transaction has locked to another state. What was due and has not begun is cancelled.
pub async fn set_status(
    tx: &mut TenantTx,
    id: ScheduleId,
    status: TaskStatus,
    why: Option<PausedFor>,
    next: Option<DateTime<Utc>>,
) -> Result<()> {
    let tenant = tx.tenant();
    sqlx::query!(
        "update sixty.schedules set status = $4, paused_for = $5, next_run_at = $6,
            failures = case when $4 = 'active' then 0 else failures end, version = version + 1, updated_at = now()
         where org_id = $1 and owner_id = $2 and id = $3",
        tenant.org.0,
        tenant.user.0,
        id.0,
        status.as_str(),
        why.map(PausedFor::as_str),
        next
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)?;
    cancel_due(tx, id, status == TaskStatus::Cancelled).await
}

/// Voids slots that have not begun: those that were asked for by hand only if the task has come to its end.
async fn cancel_due(tx: &mut TenantTx, id: ScheduleId, by_hand: bool) -> Result<()> {
    let tenant = tx.tenant();
    sqlx::query!(
        "update sixty.schedule_runs set state = 'cancelled', finished_at = now(), error_code = 'stopped',
            error_message = 'the task was paused, cancelled or changed before this began'
         where org_id = $1 and owner_id = $2 and schedule_id = $3 and state = 'due' and ($4 or not manual)",
        tenant.org.0,
        tenant.user.0,
        id.0,
        by_hand
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)
    .map(drop)
}

/// A run that its owner asks for now, beside the schedule.
pub async fn fire_by_hand(tx: &mut TenantTx, id: ScheduleId, run: ScheduleRunId) -> Result<()> {
    let tenant = tx.tenant();
    sqlx::query!(
        "insert into sixty.schedule_runs
            (org_id, owner_id, schedule_id, id, slot, manual, begin_at, lease_until)
         values ($1, $2, $3, $4, date_trunc('second', sixty.schedule_clock()), true, sixty.schedule_clock(),
            sixty.schedule_clock() - interval '1 second')",
        tenant.org.0,
        tenant.user.0,
        id.0,
        run.0
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)
    .map(drop)
}

/// Whether a run that its owner has asked for is not over.
pub async fn is_open_by_hand(tx: &mut TenantTx, id: ScheduleId) -> Result<bool> {
    let tenant = tx.tenant();
    sqlx::query_scalar!(
        r#"select exists (select from sixty.schedule_runs where org_id = $1 and owner_id = $2 and schedule_id = $3
            and manual and state in ('due', 'begun')) as "open!""#,
        tenant.org.0,
        tenant.user.0,
        id.0
    )
    .fetch_one(tx.connection())
    .await
    .map_err(from_sqlx)
}

/// Runs of a task that have begun and are not over, in whichever conversation.
pub async fn begun(tx: &mut TenantTx, id: ScheduleId) -> Result<Vec<RunId>> {
    let tenant = tx.tenant();
    let runs = sqlx::query_scalar!(
        r#"select run_id as "run_id!" from sixty.schedule_runs
         where org_id = $1 and owner_id = $2 and schedule_id = $3 and state = 'begun' and run_id is not null"#,
        tenant.org.0,
        tenant.user.0,
        id.0
    )
    .fetch_all(tx.connection())
    .await
    .map_err(from_sqlx)?;
    Ok(runs.into_iter().map(RunId).collect())
}

/// Deletes a task that the transaction has locked, with its history and its conversations, unless one of these is under
/// legal hold. Answers the runs of those conversations, some of which may still be executed.
pub async fn delete(tx: &mut TenantTx, id: ScheduleId) -> Result<Vec<RunId>> {
    let tenant = tx.tenant();
    let own = sqlx::query_scalar!(
        "select id from sixty.sessions where org_id = $1 and owner_id = $2 and schedule_id = $3",
        tenant.org.0,
        tenant.user.0,
        id.0
    )
    .fetch_all(tx.connection())
    .await
    .map_err(from_sqlx)?;
    if retention::any_of_held(tx, &own).await? {
        return Err(retention::refusal());
    }
    let (_, runs) = sessions::delete_all(tx, &own, None).await?;
    sqlx::query!(
        "delete from sixty.schedules where org_id = $1 and owner_id = $2 and id = $3",
        tenant.org.0,
        tenant.user.0,
        id.0
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)?;
    Ok(runs)
}
