//! `GET /v1/models` and `GET /v1/models/{id}`, for the clients of both wires: each reads
//! its own members, and says by its headers who it is.

use axum::{
    Extension, Json,
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use super::{
    Received,
    admit::{admit, known_model},
};
use crate::{Request, Sim, chat};

pub(super) async fn list(State(sim): State<Sim>, Extension(request): Received) -> Response {
    if let Err(refusal) = admitted(&sim, &request, None) {
        return refusal;
    }
    let ids = sim.known_models().unwrap_or_else(|| vec!["demo".to_owned()]);
    let page = json!({
        "object": "list",
        "data": ids.iter().map(|id| model(&sim, id)).collect::<Vec<_>>(),
        "has_more": false,
        "first_id": ids.first(),
        "last_id": ids.last(),
    });
    Json(page).into_response()
}

pub(super) async fn find(
    State(sim): State<Sim>,
    Path(id): Path<String>,
    Extension(request): Received,
) -> Response {
    match admitted(&sim, &request, Some(&id)) {
        Ok(()) => Json(model(&sim, &id)).into_response(),
        Err(refusal) => refusal,
    }
}

#[expect(clippy::result_large_err, reason = "a refusal is an answer")]
fn admitted(sim: &Sim, request: &Request, id: Option<&str>) -> Result<(), Response> {
    if request.header("anthropic-version").is_empty() && request.header("x-api-key").is_empty() {
        return chat::admitted(sim, request, id);
    }
    let known = |_| id.map_or(Ok(()), |id| known_model(sim, id));
    admit(sim, request).and_then(known).map_err(|error| error.response(&request.id))
}

fn model(sim: &Sim, id: &str) -> Value {
    json!({
        "type": "model",
        "object": "model",
        "id": id,
        "created": 1_793_491_200,
        "owned_by": "sim",
        "display_name": format!("Stand-in as {id}"),
        "lifecycle": "active",
        "created_at": "2026-11-01T00:00:00Z",
        "max_input_tokens": sim.window_size(),
        "max_tokens": 32_000,
    })
}
