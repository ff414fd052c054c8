//! What copilots may do by themselves, and who decides about the rest: the
//! matrix. Organization rows override the preset, a person's rows
//! can only make it stricter, and what nothing lists is `approve`.

mod check;
mod table;

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{MemoryScope, Role};

pub use check::check;

/// Declares an enum whose variants are words of the wire and of the database.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$of:meta])* $variant:ident = $word:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($(#[$of])* $variant),* }

        impl $name {
            pub const ALL: &[$name] = &[$($name::$variant),*];

            pub fn as_str(self) -> &'static str {
                match self { $($name::$variant => $word),* }
            }

            pub fn parse(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|word| word.as_str() == text)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

pub(crate) use words;

words! {
    /// What a call does in the world. Each tool declares the actions that its calls can be.
    Action {
        SendEmail = "send_email",
        /// To one's own conversation or DM; elsewhere it needs `access_all_org` too.
        SendSlack = "send_slack",
        ScheduleTask = "schedule_task",
        ModifyDeals = "modify_deals",
        /// Contacts, companies, meetings.
        ModifyContacts = "modify_contacts",
        /// To-dos, activities, notes.
        ManageTasks = "manage_tasks",
        WriteUserMemory = "write_user_memory",
        WriteEntityMemory = "write_entity_memory",
        WriteOrgMemory = "write_org_memory",
        AccessAllOrg = "access_all_org",
        UseConnector = "use_connector",
        /// A step of a sequence begins that asks for an approval, whatever it does.
        BeginStep = "begin_step",
    }
}

impl Action {
    /// The memory that a call of this action writes, if it writes any.
    pub fn memory(self) -> Option<MemoryScope> {
        match self {
            Action::WriteUserMemory => Some(MemoryScope::User),
            Action::WriteEntityMemory => Some(MemoryScope::Entity),
            Action::WriteOrgMemory => Some(MemoryScope::Org),
            _ => None,
        }
    }
}

words! {
    /// What happens with a call. Ordered: a later one is stricter.
    Policy {
        /// It is performed.
        Auto = "auto",
        /// The run goes on, and a person may accept the proposal later.
        Suggest = "suggest",
        /// The run waits until a person has decided.
        Approve = "approve",
        /// It is not offered, and refused.
        Disabled = "disabled",
    }
}

words! {
    /// Who decides about a call that is not performed by itself. The later is stricter.
    Decider {
        /// The person whose run it is.
        Requester = "requester",
        /// An owner or administrator of the organization.
        Admin = "admin",
    }
}

words! {
    Preset {
        Conservative = "conservative",
        Balanced = "balanced",
        Autonomous = "autonomous",
    }
}

words! {
    /// Whose things a call reaches.
    Reach {
        /// The person's own conversation or the shared record.
        Own = "own",
        /// Another person's conversation, channel or things.
        Elsewhere = "elsewhere",
    }
}

/// A row of the organization: it overrides the preset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OrgRow {
    /// Left out: every role that has no row of its own for the action.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    pub action: Action,
    pub policy: Policy,
    /// Who decides; left out: the requester (about the organization's memory an administrator).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decider: Option<Decider>,
}

/// A row of one person: it counts where it is stricter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UserRow {
    pub action: Action,
    pub policy: Policy,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decider: Option<Decider>,
}

/// What is set for one member: the organization's preset and rows, and the member's own.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Matrix {
    pub preset: Preset,
    pub rows: Vec<OrgRow>,
    pub own: Vec<UserRow>,
}

impl Default for Matrix {
    fn default() -> Self {
        Self { preset: Preset::Balanced, rows: Vec::new(), own: Vec::new() }
    }
}

/// A question to the matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ask {
    pub role: Role,
    pub action: Action,
    pub reach: Reach,
    /// The tool only reads; makes a difference for connectors.
    pub reads: bool,
}

impl Ask {
    /// About a call that writes, in the person's own reach.
    pub fn own(role: Role, action: Action) -> Self {
        Self { role, action, reach: Reach::Own, reads: false }
    }
}

/// What of the matrix gave the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    Preset(Preset),
    OrgRow,
    UserRow,
    /// Members who are `readonly` may only read, whatever a row says.
    Readonly,
    /// The conversation has read what came from outside: it only proposes to memory.
    Untrusted,
    /// The step of the sequence wants a person to approve it first.
    Step,
    /// Others than whoever asks have spoken in the conversation.
    Shared,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Preset(preset) => write!(f, "preset {preset}"),
            Source::OrgRow => f.write_str("organization row"),
            Source::UserRow => f.write_str("user row"),
            Source::Readonly => f.write_str("role readonly"),
            Source::Untrusted => f.write_str("untrusted content"),
            Source::Step => f.write_str("requires_approval of the step"),
            Source::Shared => f.write_str("words of others"),
        }
    }
}

/// The matrix's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ruling {
    pub policy: Policy,
    pub decider: Decider,
    pub source: Source,
}

impl Ruling {
    fn stricter(self, other: Ruling) -> Self {
        let strict = if other.policy > self.policy { other } else { self };
        Self { decider: self.decider.max(other.decider), ..strict }
    }

    /// The same for a conversation that has read what came from outside: what it
    /// would remember by itself becomes a proposal. What is stricter stays.
    #[must_use]
    pub fn of_untrusted(self, action: Action) -> Self {
        if action.memory().is_none() || self.policy != Policy::Auto {
            return self;
        }
        Self { policy: Policy::Suggest, source: Source::Untrusted, ..self }
    }
}

impl Ruling {
    /// The same of a step that wants a person's approval first. What is stricter stays.
    #[must_use]
    pub fn of_step(self) -> Self {
        if self.policy >= Policy::Approve {
            return self;
        }
        Self { policy: Policy::Approve, source: Source::Step, ..self }
    }

    /// The same in a conversation that holds words of others than whoever asks: the copilot reads them with the rights
    /// of that person, who therefore says yes to each thing that would be done by itself. What is stricter stays.
    #[must_use]
    pub fn of_shared(self) -> Self {
        if self.policy != Policy::Auto {
            return self;
        }
        Self { policy: Policy::Approve, source: Source::Shared, ..self }
    }
}

impl Matrix {
    /// What happens with a call. Total: there is an answer to every question.
    pub fn rule(&self, ask: Ask) -> Ruling {
        let ruling = self.within(ask);
        if ask.reach == Reach::Own || !table::needs_access_elsewhere(ask.action) {
            return ruling;
        }
        ruling.stricter(self.within(Ask { action: Action::AccessAllOrg, ..ask }))
    }

    /// Whether runs of this role may do it at all, if need be after a decision.
    pub fn allows(&self, role: Role, action: Action) -> bool {
        self.rule(Ask::own(role, action)).policy != Policy::Disabled
    }

    fn within(&self, ask: Ask) -> Ruling {
        let Ask { role, action, reads, .. } = ask;
        let allowed = role.writes() || (reads && action == Action::UseConnector);
        if !allowed {
            return Ruling {
                policy: Policy::Disabled,
                decider: Decider::Requester,
                source: Source::Readonly,
            };
        }
        let mut ruling = self.of_organization(ask);
        for row in self.own.iter().filter(|row| row.action == action) {
            let decider = row.decider.unwrap_or(Decider::Requester);
            ruling = ruling.stricter(Ruling { policy: row.policy, decider, source: Source::UserRow });
        }
        ruling
    }

    fn of_organization(&self, ask: Ask) -> Ruling {
        let Ask { role, action, .. } = ask;
        let decider = table::decider(action);
        let row =
            |wanted: Option<Role>| self.rows.iter().find(|row| row.action == action && row.role == wanted);
        match row(Some(role)).or_else(|| row(None)) {
            Some(row) => Ruling {
                policy: row.policy.max(table::floor(action)),
                decider: row.decider.unwrap_or(decider).max(decider),
                source: Source::OrgRow,
            },
            None => Ruling {
                policy: table::policy(table::TABLE, self.preset, ask),
                decider,
                source: Source::Preset(self.preset),
            },
        }
    }
}

#[cfg(test)]
mod tests;
