//! What a model answers, piece by piece and as a whole.

use domain::{Block, Usage, block};

use crate::Broken;

/// One step of an answer that is being streamed.
#[derive(Clone, Debug)]
pub enum Delta {
    /// The provider began to answer. It comes again after [`Delta::BrokeOff`]; whatever [`Delta::ToolUseStarted`] came
    /// before is void then.
    Started { model: String, id: String },
    /// Visible text, never empty.
    Text(String),
    /// Visible reasoning, never empty.
    Thinking(String),
    /// The model began to write a tool call; its arguments come with the answer.
    ToolUseStarted { id: String, name: String },
    /// The answer broke off before anything visible. With the next call the provider is asked once more, after a while.
    BrokeOff(Broken),
    /// The answer is whole; nothing follows.
    Complete(Answer),
}

/// A whole answer. Its blocks can be sent back to the provider as they are.
#[derive(Clone, Debug)]
pub struct Answer {
    /// In the provider's order, without blank text blocks: the API refuses those.
    pub blocks: Vec<Block>,
    pub stop_reason: StopReason,
    /// Zero where the provider counted nothing.
    pub usage: Usage,
    /// The model that answered, which need not be the one that was asked.
    pub model: String,
    /// Tool calls whose arguments were no JSON object; their blocks say `{}`.
    pub invalid_inputs: Vec<InvalidInput>,
}

/// The arguments of one tool call, as the model wrote them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidInput {
    pub tool_use_id: String,
    pub raw: String,
}

/// The most of anything that a provider is believed to have counted in one call: a number that adds up.
pub(crate) const MOST_TOKENS: i64 = 1_000_000_000;

impl Answer {
    /// The text of all text blocks, cited ones too, joined by blank lines.
    pub fn text(&self) -> String {
        block::text_of(&block::to_json(&self.blocks))
    }
}

/// Why the model stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StopReason {
    EndTurn,
    MaxTokens,
    StopSequence,
    ToolUse,
    /// Send the answer back as it is, and the model goes on.
    PauseTurn,
    Refusal,
    ModelContextWindowExceeded,
    /// One that we do not know; empty when the provider named none.
    Other(String),
}

impl StopReason {
    /// The name on the wire.
    pub fn as_str(&self) -> &str {
        match self {
            Self::EndTurn => "end_turn",
            Self::MaxTokens => "max_tokens",
            Self::StopSequence => "stop_sequence",
            Self::ToolUse => "tool_use",
            Self::PauseTurn => "pause_turn",
            Self::Refusal => "refusal",
            Self::ModelContextWindowExceeded => "model_context_window_exceeded",
            Self::Other(name) => name,
        }
    }
}

impl From<&str> for StopReason {
    fn from(name: &str) -> Self {
        match name {
            "end_turn" => Self::EndTurn,
            "max_tokens" => Self::MaxTokens,
            "stop_sequence" => Self::StopSequence,
            "tool_use" => Self::ToolUse,
            "pause_turn" => Self::PauseTurn,
            "refusal" => Self::Refusal,
            "model_context_window_exceeded" => Self::ModelContextWindowExceeded,
            other => Self::Other(other.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::StopReason;

    #[test]
    fn a_stop_reason_keeps_its_name_known_or_not() {
        for name in [
            "end_turn",
            "max_tokens",
            "stop_sequence",
            "tool_use",
            "pause_turn",
            "refusal",
            "model_context_window_exceeded",
        ] {
            let reason = StopReason::from(name);
            assert_eq!(reason.as_str(), name);
            assert!(!matches!(reason, StopReason::Other(_)), "{name}");
        }
        assert_eq!(StopReason::from("coffee_break"), StopReason::Other("coffee_break".into()));
    }
}
