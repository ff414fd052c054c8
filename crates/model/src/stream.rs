//! An answer that is being streamed.

use std::{pin::Pin, time::Duration};

use bytes::Bytes;
use domain::Usage;
use futures_util::FutureExt;
use tokio::time::sleep;

use crate::{Client, Delta, ModelError, chat, messages, refusal::Failure};

/// Text that has come is handed out in pieces of about this size at most, in bytes.
const LONGEST_PIECE: usize = 4 << 10;

/// The answer to one request, piece by piece. Dropping it hangs up, which
/// cancels the answer at the provider.
pub struct AnswerStream {
    client: Client,
    /// In the provider's own form. Kept until something is visible: up to then
    /// the question may be asked again.
    request: Option<Bytes>,
    retries: u32,
    /// Attempts that broke off after the provider had begun to answer.
    broken: Vec<Broken>,
    state: State,
    /// What came after the text that was handed out last.
    held: Option<Result<Delta, ModelError>>,
}

/// An answer that broke off, or is not at its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broken {
    /// As far as the provider has told.
    pub usage: Usage,
    /// Bytes of text, reasoning and arguments that came, roughly.
    pub received: usize,
}

/// All of a stream's progress is in here and none in the future of `next`, so
/// that a caller may drop that one and call `next` again.
enum State {
    Asking(Pin<Box<dyn Future<Output = Result<Reading, Failure>> + Send>>),
    Reading(Reading),
    Ended,
}

/// The body of a success.
enum Reading {
    Messages(Box<messages::Reading>),
    Chat(Box<chat::Reading>),
}

impl Reading {
    fn so_far(&self) -> Option<Broken> {
        match self {
            Self::Messages(reading) => reading.so_far(),
            Self::Chat(reading) => reading.so_far(),
        }
    }

    async fn next(&mut self) -> Result<Delta, ModelError> {
        match self {
            Self::Messages(reading) => reading.next().await,
            Self::Chat(reading) => reading.next().await,
        }
    }
}

impl AnswerStream {
    pub(crate) async fn open(client: Client, body: Bytes) -> Result<Self, ModelError> {
        let state = State::Asking(Box::pin(ask(client.clone(), body.clone(), Duration::ZERO)));
        let mut stream =
            Self { client, request: Some(body), retries: 0, broken: Vec::new(), state, held: None };
        while let State::Asking(asking) = &mut stream.state {
            match asking.await {
                Ok(reading) => stream.state = State::Reading(reading),
                Err(failure) => stream.recover(failure)?,
            }
        }
        Ok(stream)
    }

    /// The next piece; `None` after [`Delta::Complete`] and after an error.
    /// An answer that breaks off before anything visible is asked for again
    /// silently, within the retries that are left. Safe to cancel.
    pub async fn next(&mut self) -> Result<Option<Delta>, ModelError> {
        loop {
            let failure = match &mut self.state {
                State::Ended => return Ok(None),
                State::Reading(reading) => match next(reading, &mut self.held).await {
                    Ok(delta) => return Ok(Some(self.note(delta))),
                    Err(error) => error.into(),
                },
                State::Asking(asking) => match asking.await {
                    Ok(reading) => {
                        self.state = State::Reading(reading);
                        continue;
                    }
                    Err(failure) => failure,
                },
            };
            self.recover(failure)?;
        }
    }

    /// Whether text or thinking was handed out, so that whoever asks again has
    /// to take it back first.
    pub fn visible(&self) -> bool {
        self.request.is_none()
    }

    /// What broke off or is not at its end, of each attempt to which the provider had begun to answer. A whole answer that
    /// was handed out is none of them.
    pub fn broken(&self) -> Vec<Broken> {
        let now = match (&self.held, &self.state) {
            (Some(Ok(Delta::Complete(answer))), _) => Some(Broken { usage: answer.usage, received: 0 }),
            (_, State::Reading(reading)) => reading.so_far(),
            _ => None,
        };
        self.broken.iter().copied().chain(now).collect()
    }

    fn note(&mut self, delta: Delta) -> Delta {
        match &delta {
            Delta::Text(_) | Delta::Thinking(_) => self.request = None,
            Delta::Complete(_) => self.state = State::Ended,
            Delta::Started { .. } | Delta::ToolUseStarted { .. } => {}
        }
        delta
    }

    /// Begins the next attempt, or gives up.
    fn recover(&mut self, failure: Failure) -> Result<(), ModelError> {
        self.broken = self.broken();
        self.state = State::Ended;
        let patience = self.client.patience();
        let Some(body) = &self.request else { return Err(patience.presentable(failure.error)) };
        let wait = patience.retry(self.retries, failure)?;
        self.retries += 1;
        self.state = State::Asking(Box::pin(ask(self.client.clone(), body.clone(), wait)));
        Ok(())
    }
}

/// The next piece. Text that is there already comes in one: whoever reads more slowly than the provider writes has one
/// piece to look through, to store and to send where it was a hundred. Nothing is waited for.
async fn next(
    reading: &mut Reading,
    held: &mut Option<Result<Delta, ModelError>>,
) -> Result<Delta, ModelError> {
    let first = match held.take() {
        Some(held) => held?,
        None => reading.next().await?,
    };
    let Delta::Text(mut text) = first else { return Ok(first) };
    while text.len() < LONGEST_PIECE {
        match reading.next().now_or_never() {
            Some(Ok(Delta::Text(more))) => text.push_str(&more),
            after => {
                *held = after;
                break;
            }
        }
    }
    Ok(Delta::Text(text))
}

/// One attempt, up to the headers of an event stream.
async fn ask(client: Client, body: Bytes, wait: Duration) -> Result<Reading, Failure> {
    if !wait.is_zero() {
        sleep(wait).await;
    }
    Ok(match client {
        Client::Messages(client) => Reading::Messages(Box::new(client.ask(body).await?)),
        Client::Chat(client) => Reading::Chat(Box::new(client.ask(&body).await?)),
    })
}
