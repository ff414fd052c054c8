//! Requests to one provider of the Messages API.

use std::sync::Arc;

use bytes::Bytes;
use reqwest::{
    Client as Http, RequestBuilder, Url,
    header::{HeaderName, HeaderValue},
};
use secrecy::SecretString;
use tokio::time::Instant;

use super::{Auth, Endpoint, Reading, unsigned};
use crate::{
    AnswerStream, BadEndpoint, Client, ModelError, ModelInfo, Options, address, http,
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
        inner.patience = inner.patience.hasty();
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
    /// refuse.
    pub fn stream(&self, body: Bytes) -> AnswerStream {
        AnswerStream::new(Client::Messages(self.clone()), unsigned::without(body))
    }

    /// The limits of a model. They are asked for once.
    pub async fn model_info(&self, model: &str) -> Result<ModelInfo, ModelError> {
        let mut url = self.0.models.clone();
        address::append(&mut url, &[model]);
        let sent = self.signed(self.0.http.get(url)).send();
        let patience = &self.0.patience;
        let json = patience.once(async { Ok(http::whole(http::success(sent.await).await?).await?) }).await?;
        let info = serde_json::from_slice(&json);
        info.map_err(|_| patience.presentable(refusal::of_success("a model", "something", &json)))
    }

    pub(crate) fn patience(&self) -> &Patience {
        &self.0.patience
    }

    /// One attempt at a stream, up to the headers of a success.
    pub(crate) async fn ask(&self, body: Bytes) -> Result<Reading, Failure> {
        let options = &self.0.patience.options;
        let first_byte_by = Instant::now() + options.first_byte_timeout;
        let sent = self.signed(self.0.http.post(self.0.messages.clone())).body(body).send();
        let response = http::event_stream(sent, first_byte_by).await?;
        Ok(Reading::new(response, first_byte_by, options.idle_timeout))
    }

    /// What a request says itself comes before what all of them carry.
    fn signed(&self, request: RequestBuilder) -> RequestBuilder {
        match &self.0.own {
            Some((name, value)) => request.header(name, value),
            None => request,
        }
    }
}
