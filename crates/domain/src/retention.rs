//! How long an organization keeps what was said, and what it must not delete.

use std::fmt::{self, Write as _};

use serde::Serialize;
use utoipa::ToSchema;

use crate::{FieldError, SessionId};

/// Longest time that can be set, in days: a century.
pub const MOST_DAYS: i64 = 36_500;
/// Longest time for which streams are kept, in days: they are copies for readers that come back.
pub const MOST_EVENT_DAYS: i64 = 30;
/// People, and conversations, that a legal hold may name.
pub const MOST_HELD: usize = 1_000;
/// Longest reason of a legal hold, in characters.
pub const MOST_REASON: usize = 1_000;

/// Days after which things go. None: never (streams: after one).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Days {
    /// Conversations without activity, with everything in them.
    pub transcripts: Option<i32>,
    /// Live messages that an archive holds.
    pub messages: Option<i32>,
    /// Streams after the end of their run. 0: an hour.
    pub events: Option<i32>,
    /// Versions of memory that another one has replaced.
    pub revisions: Option<i32>,
}

/// Days as somebody wants them: any number.
#[derive(Clone, Copy, Debug, Default)]
pub struct WantedDays {
    pub transcripts: Option<i64>,
    pub messages: Option<i64>,
    pub events: Option<i64>,
    pub revisions: Option<i64>,
}

impl WantedDays {
    /// The days, or which of them cannot be.
    pub fn check(self) -> Result<Days, Vec<FieldError>> {
        let mut problems = Vec::new();
        let mut within = |field: &str, wanted: Option<i64>, least: i64, most: i64| {
            let days =
                wanted.filter(|days| (least..=most).contains(days)).and_then(|days| days.try_into().ok());
            if wanted.is_some() && days.is_none() {
                let error = format!("must be a whole number from {least} to {most}, or null");
                problems.push(FieldError { field: field.into(), error });
            }
            days
        };
        let days = Days {
            transcripts: within("transcripts_days", self.transcripts, 1, MOST_DAYS),
            messages: within("messages_days", self.messages, 1, MOST_DAYS),
            events: within("events_days", self.events, 0, MOST_EVENT_DAYS),
            revisions: within("revisions_days", self.revisions, 1, MOST_DAYS),
        };
        if problems.is_empty() { Ok(days) } else { Err(problems) }
    }
}

impl Days {
    fn named(self) -> [(&'static str, Option<i32>); 4] {
        [
            ("transcripts_days", self.transcripts),
            ("messages_days", self.messages),
            ("events_days", self.events),
            ("revisions_days", self.revisions),
        ]
    }

    /// What is different in the new ones, in words; empty: nothing.
    pub fn changes(self, new: Self) -> String {
        let word = |days: Option<i32>| days.map_or("null".to_owned(), |days| days.to_string());
        let mut text = String::new();
        for ((name, old), (_, new)) in self.named().into_iter().zip(new.named()) {
            if old != new {
                let comma = if text.is_empty() { "" } else { ", " };
                write!(text, "{comma}{name} {} to {}", word(old), word(new))
                    .expect("writing to a string cannot fail");
            }
        }
        text
    }
}

/// What must not be deleted, whatever the days say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hold {
    pub organization: bool,
    /// External ids.
    pub users: Vec<String>,
    pub sessions: Vec<SessionId>,
    pub reason: Option<String>,
}

/// Rows that are deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Purged {
    /// Whole conversations.
    pub sessions: i64,
    /// Messages, those of whole conversations included.
    pub messages: i64,
    /// Archives of whole conversations.
    pub archives: i64,
    /// Runs of whole conversations, each with its steps, tool calls and approvals.
    pub runs: i64,
    /// Pieces of streams.
    pub events: i64,
    /// Versions of memory documents.
    pub revisions: i64,
}

impl Purged {
    pub fn is_nothing(self) -> bool {
        self == Self::default()
    }
}

impl std::ops::AddAssign for Purged {
    fn add_assign(&mut self, more: Self) {
        self.sessions += more.sessions;
        self.messages += more.messages;
        self.archives += more.archives;
        self.runs += more.runs;
        self.events += more.events;
        self.revisions += more.revisions;
    }
}

impl fmt::Display for Purged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sessions, messages, archives, runs, events, revisions } = self;
        write!(
            f,
            "sessions {sessions}, messages {messages}, archives {archives}, runs {runs}, events {events}, \
             revisions {revisions}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_within_their_bounds_or_refused_by_name() {
        let good =
            WantedDays { transcripts: Some(1), messages: Some(MOST_DAYS), events: Some(0), revisions: None };
        let days = Days { transcripts: Some(1), messages: Some(36_500), events: Some(0), revisions: None };
        assert_eq!(good.check(), Ok(days));
        let bad = WantedDays {
            transcripts: Some(0),
            messages: Some(-1),
            events: Some(31),
            revisions: Some(i64::MAX),
        };
        let fields: Vec<String> = bad.check().unwrap_err().into_iter().map(|problem| problem.field).collect();
        assert_eq!(fields, ["transcripts_days", "messages_days", "events_days", "revisions_days"]);
    }

    #[test]
    fn a_change_is_told_as_old_and_new() {
        let old = Days { transcripts: Some(30), ..Days::default() };
        let new = Days { messages: Some(7), ..Days::default() };
        assert_eq!(old.changes(new), "transcripts_days 30 to null, messages_days null to 7");
        assert_eq!(old.changes(old), "");
    }
}
