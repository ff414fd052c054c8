//! What the demo wants to know of a request, taken from this wire's form.

use serde_json::Value;

use crate::{
    demo::{Choice, Limits, Line, Tool, ToolResult, Turn},
    request::{text_of, texts_of},
};

pub(super) fn read(request: &Value) -> Turn {
    let messages = list(&request["messages"]);
    let lines = messages.iter().map(line);
    Turn {
        system: text_of(&request["system"]),
        history: lines.filter(|line| !line.blocks.is_empty()).collect(),
        results: results(messages),
        earlier: earlier(messages),
        tools: list(&request["tools"]).iter().map(tool).collect(),
        choice: choice(&request["tool_choice"]),
        answer_schema: request["output_config"]["format"].get("schema").cloned(),
        thinks: matches!(request["thinking"]["type"].as_str(), Some("adaptive" | "enabled")),
        limits: limits(request),
    }
}

/// The ids of all calls in the conversation.
pub(super) fn call_ids(request: &Value) -> Vec<&str> {
    let blocks = list(&request["messages"]).iter().flat_map(|message| list(&message["content"]));
    blocks.filter(|block| block["type"] == "tool_use").filter_map(|block| block["id"].as_str()).collect()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn line(message: &Value) -> Line {
    let texts = texts_of(&message["content"]).into_iter().filter(|text| !text.is_empty());
    Line { by_user: message["role"] == "user", blocks: texts.map(str::to_owned).collect() }
}

fn tool(tool: &Value) -> Tool {
    Tool { name: tool["name"].as_str().unwrap_or_default().to_owned(), schema: tool["input_schema"].clone() }
}

fn choice(choice: &Value) -> Choice {
    match choice["type"].as_str() {
        Some("none") => Choice::None,
        Some("any") => Choice::Any,
        Some("tool") => Choice::Tool(choice["name"].as_str().unwrap_or_default().to_owned()),
        _ => Choice::Auto,
    }
}

fn limits(request: &Value) -> Limits {
    let stops = list(&request["stop_sequences"]).iter().filter_map(Value::as_str);
    Limits {
        max_tokens: request["max_tokens"].as_u64().and_then(|max| usize::try_from(max).ok()),
        stop_sequences: stops.map(str::to_owned).collect(),
    }
}

/// The results of the turn's steps before the newest one: those that follow the person's words.
fn earlier(messages: &[Value]) -> Vec<ToolResult> {
    let words = |message: &Value| {
        message["role"] == "user"
            && !list(&message["content"]).iter().any(|block| block["type"] == "tool_result")
    };
    let start = messages.iter().rposition(words).unwrap_or_default();
    (start + 1..messages.len()).flat_map(|end| results(&messages[..end])).collect()
}

/// The results in the newest message, each with the call that it answers.
fn results(messages: &[Value]) -> Vec<ToolResult> {
    let Some((newest, before)) = messages.split_last() else { return Vec::new() };
    let calls = before.last().map(|message| list(&message["content"])).unwrap_or_default();
    let results = list(&newest["content"]).iter().filter(|block| block["type"] == "tool_result");
    let with_call = results.map(|result| {
        let call = calls.iter().find(|call| call["id"] == result["tool_use_id"]);
        ToolResult {
            name: call.and_then(|call| call["name"].as_str()).unwrap_or("a tool").to_owned(),
            input: call.map(|call| call["input"].clone()).unwrap_or_default(),
            content: text_of(&result["content"]),
            is_error: result["is_error"] == true,
        }
    });
    with_call.collect()
}
