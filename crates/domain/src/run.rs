//! A run: one turn of the copilot, from the user's message to the answer.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::{
    MessageId, OrgId, RunId, SessionId, Usage, UserId, id::ReplicaId, offered::Routing, sequence::RunStep,
    skill::Source,
};

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

    pub fn parse(text: &str) -> Option<Self> {
        [Mode::Auto, Mode::Single, Mode::Agent].into_iter().find(|mode| mode.as_str() == text)
    }
}

/// How a run is executed, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chosen {
    /// Not `auto`.
    pub mode: Mode,
    /// In words for whoever wonders.
    pub reason: String,
}

/// The right to write for a run until the lease ends. The fence grows with
/// every claim: whoever holds an older one can write nothing more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    pub org: OrgId,
    pub run: RunId,
    pub session: SessionId,
    /// The member whose run it is: of a shared conversation nobody of those who speak there.
    pub user: UserId,
    /// Who asked, and whose rights it has.
    pub author: UserId,
    pub fence: i64,
    pub replica: ReplicaId,
}

/// The skill that a run follows, as it was when the run began.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PinnedSkill {
    pub key: String,
    pub version: i64,
    pub source: Source,
    /// What it works on, as the request named it.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    #[schema(value_type = Object)]
    pub inputs: Map<String, Value>,
    /// The tools that the run may call while it follows the skill; none: all that it is offered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tools: Option<Vec<String>>,
    /// How long the run may work on it at a stretch, in milliseconds; what waits for a person does not count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// Of a sequence: those that its steps follow.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(no_recursion)]
    pub follows: Vec<PinnedSkill>,
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
    /// Why it is this mode; none while the run is queued and the service decides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode_reason: Option<String>,
    /// The skill that was found to fit, and how.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub routing: Option<Routing>,
    /// The skill that the run follows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skill: Option<PinnedSkill>,
    /// The steps of that skill, if it is a sequence that is executed step by step.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<RunStep>,
    /// The model that answered last, as `provider/model`; before anyone has answered, the one that is asked first.
    pub model: String,
    /// Why it is asked; none while the run is queued and the service decides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model_reason: Option<String>,
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
