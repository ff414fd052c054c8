//! Types of cards, which administrators register.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use domain::{
    Error, FieldError,
    card::{BUILT_IN, CardType, CardTypeHead, MAX_SCHEMA, is_type_name},
};
use serde::Deserialize;
use serde_json::{Map, Value};
use store::{audit, card_types};
use utoipa::IntoParams;

use crate::{
    caller::Caller,
    door::{masked, secret_within},
    etag::{ETag, IfMatch},
    extract::{Body, Path, Query},
    page::{Page, after_in, limit, page},
    problem::{Problems, Result},
};

/// The name of their list, in cursors.
const LIST: &str = "card-types";

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListTypes {
    /// 1 to 100.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<i64>,
    cursor: Option<String>,
}

fn tagged(status: StatusCode, card_type: CardType) -> Response {
    (status, ETag(card_type.head.version), Json(card_type)).into_response()
}

/// A type's name in the audit trail.
fn target(name: &str) -> String {
    format!("card_type:{name}")
}

/// The schema as it is stored: the bytes that were sent, if they are fit to be used.
async fn accept(caller: &Caller, name: &str, body: Body<Map<String, Value>>) -> domain::Result<String> {
    if BUILT_IN.contains(&name) {
        return Err(Error::field("type", format!("{name} is built in; choose another name")));
    }
    if !is_type_name(name) {
        let error = "must be 1 to 64 of a-z, 0-9, _ and -, a letter first";
        return Err(Error::field("type", error));
    }
    let Body { value, bytes } = body;
    if bytes.len() > MAX_SCHEMA {
        let error = format!("the schema has {} bytes, and {MAX_SCHEMA} is the most", bytes.len());
        return Err(Error::field("", error));
    }
    let schema = Value::Object(value);
    let problem = masked("", &schema).or_else(|| secret_within(&caller.door, &schema));
    if let Some(FieldError { field, error }) = problem {
        return Err(Error::field(field, error));
    }
    let text = String::from_utf8(bytes.to_vec()).map_err(|_| Error::field("", "the body is not UTF-8"))?;
    engine::check_card_schema(text).await
}

/// The types of cards that the organization has registered, by name: owners and administrators.
#[utoipa::path(get, path = "/v1/admin/card-types", tag = "card_types", security(("bearer" = [])), params(ListTypes),
    responses((status = 200, body = Page<CardTypeHead>), Problems))]
pub async fn list(caller: Caller, Query(query): Query<ListTypes>) -> Result<Json<Page<CardTypeHead>>> {
    let limit = limit(query.limit)?;
    let after: Option<String> = after_in(LIST, query.cursor.as_deref())?;
    let found = caller
        .tx(async |tx| {
            tx.administers()?;
            card_types::list(tx, after.as_deref(), limit + 1).await
        })
        .await?;
    Ok(page(found, limit, |card_type| (LIST, card_type.name.clone())))
}

/// A type of cards with its schema: owners and administrators.
#[utoipa::path(get, path = "/v1/admin/card-types/{type}", tag = "card_types", security(("bearer" = [])),
    params(("type" = String, Path)), responses((status = 200, body = CardType), Problems))]
pub async fn get(caller: Caller, Path(name): Path<String>) -> Result<Response> {
    let found = caller.tx(async |tx| {
        let found = card_types::find(tx, &name).await?;
        tx.administers().map(|()| found)
    });
    Ok(tagged(StatusCode::OK, found.await?))
}

/// Registers a type of cards: owners and administrators. The body is the JSON Schema (2020-12,
/// 2019-09 or draft 7, at most 32 KB) that the data of such cards have to fit; it is kept byte for
/// byte. References lead to parts of the same schema only, and never back to where they stand;
/// a schema has at most 1000 parts, each reference followed, 24 inside of one another, and 50
/// patterns, which know neither looking around nor references to groups. `format` is a remark.
/// Names are `[a-z][a-z0-9_-]{0,63}`, but for `text` and `email_draft`; an organization has at
/// most 100 types. Data that do not fit are shown as text.
#[utoipa::path(put, path = "/v1/admin/card-types/{type}", tag = "card_types", security(("bearer" = [])),
    params(("type" = String, Path)), request_body(content = Object, content_type = "application/json"),
    responses((status = 200, body = CardType), (status = 201, body = CardType), Problems))]
pub async fn put(
    caller: Caller,
    Path(name): Path<String>,
    seen: IfMatch,
    body: Body<Map<String, Value>>,
) -> Result<Response> {
    // Before the work that a schema may be.
    caller.tx(async |tx| tx.administers()).await?;
    let schema = accept(&caller, &name, body).await?;
    let card_type = caller
        .tx(async |tx| {
            tx.administers()?;
            let version = card_types::put(tx, &name, &schema, seen.0).await?;
            let (target, detail) = (target(&name), format!("version {version}"));
            audit::record(tx, &[caller.did("card_type.put").on(&target).saying(&detail)]).await?;
            card_types::find(tx, &name).await
        })
        .await?;
    let status = if card_type.head.version == 1 { StatusCode::CREATED } else { StatusCode::OK };
    Ok(tagged(status, card_type))
}

/// Deletes a type of cards: owners and administrators. Cards that were shown stay; new ones of
/// the type are shown as text.
#[utoipa::path(delete, path = "/v1/admin/card-types/{type}", tag = "card_types", security(("bearer" = [])),
    params(("type" = String, Path)), responses((status = 204), Problems))]
pub async fn delete(caller: Caller, Path(name): Path<String>, seen: IfMatch) -> Result<StatusCode> {
    caller
        .tx(async |tx| {
            card_types::find(tx, &name).await?;
            tx.administers()?;
            card_types::delete(tx, &name, seen.0).await?;
            audit::record(tx, &[caller.did("card_type.delete").on(&target(&name))]).await
        })
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
