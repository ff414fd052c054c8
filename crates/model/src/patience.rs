//! How long a provider is waited for, and how often it is asked: one rule for
//! both protocols.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use tokio::time::timeout;

use crate::{ModelError, RetryPolicy, http::silence, refusal::Failure};

/// Limits of one attempt, and how attempts follow each other.
#[derive(Clone, Debug)]
pub struct Options {
    /// To open a connection, TLS included.
    pub connect_timeout: Duration,
    /// From sending a request to the first byte of a stream, or to the last one of an answer that is none.
    pub first_byte_timeout: Duration,
    /// Between two pieces of a stream; providers send pings meanwhile.
    pub idle_timeout: Duration,
    pub retry: RetryPolicy,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(5),
            first_byte_timeout: Duration::from_mins(1),
            idle_timeout: Duration::from_mins(1),
            retry: RetryPolicy::default(),
        }
    }
}

/// The options of one provider, and the secret that no error may show.
#[derive(Clone)]
pub(crate) struct Patience {
    pub options: Options,
    secret: SecretString,
}

impl Patience {
    pub fn new(options: Options, secret: SecretString) -> Self {
        Self { options, secret }
    }

    /// The same, but nothing is sent a second time.
    pub fn hasty(mut self) -> Self {
        self.options.retry.max_retries = 0;
        self
    }

    /// The wait before the next attempt, or the error when there is none.
    pub fn retry(&self, retries: u32, failure: Failure) -> Result<Duration, ModelError> {
        let Failure { error, advice } = failure;
        let error = self.presentable(error);
        match self.options.retry.decide(retries, error.is_retryable(), &advice, rand::random()) {
            Some(wait) => {
                tracing::warn!(retry = retries + 1, ?wait, %error, "asking the model provider again");
                Ok(wait)
            }
            None => Err(error),
        }
    }

    pub fn presentable(&self, error: ModelError) -> ModelError {
        error.presentable(self.secret.expose_secret())
    }

    /// The only attempt at an answer that is no stream.
    pub async fn once<T>(&self, attempt: impl Future<Output = Result<T, Failure>>) -> Result<T, ModelError> {
        let outcome = timeout(self.options.first_byte_timeout, attempt).await;
        let outcome = outcome.unwrap_or_else(|_| Err(silence("no whole answer").into()));
        outcome.map_err(|failure| self.presentable(failure.error))
    }
}
