//! What a person may want to ask next: prompts that are made from facts, without a model.

use chrono::{Days, TimeDelta};
use domain::{
    EntityKind, EntityRef, Error, Result, brief::Brief, fields, suggestion::Suggestion, visible::visible,
};
use store::{
    TenantTx,
    questions::{self, Me, Soon},
};

use super::{
    Asking, STALE_DAYS,
    deals::SOON,
    lines,
    say::{self, Clock, neighbours},
};
use crate::turn::cut;

/// Prompts of one answer.
const MOST: usize = 4;
/// Of overdue to-dos so many are counted.
const COUNTED: usize = 3;
/// Longest name in a prompt, and longest name of one of several people, in characters.
const NAME: usize = 80;
const PERSON: usize = 40;
/// People of a meeting who are named.
const NAMED: usize = 2;
/// What fits when nothing presses.
const ALWAYS: [&str; 3] =
    ["What needs my attention today?", "Which meetings do I have this week?", "How does the pipeline look?"];

/// At most four prompts, the most urgent first: about the entity in question, and else about what of
/// the person's own presses. One statement. The entity has to be there for the person.
pub async fn suggestions(tx: &mut TenantTx, me: Me<'_>, asking: Asking<'_>) -> Result<Vec<Suggestion>> {
    let clock = asking.clock();
    if let Some(EntityRef { kind, id }) = asking.bound {
        let entity = questions::one(tx, *kind, id).await?.ok_or(Error::NotFound)?;
        return Ok(about(&entity, me, clock));
    }
    let alarm = asking.alarm();
    let soon = Soon {
        now: asking.now,
        until: asking.now + TimeDelta::hours(1),
        last_day: alarm.today.checked_add_days(Days::new(SOON.into())).unwrap_or(alarm.today),
    };
    let rows = questions::pressing(tx, me, soon, alarm).await?;
    Ok(pressing(rows, me, clock))
}

/// A prompt about one entity.
fn of(entity: &Brief, prompt: String, reason: impl Into<String>) -> Suggestion {
    let about = EntityRef { kind: entity.kind, id: entity.id.clone() };
    Suggestion { prompt, reason: reason.into(), entity: Some(about), name: Some(plain(&entity.name, NAME)) }
}

fn of_nothing(prompt: &str, reason: impl Into<String>) -> Suggestion {
    Suggestion { prompt: prompt.into(), reason: reason.into(), entity: None, name: None }
}

/// Words of the record on one line, without what cannot be seen and what would end a quotation.
fn plain(words: &str, most: usize) -> String {
    cut(&visible(words).replace(['“', '”', '„', '"'], "'"), most)
}

fn quoted(entity: &Brief) -> String {
    format!("“{}”", plain(&entity.name, NAME))
}

/// With a capital letter.
fn sentence(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// What presses, from the rows that may.
fn pressing(rows: Vec<Brief>, me: Me<'_>, clock: Clock) -> Vec<Suggestion> {
    let (mut meetings, rows): (Vec<_>, Vec<_>) =
        rows.into_iter().partition(|row| row.kind == EntityKind::Meeting);
    let (mut tasks, deals): (Vec<_>, Vec<_>) = rows.into_iter().partition(|row| row.kind == EntityKind::Task);
    let (mut at_risk, deals): (Vec<_>, Vec<_>) =
        deals.into_iter().partition(|deal| lines::danger(deal).is_some());
    let (mut stale, mut closing): (Vec<_>, Vec<_>) =
        deals.into_iter().partition(|deal| lines::stale(deal, clock).is_some());
    meetings.sort_by_key(|meeting| meeting.at);
    tasks.sort_by(|a, b| (a.due_date, &a.id).cmp(&(b.due_date, &b.id)));
    at_risk.sort_by(|a, b| {
        let danger = |deal| lines::danger(deal).unwrap_or_default();
        danger(b).total_cmp(&danger(a)).then_with(|| a.id.cmp(&b.id))
    });
    stale.sort_by(|a, b| (a.touched_at, &a.id).cmp(&(b.touched_at, &b.id)));
    closing.sort_by(|a, b| (a.close_date, &a.id).cmp(&(b.close_date, &b.id)));

    let alarming =
        |deal: &Brief, prompt: String| of(deal, prompt, sentence(&lines::alarms(deal, clock).join(", ")));
    let risky =
        |deal: &Brief| alarming(deal, format!("What can I do about the risks of the deal {}?", quoted(deal)));
    let silent =
        |deal: &Brief| alarming(deal, format!("How do I get the deal {} moving again?", quoted(deal)));
    let nearing = |deal: &Brief| {
        of(deal, format!("What is left to do until the deal {} closes?", quoted(deal)), closes(deal, clock))
    };
    let kinds: [Vec<Suggestion>; 5] = [
        meetings.iter().map(|meeting| prepare(meeting, me, clock)).collect(),
        overdue(&tasks, clock).into_iter().collect(),
        at_risk.iter().map(risky).collect(),
        stale.iter().map(silent).collect(),
        closing.iter().map(nearing).collect(),
    ];
    let mut found = most_urgent(kinds);
    if found.is_empty() {
        found.extend(ALWAYS.map(|prompt| of_nothing(prompt, "Nothing of yours presses")));
    }
    found
}

/// One of each kind before a second of any, so that none crowds out the others; shown in the order
/// of the kinds.
fn most_urgent(kinds: [Vec<Suggestion>; 5]) -> Vec<Suggestion> {
    let placed = kinds.into_iter().enumerate().flat_map(|(kind, of_kind)| {
        of_kind.into_iter().enumerate().map(move |(place, suggestion)| (place, kind, suggestion))
    });
    let mut placed: Vec<_> = placed.collect();
    placed.sort_by_key(|(place, kind, _)| (*place, *kind));
    placed.truncate(MOST);
    placed.sort_by_key(|(place, kind, _)| (*kind, *place));
    placed.into_iter().map(|(_, _, suggestion)| suggestion).collect()
}

fn closes(deal: &Brief, clock: Clock) -> String {
    deal.close_date.map_or("No close date on record".into(), |day| format!("Closes {}", clock.due(day)))
}

/// One overdue to-do by its name, several by their number.
fn overdue(tasks: &[Brief], clock: Clock) -> Option<Suggestion> {
    let oldest = tasks.first()?;
    let due = format!("due {}", clock.due(oldest.due_date?));
    if tasks.len() == 1 {
        let prompt = format!("Help me get my overdue to-do {} done", quoted(oldest));
        return Some(of(oldest, prompt, sentence(&due)));
    }
    let many = if tasks.len() > COUNTED { format!("More than {COUNTED}") } else { tasks.len().to_string() };
    let reason = format!("{many} to-dos are overdue, the oldest of them {}, {due}", quoted(oldest));
    Some(of_nothing("Which of my overdue to-dos should I do first?", reason))
}

/// `Prepare my meeting “Rollout call” with Dana Roe at 15:00`
fn prepare(meeting: &Brief, me: Me<'_>, clock: Clock) -> Suggestion {
    let time = meeting.at.with_timezone(&clock.zone).format("%H:%M");
    let prompt = format!("Prepare my meeting {}{} at {time}", quoted(meeting), with(meeting, me));
    let reason = match (meeting.at - clock.now).num_minutes() {
        0 => "Begins now".into(),
        1 => "Begins in 1 minute".into(),
        minutes => format!("Begins in {minutes} minutes"),
    };
    of(meeting, prompt, reason)
}

/// Whom the meeting is with: attendees beside the person, or else contacts to whom it is linked.
fn with(meeting: &Brief, me: Me<'_>) -> String {
    let is_me = |text: &str| {
        let text = text.to_lowercase();
        text == me.external_id.to_lowercase() || me.name.is_some_and(|name| text == name.to_lowercase())
    };
    let attendees = meeting.fields.get("attendees").and_then(fields::people).unwrap_or_default();
    let mut people: Vec<&str> = attendees
        .iter()
        .filter_map(|person| match person.split_once(" <") {
            Some((name, address)) => (!is_me(name) && !is_me(address.trim_end_matches('>'))).then_some(name),
            None => (!is_me(person)).then_some(person.as_str()),
        })
        .collect();
    if people.is_empty() {
        let contacts = meeting.links.iter().filter(|link| link.kind == EntityKind::Contact);
        people = contacts.map(|link| link.name.as_str()).collect();
    }
    let named: Vec<String> = people.iter().take(NAMED).map(|person| plain(person, PERSON)).collect();
    match people.len().saturating_sub(NAMED) {
        _ if named.is_empty() => String::new(),
        0 => format!(" with {}", named.join(" and ")),
        more => format!(" with {} and {more} more", named.join(", ")),
    }
}

/// What fits an entity that the person looks at.
fn about(entity: &Brief, me: Me<'_>, clock: Clock) -> Vec<Suggestion> {
    let found = match entity.kind {
        EntityKind::Deal => deal(entity, clock),
        EntityKind::Contact => contact(entity, clock),
        EntityKind::Company => company(entity, clock),
        EntityKind::Meeting => meeting(entity, me, clock),
        EntityKind::Task => task(entity, clock),
        EntityKind::Activity => happened(entity, clock, ["What came of", "What is the next step after"]),
        EntityKind::Email => {
            happened(entity, clock, ["Summarize the e-mail", "Draft an answer to the e-mail"])
        }
    };
    debug_assert!(!found.is_empty() && found.len() <= MOST);
    found
}

fn deal(deal: &Brief, clock: Clock) -> Vec<Suggestion> {
    let name = quoted(deal);
    let catch_up = of(deal, format!("Catch me up on the deal {name}"), last(deal, "activity", clock));
    if !deal.open {
        let stage = deal.stage.as_deref().map(|stage| format!(", stage {}", plain(stage, NAME)));
        let reason = format!("Closed{}", stage.unwrap_or_default());
        return vec![catch_up, of(deal, format!("What can we learn from the deal {name}?"), reason)];
    }
    let next = of(deal, format!("What is the next step in the deal {name}?"), closes(deal, clock));
    let risks = format!("What are the risks of the deal {name}, and what can I do about them?");
    let alarms = lines::alarms(deal, clock);
    if alarms.is_empty() {
        return vec![catch_up, next, of(deal, risks, "Nothing is flagged")];
    }
    vec![of(deal, risks, sentence(&alarms.join(", "))), catch_up, next]
}

/// When it was last heard of: `Last contact Fri 27 Nov 2026, yesterday`
fn last(entity: &Brief, what: &str, clock: Clock) -> String {
    match entity.touched_at {
        Some(last) => format!("Last {what} {}", clock.day_at(last)),
        None => format!("No {what} on record"),
    }
}

fn contact(contact: &Brief, clock: Clock) -> Vec<Suggestion> {
    let name = quoted(contact);
    let last = last(contact, "contact", clock);
    let known = of(contact, format!("What do we know about {name}?"), links(contact));
    let Some(days) = contact.touched_at.map(|last| clock.days_since(last)) else {
        return vec![of(contact, format!("Draft a first message to {name}"), last), known];
    };
    let said = of(contact, format!("What was said in the last conversation with {name}?"), last.as_str());
    let follow_up = format!("Draft a follow-up to {name}");
    if days > i64::from(STALE_DAYS) {
        return vec![of(contact, follow_up, format!("{days} days without contact")), said, known];
    }
    vec![said, of(contact, follow_up, last), known]
}

/// What stands around it.
fn links(entity: &Brief) -> String {
    let linked = neighbours(entity, &[EntityKind::Deal, EntityKind::Contact, EntityKind::Company]);
    linked.map_or("Nothing is linked".into(), |linked| format!("Linked to {}", say::short(&linked)))
}

fn company(company: &Brief, clock: Clock) -> Vec<Suggestion> {
    let name = quoted(company);
    let linked = neighbours(company, &[EntityKind::Deal]);
    let deals =
        linked.map_or("No deal is linked".into(), |deals| format!("Linked to {}", say::short(&deals)));
    let said = || format!("What was last said with {name}?");
    let said = company.touched_at.map(|_| of(company, said(), last(company, "activity", clock)));
    let status = of(company, format!("What is our status with {name}?"), links(company));
    let open = of(company, format!("Which deals are open with {name}?"), deals);
    [Some(status), said, Some(open)].into_iter().flatten().collect()
}

fn meeting(meeting: &Brief, me: Me<'_>, clock: Clock) -> Vec<Suggestion> {
    let (name, when) = (quoted(meeting), clock.when(meeting));
    if meeting.ends_at.unwrap_or(meeting.at) <= clock.now {
        return vec![
            of(meeting, format!("Summarize the meeting {name}"), when.as_str()),
            of(meeting, format!("Which to-dos follow from the meeting {name}?"), when.as_str()),
            of(meeting, format!("Draft a follow-up e-mail after the meeting {name}"), links(meeting)),
        ];
    }
    vec![
        of(meeting, format!("Prepare the meeting {name}{}", with(meeting, me)), when.as_str()),
        of(meeting, format!("What was said last time with those of the meeting {name}?"), links(meeting)),
    ]
}

fn task(task: &Brief, clock: Clock) -> Vec<Suggestion> {
    let name = quoted(task);
    if !task.open {
        let status = say::field(task, "status").unwrap_or_else(|| "closed".into());
        return vec![of(task, format!("What came of the to-do {name}?"), format!("Status {status}"))];
    }
    let due = task.due_date.map_or("No due date".into(), |day| format!("Due {}", clock.due(day)));
    vec![
        of(task, format!("How do I get the to-do {name} done?"), due),
        of(task, format!("What do I need to know for the to-do {name}?"), links(task)),
    ]
}

fn happened(event: &Brief, clock: Clock, beginnings: [&str; 2]) -> Vec<Suggestion> {
    let (name, when) = (quoted(event), clock.when(event));
    let end = |beginning: &str| if beginning.starts_with("What") { "?" } else { "" };
    beginnings.map(|words| of(event, format!("{words} {name}{}", end(words)), when.as_str())).into()
}

#[cfg(test)]
mod tests;
