//! What the caller may want to ask next.

use axum::Json;
use chrono::Utc;
use domain::{EntityKind, suggestion::Suggestion};
use engine::Asking;
use serde::{Deserialize, Serialize};
use store::questions::Me;
use utoipa::{IntoParams, ToSchema};

use super::{entities::named, messages::timezone};
use crate::{
    caller::Caller,
    extract::Query,
    problem::{Problems, Result},
};

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Asked {
    /// The kind of the entity that the person looks at.
    entity_kind: Option<EntityKind>,
    entity_id: Option<String>,
    /// IANA name, such as `Europe/Berlin`, in which days and times are told; UTC when left out.
    timezone: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct Suggestions {
    /// The most urgent first.
    #[schema(min_items = 1, max_items = 4)]
    data: Vec<Suggestion>,
}

/// At most four prompts that fit, made from facts, without a model. With an entity about that; without
/// one about what of the caller's own presses: a meeting within the hour, overdue to-dos, deals at risk,
/// deals without activity, deals that are to close within 30 days. Never none. What the copilot would
/// not see for the caller is not suggested: an entity that is a colleague's alone is 404 for everybody else.
#[utoipa::path(get, path = "/v1/suggestions", tag = "suggestions", security(("bearer" = [])), params(Asked),
    responses((status = 200, body = Suggestions), Problems))]
pub async fn list(caller: Caller, Query(asked): Query<Asked>) -> Result<Json<Suggestions>> {
    let bound = named(asked.entity_kind, asked.entity_id)?;
    let zone = timezone("timezone", asked.timezone.as_deref())?;
    let asking = Asking { bound: bound.as_ref(), now: Utc::now(), zone };
    let data = caller
        .tx(async |tx| {
            let name = tx.user_name.clone();
            let me = Me { external_id: &caller.identity.subject, name: name.as_deref() };
            engine::suggestions(tx, me, asking).await
        })
        .await?;
    Ok(Json(Suggestions { data }))
}
