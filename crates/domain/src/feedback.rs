//! What people think of the copilot's answers.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{MessageId, SessionId};

/// Longest text beside a rating, in characters.
pub const MOST_FEEDBACK: usize = 2_000;

/// Whether an answer was of use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Rating {
    Up,
    Down,
}

impl Rating {
    pub fn as_str(self) -> &'static str {
        match self {
            Rating::Up => "up",
            Rating::Down => "down",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Rating::Up, Rating::Down].into_iter().find(|rating| rating.as_str() == text)
    }
}

/// A person's word about an answer of theirs.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Feedback {
    pub message_id: MessageId,
    pub rating: Rating,
    /// Their own words, if they gave any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    pub updated_at: DateTime<Utc>,
}

/// The same as administrators see it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct MemberFeedback {
    pub message_id: MessageId,
    pub session_id: SessionId,
    /// External id of the member.
    pub user: String,
    pub rating: Rating,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    pub updated_at: DateTime<Utc>,
}
