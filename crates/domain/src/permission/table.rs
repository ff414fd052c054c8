//! The presets: what each says of every action.

use super::{
    Action::{
        self, AccessAllOrg, ManageTasks, ModifyContacts, ModifyDeals, ScheduleTask, SendEmail, SendSlack,
        UseConnector, WriteEntityMemory, WriteOrgMemory, WriteUserMemory,
    },
    Ask, Decider,
    Policy::{self, Approve, Auto, Disabled, Suggest},
    Preset,
};

/// What a preset says of an action.
#[derive(Clone, Copy)]
pub(super) enum Cell {
    All(Policy),
    /// Owners and administrators: `auto`. Others: `disabled`.
    AdminsOnly,
    /// Tools that only read; all others.
    Reading(Policy, Policy),
}

use Cell::{AdminsOnly, All, Reading};

/// An action with its cells: conservative, balanced, autonomous.
pub(super) type Row = (Action, [Cell; 3]);

#[rustfmt::skip]
pub(super) const TABLE: &[Row] = &[
    (SendEmail, [All(Approve), All(Approve), All(Approve)]),
    (SendSlack, [All(Approve), All(Auto), All(Auto)]),
    (ScheduleTask, [All(Approve), All(Auto), All(Auto)]),
    (ModifyDeals, [All(Approve), All(Approve), All(Auto)]),
    (ModifyContacts, [All(Approve), All(Suggest), All(Auto)]),
    (ManageTasks, [All(Approve), All(Auto), All(Auto)]),
    (WriteUserMemory, [All(Auto), All(Auto), All(Auto)]),
    (WriteEntityMemory, [All(Auto), All(Auto), All(Auto)]),
    (WriteOrgMemory, [All(Suggest), All(Suggest), All(Suggest)]),
    (AccessAllOrg, [All(Disabled), AdminsOnly, AdminsOnly]),
    (UseConnector, [All(Approve), Reading(Auto, Approve), Reading(Auto, Approve)]),
];

/// The preset's policy.
pub(super) fn policy(table: &[Row], preset: Preset, ask: Ask) -> Policy {
    let Some((_, cells)) = table.iter().find(|(action, _)| *action == ask.action) else { return Approve };
    let cell = match preset {
        Preset::Conservative => cells[0],
        Preset::Balanced => cells[1],
        Preset::Autonomous => cells[2],
    };
    match cell {
        All(policy) => policy,
        AdminsOnly if ask.role.administers() => Auto,
        AdminsOnly => Disabled,
        Reading(reading, _) if ask.reads => reading,
        Reading(_, writing) => writing,
    }
}

/// What reaches another person's things needs `access_all_org` as well.
pub(super) fn needs_access_elsewhere(action: Action) -> bool {
    matches!(action, SendSlack | ScheduleTask)
}

/// The laxest policy that a row can give: the organization's memory is never
/// written but as a proposal.
pub(super) fn floor(action: Action) -> Policy {
    if action == WriteOrgMemory { Suggest } else { Auto }
}

/// Who decides unless a row says otherwise.
pub(super) fn decider(action: Action) -> Decider {
    if action == WriteOrgMemory { Decider::Admin } else { Decider::Requester }
}
