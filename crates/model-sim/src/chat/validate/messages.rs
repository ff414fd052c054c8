//! Messages, one by one and in their order. A history that breaks the rules of
//! calls and their results is refused for ever.

use serde_json::Value;

use super::{
    super::error::{ApiError, Result},
    tools::members,
};

/// OpenAI refuses a longer id of a call.
const LONGEST_ID: usize = 40;

pub(super) fn check(messages: &[Value]) -> Result<()> {
    // Calls that have no result yet.
    let mut open: Vec<&str> = Vec::new();
    for (index, message) in messages.iter().enumerate() {
        let at = format!("messages[{index}]");
        if message["role"] == "tool" {
            result(&at, message, &mut open)?;
            continue;
        }
        answered(&at, &open)?;
        one(&at, message)?;
        open = calls(message).iter().filter_map(|call| call["id"].as_str()).collect();
    }
    answered(&format!("messages[{}]", messages.len()), &open)
}

fn result<'a>(at: &str, message: &'a Value, open: &mut Vec<&'a str>) -> Result<()> {
    members(at, message, &["role", "content", "tool_call_id"])?;
    let id = message["tool_call_id"].as_str().unwrap_or_default();
    if id.is_empty() {
        return Err(refused(&format!("Missing parameter 'tool_call_id': {at}.")));
    }
    let Some(position) = open.iter().position(|call| *call == id) else {
        // Their spelling.
        return Err(refused(
            "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with \
             'tool_calls'.",
        )
        .about(format!("{at}.role")));
    };
    open.remove(position);
    match &message["content"] {
        Value::String(_) => Ok(()),
        Value::Array(parts) if parts.iter().all(|part| part["type"] == "text") => Ok(()),
        _ => Err(content_refused(at)),
    }
}

fn answered(at: &str, open: &[&str]) -> Result<()> {
    if open.is_empty() {
        return Ok(());
    }
    Err(refused(&format!(
        "An assistant message with 'tool_calls' must be followed by tool messages responding to each \
         'tool_call_id'. The following tool_call_ids did not have response messages: {}",
        open.join(", ")
    ))
    .about(format!("{at}.role")))
}

fn one(at: &str, message: &Value) -> Result<()> {
    match message["role"].as_str() {
        Some("system" | "developer" | "user") => {
            members(at, message, &["role", "content", "name"])?;
            content(at, &message["content"])
        }
        Some("assistant") => {
            // `reasoning_content` is that of compatible servers.
            let known = ["role", "content", "name", "refusal", "audio", "tool_calls", "annotations", "reasoning_content"];
            members(at, message, &known)?;
            assistant(at, message)
        }
        _ => Err(refused(&format!(
            "Invalid value: '{}'. Supported values are: 'system', 'assistant', 'user', 'function', 'tool', and \
             'developer'.",
            message["role"].as_str().unwrap_or_default()
        ))
        .about(format!("{at}.role"))),
    }
}

fn assistant(at: &str, message: &Value) -> Result<()> {
    let calls = calls(message);
    for (index, call) in calls.iter().enumerate() {
        let at = format!("{at}.tool_calls[{index}]");
        let id = call["id"].as_str().unwrap_or_default();
        if id.is_empty() || id.len() > LONGEST_ID {
            return Err(refused(&format!(
                "Invalid '{at}.id': string too long. Expected a string with maximum length {LONGEST_ID}, but got \
                 a string with length {} instead.",
                id.len()
            ))
            .code("string_above_max_length"));
        }
        let function = &call["function"];
        let whole =
            call["type"] == "function" && function["name"].as_str().is_some_and(|name| !name.is_empty());
        if !whole || !function["arguments"].is_string() {
            return Err(refused(&format!("Invalid '{at}': expected an object with a function.")));
        }
    }
    match &message["content"] {
        Value::Null if !calls.is_empty() => Ok(()),
        given => content(at, given),
    }
}

fn content(at: &str, content: &Value) -> Result<()> {
    match content {
        Value::String(_) => Ok(()),
        Value::Array(parts) if !parts.is_empty() => {
            parts.iter().enumerate().try_for_each(|(index, one)| part(&format!("{at}.content[{index}]"), one))
        }
        _ => Err(content_refused(at)),
    }
}

fn part(at: &str, part: &Value) -> Result<()> {
    let (member, whole) = match part["type"].as_str() {
        Some("text") => ("text", part["text"].is_string()),
        Some("refusal") => ("refusal", part["refusal"].is_string()),
        Some("image_url") => ("image_url", part["image_url"]["url"].is_string()),
        Some("input_audio") => ("input_audio", part["input_audio"].is_object()),
        Some("file") => ("file", part["file"].is_object()),
        kind => {
            let kind = kind.unwrap_or_default();
            return Err(refused(&format!(
                "Invalid value: '{kind}'. Supported values are: 'text', 'image_url', 'input_audio', 'refusal', \
                 'audio', and 'file'."
            ))
            .about(format!("{at}.type")));
        }
    };
    if !whole {
        return Err(refused(&format!("Missing required parameter: '{at}.{member}'.")));
    }
    members(at, part, &["type", member])
}

fn calls(message: &Value) -> &[Value] {
    message["tool_calls"].as_array().map(Vec::as_slice).unwrap_or_default()
}

fn content_refused(at: &str) -> ApiError {
    refused(&format!("Invalid value for 'content': expected a string, got something else, in '{at}'."))
        .about(format!("{at}.content"))
}

fn refused(message: &str) -> ApiError {
    ApiError::invalid(message)
}
