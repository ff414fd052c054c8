//! The audit trail: who did what, on whose behalf, and what decided it.

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{RunId, UserId};

/// Who did it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    /// A member, or a service with a key of its own.
    Person(UserId),
    /// A platform administrator, who need not be a member.
    Platform(UserId),
    /// The copilot, in a run and on behalf of the person whose run it is.
    Copilot,
    /// The service itself: expiry, schedules.
    Service,
}

impl Actor {
    pub fn kind(self) -> &'static str {
        match self {
            Actor::Person(_) => "person",
            Actor::Platform(_) => "platform",
            Actor::Copilot => "copilot",
            Actor::Service => "service",
        }
    }

    pub fn id(self) -> Option<UserId> {
        match self {
            Actor::Person(id) | Actor::Platform(id) => Some(id),
            Actor::Copilot | Actor::Service => None,
        }
    }
}

/// The way on which it was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    Http,
    Chat,
    Slack,
    Schedule,
    /// A person's decision let a parked run go on.
    Decision,
    Compact,
    /// Nobody asked: the service keeps its own house.
    Service,
}

impl Channel {
    const ALL: [Channel; 7] = [
        Channel::Http,
        Channel::Chat,
        Channel::Slack,
        Channel::Schedule,
        Channel::Decision,
        Channel::Compact,
        Channel::Service,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Channel::Http => "http",
            Channel::Chat => "chat",
            Channel::Slack => "slack",
            Channel::Schedule => "schedule",
            Channel::Decision => "decision",
            Channel::Compact => "compact",
            Channel::Service => "service",
        }
    }

    /// A run's trigger is the channel of what the run does.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|channel| channel.as_str() == text)
    }
}

/// What was decided, or how it went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Policies of an action.
    Auto,
    Approve,
    Suggest,
    Disabled,
    /// A guard, a schema or a right said no.
    Refused,
    /// What a person decided, or did not in time.
    Approved,
    Denied,
    Expired,
    /// What came of it.
    Executed,
    Failed,
    Unknown,
}

impl Decision {
    pub fn as_str(self) -> &'static str {
        match self {
            Decision::Auto => "auto",
            Decision::Approve => "approve",
            Decision::Suggest => "suggest",
            Decision::Disabled => "disabled",
            Decision::Refused => "refused",
            Decision::Approved => "approved",
            Decision::Denied => "denied",
            Decision::Expired => "expired",
            Decision::Executed => "executed",
            Decision::Failed => "failed",
            Decision::Unknown => "unknown",
        }
    }
}

/// An entry of the trail as administrators see it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AuditEntry {
    pub id: Uuid,
    pub at: DateTime<Utc>,
    /// `person`, `platform`, `copilot` or `service`.
    pub actor_kind: String,
    /// External id of the member who did it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// Internal id of the person or platform administrator who did it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor_id: Option<UserId>,
    /// External id of the member whose rights were used, where it is not the actor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_behalf_of: Option<String>,
    /// `http`, `chat`, `slack`, `schedule`, `decision`, `compact` or `service`.
    pub channel: String,
    /// An operation such as `memory.put`, or a tool's action.
    pub action: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    /// A policy, a person's decision, or an outcome.
    pub decision: String,
    /// What decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approval_id: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_id: Option<RunId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call_id: Option<String>,
    /// SHA-256 of the arguments' bytes, in hexadecimal digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub args_hash: Option<String>,
    /// What it was done to, such as `deal:D-42`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}
