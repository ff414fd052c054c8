//! What came in: one request, and the log of them.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, OnceLock},
    time::Instant,
};

use axum::http::{HeaderMap, Method, request::Parts};
use bytes::Bytes;
use serde_json::Value;
use tokio::sync::watch;

use crate::lock;

/// The log lets go of its oldest requests beyond this many bytes of bodies.
const LOG_BYTES: usize = 64 * 1024 * 1024;

/// A request as it was received.
#[derive(Debug)]
pub struct Request {
    /// The `request-id` of its answer.
    pub id: String,
    pub method: Method,
    /// Without the query.
    pub path: String,
    pub headers: HeaderMap,
    /// Byte for byte; empty when it was larger than the API allows.
    pub body: Bytes,
    /// When the whole body was there.
    pub at: Instant,
    pub(crate) too_large: bool,
    json: OnceLock<Value>,
}

impl Request {
    pub(crate) fn new(id: String, parts: &Parts, body: Option<Bytes>) -> Self {
        Self {
            id,
            method: parts.method.clone(),
            path: parts.uri.path().to_owned(),
            headers: parts.headers.clone(),
            too_large: body.is_none(),
            body: body.unwrap_or_default(),
            at: Instant::now(),
            json: OnceLock::new(),
        }
    }

    /// The body as JSON, `null` when it is none. Parsed when first asked for:
    /// a benchmark's requests never are.
    pub fn json(&self) -> &Value {
        self.json.get_or_init(|| serde_json::from_slice(&self.body).unwrap_or_default())
    }

    /// A header's value, empty when it is missing or not text.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The text of the newest user message that has any; tool results have none.
    pub fn last_user_text(&self) -> String {
        let messages = self.json()["messages"].as_array().map(Vec::as_slice).unwrap_or_default();
        let users = messages.iter().rev().filter(|message| message["role"] == "user");
        users.map(|message| text_of(&message["content"])).find(|text| !text.is_empty()).unwrap_or_default()
    }
}

/// The text of a message's content: the string, or its text blocks, one per line.
pub(crate) fn text_of(content: &Value) -> String {
    texts_of(content).join("\n")
}

/// The texts of a message's content: the string, or those of its text blocks.
pub(crate) fn texts_of(content: &Value) -> Vec<&str> {
    match content {
        Value::String(text) => vec![text],
        Value::Array(blocks) => {
            let texts = blocks.iter().filter(|block| block["type"] == "text");
            texts.filter_map(|block| block["text"].as_str()).collect()
        }
        _ => Vec::new(),
    }
}

/// The requests since the log was last taken, the newest `keep` of them.
pub(crate) struct Log {
    entries: Mutex<Entries>,
    keep: usize,
    received: watch::Sender<usize>,
}

#[derive(Default)]
struct Entries {
    requests: VecDeque<Arc<Request>>,
    bytes: usize,
}

impl Log {
    pub fn new(keep: usize) -> Self {
        Self { entries: Mutex::default(), keep, received: watch::Sender::new(0) }
    }

    pub fn add(&self, request: Arc<Request>) {
        if self.keep > 0 {
            let entries = &mut *lock(&self.entries);
            entries.bytes += request.body.len();
            entries.requests.push_back(request);
            while entries.requests.len() > self.keep || entries.bytes > LOG_BYTES {
                entries.bytes -= entries.requests.pop_front().map_or(0, |oldest| oldest.body.len());
            }
        }
        self.received.send_modify(|count| *count += 1);
    }

    pub fn all(&self) -> Vec<Arc<Request>> {
        lock(&self.entries).requests.iter().cloned().collect()
    }

    pub fn take(&self) -> Vec<Arc<Request>> {
        let taken = std::mem::take(&mut *lock(&self.entries));
        self.received.send_replace(0);
        taken.requests.into()
    }

    pub async fn wait_for(&self, requests: usize) -> Vec<Arc<Request>> {
        let mut received = self.received.subscribe();
        // The sender lives as long as the log, so this cannot fail.
        let _ = received.wait_for(|count| *count >= requests).await;
        self.all()
    }
}
