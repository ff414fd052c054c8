//! A streamed answer: chunks, deltas, and what its end means.

use std::{collections::VecDeque, time::Duration};

use async_openai::types::stream::StreamResponse;
use futures_util::StreamExt;
use tokio::time::{Instant, timeout_at};

use super::{
    assemble::Assembler,
    events::{End, Verdict},
    transport::failure,
    wire::Chunk,
};
use crate::{Broken, Delta, ModelError};

/// How long the usage and `[DONE]` are waited for after the reason to stop: a
/// few servers send neither, and leave the connection open.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// The chunks of a success.
pub(crate) struct Reading {
    chunks: StreamResponse<Chunk>,
    verdict: Verdict,
    assembler: Assembler,
    /// What the newest chunk yielded.
    deltas: VecDeque<Delta>,
    /// Until when more is waited for, once the answer is whole.
    whole_by: Option<Instant>,
}

impl Reading {
    pub(super) fn new(chunks: StreamResponse<Chunk>, verdict: Verdict) -> Self {
        Self { chunks, verdict, assembler: Assembler::default(), deltas: VecDeque::new(), whole_by: None }
    }

    /// What came so far; none: not even a beginning.
    pub fn so_far(&self) -> Option<Broken> {
        self.assembler.so_far()
    }

    pub async fn next(&mut self) -> Result<Delta, ModelError> {
        loop {
            if let Some(delta) = self.deltas.pop_front() {
                return Ok(delta);
            }
            let chunk = match self.whole_by {
                Some(by) => timeout_at(by, self.chunks.next()).await.unwrap_or_default(),
                None => self.chunks.next().await,
            };
            match chunk {
                Some(Ok(chunk)) => self.assembler.take(chunk, &mut self.deltas)?,
                Some(Err(error)) => return Err(failure(error).error),
                None => return self.end(),
            }
            if self.assembler.is_finished() && self.whole_by.is_none() {
                self.whole_by = Some(Instant::now() + LAST_WORDS);
            }
        }
    }

    /// An answer is whole with its reason to stop, whatever befalls the stream
    /// then. Some servers give none, but say `[DONE]`.
    fn end(&mut self) -> Result<Delta, ModelError> {
        let done = matches!(self.verdict.get(), Some(End::Done));
        if self.assembler.is_finished() || (done && !self.assembler.is_empty()) {
            return Ok(Delta::Complete(std::mem::take(&mut self.assembler).finish()));
        }
        match self.verdict.get() {
            Some(End::Failed(error)) => Err(error.clone()),
            _ => Err(ModelError::Cut { detail: "no finish_reason before the end".into() }),
        }
    }
}
