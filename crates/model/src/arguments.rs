//! The arguments of a tool call, as models write them.

use domain::Block;
use serde_json::{
    Value,
    value::{RawValue, to_raw_value},
};

use crate::InvalidInput;

/// A whole tool call. `input` must be an object, or every later request of the
/// conversation is refused: then it is empty, and the raw text is kept beside it.
pub(crate) fn tool_use(id: String, name: String, raw: String, invalid: &mut Vec<InvalidInput>) -> Block {
    let input = object(&raw).unwrap_or_else(|| {
        invalid.push(InvalidInput { tool_use_id: id.clone(), raw });
        empty()
    });
    Block::ToolUse { id, name, input }
}

pub(crate) fn empty() -> Box<RawValue> {
    to_raw_value(&serde_json::Map::new()).expect("an object serializes")
}

/// The text of a JSON object, unchanged. Models also write an object inside a
/// string, or nothing or `null` where there are no arguments. Read as a value,
/// because a raw one may hold what parsers and the API refuse, such as half a
/// surrogate pair.
pub(crate) fn object(text: &str) -> Option<Box<RawValue>> {
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
