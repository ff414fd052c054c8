//! The last step of a turn: what the tools said.

use serde_json::Value;

use super::{
    Reading, ToolResult, facts,
    intent::{self, Intent},
    plainly::{denial, plainly},
    recollect, short,
};

/// Lines of a plain answer that are shown.
const LINES: usize = 6;

pub(super) fn report(reading: &Reading) -> String {
    let results = &reading.turn.results;
    let mut lines: Vec<_> = results.iter().map(one).collect();
    let in_stage = |result: &ToolResult| {
        !result.is_error && result.name == "find_entities" && result.input["query"] == intent::URGENT_STAGE
    };
    if results.iter().any(in_stage) && intent::read(&reading.question, None) == Intent::Attention {
        let stage = intent::URGENT_STAGE;
        lines.insert(0, format!("I looked for deals in {stage}: they are the nearest to a decision."));
    }
    let asked = |result: &ToolResult| !result.is_error && result.name.starts_with("get_");
    if results.iter().any(asked) {
        let contents: Vec<_> = results.iter().map(|result| result.content.as_str()).collect();
        lines.extend(reading.quotes(&contents.join(" ")));
    }
    lines.join("\n")
}

fn one(result: &ToolResult) -> String {
    if let Some(unfinished) = unfinished(result) {
        return unfinished;
    }
    let ToolResult { name, content, .. } = result;
    match name.as_str() {
        "memory_append" => remembered(result),
        "recall" => recollect::recalled(result),
        "add_note" => format!("I added the note to {}: “{}”", input(result, "id"), input(result, "text")),
        "update_entity" => updated(result),
        _ => found(result).unwrap_or_else(|| format!("`{name}` answered:{}", plain(content))),
    }
}

/// What has failed, and what is no effect yet: a proposal, an open approval.
pub(super) fn unfinished(result: &ToolResult) -> Option<String> {
    let ToolResult { content, is_error, .. } = result;
    if *is_error {
        return Some(denial(content).unwrap_or_else(|| format!("That did not work: {}", plainly(content))));
    }
    let open = ["awaiting approval", "This is a proposal now"];
    open.iter().any(|start| content.starts_with(start)).then(|| plainly(content))
}

/// A plain answer: its one line, or the first lines as a list.
fn plain(content: &str) -> String {
    let lines: Vec<_> = content.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    if lines.len() < 2 {
        return format!(" {}", short(content, 300));
    }
    let shown = lines.iter().take(LINES).map(|line| format!("\n- {}", short(line, 200)));
    let more = lines.len().saturating_sub(LINES);
    shown.chain((more > 0).then(|| format!("\n- … and {more} more"))).collect()
}

fn remembered(result: &ToolResult) -> String {
    let place = match result.input["scope"].as_str() {
        Some("entity") => "this entity's memory",
        Some("org") => "the organization's memory",
        _ => "your memory",
    };
    format!("I wrote to {place}, under {}: “{}”", input(result, "section"), input(result, "text"))
}

fn updated(result: &ToolResult) -> String {
    let changes = result.input["changes"].as_object().into_iter().flatten();
    let changes = changes.map(|(name, value)| {
        format!("{name} is now {}", value.as_str().map_or_else(|| value.to_string(), str::to_owned))
    });
    format!("I changed {}: {}.", input(result, "id"), changes.collect::<Vec<_>>().join(", "))
}

/// Facts of a record, or the entries of a list, with the tool that gave them.
fn found(result: &ToolResult) -> Option<String> {
    let name = &result.name;
    match facts::of_list(&result.content) {
        Some((0, _)) => Some(format!("`{name}` found nothing.")),
        Some((count, lines)) => {
            let lines: Vec<_> = lines.iter().map(|line| format!("- {line}")).collect();
            Some(format!("`{name}` found {count}:\n{}", lines.join("\n")))
        }
        None => {
            let facts = facts::of_record(&result.content);
            let id = result.input["id"].as_str().map(|id| format!("{id}, ")).unwrap_or_default();
            (!facts.is_empty()).then(|| format!("{id}from the record (`{name}`): {}.", facts.join("; ")))
        }
    }
}

fn input<'a>(result: &'a ToolResult, name: &str) -> &'a str {
    result.input.get(name).and_then(Value::as_str).unwrap_or("?")
}
