//! To-dos.

use domain::{EntityKind, UserId, fields};
use store::{
    TenantTx,
    questions::{self, Due},
};
use tools::{Question, TaskFilter, TaskStatus};

use super::{Answered, Asking, Found, LINES, deal, lines, listed, page, period, say, told, which};

/// Whose to-dos are asked for.
enum Whose {
    Anyone,
    /// A member, and how they are called in the answer.
    Of(UserId, String),
}

pub async fn list(tx: &mut TenantTx, asking: Asking<'_>, question: &Question) -> Answered {
    let Question::ListTasks { status, filter, deal_id, due_before, assignee, part } = question else {
        return told("This is no question about to-dos.");
    };
    let (clock, page) = (asking.clock(), page(*part, LINES));
    let due = due(asking, (*status, *filter), due_before.as_deref())?;
    let about = deal_id.as_deref().map(deal).or_else(|| asking.bound_deal());
    let about = match about {
        Some(about) => Some((which::known(tx, EntityKind::Deal, &about.id).await?, about)),
        None => None,
    };
    let whose = whose(tx, assignee.as_deref(), about.is_some());
    let open = !matches!(status, Some(TaskStatus::Done | TaskStatus::Cancelled));
    let member = match &whose {
        Whose::Of(member, _) => Some(*member),
        Whose::Anyone => None,
    };
    let rows = match (&about, open, member) {
        (Some((_, about)), ..) => questions::tasks_of_deal(tx, about, (member, open), due, page).await?,
        (None, false, _) => questions::closed_tasks(tx, member, due, page).await?,
        (None, true, Some(member)) => questions::tasks_of(tx, member, due, page).await?,
        (None, true, None) => questions::tasks_of_all(tx, due, page).await?,
    };
    let of = about.map(|(deal, _)| format!(" for {}", say::title(&deal))).unwrap_or_default();
    let what = format!("{}{of}{}", called(*status, *filter), whose.says());
    let found = Found { rows, name: "tasks", part: *part, page };
    Ok(listed(&format!("{what}:"), &format!("{what}: none on record."), found, |task| {
        lines::line(task, clock)
    }))
}

impl Whose {
    fn says(&self) -> String {
        match self {
            Whose::Anyone => ", whoever they are for".into(),
            Whose::Of(_, name) => format!(", for {}", say::short(name)),
        }
    }
}

/// The asking person, unless somebody else is named; of a deal everybody.
fn whose(tx: &TenantTx, assignee: Option<&str>, of_deal: bool) -> Whose {
    match assignee {
        None if of_deal => Whose::Anyone,
        Some("anyone") => Whose::Anyone,
        None | Some("me") => Whose::Of(tx.tenant().user, "the person".into()),
        Some(member) => Whose::Of(UserId::derive(member), member.to_owned()),
    }
}

/// When they are to be due, in which state, how pressing.
fn due(
    asking: Asking<'_>,
    (status, filter): (Option<TaskStatus>, Option<TaskFilter>),
    before: Option<&str>,
) -> Answered<Due<'static>> {
    let today = asking.clock().today();
    let (first, last) = period::every_day();
    let (mut from, mut to, mut undated) = (first, last, true);
    let week = period::parse("this_week", today).map_err(super::Miss::Told)?;
    match filter {
        Some(TaskFilter::Overdue) => (to, undated) = (today.pred_opt().unwrap_or(today), false),
        Some(TaskFilter::Today) => (from, to, undated) = (today, today, false),
        Some(TaskFilter::ThisWeek) => (from, to, undated) = (week.first, week.last, false),
        // Nothing is due between these days.
        Some(TaskFilter::NoDate) => (from, to) = (last, first),
        Some(TaskFilter::HighPriority) | None => {}
    }
    if let Some(text) = before {
        let Some(day) = fields::date(text) else {
            return told(format!("due_before must be a date such as 2026-12-01, and not {text:?}."));
        };
        to = to.min(day.pred_opt().unwrap_or(day));
        undated = false;
    }
    let status = match status {
        None | Some(TaskStatus::Open) => None,
        Some(status) => Some(status.as_str()),
    };
    Ok(Due { from, to, undated, status, pressing: filter == Some(TaskFilter::HighPriority) })
}

fn called(status: Option<TaskStatus>, filter: Option<TaskFilter>) -> String {
    let status = match status {
        None | Some(TaskStatus::Open) => "Open to-dos",
        Some(TaskStatus::InProgress) => "To-dos in progress",
        Some(TaskStatus::Done) => "To-dos that are done",
        Some(TaskStatus::Cancelled) => "To-dos that were cancelled",
    };
    let filter = match filter {
        None => "",
        Some(TaskFilter::Overdue) => " that are overdue",
        Some(TaskFilter::Today) => " due today",
        Some(TaskFilter::ThisWeek) => " due this week",
        Some(TaskFilter::NoDate) => " without a due date",
        Some(TaskFilter::HighPriority) => " of high priority",
    };
    format!("{status}{filter}")
}
