//! Arguments of the built-in tools, read once and typed from there on.

mod cards;
mod changes;

use domain::{ArchiveId, EntityKind, EntityRef, MemoryScope, permission::Action, schedule::TaskStatus};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::{Outgoing, Question, catalogue};
pub use cards::NewCard;
pub use changes::{Change, NewActivity, NewTask};

/// A question to the person.
#[derive(Clone, Debug, Deserialize)]
pub struct Ask {
    pub question: String,
    #[serde(default)]
    pub options: Vec<String>,
    #[serde(default)]
    pub multiple: bool,
}

/// A task that is to be scheduled.
#[derive(Clone, Debug, Deserialize)]
pub struct ScheduledTask {
    pub name: String,
    pub prompt: String,
    /// Kind, pattern and zone.
    pub schedule: Value,
}

/// Where a scheduled task is to go.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ScheduleMove {
    Pause,
    Resume,
    Cancel,
}

/// A call whose arguments are in order.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "tool", content = "args", rename_all = "snake_case")]
pub enum Call {
    MemoryAppend {
        scope: MemoryScope,
        section: String,
        text: String,
        kind: Option<EntityKind>,
        id: Option<String>,
    },
    MemoryReplace {
        scope: MemoryScope,
        old: String,
        new: String,
        kind: Option<EntityKind>,
        id: Option<String>,
    },
    Recall {
        query: String,
        limit: Option<i64>,
        since: Option<String>,
    },
    ReadArchive {
        summary_id: ArchiveId,
        from_seq: Option<i64>,
        to_seq: Option<i64>,
    },
    GetEntity {
        kind: EntityKind,
        id: String,
        #[serde(default)]
        part: Option<usize>,
    },
    UpdateEntity {
        kind: EntityKind,
        id: String,
        changes: Map<String, Value>,
    },
    AddNote {
        kind: EntityKind,
        id: String,
        text: String,
    },
    ScheduleTask(ScheduledTask),
    ListSchedules {
        status: Option<TaskStatus>,
    },
    ChangeSchedule {
        id: String,
        to: ScheduleMove,
    },
    GetSkill {
        key: String,
        document: Option<String>,
    },
    ListSkills {
        query: Option<String>,
        category: Option<String>,
    },
    /// The result of a step of a sequence.
    SubmitOutput {
        output: Map<String, Value>,
    },
    /// A person has let a step of a sequence begin.
    BeginStep {
        order: u32,
        of: u32,
        name: String,
    },
    AskUser(Ask),
    ShowCard(NewCard),
    /// A card as well: nothing is sent.
    DraftEmail {
        to: String,
        subject: String,
        body: String,
    },
    #[serde(skip)]
    Change(Change),
    /// A question about the sales record.
    #[serde(skip)]
    Ask(Question),
    /// A call that leaves the service.
    #[serde(skip)]
    Outside(Outgoing),
}

impl Call {
    pub(crate) fn read(tool: &str, args: &Value) -> Result<Self, serde_json::Error> {
        if catalogue::is_question(tool) {
            return Question::read(tool, args).map(Call::Ask);
        }
        let call = json!({ "tool": tool, "args": args });
        if Change::TOOLS.contains(&tool) {
            return Change::deserialize(call).map(Call::Change);
        }
        Self::deserialize(call)
    }

    /// What the call does in the world; none if it only reads.
    pub fn action(&self) -> Option<Action> {
        match self {
            Call::MemoryAppend { scope, .. } | Call::MemoryReplace { scope, .. } => Some(match scope {
                MemoryScope::User => Action::WriteUserMemory,
                MemoryScope::Entity => Action::WriteEntityMemory,
                MemoryScope::Org => Action::WriteOrgMemory,
            }),
            Call::UpdateEntity { kind, .. } => Some(changes::on(*kind)),
            Call::Change(change) => Some(change.action()),
            Call::AddNote { .. } => Some(Action::ManageTasks),
            Call::Outside(outgoing) => outgoing.action,
            Call::BeginStep { .. } => Some(Action::BeginStep),
            Call::ScheduleTask(_) | Call::ChangeSchedule { .. } => Some(Action::ScheduleTask),
            Call::Recall { .. }
            | Call::ReadArchive { .. }
            | Call::GetEntity { .. }
            | Call::ListSchedules { .. }
            | Call::GetSkill { .. }
            | Call::ListSkills { .. }
            | Call::SubmitOutput { .. }
            | Call::AskUser(_)
            | Call::ShowCard(_)
            | Call::DraftEmail { .. }
            | Call::Ask(_) => None,
        }
    }

    /// The entity that the call names beside its scope, if it names one.
    pub fn named_entity(kind: Option<EntityKind>, id: Option<String>) -> Option<EntityRef> {
        kind.zip(id).map(|(kind, id)| EntityRef { kind, id })
    }
}
