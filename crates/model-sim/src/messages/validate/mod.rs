//! What the Messages API refuses, in its own words where they are known.
//!
//! The members that are known are those of the official SDK for Python, `anthropic` 2.12.
//! A wrong request never uses up a scripted reply, so that a client's mistake
//! shows as the 400 that it would be.

mod content;
mod pairs;
mod tools;

use serde_json::{Map, Value};

use super::{
    admit::Version,
    error::{ApiError, Result},
};

/// Which body is looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Body {
    Create,
    CountTokens,
}

const COMMON: [&str; 11] = [
    "model",
    "messages",
    "system",
    "tools",
    "tool_choice",
    "thinking",
    "output_config",
    "cache_control",
    "context_management",
    "mcp_servers",
    "speed",
];
const CREATE: [&str; 11] = [
    "max_tokens",
    "stream",
    "stop_sequences",
    "metadata",
    "temperature",
    "top_p",
    "top_k",
    "inference_geo",
    "container",
    "service_tier",
    "diagnostics",
];
const SAMPLING: [&str; 3] = ["temperature", "top_p", "top_k"];

pub(super) fn body(json: &Value, body: Body, version: Version) -> Result<()> {
    let Some(fields) = json.as_object() else {
        return Err(ApiError::invalid("The request body is not valid JSON: expected an object"));
    };
    required(fields, body)?;
    known_fields(fields, body, version)?;
    tools::check(fields)?;
    content::system(&json["system"])?;
    let messages = json["messages"].as_array().map(Vec::as_slice).unwrap_or_default();
    content::messages(messages, version)?;
    pairs::check(messages)?;
    cache_control(json)?;
    thinking(json)
}

fn required(fields: &Map<String, Value>, body: Body) -> Result<()> {
    if body == Body::Create {
        match fields.get("max_tokens") {
            None => return Err(ApiError::invalid("max_tokens: Field required")),
            Some(max) if max.as_u64().is_some_and(|max| max > 0) => {}
            Some(max) if max.is_number() => {
                return Err(ApiError::invalid(
                    "max_tokens: Input should be an integer greater than or equal to 1",
                ));
            }
            Some(_) => return Err(ApiError::invalid("max_tokens: Input should be a valid integer")),
        }
    }
    match fields.get("model") {
        None => return Err(ApiError::invalid("model: Field required")),
        Some(Value::String(model)) if model.is_empty() => {
            return Err(ApiError::invalid("model: String should have at least 1 character"));
        }
        Some(Value::String(_)) => {}
        Some(_) => return Err(ApiError::invalid("model: Input should be a valid string")),
    }
    match fields.get("messages") {
        None => Err(ApiError::invalid("messages: Field required")),
        Some(Value::Array(messages)) if messages.is_empty() => {
            Err(ApiError::invalid("messages: at least one message is required"))
        }
        Some(Value::Array(_)) => Ok(()),
        Some(_) => Err(ApiError::invalid("messages: Input should be a valid list")),
    }
}

fn known_fields(fields: &Map<String, Value>, body: Body, version: Version) -> Result<()> {
    for (name, value) in fields {
        let name = name.as_str();
        let known = COMMON.contains(&name) || (body == Body::Create && CREATE.contains(&name));
        if !known {
            return Err(ApiError::invalid(format!("{name}: Extra inputs are not permitted")));
        }
        if version == Version::V2026 && SAMPLING.contains(&name) {
            return Err(ApiError::invalid(format!(
                "{name}: Not supported with anthropic-version 2026-10-21"
            )));
        }
        if name == "stream" && !value.is_boolean() {
            return Err(ApiError::invalid("stream: Input should be a valid boolean"));
        }
    }
    Ok(())
}

/// At most four breakpoints, each of a known kind, the longer-lived first.
fn cache_control(json: &Value) -> Result<()> {
    let mut found = Vec::new();
    for part in ["tools", "system", "messages"] {
        collect_controls(&json[part], &mut found);
    }
    found.extend(json.get("cache_control"));
    if found.len() > 4 {
        return Err(ApiError::invalid(format!(
            "A maximum of 4 blocks with cache_control may be provided. Found {}.",
            found.len()
        )));
    }
    let mut short = false;
    for control in found {
        if control["type"] != "ephemeral" {
            return Err(ApiError::invalid("cache_control.type: Input should be 'ephemeral'"));
        }
        match control.get("ttl").map(|ttl| ttl.as_str().unwrap_or_default()) {
            None | Some("5m") => short = true,
            Some("1h") if short => {
                return Err(ApiError::invalid(
                    "a ttl='1h' cache_control block must not come after a ttl='5m' cache_control block",
                ));
            }
            Some("1h") => {}
            Some(_) => {
                return Err(ApiError::invalid("cache_control.ephemeral.ttl: Input should be '5m' or '1h'"));
            }
        }
    }
    Ok(())
}

/// Looks into blocks and the blocks of tool results, but not into what a tool was given.
fn collect_controls<'a>(value: &'a Value, found: &mut Vec<&'a Value>) {
    for block in value.as_array().into_iter().flatten() {
        found.extend(block.get("cache_control").filter(|control| !control.is_null()));
        collect_controls(&block["content"], found);
    }
}

fn thinking(json: &Value) -> Result<()> {
    let Some(thinking) = json.get("thinking") else { return Ok(()) };
    match thinking["type"].as_str() {
        Some("adaptive" | "between_tools" | "disabled") => return Ok(()),
        Some("enabled") => {}
        _ => {
            return Err(ApiError::invalid(
                "thinking: Input tag does not match any of the expected tags: 'adaptive', 'between_tools', 'disabled', 'enabled'",
            ));
        }
    }
    let budget = thinking["budget_tokens"].as_u64().unwrap_or_default();
    if budget < 1_024 {
        return Err(ApiError::invalid(
            "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024",
        ));
    }
    if json["max_tokens"].as_u64().is_some_and(|max| max <= budget) {
        return Err(ApiError::invalid("`max_tokens` must be greater than `thinking.budget_tokens`"));
    }
    Ok(())
}
