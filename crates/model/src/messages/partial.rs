//! A content block while it grows.

use std::collections::BTreeMap;

use domain::Block;
use serde_json::value::{RawValue, to_raw_value};

use super::wire::{BlockStart, EventDelta, owned};
use crate::{
    Delta, InvalidInput,
    arguments::{empty, object, tool_use},
};

/// A content block: what it began with and what the deltas added.
pub(super) struct Partial {
    /// Its place in the answer.
    pub index: u64,
    kind: String,
    id: String,
    name: String,
    /// As the provider began it, for the kinds that we do not interpret.
    start: Box<RawValue>,
    /// A delta changed it since.
    grown: bool,
    text: String,
    thinking: String,
    signature: String,
    /// The arguments so far, as text.
    input: String,
    /// The arguments that stood at the beginning, where no delta brings others.
    given: String,
    citations: Vec<Box<RawValue>>,
}

impl Partial {
    /// A block that begins, or that is whole already.
    pub fn new(index: u64, raw: &RawValue) -> Self {
        // A known field of an unknown type makes the block one that we do not interpret.
        let start: BlockStart<'_> = serde_json::from_str(raw.get()).unwrap_or_default();
        Self {
            index,
            kind: start.kind.into_owned(),
            id: owned(start.id),
            name: owned(start.name),
            start: raw.to_owned(),
            grown: false,
            text: owned(start.text),
            thinking: owned(start.thinking),
            signature: owned(start.signature),
            input: String::new(),
            given: start.input.map(|input| input.get().to_owned()).unwrap_or_default(),
            citations: start.citations.unwrap_or_default().into_iter().map(ToOwned::to_owned).collect(),
        }
    }

    /// What the reader learns from the block's beginning.
    pub fn opening(&self) -> Option<Delta> {
        match self.kind.as_str() {
            "text" => visible(self.text.clone(), Delta::Text),
            "thinking" => visible(self.thinking.clone(), Delta::Thinking),
            "tool_use" => Some(Delta::ToolUseStarted { id: self.id.clone(), name: self.name.clone() }),
            _ => None,
        }
    }

    /// Applies a delta; returns what the reader learns from it.
    pub fn grow(&mut self, delta: EventDelta<'_>) -> Option<Delta> {
        match &*delta.kind {
            "text_delta" => {
                let text = owned(delta.text);
                self.text.push_str(&text);
                self.grown = true;
                visible(text, Delta::Text)
            }
            "thinking_delta" => {
                let text = owned(delta.thinking);
                self.thinking.push_str(&text);
                self.grown = true;
                visible(text, Delta::Thinking)
            }
            kind => {
                self.grow_unseen(kind, &delta);
                None
            }
        }
    }

    fn grow_unseen(&mut self, kind: &str, delta: &EventDelta<'_>) {
        match (kind, delta) {
            ("input_json_delta", EventDelta { partial_json: Some(json), .. }) => self.input.push_str(&json.0),
            ("signature_delta", EventDelta { signature: Some(part), .. }) => self.signature.push_str(&part.0),
            ("citations_delta", EventDelta { citation: Some(citation), .. }) => {
                self.citations.push((*citation).to_owned());
            }
            _ => return,
        }
        self.grown = true;
    }

    /// The whole block; `None` for blank text, which the API refuses to get back.
    pub fn finish(self, invalid: &mut Vec<InvalidInput>) -> Option<Block> {
        match self.kind.as_str() {
            "text" if !self.citations.is_empty() => Some(Block::Other(self.overlaid())),
            "text" if self.text.trim().is_empty() => None,
            "text" => Some(Block::Text { text: self.text }),
            "thinking" => Some(Block::Thinking { thinking: self.thinking, signature: self.signature }),
            "tool_use" => Some(self.finish_tool_use(invalid)),
            _ => Some(Block::Other(self.overlaid())),
        }
    }

    fn finish_tool_use(self, invalid: &mut Vec<InvalidInput>) -> Block {
        let raw = if self.input.trim().is_empty() { self.given } else { self.input };
        tool_use(self.id, self.name, raw, invalid)
    }

    /// The JSON that the block began with, its fields replaced by what they grew to.
    fn overlaid(self) -> Box<RawValue> {
        if !self.grown {
            return self.start;
        }
        let mut fields: BTreeMap<String, Box<RawValue>> =
            serde_json::from_str(self.start.get()).unwrap_or_default();
        for (name, text) in
            [("text", &self.text), ("thinking", &self.thinking), ("signature", &self.signature)]
        {
            if !text.is_empty() {
                fields.insert(name.into(), raw(text));
            }
        }
        if !self.input.trim().is_empty() {
            fields.insert("input".into(), object(&self.input).unwrap_or_else(empty));
        }
        if !self.citations.is_empty() {
            fields.insert("citations".into(), raw(&self.citations));
        }
        raw(&fields)
    }
}

fn visible(text: String, delta: fn(String) -> Delta) -> Option<Delta> {
    (!text.is_empty()).then(|| delta(text))
}

fn raw<T: serde::Serialize + ?Sized>(value: &T) -> Box<RawValue> {
    to_raw_value(value).expect("strings and raw JSON serialize")
}
