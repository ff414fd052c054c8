//! API keys, which administrators make for programs.

use axum::{Json, http::StatusCode};
use chrono::{DateTime, Utc};
use domain::{ApiKeyId, Error, Role, UserId, member::ApiKey};
use serde::{Deserialize, Serialize};
use store::{
    api_keys::{self, NewApiKey},
    audit,
    idempotency::{self, Claim},
    orgs::{self, NewMember},
};
use utoipa::{IntoParams, ToSchema};

use crate::{
    auth::api_key,
    caller::{Caller, Tx},
    extract::{Body, IdempotencyKey, Path, Query},
    idempotent::{Answer, request_hash},
    page::{Page, after, limit, page},
    problem::{Problems, Result},
};

const MAX_NAME: usize = 100;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewKey {
    /// What it is for, such as `CRM import`: 1 to 100 characters.
    #[schema(min_length = 1, max_length = 100)]
    name: String,
    /// What its requests may do, at most what the caller may.
    role: Role,
    /// Left out: it holds until it is revoked.
    expires_at: Option<DateTime<Utc>>,
}

/// A new key with the text that is sent as bearer token. This is the only answer that has it.
#[derive(Serialize, ToSchema)]
pub struct CreatedKey {
    #[serde(flatten)]
    api_key: ApiKey,
    /// `sixty_<id>_<secret>_<checksum>`.
    key: String,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListKeys {
    /// 1 to 100.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<i64>,
    cursor: Option<String>,
}

/// A key's name in the audit trail.
fn target(id: ApiKeyId) -> String {
    format!("api_key:{id}")
}

/// Makes an API key: owners and administrators, and nobody gives more than they have.
/// Under the `Idempotency-Key` of an earlier request it answers 409: a secret is shown once.
#[utoipa::path(post, path = "/v1/admin/api-keys", tag = "api_keys", security(("bearer" = [])), request_body = NewKey,
    responses((status = 201, body = CreatedKey), Problems))]
pub async fn create(caller: Caller, key: IdempotencyKey, body: Body<NewKey>) -> Result<Answer> {
    let hash = request_hash("POST /v1/admin/api-keys", &body.bytes);
    let NewKey { name, role, expires_at } = body.value;
    let name = caller.door.redact_hidden(name.trim()).into_owned();
    if name.is_empty() || name.chars().count() > MAX_NAME {
        return Err(Error::field("name", format!("must be 1 to {MAX_NAME} characters")).into());
    }
    if expires_at.is_some_and(|at| at <= Utc::now()) {
        return Err(Error::field("expires_at", "must be in the future").into());
    }
    let answer = caller.tx(async |tx| {
        tx.administers()?;
        if role > tx.role {
            return Err(Error::forbidden("a key cannot have a higher role than you have"));
        }
        if let Some(key) = &key.0
            && !matches!(idempotency::claim(tx, key, &hash).await?, Claim::New)
        {
            return Err(Error::conflict(
                "secret_already_shown",
                "the key was made and shown once; revoke it and make another one if it is lost",
            ));
        }
        let secret = api_key::ApiKey::new(ApiKeyId::new())?;
        let made = make(&caller, tx, &secret, &name, role, expires_at).await?;
        let answer = Answer::created(format!("/v1/admin/api-keys/{}", made.id), &made)?;
        if let Some(key) = &key.0 {
            let (status, location) = (answer.status.as_u16(), answer.location.as_deref());
            idempotency::keep_answer(tx, key, status, location, None, &answer.body).await?;
        }
        Ok(answer.with_secret("key", secret.text().to_owned()))
    });
    Ok(answer.await?)
}

/// The service member, its key, and the entry in the audit trail.
async fn make(
    caller: &Caller,
    tx: &mut Tx,
    secret: &api_key::ApiKey,
    name: &str,
    role: Role,
    expires_at: Option<DateTime<Utc>>,
) -> domain::Result<ApiKey> {
    let subject = secret.id.subject();
    let user = UserId::derive(&subject);
    let member = NewMember { user, external_id: &subject, name: Some(name), role: Some(role), service: true };
    orgs::admit(tx, &member).await?;
    let new = NewApiKey { id: secret.id, user, name, secret_hash: secret.hash(), expires_at };
    api_keys::create(tx, &new).await?;
    let (target, detail) = (target(secret.id), format!("role {}", role.as_str()));
    audit::record(tx, &[caller.did("api_key.create").on(&target).saying(&detail)]).await?;
    api_keys::find(tx, secret.id).await
}

/// API keys, newest first, revoked and expired ones too: owners and administrators.
#[utoipa::path(get, path = "/v1/admin/api-keys", tag = "api_keys", security(("bearer" = [])), params(ListKeys),
    responses((status = 200, body = Page<ApiKey>), Problems))]
pub async fn list(caller: Caller, Query(query): Query<ListKeys>) -> Result<Json<Page<ApiKey>>> {
    let limit = limit(query.limit)?;
    let before: Option<ApiKeyId> = after(query.cursor.as_deref())?;
    let found = caller
        .tx(async |tx| {
            tx.administers()?;
            api_keys::list(tx, before, limit + 1).await
        })
        .await?;
    Ok(page(found, limit, |key| key.id))
}

/// One API key: owners and administrators.
#[utoipa::path(get, path = "/v1/admin/api-keys/{id}", tag = "api_keys", security(("bearer" = [])),
    params(("id" = ApiKeyId, Path)), responses((status = 200, body = ApiKey), Problems))]
pub async fn get(caller: Caller, Path(id): Path<ApiKeyId>) -> Result<Json<ApiKey>> {
    let found = caller.tx(async |tx| {
        let found = api_keys::find(tx, id).await?;
        tx.administers().map(|()| found)
    });
    Ok(Json(found.await?))
}

/// Revokes a key: its next request is refused. It can still be read, with the time of its
/// revocation. Owners and administrators.
#[utoipa::path(delete, path = "/v1/admin/api-keys/{id}", tag = "api_keys", security(("bearer" = [])),
    params(("id" = ApiKeyId, Path)), responses((status = 204), Problems))]
pub async fn revoke(caller: Caller, Path(id): Path<ApiKeyId>) -> Result<StatusCode> {
    caller
        .tx(async |tx| {
            let key = api_keys::find(tx, id).await?;
            tx.administers()?;
            if key.role > tx.role {
                return Err(Error::forbidden("the key has a higher role than you have"));
            }
            api_keys::revoke(tx, id).await?;
            audit::record(tx, &[caller.did("api_key.revoke").on(&target(id))]).await
        })
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
