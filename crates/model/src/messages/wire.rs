//! The Messages API's JSON, as far as we read it, borrowed from the frame.
//!
//! One flat struct holds the fields of all events: an internally tagged enum
//! would make serde buffer each event first.

use std::borrow::Cow;

use domain::Usage;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{ModelError, answer::MOST_TOKENS, framer::Frame, refusal::excerpt};

/// Text that is copied only where it has escapes. (Serde borrows a `Cow`
/// directly in a field, never one inside an `Option`.)
#[derive(Debug, Default, Deserialize)]
pub(super) struct Text<'a>(#[serde(borrow)] pub Cow<'a, str>);

#[derive(Debug, Default, Deserialize)]
pub(super) struct Event<'a> {
    #[serde(rename = "type", borrow, default)]
    pub kind: Cow<'a, str>,
    pub index: Option<u64>,
    #[serde(borrow)]
    pub delta: Option<EventDelta<'a>>,
    #[serde(borrow)]
    pub content_block: Option<&'a RawValue>,
    #[serde(borrow)]
    pub message: Option<Message<'a>>,
    pub usage: Option<Counts>,
    #[serde(borrow)]
    pub error: Option<&'a RawValue>,
}

/// The `delta` of `content_block_delta` and of `message_delta`.
#[derive(Debug, Default, Deserialize)]
pub(super) struct EventDelta<'a> {
    #[serde(rename = "type", borrow, default)]
    pub kind: Cow<'a, str>,
    #[serde(borrow)]
    pub text: Option<Text<'a>>,
    #[serde(borrow)]
    pub thinking: Option<Text<'a>>,
    #[serde(borrow)]
    pub signature: Option<Text<'a>>,
    #[serde(borrow)]
    pub partial_json: Option<Text<'a>>,
    #[serde(borrow)]
    pub citation: Option<&'a RawValue>,
    #[serde(borrow)]
    pub stop_reason: Option<Text<'a>>,
}

/// The `message` of `message_start`.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Message<'a> {
    #[serde(borrow)]
    pub id: Option<Text<'a>>,
    #[serde(borrow)]
    pub model: Option<Text<'a>>,
    #[serde(borrow)]
    pub stop_reason: Option<Text<'a>>,
    pub usage: Option<Counts>,
}

/// The beginning of a content block, or a whole one.
#[derive(Debug, Default, Deserialize)]
pub(super) struct BlockStart<'a> {
    #[serde(rename = "type", borrow, default)]
    pub kind: Cow<'a, str>,
    #[serde(borrow)]
    pub id: Option<Text<'a>>,
    #[serde(borrow)]
    pub name: Option<Text<'a>>,
    #[serde(borrow)]
    pub text: Option<Text<'a>>,
    #[serde(borrow)]
    pub thinking: Option<Text<'a>>,
    #[serde(borrow)]
    pub signature: Option<Text<'a>>,
    #[serde(borrow)]
    pub input: Option<&'a RawValue>,
    #[serde(borrow)]
    pub citations: Option<Vec<&'a RawValue>>,
}

/// Token counts so far; a provider may leave out any of them.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[expect(clippy::struct_field_names, reason = "the names on the wire")]
pub(super) struct Counts {
    input_tokens: Option<i64>,
    output_tokens: Option<i64>,
    cache_read_input_tokens: Option<i64>,
    cache_creation_input_tokens: Option<i64>,
}

impl Counts {
    /// Counts only grow within an answer: some providers say the input at the
    /// start and zero at the end, others the other way round.
    pub fn raise(self, usage: &mut Usage) {
        for (count, new) in [
            (&mut usage.input_tokens, self.input_tokens),
            (&mut usage.output_tokens, self.output_tokens),
            (&mut usage.cache_read_input_tokens, self.cache_read_input_tokens),
            (&mut usage.cache_creation_input_tokens, self.cache_creation_input_tokens),
        ] {
            *count = new.map_or(*count, |new| new.clamp(0, MOST_TOKENS).max(*count));
        }
    }
}

/// Text that is absent as often as empty.
pub(super) fn owned(text: Option<Text<'_>>) -> String {
    text.map(|text| text.0.into_owned()).unwrap_or_default()
}

/// Reads one event; `None` is one that can be skipped.
pub(super) fn event<'a>(frame: &Frame<'a>) -> Result<Option<Event<'a>>, ModelError> {
    match serde_json::from_slice::<Event<'a>>(frame.data) {
        Ok(mut event) => {
            if event.kind.is_empty() {
                event.kind = String::from_utf8_lossy(frame.name);
            }
            Ok(Some(event))
        }
        Err(_) if is_foreign(frame.data) => Ok(None),
        Err(error) => {
            let data = excerpt(frame.data);
            Err(ModelError::bad_answer(format!("an event is not readable ({error}): {data:?}")))
        }
    }
}

/// Whether data that does not parse belongs to an event or delta that we do
/// not know, whose fields may have our names and other types; or is the end
/// mark of another protocol.
fn is_foreign(data: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Kind {
        #[serde(rename = "type")]
        kind: String,
        delta: Option<serde_json::Value>,
    }
    let Ok(event) = serde_json::from_slice::<Kind>(data) else { return data == b"[DONE]" };
    let delta = event.delta.as_ref().and_then(|delta| delta.get("type")?.as_str());
    match event.kind.as_str() {
        "content_block_delta" => delta.is_some_and(|kind| {
            !matches!(
                kind,
                "text_delta" | "thinking_delta" | "signature_delta" | "input_json_delta" | "citations_delta"
            )
        }),
        "message_start" | "content_block_start" | "message_delta" | "message_stop" | "error" => false,
        _ => true,
    }
}
