//! What is said when the tools have answered: nothing that does not stand in their results.

use super::{
    Results,
    ask::Ask,
    brief, done, named, plan,
    rows::{Meant, Row, meant, rows},
    say::{self, count, section},
    words::Subject,
};
use crate::demo::{Reading, ToolResult, report};

/// None: the results are not in a form that is known here.
pub(super) fn answer(ask: &Ask, results: &Results, reading: &Reading) -> Option<String> {
    let failed =
        results.all.iter().filter(|result| result.is_error).filter_map(|result| report::unfinished(result));
    let failed: Vec<String> = failed.collect();
    let said = match ask {
        Ask::Named(named) => named::answer(named, results, reading),
        _ if ask.writes() => return done::answer(ask, results),
        Ask::Attention => Some(attention(results)),
        Ask::Prepare { with, .. } => prepare(with.as_ref(), results, reading),
        Ask::CatchUp(subject) => catch_up(subject, results, reading),
        Ask::MeetingsWith(subject) | Ask::Tasks { of: Some(subject), .. } => {
            of_subject(subject, results).or_else(|| catch_up(subject, results, reading))
        }
        Ask::Overdue => Some(overdue(results)),
        Ask::Pipeline(_) => pipeline(results),
        Ask::Emails { from, .. } => emails(from.as_deref(), results),
        _ => results.all.iter().find(|result| !result.is_error).and_then(|result| listed(result)),
    };
    let parts: Vec<String> = said.into_iter().chain(failed).filter(|part| !part.is_empty()).collect();
    (!parts.is_empty()).then(|| parts.join("\n\n"))
}

/// The heading of an answer and its records; its own words where there are none.
fn listed(result: &ToolResult) -> Option<String> {
    let heading = to_you(result.content.lines().next()?.trim_end_matches(':'));
    let lines: Vec<String> = rows(&result.content).iter().map(quoting).collect();
    if !lines.is_empty() {
        return section(&heading, lines, None);
    }
    let nothing = ["none", "Nothing", "There is no", "No "];
    nothing.iter().any(|word| heading.contains(word)).then_some(heading)
}

/// The tools speak of the person; the answer speaks to them.
fn to_you(heading: &str) -> String {
    const SAME: [(&str, &str); 4] = [
        ("The person's ", "Your "),
        (", for the person", ""),
        ("which the person is", "which you are"),
        (" (UTC)", ""),
    ];
    SAME.iter().fold(heading.to_owned(), |text, (from, to)| text.replace(from, to))
}

/// The line of a record, and what stands in it where words were sought.
fn quoting(row: &Row) -> String {
    match &row.says {
        Some(says) if row.kind == "meeting" => format!("{}\n  “{says}”", say::line(row)),
        _ => say::line(row),
    }
}

/// What is over, what is due, what is to come, and what is in danger.
fn attention(results: &Results) -> String {
    let tasks = |filter| results.with("list_tasks", "filter", filter).map(|result| rows(&result.content));
    let (overdue, today) = (tasks("overdue"), tasks("today"));
    let meetings = results.first("get_meetings_for_period").map(|result| rows(&result.content));
    let deals = results.first("get_pipeline_deals").map(|result| rows(&result.content));
    let quiet = results.first("get_contacts_needing_attention").map(|result| rows(&result.content));
    let next = results.first("get_next_meeting").map(|result| rows(&result.content)).unwrap_or_default();
    let next: Vec<Row> =
        next.into_iter().filter(|row| meetings.iter().flatten().all(|other| other.id != row.id)).collect();
    let lines = |rows: Option<Vec<Row>>| rows.unwrap_or_default().iter().map(say::line).collect::<Vec<_>>();
    let mut parts = vec![in_short(overdue.as_ref(), today.as_ref(), meetings.as_ref(), deals.as_ref())];
    parts.extend(first_of_all(overdue.as_deref().unwrap_or_default()));
    parts.extend(section("Meetings today", lines(meetings), None));
    parts.extend(section("Next meeting", lines(Some(next)), None));
    // A conversation about a deal asks for the to-dos of that deal.
    let of_deal = results.first("list_tasks").filter(|result| result.content.contains(" for deal "));
    let of = if of_deal.is_some() { " for this deal" } else { "" };
    parts.extend(section(&format!("Overdue to-dos{of}"), lines(overdue), None));
    parts.extend(section(&format!("To-dos{of} due today"), lines(today), None));
    parts.extend(section("Deals that need attention", lines(deals), None));
    parts.extend(section("Who has not heard from us for the longest time", lines(quiet), None));
    parts.join("\n\n")
}

/// One sentence of counts, of what could be asked for.
fn in_short(
    overdue: Option<&Vec<Row>>,
    today: Option<&Vec<Row>>,
    meetings: Option<&Vec<Row>>,
    deals: Option<&Vec<Row>>,
) -> String {
    let counts = [
        meetings.map(|rows| format!("{} today", count(rows.len(), "meeting"))),
        overdue.map(|rows| format!("{} overdue", count(rows.len(), "to-do"))),
        today.map(|rows| match rows.len() {
            0 => "none due today".to_owned(),
            n => format!("{n} due today"),
        }),
        deals.map(|rows| {
            let need = if rows.len() == 1 { "needs" } else { "need" };
            format!("{} that {need} attention", count(rows.len(), "deal"))
        }),
    ];
    let counts: Vec<String> = counts.into_iter().flatten().collect();
    format!("You have {}.", counts.join(", "))
}

/// The most urgent of what is overdue.
fn first_of_all(overdue: &[Row]) -> Option<String> {
    let urgent = overdue.iter().find(|task| task.fact("priority") == Some("urgent"));
    let first = urgent.or(overdue.first())?;
    Some(format!("I would begin with {}.", say::task(first)))
}

fn prepare(with: Option<&Subject>, results: &Results, reading: &Reading) -> Option<String> {
    if let Some(row) = plan::meeting(with, results) {
        return Some(brief::meeting(&row, results));
    }
    if let Some(subject) = with {
        return catch_up(subject, results, reading);
    }
    let asked = results.first("get_next_meeting").or(results.first("get_meetings_for_period"))?;
    let none = "There is no meeting left to prepare";
    Some(match rows(&asked.content).as_slice() {
        [] => listed(asked)?,
        past => say::which(&format!("{none}. What was:"), past),
    })
}

fn catch_up(subject: &Subject, results: &Results, reading: &Reading) -> Option<String> {
    let Some((kind, id)) = plan::of(subject, results) else { return unclear(subject, results) };
    let said = match kind.as_str() {
        "deal" => brief::deal(&id, results),
        "contact" => brief::contact(&id, results),
        "company" => brief::company(&id, results),
        _ => {
            let found = results.with("resolve_entity", "name", &subject.name)?;
            rows(&found.content).first().map(say::line)
        }
    }?;
    let quotes = reading.quotes_of(&subject.name);
    let quotes = (!quotes.is_empty()).then(|| quotes.join("\n"));
    Some(std::iter::once(said).chain(quotes).collect::<Vec<_>>().join("\n\n"))
}

fn unclear(subject: &Subject, results: &Results) -> Option<String> {
    say::unclear(&subject.name, &meant(&results.with("resolve_entity", "name", &subject.name)?.content))
}

/// Meetings or to-dos of a record that was looked up first.
fn of_subject(subject: &Subject, results: &Results) -> Option<String> {
    if plan::of(subject, results).is_none() {
        return unclear(subject, results);
    }
    results.first("get_meetings").or(results.first("list_tasks")).and_then(listed)
}

/// To-dos and deals of which a day has passed.
fn overdue(results: &Results) -> String {
    let tasks = results.with("list_tasks", "filter", "overdue").map(|result| rows(&result.content));
    let deals = results.first("get_pipeline_deals").map(|result| rows(&result.content));
    let over = |row: &&Row| row.fact("FLAGS").is_some_and(|flags| flags.contains("overdue"));
    let tasks = tasks.map(|rows| rows.iter().map(say::task).collect());
    let deals = deals.map(|rows| rows.iter().filter(over).map(say::deal).collect());
    let tasks = tasks.and_then(|lines| section("Overdue to-dos", lines, Some("none.")));
    let deals = deals.and_then(|lines| section("Deals whose close date is over", lines, Some("none.")));
    tasks.into_iter().chain(deals).collect::<Vec<_>>().join("\n\n")
}

/// The sums as the tool words them, and the deals.
fn pipeline(results: &Results) -> Option<String> {
    let summary = results.first("get_pipeline_summary").map(|result| {
        let mut lines = result.content.lines();
        let head = lines.next().map(|head| format!("**{head}**"));
        head.into_iter().chain(lines.map(say::capital)).collect::<Vec<_>>().join("\n")
    });
    let deals = results.first("get_pipeline_deals").map(|result| rows(&result.content));
    let deals =
        deals.and_then(|rows| section("The next to close", rows.iter().map(say::deal).collect(), None));
    let parts: Vec<String> = summary.into_iter().chain(deals).collect();
    (!parts.is_empty()).then(|| parts.join("\n\n"))
}

/// Those from somebody only, if any are; and who else may be meant by the name.
fn emails(from: Option<&str>, results: &Results) -> Option<String> {
    let found = results.first("search_emails")?;
    let all = rows(&found.content);
    let Some(name) = from else { return listed(found) };
    let words: Vec<String> = name.to_lowercase().split_whitespace().map(str::to_owned).collect();
    let theirs = |row: &&Row| {
        let sender = row.fact("from").unwrap_or_default().to_lowercase();
        words.iter().all(|word| sender.contains(word))
    };
    let sent: Vec<String> = all.iter().filter(theirs).map(say::event).collect();
    let others: Vec<String> = all.iter().filter(|row| !theirs(row)).map(say::event).collect();
    let parts = [
        section(&format!("E-mails from {name}"), sent, Some("none on record.")),
        section(&format!("Other e-mails with “{name}” in them"), others, None),
        several(name, results),
    ];
    Some(parts.into_iter().flatten().collect::<Vec<_>>().join("\n\n"))
}

fn several(name: &str, results: &Results) -> Option<String> {
    let meant = meant(&results.with("resolve_entity", "name", name)?.content);
    let Meant::Several(rows) = meant else { return None };
    let named: Vec<String> = rows.iter().map(say::named).collect();
    Some(format!("More than one is called “{name}”: {}.", named.join(", ")))
}
