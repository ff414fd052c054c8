//! The steps of a sequence that a run executes.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{permission::words, run::RunStatus};

words! {
    /// Where a step of a sequence stands.
    StepStatus {
        Pending = "pending",
        Running = "running",
        /// The run waits for a person in it.
        Waiting = "waiting",
        Done = "done",
        Failed = "failed",
        /// A step before it has failed, the run has ended, or it is a fallback of what has not failed.
        Skipped = "skipped",
        Cancelled = "cancelled",
    }
}

impl StepStatus {
    /// It is over, one way or the other.
    pub fn ended(self) -> bool {
        !matches!(self, StepStatus::Pending | StepStatus::Running | StepStatus::Waiting)
    }
}

/// A step as the API shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct RunStep {
    /// Place in the sequence, from 1.
    pub order: i32,
    pub of: i32,
    pub name: String,
    /// The skill that it follows; or `action`, the tool that it calls.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skill_key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// What it was to do has failed, and its fallback skill is followed instead.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub fallback: bool,
    pub status: StepStatus,
    /// From its beginning to its end, the time included in which it waited for a person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<i64>,
    /// Why it failed; of one that goes on, why its last try did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What its input mapping reads and did not find: it was given null.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
}

impl RunStep {
    /// The step when its run ends like this before it does; none if it has ended.
    pub fn broken_off(&self, run: RunStatus) -> Option<Self> {
        let status = match (self.status, run) {
            (StepStatus::Pending, _) => StepStatus::Skipped,
            (status, _) if status.ended() => return None,
            (_, RunStatus::Cancelled) => StepStatus::Cancelled,
            _ => StepStatus::Failed,
        };
        Some(Self { status, ..self.clone() })
    }
}
