//! From the events of a stream to deltas and the whole answer. No IO.

use domain::Usage;
use serde_json::value::RawValue;

use super::{
    partial::Partial,
    wire::{self, EventDelta, Message, owned},
};
use crate::{Answer, Broken, Delta, ModelError, StopReason, framer::Frame, http::LARGEST_ANSWER, refusal};

/// An answer while it arrives.
#[derive(Default)]
pub(super) struct Assembler {
    begun: bool,
    model: String,
    blocks: Vec<Partial>,
    /// Bytes of content so far, roughly.
    size: usize,
    /// Bytes of that which deltas brought.
    received: usize,
    stop_reason: Option<StopReason>,
    usage: Usage,
}

impl Assembler {
    /// Takes one event. Events, deltas and blocks that we do not know pass.
    pub fn take(&mut self, frame: &Frame<'_>) -> Result<Option<Delta>, ModelError> {
        if frame.name == b"error" {
            return Err(refusal::of_event(frame.data));
        }
        let Some(event) = wire::event(frame)? else { return Ok(None) };
        if let Some(usage) = event.usage {
            usage.raise(&mut self.usage);
        }
        match &*event.kind {
            "content_block_delta" => self.grow(event.index, event.delta.unwrap_or_default()),
            "content_block_start" => match event.content_block {
                Some(block) => self.open(event.index, block),
                None => Ok(None),
            },
            "message_start" => Ok(Some(self.start(event.message.unwrap_or_default()))),
            "message_delta" => {
                let delta = event.delta.unwrap_or_default();
                self.note_stop(delta.stop_reason);
                Ok(None)
            }
            "message_stop" => Ok(Some(Delta::Complete(std::mem::take(self).finish()))),
            // Servers that speak several protocols may name no event at all.
            _ if event.error.is_some() => Err(refusal::of_event(frame.data)),
            _ => Ok(None),
        }
    }

    /// What came so far; none: not even a beginning.
    pub fn so_far(&self) -> Option<Broken> {
        // Some servers leave out `message_start`.
        let begun = self.begun || self.received > 0 || self.usage != Usage::default();
        begun.then_some(Broken { usage: self.usage, received: self.received, whole: false })
    }

    fn start(&mut self, message: Message<'_>) -> Delta {
        self.begun = true;
        self.model = owned(message.model);
        if let Some(usage) = message.usage {
            usage.raise(&mut self.usage);
        }
        self.note_stop(message.stop_reason);
        Delta::Started { model: self.model.clone(), id: owned(message.id) }
    }

    fn open(&mut self, index: Option<u64>, block: &RawValue) -> Result<Option<Delta>, ModelError> {
        self.count(block.get().len())?;
        let block = Partial::new(index.unwrap_or(self.blocks.len() as u64), block);
        let delta = block.opening();
        self.blocks.push(block);
        Ok(delta)
    }

    fn grow(&mut self, index: Option<u64>, delta: EventDelta<'_>) -> Result<Option<Delta>, ModelError> {
        let text = |text: &Option<wire::Text<'_>>| text.as_ref().map_or(0, |text| text.0.len());
        let citation = delta.citation.map_or(0, |raw| raw.get().len());
        let words = text(&delta.text) + text(&delta.thinking) + text(&delta.partial_json);
        self.received += words;
        self.count(words + text(&delta.signature) + citation)?;
        // Nearly always the last one.
        match self.blocks.iter_mut().rev().find(|block| index.is_none_or(|index| block.index == index)) {
            Some(block) => Ok(block.grow(delta)),
            None => Err(ModelError::bad_answer("a delta belongs to a block that never began")),
        }
    }

    fn count(&mut self, bytes: usize) -> Result<(), ModelError> {
        self.size += bytes;
        if self.size > LARGEST_ANSWER {
            return Err(ModelError::bad_answer("the answer is larger than 16 MiB"));
        }
        Ok(())
    }

    fn note_stop(&mut self, reason: Option<wire::Text<'_>>) {
        if let Some(reason) = reason {
            self.stop_reason = Some(StopReason::from(&*reason.0));
        }
    }

    fn finish(mut self) -> Answer {
        self.blocks.sort_by_key(|block| block.index);
        let mut invalid_inputs = Vec::new();
        let blocks = self.blocks.into_iter().filter_map(|block| block.finish(&mut invalid_inputs)).collect();
        Answer {
            blocks,
            stop_reason: self.stop_reason.unwrap_or_else(|| StopReason::Other(String::new())),
            usage: self.usage,
            model: self.model,
            invalid_inputs,
        }
    }
}

#[cfg(test)]
mod tests;
