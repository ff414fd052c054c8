//! Lists: `{data, next_cursor}`, with opaque cursors.

use axum::Json;
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use domain::{Error, Result};
use serde::{Serialize, de::DeserializeOwned};
use utoipa::ToSchema;

use crate::extract::nul_field;

const DEFAULT_LIMIT: i64 = 50;
const MAX_LIMIT: i64 = 100;

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct Page<T> {
    pub data: Vec<T>,
    /// Pass it as `cursor` to get the next page; null on the last one.
    #[schema(required)]
    pub next_cursor: Option<String>,
}

/// The wanted size of a page, from 1 to 100.
pub fn limit(asked: Option<i64>) -> Result<i64> {
    match asked {
        None => Ok(DEFAULT_LIMIT),
        Some(limit @ 1..=MAX_LIMIT) => Ok(limit),
        Some(_) => Err(Error::field("limit", "must be from 1 to 100")),
    }
}

/// What a cursor stands for.
pub fn after<K: DeserializeOwned>(cursor: Option<&str>) -> Result<Option<K>> {
    let Some(cursor) = cursor else { return Ok(None) };
    BASE64_URL_SAFE_NO_PAD
        .decode(cursor)
        .ok()
        .filter(|json| nul_field(json).is_none())
        .and_then(|json| serde_json::from_slice(&json).ok())
        .map(Some)
        .ok_or_else(not_of_this_list)
}

/// The same for lists whose places look alike, such as numbers: a cursor names its list,
/// and is none of another. See [`page`], whose key then is `(list, place)`.
pub fn after_in<K: DeserializeOwned>(list: &str, cursor: Option<&str>) -> Result<Option<K>> {
    match after::<(String, K)>(cursor)? {
        Some((named, place)) if named == list => Ok(Some(place)),
        Some(_) => Err(not_of_this_list()),
        None => Ok(None),
    }
}

fn not_of_this_list() -> Error {
    Error::field("cursor", "is not a cursor of this list")
}

/// A page of at most `limit` items, from a query that asked for one more.
pub fn page<T, K: Serialize>(mut items: Vec<T>, limit: i64, key: impl Fn(&T) -> K) -> Json<Page<T>> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = items.len() > limit;
    items.truncate(limit);
    let next_cursor = items.last().filter(|_| more).map(|last| {
        let json = serde_json::to_vec(&key(last)).expect("a key serializes: it holds plain values");
        BASE64_URL_SAFE_NO_PAD.encode(json)
    });
    Json(Page { data: items, next_cursor })
}
