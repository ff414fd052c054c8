//! Content blocks of a message, as the Messages API defines them. A message is
//! stored as the JSON text of its blocks and sent again as those same bytes.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// One content block of an assistant's message. Kinds that we do not interpret
/// are kept as the JSON that the provider sent, so that they can be echoed.
#[derive(Clone, Debug)]
pub enum Block {
    Text { text: String },
    Thinking { thinking: String, signature: String },
    ToolUse { id: String, name: String, input: Box<RawValue> },
    Other(Box<RawValue>),
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Known<'a> {
    Text { text: &'a str },
    Thinking { thinking: &'a str, signature: &'a str },
    ToolUse { id: &'a str, name: &'a str, input: &'a RawValue },
}

impl Serialize for Block {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Block::Text { text } => Known::Text { text }.serialize(serializer),
            Block::Thinking { thinking, signature } => {
                Known::Thinking { thinking, signature }.serialize(serializer)
            }
            Block::ToolUse { id, name, input } => Known::ToolUse { id, name, input }.serialize(serializer),
            Block::Other(raw) => raw.serialize(serializer),
        }
    }
}

/// The answer to one tool call, inside the user message that follows it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename = "tool_result")]
pub struct ToolResult {
    pub tool_use_id: String,
    pub content: String,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_error: bool,
}

/// The JSON text of a list of blocks.
pub fn to_json<T: Serialize>(blocks: &[T]) -> String {
    serde_json::to_string(blocks).expect("blocks serialize: their keys are strings")
}

/// What code that reads stored content wants to know of a block, without
/// parsing the rest of it.
#[derive(Debug, Deserialize)]
pub struct BlockHead {
    #[serde(rename = "type")]
    pub kind: String,
    pub id: Option<String>,
    pub name: Option<String>,
    pub tool_use_id: Option<String>,
    pub text: Option<String>,
}

/// The heads of the blocks of stored content; empty for content that is not a
/// JSON list of blocks.
pub fn heads(content: &str) -> Vec<BlockHead> {
    serde_json::from_str(content).unwrap_or_default()
}

fn texts(content: &str) -> impl Iterator<Item = String> {
    heads(content).into_iter().filter(|b| b.kind == "text").filter_map(|b| b.text)
}

/// The text of all text blocks, joined by blank lines.
pub fn text_of(content: &str) -> String {
    texts(content).collect::<Vec<_>>().join("\n\n")
}

/// The text of all text blocks as a reader of the stream puts it together.
pub fn concatenated(content: &str) -> String {
    texts(content).collect()
}
