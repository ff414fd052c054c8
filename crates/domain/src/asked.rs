//! What a copilot asks its person, who answers it or simply goes on talking.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{QuestionId, RunId, SessionId, UserId, permission::words};

words! {
    /// Where a question stands. Only an open one can be answered.
    QuestionStatus {
        Open = "open",
        Answered = "answered",
        /// The person said something else in the conversation, which is the answer.
        Overtaken = "overtaken",
        /// Nobody answered in time.
        Expired = "expired",
        /// Its run ended before.
        Void = "void",
    }
}

/// A question as the API shows it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Asked {
    pub id: QuestionId,
    pub status: QuestionStatus,
    pub question: String,
    /// Answers that are offered; any other is welcome too.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
    /// Whether several answers fit.
    pub multiple: bool,
    pub session_id: SessionId,
    /// The run that waits for the answer.
    pub run_id: RunId,
    pub tool_call_id: String,
    /// To whom the conversation belongs.
    #[serde(skip)]
    pub owner: UserId,
    /// Who is asked: in a conversation of several people whoever spoke.
    #[serde(skip)]
    pub author: UserId,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub answer: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answered_at: Option<DateTime<Utc>>,
    pub expires_at: DateTime<Utc>,
    pub created_at: DateTime<Utc>,
}
