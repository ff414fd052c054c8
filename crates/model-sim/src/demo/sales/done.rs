//! Orders: what is called for them, and what is said when that was done.

use serde_json::json;

use super::{
    Call, Results,
    ask::Ask,
    plan::resolve,
    rows::{Meant, Row, meant, rows},
    say,
};
use crate::demo::{Reading, report, tags};

pub(super) fn next(ask: &Ask, results: &Results, reading: &Reading) -> Vec<Call> {
    match ask {
        Ask::NewTask { title, due } => {
            let mut input = json!({"title": title});
            if let Some(due) = due {
                input["due_date"] = json!(due.to_string());
            }
            vec![("create_task", input)]
        }
        Ask::Done(what) => complete(what, results),
        Ask::Draft { to, topic } => draft(to, topic.as_deref(), results, reading),
        Ask::Log { kind, with, details } => log((kind, details), with.as_deref(), results, reading),
        _ => Vec::new(),
    }
}

/// By its id, or the one open to-do that is called so.
fn complete(what: &str, results: &Results) -> Vec<Call> {
    let id = what.split_once('-').is_some_and(|(letter, digits)| {
        letter.eq_ignore_ascii_case("t") && digits.chars().all(|c| c.is_ascii_digit())
    });
    if id {
        return vec![("complete_task", json!({"id": what.to_uppercase()}))];
    }
    let mut calls = vec![("find_entities", json!({"query": what, "kind": "task", "limit": 10}))];
    if let [task] = open_tasks(what, results).as_slice() {
        calls.push(("complete_task", json!({"id": task.id})));
    }
    calls
}

/// The open to-dos that were found; those that have all the words, if there are any.
fn open_tasks(what: &str, results: &Results) -> Vec<Row> {
    let Some(found) = results.with("find_entities", "query", what) else { return Vec::new() };
    let mut open = rows(&found.content);
    open.retain(|row| {
        row.kind == "task" && !["done", "cancelled"].contains(&row.fact("status").unwrap_or_default())
    });
    let all = |row: &&Row| {
        let name = row.name.to_lowercase();
        what.to_lowercase().split_whitespace().all(|word| name.contains(word))
    };
    let exact: Vec<Row> = open.iter().filter(all).cloned().collect();
    if exact.is_empty() { open } else { exact }
}

fn draft(to: &str, topic: Option<&str>, results: &Results, reading: &Reading) -> Vec<Call> {
    let write = |address: &str, name: Option<&str>| write(address, name, topic, reading);
    if to.contains('@') {
        return vec![write(to, None)];
    }
    if !reading.offers("draft_email") {
        return vec![write(to, Some(to))];
    }
    let mut calls = vec![resolve(to, Some(topic.unwrap_or("contact")))];
    if let Some(Meant::One(row)) = resolved(to, results)
        && let Some(address) = row.fact("email").and_then(|fact| fact.split_whitespace().next())
    {
        calls.push(write(address, Some(&row.name)));
    }
    calls
}

/// The call that drafts a message about the topic.
pub(super) fn write(address: &str, name: Option<&str>, topic: Option<&str>, reading: &Reading) -> Call {
    ("draft_email", json!({"to": address, "subject": subject(topic), "body": body(name, topic, reading)}))
}

/// "The renewal", from "the renewal".
fn subject(topic: Option<&str>) -> String {
    let topic = topic
        .map(|topic| ["the ", "our ", "my "].iter().find_map(|the| topic.strip_prefix(the)).unwrap_or(topic));
    say::capital(topic.unwrap_or("A question"))
}

fn body(name: Option<&str>, topic: Option<&str>, reading: &Reading) -> String {
    let first = name.and_then(|name| name.split_whitespace().next());
    let hello = first.map_or_else(|| "Hello,".to_owned(), |first| format!("Hello {first},"));
    let matter = match topic {
        Some(topic) => format!("I would like to talk with you about {topic}. When would it suit you?"),
        None => "when would a short call suit you?".to_owned(),
    };
    let memories = tags::all(&reading.turn.system, "user_memory");
    let me = memories.iter().find_map(|tag| tag.attribute("user")).map(|me| format!("\n{me}"));
    format!("{hello}\n\n{matter}\n\nKind regards{}", me.unwrap_or_default())
}

fn log((kind, details): (&str, &str), with: Option<&str>, results: &Results, reading: &Reading) -> Vec<Call> {
    let mut input = json!({"type": kind, "details": details});
    let Some(name) = with else { return vec![("create_activity", input)] };
    if !reading.offers("create_activity") {
        return vec![("create_activity", input)];
    }
    let here = reading.entity.as_ref().map_or("contact", |entity| entity.id.as_str());
    let mut calls = vec![resolve(name, Some(here))];
    if let Some(Meant::One(row)) = resolved(name, results) {
        match row.kind.as_str() {
            "deal" => input["deal_id"] = json!(row.id),
            "contact" => input["contact_id"] = json!(row.id),
            _ => {}
        }
        calls.push(("create_activity", input));
    }
    calls
}

fn resolved(name: &str, results: &Results) -> Option<Meant> {
    Some(meant(&results.with("resolve_entity", "name", name)?.content))
}

/// What is said at the end of an order.
pub(super) fn answer(ask: &Ask, results: &Results) -> Option<String> {
    let last = *results.all.last()?;
    let written =
        ["create_task", "complete_task", "draft_email", "create_activity"].contains(&last.name.as_str());
    if written || last.is_error {
        let unfinished = report::unfinished(last);
        return Some(unfinished.unwrap_or_else(|| carried_out(last)));
    }
    match ask {
        Ask::Done(what) => Some(match open_tasks(what, results) {
            open if open.is_empty() => format!("I find no open to-do called “{what}”."),
            open => say::which("Which to-do is done?", &open),
        }),
        Ask::Draft { to, .. } => Some(unclear(to, results, "I have no e-mail address of")),
        Ask::Log { with: Some(name), .. } => Some(unclear(name, results, "I cannot log that with")),
        _ => None,
    }
}

fn unclear(name: &str, results: &Results, clear: &str) -> String {
    match resolved(name, results) {
        Some(meant) => say::unclear(name, &meant).unwrap_or_else(|| format!("{clear} {name}.")),
        None => format!("I do not know who {name} is."),
    }
}

pub(super) fn carried_out(result: &crate::demo::ToolResult) -> String {
    let input = |name: &str| result.input[name].as_str().unwrap_or_default();
    match result.name.as_str() {
        "create_task" => {
            let due = result.input["due_date"].as_str().map(|day| format!(", due {}", say::day(day)));
            format!("I added the to-do **{}**{}.", input("title"), due.unwrap_or_default())
        }
        "draft_email" => {
            let body = input("body").lines().map(|line| format!("> {line}").trim_end().to_owned());
            let body = body.collect::<Vec<_>>().join("\n");
            format!(
                "Here is a draft to {}; nothing was sent.\n\n> **{}**\n>\n{body}",
                input("to"),
                input("subject")
            )
        }
        "create_activity" => format!("I logged the {}: “{}”", input("type"), input("details")),
        _ => crate::demo::short(&result.content, 300),
    }
}
