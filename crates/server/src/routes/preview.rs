//! The memory that the next run would be given, for the person whose copilot it is.

use axum::Json;
use domain::{EntityKind, Error, SessionId, preview::MemoryPreview};
use engine::preview::{of_new_session, of_session};
use serde::Deserialize;
use utoipa::IntoParams;

use super::entities::named;
use crate::{
    caller::Caller,
    extract::Query,
    problem::{Problems, Result},
};

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Asked {
    /// The kind of the entity that a new session would be bound to.
    entity_kind: Option<EntityKind>,
    entity_id: Option<String>,
    /// The next run of this session, instead of a new one.
    session_id: Option<SessionId>,
}

/// The memory that the next run would be given, byte for byte: in a new session, or in
/// the one that is named.
#[utoipa::path(get, path = "/v1/memory/preview", tag = "memory", security(("bearer" = [])), params(Asked),
    responses((status = 200, body = MemoryPreview), Problems))]
pub async fn preview(caller: Caller, Query(asked): Query<Asked>) -> Result<Json<MemoryPreview>> {
    let entity = named(asked.entity_kind, asked.entity_id)?;
    if entity.is_some() && asked.session_id.is_some() {
        return Err(Error::field("session_id", "names a session, which has its own entity or none").into());
    }
    let shown = caller
        .tx(async |tx| {
            let name = tx.user_name.clone();
            match asked.session_id {
                Some(session) => of_session(tx, session).await,
                None => of_new_session(tx, name, entity).await,
            }
        })
        .await?;
    Ok(Json(shown))
}
