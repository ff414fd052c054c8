//! A run's events as `text/event-stream`: the frames of the engine, as they are.

use std::{convert::Infallible, time::Duration};

use axum::{
    body::{Body, Bytes},
    http::{HeaderValue, header},
    response::Response,
};
use engine::Reader;
use futures_util::stream;
use tokio::time::timeout;
use utoipa::ToSchema;

/// How long a stream may be silent.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// One event of a stream; for the OpenAPI document.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the engine writes frames; this says what they look like")]
pub struct Frame {
    /// `<fence>.<n>`: send the last one as `Last-Event-ID` to go on after it.
    id: String,
    /// `run_started`, `token`, …, and at the end one of `done` and `error`.
    event: String,
    /// One JSON object, which names its `run_id`.
    data: String,
}

/// The answer that streams what the reader reads.
pub fn response(reader: Reader) -> Response {
    let frames = stream::unfold(reader, |mut reader| async move {
        let bytes = match timeout(KEEP_ALIVE, reader.next()).await {
            Err(_) => Bytes::from_static(b": keep-alive\n\n"),
            Ok(Ok(Some(bytes))) => bytes,
            Ok(Ok(None)) => return None,
            Ok(Err(error)) => {
                // The stream is cut; its reader comes back with its last id.
                tracing::warn!(%error, "an event stream broke off");
                return None;
            }
        };
        Some((Ok::<_, Infallible>(bytes), reader))
    });
    let mut response = Response::new(Body::from_stream(frames));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache, no-transform"));
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}
