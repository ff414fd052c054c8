//! What people think of the copilot's answers.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{MessageId, SessionId, permission::words};

/// Longest text beside a rating, in characters.
pub const MAX_TEXT: usize = 2_000;

words! {
    /// Whether an answer was of use.
    Rating {
        Up = "up",
        Down = "down",
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
