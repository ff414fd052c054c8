//! Arguments of the tools that write the sales record.

use domain::{EntityKind, permission::Action};
use serde::Deserialize;
use serde_json::{Map, Value};

/// Something new on the record, or a to-do that is done.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "tool", content = "args", rename_all = "snake_case")]
pub enum Change {
    CreateEntity {
        kind: EntityKind,
        /// Left out: one is made.
        id: Option<String>,
        name: String,
        #[serde(default)]
        fields: Map<String, Value>,
    },
    CreateTask(NewTask),
    CompleteTask {
        id: String,
    },
    CreateActivity(NewActivity),
}

/// A to-do as the model asks for it.
#[derive(Clone, Debug, Deserialize)]
pub struct NewTask {
    pub title: String,
    pub description: Option<String>,
    /// `2026-11-22`.
    pub due_date: Option<String>,
    pub priority: Option<String>,
    /// Left out: the deal of the conversation, if it has one.
    pub deal_id: Option<String>,
    pub contact_id: Option<String>,
    /// External id of a member. Left out: the person.
    pub assignee: Option<String>,
}

/// Something that happened, as the model tells of it.
#[derive(Clone, Debug, Deserialize)]
pub struct NewActivity {
    #[serde(rename = "type")]
    pub kind: String,
    pub details: String,
    /// A date or a time. Left out: now.
    pub date: Option<String>,
    pub deal_id: Option<String>,
    pub contact_id: Option<String>,
}

impl Change {
    pub(super) const TOOLS: [&str; 4] = ["create_entity", "create_task", "complete_task", "create_activity"];

    pub fn action(&self) -> Action {
        match self {
            Change::CreateEntity { kind, .. } => on(*kind),
            Change::CreateTask(_) | Change::CompleteTask { .. } | Change::CreateActivity(_) => {
                Action::ManageTasks
            }
        }
    }
}

/// What it is in the matrix to write an entity of this kind.
pub(super) fn on(kind: EntityKind) -> Action {
    match kind {
        EntityKind::Deal => Action::ModifyDeals,
        EntityKind::Contact | EntityKind::Company | EntityKind::Meeting => Action::ModifyContacts,
        EntityKind::Task | EntityKind::Activity | EntityKind::Email => Action::ManageTasks,
    }
}
