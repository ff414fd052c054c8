//! What is shown of an answer while it comes.

use domain::{Event, MessageId};
use model::Delta;
use redact::RedactStream;

use super::Run;

/// What is being shown of an answer, held back where a secret could be starting.
pub(super) struct Shown {
    message: MessageId,
    text: Option<RedactStream>,
    thinking: Option<RedactStream>,
    /// White space before the first word of a block: a blank block is not stored.
    blank: String,
    /// Whether the block that is being shown has a word.
    worded: bool,
    pub any: bool,
}

impl Shown {
    pub fn new(message: MessageId) -> Self {
        Self { message, text: None, thinking: None, blank: String::new(), worded: false, any: false }
    }

    pub fn delta(&mut self, run: &Run, delta: Delta) {
        self.any |= matches!(delta, Delta::Text(_) | Delta::Thinking(_));
        match delta {
            Delta::Text(text) => {
                self.end_thinking(run);
                let safe = self.text.get_or_insert_with(|| run.secrets.door.stream()).push(&text);
                self.show_text(run, &safe);
            }
            Delta::Thinking(text) => {
                self.end_text(run);
                let safe = self.thinking.get_or_insert_with(|| run.secrets.door.stream()).push(&text);
                self.show_thinking(run, &safe);
            }
            Delta::ToolUseStarted { .. } => {
                self.end_thinking(run);
                self.end_text(run);
            }
            Delta::Started { .. } | Delta::BrokeOff(_) | Delta::Complete(_) => {}
        }
    }

    pub fn end_text(&mut self, run: &Run) {
        if let Some(held) = self.text.take() {
            self.show_text(run, &held.finish());
        }
        self.blank.clear();
        self.worded = false;
    }

    pub fn end_thinking(&mut self, run: &Run) {
        if let Some(held) = self.thinking.take() {
            self.show_thinking(run, &held.finish());
        }
    }

    fn show_text(&mut self, run: &Run, text: &str) {
        self.worded |= !text.trim().is_empty();
        self.blank.push_str(text);
        if self.worded && !self.blank.is_empty() {
            let text = std::mem::take(&mut self.blank).replace('\0', "\u{FFFD}");
            run.feed.push(&Event::Token { message_id: self.message, text });
        }
    }

    fn show_thinking(&mut self, run: &Run, text: &str) {
        if !text.is_empty() {
            let text = text.replace('\0', "\u{FFFD}");
            run.feed.push(&Event::Thinking { message_id: self.message, text });
        }
    }
}
