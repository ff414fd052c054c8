//! One shot or the loop: what `mode: auto` comes to, by rules that a person can read. The first
//! that fits decides, and says so on the run.

use domain::{
    block,
    run::{Chosen, Mode},
};
use skills::route::is_pleasantry;
use store::turns::Past;

/// What is known of a turn before it begins.
#[derive(Clone, Copy, Debug)]
pub struct Before<'a> {
    /// What the request asks for, or else the session.
    pub asked: Mode,
    /// What the skill asks for that the turn follows.
    pub skill: Option<Mode>,
    /// That skill is a sequence, which is executed step by step.
    pub sequence: bool,
    pub text: &'a str,
    /// Images or documents stand beside the text, or records are mentioned in it.
    pub attached: bool,
    /// What was said before it, the newest last.
    pub history: &'a [Past],
}

impl Before<'_> {
    /// The conversation has called tools.
    fn uses_tools(&self) -> bool {
        self.history.iter().any(|past| past.content.contains("\"tool_use\""))
    }

    /// The copilot has asked something: a short word may set it to work.
    fn was_asked(&self) -> bool {
        let last = self.history.iter().rfind(|past| past.role == "assistant");
        last.is_some_and(|past| block::concatenated(&past.content).trim_end().ends_with(['?', '？', '؟']))
    }
}

/// How the turn is executed, and why.
pub fn choose(before: Before<'_>) -> Chosen {
    let (mode, reason) = match before {
        Before { sequence: true, .. } => (Mode::Agent, "a sequence is executed step by step"),
        Before { asked: mode @ (Mode::Single | Mode::Agent), .. } => (mode, "it was asked for"),
        Before { skill: Some(mode @ (Mode::Single | Mode::Agent)), .. } => (mode, "the skill asks for it"),
        Before { skill: Some(Mode::Auto), .. } => (Mode::Agent, "a skill is followed"),
        Before { attached: true, .. } => (Mode::Agent, "the message brings more than text"),
        _ if before.uses_tools() => (Mode::Agent, "the conversation works with tools"),
        _ if before.was_asked() => (Mode::Agent, "the copilot has asked something"),
        Before { text, .. } if is_pleasantry(text) => (Mode::Single, "the message only greets or thanks"),
        _ => (Mode::Agent, "the message may take several steps"),
    };
    Chosen { mode, reason: reason.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Before<'_> = Before {
        asked: Mode::Auto,
        skill: None,
        sequence: false,
        text: "Prepare my next meeting.",
        attached: false,
        history: &[],
    };

    fn said(content: &str) -> [Past; 1] {
        [Past::new(1, "assistant", content.into(), String::new())]
    }

    fn chosen(before: Before<'_>) -> (Mode, String) {
        let Chosen { mode, reason } = choose(before);
        (mode, reason)
    }

    #[test]
    fn what_was_asked_for_stands_before_what_a_skill_asks_for() {
        let asked = Before { asked: Mode::Single, skill: Some(Mode::Agent), ..LONG };
        assert_eq!(chosen(asked), (Mode::Single, "it was asked for".into()));
        let skill = Before { skill: Some(Mode::Single), attached: true, ..LONG };
        assert_eq!(chosen(skill), (Mode::Single, "the skill asks for it".into()));
        assert_eq!(chosen(Before { skill: Some(Mode::Auto), ..LONG }).0, Mode::Agent);
        assert_eq!(chosen(Before { sequence: true, ..asked }).0, Mode::Agent);
    }

    #[test]
    fn a_greeting_gets_one_shot_and_everything_else_the_loop() {
        assert_eq!(chosen(LONG).0, Mode::Agent);
        for text in ["Thanks!", "thanks a lot", "Hello", "Good morning!"] {
            assert_eq!(chosen(Before { text, ..LONG }).0, Mode::Single, "{text}");
            for before in [r#"[{"type":"tool_use"}]"#, r#"[{"type":"text","text":"Shall I look it up?"}]"#] {
                assert_eq!(chosen(Before { text, history: &said(before), ..LONG }).0, Mode::Agent, "{text}");
            }
            assert_eq!(chosen(Before { text, attached: true, ..LONG }).0, Mode::Agent, "{text}");
        }
        for text in ["", "!", "ok", "Yes.", "Do it", "go on", "What is next?", "hello, who signs for Acme?"] {
            assert_eq!(chosen(Before { text, ..LONG }).0, Mode::Agent, "{text}");
        }
    }
}
