//! What every text goes through before its first write: no secret is stored,
//! wherever in a text or in JSON it stands.

use std::borrow::Cow;

use domain::visible::visible;
use redact::{RedactStream, Redactor};
use serde_json::{Map, Value, value::RawValue};

use crate::{builtins::Outcome, sequence};

/// The door of one organization: it knows the service's own secrets, and the organization's in one state. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Door {
    redactor: Redactor,
    state: i64,
}

impl Door {
    pub(crate) fn new(redactor: Redactor, state: i64) -> Self {
        Self { redactor, state }
    }

    /// In which state the organization's secrets were when it was made; 0: there were none.
    pub fn state(&self) -> i64 {
        self.state
    }

    /// Bytes of the texts that it looks for.
    pub(crate) fn size(&self) -> usize {
        self.redactor.size()
    }

    /// Masks a text that arrives in pieces.
    pub(crate) fn stream(&self) -> RedactStream {
        self.redactor.stream()
    }

    /// The text without secrets: applied once, at the door, to all that is written.
    pub fn redact<'t>(&self, text: &'t str) -> Cow<'t, str> {
        self.redactor.redact(text)
    }

    /// The same for a text whose invisible characters are dropped, now or in a
    /// prompt: a secret that they interrupt is found too. Without one, they stay.
    pub fn redact_hidden<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let seen = visible(text);
        if seen != text
            && let Cow::Owned(masked) = self.redact(&seen)
        {
            return Cow::Owned(masked);
        }
        self.redact(text)
    }

    /// JSON without secrets and without U+0000, which cannot be stored. What holds
    /// neither keeps its bytes.
    pub fn redact_json(&self, json: Box<RawValue>) -> Box<RawValue> {
        match map_texts(json.get(), |text| self.changed(text)) {
            Some(clean) => RawValue::from_string(clean).expect("a text stands where a text or number stood"),
            None => json,
        }
    }

    /// The same for a value.
    pub fn redact_value(&self, value: Value) -> Value {
        match map_texts(&value.to_string(), |text| self.changed(text)) {
            Some(clean) => serde_json::from_str(&clean).expect("a text stands where a text or number stood"),
            None => value,
        }
    }

    /// What later steps of a sequence read of a call, without secrets and what cannot be seen.
    pub(crate) fn output_of(&self, outcome: &Outcome) -> String {
        self.clean_json(sequence::output_of(&outcome.text, &outcome.value).to_string())
    }

    /// The same for what a step is given.
    pub(crate) fn clean_members(&self, members: Map<String, Value>) -> Map<String, Value> {
        let clean = self.clean_json(Value::Object(members).to_string());
        serde_json::from_str(&clean).expect("a text stands where a text or number stood")
    }

    /// JSON without secrets and what cannot be seen.
    pub(crate) fn clean_json(&self, json: String) -> String {
        let clean = |text: &str| {
            let seen = visible(&self.redact_hidden(text));
            (seen != text).then_some(seen)
        };
        map_texts(&json, clean).unwrap_or(json)
    }

    fn changed(&self, text: &str) -> Option<String> {
        match self.redact_hidden(text) {
            Cow::Borrowed(_) if !text.contains('\0') => None,
            clean => Some(clean.replace('\0', "\u{FFFD}")),
        }
    }
}

/// The JSON with `change` applied to each string, names of members included, and
/// to each number; every other byte is as it was. None: nothing changed.
///
/// It reads the text and not a value, because a value keeps neither the order nor
/// the repetition of members, nor a number's digits.
fn map_texts(json: &str, change: impl Fn(&str) -> Option<String>) -> Option<String> {
    let (mut out, mut copied, mut at) = (String::new(), 0, 0);
    while let Some(&byte) = json.as_bytes().get(at) {
        let end = match byte {
            b'"' => at + string_length(&json[at..]),
            b'-' | b'0'..=b'9' => at + number_length(&json[at..]),
            _ => {
                at += 1;
                continue;
            }
        };
        if let Some(text) = changed_token(&json[at..end], &change) {
            out.push_str(&json[copied..at]);
            out.push_str(&Value::String(text).to_string());
            copied = end;
        }
        at = end;
    }
    (copied > 0).then(|| out + &json[copied..])
}

/// Bytes of the string that begins here, with its quotation marks.
fn string_length(json: &str) -> usize {
    let mut escaped = false;
    let end = json.bytes().skip(1).position(|byte| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    });
    end.map_or(json.len(), |end| end + 2)
}

fn number_length(json: &str) -> usize {
    json.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(byte)).count()
}

fn changed_token(token: &str, change: impl Fn(&str) -> Option<String>) -> Option<String> {
    if !token.starts_with('"') {
        return change(token);
    }
    if let Ok(text) = serde_json::from_str::<String>(token) {
        return change(&text);
    }
    // Half a surrogate pair is JSON and no text; Postgres would refuse it as well.
    let text: String = serde_json::from_str(&without_surrogates(token)).unwrap_or_default();
    Some(change(&text).unwrap_or(text))
}

/// The string with each escaped surrogate replaced, as there is one without its other half.
fn without_surrogates(token: &str) -> String {
    let (mut out, mut rest) = (String::with_capacity(token.len()), token);
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let escape = rest.as_bytes();
        let surrogate = matches!(escape, [_, b'u', b'd' | b'D', third, _, _, ..]
            if matches!(third.to_ascii_lowercase(), b'8'..=b'9' | b'a'..=b'f'));
        let length = if surrogate { 6 } else { 2 }.min(rest.len());
        out.push_str(if surrogate { "\\ufffd" } else { &rest[..length] });
        rest = &rest[length..];
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mask(json: &str) -> Option<String> {
        let mapped = map_texts(json, |text| text.contains("4711").then(|| text.replace("4711", "[\"x\"]")));
        if let Some(mapped) = &mapped {
            serde_json::from_str::<Box<RawValue>>(mapped).expect("JSON");
        }
        mapped
    }

    #[test]
    fn json_without_a_secret_keeps_its_bytes() {
        for json in [r#"{"b": 1e2, "a" : [ "\u0041\"" , -0.10, true,null ], "a":{}}"#, "\"\"", "[]", "7"] {
            assert_eq!(mask(json), None, "{json}");
        }
    }

    #[test]
    fn each_string_name_and_number_is_looked_at() {
        for (json, masked) in [
            (r#"{"a":"1 4711 2","b":1.0}"#, r#"{"a":"1 [\"x\"] 2","b":1.0}"#),
            (r#"{"4711":1}"#, r#"{"[\"x\"]":1}"#),
            (r#"{"a":"4711","a":"x"}"#, r#"{"a":"[\"x\"]","a":"x"}"#),
            ("[147110, 5]", r#"["1[\"x\"]0", 5]"#),
            (r#"["\u0034711","\\\"4711\\"]"#, r#"["[\"x\"]","\\\"[\"x\"]\\"]"#),
            (r#""é4711""#, r#""é[\"x\"]""#),
        ] {
            assert_eq!(mask(json).as_deref(), Some(masked), "{json}");
        }
    }

    #[test]
    fn json_too_deep_for_a_value_is_looked_at_as_well() {
        let deep = format!("{}\"4711\"{}", "[".repeat(500), "]".repeat(500));
        assert!(!mask(&deep).expect("a change").contains("4711"));
    }

    #[test]
    fn half_a_surrogate_pair_is_replaced() {
        assert_eq!(
            mask(r#"["\ud83d 4711 \\ud83d"]"#).as_deref(),
            Some("[\"\u{FFFD} [\\\"x\\\"] \\\\ud83d\"]")
        );
        assert_eq!(mask(r#"["\ud83d\ude00"]"#), None);
    }
}
