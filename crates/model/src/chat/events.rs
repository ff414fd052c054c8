//! The body of an event stream, as it is handed to `async-openai`: whole events
//! of JSON and nothing else.
//!
//! It keeps what that crate does not: limits of time and size, comments as signs
//! of life (OpenRouter sends them while a model is slow), and how the stream
//! ended, which `async-openai` tells nobody.

use std::{
    convert::Infallible,
    sync::{Arc, OnceLock},
    time::Duration,
};

use bytes::Bytes;
use futures_util::stream;
use reqwest::{Body, Response};
use serde::de::IgnoredAny;
use tokio::time::{Instant, timeout_at};

use crate::{
    ModelError,
    framer::Framer,
    http::{LINGER, broken, linger, silence},
    refusal,
};

/// The largest stream that is accepted, in bytes: `async-openai` reads ahead
/// without a limit of its own.
const LARGEST_STREAM: usize = 64 << 20;

const DONE: &[u8] = b"[DONE]";

/// How a stream came to its end.
#[derive(Clone, Debug)]
pub(super) enum End {
    /// With `[DONE]`.
    Done,
    /// Its body ended, and nothing had said that it would.
    Closed,
    Failed(ModelError),
}

/// Tells the reader how the stream ended. Set before the last event is handed over.
pub(super) type Verdict = Arc<OnceLock<End>>;

pub(super) struct Events {
    response: Response,
    framer: Framer,
    size: usize,
    /// When the provider has been silent for too long.
    deadline: Instant,
    idle: Duration,
    verdict: Verdict,
}

impl Events {
    pub fn new(response: Response, first_byte_by: Instant, idle: Duration, verdict: Verdict) -> Self {
        Self { response, framer: Framer::default(), size: 0, deadline: first_byte_by, idle, verdict }
    }

    pub fn into_body(self) -> Body {
        Body::wrap_stream(stream::unfold(self, |mut events| async {
            let bytes = events.next().await?;
            Some((Ok::<_, Infallible>(bytes), events))
        }))
    }

    /// The next events, one or more; `None` after the end.
    async fn next(&mut self) -> Option<Bytes> {
        while self.verdict.get().is_none() {
            let end = match self.take() {
                (events, None) if events.is_empty() => self.read().await.err(),
                (events, None) => return Some(events.into()),
                (mut events, Some(end)) => {
                    if matches!(end, End::Done) {
                        linger(&mut self.response, Instant::now() + LINGER).await;
                        events.extend_from_slice(b"data: [DONE]\n\n");
                    }
                    self.end(end);
                    return Some(events.into());
                }
            };
            if let Some(end) = end {
                self.end(end);
            }
        }
        None
    }

    fn end(&self, end: End) {
        // The first end stands.
        let _ = self.verdict.set(end);
    }

    /// The whole events that are there, and the end if it is among them.
    fn take(&mut self) -> (Vec<u8>, Option<End>) {
        let mut events = Vec::new();
        loop {
            let frame = match self.framer.next() {
                Ok(Some(frame)) => frame,
                Ok(None) => return (events, None),
                Err(error) => return (events, Some(End::Failed(error))),
            };
            if frame.data == DONE {
                return (events, Some(End::Done));
            }
            if frame.name == b"error" {
                return (events, Some(End::Failed(refusal::of_event(frame.data))));
            }
            if !is_object(frame.data) {
                let data = refusal::excerpt(frame.data);
                let error = ModelError::bad_answer(format!("an event is not a JSON object: {data:?}"));
                return (events, Some(End::Failed(error)));
            }
            events.extend_from_slice(b"data: ");
            // Line ends are white space here: within strings JSON escapes them.
            events.extend(frame.data.iter().map(|byte| if *byte == b'\n' { b' ' } else { *byte }));
            events.extend_from_slice(b"\n\n");
        }
    }

    async fn read(&mut self) -> Result<(), End> {
        let chunk = timeout_at(self.deadline, self.response.chunk()).await;
        let chunk = chunk.map_err(|_| End::Failed(silence("no byte of the stream")))?;
        let Some(bytes) = chunk.map_err(|error| End::Failed(broken(&error)))? else {
            return Err(End::Closed);
        };
        self.size += bytes.len();
        if self.size > LARGEST_STREAM {
            return Err(End::Failed(ModelError::bad_answer("the stream is larger than 64 MiB")));
        }
        self.framer.push(&bytes);
        self.deadline = Instant::now() + self.idle;
        Ok(())
    }
}

/// Whether `async-openai` can read this as our types: it would log what it cannot.
pub(super) fn is_object(json: &[u8]) -> bool {
    json.trim_ascii_start().starts_with(b"{") && serde_json::from_slice::<IgnoredAny>(json).is_ok()
}
