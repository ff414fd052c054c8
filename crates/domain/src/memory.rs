//! Memory documents: Markdown per scope and subject.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{ApprovalId, EntityRef, RunId};

/// Longest document, in characters.
pub const MAX_CHARS: usize = 16_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum MemoryScope {
    Org,
    User,
    Entity,
}

impl MemoryScope {
    pub fn as_str(self) -> &'static str {
        match self {
            MemoryScope::Org => "org",
            MemoryScope::User => "user",
            MemoryScope::Entity => "entity",
        }
    }
}

/// A memory document as the API shows it. One that was never written is empty
/// and has version 0.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct MemoryDocument {
    pub scope: MemoryScope,
    pub content: String,
    pub version: i64,
    pub updated_at: Option<DateTime<Utc>>,
    /// External id of the person who wrote it last, or whose run did.
    pub updated_by: Option<String>,
}

/// What an edit does to a document, in whole lines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct LineChange {
    /// The heading under which it happens, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub section: Option<String>,
    /// Lines that are there and would not be.
    pub removed: Vec<String>,
    /// Lines that would be there.
    pub added: Vec<String>,
}

/// What a call would write into memory, for the person who decides.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = MemoryEdit)]
pub struct MemoryPreview {
    pub scope: MemoryScope,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entity: Option<EntityRef>,
    /// The version of the document on top of which it was proposed.
    pub version: i64,
    #[serde(flatten)]
    pub change: LineChange,
}

/// One version of a memory document.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct MemoryRevision {
    pub version: i64,
    pub content: String,
    /// How it came about: `append`, `replace`, `put` or `revert`.
    pub change: String,
    pub written_by: Option<String>,
    /// The run that wrote it, if the copilot did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_id: Option<RunId>,
    /// The step of that run, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<i32>,
    /// The proposal that it carries out, if a person was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proposal_id: Option<ApprovalId>,
    /// External id of the person who accepted it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accepted_by: Option<String>,
    pub created_at: DateTime<Utc>,
}
