//! One deal, contact, company or meeting with what a salesperson wants to know of it.

use super::{
    Results,
    rows::{Row, Sheet, rows},
    say::{self, section},
};

/// What happened that is told of one record.
const EVENTS: usize = 5;

/// How things stand with a deal.
pub(super) fn deal(id: &str, results: &Results) -> Option<String> {
    let sheet = Sheet::of(&results.with("get_deal", "id", id)?.content)?;
    let head = &sheet.head;
    let mut parts = vec![headline(&sheet)];
    parts.extend(head.fact("FLAGS").map(|flags| format!("**Mind**: {flags}.")));
    let lines = |name: &str| sheet.section(name).iter().map(say::line).collect::<Vec<_>>();
    parts.extend(section("Next meeting", lines("next meetings"), Some("none is planned.")));
    parts.extend(section("What happened", happened(id, results, &sheet), Some("nothing is on record.")));
    parts.extend(section("Open to-dos", lines("open to-dos"), Some("none.")));
    parts.extend(section("People", people(&sheet), None));
    Some(parts.join("\n\n"))
}

/// `**Acme renewal** (D-42): proposal, 84,000 EUR, …; health 72`
fn headline(sheet: &Sheet) -> String {
    let facts = say::deal_facts(&sheet.head).join(", ");
    let last =
        sheet.head.fact("last activity").map(|day| format!("; last activity {day}")).unwrap_or_default();
    let lines: String = sheet.lines.iter().map(|line| format!("\n{}", say::capital(line))).collect();
    format!("{}: {facts}{last}.{lines}", say::named(&sheet.head))
}

/// From the list of activities, else from what stands around the deal.
fn happened(id: &str, results: &Results, sheet: &Sheet) -> Vec<String> {
    let listed = results.with("get_deal_activities", "id", id).map(|result| rows(&result.content));
    let past = |row: &&Row| row.when().is_none_or(|when| !to_come(when));
    let listed: Vec<Row> = listed.unwrap_or_default().iter().filter(past).cloned().collect();
    let events = if listed.is_empty() { sheet.section("last activities") } else { &listed };
    events.iter().take(EVENTS).map(say::event).collect()
}

fn to_come(when: &str) -> bool {
    when.ends_with("tomorrow")
        || when.rsplit_once(", ").is_some_and(|(_, distance)| distance.starts_with("in "))
}

/// The people of a deal with what they are in it.
fn people(sheet: &Sheet) -> Vec<String> {
    let refs = sheet.head.refs();
    let role = |row: &Row| refs.iter().find(|named| named.id == row.id).and_then(|named| named.role.clone());
    sheet.section("people").iter().map(|row| say::contact(row, role(row).as_deref())).collect()
}

/// How things stand with a person.
pub(super) fn contact(id: &str, results: &Results) -> Option<String> {
    let sheet = Sheet::of(&results.with("get_contact", "id", id)?.content)?;
    let head = &sheet.head;
    let mut parts = vec![say::contact(head, None)];
    let reach = [head.fact("email"), head.fact("phone")].into_iter().flatten().collect::<Vec<_>>().join(", ");
    if !reach.is_empty() {
        parts[0] = format!("{}\n{reach}", parts[0]);
    }
    let lines = |name: &str| sheet.section(name).iter().map(say::line).collect::<Vec<_>>();
    parts.extend(section("Deals", lines("deals"), Some("none.")));
    parts.extend(section("Next meeting", lines("next meetings"), Some("none is planned.")));
    parts.extend(section("What happened", lines("last activities"), Some("nothing is on record.")));
    parts.extend(section("Open to-dos", lines("open to-dos"), Some("none.")));
    Some(parts.join("\n\n"))
}

/// How things stand with a company; what happened is told of each of its open deals.
pub(super) fn company(id: &str, results: &Results) -> Option<String> {
    let sheet = Sheet::of(&results.with("get_company_status", "id", id)?.content)?;
    let mut parts = vec![say::line(&sheet.head)];
    let sums: Vec<&str> =
        sheet.lines.iter().filter_map(|line| line.split_once(" shown here: ")).map(|(_, sum)| sum).collect();
    let lines = |name: &str| sheet.section(name).iter().map(say::line).collect::<Vec<_>>();
    let deals = match sums.first() {
        Some(sum) => format!("Deals (open: {sum})"),
        None => "Deals".to_owned(),
    };
    parts.extend(section(&deals, lines("deals"), Some("none.")));
    parts.extend(section("Next meeting", lines("next meetings"), Some("none is planned.")));
    let of_deals =
        sheet.section("deals").iter().filter_map(|deal| results.with("get_deal_activities", "id", &deal.id));
    let mut events: Vec<Row> = of_deals.flat_map(|result| rows(&result.content)).collect();
    events.retain(|row| row.when().is_none_or(|when| !to_come(when)));
    let mut happened: Vec<String> = events.iter().take(EVENTS).map(say::event).collect();
    if happened.is_empty() {
        happened = lines("last activities");
    }
    parts.extend(section("What happened", happened, Some("nothing is on record.")));
    parts.extend(section("Open to-dos", lines("open to-dos"), Some("none.")));
    parts.extend(section("People", lines("people"), None));
    Some(parts.join("\n\n"))
}

/// A meeting, with the people who come and the deal that it is about.
pub(super) fn meeting(row: &Row, results: &Results) -> String {
    let mut facts: Vec<String> = row.when().map(|when| format!("**When**: {when}")).into_iter().collect();
    facts.extend(row.fact("at").map(|place| format!("**Where**: {place}")));
    facts.extend(row.fact("attendees").map(|people| format!("**Who**: {people}")));
    let mut parts = vec![format!("**{}**\n\n{}", row.name, facts.join("\n"))];
    let refs = row.refs();
    let of = |kind: &'static str| refs.iter().filter(move |named| named.kind == kind);
    let known = of("contact").filter_map(|named| {
        let sheet = Sheet::of(&results.with("get_contact", "id", &named.id)?.content)?;
        Some(say::contact(&sheet.head, named.role.as_deref()))
    });
    parts.extend(section("Whom you meet", known.collect(), None));
    parts.extend(of("deal").filter_map(|named| deal_of_meeting(&named.id, results)));
    if of("deal").next().is_none() {
        parts.extend(of("company").take(1).filter_map(|named| company(&named.id, results)));
    }
    if refs.is_empty() {
        parts.push(
            "The meeting is linked to no deal and no contact, so I know nothing else about it.".to_owned(),
        );
    }
    parts.join("\n\n")
}

/// The deal as it matters for a meeting: what was said last, and what was promised.
fn deal_of_meeting(id: &str, results: &Results) -> Option<String> {
    let sheet = Sheet::of(&results.with("get_deal", "id", id)?.content)?;
    let mut parts = vec![format!("**What it is about**\n{}", headline(&sheet))];
    parts.extend(sheet.head.fact("FLAGS").map(|flags| format!("**Mind**: {flags}.")));
    parts.extend(section("What was said last", happened(id, results, &sheet), Some("nothing is on record.")));
    let open = sheet.section("open to-dos").iter().map(say::task).collect();
    parts.extend(section("Still open before it", open, Some("no to-do.")));
    Some(parts.join("\n\n"))
}
