//! Questions about a record whose name stands in curly quotes: exactly that name is looked up,
//! and the answer goes by the kind of what was found.

use serde_json::json;

use super::{
    Call, Results, brief, done, plan,
    rows::{Meant, Row, Sheet, meant, rows},
    say::{self, section},
};
use crate::demo::Reading;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Want {
    Standing,
    Draft,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Named {
    pub name: String,
    kind: &'static str,
    pub want: Want,
}

/// How such questions begin, and the kind that is meant where no word says it.
const BEGINNINGS: [(&str, &str, Want); 21] = [
    ("what can i do about the risks of", "deal", Want::Standing),
    ("what are the risks of", "deal", Want::Standing),
    ("how do i get", "deal", Want::Standing),
    ("what is left to do until", "deal", Want::Standing),
    ("help me get", "task", Want::Standing),
    ("prepare", "meeting", Want::Standing),
    ("catch me up on", "deal", Want::Standing),
    ("what can we learn from", "deal", Want::Standing),
    ("what is the next step", "activity", Want::Standing),
    ("what do we know about", "contact", Want::Standing),
    ("draft a first message to", "contact", Want::Draft),
    ("draft a follow-up", "contact", Want::Draft),
    ("draft an answer to the e-mail", "email", Want::Draft),
    ("what was last said with", "company", Want::Standing),
    ("which to-dos follow from", "meeting", Want::Standing),
    ("what was said last", "contact", Want::Standing),
    ("what was said in the last", "contact", Want::Standing),
    ("what is our status with", "company", Want::Standing),
    ("which deals are open", "company", Want::Standing),
    ("summarize", "meeting", Want::Standing),
    ("what ", "activity", Want::Standing),
];
const KINDS: [(&str, &str); 5] = [
    ("deal", "deal"),
    ("meeting", "meeting"),
    ("to-do", "task"),
    ("e-mail", "email"),
    ("contact", "contact"),
];
/// People to whom a message is written.
const PEOPLE: usize = 4;

pub(super) fn read(text: &str) -> Option<Named> {
    let (before, rest) = text.split_once('“')?;
    let (name, _) = rest.split_once('”')?;
    let before = before.trim().to_lowercase();
    let (begin, kind, want) = BEGINNINGS.iter().find(|(begin, ..)| before.starts_with(begin.trim_end()))?;
    let said = KINDS.iter().find(|(word, _)| before.ends_with(word)).map(|(_, kind)| *kind);
    let kind = if before.ends_with("last said with") { "company" } else { said.unwrap_or(kind) };
    // "What did we say about “pricing”?" names no record.
    let loose = *begin == "what " && !["came of", "need to know"].iter().any(|words| before.contains(words));
    let name = name.trim().trim_end_matches('…').to_owned();
    (!loose && !name.is_empty()).then_some(Named { name, kind, want: *want })
}

/// The record of that name; the one of the expected kind, or that of the conversation, where several have it.
fn found(named: &Named, results: &Results, reading: &Reading) -> Option<Row> {
    let content = &results.with("resolve_entity", "name", &named.name)?.content;
    let mut exact = rows(content);
    exact.retain(|row| row.name.to_lowercase().starts_with(&named.name.to_lowercase()));
    if exact.iter().any(|row| row.kind == named.kind) {
        exact.retain(|row| row.kind == named.kind);
    }
    let here = reading.entity.as_ref().and_then(|here| exact.iter().position(|row| row.id == here.id));
    match (here, exact.len(), meant(content)) {
        (Some(at), ..) => Some(exact.swap_remove(at)),
        (None, 1, _) => exact.pop(),
        (None, _, Meant::One(row)) => Some(row),
        _ => None,
    }
}

pub(super) fn next(named: &Named, results: &Results, reading: &Reading) -> Vec<Call> {
    let mut calls = vec![plan::resolve(&named.name, Some(named.kind))];
    let Some(row) = found(named, results, reading) else { return calls };
    calls.extend(match row.kind.as_str() {
        kind @ ("deal" | "contact" | "company") => plan::about(kind, &row.id, results),
        kind => {
            let itself = ("get_entity", json!({"kind": kind, "id": row.id}));
            plan::around(&row, results).into_iter().chain([itself]).collect()
        }
    });
    let known = calls.iter().all(|call| results.made(call) || !reading.offers(call.0));
    if named.want == Want::Draft && known {
        calls.extend(draft(&row, results, reading));
    }
    calls
}

/// A message to the person, or to those who were there.
fn draft(row: &Row, results: &Results, reading: &Reading) -> Option<Call> {
    let sheets: Vec<Row> = if row.kind == "contact" {
        vec![row.clone()]
    } else {
        let people = results.of("get_contact").take(PEOPLE);
        people.filter_map(|result| Sheet::of(&result.content)).map(|sheet| sheet.head).collect()
    };
    let address = |row: &Row| row.fact("email")?.split_whitespace().next().map(str::to_owned);
    let to: Vec<String> = sheets.iter().filter_map(address).collect();
    let topic = (row.kind != "contact").then_some(row.name.as_str());
    let name = sheets.first().filter(|_| sheets.len() == 1).map(|row| row.name.as_str());
    (!to.is_empty()).then(|| done::write(&to.join(", "), name, topic, reading))
}

pub(super) fn answer(named: &Named, results: &Results, reading: &Reading) -> Option<String> {
    let Some(row) = found(named, results, reading) else {
        let content = &results.with("resolve_entity", "name", &named.name)?.content;
        return say::unclear(&named.name, &meant(content));
    };
    if named.want == Want::Draft {
        let drafted = results.first("draft_email").map(done::carried_out);
        return drafted.or_else(|| Some(format!("I have no e-mail address for **{}**.", row.name)));
    }
    match row.kind.as_str() {
        "deal" => brief::deal(&row.id, results),
        "contact" => brief::contact(&row.id, results),
        "company" => brief::company(&row.id, results),
        "meeting" => Some(joined(brief::meeting(&row, results), words(&row, results))),
        _ => Some(other(&row, results)),
    }
}

/// A to-do, e-mail or activity: what it is about, and what it belongs to.
fn other(row: &Row, results: &Results) -> String {
    let mut said = joined(say::line(row), words(row, results));
    let refs = row.refs();
    let deals = refs.iter().filter(|named| named.kind == "deal");
    for part in deals.filter_map(|named| brief::deal_of_meeting(&named.id, results)) {
        said = joined(said, Some(part));
    }
    said
}

/// The long text of a record, as `get_entity` quotes it.
fn words(row: &Row, results: &Results) -> Option<String> {
    let content = &results.with("get_entity", "id", &row.id)?.content;
    let (_, text) =
        [", summary ", ", body ", ", description "].iter().find_map(|name| content.split_once(name))?;
    let end = [", transcript ", ", owner ", "\n"].iter().filter_map(|end| text.find(end)).min();
    section("In short", vec![text[..end.unwrap_or(text.len())].to_owned()], None)
}

fn joined(said: String, more: Option<String>) -> String {
    match more {
        Some(more) => format!("{said}\n\n{more}"),
        None => said,
    }
}
