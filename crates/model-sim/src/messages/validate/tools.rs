//! `tools` and `tool_choice`.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::super::error::{ApiError, Result};

const MEMBERS: [&str; 10] = [
    "name",
    "description",
    "input_schema",
    "type",
    "cache_control",
    "strict",
    "defer_loading",
    "allowed_callers",
    "eager_input_streaming",
    "input_examples",
];

pub(super) fn check(fields: &Map<String, Value>) -> Result<()> {
    let names = names(fields)?;
    let Some(choice) = fields.get("tool_choice") else { return Ok(()) };
    if names.is_empty() {
        return Err(ApiError::invalid(
            "tool_choice: tool_choice may only be specified while providing tools",
        ));
    }
    match choice["type"].as_str() {
        Some("auto" | "any" | "none") => Ok(()),
        Some("tool") => {
            let name = choice["name"].as_str().unwrap_or_default();
            if names.contains(name) {
                return Ok(());
            }
            Err(ApiError::invalid(format!("Tool '{name}' not found in provided tools")))
        }
        _ => Err(ApiError::invalid(
            "tool_choice: Input tag does not match any of the expected tags: 'any', 'auto', 'none', 'tool'",
        )),
    }
}

fn names(fields: &Map<String, Value>) -> Result<HashSet<&str>> {
    let mut names = HashSet::new();
    let tools = match fields.get("tools") {
        None => return Ok(names),
        Some(Value::Array(tools)) => tools,
        Some(_) => return Err(ApiError::invalid("tools: Input should be a valid list")),
    };
    for (index, tool) in tools.iter().enumerate() {
        let name = tool["name"].as_str().unwrap_or_default();
        if !valid_name(name) {
            return Err(ApiError::invalid(format!(
                "tools.{index}.custom.name: String should match pattern '^[a-zA-Z0-9_-]{{1,128}}$'"
            )));
        }
        // The provider's own tools have a dated type and no schema.
        let ours = tool.get("type").is_none_or(|kind| kind == "custom");
        let members = tool.as_object().into_iter().flat_map(Map::keys);
        if let Some(member) = members.into_iter().find(|member| ours && !MEMBERS.contains(&member.as_str())) {
            return Err(ApiError::invalid(format!(
                "tools.{index}.custom.{member}: Extra inputs are not permitted"
            )));
        }
        if ours && tool["input_schema"]["type"] != "object" {
            return Err(ApiError::invalid(format!(
                "tools.{index}.custom.input_schema.type: Input should be 'object'"
            )));
        }
        if !names.insert(name) {
            return Err(ApiError::invalid("tools: Tool names must be unique."));
        }
    }
    Ok(names)
}

fn valid_name(name: &str) -> bool {
    let valid = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    (1..=128).contains(&name.len()) && name.chars().all(valid)
}
