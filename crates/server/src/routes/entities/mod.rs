//! The sales record.

mod batch;
mod content;
mod incoming;
mod lines;
mod list;
mod notes;
mod sight;

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use domain::{EntityKind, EntityRef, Error, entity::Entity};
use store::{
    audit,
    entities::{self, Origin, Written},
};

use crate::{
    caller::{Caller, OrgWide, Tx},
    etag::{ETag, IfMatch},
    extract::{Body, IdempotencyKey, Path},
    idempotent::{Answer, once, request_hash},
    problem::{Problems, Result},
    routes::url_segment,
};
use content::{Content, Create, Update, Writer, check, new, owned, refuse_masks};

pub use batch::{__path_batch, batch};
pub use lines::reasons;
pub use list::{__path_list, list};
pub use notes::{__path_add_note, __path_notes, add_note, notes};
pub use sight::look;

fn tagged(status: StatusCode, entity: Entity) -> Response {
    (status, ETag(entity.version), Json(entity)).into_response()
}

/// An id in a path; an unknown kind names nothing.
fn reference(kind: &str, id: String) -> domain::Result<EntityRef> {
    Ok(EntityRef { kind: kind.parse().map_err(|_| Error::NotFound)?, id })
}

/// The entity that two parameters name together, if they name one.
pub(super) fn named(kind: Option<EntityKind>, id: Option<String>) -> domain::Result<Option<EntityRef>> {
    match (kind, id) {
        (Some(kind), Some(id)) => Ok(Some(EntityRef { kind, id })),
        (None, None) => Ok(None),
        (Some(_), None) => Err(Error::field("entity_id", "is required with entity_kind")),
        (None, Some(_)) => Err(Error::field("entity_kind", "is required with entity_id")),
    }
}

/// Whose words the caller's writes are.
fn origin(caller: &Caller) -> Origin {
    if caller.is_program() { Origin::Integration } else { Origin::Person }
}

/// The same of a change of some fields: a person's leaves an integration's texts what they are.
fn kept(caller: &Caller) -> Origin {
    if caller.is_program() { Origin::Integration } else { Origin::Kept }
}

async fn writer(caller: &Caller, tx: &mut Tx) -> domain::Result<Writer> {
    Ok(Writer { user: caller.identity.user, sees_all: tx.sees_all().await? })
}

/// The write's entry in the audit trail.
async fn record(caller: &Caller, tx: &mut Tx, action: &str, entity: &EntityRef) -> domain::Result<()> {
    let target = format!("{}:{}", entity.kind, entity.id);
    audit::record(tx, &[caller.did(action).on(&target)]).await
}

/// Creates an entity; its id must be free.
#[utoipa::path(post, path = "/v1/entities", tag = "entities", security(("bearer" = [])), request_body = Create,
    responses((status = 201, body = Entity), Problems))]
pub async fn create(caller: Caller, key: IdempotencyKey, body: Body<Create>) -> Result<Answer> {
    let hash = request_hash("POST /v1/entities", &body.bytes);
    refuse_masks(&body.bytes)?;
    let Create { kind, id, mut content } = body.value;
    let entity = EntityRef { kind, id };
    check(&caller.door, &entity, &mut content)?;
    let answer = once(&caller, key, hash, async |tx| {
        tx.writes()?;
        let writer = writer(&caller, tx).await?;
        owned(writer, &content)?;
        let made = tx.within(writer.sees_all, OrgWide::WriteEntities, async |tx| {
            entities::create(tx, new(&entity, &content), origin(&caller)).await?;
            entities::find(tx, entity.kind, &entity.id).await
        });
        let created = made.await?;
        record(&caller, tx, "entity.create", &entity).await?;
        let location = format!("/v1/entities/{kind}/{}", url_segment(&entity.id));
        Ok(Answer::created(location, &created)?.at_version(created.version))
    });
    Ok(answer.await?)
}

#[utoipa::path(get, path = "/v1/entities/{kind}/{id}", tag = "entities", security(("bearer" = [])),
    params(("kind" = EntityKind, Path), ("id" = String, Path)), responses((status = 200, body = Entity), Problems))]
pub async fn get(caller: Caller, Path((kind, id)): Path<(String, String)>) -> Result<Response> {
    let entity = reference(&kind, id)?;
    let found = caller.tx(async |tx| look(&caller, tx, &entity).await).await?;
    Ok(tagged(StatusCode::OK, found))
}

/// Writes the whole entity, whether or not it exists.
#[utoipa::path(put, path = "/v1/entities/{kind}/{id}", tag = "entities", security(("bearer" = [])),
    params(("kind" = EntityKind, Path), ("id" = String, Path)), request_body = Content,
    responses((status = 200, body = Entity), (status = 201, body = Entity), Problems))]
pub async fn put(
    caller: Caller,
    Path((kind, id)): Path<(String, String)>,
    seen: IfMatch,
    body: Body<Content>,
) -> Result<Response> {
    let entity = reference(&kind, id)?;
    refuse_masks(&body.bytes)?;
    let mut content = body.value;
    check(&caller.door, &entity, &mut content)?;
    let (is_new, written) = caller
        .tx(async |tx| {
            tx.writes()?;
            let writer = writer(&caller, tx).await?;
            owned(writer, &content)?;
            let put = tx.within(writer.sees_all, OrgWide::WriteEntities, async |tx| {
                let written = entities::put(tx, new(&entity, &content), seen.0, origin(&caller)).await?;
                Ok((written, entities::find(tx, entity.kind, &entity.id).await?))
            });
            let (written, stored) = put.await?;
            let is_new = matches!(written, Written::Created(_));
            record(&caller, tx, if is_new { "entity.create" } else { "entity.update" }, &entity).await?;
            Ok((is_new, stored))
        })
        .await?;
    Ok(tagged(if is_new { StatusCode::CREATED } else { StatusCode::OK }, written))
}

/// Changes some fields.
#[utoipa::path(patch, path = "/v1/entities/{kind}/{id}", tag = "entities", security(("bearer" = [])),
    params(("kind" = EntityKind, Path), ("id" = String, Path)), request_body = Update,
    responses((status = 200, body = Entity), Problems))]
pub async fn update(
    caller: Caller,
    Path((kind, id)): Path<(String, String)>,
    seen: IfMatch,
    body: Body<Update>,
) -> Result<Response> {
    let entity = reference(&kind, id)?;
    refuse_masks(&body.bytes)?;
    let changes = body.value;
    if changes.name == Some(None) {
        return Err(Error::field("name", "must not be null").into());
    }
    if changes.visibility == Some(None) {
        return Err(Error::field("visibility", "must not be null").into());
    }
    let written = caller
        .tx(async |tx| {
            let (writer, may_write) = (writer(&caller, tx).await?, tx.writes());
            let change = tx.within(writer.sees_all, OrgWide::WriteEntities, async |tx| {
                entities::lock(tx, entity.kind, &entity.id).await?;
                may_write?;
                let old = entities::find(tx, entity.kind, &entity.id).await?;
                let mut content = changes.of(old);
                check(&caller.door, &entity, &mut content)?;
                owned(writer, &content)?;
                entities::put(tx, new(&entity, &content), seen.0, kept(&caller)).await?;
                entities::find(tx, entity.kind, &entity.id).await
            });
            let stored = change.await?;
            record(&caller, tx, "entity.update", &entity).await?;
            Ok(stored)
        })
        .await?;
    Ok(tagged(StatusCode::OK, written))
}

#[utoipa::path(delete, path = "/v1/entities/{kind}/{id}", tag = "entities", security(("bearer" = [])),
    params(("kind" = EntityKind, Path), ("id" = String, Path)), responses((status = 204), Problems))]
pub async fn delete(
    caller: Caller,
    Path((kind, id)): Path<(String, String)>,
    seen: IfMatch,
) -> Result<StatusCode> {
    let entity = reference(&kind, id)?;
    caller
        .tx(async |tx| {
            let may_write = tx.writes();
            let gone = tx.as_far_as_allowed(OrgWide::WriteEntities, async |tx| {
                entities::find(tx, entity.kind, &entity.id).await?;
                may_write?;
                entities::delete(tx, &entity, seen.0).await
            });
            gone.await?;
            record(&caller, tx, "entity.delete", &entity).await
        })
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
