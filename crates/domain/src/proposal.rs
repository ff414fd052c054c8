//! What the copilot wants to remember and may not by itself: approvals of memory, with
//! the document that they are about.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::{
    ApprovalId, EntityRef, MemoryScope, RunId, SessionId,
    approval::{ApprovalStatus, Preview},
    memory::LineChange,
    permission::Decider,
};

/// The edit that is proposed, in the words of whoever made it.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(tag = "change", rename_all = "lowercase")]
pub enum Proposed {
    /// A line under a heading.
    Append { section: String, text: String },
    /// A passage in the place of another.
    Replace { old: String, new: String },
}

/// Why a person is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// The conversation had read what came from outside of the organization's people.
    UntrustedContent,
    /// It is the memory of all.
    OrganizationMemory,
    /// The organization's matrix, or the person's own rows, say so.
    Policy,
}

/// What accepting it now would do to the document.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Outlook {
    /// The document's version as it stands.
    pub version: i64,
    /// The document as it would be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    /// None: it does not fit the document any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub change: Option<LineChange>,
    /// Why it does not fit any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// A proposal as the API shows it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Proposal {
    /// The approval's id: the one is a view of the other.
    pub id: ApprovalId,
    pub status: ApprovalStatus,
    /// Whether the run waits for the decision.
    pub blocking: bool,
    pub scope: MemoryScope,
    /// Which deal or contact, of the scope `entity`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entity: Option<EntityRef>,
    /// As the copilot gave it.
    pub proposed: Proposed,
    /// What a person put in its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub edited: Option<Proposed>,
    pub why: Vec<Why>,
    /// The change as it was when it was proposed.
    #[schema(value_type = Preview)]
    pub preview: Box<RawValue>,
    /// The change as it would be now. Only while it can be decided, and of a person's
    /// memory for that person only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outlook: Option<Outlook>,
    /// The run that proposed it.
    pub run_id: RunId,
    pub session_id: SessionId,
    /// Who is to decide: an owner or administrator, or the person whose run it is.
    pub decider: Decider,
    /// External id of the person whose run it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requested_by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decided_by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decided_at: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The run that carries out what was accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decision_run_id: Option<RunId>,
    pub created_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
}
