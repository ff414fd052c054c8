//! Arguments of the tools that answer questions about the sales record.

use domain::EntityKind;
use serde::Deserialize;
use serde_json::{Value, json};

/// A question about the sales record. What is left out means what the tool's schema says.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(tag = "tool", content = "args", rename_all = "snake_case")]
pub enum Question {
    FindEntities {
        query: String,
        kind: Option<EntityKind>,
        #[serde(flatten)]
        part: Part,
    },
    ResolveEntity {
        name: String,
        hint: Option<String>,
    },
    GetDeal(Which),
    GetContact(Which),
    GetCompanyStatus(Which),
    GetDealActivities {
        #[serde(flatten)]
        which: Which,
        #[serde(flatten)]
        part: Part,
    },
    GetPipelineSummary(Span),
    GetPipelineDeals {
        filter: Option<DealFilter>,
        days: Option<u16>,
        #[serde(flatten)]
        span: Span,
        #[serde(flatten)]
        part: Part,
    },
    GetContactsNeedingAttention {
        days_since_contact: Option<u16>,
        #[serde(flatten)]
        part: Part,
    },
    GetMeetings {
        deal_id: Option<String>,
        contact_id: Option<String>,
        #[serde(flatten)]
        part: Part,
    },
    GetNextMeeting {},
    GetMeetingsForPeriod {
        period: String,
        timezone: Option<String>,
        whose: Option<Whose>,
        #[serde(flatten)]
        part: Part,
    },
    SearchMeetingContext {
        query: String,
        deal_id: Option<String>,
        #[serde(flatten)]
        part: Part,
    },
    ListTasks {
        status: Option<TaskStatus>,
        filter: Option<TaskFilter>,
        deal_id: Option<String>,
        due_before: Option<String>,
        /// `me`, `anyone`, or a member's id.
        assignee: Option<String>,
        #[serde(flatten)]
        part: Part,
    },
    SearchEmails {
        query: String,
        contact_id: Option<String>,
        deal_id: Option<String>,
        #[serde(flatten)]
        part: Part,
    },
}

/// One entity: by its id, or by a name that is resolved first.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct Which {
    pub id: Option<String>,
    pub name: Option<String>,
}

/// Of a long answer: how many lines, and which page of them from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
pub struct Part {
    pub limit: Option<u16>,
    pub page: Option<u16>,
}

/// A time that a question is about, and in which zone.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct Span {
    pub period: Option<String>,
    pub timezone: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DealFilter {
    ClosingSoon,
    AtRisk,
    Stale,
    NeedsAttention,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Whose {
    All,
    Mine,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskStatus {
    /// Neither done nor cancelled.
    Open,
    InProgress,
    Done,
    Cancelled,
}

impl TaskStatus {
    /// The word in the field `status`.
    pub fn as_str(self) -> &'static str {
        match self {
            TaskStatus::Open => "open",
            TaskStatus::InProgress => "in_progress",
            TaskStatus::Done => "done",
            TaskStatus::Cancelled => "cancelled",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskFilter {
    Overdue,
    Today,
    ThisWeek,
    NoDate,
    HighPriority,
}

impl Question {
    pub(crate) fn read(tool: &str, args: &Value) -> Result<Self, serde_json::Error> {
        Self::deserialize(json!({ "tool": tool, "args": args }))
    }
}
