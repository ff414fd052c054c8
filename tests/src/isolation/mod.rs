//! Nobody learns of, or touches, what is another organization's or a colleague's.

mod attack;
mod canaries;
pub mod document;
mod live;
mod matrix;
mod model;
mod operations;
mod oracles;
mod people;
mod rows;
pub mod scenario;
mod world;

pub use canaries::{is_of, tell_all};
use serde_json::Value;
use uuid::Uuid;

use crate::harness::Answer;

/// What an answer says, without what is different in every answer.
fn gist(answer: &Answer) -> (u16, Vec<(String, String)>, Value) {
    let mut headers: Vec<(String, String)> = answer
        .headers
        .iter()
        .filter(|(name, _)| !["date", "x-request-id", "ratelimit"].contains(&name.as_str()))
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect();
    headers.sort();
    let mut body: Value = serde_json::from_str(&answer.text).unwrap_or_else(|_| answer.text.clone().into());
    if let Some(problem) = body.as_object_mut() {
        problem.remove("request_id");
    }
    (answer.status.as_u16(), headers, body)
}

/// The gist as text, without what was asked for and without the ids of what was
/// made anew; without times, versions and costs too, if the request writes or runs.
fn masked(answer: &Answer, asked: &[String], writes: bool) -> String {
    let (status, mut headers, mut body) = gist(answer);
    headers.retain(|(name, _)| !writes || !["content-length", "etag"].contains(&name.as_str()));
    if writes {
        undated(&mut body);
    }
    masked_text(&format!("{status} {headers:?} {body}"), asked)
}

fn masked_text(text: &str, asked: &[String]) -> String {
    let mut text = text.to_owned();
    for name in asked.iter().filter(|name| name.len() > 2) {
        text = text.replace(name.as_str(), "?");
    }
    without_ids(&text)
}

fn undated(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members
                .retain(|name, _| !name.ends_with("_at") && !["version", "usage"].contains(&name.as_str()));
            members.values_mut().for_each(undated);
        }
        Value::Array(items) => items.iter_mut().for_each(undated),
        _ => {}
    }
}

/// The text with a mark in the place of each UUID.
fn without_ids(text: &str) -> String {
    let (mut out, mut rest) = (String::new(), text);
    while let Some(first) = rest.chars().next() {
        let id = rest.get(..36).filter(|id| Uuid::try_parse(id).is_ok());
        out.push(if id.is_some() { '#' } else { first });
        rest = &rest[id.map_or(first.len_utf8(), str::len)..];
    }
    out
}
