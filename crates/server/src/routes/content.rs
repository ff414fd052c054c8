//! What a client may put into a message: text, images and documents.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use domain::{EntityRef, Error, Result, block};
use engine::Door;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::door::secret_in;

const MAX_BLOCKS: usize = 50;
const MAX_MENTIONS: usize = 3;
/// The images that models read.
const IMAGES: [&str; 4] = ["image/jpeg", "image/png", "image/gif", "image/webp"];

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
pub fn accept(door: &Door, text: Option<String>, blocks: Option<Vec<InputBlock>>) -> Result<Content> {
    let blocks = match (text, blocks) {
        (Some(text), None) if text.trim().is_empty() => {
            return Err(Error::field("text", "must not be empty"));
        }
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
        .map(|(i, block)| admit(door, &format!("content[{i}]"), block))
        .collect::<Result<Vec<_>>>()?;
    let json = block::to_json(&blocks);
    let text = block::text_of(&json);
    Ok(Content { json, text })
}

fn admit(door: &Door, field: &str, block: InputBlock) -> Result<InputBlock> {
    let redact = |text: String| door.redact_hidden(&text).into_owned();
    match block {
        InputBlock::Text { text } if text.trim().is_empty() => {
            Err(Error::field(format!("{field}.text"), "must not be empty"))
        }
        InputBlock::Text { text } => Ok(InputBlock::Text { text: redact(text) }),
        InputBlock::Image { source: Source::Text { .. } } => {
            Err(Error::field(format!("{field}.source.type"), "an image is base64 or url"))
        }
        InputBlock::Image { source } => {
            Ok(InputBlock::Image { source: source.check(door, &format!("{field}.source"), &IMAGES)? })
        }
        InputBlock::Document { source, title } => Ok(InputBlock::Document {
            source: source.check(door, &format!("{field}.source"), &["application/pdf"])?,
            title: title.map(redact),
        }),
    }
}

impl Source {
    /// What the model cannot read is refused here: in a stored message it would
    /// spoil every later prompt of its session.
    fn check(self, door: &Door, field: &str, binary: &[&str]) -> Result<Self> {
        let refuse = |name: &str, error: String| Err(Error::field(format!("{field}.{name}"), error));
        match &self {
            Source::Url { url } if !url.starts_with("https://") => {
                refuse("url", "must begin with https://".into())
            }
            Source::Url { url } => secret_in(door, format!("{field}.url"), url)
                .map_or(Ok(()), |problem| Err(Error::fields(vec![problem]))),
            Source::Base64 { media_type, .. } if !binary.contains(&media_type.as_str()) => {
                refuse("media_type", format!("must be one of {}", binary.join(", ")))
            }
            Source::Text { media_type, .. } if media_type != "text/plain" => {
                refuse("media_type", "must be text/plain".into())
            }
            Source::Base64 { data, .. } | Source::Text { data, .. } if data.is_empty() => {
                refuse("data", "must not be empty".into())
            }
            Source::Base64 { data, .. } if BASE64_STANDARD.decode(data).is_err() => {
                refuse("data", "must be base64 with padding and without line breaks".into())
            }
            _ => Ok(()),
        }?;
        Ok(match self {
            Source::Text { media_type, data } => {
                Source::Text { media_type, data: door.redact_hidden(&data).into_owned() }
            }
            other => other,
        })
    }
}

/// What the person looks at, for the model: bounded, and without secrets.
pub fn view(door: &Door, view: Option<Value>) -> Result<Option<Value>> {
    let Some(view) = view.filter(|view| !view.is_null()) else { return Ok(None) };
    if view.to_string().len() > 4_000 {
        return Err(Error::field("context.view", "must be at most 4000 bytes of JSON"));
    }
    Ok(Some(door.redact_value(view)))
}

/// The entities that a message mentions, each once, with its place in the list.
pub fn mentions(door: &Door, mentions: Vec<EntityRef>) -> Result<Vec<(usize, EntityRef)>> {
    let mut all: Vec<(usize, EntityRef)> = Vec::new();
    for (place, entity) in mentions.into_iter().enumerate() {
        if all.iter().any(|(_, known)| *known == entity) {
            continue;
        }
        if all.len() == MAX_MENTIONS {
            return Err(Error::field("mentions", format!("must be at most {MAX_MENTIONS} entities")));
        }
        if let Some(problem) = secret_in(door, format!("mentions[{place}].id"), &entity.id) {
            return Err(Error::fields(vec![problem]));
        }
        all.push((place, entity));
    }
    Ok(all)
}

/// Longest inputs of a skill, in bytes of JSON.
const MAX_INPUTS: usize = 65_536;

/// What a skill is to work on, as it may be stored.
pub fn inputs(door: &Door, inputs: Map<String, Value>) -> Result<Map<String, Value>> {
    let inputs = Value::Object(inputs);
    let size = inputs.to_string().len();
    if size > MAX_INPUTS {
        return Err(Error::field(
            "inputs",
            format!("has {size} bytes of JSON, and {MAX_INPUTS} is the most"),
        ));
    }
    match door.redact_value(inputs) {
        Value::Object(inputs) => Ok(inputs),
        _ => Err(Error::internal("an object was redacted into something else")),
    }
}
