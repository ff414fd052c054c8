//! Messages: one of theirs may become several of ours.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{
    Dialect,
    blocks::{Block, Content, Part},
};

/// OpenAI refuses a longer id of a call.
const LONGEST_ID: usize = 40;

#[derive(Deserialize)]
pub(super) struct Message<'a> {
    role: String,
    #[serde(borrow)]
    content: Content<'a>,
}

#[derive(Serialize)]
#[serde(tag = "role", rename_all = "lowercase")]
pub(super) enum Said<'a> {
    System {
        content: String,
    },
    User {
        content: Words,
    },
    Assistant {
        /// Null beside calls: that is how it came.
        content: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        reasoning_content: Option<String>,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        tool_calls: Vec<Call<'a>>,
    },
    Tool {
        tool_call_id: &'a str,
        content: String,
    },
}

/// A text where there is nothing else: some servers know no parts.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Words {
    Text(String),
    Parts(Vec<Part>),
}

#[derive(Serialize)]
pub(super) struct Call<'a> {
    id: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    function: Called<'a>,
}

#[derive(Serialize)]
struct Called<'a> {
    name: &'a str,
    /// Byte for byte as the model wrote them.
    arguments: &'a str,
}

pub(super) fn translate<'a>(
    system: &Content<'_>,
    messages: &'a [Message<'a>],
    dialect: Dialect,
) -> Vec<Said<'a>> {
    let mut said = Vec::with_capacity(messages.len() + 1);
    let system = system.text();
    if !system.is_empty() {
        said.push(Said::System { content: system });
    }
    let turn = messages.iter().rposition(begins_a_turn).unwrap_or_default();
    for (at, message) in messages.iter().enumerate() {
        match message.role.as_str() {
            "assistant" => {
                // Servers that give reasoning want it back with the results of the calls that it
                // led to, and refuse or ignore that of earlier turns.
                let reasoning = dialect == Dialect::Compatible && at > turn;
                said.extend(assistant(&message.content, reasoning));
            }
            "system" => said.push(Said::System { content: message.content.text() }),
            _ => user(&message.content, &mut said),
        }
    }
    said
}

/// Whether a person speaks: results alone go on with the turn.
fn begins_a_turn(message: &Message<'_>) -> bool {
    message.role == "user" && !message.content.0.iter().any(|block| block.kind == "tool_result")
}

/// Results come first, as messages of their own; then the rest as one.
fn user<'a>(content: &'a Content<'a>, said: &mut Vec<Said<'a>>) {
    let mut parts = Vec::new();
    for block in &content.0 {
        if block.kind == "tool_result" {
            said.push(result(block, &mut parts));
        } else {
            parts.extend(block.part());
        }
    }
    if !parts.is_empty() {
        said.push(Said::User { content: words(parts) });
    }
}

/// A result is text here. Its pictures follow in what the user says.
fn result<'a>(block: &'a Block<'a>, parts: &mut Vec<Part>) -> Said<'a> {
    let id = short(block.tool_use_id.as_deref().unwrap_or_default());
    let empty = Content::default();
    let content = block.content.as_ref().unwrap_or(&empty);
    let media: Vec<_> =
        content.0.iter().filter(|block| block.kind != "text").filter_map(Block::part).collect();
    if !media.is_empty() {
        parts.push(Part::Text { text: format!("From the result of the call {id}:") });
        parts.extend(media);
    }
    let error = if block.is_error == Some(true) { "Error: " } else { "" };
    Said::Tool { tool_call_id: id, content: format!("{error}{}", content.text()) }
}

fn words(parts: Vec<Part>) -> Words {
    let texts: Option<Vec<&str>> = parts
        .iter()
        .map(|part| match part {
            Part::Text { text } => Some(text.as_str()),
            _ => None,
        })
        .collect();
    match texts {
        Some(texts) => Words::Text(texts.join("\n\n")),
        None => Words::Parts(parts),
    }
}

/// `None` for an answer of which nothing is left: an empty message is refused.
fn assistant<'a>(content: &'a Content<'a>, with_reasoning: bool) -> Option<Said<'a>> {
    let tool_calls: Vec<_> = content.0.iter().filter_map(call).collect();
    let text = Some(content.text()).filter(|text| !text.is_empty());
    let unsigned = content.0.iter().filter(|block| {
        with_reasoning
            && block.kind == "thinking"
            && block.signature.as_deref().unwrap_or_default().is_empty()
    });
    let thoughts: Vec<_> = unsigned.filter_map(|block| block.thinking.as_deref()).collect();
    let reasoning_content = (!thoughts.is_empty()).then(|| thoughts.join("\n\n"));
    let something = text.is_some() || !tool_calls.is_empty();
    something.then_some(Said::Assistant { content: text, reasoning_content, tool_calls })
}

fn call<'a>(block: &'a Block<'a>) -> Option<Call<'a>> {
    let id = block.id.as_deref().filter(|_| block.kind == "tool_use")?;
    let function =
        Called { name: block.name.as_deref()?, arguments: block.input.map_or("{}", RawValue::get) };
    Some(Call { id: short(id), kind: "function", function })
}

/// The end of an id that is too long; there, ours are unique.
fn short(id: &str) -> &str {
    match id.char_indices().rev().nth(LONGEST_ID - 1) {
        Some((start, _)) => &id[start..],
        None => id,
    }
}
