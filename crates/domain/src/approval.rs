//! A call that a person decides about.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, value::RawValue};
use utoipa::ToSchema;

use crate::{
    ApprovalId, EntityKind, EntityRef, RunId, SessionId, UserId,
    memory::MemoryPreview,
    permission::{Action, Decider, words},
};

words! {
    /// Where an approval stands. Only a pending one can be decided.
    ApprovalStatus {
        Pending = "pending",
        /// Decided, and not carried out yet.
        Approved = "approved",
        Denied = "denied",
        /// Nobody decided in time: no denial.
        Expired = "expired",
        /// Carried out, once.
        Executed = "executed",
        /// Approved, but rights, tool or arguments were others when it was to be carried out.
        Refused = "refused",
        /// Its run ended before.
        Void = "void",
    }
}

/// What a call would do, for the person who decides.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Preview {
    FieldChanges {
        entity: Named,
        changes: Vec<FieldChange>,
    },
    Memory(MemoryPreview),
    /// Something new: its kind, its name, and its fields.
    Create {
        #[serde(rename = "entity_kind")]
        entity: EntityKind,
        name: String,
        #[schema(value_type = Object)]
        fields: Map<String, Value>,
    },
    Generic {
        title: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        entity: Option<EntityRef>,
    },
}

/// An entity with its name.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Named {
    pub kind: EntityKind,
    pub id: String,
    pub name: String,
}

/// A field as it is and as it would be; null is no value.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct FieldChange {
    pub field: String,
    pub old: Value,
    pub new: Value,
}

/// An approval as the API shows it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Approval {
    pub id: ApprovalId,
    pub status: ApprovalStatus,
    /// Whether the run waits for the decision; else it is a proposal.
    pub blocking: bool,
    /// Name of the tool.
    pub name: String,
    pub action: Action,
    /// The arguments, byte for byte as they would be executed.
    #[schema(value_type = Object)]
    pub input: Box<RawValue>,
    /// The arguments that the person put in their place.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub edited_input: Option<Box<RawValue>>,
    #[schema(value_type = Preview)]
    pub preview: Box<RawValue>,
    /// Whether the conversation had read what came from outside when it asked.
    pub untrusted: bool,
    pub session_id: SessionId,
    pub run_id: RunId,
    pub tool_call_id: String,
    /// Who is to decide.
    pub decider: Decider,
    #[serde(skip)]
    pub owner: UserId,
    /// Who asked for what is decided about: in a shared conversation not its owner.
    #[serde(skip)]
    pub author: UserId,
    /// External id of the person whose run asks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requested_by: Option<String>,
    /// External id of the person who decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decided_by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decided_at: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The run that carries out an accepted proposal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decision_run_id: Option<RunId>,
    pub expires_at: DateTime<Utc>,
    pub created_at: DateTime<Utc>,
}
