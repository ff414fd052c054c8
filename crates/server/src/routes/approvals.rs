//! Calls that wait for a person, or were proposed: seen and decided.

use axum::Json;
use domain::{
    ApprovalId, Error, RunId, SessionId,
    approval::{Approval, ApprovalStatus},
    permission::Decider,
};
use engine::Word;
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use serde_json::{Value, value::RawValue};
use store::{
    approvals::{self, Filter},
    audit, sessions,
};
use utoipa::{IntoParams, ToSchema};

use crate::{
    caller::{Caller, OrgWide, Tx},
    door::{masked, unmasked},
    extract::{Body, IdempotencyKey, Path, Query},
    idempotent::{Answer, once, request_hash},
    page::{Page, after, limit, page},
    problem::{Problem, Problems, Result},
};

const MAX_REASON: usize = 2_000;
const MAX_BATCH: usize = 100;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListApprovals {
    #[param(inline)]
    status: Option<ApprovalStatus>,
    session_id: Option<SessionId>,
    /// 1 to 100.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<i64>,
    cursor: Option<String>,
}

#[derive(Clone, Copy, Deserialize, PartialEq, Eq, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Choice {
    Approve,
    Deny,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewDecision {
    decision: Choice,
    /// Other arguments in the place of the copilot's; they are held to the tool's schema.
    #[serde(default, deserialize_with = "object")]
    #[schema(value_type = Option<Object>)]
    input: Option<Box<RawValue>>,
    /// Told to the copilot; at most 2,000 characters.
    reason: Option<String>,
}

/// The run that goes on; of an accepted proposal the one that carries it out, of a denied one the run that
/// made it.
#[derive(Serialize, ToSchema)]
pub struct Decided {
    pub run_id: RunId,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewBatch {
    /// 1 to 100.
    decisions: Vec<BatchItem>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BatchItem {
    id: ApprovalId,
    decision: Choice,
    /// Other arguments, which are executed in the place of the model's.
    #[serde(default, deserialize_with = "object")]
    #[schema(value_type = Option<Object>)]
    input: Option<Box<RawValue>>,
    reason: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct BatchResults {
    /// In the order of the request.
    results: Vec<BatchResult>,
}

/// What came of one decision of a batch.
#[derive(Serialize, ToSchema)]
pub struct BatchResult {
    id: ApprovalId,
    /// The status that the decision alone would have been answered with.
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    run_id: Option<RunId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<Problem>,
}

/// The caller's approvals, newest first; for owners and administrators also those of
/// others that an administrator decides.
#[utoipa::path(get, path = "/v1/approvals", tag = "approvals", security(("bearer" = [])),
    params(ListApprovals), responses((status = 200, body = Page<Approval>), Problems))]
pub async fn list(caller: Caller, Query(query): Query<ListApprovals>) -> Result<Json<Page<Approval>>> {
    let limit = limit(query.limit)?;
    let before: Option<ApprovalId> = after(query.cursor.as_deref())?;
    let found = caller
        .tx(async |tx| {
            if let Some(session) = query.session_id {
                sessions::find(tx, session).await?;
            }
            let filter = Filter {
                status: query.status,
                session: query.session_id,
                reserved: tx.role.administers(),
                memory: false,
                before,
                limit: limit + 1,
            };
            listed(&caller, tx, &filter).await
        })
        .await?;
    Ok(page(found, limit, |approval| approval.id))
}

/// The caller's own approvals and, with `reserved`, others that an administrator decides:
/// looking at these is noted.
pub(super) async fn listed(caller: &Caller, tx: &mut Tx, filter: &Filter) -> domain::Result<Vec<Approval>> {
    if !filter.reserved {
        return approvals::list(tx, filter).await;
    }
    let found =
        tx.organization_wide(OrgWide::ListApprovals, async |tx| approvals::list(tx, filter).await).await?;
    if found.iter().any(|approval| approval.author != tx.tenant().user) {
        audit::record(tx, &[caller.did("approval.list")]).await?;
    }
    Ok(found)
}

/// One approval, with the arguments as they would be executed.
#[utoipa::path(get, path = "/v1/approvals/{id}", tag = "approvals", security(("bearer" = [])),
    params(("id" = ApprovalId, Path)), responses((status = 200, body = Approval), Problems))]
pub async fn get(caller: Caller, Path(id): Path<ApprovalId>) -> Result<Json<Approval>> {
    let approval = caller.tx(async |tx| {
        let approval = see(tx, id).await?;
        if approval.author != tx.tenant().user {
            audit::record(tx, &[caller.did("approval.see").on(&format!("approval:{id}"))]).await?;
        }
        Ok(approval)
    });
    Ok(Json(approval.await?))
}

/// Decides, once. The run that waits goes on; an accepted proposal is carried out by
/// a run of its own.
#[utoipa::path(post, path = "/v1/approvals/{id}", tag = "approvals", security(("bearer" = [])),
    params(("id" = ApprovalId, Path)), request_body = NewDecision,
    responses((status = 202, body = Decided), Problems))]
pub async fn decide(
    caller: Caller,
    Path(id): Path<ApprovalId>,
    key: IdempotencyKey,
    body: Body<NewDecision>,
) -> Result<Answer> {
    let hash = request_hash(&format!("POST /v1/approvals/{id}"), &body.bytes);
    let NewDecision { decision, input, reason } = body.value;
    let word = word(&caller, decision, input, reason.as_deref())?;
    let answer = once(&caller, key, hash, async |tx| {
        let approval = see(tx, id).await?;
        let run = settle(&caller, tx, &approval, &word).await?;
        Answer::accepted(format!("/v1/runs/{run}"), &Decided { run_id: run })
    })
    .await?;
    caller.app.engine.wake();
    Ok(answer)
}

/// Decides about several, each for itself.
#[utoipa::path(post, path = "/v1/approvals/batch", tag = "approvals", security(("bearer" = [])),
    request_body = NewBatch, responses((status = 200, body = BatchResults), Problems))]
pub async fn batch(caller: Caller, key: IdempotencyKey, body: Body<NewBatch>) -> Result<Answer> {
    let hash = request_hash("POST /v1/approvals/batch", &body.bytes);
    let items = body.value.decisions;
    if items.is_empty() || items.len() > MAX_BATCH {
        return Err(Error::field("decisions", format!("must be 1 to {MAX_BATCH}")).into());
    }
    let words: Vec<(ApprovalId, domain::Result<Word>)> = items
        .into_iter()
        .map(|item| (item.id, word(&caller, item.decision, item.input, item.reason.as_deref())))
        .collect();
    let answer = once(&caller, key, hash, async |tx| {
        let results = decide_all(&caller, tx, words).await?;
        Answer::plain(&BatchResults { results })
    })
    .await?;
    caller.app.engine.wake();
    Ok(answer)
}

/// Sees first, then decides in the order of the runs: two batches that lock the same
/// runs never wait for each other.
async fn decide_all(
    caller: &Caller,
    tx: &mut Tx,
    words: Vec<(ApprovalId, domain::Result<Word>)>,
) -> domain::Result<Vec<BatchResult>> {
    let mut results: Vec<Option<BatchResult>> = Vec::new();
    let mut seen = Vec::new();
    for (place, (id, word)) in words.into_iter().enumerate() {
        results.push(None);
        match (word, see(tx, id).await) {
            (Ok(word), Ok(approval)) => seen.push((place, approval, word)),
            (_, Err(error)) | (Err(error), Ok(_)) => results[place] = Some(refused(id, error)?),
        }
    }
    seen.sort_by_key(|(_, approval, _)| approval.run_id);
    for (place, approval, word) in seen {
        results[place] = Some(match settle(caller, tx, &approval, &word).await {
            Ok(run) => BatchResult { id: approval.id, status: 202, run_id: Some(run), problem: None },
            Err(error) => refused(approval.id, error)?,
        });
    }
    Ok(results.into_iter().flatten().collect())
}

/// An object's own bytes.
fn object<'de, D: Deserializer<'de>>(from: D) -> std::result::Result<Option<Box<RawValue>>, D::Error> {
    let read = Option::<Box<RawValue>>::deserialize(from)?;
    match read {
        Some(raw) if !raw.get().starts_with('{') => Err(D::Error::custom("must be an object")),
        read => Ok(read),
    }
}

/// A refusal that is one item's own; any other ends the batch.
fn refused(id: ApprovalId, error: Error) -> domain::Result<BatchResult> {
    match error {
        Error::NotFound | Error::Invalid { .. } | Error::Conflict { .. } | Error::Forbidden { .. } => {
            let problem = Problem::of(error);
            Ok(BatchResult { id, status: problem.status, run_id: None, problem: Some(problem) })
        }
        error => Err(error),
    }
}

pub(crate) fn word(
    caller: &Caller,
    decision: Choice,
    input: Option<Box<RawValue>>,
    reason: Option<&str>,
) -> domain::Result<Word> {
    if let Some(input) = &input {
        let value: Value = serde_json::from_str(input.get())
            .map_err(|error| Error::field("input", format!("cannot be read: {error}")))?;
        if let Some(problem) = masked("input", &value) {
            return Err(Error::fields(vec![problem]));
        }
    }
    let reason = reason.map(str::trim).filter(|reason| !reason.is_empty());
    if let Some(reason) = reason {
        unmasked("reason", reason)?;
        if reason.chars().count() > MAX_REASON {
            return Err(Error::field("reason", format!("must be at most {MAX_REASON} characters")));
        }
    }
    Ok(Word {
        approve: decision == Choice::Approve,
        input,
        reason: reason.map(|reason| caller.door.redact_hidden(reason).into_owned()),
        by: caller.identity.user,
    })
}

/// The caller's own approval; an administrator also sees those that administrators decide.
pub(crate) async fn see(tx: &mut Tx, id: ApprovalId) -> domain::Result<Approval> {
    match approvals::find(tx, id, false).await {
        Err(Error::NotFound) if tx.role.administers() => {
            tx.organization_wide(OrgWide::SeeApproval, async |tx| approvals::find(tx, id, true).await).await
        }
        Err(Error::NotFound) => tx.what_i_asked_for(async |tx| approvals::find(tx, id, false).await).await,
        found => found,
    }
}

/// Decides as the approval's own person, whose rows they are.
pub(crate) async fn settle(
    caller: &Caller,
    tx: &mut Tx,
    approval: &Approval,
    word: &Word,
) -> domain::Result<RunId> {
    if approval.decider == Decider::Admin && !tx.role.administers() {
        return Err(Error::forbidden("an owner or administrator of the organization decides about this"));
    }
    if word.approve {
        tx.writes()?;
        if approval.action.memory().is_some() {
            caller.remembers()?;
        }
    }
    let role = tx.role;
    let take = async |tx: &mut store::TenantTx| {
        approvals::lock_runs(tx, &[approval.run_id]).await?;
        caller.app.engine.decide(tx, approval, word, role).await
    };
    let me = tx.tenant().user;
    if approval.owner == me {
        return take(tx).await;
    }
    if approval.author == me {
        return tx.for_shared((approval.owner, approval.author), OrgWide::DecideApproval, take).await;
    }
    tx.in_the_name_of(approval.owner, OrgWide::DecideApproval, take).await
}
