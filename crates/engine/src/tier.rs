//! How much of a model a turn needs, by rules that a person can read. The first that fits decides, and says so on the
//! run.

use domain::{
    models::{Tier, Tiered},
    run::{Chosen, Mode},
};
use store::turns::Past;

/// A message as long as this is a document: bytes.
const LONG_MESSAGE: usize = 8_000;
/// A conversation as long as this needs a model that keeps it in view: bytes, without what is archived.
const LONG_CONVERSATION: usize = 120_000;

/// What is known of a turn before it begins.
#[derive(Clone, Copy, Debug)]
pub struct Before<'a> {
    /// What the skill asks for that the turn follows.
    pub skill: Option<Tier>,
    /// That skill is a sequence, which is executed step by step.
    pub sequence: bool,
    pub mode: &'a Chosen,
    pub text: &'a str,
    /// Images or documents stand beside the text, or records are mentioned in it.
    pub attached: bool,
    /// What was said before it, the newest last.
    pub history: &'a [Past],
}

/// The tier of the turn, and why.
pub fn choose(before: Before<'_>) -> Tiered {
    let said = || before.history.iter().map(|past| past.content.len()).sum::<usize>();
    let (tier, reason) = match before {
        Before { skill: Some(tier), .. } => (tier, "the skill asks for its tier"),
        Before { sequence: true, .. } => (Tier::High, "a sequence is executed step by step"),
        Before { mode: Chosen { mode: Mode::Single, .. }, .. } => (Tier::Low, "one shot is enough"),
        Before { text, .. } if text.len() >= LONG_MESSAGE => (Tier::High, "the message is long"),
        _ if said() >= LONG_CONVERSATION => (Tier::High, "the conversation is long"),
        Before { attached: true, .. } => (Tier::Medium, "the message brings more than text"),
        _ => (Tier::Medium, "the turn may take several steps"),
    };
    Tiered { tier, reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_rule_that_fits_decides_the_tier() {
        let chosen = |mode| Chosen { mode, reason: String::new() };
        let (agent, single) = (chosen(Mode::Agent), chosen(Mode::Single));
        let plain =
            Before { skill: None, sequence: false, mode: &agent, text: "Hi", attached: false, history: &[] };
        let long = [Past {
            seq: 1,
            role: "user".into(),
            content: "x".repeat(LONG_CONVERSATION),
            context: String::new(),
        }];
        let document = "x".repeat(LONG_MESSAGE);
        for (before, tier) in [
            (plain, Tier::Medium),
            (Before { attached: true, ..plain }, Tier::Medium),
            (Before { mode: &single, ..plain }, Tier::Low),
            (Before { mode: &single, history: &long, ..plain }, Tier::Low),
            (Before { history: &long, ..plain }, Tier::High),
            (Before { text: &document, ..plain }, Tier::High),
            (Before { sequence: true, mode: &single, ..plain }, Tier::High),
            (Before { skill: Some(Tier::Low), sequence: true, ..plain }, Tier::Low),
        ] {
            assert_eq!(choose(before).tier, tier, "{}", choose(before).reason);
        }
    }
}
