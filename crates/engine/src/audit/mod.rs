//! The audit trail: what the copilot's calls leave in it, and its seals.
//! docs/audit.md says what a seal proves, and what it cannot.

mod job;
mod trail;
mod verify;

use domain::{
    Result,
    audit::{Actor, Channel, Decision},
};
use store::{
    RunTx,
    audit::{self, Entry},
};
use uuid::Uuid;

pub use job::{Sealing, seal, seal_organization};
pub use trail::SealKeys;
pub use verify::{Anchor, Broken, Report, verify};

/// What was decided about a tool call of a run, or what came of it.
#[derive(Clone, Debug)]
pub struct ToolCallEntry<'a> {
    pub call_id: &'a str,
    pub tool: &'a str,
    /// The action that the tool declares.
    pub action: &'a str,
    pub decision: Decision,
    /// Which preset or row of the matrix decided.
    pub rule: Option<&'a str>,
    pub approval: Option<Uuid>,
    /// SHA-256 of the arguments' bytes.
    pub args_hash: [u8; 32],
    /// What the call is about, such as `deal:D-42`.
    pub target: Option<&'a str>,
}

/// Records calls of a run in the transaction in which they are decided or done: the
/// copilot did it, on behalf of the person whose run it is. `channel` is the run's
/// trigger.
pub async fn record_calls(tx: &mut RunTx, channel: Channel, calls: &[ToolCallEntry<'_>]) -> Result<()> {
    let lease = *tx.lease();
    let entries: Vec<Entry<'_>> = calls
        .iter()
        .map(|call| Entry {
            actor: Actor::Copilot,
            on_behalf_of: Some(lease.user),
            channel,
            action: call.action,
            tool: Some(call.tool),
            decision: call.decision,
            rule: call.rule,
            approval: call.approval,
            run: Some(lease.run),
            call_id: Some(call.call_id),
            args_hash: Some(call.args_hash),
            target: call.target,
            detail: None,
        })
        .collect();
    audit::record(tx.tenant(), &entries).await
}
