//! Events as `text/event-stream`: the frames of the engine, as they are.

#[cfg(test)]
mod tests;

use std::{convert::Infallible, pin::Pin, time::Duration};

use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, HeaderValue, header},
    response::Response,
};
use engine::{Listener, Reader, telemetry::OpenStream};
use futures_util::stream;
use tokio::time::{Instant, Sleep, sleep};
use utoipa::ToSchema;

/// How long a stream may be silent.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// One event of a stream; for the OpenAPI document.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the engine writes frames; this says what they look like")]
pub struct Frame {
    /// `<fence>.<n>`, or the id of a notification: send the last one as `Last-Event-ID` to go on after it.
    id: String,
    /// `run_started`, `token`, …, and at the end one of `done` and `error`; or `notification`.
    event: String,
    /// One JSON object; that of a run names its `run_id`.
    data: String,
}

/// What the reader has, as it says: one that is no text is an id of nothing.
pub fn last_event_id(headers: &HeaderMap) -> Option<&str> {
    headers.get("last-event-id").map(|id| id.to_str().unwrap_or("?")).filter(|id| !id.is_empty())
}

/// Where frames come from.
pub trait Source: Send + 'static {
    /// The next ones; none: there are no more. A future that is dropped loses nothing.
    fn next(&mut self) -> impl Future<Output = domain::Result<Option<Bytes>>> + Send;
}

impl Source for Reader {
    async fn next(&mut self) -> domain::Result<Option<Bytes>> {
        Reader::next(self).await
    }
}

impl Source for Listener {
    async fn next(&mut self) -> domain::Result<Option<Bytes>> {
        Listener::next(self).await
    }
}

/// The answer that streams what the source has; it is counted as long as there is anything of it.
pub fn response(open: OpenStream, source: impl Source) -> Response {
    let quiet = Quiet { alarm: Box::pin(sleep(KEEP_ALIVE)), since: Instant::now() };
    let frames = stream::unfold((open, source, quiet), |(open, mut source, mut quiet)| async move {
        let bytes = tokio::select! {
            biased;
            read = source.next() => match read {
                Ok(bytes) => bytes?,
                Err(error) => {
                    // The stream is cut; its reader comes back with its last id.
                    tracing::warn!(%error, "an event stream broke off");
                    return None;
                }
            },
            () = quiet.for_long() => Bytes::from_static(b": keep-alive\n\n"),
        };
        quiet.since = Instant::now();
        Some((Ok::<_, Infallible>(bytes), (open, source, quiet)))
    });
    let mut response = Response::new(Body::from_stream(frames));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache, no-transform"));
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

/// How long a stream has been silent. Its timer is set anew only when it rings,
/// and not for each frame.
struct Quiet {
    alarm: Pin<Box<Sleep>>,
    since: Instant,
}

impl Quiet {
    async fn for_long(&mut self) {
        loop {
            self.alarm.as_mut().await;
            let due = self.since + KEEP_ALIVE;
            if Instant::now() >= due {
                self.alarm.as_mut().reset(Instant::now() + KEEP_ALIVE);
                return;
            }
            self.alarm.as_mut().reset(due);
        }
    }
}
