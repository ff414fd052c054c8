//! Content blocks of a message, as the Messages API defines them. A message is
//! stored as the JSON text of its blocks and sent again as those same bytes.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::EntityKind;

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

/// Blocks that the service makes for clients. They stand in stored messages, after the
/// results or the words that they belong to, and no model is sent one: providers know
/// nothing of them. This is how they begin.
pub const FOR_CLIENTS: [&str; 2] = [r#"{"type":"card""#, r#"{"type":"mention""#];

/// An entity that a person's message mentions, by the name that it had.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename = "mention")]
pub struct Mention<'a> {
    pub kind: EntityKind,
    pub id: &'a str,
    pub name: &'a str,
}

/// The content of a person's message with what it mentions.
pub fn with_mentions(content: &str, mentions: &[Mention<'_>]) -> String {
    match content.strip_suffix(']') {
        Some(blocks) if !mentions.is_empty() => format!("{blocks},{}", &to_json(mentions)[1..]),
        _ => content.to_owned(),
    }
}

/// The content as a model may be sent it: without the blocks that are for clients, every
/// other byte as it is stored. `[]`, where nothing else was there.
pub fn for_model(content: &str) -> Cow<'_, str> {
    // In a text its quotation marks are escaped.
    if !FOR_CLIENTS.iter().any(|beginning| content.contains(beginning)) {
        return Cow::Borrowed(content);
    }
    let blocks: Vec<&RawValue> = serde_json::from_str(content).unwrap_or_default();
    let for_clients = |block: &str| FOR_CLIENTS.iter().any(|beginning| block.starts_with(beginning));
    let kept: Vec<&str> =
        blocks.iter().map(|block| block.get()).filter(|block| !for_clients(block)).collect();
    if kept.len() == blocks.len() {
        return Cow::Borrowed(content);
    }
    Cow::Owned(format!("[{}]", kept.join(",")))
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

#[cfg(test)]
mod tests {
    use super::*;

    const RESULT: &str =
        r#"{"type":"tool_result","tool_use_id":"t","content":"1e2 \u0041 {\"type\":\"card\"}"}"#;

    #[test]
    fn blocks_for_clients_are_not_for_a_model_and_the_others_keep_their_bytes() {
        let card = r#"{"type":"card","card_id":"c","data":{"x":[{"type":"card"}]}}"#;
        assert_eq!(for_model(&format!("[{RESULT},{card},{card}]")), format!("[{RESULT}]"));
        assert_eq!(for_model(&format!("[{card}]")), "[]");
        let said = r#"[{"type":"text","text":"Hi"}]"#;
        let mention = Mention { kind: EntityKind::Deal, id: "D-\"1", name: "{\"type\":\"card\"}" };
        let whole = with_mentions(said, &[mention]);
        assert!(whole.ends_with(r#","id":"D-\"1","name":"{\"type\":\"card\"}"}]"#), "{whole}");
        assert_eq!((for_model(&whole), with_mentions(said, &[])), (said.into(), said.to_owned()));
        for content in [
            format!("[{RESULT}]"),
            r#"[{"type":"tool_use","id":"t","name":"n","input":{"type":"card"}}]"#.to_owned(),
            "[]".to_owned(),
            r#"not JSON {"type":"card""#.to_owned(),
        ] {
            assert!(matches!(for_model(&content), Cow::Borrowed(same) if same == content), "{content}");
        }
    }
}
