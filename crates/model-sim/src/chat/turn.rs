//! What the demo wants to know of a request, taken from this wire's form.

use serde_json::Value;

use crate::{
    demo::{Choice, Limits, Line, Tool, ToolResult, Turn},
    request::{text_of, texts_of},
};

pub(super) fn read(request: &Value) -> Turn {
    let messages = list(&request["messages"]);
    let (system, said): (Vec<&Value>, Vec<&Value>) =
        messages.iter().partition(|message| message["role"] == "system" || message["role"] == "developer");
    let lines = said.iter().filter(|message| message["role"] != "tool").map(|message| line(message));
    let newest = said.iter().rposition(|message| message["role"] == "assistant").unwrap_or(said.len());
    Turn {
        system: system.iter().map(|message| text_of(&message["content"])).collect::<Vec<_>>().join("\n\n"),
        history: lines.filter(|line| !line.blocks.is_empty()).collect(),
        results: results(&said[newest..]),
        earlier: earlier(&said[..newest]),
        tools: list(&request["tools"]).iter().map(tool).collect(),
        choice: choice(&request["tool_choice"]),
        answer_schema: request["response_format"]["json_schema"].get("schema").cloned(),
        thinks: request["reasoning_effort"].as_str().is_some_and(|effort| effort != "none"),
        limits: limits(request),
    }
}

/// The ids of all calls in the conversation.
pub(super) fn call_ids(request: &Value) -> Vec<&str> {
    let calls = list(&request["messages"]).iter().flat_map(|message| list(&message["tool_calls"]));
    calls.filter_map(|call| call["id"].as_str()).collect()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn line(message: &Value) -> Line {
    let texts = texts_of(&message["content"]).into_iter().flat_map(blocks).filter(|text| !text.is_empty());
    Line { by_user: message["role"] == "user", blocks: texts.map(str::to_owned).collect() }
}

/// A client may join its blocks into one text: what stands in tags at its beginning was each
/// a block of its own, with the words about it in the same paragraph.
fn blocks(mut text: &str) -> Vec<&str> {
    let mut blocks = Vec::new();
    while let Some(end) = tagged(text) {
        let (block, rest) = text.split_at(end);
        blocks.push(block);
        text = rest.trim_start();
    }
    blocks.push(text);
    blocks
}

/// Where the paragraph ends that a leading tag begins.
fn tagged(text: &str) -> Option<usize> {
    let name: String =
        text.strip_prefix('<')?.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    let close = format!("</{name}>");
    let end = text.find(&close).filter(|_| !name.is_empty())? + close.len();
    Some(text[end..].find("\n\n").map_or(text.len(), |paragraph| end + paragraph))
}

fn tool(tool: &Value) -> Tool {
    let function = &tool["function"];
    let name = function["name"].as_str().unwrap_or_default().to_owned();
    Tool { name, schema: function["parameters"].clone() }
}

fn choice(choice: &Value) -> Choice {
    match choice.as_str() {
        Some("none") => Choice::None,
        Some("required") => Choice::Any,
        _ => match choice["function"]["name"].as_str() {
            Some(name) => Choice::Tool(name.to_owned()),
            None => Choice::Auto,
        },
    }
}

fn limits(request: &Value) -> Limits {
    let stops = texts_of_stop(&request["stop"]);
    let max = request["max_completion_tokens"].as_u64().or(request["max_tokens"].as_u64());
    Limits {
        max_tokens: max.and_then(|max| usize::try_from(max).ok()),
        stop_sequences: stops.into_iter().map(str::to_owned).collect(),
    }
}

fn texts_of_stop(stop: &Value) -> Vec<&str> {
    stop.as_str().into_iter().chain(list(stop).iter().filter_map(Value::as_str)).collect()
}

/// The results of the turn's steps before the newest one: those that follow the person's words.
fn earlier(said: &[&Value]) -> Vec<ToolResult> {
    let start = said.iter().rposition(|message| message["role"] == "user").map_or(0, |user| user + 1);
    let steps = said[start..].chunk_by(|_, next| next["role"] != "assistant");
    steps.flat_map(results).collect()
}

/// The results in a step, which begins with the calls.
fn results(step: &[&Value]) -> Vec<ToolResult> {
    let Some((asked, answered)) = step.split_first() else { return Vec::new() };
    let calls = list(&asked["tool_calls"]);
    let results = answered.iter().filter(|message| message["role"] == "tool");
    let with_call = results.map(|result| {
        let call = calls.iter().find(|call| call["id"] == result["tool_call_id"]);
        let function = call.map(|call| &call["function"]);
        let arguments = function.and_then(|function| function["arguments"].as_str()).unwrap_or_default();
        let content = text_of(&result["content"]);
        ToolResult {
            name: function.and_then(|function| function["name"].as_str()).unwrap_or("a tool").to_owned(),
            input: serde_json::from_str(arguments).unwrap_or_default(),
            // The wire has no place for it; clients say it in the text.
            is_error: content.starts_with("Error: "),
            content,
        }
    });
    with_call.collect()
}
