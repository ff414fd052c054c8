//! An answer that is being streamed.

use std::pin::Pin;

use bytes::Bytes;
use domain::{Usage, block};
use futures_util::FutureExt;
use tokio::time::{Sleep, sleep};

use crate::{Answer, Client, Delta, ModelError, chat, messages, refusal::Failure};

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
    state: State,
    /// What came after the text that was handed out last.
    held: Option<Result<Delta, ModelError>>,
    /// The attempt with which it ended, if the provider had begun to answer.
    lost: Option<Broken>,
}

/// An attempt that broke off, or is not at its end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Broken {
    /// As far as the provider has told.
    pub usage: Usage,
    /// Bytes of text, reasoning and arguments that came. Of a whole answer: of its blocks, as they would be sent again.
    pub received: usize,
    /// All of the answer came, though nobody was handed it.
    pub whole: bool,
}

impl From<&Answer> for Broken {
    fn from(answer: &Answer) -> Self {
        Self { usage: answer.usage, received: block::to_json(&answer.blocks).len(), whole: true }
    }
}

/// All of a stream's progress is in here and none in the futures of `opened` and `next`, so that a caller may drop those
/// and call again.
enum State {
    /// Nothing is sent yet.
    Ready,
    /// Until the next attempt.
    Waiting(Pin<Box<Sleep>>),
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
    /// Nothing is sent before somebody waits for the answer.
    pub(crate) fn new(client: Client, request: Bytes) -> Self {
        Self { client, request: Some(request), retries: 0, state: State::Ready, held: None, lost: None }
    }

    /// Until the provider begins to answer. Failures up to there are followed by silent retries, as many as are left.
    /// Safe to cancel.
    pub async fn opened(&mut self) -> Result<(), ModelError> {
        loop {
            match &mut self.state {
                State::Reading(_) | State::Ended => return Ok(()),
                State::Ready => self.ask_again(),
                State::Waiting(wait) => {
                    wait.await;
                    self.ask_again();
                }
                State::Asking(asking) => match asking.await {
                    Ok(reading) => self.state = State::Reading(reading),
                    Err(failure) => {
                        self.recover(failure)?;
                    }
                },
            }
        }
    }

    /// The next piece; `None` after [`Delta::Complete`] and after an error. An answer that breaks off before anything
    /// visible is asked for again, within the retries that are left: [`Delta::BrokeOff`] tells of it. Safe to cancel.
    pub async fn next(&mut self) -> Result<Option<Delta>, ModelError> {
        loop {
            self.opened().await?;
            let State::Reading(reading) = &mut self.state else { return Ok(None) };
            match next(reading, &mut self.held).await {
                Ok(delta) => return Ok(Some(self.note(delta))),
                Err(error) => {
                    if let Some(broken) = self.recover(error.into())? {
                        return Ok(Some(Delta::BrokeOff(broken)));
                    }
                }
            }
        }
    }

    /// What is with the provider now, or was when the stream ended in an error: it may have to be paid. A whole answer
    /// that was handed out is none of it, nor is what [`Delta::BrokeOff`] told.
    pub fn broken(&self) -> Option<Broken> {
        match (&self.held, &self.state) {
            (Some(Ok(Delta::Complete(answer))), _) => Some(answer.into()),
            (_, State::Reading(reading)) => Some(reading.so_far().unwrap_or_default()),
            (_, State::Asking(_)) => Some(Broken::default()),
            (_, State::Ready | State::Waiting(_)) => None,
            (_, State::Ended) => self.lost,
        }
    }

    fn note(&mut self, delta: Delta) -> Delta {
        match &delta {
            Delta::Text(_) | Delta::Thinking(_) => self.request = None,
            Delta::Complete(_) => self.state = State::Ended,
            Delta::Started { .. } | Delta::ToolUseStarted { .. } | Delta::BrokeOff(_) => {}
        }
        delta
    }

    /// Waits for the next attempt, or gives up. Tells what the provider had begun to answer.
    fn recover(&mut self, failure: Failure) -> Result<Option<Broken>, ModelError> {
        // An error in place of an answer is a refusal, which costs nothing.
        let refused =
            matches!(failure.error, ModelError::ErrorEvent { .. } | ModelError::PromptTooLong { .. });
        let broken = match &self.state {
            State::Reading(reading) => reading.so_far().or((!refused).then(Broken::default)),
            _ => None,
        };
        self.state = State::Ended;
        self.lost = broken;
        let patience = self.client.patience();
        if self.request.is_none() {
            return Err(patience.presentable(failure.error));
        }
        let wait = patience.retry(self.retries, failure)?;
        self.retries += 1;
        self.lost = None;
        self.state = State::Waiting(Box::pin(sleep(wait)));
        Ok(broken)
    }

    fn ask_again(&mut self) {
        // Once something is visible nothing is waited for.
        if let Some(request) = &self.request {
            self.state = State::Asking(Box::pin(ask(self.client.clone(), request.clone())));
        }
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
async fn ask(client: Client, body: Bytes) -> Result<Reading, Failure> {
    Ok(match client {
        Client::Messages(client) => Reading::Messages(Box::new(client.ask(body).await?)),
        Client::Chat(client) => Reading::Chat(Box::new(client.ask(&body).await?)),
    })
}
