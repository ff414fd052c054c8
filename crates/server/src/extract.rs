//! Our own extractors, so that every refusal has the same shape.

use std::{error::Error as _, time::Duration};

use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Request},
    http::{HeaderMap, StatusCode, header, request::Parts},
};
use domain::Error;
use futures_util::StreamExt as _;
use http_body_util::LengthLimitError;
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, IgnoredAny},
};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::{
    App,
    objects::Strict,
    problem::{Failure, Problem, Result},
};

/// Largest body of a request, in bytes.
pub const MAX_BODY: usize = 1024 * 1024;
const MAX_IDEMPOTENCY_KEY: usize = 255;
/// Bytes of a refused body that are taken in and dropped.
const PASSED_OVER: u64 = 16 * 1024 * 1024;
/// What a body is given to arrive.
const BODY_TIME: Duration = Duration::from_secs(30);

/// Path parameters. What cannot be an id names nothing: 404, like any other.
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + Send> FromRequestParts<App> for Path<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        if nul_in(parts.uri.path()) {
            return Err(Error::NotFound.into());
        }
        match axum::extract::Path::<T>::from_request_parts(parts, app).await {
            Ok(axum::extract::Path(value)) => Ok(Self(value)),
            Err(_) => Err(Error::NotFound.into()),
        }
    }
}

/// Query parameters.
pub struct Query<T>(pub T);

impl<T: DeserializeOwned + Send> FromRequestParts<App> for Query<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        let query = parts.uri.query().unwrap_or_default();
        if nul_in(query) {
            return Err(Error::field("", "a query parameter holds the character U+0000").into());
        }
        match axum::extract::Query::<T>::from_request_parts(parts, app).await {
            Ok(axum::extract::Query(value)) => Ok(Self(value)),
            Err(rejection) => {
                let (name, reason) = named(&rejection.body_text());
                Err(Error::field(name, reason).into())
            }
        }
    }
}

/// The parameter that a rejection speaks of, and what is wrong with it: its text is
/// `Failed to deserialize query string: limit: invalid digit found in string`.
fn named(rejection: &str) -> (String, String) {
    let text = rejection.split_once(": ").map_or(rejection, |(_, text)| text);
    let is_name =
        |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let (name, reason) = match text.split_once(": ") {
        Some((name, reason)) if is_name(name) => (name, reason),
        _ => ("query", text),
    };
    let reason = match reason {
        "invalid digit found in string" | "cannot parse integer from empty string" => {
            "must be a whole number"
        }
        "premature end of input" | "input contains invalid characters" => {
            "must be a time with its zone, such as 2026-11-29T08:00:00Z"
        }
        other => other,
    };
    (name.to_owned(), reason.to_owned())
}

fn nul_in(encoded: &str) -> bool {
    encoded.contains("%00") || encoded.contains('\0')
}

/// A JSON body. The raw bytes stay at hand for the idempotency hash.
pub struct Body<T> {
    pub value: T,
    pub bytes: Bytes,
}

impl<T: DeserializeOwned> FromRequest<App> for Body<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &App) -> Result<Self> {
        let request = admit(request, require_json).await?;
        let bytes = read(request).await?;
        let value = json(&bytes)?;
        Ok(Self { value, bytes })
    }
}

/// A body of text or JSON, as its content type says.
pub enum TextOr<T> {
    Text(String),
    Json(T),
}

impl<T: DeserializeOwned> FromRequest<App> for TextOr<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &App) -> Result<Self> {
        text_or(request, MAX_BODY).await.map(|(read, _)| read)
    }
}

/// A body of text, or of at most so many bytes of JSON, with its raw bytes.
pub async fn text_or<T: DeserializeOwned>(request: Request, most: usize) -> Result<(TextOr<T>, Bytes)> {
    let markdown = mime(request.headers()).is_some_and(|mime| mime == "text/markdown");
    let request = admit(request, if markdown { require_utf8 } else { require_json }).await?;
    let bytes = read_up_to(request, if markdown { MAX_BODY } else { most }).await?;
    if !markdown {
        return json(&bytes).map(|value| (TextOr::Json(value), bytes));
    }
    let text = String::from_utf8(bytes.to_vec()).map_err(|_| Error::field("", "the body is not UTF-8"))?;
    if text.contains('\0') {
        return Err(Error::field("", "the body holds the character U+0000").into());
    }
    Ok((TextOr::Text(text), bytes))
}

/// A body of JSON or a zip archive, of at most so many bytes; whether it is an archive.
pub async fn json_or_zip(request: Request, most: usize) -> Result<(bool, Bytes)> {
    let zip = mime(request.headers()).is_some_and(|mime| mime == "application/zip");
    let request = admit(request, if zip { |_| Ok(()) } else { require_json_or_zip }).await?;
    read_up_to(request, most).await.map(|bytes| (zip, bytes))
}

/// A body that may be missing.
pub struct MaybeBody<T>(pub Option<Body<T>>);

impl<T: DeserializeOwned> FromRequest<App> for MaybeBody<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &App) -> Result<Self> {
        let headers = request.headers().clone();
        let bytes = read(request).await?;
        if bytes.is_empty() {
            return Ok(Self(None));
        }
        require_json(&headers)?;
        let value: Option<T> = json(&bytes)?;
        Ok(Self(value.map(|value| Body { value, bytes })))
    }
}

/// Refuses a body for what its headers say.
async fn admit(request: Request, check: fn(&HeaderMap) -> Result<()>) -> Result<Request> {
    match check(request.headers()) {
        Ok(()) => Ok(request),
        Err(refusal) => {
            pass_over(request).await;
            Err(refusal)
        }
    }
}

/// Takes a refused body in and drops it, if its length is announced: many clients send all of it
/// before they read, and an answer on a connection that closes meanwhile is lost to them. (Who is
/// refused for what the other headers say, such as a bad token, has to read while sending.)
async fn pass_over(request: Request) {
    let waits = request.headers().contains_key(header::EXPECT);
    if waits || announced(request.headers()).is_none_or(|length| length > PASSED_OVER) {
        return;
    }
    let mut rest = request.into_body().into_data_stream();
    let passing = async { while let Some(Ok(_)) = rest.next().await {} };
    // However it ends, the refusal is the answer.
    drop(tokio::time::timeout(BODY_TIME, passing).await);
}

/// The length that the client says it sends.
fn announced(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// The bytes of a body, at most so many, as they came.
pub async fn raw(request: Request, most: usize) -> Result<Bytes> {
    read_up_to(request, most).await
}

async fn read(request: Request) -> Result<Bytes> {
    read_up_to(request, MAX_BODY).await
}

async fn read_up_to(request: Request, most: usize) -> Result<Bytes> {
    let too_large = || {
        let detail = format!("the body is larger than {most} bytes");
        Failure::from(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", detail))
    };
    if announced(request.headers()).is_some_and(|length| length > most as u64) {
        pass_over(request).await;
        return Err(too_large());
    }
    let whole = tokio::time::timeout(BODY_TIME, axum::body::to_bytes(request.into_body(), most));
    let slow = |_| {
        let detail = "the body did not arrive within 30 seconds";
        Failure::from(Problem::new(StatusCode::REQUEST_TIMEOUT, "body_too_slow", detail))
    };
    whole.await.map_err(slow)?.map_err(|error| {
        if error.source().is_some_and(<dyn std::error::Error>::is::<LengthLimitError>) {
            return too_large();
        }
        let detail = "the body broke off before its end, or is not framed as HTTP frames one";
        Failure::from(Problem::new(StatusCode::BAD_REQUEST, "incomplete_body", detail))
    })
}

fn mime(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    Some(value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
}

fn require_json(headers: &HeaderMap) -> Result<()> {
    match mime(headers) {
        Some(mime) if mime == "application/json" || mime.ends_with("+json") => Ok(()),
        _ => Err(unsupported("send the body as Content-Type: application/json")),
    }
}

fn require_json_or_zip(headers: &HeaderMap) -> Result<()> {
    require_json(headers)
        .map_err(|_| unsupported("send the body as Content-Type: application/zip or application/json"))
}

fn require_utf8(headers: &HeaderMap) -> Result<()> {
    if foreign_charset(headers) {
        return Err(unsupported("send text/markdown as UTF-8, with charset=utf-8 or without a charset"));
    }
    Ok(())
}

fn unsupported(detail: &str) -> Failure {
    Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail).into()
}

/// Whether the content type names an encoding other than UTF-8.
fn foreign_charset(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.to_ascii_lowercase().split(';').skip(1).any(|parameter| {
        let charset = parameter.trim().strip_prefix("charset=").map(|name| name.trim_matches('"').to_owned());
        charset.is_some_and(|name| !["utf-8", "utf8", "us-ascii"].contains(&name.as_str()))
    })
}

fn json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    if let Some(field) = nul_field(bytes) {
        return Err(Error::field(field, "holds the character U+0000, which cannot be stored").into());
    }
    // What is no JSON at all is told as such below.
    if bytes.trim_ascii_start().starts_with(b"[") && serde_json::from_slice::<IgnoredAny>(bytes).is_ok() {
        return Err(Error::field("", "must be a JSON object").into());
    }
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value: T = serde_path_to_error::deserialize(Strict(&mut deserializer)).map_err(|error| {
        let path = error.path().to_string();
        let inner = error.into_inner();
        // serde_json calls a number in the place of an enum a fault of syntax.
        if !inner.is_data() && serde_json::from_slice::<Value>(bytes).is_err() {
            return Failure::from(Problem::new(
                StatusCode::BAD_REQUEST,
                "malformed_json",
                format!("the body is not JSON: {inner}"),
            ));
        }
        let field = if path == "." { String::new() } else { path };
        Error::field(field, plain(&inner.to_string())).into()
    })?;
    deserializer.end().map_err(|error| {
        let detail = format!("the body is not one JSON value: {error}");
        Failure::from(Problem::new(StatusCode::BAD_REQUEST, "malformed_json", detail))
    })?;
    Ok(value)
}

/// serde's words without the position in the text.
fn plain(text: &str) -> String {
    text.split(" at line ").next().unwrap_or(text).to_owned()
}

/// The first string of the JSON that holds U+0000, as a path.
pub fn nul_field(bytes: &[u8]) -> Option<String> {
    if !bytes.windows(6).any(|window| window == b"\\u0000") {
        return None;
    }
    let value: Value = serde_json::from_slice(bytes).ok()?;
    find_text(&value, String::new(), &|text| text.contains('\0'))
}

/// The first such string of a value, as a path. A name of a member stands for its object.
pub fn find_text(value: &Value, path: String, such: &impl Fn(&str) -> bool) -> Option<String> {
    match value {
        Value::String(text) => such(text).then_some(path),
        Value::Array(items) => {
            items.iter().enumerate().find_map(|(i, item)| find_text(item, format!("{path}[{i}]"), such))
        }
        Value::Object(fields) => fields.iter().find_map(|(name, item)| {
            if such(name) {
                return Some(path.clone());
            }
            let dot = if path.is_empty() { "" } else { "." };
            find_text(item, format!("{path}{dot}{name}"), such)
        }),
        _ => None,
    }
}

/// The digest of `Idempotency-Key`, if one is given.
pub struct IdempotencyKey(pub Option<String>);

impl FromRequestParts<App> for IdempotencyKey {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self> {
        let Some(value) = parts.headers.get("idempotency-key") else { return Ok(Self(None)) };
        match value.to_str() {
            // Stored as a digest: what a client puts into a key need not be fit to be kept.
            Ok(key) if !key.is_empty() && key.len() <= MAX_IDEMPOTENCY_KEY => {
                Ok(Self(Some(hex::encode(Sha256::digest(key)))))
            }
            _ => Err(Error::field("Idempotency-Key", "must be 1 to 255 visible ASCII characters").into()),
        }
    }
}

/// For fields of a `PATCH`: tells one that is null from one that is missing.
pub fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> std::result::Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}
