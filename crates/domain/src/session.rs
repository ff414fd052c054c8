//! Conversations and what was said in them.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::{
    EntityRef, MessageId, RunId, SessionId,
    run::{Mode, RunStatus},
};

/// Who gave a session its title. A person's title is never overwritten.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum TitleSource {
    Auto,
    User,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Session {
    pub id: SessionId,
    pub title: Option<String>,
    pub title_source: TitleSource,
    /// The beginning of the last message.
    pub preview: Option<String>,
    pub message_count: i64,
    pub last_message_at: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entity: Option<EntityRef>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
    /// Status of the newest run, if there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_status: Option<RunStatus>,
    pub version: i64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Message {
    pub id: MessageId,
    /// Place in the session, from 1.
    pub seq: i64,
    /// `user` or `assistant`.
    pub role: String,
    /// Content blocks, byte for byte as they were said.
    #[schema(value_type = Vec<Object>)]
    pub content: Box<RawValue>,
    pub created_at: DateTime<Utc>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_id: Option<RunId>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub superseded: bool,
}
