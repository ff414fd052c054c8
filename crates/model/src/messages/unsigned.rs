//! Thinking without a signature is that of an OpenAI-compatible server. This
//! API refuses it, and with it every later request of a conversation that moved
//! from one provider to another: it is left out on the way.

use std::borrow::Cow;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

/// In a text, its quotation marks are escaped.
const MARK: &str = r#""signature":"""#;

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    messages: &'a RawValue,
}

#[derive(Deserialize)]
struct Message<'a> {
    role: &'a str,
    #[serde(borrow)]
    content: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct Head<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    signature: Cow<'a, str>,
}

/// The body without such thinking; every other byte stays.
pub(super) fn without(body: Bytes) -> Bytes {
    let marked = std::str::from_utf8(&body).ok().filter(|text| text.contains(MARK));
    match marked.and_then(signed_body) {
        Some(signed) => signed.into(),
        None => body,
    }
}

fn signed_body(body: &str) -> Option<String> {
    let messages = serde_json::from_str::<Body<'_>>(body).ok()?.messages.get();
    let (before, after) = body.split_once(messages)?;
    let messages: Vec<&RawValue> = serde_json::from_str(messages).ok()?;
    let signed: Vec<_> = messages.into_iter().filter_map(|message| signed_message(message.get())).collect();
    Some(format!("{before}[{}]{after}", signed.join(",")))
}

/// `None` where nothing is left: whoever only thought said nothing.
fn signed_message(message: &str) -> Option<Cow<'_, str>> {
    let parsed = Some(message).filter(|message| message.contains(MARK)).map(serde_json::from_str);
    let Some(Ok(Message { role, content })) = parsed else { return Some(message.into()) };
    let signed: Vec<_> = content.into_iter().map(RawValue::get).filter(|block| !is_unsigned(block)).collect();
    let message = || format!(r#"{{"role":"{role}","content":[{}]}}"#, signed.join(",")).into();
    (!signed.is_empty()).then(message)
}

fn is_unsigned(block: &str) -> bool {
    let head = serde_json::from_str::<Head<'_>>(block);
    head.is_ok_and(|head| head.kind == "thinking" && head.signature.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIGNED: &str = r#"{"type":"thinking","thinking":"a","signature":"c2ln"}"#;
    const UNSIGNED: &str = r#"{"type":"thinking","thinking":"b","signature":""}"#;
    const TEXT: &str = r#"{"type":"text","text":"\"signature\":\"\" 1.0"}"#;

    fn body(messages: &[&str]) -> String {
        let messages: Vec<_> = messages.iter().map(|blocks| message(blocks)).collect();
        format!(r#"{{ "model":"m", "messages":[{}] ,"n":1.0}}"#, messages.join(","))
    }

    fn message(blocks: &str) -> String {
        format!(r#"{{"role":"assistant","content":[{blocks}]}}"#)
    }

    #[test]
    fn only_thinking_without_a_signature_goes() {
        let mixed = format!("{SIGNED},{UNSIGNED},{TEXT}");
        let kept = without(body(&[TEXT, &mixed, UNSIGNED]).into());
        assert_eq!(kept, body(&[TEXT, &format!("{SIGNED},{TEXT}")]));
    }

    #[test]
    fn a_body_without_it_is_the_same_bytes() {
        let input = r#"{"type":"tool_use","id":"t","name":"n","input":{"signature":""}}"#;
        for body in [body(&[SIGNED, TEXT]), body(&[input]), r#"not JSON "signature":"""#.to_owned()] {
            assert_eq!(without(body.clone().into()), body);
        }
    }
}
