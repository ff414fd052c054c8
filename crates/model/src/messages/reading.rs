//! The body of a streamed answer: bytes, events, deltas.

use std::{pin::Pin, time::Duration};

use reqwest::Response;
use tokio::time::{Instant, Sleep, sleep_until};

use super::assemble::Assembler;
use crate::{
    Answer, Broken, Delta, ModelError,
    framer::Framer,
    http::{LINGER, broken, linger, silence},
};

/// The body of a success.
pub(crate) struct Reading {
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
    pub(super) fn new(response: Response, first_byte_by: Instant, idle: Duration) -> Self {
        Self {
            response,
            framer: Framer::default(),
            assembler: Assembler::default(),
            finished: None,
            alarm: Box::pin(sleep_until(first_byte_by)),
            deadline: first_byte_by,
            idle,
        }
    }

    /// What came so far; none: not even a beginning.
    pub fn so_far(&self) -> Option<Broken> {
        self.finished.as_ref().map(Broken::from).or_else(|| self.assembler.so_far())
    }

    pub async fn next(&mut self) -> Result<Delta, ModelError> {
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
        linger(&mut self.response, self.deadline).await;
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
