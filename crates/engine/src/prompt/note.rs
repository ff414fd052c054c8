//! The `<context>` of a user's message: what changes from turn to turn. It is
//! made once, stored beside the message, and sent again unchanged.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde_json::Value;
use store::memories::News;

use super::memory::neutral;

/// What the client says of the moment.
#[derive(Clone, Debug)]
pub struct Note {
    pub now: DateTime<Utc>,
    pub timezone: Tz,
    /// What the person looks at, in the client's words.
    pub view: Option<Value>,
}

/// The block's text. `news` are appends to memory that the session's snapshot lacks.
pub fn context_note(note: &Note, news: &[News]) -> String {
    let now = note.now.with_timezone(&note.timezone);
    let mut text =
        format!("<context>\nNow: {} ({})\n", now.format("%A, %-d %B %Y, %H:%M"), note.timezone.name());
    if let Some(view) = &note.view {
        text.push_str(&format!("The person looks at: {}\n", neutral(&view.to_string())));
    }
    for update in news.iter().filter_map(memory_update) {
        text.push_str(&update);
        text.push('\n');
    }
    text.push_str("</context>");
    text
}

/// What the model is told of an append; nothing, if it was another change.
pub fn memory_update(change: &News) -> Option<String> {
    let scope = change.scope.as_str();
    let appended = neutral(change.appended.as_deref()?);
    Some(format!("<memory_update scope=\"{scope}\">\n{appended}\n</memory_update>"))
}
