//! Messages and their blocks, one by one.

use serde_json::Value;

use super::super::{
    admit::Version,
    error::{ApiError, Result},
    signature,
};

pub(super) fn system(system: &Value) -> Result<()> {
    match system {
        Value::Null | Value::String(_) => Ok(()),
        Value::Array(blocks) => blocks.iter().enumerate().try_for_each(|(index, block)| {
            let at = format!("system.{index}");
            if block["type"] != "text" {
                return Err(ApiError::invalid(format!("{at}.type: Input should be 'text'")));
            }
            known_members(&at, "text", block)?;
            text("system", block)
        }),
        _ => Err(ApiError::invalid("system: Input should be a valid list")),
    }
}

pub(super) fn messages(messages: &[Value], version: Version) -> Result<()> {
    if messages.first().is_some_and(|first| first["role"] != "user") {
        return Err(ApiError::invalid("messages: first message must use the \"user\" role"));
    }
    for (index, message) in messages.iter().enumerate() {
        let at = format!("messages.{index}");
        let role = message["role"].as_str().unwrap_or_default();
        if !["user", "assistant", "system"].contains(&role) {
            return Err(ApiError::invalid(format!(
                "{at}.role: Input should be 'user', 'assistant' or 'system'"
            )));
        }
        let last = index + 1 == messages.len();
        content(&at, role, &message["content"], last && role == "assistant", version)?;
    }
    Ok(())
}

fn content(at: &str, role: &str, content: &Value, prefill: bool, version: Version) -> Result<()> {
    let empty = || {
        Err(ApiError::invalid(format!(
            "{at}: all messages must have non-empty content except for the optional final assistant message"
        )))
    };
    match content {
        Value::String(text) if text.is_empty() && !prefill => empty(),
        Value::String(text) if prefill => no_trailing_space(text),
        Value::String(text) if text.trim().is_empty() => {
            Err(ApiError::invalid("messages: text content blocks must contain non-whitespace text"))
        }
        Value::String(_) => Ok(()),
        Value::Array(blocks) if blocks.is_empty() && !prefill => empty(),
        Value::Array(blocks) => {
            for (index, one) in blocks.iter().enumerate() {
                block(&format!("{at}.content.{index}"), role, one, version)?;
            }
            let last = blocks.last().filter(|_| prefill).and_then(|block| block["text"].as_str());
            last.map_or(Ok(()), no_trailing_space)
        }
        _ => Err(ApiError::invalid(format!("{at}.content: Input should be a valid list"))),
    }
}

fn no_trailing_space(text: &str) -> Result<()> {
    if text.ends_with(char::is_whitespace) {
        return Err(ApiError::invalid(
            "messages: final assistant content cannot end with trailing whitespace",
        ));
    }
    Ok(())
}

fn block(at: &str, role: &str, block: &Value, version: Version) -> Result<()> {
    let Some(kind) = block["type"].as_str() else {
        return Err(ApiError::invalid(format!("{at}.type: Field required")));
    };
    known_members(at, kind, block)?;
    match (role, kind) {
        ("user", "tool_use" | "thinking" | "redacted_thinking") => {
            Err(ApiError::invalid(format!("{at}: `{kind}` blocks can only be in `assistant` messages")))
        }
        ("assistant", "tool_result" | "image") => {
            Err(ApiError::invalid(format!("{at}: `{kind}` blocks can only be in `user` messages")))
        }
        ("assistant", "document") if version == Version::V2026 => {
            Err(ApiError::invalid(format!("{at}: `document` blocks can only be in `user` messages")))
        }
        ("system", kind) if kind != "text" => {
            Err(ApiError::invalid(format!("{at}: `system` messages hold `text` blocks only")))
        }
        ("user", "text") if version == Version::V2026 && block.get("citations").is_some() => {
            Err(ApiError::invalid(format!("{at}.text.citations: Extra inputs are not permitted")))
        }
        (_, "text") => text("messages", block),
        (_, "tool_use") => tool_use(at, block),
        (_, "tool_result") => tool_result(at, block),
        (_, "thinking") => thinking(at, block),
        ("user", kind) if !USER_BLOCKS.contains(&kind) => Err(ApiError::invalid(format!(
            "{at}: Input tag '{kind}' found using 'type' does not match any of the expected tags"
        ))),
        // What an assistant's message holds came from the API, and goes back as it is.
        _ => Ok(()),
    }
}

const USER_BLOCKS: [&str; 4] = ["image", "document", "search_result", "container_upload"];

/// The members that a block of this kind may have; other kinds are not looked into.
fn known_members(at: &str, kind: &str, block: &Value) -> Result<()> {
    let known: &[&str] = match kind {
        "text" => &["type", "text", "cache_control", "citations"],
        "thinking" => &["type", "thinking", "signature"],
        "redacted_thinking" => &["type", "data"],
        "tool_use" => &["type", "id", "name", "input", "cache_control", "caller", "toolset_name"],
        "tool_result" => &["type", "tool_use_id", "content", "is_error", "cache_control", "toolset_name"],
        "image" => &["type", "source", "cache_control", "transformations"],
        "document" => &["type", "source", "title", "context", "citations", "cache_control"],
        _ => return Ok(()),
    };
    let members = block.as_object().into_iter().flat_map(|members| members.keys());
    match members.into_iter().find(|name| !known.contains(&name.as_str())) {
        Some(name) => Err(ApiError::invalid(format!("{at}.{kind}.{name}: Extra inputs are not permitted"))),
        None => Ok(()),
    }
}

fn text(part: &str, block: &Value) -> Result<()> {
    match block["text"].as_str() {
        None => Err(ApiError::invalid(format!("{part}: text.text: Input should be a valid string"))),
        Some("") if block.get("cache_control").is_some() => {
            Err(ApiError::invalid(format!("{part}: cache_control cannot be set for empty text blocks")))
        }
        Some("") => Err(ApiError::invalid(format!("{part}: text content blocks must be non-empty"))),
        Some(text) if text.trim().is_empty() => {
            Err(ApiError::invalid(format!("{part}: text content blocks must contain non-whitespace text")))
        }
        Some(_) => Ok(()),
    }
}

fn tool_use(at: &str, block: &Value) -> Result<()> {
    let id = block["id"].as_str().unwrap_or_default();
    if id.is_empty() || !id.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-') {
        return Err(ApiError::invalid(format!(
            "{at}.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'"
        )));
    }
    if !block["name"].is_string() {
        return Err(ApiError::invalid(format!("{at}.tool_use.name: Field required")));
    }
    if !block["input"].is_object() {
        return Err(ApiError::invalid(format!("{at}.tool_use.input: Input should be a valid dictionary")));
    }
    Ok(())
}

fn tool_result(at: &str, block: &Value) -> Result<()> {
    if !block["tool_use_id"].is_string() {
        return Err(ApiError::invalid(format!("{at}.tool_result.tool_use_id: Field required")));
    }
    let content = &block["content"];
    let empty = match content {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(blocks) => {
            let mut texts = blocks.iter().filter(|block| block["type"] == "text");
            texts.try_for_each(|block| text(&format!("{at}.tool_result.content"), block))?;
            blocks.is_empty()
        }
        _ => {
            return Err(ApiError::invalid(format!(
                "{at}.tool_result.content: Input should be a valid string"
            )));
        }
    };
    if empty && block["is_error"] == true {
        return Err(ApiError::invalid(format!("{at}: content cannot be empty if `is_error` is true")));
    }
    Ok(())
}

/// A thinking block goes back unchanged, or not at all.
fn thinking(at: &str, block: &Value) -> Result<()> {
    let text = block["thinking"].as_str();
    match (text, block["signature"].as_str()) {
        (None, _) => Err(ApiError::invalid(format!("{at}.thinking.thinking: Field required"))),
        (_, None) => Err(ApiError::invalid(format!("{at}.thinking.signature: Field required"))),
        (Some(text), Some(given)) if given != signature(text) => {
            Err(ApiError::invalid(format!("{at}: Invalid `signature` in `thinking` block")))
        }
        _ => Ok(()),
    }
}
