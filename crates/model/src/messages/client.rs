//! Requests to one provider of the Messages API.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use reqwest::{
    Client as Http, RequestBuilder, Url,
    header::{HeaderName, HeaderValue},
};
use secrecy::SecretString;
use serde::Deserialize;
use tokio::time::{Instant, timeout_at};

use super::{Auth, Endpoint, Reading, assemble::Assembler, unsigned, wire::Message};
use crate::{
    Answer, AnswerStream, BadEndpoint, Client, ModelError, ModelInfo, Options, address,
    http::{self, silence},
    patience::Patience,
    refusal::{self, Failure},
};

/// A client of one provider. Clones share their connections.
#[derive(Clone)]
pub struct MessagesClient(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    http: Http,
    messages: Url,
    count_tokens: Url,
    models: Url,
    auth: Auth,
    /// A key that is sent instead of the one that all requests carry.
    own: Option<(HeaderName, HeaderValue)>,
    patience: Patience,
}

impl MessagesClient {
    /// Fails when the endpoint cannot be used; does not try to reach it.
    pub fn new(endpoint: Endpoint, options: Options) -> Result<Self, BadEndpoint> {
        Ok(Self(Arc::new(Inner {
            http: http::client(endpoint.headers()?, &options)?,
            messages: endpoint.url(&["v1", "messages"])?,
            count_tokens: endpoint.url(&["v1", "messages", "count_tokens"])?,
            models: endpoint.url(&["v1", "models"])?,
            patience: Patience::new(options, endpoint.auth.secret().clone()),
            auth: endpoint.auth,
            own: None,
        })))
    }

    /// The same, with the same connections, but no request is sent a second time.
    #[must_use]
    pub fn without_retries(&self) -> Self {
        let mut inner = (*self.0).clone();
        inner.patience.options.retry.max_retries = 0;
        Self(Arc::new(inner))
    }

    /// The same, with the same connections, but with another key. Fails where no header can carry it.
    pub fn with_key(&self, key: SecretString) -> Result<Self, BadEndpoint> {
        let mut inner = (*self.0).clone();
        inner.auth = inner.auth.with(key);
        inner.own = Some(inner.auth.header()?);
        inner.patience = Patience::new(inner.patience.options, inner.auth.secret().clone());
        Ok(Self(Arc::new(inner)))
    }

    /// Asks for an answer piece by piece. The body, which must say
    /// `"stream": true`, is sent as it is, but for thinking that this API would
    /// refuse. Returns when the provider begins to answer; dropping the stream
    /// cancels the answer.
    pub async fn stream(&self, body: Bytes) -> Result<AnswerStream, ModelError> {
        AnswerStream::open(Client::Messages(self.clone()), unsigned::without(body)).await
    }

    /// Asks for a whole answer, within `answer_timeout` per attempt.
    pub async fn create(&self, body: Bytes) -> Result<Answer, ModelError> {
        let body = unsigned::without(body);
        let request = || self.post(&self.0.messages).body(body.clone());
        let json = self.fetch(request, self.0.patience.options.answer_timeout).await?;
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
        let request = || self.post(&self.0.count_tokens).body(body.clone());
        let json = self.fetch(request, self.0.patience.options.first_byte_timeout).await?;
        let count: Count =
            serde_json::from_slice(&json).map_err(|_| self.unexpected("a token count", &json))?;
        Ok(count.input_tokens)
    }

    /// The limits of a model.
    pub async fn model_info(&self, model: &str) -> Result<ModelInfo, ModelError> {
        let mut url = self.0.models.clone();
        address::append(&mut url, &[model]);
        let request = || self.signed(self.0.http.get(url.clone()));
        let json = self.fetch(request, self.0.patience.options.first_byte_timeout).await?;
        serde_json::from_slice(&json).map_err(|_| self.unexpected("a model", &json))
    }

    pub(crate) fn patience(&self) -> &Patience {
        &self.0.patience
    }

    /// One attempt at a stream, up to the headers of a success.
    pub(crate) async fn ask(&self, body: Bytes) -> Result<Reading, Failure> {
        let options = &self.0.patience.options;
        let first_byte_by = Instant::now() + options.first_byte_timeout;
        let request = self.post(&self.0.messages).body(body);
        let sent = timeout_at(first_byte_by, async { http::success(request.send().await).await }).await;
        let response = sent.unwrap_or_else(|_| Err(silence("no first byte").into()))?;
        let response = http::event_stream(response, first_byte_by).await?;
        Ok(Reading::new(response, first_byte_by, options.idle_timeout))
    }

    fn post(&self, url: &Url) -> RequestBuilder {
        self.signed(self.0.http.post(url.clone()))
    }

    /// What a request says itself comes before what all of them carry.
    fn signed(&self, request: RequestBuilder) -> RequestBuilder {
        match &self.0.own {
            Some((name, value)) => request.header(name, value),
            None => request,
        }
    }

    fn unexpected(&self, expected: &str, body: &[u8]) -> ModelError {
        self.0.patience.presentable(refusal::of_success(expected, "something", body))
    }

    /// The body of a success, within `limit` per attempt.
    async fn fetch(
        &self,
        request: impl Fn() -> RequestBuilder,
        limit: Duration,
    ) -> Result<Vec<u8>, ModelError> {
        let attempt = || {
            let request = request();
            async move { Ok(http::whole(http::success(request.send().await).await?).await?) }
        };
        self.0.patience.until_answered(limit, attempt).await
    }
}
