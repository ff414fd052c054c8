//! What happens around every request: an id, a body for refusals, CORS, logs,
//! and a task that a client's disconnect cannot drop.

use std::{any::Any, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use opentelemetry::context::FutureExt as _;
use tower_http::{
    catch_panic::CatchPanicLayer,
    cors::{AllowOrigin, CorsLayer},
    request_id::{MakeRequestId, PropagateRequestIdLayer, RequestId, SetRequestIdLayer},
    sensitive_headers::SetSensitiveRequestHeadersLayer,
    trace::TraceLayer,
};
use tracing::Instrument;
use uuid::Uuid;

use crate::{App, observability, problem::Problem, rates};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Longest request id that we take from a client.
const MAX_REQUEST_ID: usize = 128;

pub fn around(router: Router, app: &App) -> Router {
    router
        .layer(middleware::from_fn_with_state(app.clone(), detach))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(middleware::from_fn(rates::tell))
        .layer(cors(&app.public.cors_origins))
        .layer(middleware::from_fn(write_problem))
        .layer(middleware::from_fn_with_state(app.clone(), observability::observe))
        .layer(TraceLayer::new_for_http().make_span_with(|request: &Request| {
            tracing::info_span!("request", method = %request.method(), path = request.uri().path(),
                id = request.headers().get(REQUEST_ID).and_then(|id| id.to_str().ok()))
        }))
        .layer(PropagateRequestIdLayer::new(REQUEST_ID))
        .layer(SetRequestIdLayer::new(REQUEST_ID, NewRequestId))
        .layer(middleware::from_fn(drop_hostile_request_id))
        .layer(SetSensitiveRequestHeadersLayer::new([header::AUTHORIZATION]))
}

#[derive(Clone, Copy)]
struct NewRequestId;

impl MakeRequestId for NewRequestId {
    fn make_request_id<B>(&mut self, _: &axum::http::Request<B>) -> Option<RequestId> {
        HeaderValue::from_str(&Uuid::now_v7().to_string()).ok().map(RequestId::new)
    }
}

/// A client's id is repeated in answers and logs: only a short, plain one is.
async fn drop_hostile_request_id(mut request: Request, next: Next) -> Response {
    let plain = |id: &HeaderValue| {
        let id = id.as_bytes();
        !id.is_empty()
            && id.len() <= MAX_REQUEST_ID
            && id.iter().all(|b| b.is_ascii_alphanumeric() || b"-_.:".contains(b))
    };
    if !request.headers().get(REQUEST_ID).is_some_and(plain) {
        request.headers_mut().remove(REQUEST_ID);
    }
    next.run(request).await
}

/// Handlers run to their end although the client has gone: what they began in
/// the database is finished or refused, never half done.
async fn detach(State(app): State<App>, request: Request, next: Next) -> Response {
    let (send, receive) = tokio::sync::oneshot::channel();
    let handled = async move {
        // Nobody listens when the client has gone.
        drop(send.send(next.run(request).await));
    };
    // In the request's spans: the log has its id, and a run that it begins belongs to it.
    app.engine.detach(handled.in_current_span().with_current_context());
    receive.await.unwrap_or_else(|_| panicked(Box::new(())))
}

#[expect(clippy::needless_pass_by_value, reason = "the signature of the panic layer")]
fn panicked(panic: Box<dyn Any + Send>) -> Response {
    let text =
        panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    tracing::error!(panic = text.unwrap_or("unknown"), "a handler panicked");
    let detail = "the service failed; its log has the reason under this request_id";
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail).into_response()
}

/// Writes the body of a refusal, with the id of the request.
async fn write_problem(request: Request, next: Next) -> Response {
    let id = request.headers().get(REQUEST_ID).and_then(|id| id.to_str().ok()).map(str::to_owned);
    let mut response = next.run(request).await;
    if let Some(mut problem) = response.extensions_mut().remove::<Problem>() {
        problem.request_id = id;
        let body = serde_json::to_vec(&problem).expect("a problem serializes: its keys are strings");
        *response.body_mut() = Body::from(body);
    }
    response
}

fn cors(origins: &[String]) -> CorsLayer {
    let origins: Vec<HeaderValue> = origins.iter().filter_map(|origin| origin.parse().ok()).collect();
    let name = HeaderName::from_static;
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            header::IF_MATCH,
            name("x-org-id"),
            name("idempotency-key"),
            name("last-event-id"),
            name("prefer"),
        ])
        .expose_headers([
            header::ETAG,
            header::LOCATION,
            header::RETRY_AFTER,
            REQUEST_ID,
            name("ratelimit"),
            name("ratelimit-policy"),
        ])
        .max_age(Duration::from_hours(1))
}
