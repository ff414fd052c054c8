//! From the body of a Messages API request to that of Chat Completions.
//!
//! Left out, because the protocol has no place for it: `cache_control` (these
//! providers cache prefixes by themselves), signed and redacted thinking (only
//! its maker can read it), the tools and blocks that a provider executes itself.

mod blocks;
mod messages;

use std::borrow::Cow;

use bytes::Bytes;
use serde::{Deserialize, Serialize, de::IgnoredAny};
use serde_json::{Value, json, value::RawValue};

use super::Dialect;
use crate::ModelError;
use blocks::Content;
use messages::{Message, Said};

#[derive(Deserialize)]
struct Request<'a> {
    #[serde(borrow)]
    model: Cow<'a, str>,
    max_tokens: Option<u64>,
    #[serde(borrow, default)]
    system: Content<'a>,
    #[serde(borrow, default)]
    tools: Vec<Tool<'a>>,
    tool_choice: Option<Choice>,
    #[serde(borrow)]
    messages: Vec<Message<'a>>,
    stop_sequences: Option<Vec<String>>,
    #[serde(borrow)]
    temperature: Option<&'a RawValue>,
    #[serde(borrow)]
    top_p: Option<&'a RawValue>,
    metadata: Option<Metadata>,
}

#[derive(Deserialize)]
struct Tool<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow)]
    description: Option<Cow<'a, str>>,
    /// A provider's own tools have none.
    #[serde(borrow)]
    input_schema: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Choice {
    #[serde(rename = "type")]
    kind: String,
    name: Option<String>,
    disable_parallel_tool_use: Option<bool>,
}

#[derive(Deserialize)]
struct Metadata {
    user_id: Option<String>,
}

#[derive(Deserialize)]
struct Schema {
    properties: Option<IgnoredAny>,
}

#[derive(Serialize)]
struct Function<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    function: Named<'a>,
}

#[derive(Serialize)]
struct Named<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    parameters: Cow<'a, RawValue>,
}

/// `None` is what was not said, and is not sent.
#[derive(Serialize)]
struct Completion<'a> {
    model: &'a str,
    messages: Vec<Said<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Function<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parallel_tool_calls: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_completion_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stop: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    stream: bool,
    stream_options: Value,
}

/// The same request in this protocol. It is streamed, whatever the body says.
pub(super) fn translate(body: &[u8], dialect: Dialect) -> Result<Bytes, ModelError> {
    let request: Request<'_> = serde_json::from_slice(body).map_err(|error| ModelError::Refused {
        status: 400,
        kind: "invalid_request_error".into(),
        message: format!("not the body of a Messages API request: {error}"),
        request_id: None,
    })?;
    let messages = messages::translate(&request.system, &request.messages, dialect);
    let tools: Vec<_> = request.tools.iter().filter_map(function).collect();
    // Without tools both are refused.
    let choice = request.tool_choice.filter(|_| !tools.is_empty());
    let (newer, older) = match dialect {
        Dialect::OpenAi => (request.max_tokens, None),
        Dialect::Compatible => (None, request.max_tokens),
    };
    let completion = Completion {
        model: &request.model,
        messages,
        parallel_tool_calls: choice
            .as_ref()
            .and_then(|choice| choice.disable_parallel_tool_use)
            .map(|alone| !alone),
        tool_choice: choice.as_ref().and_then(tool_choice),
        tools,
        max_tokens: older,
        max_completion_tokens: newer,
        stop: request.stop_sequences.filter(|stops| !stops.is_empty()),
        temperature: request.temperature,
        top_p: request.top_p,
        user: request.metadata.and_then(|metadata| metadata.user_id),
        stream: true,
        // Else nobody says what the answer cost.
        stream_options: json!({"include_usage": true}),
    };
    Ok(serde_json::to_vec(&completion).expect("strings and raw JSON serialize").into())
}

/// A schema keeps its bytes, but for `properties`, which OpenAI wants even where there are none.
fn function<'a>(tool: &'a Tool<'a>) -> Option<Function<'a>> {
    let schema = tool.input_schema?;
    let has_properties = serde_json::from_str::<Schema>(schema.get()).is_ok_and(|it| it.properties.is_some());
    let parameters = match schema.get().strip_prefix('{') {
        Some(rest) if !has_properties => {
            let comma = if rest.trim_start().starts_with('}') { "" } else { "," };
            let schema = format!(r#"{{"properties":{{}}{comma}{rest}"#);
            Cow::Owned(RawValue::from_string(schema).ok()?)
        }
        _ => Cow::Borrowed(schema),
    };
    let function = Named { name: &tool.name, description: tool.description.as_deref(), parameters };
    Some(Function { kind: "function", function })
}

fn tool_choice(choice: &Choice) -> Option<Value> {
    match choice.kind.as_str() {
        "none" => Some(json!("none")),
        "any" => Some(json!("required")),
        "tool" => Some(json!({"type": "function", "function": {"name": choice.name}})),
        // `auto`, which is what everybody does unasked.
        _ => None,
    }
}

#[cfg(test)]
mod tests;
