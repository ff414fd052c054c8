//! One record as one line of Markdown.

use chrono::NaiveDate;

use super::rows::{Meant, Ref, Row};

/// Lines of one list that are shown.
const LINES: usize = 8;
/// Longest quotation, in characters.
const QUOTE: usize = 280;
/// Longer ids are nothing for people.
const ID: usize = 16;

/// A list under a heading; `none` where there is nothing, or no section at all.
pub(super) fn section(heading: &str, lines: Vec<String>, none: Option<&str>) -> Option<String> {
    let more = lines.len().saturating_sub(LINES);
    let more = (more > 0).then(|| format!("- … and {more} more"));
    let shown: Vec<String> =
        lines.into_iter().take(LINES).map(|line| format!("- {line}")).chain(more).collect();
    match (shown.is_empty(), none) {
        (false, _) => Some(format!("**{heading}**\n{}", shown.join("\n"))),
        (true, none) => none.map(|none| format!("**{heading}**: {none}")),
    }
}

pub(super) fn line(row: &Row) -> String {
    match row.kind.as_str() {
        "deal" => deal(row),
        "contact" => contact(row, None),
        "meeting" => meeting(row),
        "task" => task(row),
        "activity" | "email" => event(row),
        _ => {
            let facts = ["industry", "status", "size", "country"].iter().filter_map(|name| row.fact(name));
            joined(named(row), facts.map(str::to_owned).collect())
        }
    }
}

fn joined(title: String, facts: Vec<String>) -> String {
    let facts: Vec<_> = facts.into_iter().filter(|fact| !fact.is_empty()).collect();
    if facts.is_empty() { title } else { format!("{title}: {}", facts.join(" · ")) }
}

/// `**Acme renewal** (D-42)`
pub(super) fn named(row: &Row) -> String {
    let id = if row.id.chars().count() > ID { String::new() } else { format!(" ({})", row.id) };
    format!("**{}**{id}", row.name)
}

fn mention(named: &Ref) -> String {
    format!("{} ({})", named.name, named.id)
}

/// Where everything is about one deal, a line need not say so.
pub(super) fn without_refs(row: &Row) -> Row {
    let facts =
        row.facts.iter().filter(|fact| !["about ", "linked to "].iter().any(|begin| fact.starts_with(begin)));
    Row { facts: facts.cloned().collect(), ..row.clone() }
}

pub(super) fn deal(row: &Row) -> String {
    let flags = row.fact("FLAGS").map(|flags| format!(" — _{flags}_")).unwrap_or_default();
    format!("{}{flags}", joined(named(row), deal_facts(row)))
}

/// Stage, amount, probability, close date, owner.
pub(super) fn deal_facts(row: &Row) -> Vec<String> {
    let told = |fact: &&String| {
        let known = ["with ", "FLAGS", "last activity", "owner "];
        !known.iter().any(|begin| fact.starts_with(begin))
    };
    let plain = |fact: &String| match fact.split_once(' ') {
        Some(("stage" | "probability", value)) => value.to_owned(),
        // A flag says that it is overdue, and by how much.
        _ => match fact.split_once(", overdue") {
            Some((closes, _)) => closes.replacen("closes", "was to close", 1),
            None => fact.clone(),
        },
    };
    let owner = row.fact("owner").map(|owner| format!("owner {owner}"));
    row.facts.iter().filter(told).map(plain).chain(owner).collect()
}

pub(super) fn contact(row: &Row, role: Option<&str>) -> String {
    let last = row.fact("last contact").map(|day| format!("last contact {day}"));
    let none = row.facts.iter().find(|fact| *fact == "no contact on record").cloned();
    let deals: Vec<String> = row.refs().iter().filter(|named| named.kind == "deal").map(mention).collect();
    let facts = [
        role.map(str::to_owned),
        row.fact("title").map(str::to_owned),
        row.fact("company").map(str::to_owned),
        last.or(none),
        (!deals.is_empty()).then(|| deals.join(", ")),
    ];
    joined(named(row), facts.into_iter().flatten().collect())
}

pub(super) fn meeting(row: &Row) -> String {
    let deals: Vec<String> = row.refs().iter().filter(|named| named.kind == "deal").map(mention).collect();
    let with = row.fact("attendees").map(|people| format!("with {people}"));
    let facts = [
        row.when().map(str::to_owned),
        row.fact("at").map(|place| format!("at {place}")),
        with,
        (!deals.is_empty()).then(|| format!("about {}", deals.join(", "))),
    ];
    joined(named(row), facts.into_iter().flatten().collect())
}

pub(super) fn task(row: &Row) -> String {
    let due = row.facts.iter().find(|fact| fact.starts_with("due ") || *fact == "no due date").cloned();
    let status = row.fact("status").filter(|status| *status != "open").map(|status| status.replace('_', " "));
    let pressing = row.fact("priority").filter(|priority| ["high", "urgent"].contains(priority));
    let about: Vec<String> = row.refs().iter().filter(|named| named.kind == "deal").map(mention).collect();
    let facts = [
        status,
        due,
        pressing.map(
            |priority| if priority == "urgent" { "urgent".into() } else { format!("{priority} priority") },
        ),
        (!about.is_empty()).then(|| about.join(", ")),
    ];
    joined(named(row), facts.into_iter().flatten().collect())
}

/// What happened: the day, what it was, and what was said.
pub(super) fn event(row: &Row) -> String {
    let from = row.fact("from").map(|from| format!(" from {from}")).unwrap_or_default();
    let what = row.fact("type").unwrap_or(&row.kind);
    // "Call with Dana" says by itself what it was.
    let told = from.is_empty() && row.name.to_lowercase().contains(&what.to_lowercase());
    let what = if told { String::new() } else { format!(" ({what}{from})") };
    let says = row.says.as_deref().map(|says| format!(": “{}”", quote(says))).unwrap_or_default();
    format!("{} — **{}**{what}{says}", row.when().unwrap_or("some day"), row.name)
}

/// Of what was said at most a few lines.
fn quote(says: &str) -> String {
    match says.char_indices().nth(QUOTE) {
        Some((end, _)) => {
            let cut = says[..end].rsplit_once(' ').map_or(&says[..end], |(words, _)| words);
            format!("{}…", cut.trim_end_matches('…'))
        }
        None => says.to_owned(),
    }
}

/// How a question begins that asks which of several is meant.
pub(super) const WHICH: &str = "Which “";

/// A question back with the ones that may be meant.
pub(super) fn which(question: &str, rows: &[Row]) -> String {
    let lines: Vec<String> = rows.iter().take(LINES).map(|row| format!("- {}", line(row))).collect();
    format!("{question}\n{}", lines.join("\n"))
}

/// What is said where a name is not clear; none where it is.
pub(super) fn unclear(name: &str, meant: &Meant) -> Option<String> {
    match meant {
        Meant::One(_) => None,
        Meant::Several(rows) => Some(which(&format!("{WHICH}{name}” do you mean?"), rows)),
        Meant::Unsure(rows) => {
            Some(which(&format!("Nothing on record is surely “{name}”. Do you mean one of these?"), rows))
        }
        Meant::Nothing => Some(format!("Nobody and nothing on record is called “{name}”.")),
    }
}

/// `Sun 29 Nov 2026` from `2026-11-29`
pub(super) fn day(date: &str) -> String {
    let day: Option<NaiveDate> = date.parse().ok();
    day.map_or_else(|| date.to_owned(), |day| day.format("%a %-d %b %Y").to_string())
}

pub(super) fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// `1 meeting`, `2 meetings`
pub(super) fn count(n: usize, one: &str) -> String {
    let number = if n == 0 { "no".to_owned() } else { n.to_string() };
    format!("{number} {one}{}", if n == 1 { "" } else { "s" })
}
