//! Secrets that administrators store. Nothing here shows a value.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use domain::{
    Error,
    secret::{MAX_VALUE, SecretHead, is_secret_name},
};
use secrecy::SecretString;
use serde::Deserialize;
use store::{audit, secrets};
use utoipa::{IntoParams, ToSchema};

use crate::{
    caller::{Caller, OrgWide},
    door::MASK,
    etag::{ETag, IfMatch},
    extract::{Body, Path, Query},
    page::{Page, after_in, limit, page},
    problem::{Problems, Result},
};

/// The name of their list, in cursors.
const LIST: &str = "secrets";

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListSecrets {
    /// 1 to 100.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<i64>,
    cursor: Option<String>,
}

/// A secret's value.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSecret {
    /// 1 to 4096 bytes.
    #[schema(write_only, min_length = 1, max_length = 4096)]
    value: String,
}

/// A secret's name in the audit trail.
fn target(name: &str) -> String {
    format!("secret:{name}")
}

/// The value, if it can be one.
fn accept(name: &str, value: String) -> domain::Result<SecretString> {
    if !is_secret_name(name) {
        let error = "must be 1 to 64 of a-z, 0-9, _, . and -, a letter or digit first";
        return Err(Error::field("name", error));
    }
    if !(1..=MAX_VALUE).contains(&value.len()) {
        return Err(Error::field("value", format!("must have 1 to {MAX_VALUE} bytes")));
    }
    if value.contains('\0') {
        return Err(Error::field("value", "holds the character U+0000"));
    }
    if redact::contains_marker(&value) {
        return Err(Error::field("value", MASK));
    }
    Ok(SecretString::from(value))
}

/// The organization's secrets by name, without their values: owners and administrators.
#[utoipa::path(get, path = "/v1/admin/secrets", tag = "secrets", security(("bearer" = [])), params(ListSecrets),
    responses((status = 200, body = Page<SecretHead>), Problems))]
pub async fn list(caller: Caller, Query(query): Query<ListSecrets>) -> Result<Json<Page<SecretHead>>> {
    let limit = limit(query.limit)?;
    let after: Option<String> = after_in(LIST, query.cursor.as_deref())?;
    let found = caller
        .tx(async |tx| {
            tx.administers()?;
            secrets::list(tx, after.as_deref(), limit + 1).await
        })
        .await?;
    Ok(page(found, limit, |secret| (LIST, secret.name.clone())))
}

/// Stores a secret, or a new value of it: owners and administrators. The value is sealed, and nothing shows it again. It
/// is taken out of every text that the organization's conversations, tools and records bring from then on, if it has
/// eight characters or more. An organization has at most 100 secrets, which have at most 64 KiB together.
#[utoipa::path(put, path = "/v1/admin/secrets/{name}", tag = "secrets", security(("bearer" = [])),
    params(("name" = String, Path)), request_body = NewSecret,
    responses((status = 200, body = SecretHead), (status = 201, body = SecretHead), Problems))]
pub async fn put(
    caller: Caller,
    Path(name): Path<String>,
    seen: IfMatch,
    body: Body<NewSecret>,
) -> Result<Response> {
    let engine = &caller.app.engine;
    let value = body.value.value;
    let (state, secret) = caller
        .tx(async |tx| {
            tx.administers()?;
            let value = accept(&name, value)?;
            let put = async |tx: &mut store::TenantTx| engine.put_secret(tx, (&name, &value), seen.0).await;
            let state = tx.organization_wide(OrgWide::KeepSecrets, put).await?;
            let secret = secrets::find(tx, &name).await?;
            let (target, detail) = (target(&name), format!("version {}", secret.version));
            audit::record(tx, &[caller.did("secret.put").on(&target).saying(&detail)]).await?;
            Ok((state, secret))
        })
        .await?;
    engine.note_secrets(caller.org, state);
    let status = if secret.version == 1 { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, ETag(secret.version), Json(secret)).into_response())
}

/// Deletes a secret: owners and administrators. One that is in use is 409 `secret_in_use`, which says where.
#[utoipa::path(delete, path = "/v1/admin/secrets/{name}", tag = "secrets", security(("bearer" = [])),
    params(("name" = String, Path)), responses((status = 204), Problems))]
pub async fn delete(caller: Caller, Path(name): Path<String>, seen: IfMatch) -> Result<StatusCode> {
    let state = caller
        .tx(async |tx| {
            tx.administers()?;
            secrets::find(tx, &name).await?;
            let state = secrets::delete(tx, &name, seen.0).await?;
            audit::record(tx, &[caller.did("secret.delete").on(&target(&name))]).await?;
            Ok(state)
        })
        .await?;
    caller.app.engine.note_secrets(caller.org, state);
    Ok(StatusCode::NO_CONTENT)
}
