//! What a run tells its listeners (contract §4), and how it is framed.

use std::{fmt, fmt::Write as _, str::FromStr};

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Map, Value, value::RawValue};

use crate::{
    ApprovalId, ArchiveId, Card, CardId, MemoryScope, MessageId, QuestionId, RunId, SessionId, Usage,
    approval::Preview,
    card::CardAction,
    offered::Routing,
    permission::Action,
    run::{Mode, RunStatus},
    sequence::RunStep,
};

/// Place of an event in a run's stream: the fence of its writer, then a number
/// that grows by one with each event under that fence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor {
    pub fence: i64,
    pub n: i64,
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.fence, self.n)
    }
}

/// The text is not `<fence>.<n>`.
#[derive(Debug, thiserror::Error)]
#[error("must look like 1.42, as in the id line of an event")]
pub struct BadCursor;

impl FromStr for Cursor {
    type Err = BadCursor;

    fn from_str(text: &str) -> Result<Self, BadCursor> {
        let number = |digits: &str| match digits.parse::<i64>() {
            Ok(number) if number >= 0 && digits.bytes().all(|b| b.is_ascii_digit()) => Ok(number),
            _ => Err(BadCursor),
        };
        let (fence, n) = text.split_once('.').ok_or(BadCursor)?;
        Ok(Cursor { fence: number(fence)?, n: number(n)? })
    }
}

#[derive(Clone, Debug, Serialize)]
pub struct ToolUsed {
    pub id: String,
    pub name: String,
    pub success: bool,
}

/// One event of a run's stream. Optional fields are left out, never null.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum Event {
    RunStarted {
        session_id: SessionId,
        message_id: MessageId,
        model: String,
        mode: Mode,
        /// Why it is one shot or the loop.
        mode_reason: String,
        /// The skill that was found to fit, and how.
        #[serde(skip_serializing_if = "Option::is_none")]
        routing: Option<Routing>,
    },
    Thinking {
        message_id: MessageId,
        text: String,
    },
    Token {
        message_id: MessageId,
        text: String,
    },
    MessageComplete {
        message_id: MessageId,
        content: Box<RawValue>,
        text: String,
        stop_reason: String,
    },
    ToolStart {
        id: String,
        name: String,
        title: String,
        input: Box<RawValue>,
    },
    ToolResult {
        id: String,
        name: String,
        success: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        result: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<String>,
        /// The call may have had its effect; nobody knows.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        unknown: bool,
        duration_ms: u64,
    },
    /// A step of a sequence begins, waits for a person, or is over.
    Step(RunStep),
    /// Right after the result of the call that shows it.
    Card {
        card_id: CardId,
        #[serde(rename = "type")]
        card_type: String,
        summary: String,
        data: Map<String, Value>,
        actions: Vec<CardAction>,
    },
    ApprovalRequired {
        approval_id: ApprovalId,
        tool_call_id: String,
        name: String,
        action: Action,
        /// The arguments that are decided about.
        input: Box<RawValue>,
        preview: Preview,
        expires_at: DateTime<Utc>,
        /// False for a proposal: the run has gone on.
        blocking: bool,
    },
    /// The copilot asks its person; the run waits.
    Question {
        question_id: QuestionId,
        question: String,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        options: Vec<String>,
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        multiple: bool,
    },
    MemoryWritten {
        scope: MemoryScope,
        /// None: it was proposed, and nothing is written yet.
        #[serde(skip_serializing_if = "Option::is_none")]
        version: Option<i64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        proposal_id: Option<ApprovalId>,
    },
    Compaction {
        summary_id: ArchiveId,
        message_count: i64,
        tokens_before: i64,
        tokens_after: i64,
    },
    Reset {
        #[serde(skip_serializing_if = "Option::is_none")]
        message_id: Option<MessageId>,
    },
    Done {
        status: RunStatus,
        #[serde(skip_serializing_if = "Option::is_none")]
        message_id: Option<MessageId>,
        iterations: i32,
        tools_used: Vec<ToolUsed>,
        usage: Usage,
    },
    Error {
        code: String,
        message: String,
        retryable: bool,
    },
}

impl Event {
    pub fn name(&self) -> &'static str {
        match self {
            Event::RunStarted { .. } => "run_started",
            Event::Thinking { .. } => "thinking",
            Event::Token { .. } => "token",
            Event::MessageComplete { .. } => "message_complete",
            Event::ToolStart { .. } => "tool_start",
            Event::ToolResult { .. } => "tool_result",
            Event::Step(_) => "step",
            Event::Card { .. } => "card",
            Event::ApprovalRequired { .. } => "approval_required",
            Event::Question { .. } => "question",
            Event::MemoryWritten { .. } => "memory_written",
            Event::Compaction { .. } => "compaction",
            Event::Reset { .. } => "reset",
            Event::Done { .. } => "done",
            Event::Error { .. } => "error",
        }
    }

    /// Whether the stream ends with it.
    pub fn ends(&self) -> bool {
        matches!(self, Event::Done { .. } | Event::Error { .. })
    }

    /// The frame alone.
    pub fn frame(&self, run: RunId, at: Cursor) -> String {
        let mut frame = String::new();
        self.write_frame(run, at, &mut frame);
        frame
    }

    /// Appends the frame: the lines `id`, `event`, `data`, and a blank one.
    pub fn write_frame(&self, run: RunId, at: Cursor, frames: &mut String) {
        let body = serde_json::to_string(self).expect("events serialize: their keys are strings");
        let fields = &body[1..];
        let comma = if fields == "}" { "" } else { "," };
        write!(frames, "id: {at}\nevent: {}\ndata: {{\"run_id\":\"{run}\"{comma}", self.name())
            .expect("writing to a string cannot fail");
        frames.push_str(fields);
        frames.push_str("\n\n");
    }
}

impl From<Card> for Event {
    fn from(card: Card) -> Self {
        let Card { card_id, card_type, summary, data, actions } = card;
        Event::Card { card_id, card_type, summary, data, actions }
    }
}

/// The frames after the one numbered `n`, from text that begins with `first`.
/// JSON data has no raw line break, so a blank line is always a frame's end.
pub fn frames_after(frames: &str, first: i64, n: i64) -> &str {
    let mut rest = frames;
    for _ in first..=n {
        match rest.find("\n\n") {
            Some(end) => rest = &rest[end + 2..],
            None => return "",
        }
    }
    rest
}

/// Where the last frame begins, and that frame's event and data lines.
fn last_frame(frames: &str) -> Option<(usize, &str, &str)> {
    let whole = frames.strip_suffix("\n\n")?;
    let start = whole.rfind("\n\n").map_or(0, |end| end + 2);
    let (_, rest) = whole[start..].split_once("\nevent: ")?;
    let (event, data) = rest.split_once("\ndata: ")?;
    Some((start, event, data))
}

/// Whether the last frame ends a stream.
pub fn ends(frames: &str) -> bool {
    last_frame(frames).is_some_and(|(_, event, _)| ["done", "error"].contains(&event))
}

/// The frames before a last one that says that the run waits; none if it says anything else.
pub fn before_waiting(frames: &str) -> Option<&str> {
    let (start, event, data) = last_frame(frames)?;
    let waits = || data.split_once("\",").is_some_and(|(_, rest)| rest.starts_with(r#""status":"waiting""#));
    (event == "done" && waits()).then(|| &frames[..start])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(text: &str) -> Event {
        Event::Token { message_id: MessageId::new(), text: text.into() }
    }

    #[test]
    fn a_frame_has_id_event_and_one_line_of_data() {
        let (run, mut frames) = (RunId::new(), String::new());
        token("a\n\nb").write_frame(run, Cursor { fence: 2, n: 7 }, &mut frames);
        let lines: Vec<&str> = frames.split('\n').collect();
        assert_eq!(lines[0], "id: 2.7");
        assert_eq!(lines[1], "event: token");
        let data: serde_json::Value =
            serde_json::from_str(lines[2].strip_prefix("data: ").expect("a data line")).expect("JSON");
        assert_eq!(data["run_id"], run.to_string());
        assert_eq!(data["text"], "a\n\nb");
        assert_eq!(&lines[3..], ["", ""]);
    }

    #[test]
    fn an_event_without_fields_is_a_json_object_too() {
        let (run, mut frames) = (RunId::new(), String::new());
        Event::Reset { message_id: None }.write_frame(run, Cursor { fence: 2, n: 1 }, &mut frames);
        assert_eq!(frames, format!("id: 2.1\nevent: reset\ndata: {{\"run_id\":\"{run}\"}}\n\n"));
    }

    #[test]
    fn an_end_is_seen_in_the_last_frame_only() {
        let (run, at) = (RunId::new(), Cursor { fence: 1, n: 1 });
        let done = |status| {
            let usage = Usage::default();
            Event::Done { status, message_id: None, iterations: 1, tools_used: Vec::new(), usage }
                .frame(run, at)
        };
        let word = token("event: done\n\n").frame(run, at);
        let (waiting, ended) = (done(RunStatus::Waiting), done(RunStatus::Done));
        assert!(ends(&waiting) && ends(&format!("{word}{ended}")));
        assert!(!ends(&word) && !ends(&format!("{ended}{word}")) && !ends(""));
        assert_eq!(before_waiting(&format!("{word}{waiting}")), Some(&*word));
        assert_eq!(before_waiting(&waiting), Some(""));
        for frames in [&word, &ended, &format!("{waiting}{ended}"), &format!("{waiting}{word}")] {
            assert_eq!(before_waiting(frames), None);
        }
    }

    #[test]
    fn frames_can_be_cut_after_any_event() {
        let (run, mut frames) = (RunId::new(), String::new());
        for n in 4..8 {
            token(&n.to_string()).write_frame(run, Cursor { fence: 1, n }, &mut frames);
        }
        assert_eq!(frames_after(&frames, 4, 3), frames);
        assert!(frames_after(&frames, 4, 5).starts_with("id: 1.6\n"));
        assert_eq!(frames_after(&frames, 4, 7), "");
        assert_eq!(frames_after(&frames, 4, 99), "");
    }

    #[test]
    fn a_cursor_reads_only_what_an_id_line_can_hold() {
        assert_eq!("3.14".parse::<Cursor>().expect("a cursor"), Cursor { fence: 3, n: 14 });
        for text in ["", "1", "1.", ".1", "1.-1", "+1.1", "1.1.1", "a.b", "99999999999999999999.1"] {
            assert!(text.parse::<Cursor>().is_err(), "{text}");
        }
    }
}
