//! Control over HTTP, for tests in other processes.
//!
//! `POST /sim/script` queues a JSON list of replies (see [`crate::reply`]) and
//! answers `{"queued": n}`; `DELETE /sim/script` empties the queue.
//! `GET /sim/requests` answers `{"data": [{id, method, path, headers, body, at_ms}]}`;
//! `DELETE /sim/requests` begins the log anew.

use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    http::StatusCode,
    routing::{get, post},
};
use serde_json::{Map, Value, json};

use crate::{Reply, Request, Sim};

pub(crate) fn router(sim: Sim) -> Router {
    Router::new()
        .route("/sim/script", post(push).delete(clear_script))
        .route("/sim/requests", get(requests).delete(clear_requests))
        .with_state(sim)
}

async fn push(State(sim): State<Sim>, body: Bytes) -> (StatusCode, Json<Value>) {
    match serde_json::from_slice::<Vec<Reply>>(&body) {
        Ok(replies) => {
            for reply in replies {
                sim.push(reply);
            }
            (StatusCode::OK, Json(json!({"queued": sim.unused()})))
        }
        Err(error) => (StatusCode::BAD_REQUEST, Json(json!({"error": error.to_string()}))),
    }
}

async fn clear_script(State(sim): State<Sim>) -> StatusCode {
    sim.clear_script();
    StatusCode::NO_CONTENT
}

async fn requests(State(sim): State<Sim>) -> Json<Value> {
    let data: Vec<_> = sim.requests().iter().map(|request| shown(&sim, request)).collect();
    Json(json!({"data": data}))
}

async fn clear_requests(State(sim): State<Sim>) -> StatusCode {
    sim.take_requests();
    StatusCode::NO_CONTENT
}

fn shown(sim: &Sim, request: &Request) -> Value {
    let headers: Map<_, _> = request.headers.keys().map(|name| header(request, name.as_str())).collect();
    let body = match request.json() {
        Value::Null => Value::from(String::from_utf8_lossy(&request.body)),
        json => json.clone(),
    };
    let at = request.at.saturating_duration_since(sim.started());
    json!({
        "id": request.id,
        "method": request.method.as_str(),
        "path": request.path,
        "headers": headers,
        "body": body,
        "at_ms": u64::try_from(at.as_millis()).unwrap_or(u64::MAX),
    })
}

/// That a key was sent is shown, the key is not: it may be a real one.
fn header(request: &Request, name: &str) -> (String, Value) {
    let value = match name {
        "x-api-key" => "[hidden]",
        "authorization" => "Bearer [hidden]",
        _ => request.header(name),
    };
    (name.to_owned(), value.into())
}
