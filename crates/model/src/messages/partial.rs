//! A content block while it grows.

use std::collections::BTreeMap;

use domain::Block;
use serde_json::{
    Value,
    value::{RawValue, to_raw_value},
};

use super::wire::{BlockStart, EventDelta, owned};
use crate::{Delta, InvalidInput};

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

    /// `input` must be an object, or every later request of the conversation
    /// is refused: then it is empty, and the raw text is kept beside it.
    fn finish_tool_use(self, invalid: &mut Vec<InvalidInput>) -> Block {
        let raw = if self.input.trim().is_empty() { self.given } else { self.input };
        let input = object(&raw).unwrap_or_else(|| {
            invalid.push(InvalidInput { tool_use_id: self.id.clone(), raw });
            empty()
        });
        Block::ToolUse { id: self.id, name: self.name, input }
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

fn empty() -> Box<RawValue> {
    raw(&serde_json::Map::new())
}

/// The text of a JSON object, unchanged. Models also write an object inside a
/// string, or nothing or `null` where there are no arguments. Read as a value,
/// because a raw one may hold what parsers and the API refuse, such as half a
/// surrogate pair.
fn object(text: &str) -> Option<Box<RawValue>> {
    if text.trim().is_empty() {
        return Some(empty());
    }
    let is_object = |text: &str| matches!(serde_json::from_str(text), Ok(Value::Object(_)));
    match serde_json::from_str(text).ok()? {
        Value::Object(_) => RawValue::from_string(text.to_owned()).ok(),
        Value::String(inner) if is_object(&inner) => RawValue::from_string(inner).ok(),
        Value::Null => Some(empty()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_kept_byte_for_byte_when_they_are_an_object() {
        for text in [r#"{"b": 1.0, "a":[ 1e2,"\u00fc" ],"a":null}"#, "{}"] {
            assert_eq!(object(text).expect("an object").get(), text);
        }
    }

    #[test]
    fn arguments_in_a_string_and_no_arguments_become_an_object() {
        for (text, expected) in
            [(r#""{\"a\": 1}""#, r#"{"a": 1}"#), ("null", "{}"), (r#""{}""#, "{}"), (" ", "{}")]
        {
            assert_eq!(object(text).expect("an object").get(), expected);
        }
    }

    #[test]
    fn arguments_that_the_api_would_refuse_are_no_object() {
        for text in ["{", "[1]", "7", r#""text""#, r#"{"a":1}}"#, r#"{"a":"\ud83d"}"#, "{'a':1}"] {
            assert!(object(text).is_none(), "{text}");
        }
    }
}
