//! Messages cut into the pieces that a search finds.

use domain::session::Message;
use serde_json::Value;
use store::archives::NewPassage;

use crate::prompt::is_question;

/// Longest piece, in characters: about what fits into a search result's context.
const PIECE: usize = 1_200;

/// What is kept of a question beside its answer, in characters.
const QUESTION: usize = 300;

/// The searchable pieces of the messages: texts, and what tools answered. The copilot's own
/// calls repeat the words of a question, and would be found before its answers. An answer
/// carries its question, without whose words nobody would find it.
pub fn passages(messages: &[Message]) -> Vec<NewPassage> {
    let mut question = None;
    let mut all = Vec::new();
    for message in messages.iter().filter(|message| !message.superseded) {
        let blocks: Vec<Value> = serde_json::from_str(message.content.get()).unwrap_or_default();
        let asks = message.role == "user" && is_question(message.content.get());
        let said = blocks.iter().filter(|block| block["type"] != "tool_use");
        let whole = said.filter_map(text).collect::<Vec<_>>().join("\n\n");
        let role = if message.role == "user" && !asks { "tool" } else { &message.role };
        all.extend((0..).zip(pieces(&whole)).map(|(part, text)| NewPassage {
            seq: message.seq,
            part,
            role: role.to_owned(),
            text,
            said_at: message.created_at,
            question: question.clone().filter(|_| !asks),
        }));
        if asks {
            question = Some(whole.chars().take(QUESTION).collect());
        }
    }
    all
}

/// What a block says in words.
pub fn text(block: &Value) -> Option<String> {
    match block["type"].as_str()? {
        "text" => Some(block["text"].as_str()?.to_owned()),
        "tool_use" => Some(format!("[calls {} {}]", block["name"].as_str()?, block["input"])),
        "tool_result" => Some(block["content"].as_str()?.to_owned()),
        "card" => Some(format!("[card {}] {}", block["card_type"].as_str()?, block["summary"].as_str()?)),
        "mention" => Some(format!(
            "[mentions {} {}: {}]",
            block["kind"].as_str()?,
            block["id"].as_str()?,
            block["name"].as_str()?
        )),
        _ => None,
    }
}

/// The text in pieces, cut at a line's or a word's end where there is one.
fn pieces(text: &str) -> Vec<String> {
    let mut rest = text.trim();
    let mut pieces = Vec::new();
    while !rest.is_empty() {
        let end = rest.char_indices().nth(PIECE).map_or(rest.len(), |(end, _)| {
            let head = &rest[..end];
            let half = head.len() / 2;
            let cut = head.rfind('\n').filter(|at| *at > half);
            cut.or_else(|| head.rfind(' ').filter(|at| *at > half)).unwrap_or(end)
        });
        pieces.push(rest[..end].trim().to_owned());
        rest = rest[end..].trim_start();
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_word_of_a_long_text_is_lost_or_cut() {
        let words: Vec<String> = (0..2_000).map(|n| format!("word{n}")).collect();
        let pieces = pieces(&words.join(" "));
        assert!(pieces.len() > 5 && pieces.iter().all(|piece| piece.chars().count() <= PIECE));
        let joined: Vec<String> = pieces.iter().flat_map(|p| p.split(' ').map(str::to_owned)).collect();
        assert_eq!(joined, words);
    }

    #[test]
    fn an_answer_carries_its_question() {
        let content = |text: &str| format!(r#"[{{"type":"text","text":"{text}"}}]"#);
        let result = r#"[{"type":"tool_result","tool_use_id":"t","content":"a result"}]"#;
        let said = [
            ("user", content("How much?")),
            ("assistant", r#"[{"type":"tool_use","id":"t","name":"n","input":{}}]"#.to_owned()),
            ("user", result.to_owned()),
            ("assistant", content("Yes, 8 %.")),
            ("user", content("Thanks.")),
        ];
        let messages: Vec<Message> = (1..)
            .zip(said)
            .map(|(seq, (role, content))| {
                let json = format!(
                    r#"{{"id":"01a2032b-664e-7750-baf9-f1824535916a","seq":{seq},"role":"{role}","content":{content},
                        "created_at":"2026-03-01T00:00:00Z"}}"#
                );
                serde_json::from_str(&json).expect("a message")
            })
            .collect();
        let questions: Vec<Option<String>> = passages(&messages).into_iter().map(|p| p.question).collect();
        let asked = Some("How much?".to_owned());
        assert_eq!(questions, [None, asked.clone(), asked, None]);
        let roles: Vec<String> = passages(&messages).into_iter().map(|p| p.role).collect();
        assert_eq!(roles, ["user", "tool", "assistant", "user"]);
    }

    #[test]
    fn a_card_is_found_by_its_type_and_summary() {
        let card = serde_json::json!({"type": "card", "card_type": "offer", "summary": "Tea for Acme", "data": {"x": 1}});
        assert_eq!(text(&card).as_deref(), Some("[card offer] Tea for Acme"));
    }

    #[test]
    fn a_text_without_spaces_is_cut_between_characters() {
        assert_eq!(pieces(&"ü".repeat(3_000)).len(), 3);
        assert!(pieces(" \n ").is_empty());
    }
}
