//! `tools` and `tool_choice`.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::super::error::{ApiError, Result};

pub(super) fn check(fields: &Map<String, Value>) -> Result<()> {
    let names = names(fields)?;
    let Some(choice) = fields.get("tool_choice").filter(|choice| !choice.is_null()) else { return Ok(()) };
    if names.is_empty() {
        return Err(refused("tool_choice", "'tool_choice' is only allowed when 'tools' are specified."));
    }
    match (choice.as_str(), choice["function"]["name"].as_str()) {
        (Some("none" | "auto" | "required"), _) => Ok(()),
        (None, Some(name)) if choice["type"] == "function" && names.contains(name) => Ok(()),
        (None, Some(name)) => Err(refused(
            "tool_choice",
            &format!("Tool choice 'function' not found in 'tools' parameter: {name}"),
        )),
        _ => Err(refused("tool_choice", "Invalid value for 'tool_choice'.")),
    }
}

fn names(fields: &Map<String, Value>) -> Result<HashSet<&str>> {
    let mut names = HashSet::new();
    let tools = match fields.get("tools") {
        None | Some(Value::Null) => return Ok(names),
        Some(Value::Array(tools)) if !tools.is_empty() => tools,
        Some(_) => {
            return Err(refused(
                "tools",
                "Invalid 'tools': expected an array with minimum length 1, but got something else.",
            ));
        }
    };
    for (index, tool) in tools.iter().enumerate() {
        let at = format!("tools[{index}]");
        if tool["type"] != "function" {
            return Err(refused(&format!("{at}.type"), &format!("Missing required parameter: '{at}.type'.")));
        }
        members(&at, tool, &["type", "function"])?;
        members(
            &format!("{at}.function"),
            &tool["function"],
            &["name", "description", "parameters", "strict"],
        )?;
        names.insert(function(&at, &tool["function"])?);
    }
    Ok(names)
}

fn function<'a>(at: &str, function: &'a Value) -> Result<&'a str> {
    let name = function["name"].as_str().unwrap_or_default();
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if !(1..=64).contains(&name.len()) || !name.chars().all(plain) {
        let param = format!("{at}.function.name");
        let why =
            "string does not match pattern. Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'.";
        return Err(refused(&param, &format!("Invalid '{param}': {why}")));
    }
    let Some(schema) = function.get("parameters") else { return Ok(name) };
    let problem = match schema.as_object() {
        None => "schema must be a JSON Schema",
        Some(_) if schema["type"] != "object" => "schema must be a JSON Schema of 'type: \"object\"'",
        Some(_) if !schema["properties"].is_object() => "In context=(), object schema missing properties.",
        Some(_) => return Ok(name),
    };
    let message = format!("Invalid schema for function '{name}': {problem}");
    Err(refused(&format!("{at}.function.parameters"), &message).code("invalid_function_parameters"))
}

/// Refuses members that the API does not know, such as those of another provider.
pub(super) fn members(at: &str, value: &Value, known: &[&str]) -> Result<()> {
    let mut names = value.as_object().into_iter().flat_map(Map::keys);
    match names.find(|name| !known.contains(&name.as_str())) {
        Some(name) => {
            let param = format!("{at}.{name}");
            Err(refused(&param, &format!("Unknown parameter: '{param}'.")).code("unknown_parameter"))
        }
        None => Ok(()),
    }
}

fn refused(param: &str, message: &str) -> ApiError {
    ApiError::invalid(message).about(param)
}
