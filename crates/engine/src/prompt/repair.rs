//! What was stored, made fit to be sent: the API refuses a conversation for ever
//! in which a tool call lacks its result, or a result its call.

use std::{borrow::Cow, collections::HashSet};

use domain::block::{self, ToolResult};
use serde_json::value::RawValue;
use store::turns::Past;

use super::is_question;

/// Stands before a question when the turn before got no answer. Not stored.
const NO_ANSWER: &str = r#"[{"type":"text","text":"[no answer was given]"}]"#;

/// A message as it is sent.
#[derive(Clone, Debug)]
pub struct Sent<'a> {
    pub role: &'static str,
    pub content: Cow<'a, str>,
    pub context: &'a str,
}

/// The conversation with every call answered exactly once, right after it.
pub fn repair(history: &[Past]) -> Vec<Sent<'_>> {
    let mut sent: Vec<Sent<'_>> = Vec::with_capacity(history.len() + 2);
    let mut open: Vec<String> = Vec::new();
    for past in history {
        if past.role == "assistant" {
            answer_missing(&mut sent, &mut open);
            if sent.is_empty() {
                continue;
            }
            open = calls(&past.content);
            sent.push(Sent { role: "assistant", content: Cow::Borrowed(&past.content), context: "" });
        } else if is_question(&past.content) {
            answer_missing(&mut sent, &mut open);
            if sent.last().is_some_and(|last| last.role == "user") {
                sent.push(no_answer());
            }
            sent.push(Sent { role: "user", content: Cow::Borrowed(&past.content), context: &past.context });
        } else {
            results(&mut sent, &mut open, &past.content);
        }
    }
    answer_missing(&mut sent, &mut open);
    sent
}

fn no_answer() -> Sent<'static> {
    Sent { role: "assistant", content: Cow::Borrowed(NO_ANSWER), context: "" }
}

fn calls(content: &str) -> Vec<String> {
    if !content.contains("\"tool_use\"") {
        return Vec::new();
    }
    let heads = block::heads(content);
    heads.into_iter().filter(|head| head.kind == "tool_use").filter_map(|head| head.id).collect()
}

/// Keeps the first result of each open call, and adds those that are missing.
fn results<'a>(sent: &mut Vec<Sent<'a>>, open: &mut Vec<String>, content: &'a str) {
    let given: Vec<String> = block::heads(content).into_iter().filter_map(|head| head.tool_use_id).collect();
    let unique: HashSet<&String> = given.iter().collect();
    if given.len() == unique.len() && given.len() == open.len() && open.iter().all(|id| unique.contains(id)) {
        open.clear();
        sent.push(Sent { role: "user", content: Cow::Borrowed(content), context: "" });
        return;
    }
    let raw: Vec<Box<RawValue>> = serde_json::from_str(content).unwrap_or_default();
    let mut kept: Vec<String> = Vec::new();
    for (id, block) in given.iter().zip(&raw) {
        if let Some(at) = open.iter().position(|call| call == id) {
            open.remove(at);
            kept.push(block.get().to_owned());
        }
    }
    kept.extend(open.drain(..).map(|id| missing(&id)));
    if !kept.is_empty() {
        sent.push(Sent { role: "user", content: Cow::Owned(format!("[{}]", kept.join(","))), context: "" });
    }
}

fn answer_missing(sent: &mut Vec<Sent<'_>>, open: &mut Vec<String>) {
    if !open.is_empty() {
        let results: Vec<String> = open.drain(..).map(|id| missing(&id)).collect();
        sent.push(Sent {
            role: "user",
            content: Cow::Owned(format!("[{}]", results.join(","))),
            context: "",
        });
    }
}

fn missing(id: &str) -> String {
    let result = ToolResult {
        tool_use_id: id.to_owned(),
        content: "This call was not carried out: the turn ended before.".to_owned(),
        is_error: true,
    };
    serde_json::to_string(&result).expect("a result serializes: its keys are strings")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn past(role: &str, content: &str) -> Past {
        Past { seq: 0, role: role.into(), content: content.into(), context: String::new() }
    }

    fn question(text: &str) -> Past {
        past("user", &format!(r#"[{{"type":"text","text":"{text}"}}]"#))
    }

    fn call(ids: &[&str]) -> Past {
        let blocks: Vec<String> = ids
            .iter()
            .map(|id| format!(r#"{{"type":"tool_use","id":"{id}","name":"n","input":{{}}}}"#))
            .collect();
        past("assistant", &format!("[{}]", blocks.join(",")))
    }

    fn result(ids: &[&str]) -> Past {
        let blocks: Vec<String> = ids
            .iter()
            .map(|id| format!(r#"{{"type":"tool_result","tool_use_id":"{id}","content":"ok"}}"#))
            .collect();
        past("user", &format!("[{}]", blocks.join(",")))
    }

    fn sound(history: &[Past]) -> Vec<String> {
        let sent = repair(history);
        assert!(sent.first().is_none_or(|m| m.role == "user" && is_question(&m.content)), "{sent:?}");
        for pair in sent.windows(2) {
            let open = calls(&pair[0].content);
            let answered: Vec<String> =
                block::heads(&pair[1].content).into_iter().filter_map(|h| h.tool_use_id).collect();
            let (mut a, mut b) = (open.clone(), answered.clone());
            a.sort();
            b.sort();
            assert_eq!(a, b, "{sent:?}");
        }
        assert!(calls(&sent.last().expect("a message").content).is_empty());
        sent.into_iter().map(|m| format!("{}:{}", m.role, m.content)).collect()
    }

    #[test]
    fn a_sound_conversation_stays_as_it_is() {
        let history = [
            question("a"),
            call(&["1", "2"]),
            result(&["1", "2"]),
            past("assistant", r#"[{"type":"text","text":"b"}]"#),
        ];
        let sent = sound(&history);
        assert_eq!(sent.len(), 4);
        for (sent, past) in sent.iter().zip(&history) {
            assert_eq!(*sent, format!("{}:{}", past.role, past.content));
        }
    }

    #[test]
    fn calls_without_results_and_results_without_calls_are_mended() {
        assert!(sound(&[question("a"), call(&["1"]), question("b")])[2].contains("not carried out"));
        sound(&[question("a"), call(&["1", "2"]), result(&["2"]), question("b")]);
        sound(&[question("a"), call(&["1"]), result(&["1", "1"]), question("b")]);
        sound(&[question("a"), call(&["1"]), result(&["1"]), result(&["1"]), question("b")]);
        sound(&[question("a"), result(&["9"]), question("b")]);
        sound(&[call(&["1"]), result(&["1"]), question("b")]);
        sound(&[question("a"), call(&["1"])]);
        sound(&[question("a"), call(&["1"]), call(&["2"]), result(&["2"])]);
    }

    #[test]
    fn a_question_without_an_answer_is_followed_by_a_fixed_text() {
        let sent = sound(&[question("a"), question("b")]);
        assert_eq!(sent[1], format!("assistant:{NO_ANSWER}"));
        assert_eq!(sent.len(), 3);
    }

    fn any_message() -> impl Strategy<Value = Past> {
        let ids = || proptest::collection::vec(prop::sample::select(vec!["1", "2", "3"]), 1..4);
        prop_oneof![
            Just(question("q")),
            Just(past("assistant", r#"[{"type":"text","text":"a"}]"#)),
            // Within one message the API never repeats an id.
            ids().prop_map(|mut ids| {
                ids.sort_unstable();
                ids.dedup();
                call(&ids)
            }),
            ids().prop_map(|ids| result(&ids)),
        ]
    }

    proptest! {
        #[test]
        fn whatever_is_stored_can_be_sent(mut history in proptest::collection::vec(any_message(), 0..12)) {
            history.push(question("the newest"));
            let sent = sound(&history);
            prop_assert!(sent.last().expect("a message").contains("the newest"));
            let questions = history.iter().filter(|past| past.content.contains(r#""text":"q""#)).count();
            let kept = sent.iter().filter(|text| text.contains(r#""text":"q""#)).count();
            prop_assert_eq!(kept, questions, "no question is lost");
        }
    }
}
