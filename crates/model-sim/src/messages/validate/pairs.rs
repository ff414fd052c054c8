//! Every tool call has its result at the beginning of the next user message,
//! and no result stands without its call. A history that breaks this rule is
//! refused for ever, which is why the stand-in is strict about it: the real API
//! joins neighbouring user messages first, and a client should not need that.

use std::collections::HashSet;

use serde_json::Value;

use super::super::error::{ApiError, Result};

pub(super) fn check(messages: &[Value]) -> Result<()> {
    let mut seen = HashSet::new();
    for (at, message) in messages.iter().enumerate() {
        let calls = ids(message, "tool_use", "id");
        if !calls.iter().all(|id| seen.insert(*id)) {
            return Err(ApiError::invalid(format!("messages.{at}: `tool_use` ids must be unique")));
        }
        answered(at, &calls, messages.get(at + 1))?;
        let before = at.checked_sub(1).map(|before| &messages[before]);
        expected(at, message, before)?;
    }
    Ok(())
}

fn answered(at: usize, calls: &[&str], next: Option<&Value>) -> Result<()> {
    let leading: Vec<_> = next
        .into_iter()
        .flat_map(blocks)
        .take_while(|block| block["type"] == "tool_result")
        .filter_map(|block| block["tool_use_id"].as_str())
        .collect();
    let missing: Vec<_> = calls.iter().filter(|id| !leading.contains(id)).copied().collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(ApiError::invalid(format!(
        "messages.{at}: `tool_use` ids were found without `tool_result` blocks immediately after: {}. \
         Each `tool_use` block must have a corresponding `tool_result` block in the next message.",
        missing.join(", ")
    )))
}

fn expected(at: usize, message: &Value, before: Option<&Value>) -> Result<()> {
    let calls = before.map(|before| ids(before, "tool_use", "id")).unwrap_or_default();
    let mut seen = HashSet::new();
    for (index, block) in blocks(message).iter().enumerate() {
        let Some(id) = block["tool_use_id"].as_str().filter(|_| block["type"] == "tool_result") else {
            continue;
        };
        if !calls.contains(&id) {
            return Err(ApiError::invalid(format!(
                "messages.{at}.content.{index}: unexpected `tool_use_id` found in `tool_result` blocks: {id}. \
                 Each `tool_result` block must have a corresponding `tool_use` block in the previous message."
            )));
        }
        if !seen.insert(id) {
            return Err(ApiError::invalid(format!(
                "messages.{at}.content.{index}: each tool_use must have a single result. \
                 Found multiple `tool_result` blocks with id: {id}"
            )));
        }
    }
    Ok(())
}

fn ids<'a>(message: &'a Value, kind: &str, field: &str) -> Vec<&'a str> {
    let of_kind = blocks(message).iter().filter(|block| block["type"] == kind);
    of_kind.filter_map(|block| block[field].as_str()).collect()
}

fn blocks(message: &Value) -> &[Value] {
    message["content"].as_array().map(Vec::as_slice).unwrap_or_default()
}
