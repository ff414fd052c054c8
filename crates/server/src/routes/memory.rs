//! Memory documents: read, write, revisions, revert. Three scopes, one behaviour.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use domain::{
    EntityKind, EntityRef, Error,
    memory::{MAX_CHARS, MemoryDocument, MemoryRevision},
    visible::visible,
};
use serde::Deserialize;
use store::{
    audit, entities,
    memories::{self, Change, Subject},
};
use utoipa::{IntoParams, ToSchema};

use crate::{
    caller::{Caller, OrgWide, Tx},
    door::unmasked,
    etag::{ETag, IfMatch},
    extract::{Body, IdempotencyKey, Path, Query, TextOr},
    idempotent::{Answer, once, request_hash},
    negotiate::Form,
    page::{Page, after_in, limit, page},
    problem::{Problems, Result},
    routes::entities::look,
};

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewContent {
    /// Markdown, at most 16,000 characters.
    content: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Revert {
    /// The version whose content becomes the newest one.
    version: i64,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListRevisions {
    /// 1 to 100.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<i64>,
    cursor: Option<String>,
}

fn tagged(document: &MemoryDocument, form: Form) -> Result<Response> {
    Ok((ETag(document.version), form.answer(document, || Ok(document.content.clone()))?).into_response())
}

fn entity(kind: &str, id: String) -> domain::Result<Subject> {
    let kind: EntityKind = kind.parse().map_err(|_| Error::NotFound)?;
    Ok(Subject::Entity(EntityRef { kind, id }))
}

/// Memory exists for entities that exist.
async fn known(caller: &Caller, tx: &mut Tx, subject: &Subject) -> domain::Result<()> {
    if let Subject::Entity(entity) = subject {
        look(caller, tx, entity).await?;
    }
    Ok(())
}

/// Who may write: of the organization's memory its administrators, else everybody but readonly.
async fn writable(caller: &Caller, tx: &mut Tx, subject: &Subject) -> domain::Result<()> {
    if let Subject::Entity(entity) = subject {
        tx.as_far_as_allowed(OrgWide::WriteEntities, async |tx| entities::hold(tx, entity).await).await?;
    }
    if *subject == Subject::Org {
        tx.administers()?;
    } else {
        tx.writes()?;
    }
    caller.remembers()
}

/// The document's name, in the audit trail and in cursors of its revisions.
fn target(subject: &Subject) -> String {
    match subject {
        Subject::Org => "memory:org".into(),
        Subject::Me => "memory:user".into(),
        Subject::Entity(entity) => format!("memory:{}:{}", entity.kind, entity.id),
    }
}

/// Writes a new version, with its entry in the audit trail.
async fn store(
    caller: &Caller,
    tx: &mut Tx,
    subject: &Subject,
    content: &str,
    change: Change<'_>,
    seen: IfMatch,
) -> domain::Result<MemoryDocument> {
    let action = if matches!(change, Change::Revert) { "memory.revert" } else { "memory.put" };
    let version = memories::write(tx, subject, content, change, seen.0, None).await?;
    let (target, detail) = (target(subject), format!("version {version}"));
    audit::record(tx, &[caller.did(action).on(&target).saying(&detail)]).await?;
    memories::find(tx, subject).await
}

async fn read(caller: &Caller, subject: Subject, form: Form) -> Result<Response> {
    let document = caller
        .tx(async |tx| {
            known(caller, tx, &subject).await?;
            memories::find(tx, &subject).await
        })
        .await?;
    tagged(&document, form)
}

async fn write(
    caller: &Caller,
    subject: Subject,
    body: TextOr<NewContent>,
    seen: IfMatch,
) -> Result<Response> {
    let content = match body {
        TextOr::Text(text) => text,
        TextOr::Json(new) => new.content,
    };
    unmasked("content", &content)?;
    let content = caller.door.redact(&visible(&content)).into_owned();
    let size = content.chars().count();
    if size > MAX_CHARS {
        let error = format!("has {size} characters, and {MAX_CHARS} is the most");
        return Err(Error::field("content", error).into());
    }
    let document = caller
        .tx(async |tx| {
            writable(caller, tx, &subject).await?;
            store(caller, tx, &subject, &content, Change::Put, seen).await
        })
        .await?;
    tagged(&document, Form::Json)
}

async fn revisions(
    caller: &Caller,
    subject: Subject,
    query: ListRevisions,
) -> Result<Json<Page<MemoryRevision>>> {
    let limit = limit(query.limit)?;
    let list = target(&subject);
    let before: Option<i64> = after_in(&list, query.cursor.as_deref())?;
    let found = caller
        .tx(async |tx| {
            known(caller, tx, &subject).await?;
            memories::revisions(tx, &subject, before, limit + 1).await
        })
        .await?;
    Ok(page(found, limit, |revision| (&list, revision.version)))
}

async fn revert(
    caller: &Caller,
    subject: Subject,
    key: IdempotencyKey,
    seen: IfMatch,
    body: Body<Revert>,
) -> Result<Answer> {
    let hash = request_hash(&format!("POST revert {subject:?} {:?}", seen.0), &body.bytes);
    let answer = once(caller, key, hash, async |tx| {
        writable(caller, tx, &subject).await?;
        let content =
            memories::content_at(tx, &subject, body.value.version).await.map_err(|error| match error {
                Error::NotFound => Error::field("version", "there is no such version"),
                other => other,
            })?;
        let document = store(caller, tx, &subject, &content, Change::Revert, seen).await?;
        Answer::changed(document.version, &document)
    });
    Ok(answer.await?)
}

/// The organization's memory.
#[utoipa::path(get, path = "/v1/memory/org", tag = "memory", security(("bearer" = [])),
    responses((status = 200, content((MemoryDocument = "application/json"), (String = "text/markdown"))), Problems))]
pub async fn get_org(caller: Caller, form: Form) -> Result<Response> {
    read(&caller, Subject::Org, form).await
}

/// Writes the organization's memory: owners and administrators, and no API key.
#[utoipa::path(put, path = "/v1/memory/org", tag = "memory", security(("bearer" = [])),
    request_body(content((NewContent = "application/json"), (String = "text/markdown"))),
    responses((status = 200, body = MemoryDocument), Problems))]
pub async fn put_org(caller: Caller, seen: IfMatch, body: TextOr<NewContent>) -> Result<Response> {
    write(&caller, Subject::Org, body, seen).await
}

/// What the copilot remembers of the caller.
#[utoipa::path(get, path = "/v1/memory/user", tag = "memory", security(("bearer" = [])),
    responses((status = 200, content((MemoryDocument = "application/json"), (String = "text/markdown"))), Problems))]
pub async fn get_user(caller: Caller, form: Form) -> Result<Response> {
    read(&caller, Subject::Me, form).await
}

#[utoipa::path(put, path = "/v1/memory/user", tag = "memory", security(("bearer" = [])),
    request_body(content((NewContent = "application/json"), (String = "text/markdown"))),
    responses((status = 200, body = MemoryDocument), Problems))]
pub async fn put_user(caller: Caller, seen: IfMatch, body: TextOr<NewContent>) -> Result<Response> {
    write(&caller, Subject::Me, body, seen).await
}

/// What the copilot remembers of a deal or contact.
#[utoipa::path(get, path = "/v1/memory/entities/{kind}/{id}", tag = "memory", security(("bearer" = [])),
    params(("kind" = EntityKind, Path), ("id" = String, Path)),
    responses((status = 200, content((MemoryDocument = "application/json"), (String = "text/markdown"))), Problems))]
pub async fn get_entity(
    caller: Caller,
    Path((kind, id)): Path<(String, String)>,
    form: Form,
) -> Result<Response> {
    read(&caller, entity(&kind, id)?, form).await
}

#[utoipa::path(put, path = "/v1/memory/entities/{kind}/{id}", tag = "memory", security(("bearer" = [])),
    params(("kind" = EntityKind, Path), ("id" = String, Path)),
    request_body(content((NewContent = "application/json"), (String = "text/markdown"))),
    responses((status = 200, body = MemoryDocument), Problems))]
pub async fn put_entity(
    caller: Caller,
    Path((kind, id)): Path<(String, String)>,
    seen: IfMatch,
    body: TextOr<NewContent>,
) -> Result<Response> {
    write(&caller, entity(&kind, id)?, body, seen).await
}

/// Versions, newest first.
#[utoipa::path(get, path = "/v1/memory/org/revisions", tag = "memory", security(("bearer" = [])), params(ListRevisions),
    responses((status = 200, body = Page<MemoryRevision>), Problems))]
pub async fn org_revisions(
    caller: Caller,
    Query(query): Query<ListRevisions>,
) -> Result<Json<Page<MemoryRevision>>> {
    revisions(&caller, Subject::Org, query).await
}

/// Versions, newest first.
#[utoipa::path(get, path = "/v1/memory/user/revisions", tag = "memory", security(("bearer" = [])), params(ListRevisions),
    responses((status = 200, body = Page<MemoryRevision>), Problems))]
pub async fn user_revisions(
    caller: Caller,
    Query(query): Query<ListRevisions>,
) -> Result<Json<Page<MemoryRevision>>> {
    revisions(&caller, Subject::Me, query).await
}

/// Versions, newest first.
#[utoipa::path(get, path = "/v1/memory/entities/{kind}/{id}/revisions", tag = "memory", security(("bearer" = [])),
    params(("kind" = EntityKind, Path), ("id" = String, Path), ListRevisions),
    responses((status = 200, body = Page<MemoryRevision>), Problems))]
pub async fn entity_revisions(
    caller: Caller,
    Path((kind, id)): Path<(String, String)>,
    Query(query): Query<ListRevisions>,
) -> Result<Json<Page<MemoryRevision>>> {
    revisions(&caller, entity(&kind, id)?, query).await
}

/// Makes an earlier version the newest one: owners and administrators, and no API key.
#[utoipa::path(post, path = "/v1/memory/org/revert", tag = "memory", security(("bearer" = [])), request_body = Revert,
    responses((status = 200, body = MemoryDocument), Problems))]
pub async fn revert_org(
    caller: Caller,
    key: IdempotencyKey,
    seen: IfMatch,
    body: Body<Revert>,
) -> Result<Answer> {
    revert(&caller, Subject::Org, key, seen, body).await
}

/// Makes an earlier version the newest one; an API key is refused.
#[utoipa::path(post, path = "/v1/memory/user/revert", tag = "memory", security(("bearer" = [])), request_body = Revert,
    responses((status = 200, body = MemoryDocument), Problems))]
pub async fn revert_user(
    caller: Caller,
    key: IdempotencyKey,
    seen: IfMatch,
    body: Body<Revert>,
) -> Result<Answer> {
    revert(&caller, Subject::Me, key, seen, body).await
}

/// Makes an earlier version the newest one; an API key is refused.
#[utoipa::path(post, path = "/v1/memory/entities/{kind}/{id}/revert", tag = "memory", security(("bearer" = [])),
    params(("kind" = EntityKind, Path), ("id" = String, Path)), request_body = Revert,
    responses((status = 200, body = MemoryDocument), Problems))]
pub async fn revert_entity(
    caller: Caller,
    Path((kind, id)): Path<(String, String)>,
    key: IdempotencyKey,
    seen: IfMatch,
    body: Body<Revert>,
) -> Result<Answer> {
    revert(&caller, entity(&kind, id)?, key, seen, body).await
}
