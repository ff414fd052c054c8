//! What is answered, said without the words of any wire.
//!
//! # The JSON form, for `POST /sim/script`
//!
//! A script is a list of replies; every field is optional, an unknown one is an error.
//!
//! ```json
//! [{"for": "D-42",
//!   "content": [{"thinking": "Let me look."}, {"text": "One moment."},
//!               {"tool": {"name": "get_entity", "input": {"kind": "deal", "id": "D-42"}}},
//!               {"tool": {"name": "broken", "id": "toolu_1", "raw": "{\"a\": "}},
//!               {"raw": {"type": "redacted_thinking", "data": "…"}}],
//!   "stop_reason": "tool_use", "usage": {"input_tokens": 10, "output_tokens": 5},
//!   "chunk_chars": 4, "first_ms": 10, "between_ms": 15,
//!   "unknown_events": true, "empty_first_partial_json": true,
//!   "error_after": {"deltas": 3, "type": "overloaded_error", "message": "Overloaded"},
//!   "cut_after": 5, "slow_bytes": {"size": 3, "pause_ms": 1},
//!   "quirks": ["no_created", "no_index", "no_ids", "no_usage", "always_stop", "no_finish_reason", "no_done"]},
//!  {"status": 429, "error": {"type": "rate_limit_error", "message": "Slow down"},
//!   "headers": {"retry-after": "1"}},
//!  {"instead": "hang"}, {"status": 200, "instead": "html"}]
//! ```
//!
//! `for` keeps a reply for a request whose last user text contains the given words.

mod parts;

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::{Gate, Usage};
pub use parts::Quirk;
use parts::millis;
pub(crate) use parts::{Block, Call, ErrorAfter, Failure, Hold, Instead, SlowBytes};

/// One answer of the stand-in: a message, an error, or something that no
/// provider should send. Build it with [`Reply::text`] and the methods below.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[must_use]
pub struct Reply {
    #[serde(rename = "for")]
    pub(crate) only_for: Option<String>,
    pub(crate) content: Vec<Block>,
    pub(crate) stop_reason: Option<String>,
    pub(crate) stop_sequence: Option<String>,
    pub(crate) usage: Option<Usage>,
    pub(crate) status: Option<u16>,
    pub(crate) error: Option<Failure>,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) instead: Option<Instead>,
    pub(crate) chunk_chars: Option<usize>,
    #[serde(rename = "first_ms", deserialize_with = "some_millis")]
    pub(crate) first: Option<Duration>,
    #[serde(rename = "between_ms", deserialize_with = "some_millis")]
    pub(crate) between: Option<Duration>,
    pub(crate) unknown_events: bool,
    pub(crate) empty_first_partial_json: bool,
    pub(crate) error_after: Option<ErrorAfter>,
    pub(crate) cut_after: Option<usize>,
    pub(crate) slow_bytes: Option<SlowBytes>,
    pub(crate) quirks: Vec<Quirk>,
    #[serde(skip)]
    pub(crate) holds: Vec<Hold>,
}

impl Reply {
    /// A message with no content yet.
    pub fn message() -> Self {
        Self::default()
    }

    /// A message that says `text`.
    pub fn text(text: impl Into<String>) -> Self {
        Self::default().and_text(text)
    }

    /// A message that calls one tool.
    pub fn call(name: impl Into<String>, input: Value) -> Self {
        Self::default().tool(name, input)
    }

    /// An HTTP error. Its type and message are the usual ones of the status
    /// unless [`Reply::error`] says otherwise.
    pub fn status(status: u16) -> Self {
        Self { status: Some(status), ..Self::default() }
    }

    /// An HTML page, as a proxy or a captive portal sends it.
    pub fn html(status: u16) -> Self {
        Self { status: Some(status), instead: Some(Instead::Html), ..Self::default() }
    }

    /// No answer at all, until the client goes away.
    pub fn hang() -> Self {
        Self { instead: Some(Instead::Hang), ..Self::default() }
    }

    /// Adds a text block.
    pub fn and_text(self, text: impl Into<String>) -> Self {
        self.block(Block::Text(text.into()))
    }

    /// Adds a thinking block with a signature that the stand-in checks when it comes back.
    pub fn thinking(self, text: impl Into<String>) -> Self {
        self.block(Block::Thinking(text.into()))
    }

    /// Adds a tool call; its id is made when the reply is sent.
    pub fn tool(self, name: impl Into<String>, input: Value) -> Self {
        self.block(Block::Tool(Call { name: name.into(), input: Some(input), ..Call::default() }))
    }

    /// Adds a tool call with this id.
    pub fn tool_with_id(self, id: impl Into<String>, name: impl Into<String>, input: Value) -> Self {
        let call = Call { name: name.into(), id: Some(id.into()), input: Some(input), raw: None };
        self.block(Block::Tool(call))
    }

    /// Adds a tool call whose arguments are exactly this text, valid JSON or not.
    pub fn tool_raw(self, name: impl Into<String>, arguments: impl Into<String>) -> Self {
        let call = Call { name: name.into(), raw: Some(arguments.into()), ..Call::default() };
        self.block(Block::Tool(call))
    }

    /// Adds a block of the wire as it is, for example `redacted_thinking`.
    pub fn raw_block(self, block: Value) -> Self {
        self.block(Block::Raw(block))
    }

    fn block(mut self, block: Block) -> Self {
        self.content.push(block);
        self
    }

    /// Reports this usage instead of the estimate.
    pub fn usage(self, usage: Usage) -> Self {
        Self { usage: Some(usage), ..self }
    }

    /// Stops for this reason instead of `end_turn` or `tool_use`.
    pub fn stop_reason(self, reason: impl Into<String>) -> Self {
        Self { stop_reason: Some(reason.into()), ..self }
    }

    /// Cuts text, thinking and arguments into deltas of this many characters (4 if not said).
    pub fn chunk_chars(self, chars: usize) -> Self {
        Self { chunk_chars: Some(chars.max(1)), ..self }
    }

    /// Waits before the answer's status line.
    pub fn delay_first(self, delay: Duration) -> Self {
        Self { first: Some(delay), ..self }
    }

    /// Waits between deltas.
    pub fn delay_between(self, delay: Duration) -> Self {
        Self { between: Some(delay), ..self }
    }

    /// Adds a header, for example `retry-after`.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.insert(name.into(), value.into());
        self
    }

    /// The error's type and message, for [`Reply::status`].
    pub fn error(self, kind: impl Into<String>, message: impl Into<String>) -> Self {
        Self { error: Some(Failure { kind: kind.into(), message: message.into() }), ..self }
    }

    /// Sends an `error` event of this type after so many deltas, and nothing more.
    pub fn error_event_after(self, deltas: usize, kind: impl Into<String>) -> Self {
        Self { error_after: Some(ErrorAfter { deltas, kind: kind.into(), message: None }), ..self }
    }

    /// Closes the connection after so many events, in the middle of the stream.
    pub fn cut_after(self, events: usize) -> Self {
        Self { cut_after: Some(events), ..self }
    }

    /// Sends the stream in pieces of `size` bytes, wherever that cuts frames and
    /// characters, with a pause after each.
    pub fn slow_bytes(self, size: usize, pause: Duration) -> Self {
        Self { slow_bytes: Some(SlowBytes { size: size.max(1), pause }), ..self }
    }

    /// Adds pings, comments, and events, deltas and a block that no client knows.
    pub fn unknown_events(self) -> Self {
        Self { unknown_events: true, ..self }
    }

    /// Begins each tool call's arguments with an empty delta; for `{}` it is the only one.
    pub fn empty_first_partial_json(self) -> Self {
        Self { empty_first_partial_json: true, ..self }
    }

    /// Does as some compatible server does.
    pub fn quirk(mut self, quirk: Quirk) -> Self {
        self.quirks.push(quirk);
        self
    }

    pub(crate) fn has(&self, quirk: Quirk) -> bool {
        self.quirks.contains(&quirk)
    }

    /// Waits at the gate after so many deltas of the stream.
    pub fn hold_after(self, deltas: usize, gate: &Gate) -> Self {
        self.hold(Some(deltas), gate)
    }

    /// Waits at the gate before the answer's status line.
    pub fn hold_before(self, gate: &Gate) -> Self {
        self.hold(None, gate)
    }

    /// Stops at a stop sequence of the request.
    pub(crate) fn stopped_by(self, sequence: String) -> Self {
        Self { stop_sequence: Some(sequence), ..self.stop_reason("stop_sequence") }
    }

    /// The text of a reply that is nothing but text.
    pub(crate) fn text_mut(&mut self) -> Option<&mut String> {
        match self.content.as_mut_slice() {
            [Block::Text(text)] => Some(text),
            _ => None,
        }
    }

    fn hold(mut self, after_deltas: Option<usize>, gate: &Gate) -> Self {
        self.holds.push(Hold { after_deltas, gate: gate.clone() });
        self
    }
}

fn some_millis<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    millis(deserializer).map(Some)
}
