//! Every ruling about a call passes here, into the audit trail: the matrix's, a
//! person's, and what came of it.

use domain::{
    ApprovalId, Result, RunId, UserId,
    audit::{Actor, Channel, Decision},
    permission::Policy,
};
use store::{
    TenantTx,
    audit::{self, Entry},
};

use crate::builtins::Outcome;

/// What was ruled about a call.
#[derive(Clone, Copy, Debug)]
pub struct Ruled<'a> {
    pub decision: Decision,
    pub actor: Actor,
    pub channel: Channel,
    /// What of the matrix decided, if it did.
    pub rule: Option<&'a str>,
    pub action: &'a str,
    pub tool: &'a str,
    pub run: RunId,
    /// Whose run it is.
    pub owner: UserId,
    pub call_id: &'a str,
    pub approval: Option<ApprovalId>,
    /// SHA-256 of the arguments' bytes.
    pub args_hash: [u8; 32],
}

/// Notes rulings, in the transaction that makes them true.
pub async fn note(tx: &mut TenantTx, rulings: &[Ruled<'_>]) -> Result<()> {
    let entries: Vec<Entry<'_>> = rulings.iter().map(entry).collect();
    audit::record(tx, &entries).await
}

fn entry<'a>(ruled: &Ruled<'a>) -> Entry<'a> {
    Entry {
        on_behalf_of: (ruled.actor.id() != Some(ruled.owner)).then_some(ruled.owner),
        channel: ruled.channel,
        tool: Some(ruled.tool),
        decision: ruled.decision,
        rule: ruled.rule,
        approval: ruled.approval.map(|id| id.0),
        run: Some(ruled.run),
        call_id: Some(ruled.call_id),
        args_hash: Some(ruled.args_hash),
        ..Entry::done(ruled.actor, ruled.action)
    }
}

/// The matrix's word.
pub fn of_policy(policy: Policy) -> Decision {
    match policy {
        Policy::Auto => Decision::Auto,
        Policy::Suggest => Decision::Suggest,
        Policy::Approve => Decision::Approve,
        Policy::Disabled => Decision::Disabled,
    }
}

/// What came of a call.
pub fn of_outcome(outcome: &Outcome) -> Decision {
    match outcome {
        Outcome { success: true, .. } => Decision::Executed,
        Outcome { unknown: true, .. } => Decision::Unknown,
        _ => Decision::Failed,
    }
}
