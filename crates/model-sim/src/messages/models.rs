//! `GET /v1/models` and `GET /v1/models/{id}`.

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
use crate::Sim;

pub(super) async fn list(State(sim): State<Sim>, Extension(request): Received) -> Response {
    if let Err(error) = admit(&sim, &request) {
        return error.response(&request.id);
    }
    let ids = sim.known_models().unwrap_or_else(|| vec!["demo".to_owned()]);
    let page = json!({
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
    match admit(&sim, &request).and_then(|_| known_model(&sim, &id)) {
        Ok(()) => Json(model(&sim, &id)).into_response(),
        Err(error) => error.response(&request.id),
    }
}

fn model(sim: &Sim, id: &str) -> Value {
    json!({
        "type": "model",
        "id": id,
        "display_name": format!("Stand-in as {id}"),
        "lifecycle": "active",
        "created_at": "2026-11-01T00:00:00Z",
        "max_input_tokens": sim.window_size(),
        "max_tokens": 32_000,
    })
}
