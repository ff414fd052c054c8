//! The messages of a request, spliced from the stored JSON of their blocks.

use domain::block;

use super::repair::Sent;

/// A breakpoint looks back this many blocks for a cached prefix; where a turn
/// has added more, one more breakpoint stands in between.
const LOOKBACK: usize = 18;

const CACHE: &str = r#","cache_control":{"type":"ephemeral"}}]"#;

/// Whether a user's message is a question, not a list of tool results.
pub fn is_question(content: &str) -> bool {
    !content.starts_with(r#"[{"type":"tool_result""#)
}

/// The `messages` of a request, the summary of what went before in front of the
/// first one. The last message carries a cache breakpoint.
pub(super) fn splice(summary: Option<&str>, messages: &[Sent<'_>]) -> String {
    let between = extra_breakpoint(messages);
    let mut out = String::from("[");
    for (i, message) in messages.iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        out.push_str(r#"{"role":""#);
        out.push_str(message.role);
        out.push_str(r#"","content":"#);
        let marked = i + 1 == messages.len() || Some(i) == between;
        content(&mut out, summary.filter(|_| i == 0), message, marked);
        out.push('}');
    }
    out.push(']');
    out
}

/// One message's blocks: its context first, then the stored bytes. The mark
/// goes inside the last block's closing brace.
fn content(out: &mut String, summary: Option<&str>, message: &Sent<'_>, marked: bool) {
    out.push('[');
    for text in summary.into_iter().chain((!message.context.is_empty()).then_some(message.context)) {
        out.push_str(&serde_json::json!({ "type": "text", "text": text }).to_string());
        out.push(',');
    }
    out.push_str(&message.content[1..]);
    if marked && out.ends_with("}]") {
        out.truncate(out.len() - 2);
        out.push_str(CACHE);
    }
}

/// The message after which a second breakpoint stands, if the newest turn has
/// grown past the lookback: the last one that is a whole lookback from the start
/// of the turn, so that it stays where it is while the turn grows.
fn extra_breakpoint(messages: &[Sent<'_>]) -> Option<usize> {
    let start = messages.iter().rposition(|m| m.role == "user" && is_question(&m.content))?;
    let mut blocks = 0;
    let mut place = None;
    for (i, message) in messages.iter().enumerate().skip(start) {
        blocks += block::heads(&message.content).len();
        if blocks >= LOOKBACK && i + 1 < messages.len() {
            place = Some(i);
            blocks = 0;
        }
    }
    place
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use serde_json::Value;

    use super::*;

    fn sent(role: &'static str, content: String) -> Sent<'static> {
        Sent { role, content: Cow::Owned(content), context: "" }
    }

    #[test]
    fn stored_bytes_are_sent_as_they_are() {
        let content = r#"[{"type":"text","text":"1e2 \u0041","x":1.0}]"#.to_owned();
        let spliced = splice(None, &[sent("user", content.clone()), sent("assistant", content.clone())]);
        assert!(spliced.contains(&content));
        serde_json::from_str::<Value>(&spliced).expect("JSON");
    }

    #[test]
    fn the_last_block_carries_the_mark_and_context_comes_first() {
        let mut message = sent("user", r#"[{"type":"text","text":"hi"}]"#.into());
        message.context = "<context>\n\"now\"\n</context>";
        let spliced: Value = serde_json::from_str(&splice(None, &[message])).expect("JSON");
        assert_eq!(spliced[0]["content"][0]["text"], "<context>\n\"now\"\n</context>");
        assert_eq!(spliced[0]["content"][1]["text"], "hi");
        assert_eq!(spliced[0]["content"][1]["cache_control"]["type"], "ephemeral");
    }

    #[test]
    fn a_long_turn_gets_one_breakpoint_more() {
        let result = r#"[{"type":"tool_result","tool_use_id":"t","content":"x"}]"#;
        let mut messages = vec![sent("user", r#"[{"type":"text","text":"go"}]"#.into())];
        for _ in 0..12 {
            messages
                .push(sent("assistant", r#"[{"type":"tool_use","id":"t","name":"n","input":{}}]"#.into()));
            messages.push(sent("user", result.into()));
        }
        let marks = splice(None, &messages).matches("cache_control").count();
        assert_eq!(marks, 2);
        assert_eq!(splice(None, &messages[..9]).matches("cache_control").count(), 1);
    }
}
