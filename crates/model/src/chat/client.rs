//! Requests to one OpenAI-compatible provider.

use std::sync::Arc;

use async_openai::{Client as OpenAi, config::Config};
use bytes::Bytes;
use reqwest::{Client as Http, header::HeaderMap};
use secrecy::SecretString;
use serde_json::value::RawValue;
use tokio::time::Instant;
use tower::service_fn;

use super::{
    ChatEndpoint, Dialect, Reading,
    endpoint::Place,
    events::Verdict,
    translate::translate,
    transport::{Expected, Transport, failure},
    wire::Card,
};
use crate::{
    AnswerStream, BadEndpoint, Client, ModelError, ModelInfo, Options, address, http, patience::Patience,
    refusal::Failure,
};

/// A client of one provider. Clones share their connections.
#[derive(Clone)]
pub struct ChatClient(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    http: Http,
    place: Arc<Place>,
    openai: OpenAi<Arc<dyn Config>>,
    dialect: Dialect,
    patience: Patience,
}

impl ChatClient {
    /// Fails when the endpoint cannot be used; does not try to reach it.
    pub fn new(endpoint: ChatEndpoint, options: Options) -> Result<Self, BadEndpoint> {
        let place = Arc::new(endpoint.place()?);
        let http = http::client(HeaderMap::new(), &options)?;
        Ok(Self(Arc::new(Inner {
            openai: OpenAi::build(http.clone(), place.clone() as Arc<dyn Config>),
            http,
            place,
            dialect: endpoint.dialect,
            patience: Patience::new(options, endpoint.key.unwrap_or_default()),
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
        inner.place = Arc::new(inner.place.with_key(key.clone())?);
        inner.openai = OpenAi::build(inner.http.clone(), inner.place.clone() as Arc<dyn Config>);
        inner.patience = Patience::new(inner.patience.options, key);
        Ok(Self(Arc::new(inner)))
    }

    /// Asks for an answer piece by piece. The body is that of a streaming Messages API request. Fails where that cannot be
    /// translated.
    pub fn stream(&self, body: &[u8]) -> Result<AnswerStream, ModelError> {
        Ok(AnswerStream::new(Client::Chat(self.clone()), translate(body, self.0.dialect)?))
    }

    /// The limits of a model, which are asked for once. OpenAI tells none, most compatible servers do.
    pub async fn model_info(&self, model: &str) -> Result<ModelInfo, ModelError> {
        let model = escaped(model);
        let openai = self.through(Expected::Model);
        let attempt = async { openai.models().retrieve_byot::<_, Card>(&model).await.map_err(failure) };
        Ok(self.0.patience.once(attempt).await?.into())
    }

    pub(crate) fn patience(&self) -> &Patience {
        &self.0.patience
    }

    /// One attempt at a stream, up to the headers of a success.
    pub(crate) async fn ask(&self, body: &Bytes) -> Result<Reading, Failure> {
        let options = &self.0.patience.options;
        let verdict = Verdict::default();
        let openai = self.through(Expected::Events {
            first_byte_by: Instant::now() + options.first_byte_timeout,
            idle: options.idle_timeout,
            verdict: verdict.clone(),
        });
        let chunks = openai.chat().create_stream_byot(raw(body)?).await.map_err(failure)?;
        Ok(Reading::new(chunks, verdict))
    }

    /// A client whose requests go through a transport that expects this.
    fn through(&self, expected: Expected) -> OpenAi<Arc<dyn Config>> {
        let transport = Transport { http: self.0.http.clone(), expected };
        self.0.openai.clone().with_http_service(service_fn(move |request| transport.clone().carry(request)))
    }
}

/// Our own translation, which `async-openai` copies as it is.
fn raw(body: &Bytes) -> Result<&RawValue, ModelError> {
    serde_json::from_slice(body).map_err(|error| ModelError::bad_answer(error.to_string()))
}

/// A model's name as one segment of a path: some have slashes.
fn escaped(model: &str) -> String {
    let mut url = reqwest::Url::parse("http://localhost/").expect("an address");
    address::append(&mut url, &[model]);
    url.path()[1..].to_owned()
}
