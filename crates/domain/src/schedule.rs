//! Scheduled tasks: what is asked again and again, and what came of it.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    Cost, RunId, ScheduleId, ScheduleRunId, SessionId, Usage, permission::words, run::RunError, tenant::Role,
};

/// Longest name, in characters.
pub const MAX_NAME: usize = 200;
/// Longest prompt, in bytes.
pub const MAX_PROMPT: usize = 16 * 1024;
/// Tasks of one person, and of one organization, that are active or paused.
pub const MAX_OF_PERSON: i64 = 50;
pub const MAX_OF_ORG: i64 = 1_000;
/// Tasks of one person, those that are over included.
pub const MAX_KEPT: i64 = 500;
/// Slots in a row that failed, after which a task is paused.
pub const MAX_FAILURES: i32 = 8;
/// Results that are kept of one task, and their conversations.
pub const KEPT_RUNS: i64 = 200;

words! {
    /// Where a task stands.
    TaskStatus {
        Active = "active",
        Paused = "paused",
        Cancelled = "cancelled",
        /// It has fired for the last time.
        Completed = "completed",
    }
}

impl TaskStatus {
    /// Whether it fires no more, for good.
    pub fn is_over(self) -> bool {
        matches!(self, TaskStatus::Cancelled | TaskStatus::Completed)
    }
}

words! {
    /// What becomes of slots that passed while nothing could fire.
    CatchUp {
        /// The last of them fires, once.
        One = "one",
        /// None of them fires.
        Skip = "skip",
    }
}

words! {
    /// Why the service has paused a task by itself.
    PausedFor {
        /// It has failed too often.
        Failures = "failures",
        /// Its owner may not schedule any more.
        Rights = "rights",
        /// Its owner is no active member any more.
        Membership = "membership",
        /// The conversation that it goes on in, or where its result goes, is out of its owner's reach.
        Target = "target",
    }
}

words! {
    /// What came of a slot. One that nobody has begun yet is `running` as well.
    TaskRunStatus {
        Running = "running",
        /// It waits for its owner, who was told.
        Waiting = "waiting",
        Done = "done",
        Failed = "failed",
        Cancelled = "cancelled",
    }
}

words! {
    /// How far a result has come that leaves its owner's conversations.
    DeliveryStatus {
        Pending = "pending",
        Sending = "sending",
        Sent = "sent",
        Failed = "failed",
        /// It has been begun, and nobody can know how it ended. It is not repeated.
        Unknown = "unknown",
    }
}

/// What became of a result that leaves its owner's conversations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Delivery {
    pub status: DeliveryStatus,
    /// Why it was not delivered, or not yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Where the result of a task goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum Deliver {
    /// Its owner is notified.
    Notification {},
    /// It is written into a conversation: one's own, or with `access_all_org` a colleague's.
    Session { session_id: SessionId },
    /// It is mailed.
    Email {
        /// A member's address: one's own, which it is when left out, or with `access_all_org` a colleague's.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<String>,
    },
    /// It is said in Slack: to its owner, or in a channel.
    Slack {
        /// One that administrators have listed, with `access_all_org`; a direct message when left out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        channel: Option<String>,
    },
}

impl Default for Deliver {
    fn default() -> Self {
        Deliver::Notification {}
    }
}

/// A task as it is kept.
#[derive(Clone, Debug)]
pub struct Task {
    pub id: ScheduleId,
    pub name: String,
    pub prompt: String,
    /// When it fires: kind, pattern and zone.
    pub schedule: serde_json::Value,
    pub anchor: DateTime<Utc>,
    pub next_run_at: Option<DateTime<Utc>>,
    pub status: TaskStatus,
    pub paused_for: Option<PausedFor>,
    pub catch_up: CatchUp,
    /// None: a new conversation each time.
    pub session: Option<SessionId>,
    pub deliver: Deliver,
    pub role: Role,
    pub untrusted: bool,
    pub failures: i32,
    pub version: i64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// What came of a slot.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TaskRun {
    pub id: ScheduleRunId,
    /// When it was to fire.
    pub slot: DateTime<Utc>,
    /// A person asked for it, outside of the schedule.
    pub manual: bool,
    pub status: TaskRunStatus,
    /// Which try it is, from 1; 0: it has not begun.
    pub attempt: i32,
    /// The run of the last try, and its conversation; null: it has not begun.
    #[schema(required)]
    pub run_id: Option<RunId>,
    #[schema(required)]
    pub session_id: Option<SessionId>,
    pub started_at: Option<DateTime<Utc>>,
    pub finished_at: Option<DateTime<Utc>>,
    /// From the beginning of the last try to its end, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<i64>,
    /// The beginning of the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<RunError>,
    /// Tokens of all tries.
    pub usage: Usage,
    /// US dollars, of all tries. Left out where no price of the model is known.
    #[serde(skip_serializing_if = "Cost::is_unknown")]
    #[schema(value_type = Option<f64>)]
    pub cost: Cost,
    /// Of a result that is mailed, or written into a colleague's conversation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivery: Option<Delivery>,
}
