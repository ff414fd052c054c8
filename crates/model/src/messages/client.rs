//! Requests to one provider: sending, waiting, trying again.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use chrono::Utc;
use reqwest::{Client, RequestBuilder, Response, Url, header::CONTENT_TYPE, redirect};
use serde::Deserialize;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::{
    AnswerStream, BadEndpoint, Endpoint,
    assemble::{Assembler, LARGEST_ANSWER},
    endpoint,
    refusal::{self, Failure},
    wire::Message,
};
use crate::{Advice, Answer, ModelError, RetryPolicy};

/// The longest part of a refusal that is read, in bytes.
const LARGEST_REFUSAL: usize = 64 << 10;

/// Limits of one attempt, and how attempts follow each other.
#[derive(Clone, Debug)]
pub struct Options {
    /// To open a connection, TLS included.
    pub connect_timeout: Duration,
    /// From sending a request to the first byte of the answer's body.
    pub first_byte_timeout: Duration,
    /// Between two pieces of a stream; providers send pings meanwhile.
    pub idle_timeout: Duration,
    /// For a whole answer that is not streamed.
    pub answer_timeout: Duration,
    pub retry: RetryPolicy,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(5),
            first_byte_timeout: Duration::from_mins(1),
            idle_timeout: Duration::from_mins(1),
            answer_timeout: Duration::from_mins(5),
            retry: RetryPolicy::default(),
        }
    }
}

/// What a provider says about a model; `None` where it does not say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct ModelInfo {
    /// The context window, in tokens.
    pub max_input_tokens: Option<u64>,
    /// The longest answer, in tokens.
    pub max_tokens: Option<u64>,
}

/// A client of one provider. Clones share their connections.
#[derive(Clone)]
pub struct MessagesClient(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    http: Client,
    endpoint: Endpoint,
    messages: Url,
    count_tokens: Url,
    models: Url,
    options: Options,
}

impl MessagesClient {
    /// Fails when the endpoint cannot be used; does not try to reach it.
    pub fn new(endpoint: Endpoint, options: Options) -> Result<Self, BadEndpoint> {
        let http = Client::builder()
            .default_headers(endpoint.headers()?)
            .user_agent(concat!("sixty/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(options.connect_timeout)
            .tcp_nodelay(true)
            .tcp_keepalive(Duration::from_secs(30))
            .no_proxy()
            .redirect(redirect::Policy::none())
            .retry(reqwest::retry::never())
            .build()
            .map_err(|error| BadEndpoint(cause(&error)))?;
        Ok(Self(Arc::new(Inner {
            http,
            messages: endpoint.url(&["v1", "messages"])?,
            count_tokens: endpoint.url(&["v1", "messages", "count_tokens"])?,
            models: endpoint.url(&["v1", "models"])?,
            endpoint,
            options,
        })))
    }

    /// The same, with the same connections, but no request is sent a second time.
    #[must_use]
    pub fn without_retries(&self) -> Self {
        let mut inner = (*self.0).clone();
        inner.options.retry.max_retries = 0;
        Self(Arc::new(inner))
    }

    /// Asks for an answer piece by piece. The body, which must say
    /// `"stream": true`, is sent as it is. Returns when the provider begins to
    /// answer; dropping the stream cancels the answer.
    pub async fn stream(&self, body: Bytes) -> Result<AnswerStream, ModelError> {
        AnswerStream::open(self.clone(), body).await
    }

    /// Asks for a whole answer, within `answer_timeout` per attempt.
    pub async fn create(&self, body: Bytes) -> Result<Answer, ModelError> {
        let request = || self.0.http.post(self.0.messages.clone()).body(body.clone());
        let json = self.fetch(request, self.0.options.answer_timeout).await?;
        // A message always has content, an error in a success's clothes has none.
        match serde_json::from_slice::<Message<'_>>(&json) {
            Ok(message) if message.content.is_some() => Ok(Assembler::whole(message)),
            _ => Err(self.unexpected("a message", &json)),
        }
    }

    /// Counts the tokens of a request. Not every server can: see
    /// [`tokens::estimate`](crate::tokens::estimate).
    pub async fn count_tokens(&self, body: Bytes) -> Result<u64, ModelError> {
        #[derive(Deserialize)]
        struct Count {
            input_tokens: u64,
        }
        let request = || self.0.http.post(self.0.count_tokens.clone()).body(body.clone());
        let json = self.fetch(request, self.0.options.first_byte_timeout).await?;
        let count: Count =
            serde_json::from_slice(&json).map_err(|_| self.unexpected("a token count", &json))?;
        Ok(count.input_tokens)
    }

    /// The limits of a model.
    pub async fn model_info(&self, model: &str) -> Result<ModelInfo, ModelError> {
        let mut url = self.0.models.clone();
        endpoint::append(&mut url, &[model]);
        let request = || self.0.http.get(url.clone());
        let json = self.fetch(request, self.0.options.first_byte_timeout).await?;
        serde_json::from_slice(&json).map_err(|_| self.unexpected("a model", &json))
    }

    pub(super) fn options(&self) -> &Options {
        &self.0.options
    }

    /// One attempt at a stream, up to the headers of a success.
    pub(super) async fn ask(&self, body: Bytes, first_byte_by: Instant) -> Result<Response, Failure> {
        let request = self.0.http.post(self.0.messages.clone()).body(body);
        let sent = timeout_at(first_byte_by, self.send(request)).await;
        sent.unwrap_or_else(|_| Err(silence("no first byte").into()))
    }

    /// The wait before the next attempt, or the error when there is none.
    pub(super) fn retry(&self, retries: u32, failure: Failure) -> Result<Duration, ModelError> {
        let Failure { error, advice } = failure;
        let error = self.presentable(error);
        match self.0.options.retry.decide(retries, error.is_retryable(), &advice, rand::random()) {
            Some(wait) => {
                tracing::warn!(retry = retries + 1, ?wait, %error, "asking the model provider again");
                Ok(wait)
            }
            None => Err(error),
        }
    }

    pub(super) fn presentable(&self, error: ModelError) -> ModelError {
        error.presentable(self.0.endpoint.auth.secret())
    }

    fn unexpected(&self, expected: &str, body: &[u8]) -> ModelError {
        self.presentable(refusal::of_success(expected, "something", body))
    }

    /// The body of a success, within `limit` per attempt.
    async fn fetch(
        &self,
        request: impl Fn() -> RequestBuilder,
        limit: Duration,
    ) -> Result<Vec<u8>, ModelError> {
        let mut retries = 0;
        loop {
            let attempt = async {
                let mut response = self.send(request()).await?;
                let body = read_up_to(&mut response, LARGEST_ANSWER + 1).await?;
                if body.len() > LARGEST_ANSWER {
                    return Err(ModelError::bad_answer("the answer is larger than 16 MiB").into());
                }
                Ok(body)
            };
            let outcome = timeout(limit, attempt).await;
            match outcome.unwrap_or_else(|_| Err(silence("no whole answer").into())) {
                Ok(body) => return Ok(body),
                Err(failure) => sleep(self.retry(retries, failure)?).await,
            }
            retries += 1;
        }
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, Failure> {
        let mut response = request.send().await.map_err(|error| unsent(&error))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let advice = Advice::from_headers(response.headers(), Utc::now());
        let request_id = response.headers().get("request-id");
        let request_id = request_id.and_then(|id| id.to_str().ok()).map(ToOwned::to_owned);
        // The status says enough where the body breaks off.
        let body = read_up_to(&mut response, LARGEST_REFUSAL).await.unwrap_or_default();
        Err(refusal::of_response(status, request_id, advice, &body))
    }
}

/// The body, or at least its first `limit` bytes.
pub(super) async fn read_up_to(response: &mut Response, limit: usize) -> Result<Vec<u8>, ModelError> {
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

pub(super) fn content_type(response: &Response) -> &str {
    response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

pub(super) fn broken(error: &reqwest::Error) -> ModelError {
    ModelError::Cut { detail: cause(error) }
}

pub(super) fn silence(detail: &str) -> ModelError {
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
