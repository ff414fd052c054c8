//! Each request in numbers and, where spans go anywhere, as a span.

use std::time::Instant;

use axum::{
    extract::{MatchedPath, Request, State},
    http::{Method, StatusCode},
    middleware::Next,
    response::Response,
};
use engine::telemetry::{Traced, attribute, names, span};
use metrics::Label;
use opentelemetry::{
    context::FutureExt as _,
    propagation::TextMapPropagator as _,
    trace::{SpanKind, TraceContextExt as _},
};
use opentelemetry_http::HeaderExtractor;
use opentelemetry_sdk::propagation::TraceContextPropagator;

use crate::App;

/// The route of what has none.
const UNKNOWN: &str = "unmatched";
/// What machines ask all day long: numbers, but no spans.
const MACHINES: [&str; 3] = ["/healthz", "/readyz", "/metrics"];

/// Measures until the head of the answer; a stream goes on after it.
pub async fn observe(State(app): State<App>, request: Request, next: Next) -> Response {
    let telemetry = app.engine.telemetry();
    let traced = telemetry.traces.are_kept();
    if !traced && app.exposition.is_none() {
        return next.run(request).await;
    }
    let began = Instant::now();
    let method = method(request.method());
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map_or(UNKNOWN, MatchedPath::as_str);
    let response = if traced && !MACHINES.contains(&route) {
        in_span(&app, (method, route), request, next).await
    } else {
        next.run(request).await
    };
    let labels = vec![
        Label::from_static_parts("http_request_method", method),
        Label::new("http_route", route.to_owned()),
        Label::from_static_parts("http_response_status_class", class(response.status())),
    ];
    telemetry.meters.histogram(names::REQUESTS, labels).record(began.elapsed().as_secs_f64());
    response
}

/// Below what the caller says that it belongs to (`traceparent`, W3C Trace Context).
async fn in_span(app: &App, (method, route): (&'static str, &str), request: Request, next: Next) -> Response {
    let parent = TraceContextPropagator::new().extract(&HeaderExtractor(request.headers()));
    let begun = app.engine.telemetry().traces.begin(&Traced::of(parent), || {
        let mut attributes = vec![attribute("http.request.method", method), attribute("url.scheme", "http")];
        if route == UNKNOWN {
            return span(method, SpanKind::Server, attributes);
        }
        attributes.push(attribute("http.route", route.to_owned()));
        span(format!("{method} {route}"), SpanKind::Server, attributes)
    });
    let context = begun.context().cloned().unwrap_or_default();
    let response = next.run(request).with_context(context.clone()).await;
    let status = response.status();
    begun.set(|| attribute("http.response.status_code", i64::from(status.as_u16())));
    if status.is_server_error() {
        begun.failed(status.as_str().to_owned());
    }
    // What it began may hold on to it.
    context.span().end();
    response
}

/// Of a client's own invention there are too many.
fn method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        _ => "_OTHER",
    }
}

fn class(status: StatusCode) -> &'static str {
    match status.as_u16() / 100 {
        1 => "1xx",
        2 => "2xx",
        3 => "3xx",
        4 => "4xx",
        _ => "5xx",
    }
}
