//! What copilots want to remember and may not by themselves: seen and decided. Each is
//! an approval, and is decided once, here or there.

use axum::Json;
use domain::{
    ApprovalId, Error,
    approval::{Approval, ApprovalStatus},
    proposal::Proposal,
};
use engine::Engine;
use serde::Deserialize;
use store::approvals::Filter;
use utoipa::{IntoParams, ToSchema};

use super::approvals::{Choice, Decided, listed, see, settle, word};
use crate::{
    caller::{Caller, Tx},
    door::unmasked,
    extract::{Body, IdempotencyKey, Path, Query},
    idempotent::{Answer, once, request_hash},
    page::{Page, after, limit, page},
    problem::{Problems, Result},
};

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListProposals {
    #[param(inline)]
    status: Option<ApprovalStatus>,
    /// 1 to 100.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<i64>,
    cursor: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewProposalDecision {
    decision: Choice,
    /// Other words in the place of the copilot's: the line that is added, or the passage that comes in.
    text: Option<String>,
    /// Told to the copilot; at most 2,000 characters.
    reason: Option<String>,
}

/// What the caller's copilots want to remember, newest first; for owners and administrators
/// also what they decide about for others: all that would be written into the organization's memory.
#[utoipa::path(get, path = "/v1/memory/proposals", tag = "proposals", security(("bearer" = [])),
    params(ListProposals), responses((status = 200, body = Page<Proposal>), Problems))]
pub async fn list(caller: Caller, Query(query): Query<ListProposals>) -> Result<Json<Page<Proposal>>> {
    let limit = limit(query.limit)?;
    let before: Option<ApprovalId> = after(query.cursor.as_deref())?;
    let found = caller
        .tx(async |tx| {
            let reserved = tx.role.administers();
            let status = query.status;
            let filter = Filter { status, session: None, reserved, memory: true, before, limit: limit + 1 };
            let mut proposals = Vec::new();
            for approval in listed(&caller, tx, &filter).await? {
                proposals.extend(caller.app.engine.proposal(tx, approval).await?);
            }
            Ok(proposals)
        })
        .await?;
    Ok(page(found, limit, |proposal| proposal.id))
}

/// Decides, once. What is accepted is written into the document as it stands then, by a
/// run of its own; what does not fit it any more is refused, and can still be changed or denied.
/// People accept: an API key may deny, and see.
#[utoipa::path(post, path = "/v1/memory/proposals/{id}", tag = "proposals", security(("bearer" = [])),
    params(("id" = ApprovalId, Path)), request_body = NewProposalDecision,
    responses((status = 202, body = Decided), Problems))]
pub async fn decide(
    caller: Caller,
    Path(id): Path<ApprovalId>,
    key: IdempotencyKey,
    body: Body<NewProposalDecision>,
) -> Result<Answer> {
    let hash = request_hash(&format!("POST /v1/memory/proposals/{id}"), &body.bytes);
    let NewProposalDecision { decision, text, reason } = body.value;
    if let Some(text) = &text {
        unmasked("text", text)?;
        if decision == Choice::Deny {
            return Err(Error::field("text", "belongs to an approval, not to a denial").into());
        }
    }
    let mut word = word(&caller, decision, None, reason.as_deref())?;
    let answer = once(&caller, key, hash, async |tx| {
        let approval = proposed(tx, id).await?;
        word.input = text.map(|text| Engine::reworded(&caller.door, &approval, &text)).transpose()?;
        let run = settle(&caller, tx, &approval, &word).await?;
        Answer::accepted(format!("/v1/runs/{run}"), &Decided { run_id: run })
    })
    .await?;
    caller.app.engine.wake();
    Ok(answer)
}

/// An approval that would write memory: no other is a proposal.
async fn proposed(tx: &mut Tx, id: ApprovalId) -> domain::Result<Approval> {
    let approval = see(tx, id).await?;
    if approval.action.memory().is_some() { Ok(approval) } else { Err(Error::NotFound) }
}
