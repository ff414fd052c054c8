//! Conversations, the sales record and memory, as their users keep them.

mod entities;
mod feedback;
mod idempotency;
mod lists;
mod memory;
mod profile;
mod refusals;
mod sessions;
mod together;

use reqwest::Method;
use serde_json::Value;

use crate::harness::{Answer, Person};

/// Sends with `If-Match`.
pub async fn if_match(person: &Person, method: Method, path: &str, tag: &str, body: Value) -> Answer {
    person.send(person.request(method, path).header("if-match", tag).json(&body)).await
}
