//! What a reply is made of.

use std::time::Duration;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::Gate;

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Block {
    Text(String),
    Thinking(String),
    Tool(Call),
    /// A block of the wire, sent whole as it is.
    Raw(Value),
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Call {
    pub name: String,
    pub id: Option<String>,
    pub input: Option<Value>,
    /// Goes out letter by letter instead of `input`, valid JSON or not.
    pub raw: Option<String>,
}

impl Call {
    /// The arguments as text: nothing says that they are JSON.
    pub fn arguments(&self) -> String {
        match (&self.raw, &self.input) {
            (Some(raw), _) => raw.clone(),
            (None, Some(input)) => input.to_string(),
            (None, None) => "{}".to_owned(),
        }
    }
}

/// What compatible servers of Chat Completions leave out or do. The Messages API has none of them.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Quirk {
    /// Chunks without `created`.
    NoCreated,
    /// Pieces of tool calls without `index`.
    NoIndex,
    /// Tool calls without `id`.
    NoIds,
    /// No usage, although it was asked for.
    NoUsage,
    /// `finish_reason` is `stop` although there are tool calls.
    AlwaysStop,
    /// The stream ends without `finish_reason`.
    NoFinishReason,
    /// The stream ends without `[DONE]`.
    NoDone,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Failure {
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(default)]
    pub message: String,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Instead {
    Hang,
    Html,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ErrorAfter {
    pub deltas: usize,
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(default)]
    pub message: Option<String>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SlowBytes {
    pub size: usize,
    #[serde(rename = "pause_ms", default, deserialize_with = "millis")]
    pub pause: Duration,
}

#[derive(Clone, Debug)]
pub(crate) struct Hold {
    /// `None`: before the answer's status line.
    pub after_deltas: Option<usize>,
    pub gate: Gate,
}

pub(super) fn millis<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    u64::deserialize(deserializer).map(Duration::from_millis)
}
