//! Runs: state, events, cancel.

use axum::{
    Json,
    http::{HeaderMap, StatusCode},
    response::Response,
};
use domain::{Cursor, Error, RunId, run::Run};
use serde::Deserialize;
use store::{audit, runs};
use utoipa::IntoParams;

use crate::{
    caller::Caller,
    extract::{Path, Query},
    problem::{Problems, Result},
    sse,
};

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct After {
    /// The id of the last event that the reader has. `Last-Event-ID` says the same, and wins.
    after: Option<String>,
}

#[utoipa::path(get, path = "/v1/runs/{id}", tag = "runs", security(("bearer" = [])),
    params(("id" = RunId, Path)), responses((status = 200, body = Run), Problems))]
pub async fn get(caller: Caller, Path(id): Path<RunId>) -> Result<Json<Run>> {
    Ok(Json(caller.tx(async |tx| runs::find(tx, id).await).await?))
}

/// The run's events, from its beginning or after the event that the reader has.
#[utoipa::path(get, path = "/v1/runs/{id}/events", tag = "runs", security(("bearer" = [])),
    params(("id" = RunId, Path), After,
        ("Last-Event-ID" = Option<String>, Header, description = "The id of the last event that the reader has")),
    responses((status = 200, body = sse::Frame, content_type = "text/event-stream"), Problems))]
pub async fn events(
    caller: Caller,
    Path(id): Path<RunId>,
    Query(query): Query<After>,
    headers: HeaderMap,
) -> Result<Response> {
    // A browser that comes back repeats the address and adds the header, which is newer.
    let (field, given) = match sse::last_event_id(&headers) {
        Some(id) => ("Last-Event-ID", Some(id)),
        None => ("after", query.after.as_deref()),
    };
    let cursor = match given.filter(|given| !given.is_empty()) {
        None => Cursor::default(),
        Some(given) => {
            given.parse().map_err(|bad: domain::event::BadCursor| Error::field(field, bad.to_string()))?
        }
    };
    caller.tx(async |tx| runs::find(tx, id).await).await?;
    let reader = caller.app.engine.reader(caller.tenant(), id, cursor);
    Ok(sse::response(caller.app.open_stream(), reader))
}

/// Asks the run to stop. One that has ended stays as it is.
#[utoipa::path(post, path = "/v1/runs/{id}/cancel", tag = "runs", security(("bearer" = [])),
    params(("id" = RunId, Path)), responses((status = 202, body = Run), Problems))]
pub async fn cancel(caller: Caller, Path(id): Path<RunId>) -> Result<(StatusCode, Json<Run>)> {
    let run = caller
        .tx(async |tx| {
            let open = !runs::find(tx, id).await?.status.ended();
            runs::cancel(tx, id, engine::cancelled_frames).await?;
            if open {
                audit::record(tx, &[caller.did("run.cancel").of_run(id)]).await?;
            }
            runs::find(tx, id).await
        })
        .await?;
    caller.app.engine.cancel(id);
    Ok((StatusCode::ACCEPTED, Json(run)))
}
