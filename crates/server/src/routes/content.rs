//! What a client may put into a message: text, images and documents.

use domain::{Error, Result, block};
use engine::Engine;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

const MAX_BLOCKS: usize = 50;

/// A content block of the Messages API that a client may send.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "lowercase", deny_unknown_fields)]
pub enum InputBlock {
    Text {
        text: String,
    },
    Image {
        source: Source,
    },
    Document {
        source: Source,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        title: Option<String>,
    },
}

#[derive(Deserialize, Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "lowercase", deny_unknown_fields)]
pub enum Source {
    Base64 { media_type: String, data: String },
    Url { url: String },
    Text { media_type: String, data: String },
}

/// A message's blocks as they are stored, and their text.
pub struct Content {
    pub json: String,
    pub text: String,
}

/// Checks what the client sent and redacts it, at the door.
pub fn accept(engine: &Engine, text: Option<String>, blocks: Option<Vec<InputBlock>>) -> Result<Content> {
    let blocks = match (text, blocks) {
        (Some(text), None) => vec![InputBlock::Text { text }],
        (None, Some(blocks)) => blocks,
        (Some(_), Some(_)) => return Err(Error::field("content", "send text or content, not both")),
        (None, None) => return Err(Error::field("text", "is required (or content)")),
    };
    if blocks.is_empty() || blocks.len() > MAX_BLOCKS {
        return Err(Error::field("content", format!("must have 1 to {MAX_BLOCKS} blocks")));
    }
    let blocks = blocks
        .into_iter()
        .enumerate()
        .map(|(i, block)| admit(engine, i, block))
        .collect::<Result<Vec<_>>>()?;
    let json = block::to_json(&blocks);
    let text = block::text_of(&json);
    Ok(Content { json, text })
}

fn admit(engine: &Engine, index: usize, block: InputBlock) -> Result<InputBlock> {
    let field = |name: &str| format!("content[{index}].{name}");
    match block {
        InputBlock::Text { text } if text.trim().is_empty() => Err(Error::field("text", "must not be empty")),
        InputBlock::Text { text } => Ok(InputBlock::Text { text: engine.redact(&text).into_owned() }),
        InputBlock::Image { source: Source::Text { .. } } => {
            Err(Error::field(field("source.type"), "an image is base64 or url"))
        }
        InputBlock::Image { source } => {
            Ok(InputBlock::Image { source: source.check(engine, &field("source"))? })
        }
        InputBlock::Document { source, title } => Ok(InputBlock::Document {
            source: source.check(engine, &field("source"))?,
            title: title.map(|title| engine.redact(&title).into_owned()),
        }),
    }
}

impl Source {
    fn check(self, engine: &Engine, field: &str) -> Result<Self> {
        match self {
            Source::Url { url } if !url.starts_with("https://") => {
                Err(Error::field(format!("{field}.url"), "must begin with https://"))
            }
            Source::Base64 { data, .. } | Source::Text { data, .. } if data.is_empty() => {
                Err(Error::field(format!("{field}.data"), "must not be empty"))
            }
            Source::Text { media_type, data } => {
                Ok(Source::Text { media_type, data: engine.redact(&data).into_owned() })
            }
            other => Ok(other),
        }
    }
}

/// What the person looks at, for the model: bounded, and without secrets.
pub fn view(engine: &Engine, view: Option<Value>) -> Result<Option<Value>> {
    let Some(view) = view.filter(|view| !view.is_null()) else { return Ok(None) };
    if view.to_string().len() > 4_000 {
        return Err(Error::field("context.view", "must be at most 4000 bytes of JSON"));
    }
    Ok(Some(engine.redact_value(view)))
}
