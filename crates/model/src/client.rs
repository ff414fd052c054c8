//! A provider, whichever protocol it speaks.

use bytes::Bytes;
use secrecy::SecretString;
use serde::Deserialize;

use crate::{AnswerStream, BadEndpoint, ChatClient, MessagesClient, ModelError, patience::Patience};

/// A client of one provider. Requests are bodies of the Messages API for both
/// protocols; answers are the same too. Clones share their connections.
#[derive(Clone)]
pub enum Client {
    Messages(MessagesClient),
    Chat(ChatClient),
}

/// What a provider says about a model; `None` where it does not say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct ModelInfo {
    /// The context window, in tokens.
    pub max_input_tokens: Option<u64>,
}

impl Client {
    /// The same, with the same connections, but no request is sent a second time.
    #[must_use]
    pub(crate) fn without_retries(&self) -> Self {
        match self {
            Self::Messages(client) => Self::Messages(client.without_retries()),
            Self::Chat(client) => Self::Chat(client.without_retries()),
        }
    }

    /// The same, with the same connections, but with another key. Fails where no header can carry it.
    pub fn with_key(&self, key: SecretString) -> Result<Self, BadEndpoint> {
        Ok(match self {
            Self::Messages(client) => Self::Messages(client.with_key(key)?),
            Self::Chat(client) => Self::Chat(client.with_key(key)?),
        })
    }

    /// Asks for an answer piece by piece. The body must say `"stream": true`. Fails where the protocol cannot say it.
    pub fn stream(&self, body: Bytes) -> Result<AnswerStream, ModelError> {
        match self {
            Self::Messages(client) => Ok(client.stream(body)),
            Self::Chat(client) => client.stream(&body),
        }
    }

    /// The limits of a model. They are asked for once, whatever the options say of retries.
    pub async fn model_info(&self, model: &str) -> Result<ModelInfo, ModelError> {
        match self {
            Self::Messages(client) => client.model_info(model).await,
            Self::Chat(client) => client.model_info(model).await,
        }
    }

    pub(crate) fn patience(&self) -> &Patience {
        match self {
            Self::Messages(client) => client.patience(),
            Self::Chat(client) => client.patience(),
        }
    }
}

impl From<MessagesClient> for Client {
    fn from(client: MessagesClient) -> Self {
        Self::Messages(client)
    }
}

impl From<ChatClient> for Client {
    fn from(client: ChatClient) -> Self {
        Self::Chat(client)
    }
}
