//! One deal, contact, company or meeting with what a salesperson wants to know of it.

use super::{
    Results, dates,
    rows::{Row, Sheet, rows},
    say::{self, section},
};

/// What happened that is told of one record, and what is noted of it.
const EVENTS: usize = 5;
const NOTES: usize = 6;

/// How things stand with a deal.
pub(super) fn deal(id: &str, results: &Results) -> Option<String> {
    let sheet = Sheet::of(&results.with("get_deal", "id", id)?.content)?;
    let mut parts = vec![headline(&sheet)];
    parts.extend(sheet.head.fact("FLAGS").map(|flags| format!("**Mind**: {flags}.")));
    let lines = |name: &str| here(sheet.section(name));
    parts.extend(section("Next meeting", lines("next meetings"), Some("none is planned.")));
    parts.extend(section("What happened", happened(id, results, &sheet), Some("nothing is on record.")));
    parts.extend(section("Open to-dos", lines("open to-dos"), Some("none.")));
    parts.extend(section("People", people(&sheet), None));
    parts.extend(section("Noted", noted(id, results), None));
    Some(parts.join("\n\n"))
}

/// A meeting, with the people who come and the deal that it is about.
pub(super) fn meeting(row: &Row, results: &Results) -> String {
    let mut facts: Vec<String> = row.when().map(|when| format!("- When: {when}")).into_iter().collect();
    facts.extend(row.fact("at").map(|place| format!("- Where: {place}")));
    facts.extend(row.fact("attendees").map(|people| format!("- Who: {people}")));
    let mut parts = vec![format!("**{}**\n{}", row.name, facts.join("\n"))];
    let refs = row.refs();
    let of = |kind: &'static str| refs.iter().filter(move |named| named.kind == kind);
    let known = of("contact").filter_map(|named| {
        let sheet = Sheet::of(&results.with("get_contact", "id", &named.id)?.content)?;
        Some(say::contact(&say::without_refs(&sheet.head), named.role.as_deref()))
    });
    parts.extend(section("Whom you meet", known.collect(), None));
    parts.extend(of("deal").filter_map(|named| deal_of_meeting(&named.id, results)));
    if of("deal").next().is_none() {
        parts.extend(of("company").take(1).filter_map(|named| company(&named.id, results)));
    }
    if refs.is_empty() {
        parts.push("It is linked to no deal and no contact, so I know nothing else about it.".to_owned());
    }
    parts.join("\n\n")
}

/// The deal as it matters for a meeting: what was said last, and what was promised.
pub(super) fn deal_of_meeting(id: &str, results: &Results) -> Option<String> {
    let sheet = Sheet::of(&results.with("get_deal", "id", id)?.content)?;
    let mut parts = vec![format!("**What it is about**\n{}", headline(&sheet))];
    parts.extend(sheet.head.fact("FLAGS").map(|flags| format!("**Mind**: {flags}.")));
    let said = happened(id, results, &sheet);
    parts.extend(section("What was said last", said, Some("nothing is on record.")));
    parts.extend(section("Still open", here(sheet.section("open to-dos")), Some("no to-do.")));
    parts.extend(section("Noted", noted(id, results), None));
    Some(parts.join("\n\n"))
}

/// How things stand with a person.
pub(super) fn contact(id: &str, results: &Results) -> Option<String> {
    let sheet = Sheet::of(&results.with("get_contact", "id", id)?.content)?;
    let head = &sheet.head;
    let reach = [head.fact("email"), head.fact("phone")].into_iter().flatten().collect::<Vec<_>>().join(", ");
    let mut parts = vec![format!("{}\n{reach}", say::contact(head, None)).trim_end().to_owned()];
    parts.extend(section("Deals", lines(sheet.section("deals")), Some("none.")));
    parts.extend(section("Next meeting", lines(sheet.section("next meetings")), Some("none is planned.")));
    let happened = sheet.section("last activities").iter().map(say::event).collect();
    parts.extend(section("What happened", happened, Some("nothing is on record.")));
    parts.extend(section("Open to-dos", lines(sheet.section("open to-dos")), Some("none.")));
    Some(parts.join("\n\n"))
}

/// How things stand with a company: what is linked to its open deals is its own as well.
pub(super) fn company(id: &str, results: &Results) -> Option<String> {
    let sheet = Sheet::of(&results.with("get_company_status", "id", id)?.content)?;
    // An open deal closes; of one that is closed the date is told otherwise.
    let open: Vec<Row> =
        sheet.section("deals").iter().filter(|deal| deal.fact("close date").is_none()).cloned().collect();
    let deals = open.as_slice();
    let of_deals = deals.iter().filter_map(|deal| results.with("get_deal", "id", &deal.id));
    let sheets: Vec<Sheet> = of_deals.filter_map(|result| Sheet::of(&result.content)).collect();
    let all = |name: &str| {
        let found = std::iter::once(&sheet).chain(&sheets).flat_map(|sheet| sheet.section(name));
        different(found.cloned().collect())
    };
    let sum = sheet.lines.iter().find_map(|line| Some(line.split_once(" shown here: ")?.1));
    let heading = sum.map_or_else(|| "Open deals".to_owned(), |sum| format!("Open deals ({sum})"));
    let listed = deals.iter().filter_map(|deal| results.with("get_deal_activities", "id", &deal.id));
    let mut events = different(listed.flat_map(|result| rows(&result.content)).collect());
    events.retain(|event| !to_come(event, results));
    if events.is_empty() {
        events = all("last activities");
    }
    let happened = events.iter().take(EVENTS).map(say::event).collect();
    let parts = [
        Some(say::line(&sheet.head)),
        section(&heading, lines(deals), Some("none.")),
        section("Next meeting", lines(&all("next meetings")), Some("none is planned.")),
        section("What happened", happened, Some("nothing is on record.")),
        section("Open to-dos", lines(&all("open to-dos")), Some("none.")),
        section("People", here(sheet.section("people")), None),
    ];
    Some(parts.into_iter().flatten().collect::<Vec<_>>().join("\n\n"))
}

fn lines(rows: &[Row]) -> Vec<String> {
    rows.iter().map(say::line).collect()
}

fn here(rows: &[Row]) -> Vec<String> {
    rows.iter().map(|row| say::line(&say::without_refs(row))).collect()
}

fn different(mut rows: Vec<Row>) -> Vec<Row> {
    let mut seen = Vec::new();
    rows.retain(|row| {
        let new = !seen.contains(&row.id);
        seen.push(row.id.clone());
        new
    });
    rows
}

fn to_come(row: &Row, results: &Results) -> bool {
    row.when().is_some_and(|when| dates::is_to_come(when, results.clock.as_deref()))
}

/// `**Acme renewal** (D-42): proposal · 84,000 EUR · …`
fn headline(sheet: &Sheet) -> String {
    let last = sheet.head.fact("last activity").map(|day| format!(" · last activity {day}"));
    let lines: String = sheet.lines.iter().map(|line| format!("\n{}", say::capital(line))).collect();
    let facts = say::deal_facts(&sheet.head).join(" · ");
    format!("{}: {facts}{}{lines}", say::named(&sheet.head), last.unwrap_or_default())
}

/// From the list of activities, else from what stands around the deal.
fn happened(id: &str, results: &Results, sheet: &Sheet) -> Vec<String> {
    let listed = results.with("get_deal_activities", "id", id);
    let mut events = listed.map(|result| rows(&result.content)).unwrap_or_default();
    events.retain(|event| !to_come(event, results));
    if events.is_empty() {
        events = sheet.section("last activities").to_vec();
    }
    events.iter().take(EVENTS).map(say::event).collect()
}

/// The people of a deal with what they are in it.
fn people(sheet: &Sheet) -> Vec<String> {
    let refs = sheet.head.refs();
    let role = |row: &Row| refs.iter().find(|named| named.id == row.id).and_then(|named| named.role.clone());
    let people = sheet.section("people").iter();
    people.map(|row| say::contact(&say::without_refs(row), role(row).as_deref())).collect()
}

/// Notes of colleagues, and what is remembered of the deal.
fn noted(id: &str, results: &Results) -> Vec<String> {
    let Some(found) = results.with("get_entity", "id", id) else { return Vec::new() };
    let (record, memory) = found.content.split_once("\nmemory:\n").unwrap_or((&found.content, ""));
    let notes = record.lines().filter_map(|line| line.strip_prefix("note of "));
    let notes = notes.filter_map(|note| {
        let (head, text) = note.split_once(": ")?;
        let (day, author) = head.split_once(" by ")?;
        Some(format!("{text} ({author}, {})", say::day(day)))
    });
    let memory = memory.lines().filter_map(|line| line.strip_prefix("- ")).map(str::to_owned);
    notes.chain(memory).take(NOTES).collect()
}
