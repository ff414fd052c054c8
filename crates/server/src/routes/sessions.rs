//! Conversations.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use chrono::{DateTime, Datelike, Utc};
use domain::{EntityKind, EntityRef, Error, SessionId, run::Mode, session::Session};
use serde::Deserialize;
use store::{
    TenantTx, entities,
    sessions::{self, Changes, Filter, NewSession},
};
use utoipa::{IntoParams, ToSchema};

use super::messages::known_model;
use crate::{
    caller::{Caller, Tx},
    door::secret_in,
    etag::{ETag, IfMatch},
    extract::{Body, IdempotencyKey, MaybeBody, Path, Query, given},
    idempotent::{Answer, once, request_hash},
    page::{Page, after, limit, page},
    problem::{Problems, Result},
};

const MAX_TITLE: usize = 200;
const MAX_KEY: usize = 200;

#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateSession {
    title: Option<String>,
    /// The deal or contact that the conversation is about.
    entity: Option<EntityRef>,
    /// `provider/model`; what the routes of `GET /v1/models` say when left out.
    model: Option<String>,
    mode: Option<Mode>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateSession {
    /// Null gives the title back to the service.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    title: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    model: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Mode>)]
    mode: Option<Option<Mode>>,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListSessions {
    /// Part of the title or of the last message.
    q: Option<String>,
    entity_kind: Option<EntityKind>,
    entity_id: Option<String>,
    /// 1 to 100.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<i64>,
    cursor: Option<String>,
}

fn title(given: Option<&str>) -> domain::Result<Option<&str>> {
    match given.map(str::trim) {
        Some(title) if title.chars().count() > MAX_TITLE => {
            Err(Error::field("title", format!("must be at most {MAX_TITLE} characters")))
        }
        other => Ok(other.filter(|title| !title.is_empty())),
    }
}

/// The session with its `ETag`.
fn tagged(status: StatusCode, session: Session) -> Response {
    (status, ETag(session.version), Json(session)).into_response()
}

async fn insert(
    tx: &mut Tx,
    caller: &Caller,
    new: &CreateSession,
    key: Option<&str>,
) -> domain::Result<(Session, bool)> {
    known_model(caller, tx, new.model.as_deref()).await?;
    if let Some(entity) = &new.entity {
        entities::find(tx, entity.kind, &entity.id).await.map_err(|error| match error {
            Error::NotFound => Error::field("entity", format!("there is no {} {:?}", entity.kind, entity.id)),
            other => other,
        })?;
    }
    let title = title(new.title.as_deref())?.map(|title| caller.door.redact_hidden(title).into_owned());
    let session = NewSession {
        client_key: key,
        title: title.as_deref(),
        entity: new.entity.as_ref(),
        model: new.model.as_deref(),
        mode: new.mode,
    };
    let (id, is_new) = match sessions::create(tx, SessionId::new(), &session).await? {
        Some(id) => (id, true),
        None => (sessions::find_by_key(tx, key.unwrap_or_default()).await?, false),
    };
    Ok((sessions::find(tx, id).await?, is_new))
}

/// Starts a conversation.
#[utoipa::path(post, path = "/v1/sessions", tag = "sessions", security(("bearer" = [])), request_body = CreateSession,
    responses((status = 201, body = Session), Problems))]
pub async fn create(caller: Caller, key: IdempotencyKey, body: Body<CreateSession>) -> Result<Answer> {
    let hash = request_hash("POST /v1/sessions", &body.bytes);
    let answer = once(&caller, key, hash, async |tx| {
        let (session, _) = insert(tx, &caller, &body.value, None).await?;
        Ok(Answer::created(format!("/v1/sessions/{}", session.id), &session)?.at_version(session.version))
    });
    Ok(answer.await?)
}

/// Gets or creates the caller's conversation of this name, such as `main` or `deal:D-42`.
#[utoipa::path(put, path = "/v1/sessions/by-key/{key}", tag = "sessions", security(("bearer" = [])),
    params(("key" = String, Path, description = "The client's own name for the conversation")),
    request_body = Option<CreateSession>, responses((status = 200, body = Session), (status = 201, body = Session), Problems))]
pub async fn by_key(
    caller: Caller,
    Path(key): Path<String>,
    body: MaybeBody<CreateSession>,
) -> Result<Response> {
    if key.chars().count() > MAX_KEY || key.chars().any(char::is_control) {
        return Err(Error::field(
            "key",
            format!("must be at most {MAX_KEY} characters, none of them a control"),
        )
        .into());
    }
    if let Some(problem) = secret_in(&caller.door, "key", &key) {
        return Err(Error::fields(vec![problem]).into());
    }
    let new = body.0.map(|body| body.value).unwrap_or_default();
    let (session, is_new) = caller
        .tx(async |tx| match sessions::find_by_key(tx, &key).await {
            Ok(id) => Ok((sessions::find(tx, id).await?, false)),
            Err(Error::NotFound) => insert(tx, &caller, &new, Some(&key)).await,
            Err(error) => Err(error),
        })
        .await?;
    Ok(tagged(if is_new { StatusCode::CREATED } else { StatusCode::OK }, session))
}

/// The caller's conversations, newest activity first.
#[utoipa::path(get, path = "/v1/sessions", tag = "sessions", security(("bearer" = [])), params(ListSessions),
    responses((status = 200, body = Page<Session>), Problems))]
pub async fn list(caller: Caller, Query(query): Query<ListSessions>) -> Result<Json<Page<Session>>> {
    let limit = limit(query.limit)?;
    let before: Option<(DateTime<Utc>, SessionId)> = after(query.cursor.as_deref())?;
    // A forged cursor can name a year that Postgres does not know.
    if before.is_some_and(|(at, _)| !(1970..=9999).contains(&at.year())) {
        return Err(Error::field("cursor", "is not a cursor of this list").into());
    }
    let filter = Filter {
        text: query.q.as_deref().filter(|q| !q.is_empty()),
        entity_kind: query.entity_kind,
        entity_id: query.entity_id.as_deref(),
        before,
        limit: limit + 1,
    };
    let found = caller.tx(async |tx| sessions::list(tx, &filter).await).await?;
    Ok(page(found, limit, |session| (session.last_message_at.unwrap_or(session.created_at), session.id)))
}

/// One of the caller's conversations, or one in Slack in which they take part.
#[utoipa::path(get, path = "/v1/sessions/{id}", tag = "sessions", security(("bearer" = [])),
    params(("id" = SessionId, Path)), responses((status = 200, body = Session), Problems))]
pub async fn get(caller: Caller, Path(id): Path<SessionId>) -> Result<Response> {
    let find = async |tx: &mut TenantTx| sessions::find(tx, id).await;
    let session = caller.tx(async |tx| tx.in_conversation(id, find).await).await?;
    Ok(tagged(StatusCode::OK, session))
}

#[utoipa::path(patch, path = "/v1/sessions/{id}", tag = "sessions", security(("bearer" = [])),
    params(("id" = SessionId, Path)), request_body = UpdateSession, responses((status = 200, body = Session), Problems))]
pub async fn update(
    caller: Caller,
    Path(id): Path<SessionId>,
    if_match: IfMatch,
    body: Body<UpdateSession>,
) -> Result<Response> {
    let body = body.value;
    let new_title = match &body.title {
        Some(given) => {
            Some(title(given.as_deref())?.map(|title| caller.door.redact_hidden(title).into_owned()))
        }
        None => None,
    };
    let changes = Changes {
        title: new_title.as_ref().map(Option::as_deref),
        model: body.model.as_ref().map(Option::as_deref),
        mode: body.mode,
    };
    let session = caller
        .tx(async |tx| {
            if let Some(model) = &body.model {
                known_model(&caller, tx, model.as_deref()).await?;
            }
            sessions::update(tx, id, &changes, if_match.0).await?;
            sessions::find(tx, id).await
        })
        .await?;
    Ok(tagged(StatusCode::OK, session))
}

/// Deletes a conversation with everything that was said in it. One under legal hold is
/// not deleted: 409 `legal_hold`.
#[utoipa::path(delete, path = "/v1/sessions/{id}", tag = "sessions", security(("bearer" = [])),
    params(("id" = SessionId, Path)), responses((status = 204), Problems))]
pub async fn delete(caller: Caller, Path(id): Path<SessionId>, if_match: IfMatch) -> Result<StatusCode> {
    let runs = caller.tx(async |tx| sessions::delete(tx, id, if_match.0).await).await?;
    // They could write nothing more; this spares the model's answer.
    for run in runs {
        caller.app.engine.cancel(run);
    }
    Ok(StatusCode::NO_CONTENT)
}
