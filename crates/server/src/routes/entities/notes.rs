//! Notes on entities.

use axum::Json;
use domain::{EntityKind, Error, entity::Note};
use serde::{Deserialize, Serialize};
use store::{TenantTx, entities};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{record, reference, sight::look};
use crate::{
    caller::{Caller, OrgWide},
    door::unmasked,
    extract::{Body, IdempotencyKey, Path},
    idempotent::{Answer, once, request_hash},
    page::{Page, page},
    problem::{Problems, Result},
    routes::url_segment,
};

const MAX_NOTE: usize = 10_000;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewNote {
    text: String,
}

#[derive(Serialize, ToSchema)]
pub struct NoteCreated {
    id: Uuid,
}

/// Adds a note.
#[utoipa::path(post, path = "/v1/entities/{kind}/{id}/notes", tag = "entities", security(("bearer" = [])),
    params(("kind" = EntityKind, Path), ("id" = String, Path)), request_body = NewNote,
    responses((status = 201, body = NoteCreated), Problems))]
pub async fn add_note(
    caller: Caller,
    Path((kind, id)): Path<(String, String)>,
    key: IdempotencyKey,
    body: Body<NewNote>,
) -> Result<Answer> {
    let entity = reference(&kind, id)?;
    let hash = request_hash(&format!("POST notes {kind} {}", entity.id), &body.bytes);
    unmasked("text", &body.value.text)?;
    let text = caller.door.redact_hidden(body.value.text.trim()).into_owned();
    if text.is_empty() || text.chars().count() > MAX_NOTE {
        return Err(Error::field("text", format!("must be 1 to {MAX_NOTE} characters")).into());
    }
    let answer = once(&caller, key, hash, async |tx| {
        look(&caller, tx, &entity).await?;
        tx.writes()?;
        let integration = caller.is_program();
        let note = entities::NewNote { text: &text, run: None, integration };
        let add = async |tx: &mut TenantTx| entities::add_note(tx, &entity, &note).await;
        let id = tx.as_far_as_allowed(OrgWide::WriteEntities, add).await?;
        record(&caller, tx, "entity.note", &entity).await?;
        Answer::created(format!("/v1/entities/{kind}/{}/notes", url_segment(&entity.id)), &NoteCreated { id })
    });
    Ok(answer.await?)
}

/// The newest hundred notes, newest first.
#[utoipa::path(get, path = "/v1/entities/{kind}/{id}/notes", tag = "entities", security(("bearer" = [])),
    params(("kind" = EntityKind, Path), ("id" = String, Path)), responses((status = 200, body = Page<Note>), Problems))]
pub async fn notes(caller: Caller, Path((kind, id)): Path<(String, String)>) -> Result<Json<Page<Note>>> {
    let entity = reference(&kind, id)?;
    let found = caller
        .tx(async |tx| {
            look(&caller, tx, &entity).await?;
            tx.as_far_as_allowed(OrgWide::SeeEntities, async |tx| entities::notes(tx, &entity, 100).await)
                .await
        })
        .await?;
    Ok(page(found, 100, |note| note.id))
}
