//! What the requests of both protocols have in common below their JSON.

use std::time::Duration;

use chrono::Utc;
use reqwest::{
    Client, Response,
    header::{CONTENT_TYPE, HeaderMap},
    redirect,
};
use tokio::time::{Instant, timeout_at};

use crate::{
    BadEndpoint, ModelError, Options,
    refusal::{self, Failure},
    retry::Advice,
};

/// The largest answer that is accepted, in bytes of content.
pub(crate) const LARGEST_ANSWER: usize = 16 << 20;

/// How long the end of a finished body is waited for. A connection whose body
/// was read to its end is used again, which saves the next request a handshake.
pub(crate) const LINGER: Duration = Duration::from_millis(10);

/// The longest part of a refusal that is read, in bytes.
const LARGEST_REFUSAL: usize = 64 << 10;

/// The longest part of an answer of the wrong type that is read, in bytes.
const LARGEST_SURPRISE: usize = 4096;

/// A client whose requests all carry these headers.
pub(crate) fn client(headers: HeaderMap, options: &Options) -> Result<Client, BadEndpoint> {
    Client::builder()
        .default_headers(headers)
        .user_agent(concat!("sixty/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(options.connect_timeout)
        .tcp_nodelay(true)
        .tcp_keepalive(Duration::from_secs(30))
        .no_proxy()
        .redirect(redirect::Policy::none())
        .retry(reqwest::retry::never())
        .build()
        .map_err(|error| BadEndpoint(cause(&error)))
}

/// What came of sending a request: a success up to its headers, or the failure.
pub(crate) async fn success(sent: Result<Response, reqwest::Error>) -> Result<Response, Failure> {
    let mut response = sent.map_err(|error| unsent(&error))?;
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let advice = Advice::from_headers(response.headers(), Utc::now());
    let id = ["request-id", "x-request-id"].iter().find_map(|name| response.headers().get(*name));
    let id = id.and_then(|id| id.to_str().ok()).map(ToOwned::to_owned);
    // The status says enough where the body breaks off.
    let body = read_up_to(&mut response, LARGEST_REFUSAL).await.unwrap_or_default();
    Err(refusal::of_response(status, id, advice, &body))
}

/// What came of sending a request: a success that is an event stream, or what it says it is. Its first byte is waited for
/// until `by`.
pub(crate) async fn event_stream(
    sent: impl Future<Output = Result<Response, reqwest::Error>>,
    by: Instant,
) -> Result<Response, Failure> {
    let answered = timeout_at(by, async { success(sent.await).await }).await;
    let mut response = answered.unwrap_or_else(|_| Err(silence("no first byte").into()))?;
    let content_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let content_type = content_type.unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("text/event-stream") {
        return Ok(response);
    }
    let got = format!("content type {content_type:?}");
    let body = timeout_at(by, read_up_to(&mut response, LARGEST_SURPRISE)).await;
    let body = body.unwrap_or_else(|_| Ok(Vec::new())).unwrap_or_default();
    Err(refusal::of_success("an event stream", &got, &body).into())
}

/// The whole body of an answer that is not streamed.
pub(crate) async fn whole(mut response: Response) -> Result<Vec<u8>, ModelError> {
    let body = read_up_to(&mut response, LARGEST_ANSWER + 1).await?;
    if body.len() > LARGEST_ANSWER {
        return Err(ModelError::bad_answer("the answer is larger than 16 MiB"));
    }
    Ok(body)
}

/// Reads what is left of a body that was understood already, if it comes soon.
pub(crate) async fn linger(response: &mut Response, until: Instant) {
    let rest = async { while let Ok(Some(_)) = response.chunk().await {} };
    // Late or broken, the answer is whole.
    let _ = timeout_at(until, rest).await;
}

/// The body, or at least its first `limit` bytes.
async fn read_up_to(response: &mut Response, limit: usize) -> Result<Vec<u8>, ModelError> {
    let mut body = Vec::new();
    while body.len() < limit {
        match response.chunk().await {
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => break,
            Err(error) => return Err(broken(&error)),
        }
    }
    Ok(body)
}

pub(crate) fn broken(error: &reqwest::Error) -> ModelError {
    ModelError::Cut { detail: cause(error) }
}

pub(crate) fn silence(detail: &str) -> ModelError {
    ModelError::Timeout { detail: detail.into() }
}

fn unsent(error: &reqwest::Error) -> ModelError {
    let detail = cause(error);
    if error.is_timeout() { ModelError::Timeout { detail } } else { ModelError::Connect { detail } }
}

/// The innermost reason: reqwest's own text names the URL, which may hold a password.
fn cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    if std::ptr::addr_eq(cause, error) { "the request failed".into() } else { cause.to_string() }
}
