//! Scheduled tasks: what people and copilots say of them. How they fire is in `firing`, what comes of it in `ending`.

mod delivery;
mod ending;
mod firing;
mod target;
mod ticker;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use domain::{
    Error, FieldError, Result, Role, ScheduleId, ScheduleRunId, SessionId,
    permission::{Action, Ask, Policy},
    schedule::{CatchUp, Deliver, MAX_NAME, MAX_PROMPT, Task, TaskRun, TaskStatus},
    visible::visible,
};
use schedules::{Schedule, Wanted};
use serde::Deserialize as _;
use serde_json::Value;
use store::{
    Membership, TenantTx, permissions,
    schedules::{self as rows, Content},
};

use crate::Engine;

pub(crate) use ticker::start;

/// How soon, and how closely, a task may fire that another task has made.
const MADE_BY_TASK: TimeDelta = TimeDelta::minutes(5);
const TOO_CLOSE: &str =
    "a scheduled task may make only tasks that fire five minutes later or more, and no closer than that";
/// Slots of one claim.
const BATCH: u8 = 100;
/// Those that are seen to at the same time.
const AT_ONCE: u8 = 8;
/// Slots that are told ahead.
const UPCOMING: usize = 5;

/// Who says it.
#[derive(Clone, Copy, Debug)]
pub struct TaskAuthor {
    pub role: Role,
    /// In which times of day are meant, where the schedule names no zone.
    pub zone: Tz,
    /// The words are not, or not only, the person's.
    pub untrusted: bool,
    /// A run of a scheduled task says it.
    pub scheduled: bool,
}

/// A task that is to be made.
#[derive(Clone, Debug, Default)]
pub struct NewTask {
    pub name: String,
    pub prompt: String,
    pub schedule: Wanted,
    pub deliver: Deliver,
    /// None: a new conversation each time.
    pub session: Option<SessionId>,
    /// None: `one`.
    pub catch_up: Option<CatchUp>,
}

/// What is to be different of a task.
#[derive(Clone, Debug, Default)]
pub struct TaskChange {
    pub name: Option<String>,
    pub prompt: Option<String>,
    pub schedule: Option<Wanted>,
    pub deliver: Option<Deliver>,
    pub session: Option<Option<SessionId>>,
    pub catch_up: Option<CatchUp>,
}

/// Where a task is to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskMove {
    Pause,
    Resume,
    Cancel,
}

/// When a task fires, for people.
#[derive(Clone, Debug)]
pub struct TaskTimes {
    pub schedule: Wanted,
    /// Such as `every Monday at 09:00 (Europe/Berlin)`.
    pub description: String,
    /// The next slots, as if it were active.
    pub upcoming: Vec<DateTime<Utc>>,
}

impl TaskTimes {
    pub fn of(task: &Task, now: DateTime<Utc>) -> Result<Self> {
        let schedule = restored(&task.schedule, task.anchor)?;
        let upcoming =
            if task.status.is_over() { Vec::new() } else { schedule.slots(now).take(UPCOMING).collect() };
        Ok(Self { schedule: schedule.wanted(), description: schedule.to_string(), upcoming })
    }
}

/// Whether a member of this role may have scheduled tasks, as the organization has it now.
pub async fn may_schedule(tx: &mut TenantTx, role: Role) -> Result<bool> {
    let ruling = permissions::matrix(tx).await?.rule(Ask::own(role, Action::ScheduleTask));
    Ok(role.writes() && ruling.policy != Policy::Disabled)
}

/// The role as which a task runs: what its author had, less what has been taken away since.
fn role_today(task: &Task, member: &Membership) -> Role {
    task.role.capped(member.token_role.or(member.role)).capped(member.ceiling)
}

/// A schedule as it is stored.
fn restored(stored: &Value, anchor: DateTime<Utc>) -> Result<Schedule> {
    let wanted = Wanted::deserialize(stored).map_err(Error::internal)?;
    wanted.restore(anchor).map_err(|why| Error::internal(format!("a stored schedule cannot be read: {why}")))
}

impl Engine {
    /// Makes a task of the transaction's person. What is wrong with it is told field by field.
    pub async fn create_task(&self, tx: &mut TenantTx, new: &NewTask, author: TaskAuthor) -> Result<Task> {
        let now = rows::now(tx).await?;
        let mut problems = text_problems(new.name.trim(), &new.prompt);
        let schedule = checked(&new.schedule, now, author, &mut problems);
        problems.extend(target::problems(self, tx, author.role, new.session, &new.deliver).await?);
        let Some(schedule) = schedule.filter(|_| problems.is_empty()) else {
            return Err(Error::fields(problems));
        };
        let (stored, id) = (stored(&schedule)?, ScheduleId::new());
        let door = self.door_in(tx).await?;
        let content = Content {
            name: &door.redact_hidden(new.name.trim()),
            prompt: &door.redact_hidden(&new.prompt),
            schedule: &stored,
            anchor: schedule.anchor(),
            next: schedule.next(now),
            catch_up: new.catch_up.unwrap_or(CatchUp::One),
            session: new.session,
            deliver: &new.deliver,
            role: author.role,
            untrusted: author.untrusted,
        };
        rows::create(tx, id, &content).await?;
        rows::find(tx, id).await
    }

    /// Changes a task that the transaction has locked, at the version that its author saw, if one is given. With another
    /// schedule what was due and has not begun is void. What changes nothing makes no version.
    pub async fn change_task(
        &self,
        tx: &mut TenantTx,
        task: Task,
        change: &TaskChange,
        author: TaskAuthor,
        seen: Option<i64>,
    ) -> Result<Task> {
        if seen.is_some_and(|seen| seen != task.version) {
            return Err(Error::VersionMismatch { current: task.version });
        }
        if task.status.is_over() {
            return Err(over(&task));
        }
        let now = rows::now(tx).await?;
        let name = change.name.as_deref().map_or(task.name.as_str(), str::trim);
        let prompt = change.prompt.as_deref().unwrap_or(&task.prompt);
        let deliver = change.deliver.as_ref().unwrap_or(&task.deliver);
        let session = change.session.unwrap_or(task.session);
        let mut problems = text_problems(name, prompt);
        let old = restored(&task.schedule, task.anchor)?;
        let new = match &change.schedule {
            Some(wanted) => checked(wanted, now, author, &mut problems),
            None => Some(old.clone()),
        };
        let asked = |changed: bool, target| if changed { target } else { None };
        let goes_on = asked(session != task.session, session);
        let sent = if *deliver == task.deliver { &Deliver::default() } else { deliver };
        problems.extend(target::problems(self, tx, author.role, goes_on, sent).await?);
        let Some(mut schedule) = new.filter(|_| problems.is_empty()) else {
            return Err(Error::fields(problems));
        };
        let afresh = schedule.wanted() != old.wanted();
        if !afresh {
            schedule = old;
        }
        let door = self.door_in(tx).await?;
        let (name, prompt) = (door.redact_hidden(name), door.redact_hidden(prompt));
        let catch_up = change.catch_up.unwrap_or(task.catch_up);
        let same = !afresh
            && *name == task.name
            && *prompt == task.prompt
            && (deliver, session, catch_up) == (&task.deliver, task.session, task.catch_up);
        if same {
            return Ok(task);
        }
        let next = if afresh { schedule.next(now) } else { task.next_run_at };
        let stored = stored(&schedule)?;
        let content = Content {
            name: &name,
            prompt: &prompt,
            schedule: &stored,
            anchor: schedule.anchor(),
            next,
            catch_up,
            session,
            deliver,
            role: author.role,
            untrusted: task.untrusted || author.untrusted,
        };
        rows::update(tx, task.id, &content, afresh).await?;
        rows::find(tx, task.id).await
    }

    /// Pauses, resumes or cancels a task that the transaction has locked, and that may be there already. What was due
    /// and has not begun is void; what has begun goes on.
    pub async fn move_task(
        &self,
        tx: &mut TenantTx,
        task: Task,
        to: TaskMove,
        author: TaskAuthor,
    ) -> Result<Task> {
        let (status, next) = match (to, task.status) {
            (TaskMove::Pause, TaskStatus::Paused)
            | (TaskMove::Resume, TaskStatus::Active)
            | (TaskMove::Cancel, TaskStatus::Cancelled) => return Ok(task),
            // Its only time has come: what has begun is not paused.
            (TaskMove::Pause, TaskStatus::Active) if task.next_run_at.is_none() => return Err(past(&task)),
            (TaskMove::Pause, TaskStatus::Active) => (TaskStatus::Paused, None),
            (TaskMove::Cancel, TaskStatus::Active | TaskStatus::Paused) => (TaskStatus::Cancelled, None),
            (TaskMove::Resume, TaskStatus::Paused) => {
                let now = rows::now(tx).await?;
                let schedule = restored(&task.schedule, task.anchor)?;
                if author.scheduled && is_close(&schedule, now) {
                    return Err(Error::field("schedule", TOO_CLOSE));
                }
                (TaskStatus::Active, Some(schedule.next(now).ok_or_else(|| past(&task))?))
            }
            (_, TaskStatus::Cancelled | TaskStatus::Completed) => return Err(over(&task)),
        };
        rows::set_status(tx, task.id, status, None, next).await?;
        rows::find(tx, task.id).await
    }

    /// Lets a task that the transaction has locked fire now, whatever its schedule says, which stays as it is.
    pub async fn run_task(&self, tx: &mut TenantTx, task: &Task) -> Result<TaskRun> {
        if task.status.is_over() {
            return Err(over(task));
        }
        if rows::is_open_by_hand(tx, task.id).await? {
            let detail = "a run that was asked for is not over yet; wait for it, or cancel it";
            return Err(Error::conflict("schedule_running", detail));
        }
        let run = ScheduleRunId::new();
        rows::fire_by_hand(tx, task.id, run).await?;
        rows::find_run(tx, task.id, run).await
    }
}

fn text_problems(name: &str, prompt: &str) -> Vec<FieldError> {
    let mut problems = Vec::new();
    let mut problem = |field: &str, error: String| {
        problems.push(FieldError { field: field.into(), error });
    };
    if visible(name).trim().is_empty()
        || name.chars().count() > MAX_NAME
        || name.chars().any(char::is_control)
    {
        problem("name", format!("must be a line of 1 to {MAX_NAME} characters"));
    }
    if prompt.trim().is_empty() || prompt.len() > MAX_PROMPT {
        problem("prompt", format!("must have 1 to {MAX_PROMPT} bytes, and has {}", prompt.len()));
    }
    for (field, text) in [("name", name), ("prompt", prompt)] {
        if text.contains('\0') {
            problem(field, "holds the character U+0000, which cannot be stored".into());
        }
    }
    problems
}

fn stored(schedule: &Schedule) -> Result<Value> {
    serde_json::to_value(schedule.wanted()).map_err(Error::internal)
}

/// The schedule, if its author may have it.
fn checked(
    wanted: &Wanted,
    now: DateTime<Utc>,
    author: TaskAuthor,
    problems: &mut Vec<FieldError>,
) -> Option<Schedule> {
    let schedule = match wanted.check(author.zone, now, "schedule") {
        Ok(schedule) => schedule,
        Err(more) => {
            problems.extend(more);
            return None;
        }
    };
    if schedule.next(now).is_none() {
        problems.push(FieldError { field: "schedule".into(), error: "never fires".into() });
        return None;
    }
    if author.scheduled && is_close(&schedule, now) {
        problems.push(FieldError { field: "schedule".into(), error: TOO_CLOSE.into() });
        return None;
    }
    Some(schedule)
}

/// Whether it fires sooner, or more often, than a task may that another task has made.
fn is_close(schedule: &Schedule, now: DateTime<Utc>) -> bool {
    schedule.next(now).is_some_and(|first| first - now < MADE_BY_TASK)
        || schedule.closest(now).is_some_and(|gap| gap < MADE_BY_TASK)
}

fn over(task: &Task) -> Error {
    Error::conflict(
        "schedule_over",
        format!("this task is {}, which is its end; make a new one", task.status),
    )
}

fn past(task: &Task) -> Error {
    let detail =
        format!("{:?} has no time left to fire at; change its schedule, or make a new one", task.name);
    Error::conflict("schedule_over", detail)
}
