//! What the copilot says of scheduled tasks, and is told of them.

use chrono_tz::Tz;
use domain::{
    Error, OptionalExt as _, Result, ScheduleId,
    approval::Preview,
    schedule::{Task, TaskStatus},
};
use schedules::Wanted;
use serde_json::{Value, json};
use store::{TenantTx, schedules as rows};
use tools::{Call, ScheduleMove, ScheduledTask};

use super::{Doing, Outcome};
use crate::scheduled::{NewTask, TaskMove, TaskTimes};

/// Tasks that one answer shows.
const SHOWN: i64 = 50;
/// How much of a result, in characters.
const RESULT: usize = 200;

/// The person's tasks, with what came of each the last time.
pub async fn list(tx: &mut TenantTx, status: Option<TaskStatus>) -> Result<Outcome> {
    let now = rows::now(tx).await?;
    let mut tasks = rows::list(tx, status.or(Some(TaskStatus::Active)), None, SHOWN).await?;
    if status.is_none() {
        tasks.extend(rows::list(tx, Some(TaskStatus::Paused), None, SHOWN).await?);
    }
    if tasks.is_empty() {
        return Ok(Outcome::ok("There are no scheduled tasks.").telling(json!({"schedules": []})));
    }
    let ids: Vec<ScheduleId> = tasks.iter().map(|task| task.id).collect();
    let newest = rows::newest_runs(tx, &ids).await?;
    let (mut text, mut values) = (String::new(), Vec::with_capacity(tasks.len()));
    for task in tasks {
        let times = TaskTimes::of(&task, now)?;
        text.push_str(&line(&task, &times));
        if let Some(last) = newest.get(&task.id) {
            let result = last.result.as_deref().or(last.error.as_ref().map(|error| error.message.as_str()));
            let result = result.map(|result| format!(": {}", crate::turn::cut(result, RESULT)));
            text.push_str(&format!(
                " Last time ({}): {}{}",
                utc(last.slot),
                last.status,
                result.unwrap_or_default()
            ));
        }
        text.push('\n');
        values.push(told(&task, &times));
    }
    Ok(Outcome::ok(text.trim_end()).telling(json!({ "schedules": values })))
}

fn line(task: &Task, times: &TaskTimes) -> String {
    let next = match task.next_run_at {
        Some(next) => format!(", next {}", utc(next)),
        None => String::new(),
    };
    format!("- {} {:?}: {}, {}{next}.", task.id, task.name, task.status, times.description)
}

fn utc(at: chrono::DateTime<chrono::Utc>) -> String {
    at.format("%Y-%m-%d %H:%M UTC").to_string()
}

fn told(task: &Task, times: &TaskTimes) -> Value {
    json!({
        "id": task.id, "name": task.name, "status": task.status, "description": times.description,
        "next_run_at": task.next_run_at,
    })
}

/// What a person who decides is shown; or why the call cannot succeed.
pub async fn preview(
    tx: &mut TenantTx,
    call: &Call,
    zone: Tz,
) -> Result<std::result::Result<Preview, Outcome>> {
    let title = match call {
        Call::ScheduleTask(new) => {
            let now = rows::now(tx).await?;
            match wanted(new).and_then(|wanted| wanted.check(zone, now, "schedule").map_err(Error::fields)) {
                Ok(schedule) => format!("Schedule {:?}: {schedule}", new.name),
                Err(error) => return refused(error).map(Err),
            }
        }
        Call::ChangeSchedule { id, to } => match find(tx, id, rows::find).await? {
            Ok(task) => format!("{} {:?}", word(*to), task.name),
            Err(refusal) => return Ok(Err(refusal)),
        },
        _ => return Err(Error::internal("another tool was taken for one of scheduled tasks")),
    };
    Ok(Ok(Preview::Generic { title, entity: None }))
}

fn word(to: ScheduleMove) -> &'static str {
    match to {
        ScheduleMove::Pause => "Pause",
        ScheduleMove::Resume => "Resume",
        ScheduleMove::Cancel => "Cancel",
    }
}

fn wanted(new: &ScheduledTask) -> Result<Wanted> {
    serde_json::from_value(new.schedule.clone()).map_err(|error| Error::field("schedule", error.to_string()))
}

/// The task, by `by`: as it is, or locked.
async fn find(
    tx: &mut TenantTx,
    id: &str,
    by: impl AsyncFnOnce(&mut TenantTx, ScheduleId) -> Result<Task>,
) -> Result<std::result::Result<Task, Outcome>> {
    let task = match id.parse() {
        Ok(id) => by(tx, id).await.optional()?,
        Err(_) => None,
    };
    Ok(task.ok_or_else(|| {
        Outcome::failed(format!("The person has no scheduled task {id:?}. list_schedules has them all."))
    }))
}

pub async fn write(tx: &mut TenantTx, call: &Call, doing: &Doing<'_>) -> Result<Outcome> {
    match call {
        Call::ScheduleTask(new) => make(tx, new, doing).await,
        Call::ChangeSchedule { id, to } => {
            let task = match find(tx, id, rows::lock).await? {
                Ok(task) => task,
                Err(refusal) => return Ok(refusal),
            };
            let to = match to {
                ScheduleMove::Pause => TaskMove::Pause,
                ScheduleMove::Resume => TaskMove::Resume,
                ScheduleMove::Cancel => TaskMove::Cancel,
            };
            match doing.engine.move_task(tx, task, to, doing.author).await {
                Ok(task) => done(tx, &task).await,
                Err(error) => refused(error),
            }
        }
        _ => Err(Error::internal("another tool was taken for one of scheduled tasks")),
    }
}

async fn make(tx: &mut TenantTx, new: &ScheduledTask, doing: &Doing<'_>) -> Result<Outcome> {
    let schedule = match wanted(new) {
        Ok(schedule) => schedule,
        Err(error) => return refused(error),
    };
    let task = NewTask { name: new.name.clone(), prompt: new.prompt.clone(), schedule, ..NewTask::default() };
    match doing.engine.create_task(tx, &task, doing.author).await {
        Ok(task) => done(tx, &task).await,
        Err(error) => refused(error),
    }
}

async fn done(tx: &mut TenantTx, task: &Task) -> Result<Outcome> {
    let times = TaskTimes::of(task, rows::now(tx).await?)?;
    let upcoming: Vec<String> = times.upcoming.iter().map(|at| utc(*at)).collect();
    let upcoming = match (task.status, upcoming.is_empty()) {
        (TaskStatus::Active, false) => format!(" The next times: {}.", upcoming.join(", ")),
        _ => String::new(),
    };
    Ok(Outcome::ok(format!("{}{upcoming}", line(task, &times).trim_start_matches("- ")))
        .telling(told(task, &times)))
}

/// What is wrong, in words for the model; a failure of the service stays one.
fn refused(error: Error) -> Result<Outcome> {
    match error {
        Error::Invalid { fields, detail, .. } if fields.is_empty() => {
            Ok(Outcome::failed(format!("Nothing was done: {detail}.")))
        }
        Error::Invalid { fields, .. } => {
            let problems: Vec<String> =
                fields.iter().map(|problem| format!("{} {}", problem.field, problem.error)).collect();
            Ok(Outcome::failed(format!("Nothing was done: {}.", problems.join("; "))))
        }
        Error::Conflict { detail, .. } => Ok(Outcome::failed(format!("Nothing was done: {detail}."))),
        Error::NotFound => Ok(Outcome::failed("Nothing was done: the task is not there any more.")),
        other => Err(other),
    }
}
