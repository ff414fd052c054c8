//! What OpenAI refuses, in its own words where they are known.
//!
//! The parameters that are known are those of the official SDK for Python, `openai` 3.57. A wrong
//! request never uses up a scripted reply.

mod messages;
mod tools;

use serde_json::{Map, Value};

use super::error::{ApiError, Result};

const KNOWN: [&str; 37] = [
    "audio",
    "frequency_penalty",
    "function_call",
    "functions",
    "logit_bias",
    "logprobs",
    "max_completion_tokens",
    "max_tokens",
    "messages",
    "metadata",
    "modalities",
    "model",
    "moderation",
    "n",
    "parallel_tool_calls",
    "prediction",
    "presence_penalty",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "reasoning_effort",
    "response_format",
    "safety_identifier",
    "seed",
    "service_tier",
    "stop",
    "store",
    "stream",
    "stream_options",
    "temperature",
    "tool_choice",
    "tools",
    "top_logprobs",
    "top_p",
    "user",
    "verbosity",
    "web_search_options",
];

pub(super) fn body(json: &Value) -> Result<()> {
    let Some(fields) = json.as_object() else {
        return Err(ApiError::invalid("We could not parse the JSON body of your request."));
    };
    if let Some(unknown) = fields.keys().find(|name| !KNOWN.contains(&name.as_str())) {
        return Err(ApiError::invalid(format!("Unrecognized request argument supplied: {unknown}")));
    }
    if json["model"].as_str().is_none_or(str::is_empty) {
        return Err(ApiError::invalid("you must provide a model parameter"));
    }
    limits(fields)?;
    tools::check(fields)?;
    match json["messages"].as_array() {
        Some(messages) if !messages.is_empty() => messages::check(messages),
        Some(_) => Err(ApiError::invalid(
            "Invalid 'messages': empty array. Expected an array with minimum length 1, but got an empty array \
             instead.",
        )
        .about("messages")),
        None => Err(ApiError::invalid("Missing required parameter: 'messages'.").about("messages")),
    }
}

fn limits(fields: &Map<String, Value>) -> Result<()> {
    let limits: Vec<_> =
        ["max_tokens", "max_completion_tokens"].iter().filter_map(|name| fields.get(*name)).collect();
    if limits.len() > 1 {
        return Err(ApiError::invalid(
            "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.",
        ));
    }
    if limits.iter().any(|limit| !limit.is_null() && limit.as_u64().is_none_or(|limit| limit == 0)) {
        return Err(
            ApiError::invalid("Invalid 'max_tokens': expected an integer of at least 1.").about("max_tokens")
        );
    }
    let streams = fields.get("stream").is_some_and(|stream| stream == true);
    if fields.get("stream_options").is_some_and(|options| !options.is_null()) && !streams {
        return Err(ApiError::invalid(
            "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
        )
        .about("stream_options"));
    }
    Ok(())
}
