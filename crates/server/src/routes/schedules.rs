//! Scheduled tasks of the caller.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use domain::{
    Error, OptionalExt as _, RunId, ScheduleId, ScheduleRunId, SessionId,
    schedule::{CatchUp, Deliver, PausedFor, Task, TaskRun, TaskStatus},
};
use engine::{NewTask, TaskAuthor, TaskChange, TaskMove, TaskTimes};
use schedules::Wanted;
use serde::{Deserialize, Serialize};
use store::{audit, runs, schedules as rows};
use utoipa::{IntoParams, ToSchema};

use crate::{
    caller::{Caller, Tx},
    door::unmasked,
    etag::{ETag, IfMatch},
    extract::{Body, IdempotencyKey, Path, Query},
    idempotent::{Answer, once, request_hash},
    page::{Page, after, limit, page},
    problem::{Problems, Result},
};

/// Stands for a new conversation each time.
const ISOLATED: &str = "isolated";

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSchedule {
    /// A line of 1 to 200 characters.
    #[schema(min_length = 1, max_length = 200)]
    name: String,
    /// What the copilot is asked, every time: 1 to 16384 bytes.
    #[schema(min_length = 1, max_length = 16384)]
    prompt: String,
    schedule: Wanted,
    /// Where the result goes; a notification when left out.
    deliver: Option<Deliver>,
    /// `isolated`, for a new conversation each time (when left out), or the id of one of the caller's.
    session: Option<String>,
    /// What becomes of slots that passed while the service was down; `one` when left out.
    catch_up: Option<CatchUp>,
}

/// What is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ScheduleChange {
    #[schema(min_length = 1, max_length = 200)]
    name: Option<String>,
    #[schema(min_length = 1, max_length = 16384)]
    prompt: Option<String>,
    schedule: Option<Wanted>,
    deliver: Option<Deliver>,
    session: Option<String>,
    catch_up: Option<CatchUp>,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListSchedules {
    status: Option<TaskStatus>,
    /// 1 to 100.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<i64>,
    cursor: Option<String>,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListScheduleRuns {
    /// 1 to 100.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<i64>,
    cursor: Option<String>,
}

/// A scheduled task.
#[derive(Serialize, ToSchema)]
#[expect(clippy::struct_field_names, reason = "clients call both so: the task, and when it fires")]
pub struct Schedule {
    id: ScheduleId,
    name: String,
    prompt: String,
    schedule: Wanted,
    /// The schedule in words, such as `every Monday at 09:00 (Europe/Berlin)`.
    description: String,
    status: TaskStatus,
    /// Why the service has paused it; null: nobody or a person has.
    #[schema(required)]
    paused_for: Option<PausedFor>,
    /// Null: it is not active, or fires no more.
    #[schema(required)]
    next_run_at: Option<DateTime<Utc>>,
    /// The next five times; of a paused task as if it were active.
    upcoming: Vec<DateTime<Utc>>,
    deliver: Deliver,
    /// `isolated`, or the id of a conversation.
    session: String,
    catch_up: CatchUp,
    /// Slots in a row that failed.
    failures: i32,
    version: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl Schedule {
    fn of(task: Task, now: DateTime<Utc>) -> domain::Result<Self> {
        let TaskTimes { schedule, description, upcoming } = TaskTimes::of(&task, now)?;
        Ok(Self {
            id: task.id,
            name: task.name,
            prompt: task.prompt,
            schedule,
            description,
            status: task.status,
            paused_for: task.paused_for,
            next_run_at: task.next_run_at,
            upcoming,
            deliver: task.deliver,
            session: task.session.map_or_else(|| ISOLATED.to_owned(), |session| session.to_string()),
            catch_up: task.catch_up,
            failures: task.failures,
            version: task.version,
            created_at: task.created_at,
            updated_at: task.updated_at,
        })
    }
}

/// A task's name in the audit trail.
fn target(id: ScheduleId) -> String {
    format!("schedule:{id}")
}

/// `isolated`, or the id of a conversation.
fn session(text: &str) -> domain::Result<Option<SessionId>> {
    if text == ISOLATED {
        return Ok(None);
    }
    text.parse()
        .map(Some)
        .map_err(|_| Error::field("session", "must be `isolated` or the id of one of your conversations"))
}

/// Refuses who may not schedule tasks.
async fn may_schedule(tx: &mut Tx) -> domain::Result<()> {
    tx.writes()?;
    let role = tx.role;
    if engine::may_schedule(tx, role).await? {
        return Ok(());
    }
    Err(Error::forbidden("your organization does not let you schedule tasks"))
}

fn author(caller: &Caller, tx: &Tx) -> TaskAuthor {
    TaskAuthor { role: tx.role, zone: Tz::UTC, untrusted: caller.is_program(), scheduled: false }
}

async fn shown(tx: &mut Tx, task: Task) -> domain::Result<Schedule> {
    let now = rows::now(tx).await?;
    Schedule::of(task, now)
}

/// Makes a task that asks the copilot again and again, or once. It runs as the caller, with the rights that they have
/// whenever it fires. A person may have 50 that are active or paused, an organization 1000.
#[utoipa::path(post, path = "/v1/schedules", tag = "schedules", security(("bearer" = [])), request_body = NewSchedule,
    responses((status = 201, body = Schedule), Problems))]
pub async fn create(caller: Caller, key: IdempotencyKey, body: Body<NewSchedule>) -> Result<Answer> {
    let hash = request_hash("POST /v1/schedules", &body.bytes);
    let new = body.value;
    unmasked("name", &new.name)?;
    unmasked("prompt", &new.prompt)?;
    let wanted = NewTask {
        name: new.name,
        prompt: new.prompt,
        schedule: new.schedule,
        deliver: new.deliver.unwrap_or_default(),
        session: new.session.as_deref().map_or(Ok(None), session)?,
        catch_up: new.catch_up,
    };
    let answer = once(&caller, key, hash, async |tx| {
        may_schedule(tx).await?;
        let author = author(&caller, tx);
        let task = caller.app.engine.create_task(tx, &wanted, author).await?;
        audit::record(tx, &[caller.did("schedule.create").on(&target(task.id))]).await?;
        let (location, version) = (format!("/v1/schedules/{}", task.id), task.version);
        Ok(Answer::created(location, &shown(tx, task).await?)?.at_version(version))
    });
    Ok(answer.await?)
}

/// The caller's tasks, newest first.
#[utoipa::path(get, path = "/v1/schedules", tag = "schedules", security(("bearer" = [])), params(ListSchedules),
    responses((status = 200, body = Page<Schedule>), Problems))]
pub async fn list(caller: Caller, Query(query): Query<ListSchedules>) -> Result<Json<Page<Schedule>>> {
    let limit = limit(query.limit)?;
    let before: Option<ScheduleId> = after(query.cursor.as_deref())?;
    let found = caller
        .tx(async |tx| {
            let now = rows::now(tx).await?;
            let tasks = rows::list(tx, query.status, before, limit + 1).await?;
            tasks.into_iter().map(|task| Schedule::of(task, now)).collect()
        })
        .await?;
    Ok(page::<Schedule, _>(found, limit, |task| task.id))
}

#[utoipa::path(get, path = "/v1/schedules/{id}", tag = "schedules", security(("bearer" = [])),
    params(("id" = ScheduleId, Path)), responses((status = 200, body = Schedule), Problems))]
pub async fn get(caller: Caller, Path(id): Path<ScheduleId>) -> Result<Response> {
    let found = caller.tx(async |tx| {
        let task = rows::find(tx, id).await?;
        shown(tx, task).await
    });
    let task = found.await?;
    Ok((ETag(task.version), Json(task)).into_response())
}

/// Changes a task. With another schedule it begins anew: what was due and has not begun is void. A task that is
/// cancelled or completed stays as it is (409 `schedule_over`).
#[utoipa::path(patch, path = "/v1/schedules/{id}", tag = "schedules", security(("bearer" = [])),
    params(("id" = ScheduleId, Path)), request_body = ScheduleChange,
    responses((status = 200, body = Schedule), Problems))]
pub async fn update(
    caller: Caller,
    Path(id): Path<ScheduleId>,
    seen: IfMatch,
    body: Body<ScheduleChange>,
) -> Result<Response> {
    let new = body.value;
    unmasked("name", new.name.as_deref().unwrap_or_default())?;
    unmasked("prompt", new.prompt.as_deref().unwrap_or_default())?;
    let change = TaskChange {
        name: new.name,
        prompt: new.prompt,
        schedule: new.schedule,
        deliver: new.deliver,
        session: new.session.as_deref().map(session).transpose()?,
        catch_up: new.catch_up,
    };
    let changed = caller.tx(async |tx| {
        let task = rows::lock(tx, id).await?;
        let before = task.version;
        may_schedule(tx).await?;
        let author = author(&caller, tx);
        let task = caller.app.engine.change_task(tx, task, &change, author, seen.0).await?;
        if task.version != before {
            audit::record(tx, &[caller.did("schedule.update").on(&target(id))]).await?;
        }
        shown(tx, task).await
    });
    let task = changed.await?;
    Ok((ETag(task.version), Json(task)).into_response())
}

/// Deletes a task with its history and the conversations of its own, unless one of these is under legal hold (409).
/// What is under way stops.
#[utoipa::path(delete, path = "/v1/schedules/{id}", tag = "schedules", security(("bearer" = [])),
    params(("id" = ScheduleId, Path)), responses((status = 204), Problems))]
pub async fn delete(caller: Caller, Path(id): Path<ScheduleId>, seen: IfMatch) -> Result<StatusCode> {
    let stopped: Vec<RunId> = caller
        .tx(async |tx| {
            // In the order in which a run takes them that changes its own task: first the run, then the task.
            let mut stopped = cancel_begun(tx, id).await?;
            let task = rows::lock(tx, id).await?;
            tx.writes()?;
            if seen.0.is_some_and(|seen| seen != task.version) {
                return Err(Error::VersionMismatch { current: task.version });
            }
            // Those that have begun in between.
            stopped.extend(cancel_begun(tx, id).await?);
            stopped.extend(rows::delete(tx, id).await?);
            audit::record(tx, &[caller.did("schedule.delete").on(&target(id))]).await?;
            Ok(stopped)
        })
        .await?;
    for run in stopped {
        caller.app.engine.cancel(run);
    }
    Ok(StatusCode::NO_CONTENT)
}

async fn cancel_begun(tx: &mut Tx, id: ScheduleId) -> domain::Result<Vec<RunId>> {
    let begun = rows::begun(tx, id).await?;
    for run in &begun {
        // One whose conversation is gone is gone with it.
        runs::cancel(tx, *run, engine::cancelled_frames).await.optional()?;
    }
    Ok(begun)
}

async fn moved(
    caller: Caller,
    id: ScheduleId,
    key: IdempotencyKey,
    (to, action): (TaskMove, &str),
) -> Result<Answer> {
    let hash = request_hash(&format!("POST /v1/schedules/{id} {action}"), &[]);
    let answer = once(&caller, key, hash, async |tx| {
        let task = rows::lock(tx, id).await?;
        let before = task.version;
        match to {
            TaskMove::Resume => may_schedule(tx).await?,
            TaskMove::Pause | TaskMove::Cancel => tx.writes()?,
        }
        let author = author(&caller, tx);
        let task = caller.app.engine.move_task(tx, task, to, author).await?;
        if task.version != before {
            audit::record(tx, &[caller.did(action).on(&target(id))]).await?;
        }
        let version = task.version;
        Answer::changed(version, &shown(tx, task).await?)
    });
    Ok(answer.await?)
}

/// Pauses a task: it fires no more until it is resumed. What was due and has not begun is void; what has begun goes on.
#[utoipa::path(post, path = "/v1/schedules/{id}/pause", tag = "schedules", security(("bearer" = [])),
    params(("id" = ScheduleId, Path)), responses((status = 200, body = Schedule), Problems))]
pub async fn pause(caller: Caller, Path(id): Path<ScheduleId>, key: IdempotencyKey) -> Result<Answer> {
    moved(caller, id, key, (TaskMove::Pause, "schedule.pause")).await
}

/// Resumes a paused task at its next time. What passed while it was paused does not fire.
#[utoipa::path(post, path = "/v1/schedules/{id}/resume", tag = "schedules", security(("bearer" = [])),
    params(("id" = ScheduleId, Path)), responses((status = 200, body = Schedule), Problems))]
pub async fn resume(caller: Caller, Path(id): Path<ScheduleId>, key: IdempotencyKey) -> Result<Answer> {
    moved(caller, id, key, (TaskMove::Resume, "schedule.resume")).await
}

/// Cancels a task for good; its history stays.
#[utoipa::path(post, path = "/v1/schedules/{id}/cancel", tag = "schedules", security(("bearer" = [])),
    params(("id" = ScheduleId, Path)), responses((status = 200, body = Schedule), Problems))]
pub async fn cancel(caller: Caller, Path(id): Path<ScheduleId>, key: IdempotencyKey) -> Result<Answer> {
    moved(caller, id, key, (TaskMove::Cancel, "schedule.cancel")).await
}

/// Fires a task now, active or paused, and leaves its schedule as it is. It begins within a second or two. One run at a
/// time is asked for like this (409 `schedule_running`).
#[utoipa::path(post, path = "/v1/schedules/{id}/run", tag = "schedules", security(("bearer" = [])),
    params(("id" = ScheduleId, Path)), responses((status = 202, body = TaskRun), Problems))]
pub async fn run(caller: Caller, Path(id): Path<ScheduleId>, key: IdempotencyKey) -> Result<Answer> {
    let hash = request_hash(&format!("POST /v1/schedules/{id}/run"), &[]);
    let answer = once(&caller, key, hash, async |tx| {
        let task = rows::lock(tx, id).await?;
        may_schedule(tx).await?;
        let run = caller.app.engine.run_task(tx, &task).await?;
        audit::record(tx, &[caller.did("schedule.run").on(&target(id))]).await?;
        Answer::accepted(format!("/v1/schedules/{id}/runs"), &run)
    });
    Ok(answer.await?)
}

/// What came of each time that a task fired, newest first: the newest 200.
#[utoipa::path(get, path = "/v1/schedules/{id}/runs", tag = "schedules", security(("bearer" = [])),
    params(("id" = ScheduleId, Path), ListScheduleRuns), responses((status = 200, body = Page<TaskRun>), Problems))]
pub async fn history(
    caller: Caller,
    Path(id): Path<ScheduleId>,
    Query(query): Query<ListScheduleRuns>,
) -> Result<Json<Page<TaskRun>>> {
    let limit = limit(query.limit)?;
    let before: Option<(DateTime<Utc>, ScheduleRunId)> = after(query.cursor.as_deref())?;
    let found = caller
        .tx(async |tx| {
            rows::find(tx, id).await?;
            rows::runs(tx, id, before, limit + 1).await
        })
        .await?;
    Ok(page(found, limit, |run| (run.slot, run.id)))
}
