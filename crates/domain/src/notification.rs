//! What concerns a person while they look elsewhere.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{NotificationId, RunId, ScheduleId, SessionId, permission::words};

words! {
    NotificationKind {
        /// A scheduled task has a result.
        ScheduleDone = "schedule_done",
        ScheduleFailed = "schedule_failed",
        /// The result of a scheduled task did not come where it was to go.
        ScheduleUndelivered = "schedule_undelivered",
        /// A person in Slack is this member from now on.
        SlackLinked = "slack_linked",
        /// A colleague's scheduled task has written into a conversation of this person's.
        ScheduleReported = "schedule_reported",
        /// The service has paused a scheduled task.
        SchedulePaused = "schedule_paused",
        /// A scheduled task waits for a person: there is an approval to decide, or a question to answer.
        ScheduleWaiting = "schedule_waiting",
        /// Most of a budget is used: the person's, or of those who administer it the organization's.
        BudgetWarning = "budget_warning",
    }
}

/// What it is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct About {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule_id: Option<ScheduleId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_id: Option<RunId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<SessionId>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Notification {
    pub id: NotificationId,
    pub kind: NotificationKind,
    /// A line.
    pub title: String,
    pub text: String,
    pub about: About,
    #[schema(required)]
    pub read_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
}
