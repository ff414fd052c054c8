//! What poisoned texts can do: nothing is remembered without a person's word, and no
//! text leaves the block in which it is quoted.
//!
//! A case is a text of `payloads` in a channel: `remembering` has those from which a
//! model that obeys the text would write memory, `quoting` those whose text people or the
//! service itself have stored. `prompt` says what must hold of every prompt.

mod case;
mod marks;
mod payloads;
mod prompt;
mod quoting;
mod remembering;

/// Every text goes through every channel of `quoting`, and through each third one of
/// `remembering`, in turn.
#[test]
fn there_are_enough_cases_and_no_two_are_the_same() {
    let texts: std::collections::BTreeSet<&str> = payloads::PAYLOADS.iter().map(|it| it.text).collect();
    assert_eq!(texts.len(), payloads::PAYLOADS.len(), "a text stands twice");
    let remembering: usize = remembering::CHANNELS.iter().map(|it| remembering::texts_of(*it).count()).sum();
    let quoting = quoting::CHANNELS.len() * texts.len();
    println!("{remembering} cases of remembering, {quoting} of quoting");
    assert!(remembering >= 150 && remembering + quoting >= 500, "{remembering} {quoting}");
    let used: std::collections::BTreeSet<&str> =
        remembering::CHANNELS.iter().flat_map(|it| remembering::texts_of(*it)).map(|it| it.text).collect();
    assert_eq!(used, texts, "each text tries to be remembered");
}
