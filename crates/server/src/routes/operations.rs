//! For operators: no token.

use std::sync::LazyLock;

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};

use crate::{
    App,
    problem::{Problem, Refusals, not_found},
};

/// The process is alive.
#[utoipa::path(get, path = "/healthz", tag = "operations", responses((status = 200, body = String, content_type = "text/plain")))]
pub async fn healthz() -> &'static str {
    "ok"
}

/// The process can serve: the database answers and no shutdown has begun.
#[utoipa::path(get, path = "/readyz", tag = "operations", responses((status = 200, body = String, content_type = "text/plain"), Refusals))]
pub async fn readyz(State(app): State<App>) -> Response {
    let refuse =
        |detail: &str| Problem::new(StatusCode::SERVICE_UNAVAILABLE, "not_ready", detail).into_response();
    if app.engine.stopping().is_cancelled() {
        return refuse("the service is shutting down");
    }
    let answered = async { app.store().system().await?.commit().await };
    match answered.await {
        Ok(()) => "ready".into_response(),
        Err(error) => {
            tracing::warn!(%error, "not ready");
            refuse("the database does not answer")
        }
    }
}

/// What this process counts, in the text format of Prometheus; 404 where it is switched off.
#[utoipa::path(get, path = "/metrics", tag = "operations", responses((status = 200, body = String, content_type = "text/plain"), Refusals))]
pub async fn metrics(State(app): State<App>) -> Response {
    match &app.exposition {
        Some(exposition) => {
            let text = exposition.render(&app);
            ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
        }
        None => not_found().into_response(),
    }
}

/// This document.
#[utoipa::path(get, path = "/openapi.json", tag = "operations", responses((status = 200, body = Object, content_type = "application/json")))]
pub async fn openapi_json() -> Response {
    static DOCUMENT: LazyLock<String> =
        LazyLock::new(|| super::openapi().to_json().expect("the document serializes: it is checked in CI"));
    ([(header::CONTENT_TYPE, "application/json")], DOCUMENT.as_str()).into_response()
}
