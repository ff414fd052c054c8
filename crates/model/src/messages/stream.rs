//! An answer that is being streamed.

use std::{pin::Pin, time::Duration};

use bytes::Bytes;
use domain::Usage;
use reqwest::Response;
use tokio::time::{Instant, Sleep, sleep, sleep_until, timeout_at};

use super::{
    MessagesClient,
    assemble::Assembler,
    client::{broken, content_type, read_up_to, silence},
    refusal::{self, Failure},
};
use crate::{Answer, Delta, ModelError, framer::Framer};

/// How long the end of a finished body is waited for. A connection whose body
/// was read to its end is used again, which saves the next request a handshake.
const LINGER: Duration = Duration::from_millis(10);

/// The longest part of an answer of the wrong type that is read, in bytes.
const LARGEST_SURPRISE: usize = 4096;

/// The answer to one request, piece by piece. Dropping it hangs up, which
/// cancels the answer at the provider.
pub struct AnswerStream {
    client: MessagesClient,
    /// Kept until something is visible: up to then the question may be asked again.
    request: Option<Bytes>,
    retries: u32,
    /// Of attempts that broke off, as far as they told.
    broken: Usage,
    state: State,
}

/// All of a stream's progress is in here and none in the future of `next`, so
/// that a caller may drop that one and call `next` again.
enum State {
    Asking(Pin<Box<dyn Future<Output = Result<Reading, Failure>> + Send>>),
    Reading(Box<Reading>),
    Ended,
}

impl AnswerStream {
    pub(super) async fn open(client: MessagesClient, body: Bytes) -> Result<Self, ModelError> {
        let state = State::Asking(Box::pin(ask(client.clone(), body.clone(), Duration::ZERO)));
        let mut stream = Self { client, request: Some(body), retries: 0, broken: Usage::default(), state };
        while let State::Asking(asking) = &mut stream.state {
            match asking.await {
                Ok(reading) => stream.state = State::Reading(Box::new(reading)),
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
                State::Reading(reading) => match reading.next().await {
                    Ok(delta) => return Ok(Some(self.note(delta))),
                    Err(error) => error.into(),
                },
                State::Asking(asking) => match asking.await {
                    Ok(reading) => {
                        self.state = State::Reading(Box::new(reading));
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

    /// Tokens of what broke off or is not at its end, as far as the provider has told.
    /// Those of a whole answer are in the answer.
    pub fn broken_usage(&self) -> Usage {
        let mut usage = self.broken;
        if let State::Reading(reading) = &self.state {
            usage += reading.assembler.usage();
        }
        usage
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
        self.broken = self.broken_usage();
        self.state = State::Ended;
        let Some(body) = &self.request else { return Err(self.client.presentable(failure.error)) };
        let wait = self.client.retry(self.retries, failure)?;
        self.retries += 1;
        self.state = State::Asking(Box::pin(ask(self.client.clone(), body.clone(), wait)));
        Ok(())
    }
}

/// One attempt, up to the headers of an event stream.
async fn ask(client: MessagesClient, body: Bytes, wait: Duration) -> Result<Reading, Failure> {
    if !wait.is_zero() {
        sleep(wait).await;
    }
    let first_byte_by = Instant::now() + client.options().first_byte_timeout;
    let mut response = client.ask(body, first_byte_by).await?;
    let content_type = content_type(&response);
    if !is_event_stream(content_type) {
        let got = format!("content type {content_type:?}");
        let body = timeout_at(first_byte_by, read_up_to(&mut response, LARGEST_SURPRISE)).await;
        let body = body.unwrap_or_else(|_| Ok(Vec::new())).unwrap_or_default();
        return Err(refusal::of_success("an event stream", &got, &body).into());
    }
    Ok(Reading {
        response,
        framer: Framer::default(),
        assembler: Assembler::default(),
        finished: None,
        alarm: Box::pin(sleep_until(first_byte_by)),
        deadline: first_byte_by,
        idle: client.options().idle_timeout,
    })
}

fn is_event_stream(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("text/event-stream")
}

/// The body of a success.
struct Reading {
    response: Response,
    framer: Framer,
    assembler: Assembler,
    /// The whole answer, while the rest of the body is read.
    finished: Option<Answer>,
    /// Rings at the deadline, or before it: it is set anew only when it rings.
    alarm: Pin<Box<Sleep>>,
    /// When the provider has been silent for too long.
    deadline: Instant,
    idle: Duration,
}

impl Reading {
    async fn next(&mut self) -> Result<Delta, ModelError> {
        while self.finished.is_none() {
            match self.step()? {
                Some(Delta::Complete(answer)) => {
                    self.finished = Some(answer);
                    self.deadline = Instant::now() + LINGER;
                }
                Some(delta) => return Ok(delta),
                None => self.read().await?,
            }
        }
        let rest = async { while let Ok(Some(_)) = self.response.chunk().await {} };
        // Late or broken, the answer is whole.
        let _ = timeout_at(self.deadline, rest).await;
        Ok(Delta::Complete(self.finished.take().expect("the loop above ends with it")))
    }

    /// What the bytes at hand yield.
    fn step(&mut self) -> Result<Option<Delta>, ModelError> {
        while let Some(frame) = self.framer.next()? {
            if let Some(delta) = self.assembler.take(&frame)? {
                return Ok(Some(delta));
            }
        }
        Ok(None)
    }

    async fn read(&mut self) -> Result<(), ModelError> {
        let chunk = loop {
            tokio::select! {
                biased;
                chunk = self.response.chunk() => break chunk,
                () = self.alarm.as_mut() => {
                    if Instant::now() >= self.deadline {
                        return Err(silence("no byte of the stream"));
                    }
                    self.alarm.as_mut().reset(self.deadline);
                }
            }
        };
        match chunk.map_err(|error| broken(&error))? {
            Some(bytes) => self.framer.push(&bytes),
            None => return Err(ModelError::Cut { detail: "no message_stop before the end".into() }),
        }
        self.deadline = Instant::now() + self.idle;
        Ok(())
    }
}
