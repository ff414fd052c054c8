//! The organization's profile: facts with names, which skills put into their texts.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use domain::{
    Error,
    profile::{Profile, ProfileDocument, ProfileRevision},
};
use engine::Door;
use serde::Deserialize;
use serde_json::{Map, Value};
use store::{audit, profiles};
use utoipa::IntoParams;

use crate::{
    caller::Caller,
    door::masked,
    etag::{ETag, IfMatch},
    extract::{Body, Query},
    page::{Page, after_in, limit, page},
    problem::{Problems, Result},
};

/// The name of its list of revisions, in cursors.
const LIST: &str = "profile";

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListRevisions {
    /// 1 to 100.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<i64>,
    cursor: Option<String>,
}

fn tagged(document: ProfileDocument) -> Response {
    (ETag(document.version), Json(document)).into_response()
}

/// The facts as they are stored: without secrets, and without what nobody can see.
fn accept(door: &Door, facts: Map<String, Value>) -> domain::Result<Profile> {
    // As it was sent: an answer speaks of what the client knows.
    let given = Profile::new(facts)?;
    let clean = match door.redact_value(Value::Object(given.visible())) {
        Value::Object(facts) => facts,
        _ => Map::new(),
    };
    Profile::new(clean)
}

/// What the organization says of itself.
#[utoipa::path(get, path = "/v1/org/profile", tag = "profile", security(("bearer" = [])),
    responses((status = 200, body = ProfileDocument), Problems))]
pub async fn get(caller: Caller) -> Result<Response> {
    let document = caller.tx(async |tx| profiles::find(tx).await).await?;
    Ok(tagged(document))
}

/// Writes the whole profile: owners and administrators. What is left out is not known any more.
#[utoipa::path(put, path = "/v1/org/profile", tag = "profile", security(("bearer" = [])),
    request_body = Profile, responses((status = 200, body = ProfileDocument), Problems))]
pub async fn put(caller: Caller, seen: IfMatch, body: Body<Map<String, Value>>) -> Result<Response> {
    if let Some(problem) = body.value.iter().find_map(|(name, value)| masked(name, value)) {
        return Err(Error::fields(vec![problem]).into());
    }
    let profile = accept(&caller.door, body.value)?;
    let document = caller
        .tx(async |tx| {
            tx.administers()?;
            let version = profiles::put(tx, &profile, seen.0).await?;
            let detail = format!("version {version}");
            audit::record(tx, &[caller.did("profile.put").saying(&detail)]).await?;
            profiles::find(tx).await
        })
        .await?;
    Ok(tagged(document))
}

/// Versions of the profile, newest first.
#[utoipa::path(get, path = "/v1/org/profile/revisions", tag = "profile", security(("bearer" = [])),
    params(ListRevisions), responses((status = 200, body = Page<ProfileRevision>), Problems))]
pub async fn revisions(
    caller: Caller,
    Query(query): Query<ListRevisions>,
) -> Result<Json<Page<ProfileRevision>>> {
    let limit = limit(query.limit)?;
    let before: Option<i64> = after_in(LIST, query.cursor.as_deref())?;
    let found = caller.tx(async |tx| profiles::revisions(tx, before, limit + 1).await).await?;
    Ok(page(found, limit, |revision| (LIST, revision.version)))
}
