//! What people think of the copilot's answers: given by them, read by administrators.

use axum::{Json, http::StatusCode};
use chrono::{DateTime, Datelike as _, Utc};
use domain::{
    Error, MessageId,
    feedback::{Feedback, MAX_TEXT, MemberFeedback, Rating},
    visible::visible,
};
use serde::Deserialize;
use store::{
    audit,
    feedback::{self, Filter},
};
use utoipa::{IntoParams, ToSchema};

use crate::{
    caller::{Caller, OrgWide},
    door::unmasked,
    extract::{Body, Path, Query},
    page::{Page, after, limit, page},
    problem::{Problems, Result},
};

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewFeedback {
    rating: Rating,
    /// What was good, or should have been otherwise: 1 to 2,000 characters, or left out.
    #[schema(min_length = 1, max_length = 2000)]
    text: Option<String>,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListFeedback {
    #[param(inline)]
    rating: Option<Rating>,
    /// Only what was given since this time (RFC 3339).
    since: Option<DateTime<Utc>>,
    /// 1 to 100.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<i64>,
    cursor: Option<String>,
}

/// The text as it is stored, without secrets and without space around it.
fn text(caller: &Caller, given: Option<&str>) -> domain::Result<Option<String>> {
    let Some(given) = given else { return Ok(None) };
    unmasked("text", given)?;
    let text = caller.door.redact_hidden(given.trim()).into_owned();
    if visible(&text).trim().is_empty() || text.chars().count() > MAX_TEXT {
        let error = format!("must be 1 to {MAX_TEXT} characters, or left out");
        return Err(Error::field("text", error));
    }
    Ok(Some(text))
}

/// Says whether an answer was of use, in the place of what was said before: of the copilot's messages
/// in the caller's own conversations. Meant are live messages. One that retention has left to the
/// archive alone takes no new feedback; what it has can be replaced. Everybody who may converse may
/// say it, and administrators read it.
#[utoipa::path(put, path = "/v1/messages/{id}/feedback", tag = "feedback", security(("bearer" = [])),
    params(("id" = MessageId, Path)), request_body = NewFeedback, responses((status = 200, body = Feedback), Problems))]
pub async fn put(
    caller: Caller,
    Path(id): Path<MessageId>,
    body: Body<NewFeedback>,
) -> Result<Json<Feedback>> {
    let NewFeedback { rating, text: given } = body.value;
    let text = text(&caller, given.as_deref())?;
    let stored = caller.tx(async |tx| feedback::put(tx, id, rating, text.as_deref()).await).await?;
    Ok(Json(stored))
}

/// What the caller has said of an answer.
#[utoipa::path(get, path = "/v1/messages/{id}/feedback", tag = "feedback", security(("bearer" = [])),
    params(("id" = MessageId, Path)), responses((status = 200, body = Feedback), Problems))]
pub async fn get(caller: Caller, Path(id): Path<MessageId>) -> Result<Json<Feedback>> {
    Ok(Json(caller.tx(async |tx| feedback::find(tx, id).await).await?))
}

/// Takes it back, unless a legal hold keeps the conversation (409 `legal_hold`).
#[utoipa::path(delete, path = "/v1/messages/{id}/feedback", tag = "feedback", security(("bearer" = [])),
    params(("id" = MessageId, Path)), responses((status = 204), Problems))]
pub async fn delete(caller: Caller, Path(id): Path<MessageId>) -> Result<StatusCode> {
    caller.tx(async |tx| feedback::delete(tx, id).await).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What members have said of answers, newest first: owners and administrators. Looking is an entry in
/// the audit trail.
#[utoipa::path(get, path = "/v1/admin/feedback", tag = "feedback", security(("bearer" = [])), params(ListFeedback),
    responses((status = 200, body = Page<MemberFeedback>), Problems))]
pub async fn list(caller: Caller, Query(query): Query<ListFeedback>) -> Result<Json<Page<MemberFeedback>>> {
    let limit = limit(query.limit)?;
    let before: Option<(DateTime<Utc>, MessageId)> = after(query.cursor.as_deref())?;
    // A forged cursor can name a year that Postgres does not know.
    if before.is_some_and(|(at, _)| !(1970..=9999).contains(&at.year())) {
        return Err(Error::field("cursor", "is not a cursor of this list").into());
    }
    let filter = Filter { rating: query.rating, since: query.since, before, limit: limit + 1 };
    let found = caller
        .tx(async |tx| {
            let read = async |tx: &mut store::TenantTx| feedback::list(tx, &filter).await;
            let found = tx.organization_wide(OrgWide::ReadFeedback, read).await?;
            audit::record(tx, &[caller.did("feedback.read")]).await?;
            Ok(found)
        })
        .await?;
    Ok(page(found, limit, |feedback| (feedback.updated_at, feedback.message_id)))
}
