//! The archive of a session: summaries with their whole transcripts.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::{ArchiveId, EntityRef, Error, Result, SessionId, session::Message};

/// A range of a conversation that has left the prompt.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SessionSummary {
    pub id: ArchiveId,
    pub session_id: SessionId,
    /// External id of the person whose conversation it is.
    pub user_id: String,
    pub summary_text: String,
    pub key_points: Vec<String>,
    /// The messages, byte for byte as the history shows them; left out of lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<Object>>)]
    pub full_transcript: Option<Box<RawValue>>,
    pub message_count: i64,
    /// Estimated tokens of the conversation before and after.
    pub tokens_before: i64,
    pub tokens_after: i64,
    pub first_seq: i64,
    pub last_seq: i64,
    /// SHA-256 of the transcript's bytes, in hexadecimal.
    pub sha256: String,
    /// The model that wrote the summary, or `extractive`.
    pub summarized_by: String,
    pub created_at: DateTime<Utc>,
}

impl SessionSummary {
    /// The messages of the transcript, each byte for byte; none where it was left out.
    pub fn messages(&self) -> Result<Vec<Message>> {
        match &self.full_transcript {
            Some(transcript) => serde_json::from_str(transcript.get()).map_err(Error::internal),
            None => Ok(Vec::new()),
        }
    }
}

/// A piece of an archived message that a search found.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Passage {
    pub summary_id: ArchiveId,
    pub session_id: SessionId,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_title: Option<String>,
    /// What the conversation is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entity: Option<EntityRef>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entity_name: Option<String>,
    pub seq: i64,
    /// Long messages have several.
    #[serde(skip)]
    pub part: i32,
    /// `user`, `assistant`, or `tool` for what a tool answered.
    pub role: String,
    /// The piece, or its best part, with the words that were found between `**`.
    pub snippet: String,
    /// Says nothing but the order.
    pub score: f64,
    /// When it was said.
    pub created_at: DateTime<Utc>,
    /// The conversation has read what came from outside of the organization's people.
    #[serde(skip)]
    pub untrusted: bool,
}
