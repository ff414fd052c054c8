//! Where a conversation is cut: on a user's turn, never between a tool call and
//! its result.

use store::turns::Past;

use crate::prompt::is_question;

/// What stays verbatim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keep {
    pub tokens: usize,
    pub messages: usize,
}

/// The index of the first message that stays, so that at least `keep` does and
/// as little more as turns allow. None: no turn ends early enough.
pub fn cut(history: &[Past], keep: Keep, tokens: impl Fn(&Past) -> usize) -> Option<usize> {
    let (mut kept, mut count) = (0, 0);
    let mut newest = history.len();
    while newest > 0 && (count < keep.messages || kept < keep.tokens) {
        newest -= 1;
        count += 1;
        kept += tokens(&history[newest]);
    }
    (1..=newest.min(history.len().saturating_sub(1))).rev().find(|i| {
        let message = &history[*i];
        message.role == "user" && is_question(&message.content)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// `q` a question, `a` an answer, `c` a tool call, `r` its result.
    fn history(shape: &str) -> Vec<Past> {
        let content = |kind| match kind {
            'c' => r#"[{"type":"tool_use","id":"t","name":"n","input":{}}]"#,
            'r' => r#"[{"type":"tool_result","tool_use_id":"t","content":"x"}]"#,
            _ => r#"[{"type":"text","text":"hello"}]"#,
        };
        (1..)
            .zip(shape.chars())
            .map(|(seq, kind)| {
                let role = if "qr".contains(kind) { "user" } else { "assistant" };
                Past::new(seq, role, content(kind).into(), String::new())
            })
            .collect()
    }

    fn at(shape: &str, messages: usize, tokens: usize) -> Option<usize> {
        cut(&history(shape), Keep { tokens, messages }, |_| 10)
    }

    #[test]
    fn the_cut_falls_on_a_question() {
        assert_eq!(at("qaqaqa", 2, 0), Some(4));
        assert_eq!(at("qaqaqa", 3, 0), Some(2));
        assert_eq!(at("qaqcrcra", 2, 0), Some(2));
        assert_eq!(at("qcrcrcra", 2, 0), None);
    }

    #[test]
    fn both_limits_hold() {
        assert_eq!(at("qaqaqaqa", 2, 35), Some(4));
        assert_eq!(at("qaqaqaqa", 2, 1_000), None);
        assert_eq!(at("qaqaqaqa", 100, 0), None);
    }

    #[test]
    fn the_newest_turn_always_stays() {
        assert_eq!(at("qaq", 0, 0), Some(2));
        assert_eq!(at("q", 0, 0), None);
        assert_eq!(at("qa", 0, 0), None);
        assert_eq!(at("", 0, 0), None);
    }

    proptest! {
        #[test]
        fn a_cut_leaves_a_question_first_and_all_that_must_stay(
            shape in "(q(cr)*a){1,8}", messages in 0_usize..12, keep in 0_usize..120,
        ) {
            let history = history(&shape);
            if let Some(at) = cut(&history, Keep { tokens: keep, messages }, |_| 10) {
                prop_assert!(is_question(&history[at].content) && history[at].role == "user");
                let left = history.len() - at;
                prop_assert!(left >= messages && left * 10 >= keep);
            }
        }
    }
}
