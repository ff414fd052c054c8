//! What a tool's answer says, whatever its exact form.

use serde_json::{Map, Value};

const FIRST: [&str; 10] =
    ["name", "stage", "amount", "currency", "close_date", "status", "health", "email", "company", "title"];
const LEFT_OUT: [&str; 9] =
    ["kind", "id", "org_id", "version", "etag", "created_at", "updated_at", "next_cursor", "links"];
const WRAPPERS: [&str; 6] = ["entity", "deal", "contact", "company", "result", "data"];
const LISTS: [&str; 9] =
    ["data", "results", "entities", "candidates", "passages", "deals", "contacts", "items", "matches"];

/// Up to six facts of a record, as `stage: proposal`.
pub(super) fn of_record(content: &str) -> Vec<String> {
    let value: Value = serde_json::from_str(content).unwrap_or_default();
    let Some(record) = unwrapped(&value).as_object() else { return Vec::new() };
    let nested = ["fields", "attributes"].iter().filter_map(|name| record.get(*name)?.as_object());
    let members: Vec<_> = std::iter::once(record).chain(nested).flat_map(Map::iter).collect();
    let first = FIRST.iter().filter_map(|name| members.iter().find(|(member, _)| member == name));
    let rest = members.iter().filter(|(name, _)| !FIRST.contains(&name.as_str()));
    let facts = first.chain(rest).filter(|(name, _)| !LEFT_OUT.contains(&name.as_str()));
    let facts =
        facts.filter_map(|(name, value)| Some(format!("{}: {}", name.replace('_', " "), scalar(value)?)));
    facts.take(6).collect()
}

/// Up to five entries of a list, one line each; `None` when there is no list.
pub(super) fn of_list(content: &str) -> Option<(usize, Vec<String>)> {
    let value: Value = serde_json::from_str(content).unwrap_or_default();
    let list = value.as_array().or_else(|| LISTS.iter().find_map(|name| value.get(name)?.as_array()))?;
    let lines = list.iter().take(5).map(|entry| match entry {
        Value::Object(entry) => entry_line(entry),
        other => scalar(other).unwrap_or_default(),
    });
    Some((list.len(), lines.collect()))
}

fn entry_line(entry: &Map<String, Value>) -> String {
    let text = |names: &[&str]| names.iter().find_map(|name| scalar(entry.get(*name)?));
    let title = text(&["name", "title", "snippet", "text", "subject", "summary"]);
    let details = [text(&["id", "summary_id"]), text(&["stage", "status", "kind", "role"])];
    let details: Vec<_> = details.into_iter().flatten().collect();
    let title = title.map_or_else(|| "(no name)".to_owned(), |title| super::short(&title, 160));
    if details.is_empty() { title } else { format!("{title} ({})", details.join(", ")) }
}

fn unwrapped(value: &Value) -> &Value {
    let inner = WRAPPERS.iter().find_map(|name| value.get(name).filter(|inner| inner.is_object()));
    inner.unwrap_or(value)
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(super::short(text, 160)),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(yes) => Some(if *yes { "yes" } else { "no" }.to_owned()),
        _ => None,
    }
}
