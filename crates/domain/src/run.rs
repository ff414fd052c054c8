//! A run: one turn of the copilot, from the user's message to the answer.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{MessageId, OrgId, RunId, SessionId, Usage, UserId, id::ReplicaId};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum RunStatus {
    Queued,
    Running,
    Waiting,
    Done,
    Failed,
    Cancelled,
}

impl RunStatus {
    const ALL: [RunStatus; 6] = [
        RunStatus::Queued,
        RunStatus::Running,
        RunStatus::Waiting,
        RunStatus::Done,
        RunStatus::Failed,
        RunStatus::Cancelled,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            RunStatus::Queued => "queued",
            RunStatus::Running => "running",
            RunStatus::Waiting => "waiting",
            RunStatus::Done => "done",
            RunStatus::Failed => "failed",
            RunStatus::Cancelled => "cancelled",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }

    /// No event follows any more.
    pub fn ended(self) -> bool {
        matches!(self, RunStatus::Done | RunStatus::Failed | RunStatus::Cancelled)
    }
}

/// How a turn is executed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// The service decides.
    #[default]
    Auto,
    /// One model call with tools; if it calls them, one last call without.
    Single,
    /// The tool-calling loop.
    Agent,
}

impl Mode {
    pub fn as_str(self) -> &'static str {
        match self {
            Mode::Auto => "auto",
            Mode::Single => "single",
            Mode::Agent => "agent",
        }
    }

    /// What `auto` comes to: the loop, which may end after one call.
    #[must_use]
    pub fn resolved(self) -> Self {
        if self == Mode::Auto { Mode::Agent } else { self }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Mode::Auto, Mode::Single, Mode::Agent].into_iter().find(|mode| mode.as_str() == text)
    }
}

/// The right to write for a run until the lease ends. The fence grows with
/// every claim: whoever holds an older one can write nothing more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    pub org: OrgId,
    pub run: RunId,
    pub session: SessionId,
    /// The person whose run it is, and whose rights it has.
    pub user: UserId,
    pub fence: i64,
    pub replica: ReplicaId,
}

/// Why a run failed, in words for the person who waits for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct RunError {
    pub code: String,
    pub message: String,
}

/// A run as the API shows it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Run {
    pub id: RunId,
    pub session_id: SessionId,
    /// The user's message that it answers.
    pub message_id: MessageId,
    pub status: RunStatus,
    pub trigger: String,
    pub mode: Mode,
    /// The model that was asked, as `provider/model`.
    pub model: String,
    /// Model calls so far.
    pub iterations: i32,
    pub usage: Usage,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<RunError>,
    pub created_at: DateTime<Utc>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<DateTime<Utc>>,
}
