//! What copilots ask their persons: seen and answered.

use axum::Json;
use domain::{
    Error, QuestionId, RunId, SessionId,
    asked::{Asked, QuestionStatus},
    visible::visible,
};
use serde::{Deserialize, Serialize};
use store::{
    asked::{self, Filter},
    sessions,
};
use utoipa::{IntoParams, ToSchema};

use super::approvals::Decided;
use crate::{
    caller::{Caller, OrgWide, Tx},
    door::unmasked,
    extract::{Body, IdempotencyKey, Path, Query},
    idempotent::{Answer, once, request_hash},
    page::{Page, after, limit, page},
    problem::{Problems, Result},
};

/// Characters of an answer, all of its parts together.
const MAX_ANSWER: usize = 4_000;
const MAX_PARTS: usize = 10;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListQuestions {
    #[param(inline)]
    status: Option<QuestionStatus>,
    session_id: Option<SessionId>,
    /// 1 to 100.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<i64>,
    cursor: Option<String>,
}

/// One answer, or several to a question that takes several.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(untagged)]
pub enum AnswerTexts {
    One(String),
    Several(Vec<String>),
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAnswer {
    /// One of the options, or anything else; at most 4,000 characters in all.
    answer: AnswerTexts,
}

/// The caller's questions, newest first.
#[utoipa::path(get, path = "/v1/questions", tag = "questions", security(("bearer" = [])),
    params(ListQuestions), responses((status = 200, body = Page<Asked>), Problems))]
pub async fn list(caller: Caller, Query(query): Query<ListQuestions>) -> Result<Json<Page<Asked>>> {
    let limit = limit(query.limit)?;
    let before: Option<QuestionId> = after(query.cursor.as_deref())?;
    let found = caller
        .tx(async |tx| {
            if let Some(session) = query.session_id {
                sessions::find(tx, session).await?;
            }
            let filter = Filter {
                id: None,
                status: query.status,
                session: query.session_id,
                before,
                limit: limit + 1,
            };
            asked::list(tx, &filter).await
        })
        .await?;
    Ok(page(found, limit, |asked| asked.id))
}

#[utoipa::path(get, path = "/v1/questions/{id}", tag = "questions", security(("bearer" = [])),
    params(("id" = QuestionId, Path)), responses((status = 200, body = Asked), Problems))]
pub async fn get(caller: Caller, Path(id): Path<QuestionId>) -> Result<Json<Asked>> {
    Ok(Json(caller.tx(async |tx| see(tx, id).await).await?))
}

/// Answers, once. The run that waits goes on with it.
#[utoipa::path(post, path = "/v1/questions/{id}", tag = "questions", security(("bearer" = [])),
    params(("id" = QuestionId, Path)), request_body = NewAnswer,
    responses((status = 202, body = Decided), Problems))]
pub async fn answer(
    caller: Caller,
    Path(id): Path<QuestionId>,
    key: IdempotencyKey,
    body: Body<NewAnswer>,
) -> Result<Answer> {
    let hash = request_hash(&format!("POST /v1/questions/{id}"), &body.bytes);
    let several = matches!(body.value.answer, AnswerTexts::Several(_));
    let answer = parts(&caller, body.value.answer)?;
    let answer = once(&caller, key, hash, async |tx| {
        let asked = see(tx, id).await?;
        if several && !asked.multiple {
            return Err(Error::field("answer", "must be one text: the question takes one answer"));
        }
        let run = settle(&caller, tx, &asked, &answer).await?;
        Answer::accepted(format!("/v1/runs/{run}"), &Decided { run_id: run })
    })
    .await?;
    caller.app.engine.wake();
    Ok(answer)
}

/// A question to the caller, of their own conversation or of one that they share with others.
pub(crate) async fn see(tx: &mut Tx, id: QuestionId) -> domain::Result<Asked> {
    match asked::find(tx, id).await {
        Err(Error::NotFound) => tx.what_i_asked_for(async |tx| asked::find(tx, id).await).await,
        found => found,
    }
}

/// Takes the answer as the member to whom the conversation belongs.
pub(crate) async fn settle(
    caller: &Caller,
    tx: &mut Tx,
    asked: &Asked,
    answer: &[String],
) -> domain::Result<RunId> {
    let role = tx.role;
    let take = async |tx: &mut store::TenantTx| caller.app.engine.answer(tx, asked.id, answer, role).await;
    if asked.owner == tx.tenant().user {
        return take(tx).await;
    }
    tx.for_shared((asked.owner, asked.author), OrgWide::AnswerQuestion, take).await
}

/// The parts of an answer as they may be stored.
fn parts(caller: &Caller, given: AnswerTexts) -> domain::Result<Vec<String>> {
    let parts = match given {
        AnswerTexts::One(text) => vec![text],
        AnswerTexts::Several(texts) => texts,
    };
    if parts.is_empty() || parts.len() > MAX_PARTS {
        return Err(Error::field("answer", format!("must be 1 to {MAX_PARTS} texts")));
    }
    if parts.iter().map(|part| part.chars().count()).sum::<usize>() > MAX_ANSWER {
        return Err(Error::field("answer", format!("must be at most {MAX_ANSWER} characters")));
    }
    for part in &parts {
        if visible(part).trim().is_empty() {
            return Err(Error::field("answer", "must not be blank"));
        }
        unmasked("answer", part)?;
    }
    Ok(parts.iter().map(|part| caller.door.redact_hidden(part.trim()).into_owned()).collect())
}
