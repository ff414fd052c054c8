//! How much of a model a turn needs, by rules that a person can read. The first that fits decides, and says so on the
//! run.

use domain::{
    models::{Tier, Tiered},
    run::{Chosen, Mode},
};

use crate::mode::Before;

/// A message as long as this is a document: bytes.
const LONG_MESSAGE: usize = 8_000;
/// A conversation as long as this needs a model that keeps it in view: bytes, without what is archived.
const LONG_CONVERSATION: usize = 120_000;

/// The tier of the turn that is executed like this, and why. `wish`: what the skill asks for that it follows.
pub fn choose(before: &Before<'_>, chosen: &Chosen, wish: Option<Tier>) -> Tiered {
    let said = || before.history.iter().map(|past| past.content.len()).sum::<usize>();
    let (tier, reason) = match (wish, before) {
        (Some(tier), _) => (tier, "the skill asks for its tier"),
        (_, Before { sequence: true, .. }) => (Tier::High, "a sequence is executed step by step"),
        (_, Before { attached: false, .. }) if chosen.mode == Mode::Single => {
            (Tier::Low, "one shot is enough")
        }
        (_, Before { text, .. }) if text.len() >= LONG_MESSAGE => (Tier::High, "the message is long"),
        _ if said() >= LONG_CONVERSATION => (Tier::High, "the conversation is long"),
        (_, Before { attached: true, .. }) => (Tier::Medium, "the message brings more than text"),
        _ => (Tier::Medium, "the turn may take several steps"),
    };
    Tiered { tier, reason }
}

#[cfg(test)]
mod tests {
    use store::turns::Past;

    use super::*;

    #[test]
    fn the_first_rule_that_fits_decides_the_tier() {
        let chosen = |mode| Chosen { mode, reason: String::new() };
        let (agent, single) = (chosen(Mode::Agent), chosen(Mode::Single));
        let plain = Before {
            asked: Mode::Auto,
            skill: None,
            sequence: false,
            text: "Hi",
            attached: false,
            history: &[],
        };
        let long = [Past::new(1, "user", "x".repeat(LONG_CONVERSATION), String::new())];
        let document = "x".repeat(LONG_MESSAGE);
        let sequence = Before { sequence: true, ..plain };
        for (before, mode, wish, tier) in [
            (plain, &agent, None, Tier::Medium),
            (Before { attached: true, ..plain }, &agent, None, Tier::Medium),
            (plain, &single, None, Tier::Low),
            (Before { attached: true, ..plain }, &single, None, Tier::Medium),
            (Before { attached: true, text: &document, ..plain }, &single, None, Tier::High),
            (Before { history: &long, ..plain }, &single, None, Tier::Low),
            (Before { history: &long, ..plain }, &agent, None, Tier::High),
            (Before { text: &document, ..plain }, &agent, None, Tier::High),
            (sequence, &single, None, Tier::High),
            (sequence, &agent, Some(Tier::Low), Tier::Low),
        ] {
            let tiered = choose(&before, mode, wish);
            assert_eq!(tiered.tier, tier, "{}", tiered.reason);
        }
    }
}
