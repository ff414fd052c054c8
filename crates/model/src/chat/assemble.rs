//! From chunks to deltas and the whole answer. No IO.

use std::collections::VecDeque;

use domain::{Block, Usage};

use super::{
    call::Call,
    wire::{Chunk, Piece, Said},
};
use crate::{Answer, Broken, Delta, InvalidInput, ModelError, StopReason, http::LARGEST_ANSWER, refusal};

/// An answer while it arrives.
#[derive(Default)]
pub(super) struct Assembler {
    begun: bool,
    model: String,
    parts: Vec<Part>,
    /// Bytes of content so far, roughly.
    size: usize,
    /// Bytes of text, reasoning and arguments among them.
    received: usize,
    finish_reason: Option<String>,
    /// The model gave its words on why it declines.
    refused: bool,
    usage: Usage,
}

/// The most calls of an answer: each piece of one is compared with the others.
const MOST_CALLS: usize = 128;
/// What a piece of a call counts beside its text, in bytes: pieces without any are not for nothing.
const PIECE: usize = 16;

/// A block so far. The protocol has none: they follow from the order of the pieces.
enum Part {
    Thinking(String),
    Text(String),
    Call(Call),
}

impl Assembler {
    /// What came so far; none: not even a beginning.
    pub fn so_far(&self) -> Option<Broken> {
        self.begun.then_some(Broken { usage: self.usage, received: self.received, whole: false })
    }

    /// Takes one chunk; what the reader learns from it joins `deltas`.
    pub fn take(&mut self, chunk: Chunk, deltas: &mut VecDeque<Delta>) -> Result<(), ModelError> {
        if let Some(error) = chunk.error {
            return Err(refusal::of_event(format!(r#"{{"error":{}}}"#, error.get()).as_bytes()));
        }
        if !std::mem::replace(&mut self.begun, true) {
            self.model = chunk.model.unwrap_or_default();
            let id = chunk.id.unwrap_or_default();
            deltas.push_back(Delta::Started { model: self.model.clone(), id });
        }
        if let Some(usage) = chunk.usage {
            usage.raise(&mut self.usage);
        }
        // We never ask for more than one; the chunk with the usage has none.
        let Some(choice) = chunk.choices.into_iter().flatten().next() else { return Ok(()) };
        if let Some(usage) = choice.usage {
            usage.raise(&mut self.usage);
        }
        if let Some(said) = choice.delta {
            self.hear(said, deltas)?;
        }
        match choice.finish_reason {
            // So OpenRouter ends an answer that failed, should it say no more.
            Some(reason) if reason == "error" => Err(ModelError::ErrorEvent {
                kind: "api_error".into(),
                message: "the provider ended the answer with an error".into(),
            }),
            Some(reason) => {
                self.finish_reason = Some(reason);
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// The provider gave its reason to stop; only usage may follow.
    pub fn is_finished(&self) -> bool {
        self.finish_reason.is_some()
    }

    /// Nothing was said yet.
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    fn hear(&mut self, said: Said, deltas: &mut VecDeque<Delta>) -> Result<(), ModelError> {
        let thinking = said.reasoning_content.filter(|text| !text.is_empty()).or(said.reasoning);
        self.think(thinking.unwrap_or_default(), deltas)?;
        self.say(said.content.map(|words| words.0).unwrap_or_default(), deltas)?;
        let refusal = said.refusal.unwrap_or_default();
        self.refused |= !refusal.is_empty();
        self.say(refusal, deltas)?;
        let old = said.function_call.map(|function| Piece { function: Some(function), ..Piece::default() });
        for piece in said.tool_calls.into_iter().flatten().chain(old) {
            self.call(piece, deltas)?;
        }
        Ok(())
    }

    fn think(&mut self, text: String, deltas: &mut VecDeque<Delta>) -> Result<(), ModelError> {
        self.received += text.len();
        self.count(text.len())?;
        match self.parts.last_mut() {
            _ if text.is_empty() => return Ok(()),
            Some(Part::Thinking(thinking)) => thinking.push_str(&text),
            _ => self.parts.push(Part::Thinking(text.clone())),
        }
        deltas.push_back(Delta::Thinking(text));
        Ok(())
    }

    fn say(&mut self, text: String, deltas: &mut VecDeque<Delta>) -> Result<(), ModelError> {
        self.received += text.len();
        self.count(text.len())?;
        match self.parts.last_mut() {
            _ if text.is_empty() => return Ok(()),
            Some(Part::Text(said)) => said.push_str(&text),
            _ => self.parts.push(Part::Text(text.clone())),
        }
        deltas.push_back(Delta::Text(text));
        Ok(())
    }

    fn call(&mut self, piece: Piece, deltas: &mut VecDeque<Delta>) -> Result<(), ModelError> {
        let arguments = arguments_of(&piece);
        self.received += arguments;
        self.count(arguments + names_of(&piece) + PIECE)?;
        let calls = self.parts.iter().filter(|part| matches!(part, Part::Call(_))).count();
        if calls > MOST_CALLS {
            return Err(ModelError::bad_answer(format!("the answer has more than {MOST_CALLS} calls")));
        }
        let call = self.call_of(&piece);
        call.grow(piece);
        if !call.told && !call.name.is_empty() {
            call.told = true;
            deltas.push_back(Delta::ToolUseStarted { id: call.id.clone(), name: call.name.clone() });
        }
        Ok(())
    }

    /// The call that the piece goes on with, or a new one.
    fn call_of(&mut self, piece: &Piece) -> &mut Call {
        let mut last = true;
        let position = self.parts.iter().rposition(|part| match part {
            Part::Call(call) => call.takes(piece, std::mem::take(&mut last)),
            _ => false,
        });
        let position = position.unwrap_or_else(|| {
            self.parts.push(Part::Call(Call::begin(piece)));
            self.parts.len() - 1
        });
        match &mut self.parts[position] {
            Part::Call(call) => call,
            _ => unreachable!("only calls were looked for"),
        }
    }

    fn count(&mut self, bytes: usize) -> Result<(), ModelError> {
        self.size += bytes;
        if self.size > LARGEST_ANSWER {
            return Err(ModelError::bad_answer("the answer is larger than 16 MiB"));
        }
        Ok(())
    }

    pub fn finish(self) -> Answer {
        let mut invalid_inputs = Vec::new();
        let blocks: Vec<Block> =
            self.parts.into_iter().filter_map(|part| finished(part, &mut invalid_inputs)).collect();
        let calls = blocks.iter().any(|block| matches!(block, Block::ToolUse { .. }));
        Answer {
            stop_reason: stop_reason(self.finish_reason.as_deref(), calls, self.refused),
            blocks,
            usage: self.usage,
            model: self.model,
            invalid_inputs,
        }
    }
}

/// Reasoning has no signature, which is how it is told from that of the Messages API.
fn finished(part: Part, invalid: &mut Vec<InvalidInput>) -> Option<Block> {
    match part {
        Part::Thinking(thinking) => Some(Block::Thinking { thinking, signature: String::new() }),
        Part::Text(text) => (!text.trim().is_empty()).then_some(Block::Text { text }),
        Part::Call(call) => call.finish(invalid),
    }
}

/// Servers say `stop`, or nothing, although there are calls to make.
fn stop_reason(finish_reason: Option<&str>, calls: bool, refused: bool) -> StopReason {
    match finish_reason {
        _ if refused => StopReason::Refusal,
        None | Some("stop" | "tool_calls" | "function_call") if calls => StopReason::ToolUse,
        Some("tool_calls" | "function_call") => StopReason::ToolUse,
        Some("stop") => StopReason::EndTurn,
        Some("length") => StopReason::MaxTokens,
        Some("content_filter") => StopReason::Refusal,
        other => StopReason::Other(other.unwrap_or_default().to_owned()),
    }
}

/// Bytes of the arguments.
fn arguments_of(piece: &Piece) -> usize {
    let arguments = piece.function.as_ref().and_then(|function| function.arguments.as_ref());
    arguments.map_or(0, |arguments| arguments.0.len())
}

/// Bytes of the id and the name.
fn names_of(piece: &Piece) -> usize {
    let name = piece.function.as_ref().and_then(|function| function.name.as_ref());
    [piece.id.as_ref(), name].into_iter().flatten().map(String::len).sum()
}

#[cfg(test)]
mod tests;
