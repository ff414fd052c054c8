//! The sales record.

use axum::{
    Json,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use domain::{
    EntityKind, EntityRef, Error, FieldError,
    entity::{Entity, Link, Note, Visibility},
    fields,
};
use engine::Engine;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use store::{
    audit,
    entities::{self, Filter, NewEntity, Origin, Written},
};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::{
    App,
    caller::{Caller, Tx},
    door::{masked, secret_in, unmasked},
    extract::{Body, IdempotencyKey, IfMatch, Path, Query, given},
    idempotent::{Answer, once, request_hash},
    page::{Page, after, limit, page},
    problem::{Problems, Result},
};

const MAX_NAME: usize = 500;
const MAX_ID: usize = 200;
const MAX_LINKS: usize = 100;
const MAX_ATTRIBUTES: usize = 32 * 1024;
const MAX_NOTE: usize = 10_000;

/// An entity without its kind and id; the typed fields of the kind stand beside
/// the common ones.
#[derive(Deserialize, ToSchema)]
pub struct Content {
    name: String,
    owner: Option<String>,
    #[serde(default)]
    links: Vec<Link>,
    #[serde(default)]
    #[schema(value_type = Object)]
    attributes: Map<String, Value>,
    /// Deal: `stage`, `amount`, `currency`, `close_date`, `probability`, `health`.
    /// Contact: `email`, `phone`, `title`, `company`, `last_activity_at`.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    fields: Map<String, Value>,
}

#[derive(Deserialize, ToSchema)]
pub struct Create {
    kind: EntityKind,
    /// The caller's own id.
    id: String,
    #[serde(flatten)]
    content: Content,
}

/// Changes: a field that is left out stays, a null clears it. The name cannot be cleared.
#[derive(Deserialize, ToSchema)]
pub struct Update {
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = String, required = false)]
    name: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    owner: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Vec<Link>>)]
    links: Option<Option<Vec<Link>>>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Object>)]
    attributes: Option<Option<Map<String, Value>>>,
    #[serde(flatten)]
    #[schema(value_type = Object)]
    fields: Map<String, Value>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewNote {
    text: String,
}

#[derive(Serialize, ToSchema)]
pub struct NoteCreated {
    id: Uuid,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListEntities {
    kind: Option<EntityKind>,
    /// Part of the name, the id or a field.
    q: Option<String>,
    /// 1 to 100.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<i64>,
    cursor: Option<String>,
}

fn tagged(status: StatusCode, entity: Entity) -> Response {
    (status, [(header::ETAG, format!("\"{}\"", entity.version))], Json(entity)).into_response()
}

/// An id in a path; an unknown kind names nothing.
fn reference(kind: &str, id: String) -> domain::Result<EntityRef> {
    Ok(EntityRef { kind: kind.parse().map_err(|_| Error::NotFound)?, id })
}

fn check(app: &App, entity: &EntityRef, content: &mut Content) -> domain::Result<()> {
    let mut problems = fields::check(entity.kind, &content.fields);
    let mut refuse = |field: &str, error: String| problems.push(FieldError { field: field.into(), error });
    let id = entity.id.chars();
    if entity.id.trim().is_empty() || id.clone().count() > MAX_ID || id.clone().any(char::is_control) {
        refuse("id", format!("must be 1 to {MAX_ID} characters without control characters"));
    }
    // Clients resolve these in a path: no address would lead to the entity.
    if [".", ".."].contains(&entity.id.as_str()) {
        refuse("id", "must not be . or ..".to_owned());
    }
    if content.name.trim().is_empty() || content.name.chars().count() > MAX_NAME {
        refuse("name", format!("must be 1 to {MAX_NAME} characters"));
    }
    if content.owner.as_ref().is_some_and(|owner| owner.chars().count() > MAX_NAME) {
        refuse("owner", format!("must be at most {MAX_NAME} characters"));
    }
    if content.links.len() > MAX_LINKS {
        refuse("links", format!("must be at most {MAX_LINKS}"));
    }
    for (i, link) in content.links.iter().enumerate() {
        if link.id.is_empty() || link.id.chars().count() > MAX_ID {
            refuse(&format!("links[{i}].id"), format!("must be 1 to {MAX_ID} characters"));
        }
        if link.role.as_ref().is_some_and(|role| role.chars().count() > MAX_NAME) {
            refuse(&format!("links[{i}].role"), format!("must be at most {MAX_NAME} characters"));
        }
    }
    problems.extend(secret_in(&app.engine, "id", &entity.id));
    for (i, link) in content.links.iter().enumerate() {
        problems.extend(secret_in(&app.engine, format!("links[{i}].id"), &link.id));
    }
    let mut refuse = |field: &str, error: String| problems.push(FieldError { field: field.into(), error });
    let attributes = serde_json::to_string(&content.attributes).map_err(Error::internal)?;
    if attributes.len() > MAX_ATTRIBUTES {
        refuse("attributes", format!("must be at most {MAX_ATTRIBUTES} bytes of JSON"));
    }
    if !problems.is_empty() {
        return Err(Error::fields(problems));
    }
    content.fields.retain(|_, value| !value.is_null());
    redact(&app.engine, content);
    Ok(())
}

/// At the door: no secret is stored, wherever in the record it stands.
fn redact(engine: &Engine, content: &mut Content) {
    let roles = content.links.iter_mut().filter_map(|link| link.role.as_mut());
    for text in roles.chain([&mut content.name]).chain(&mut content.owner) {
        *text = engine.redact_hidden(text).into_owned();
    }
    for members in [&mut content.fields, &mut content.attributes] {
        if let Value::Object(clean) = engine.redact_value(Value::Object(std::mem::take(members))) {
            *members = clean;
        }
    }
}

/// Refuses what a client read under a mask and sends back as a value.
fn refuse_masks(bytes: &[u8]) -> domain::Result<()> {
    let body: Value = serde_json::from_slice(bytes).map_err(Error::internal)?;
    masked("", &body).map_or(Ok(()), |problem| Err(Error::fields(vec![problem])))
}

fn new<'a>(entity: &'a EntityRef, content: &'a Content) -> NewEntity<'a> {
    NewEntity {
        kind: entity.kind,
        id: &entity.id,
        name: &content.name,
        owner: content.owner.as_deref(),
        visibility: Visibility::Org,
        links: &content.links,
        fields: &content.fields,
        attributes: &content.attributes,
    }
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
    check(&caller.app, &entity, &mut content)?;
    let answer = once(&caller, key, hash, async |tx| {
        tx.writes()?;
        entities::create(tx, new(&entity, &content), Origin::Person).await?;
        record(&caller, tx, "entity.create", &entity).await?;
        let created = entities::find(tx, entity.kind, &entity.id).await?;
        let location = format!("/v1/entities/{kind}/{}", url_segment(&entity.id));
        Ok(Answer::created(location, &created)?.at_version(created.version))
    });
    Ok(answer.await?)
}

fn url_segment(id: &str) -> String {
    url::form_urlencoded::byte_serialize(id.as_bytes()).collect::<String>().replace('+', "%20")
}

/// Entities by kind and id.
#[utoipa::path(get, path = "/v1/entities", tag = "entities", security(("bearer" = [])), params(ListEntities),
    responses((status = 200, body = Page<Entity>), Problems))]
pub async fn list(caller: Caller, Query(query): Query<ListEntities>) -> Result<Json<Page<Entity>>> {
    let limit = limit(query.limit)?;
    let last: Option<EntityRef> = after(query.cursor.as_deref())?;
    let filter = Filter {
        kind: query.kind,
        text: query.q.as_deref().filter(|q| !q.is_empty()),
        after: last.as_ref().map(|last| (last.kind, last.id.as_str())),
        limit: limit + 1,
    };
    let found = caller.tx(async |tx| entities::list(tx, &filter).await).await?;
    Ok(page(found, limit, |entity| EntityRef { kind: entity.kind, id: entity.id.clone() }))
}

#[utoipa::path(get, path = "/v1/entities/{kind}/{id}", tag = "entities", security(("bearer" = [])),
    params(("kind" = EntityKind, Path), ("id" = String, Path)), responses((status = 200, body = Entity), Problems))]
pub async fn get(caller: Caller, Path((kind, id)): Path<(String, String)>) -> Result<Response> {
    let entity = reference(&kind, id)?;
    let found = caller.tx(async |tx| entities::find(tx, entity.kind, &entity.id).await).await?;
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
    check(&caller.app, &entity, &mut content)?;
    let (is_new, written) = caller
        .tx(async |tx| {
            tx.writes()?;
            let written = entities::put(tx, new(&entity, &content), seen.0, Origin::Person).await?;
            let is_new = matches!(written, Written::Created(_));
            record(&caller, tx, if is_new { "entity.create" } else { "entity.update" }, &entity).await?;
            Ok((is_new, entities::find(tx, entity.kind, &entity.id).await?))
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
    let app = caller.app.clone();
    let changes = body.value;
    if changes.name == Some(None) {
        return Err(Error::field("name", "must not be null").into());
    }
    let written = caller
        .tx(async |tx| {
            entities::lock(tx, entity.kind, &entity.id).await?;
            tx.writes()?;
            let old = entities::find(tx, entity.kind, &entity.id).await?;
            let mut fields = old.fields;
            fields.extend(changes.fields);
            let mut content = Content {
                name: changes.name.flatten().unwrap_or(old.name),
                owner: changes.owner.unwrap_or(old.owner),
                links: changes.links.map_or(old.links, Option::unwrap_or_default),
                attributes: changes.attributes.map_or(old.attributes, Option::unwrap_or_default),
                fields,
            };
            check(&app, &entity, &mut content)?;
            entities::put(tx, new(&entity, &content), seen.0, Origin::Kept).await?;
            record(&caller, tx, "entity.update", &entity).await?;
            entities::find(tx, entity.kind, &entity.id).await
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
            entities::find(tx, entity.kind, &entity.id).await?;
            tx.writes()?;
            entities::delete(tx, &entity, seen.0).await?;
            record(&caller, tx, "entity.delete", &entity).await
        })
        .await?;
    Ok(StatusCode::NO_CONTENT)
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
    let text = caller.app.engine.redact_hidden(body.value.text.trim()).into_owned();
    if text.is_empty() || text.chars().count() > MAX_NOTE {
        return Err(Error::field("text", format!("must be 1 to {MAX_NOTE} characters")).into());
    }
    let answer = once(&caller, key, hash, async |tx| {
        entities::find(tx, entity.kind, &entity.id).await?;
        tx.writes()?;
        let id = entities::add_note(tx, &entity, &text, None).await?;
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
            entities::find(tx, entity.kind, &entity.id).await?;
            entities::notes(tx, &entity, 100).await
        })
        .await?;
    Ok(page(found, 100, |note| note.id))
}
