//! What a search shows of a passage.

use std::ops::Range;

/// Longest excerpt, in characters.
const LONGEST: usize = 360;
/// Characters before the first word that was found.
const BEFORE: usize = 90;
/// Around a word that was found, in what Postgres answers.
const START: char = '\u{E000}';
const STOP: char = '\u{E001}';

/// The part of the text with most of the found words, each between `**`. `marked`
/// is the text as it was compared (`sixty.fold`), with the words marked. Pairs of
/// asterisks of the text itself are left out: in a snippet they mean a word that
/// was found, and nothing else.
pub(super) fn snippet(text: &str, marked: &str) -> String {
    let text: Vec<char> = text.chars().collect();
    let found = found(&text, marked);
    let part = part(&text, &found);
    let mut out = String::new();
    if part.start > 0 {
        out.push_str("… ");
    }
    let mut at = part.start;
    for word in found.iter().filter(|word| word.start >= part.start && word.end <= part.end) {
        plain(&text[at..word.start], &mut out);
        out.push_str("**");
        plain(&text[word.clone()], &mut out);
        out.push_str("**");
        at = word.end;
    }
    plain(&text[at..part.end], &mut out);
    if part.end < text.len() {
        out.push_str(" …");
    }
    out
}

fn plain(text: &[char], out: &mut String) {
    let text: String = text.iter().collect();
    out.push_str(&text.replace("**", ""));
}

/// Where the marked words stand in the text. Nowhere, if the two do not fit together.
fn found(text: &[char], marked: &str) -> Vec<Range<usize>> {
    let (mut words, mut start, mut folded) = (Vec::new(), None, 0);
    let places = places(text);
    for c in marked.chars() {
        match c {
            START => start = places.get(folded).copied(),
            STOP => {
                let end = folded.checked_sub(1).and_then(|last| places.get(last)).map(|last| last + 1);
                words.extend(
                    start.take().zip(end).map(|(start, end)| start..end).filter(|word| !word.is_empty()),
                );
            }
            _ => folded += 1,
        }
    }
    if folded == places.len() { words } else { Vec::new() }
}

/// For each character of the folded text the one that it comes from: those of a
/// script without spaces have got one on each side.
fn places(text: &[char]) -> Vec<usize> {
    let times = |c: char| if stands_alone(c) { 3 } else { 1 };
    text.iter().enumerate().flat_map(|(at, c)| std::iter::repeat_n(at, times(*c))).collect()
}

/// As in `sixty.fold`.
fn stands_alone(c: char) -> bool {
    matches!(c,
        '\u{0e00}'..='\u{0e7f}' | '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}'
        | '\u{ac00}'..='\u{d7a3}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{2fa1f}')
}

/// The part with most of the found words, from a word's beginning to a word's end.
fn part(text: &[char], found: &[Range<usize>]) -> Range<usize> {
    if text.len() <= LONGEST {
        return 0..text.len();
    }
    let from = |word: &Range<usize>| word.start.saturating_sub(BEFORE);
    let inside = |start: usize| found.iter().filter(|w| w.start >= start && w.end <= start + LONGEST).count();
    // The first of the best.
    let start = found.iter().map(from).rev().max_by_key(|start| inside(*start)).unwrap_or(0);
    let start = start.min(text.len() - LONGEST);
    let end = start + LONGEST;
    let blank = |at: &usize| text[*at].is_whitespace();
    let first = found.iter().find(|word| word.start >= start).map_or(end, |word| word.start);
    let last = found.iter().rfind(|word| word.end <= end).map_or(start, |word| word.end);
    // A text without blanks is cut where it has to be.
    let start =
        if start == 0 { 0 } else { (start..first.min(start + 40)).find(blank).map_or(start, |at| at + 1) };
    let end = if end == text.len() { end } else { (last.max(end - 40)..end).rfind(blank).unwrap_or(end) };
    start..end.max(start)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The text with these words marked, as Postgres answers it.
    fn marked(text: &str, words: &[&str]) -> String {
        let folded: String =
            text.chars().map(|c| if stands_alone(c) { format!(" {c} ") } else { c.to_string() }).collect();
        words.iter().fold(folded, |text, word| text.replace(word, &format!("{START}{word}{STOP}")))
    }

    fn shown(text: &str, words: &[&str]) -> String {
        snippet(text, &marked(text, words))
    }

    #[test]
    fn found_words_stand_between_asterisks() {
        assert_eq!(shown("Dana wants the pilot.", &["Dana", "pilot"]), "**Dana** wants the **pilot**.");
        assert_eq!(shown("**Pilot** is *bold*", &["bold"]), "Pilot is ***bold***");
        assert_eq!(shown("做安全审查", &["安", "全"]), "做**安****全**审查");
        assert_eq!(shown("nothing here", &[]), "nothing here");
    }

    #[test]
    fn of_a_long_text_the_part_with_most_words_is_shown() {
        let text = format!("pilot {} Dana and Graz and Dana {}", "early ".repeat(100), "late ".repeat(100));
        let shown = shown(&text, &["pilot", "Dana", "Graz"]);
        assert!(shown.starts_with("… early") && shown.ends_with("late …"), "{shown}");
        assert!(
            shown.contains("**Dana** and **Graz** and **Dana**") && shown.chars().count() < 400,
            "{shown}"
        );
    }

    #[test]
    fn what_does_not_fit_together_is_shown_without_marks() {
        assert_eq!(snippet("Dana", "\u{E000}Dana\u{E001} and more"), "Dana");
        assert_eq!(snippet("Dana", "\u{E001}\u{E000}Dana"), "Dana");
    }

    proptest! {
        #[test]
        fn every_text_can_be_shown(
            text in "(\\PC{0,8}( |\\*\\*|\n|安|ก)){0,120}", noise in "[\u{E000}\u{E001}a ]{0,40}",
        ) {
            let text = text.replace([START, STOP], " ");
            let whole = shown(&text, &["a", "安", "e"]);
            prop_assert!(whole.chars().count() <= 5 * LONGEST + 4);
            let noisy = snippet(&text, &noise);
            prop_assert!(noisy.chars().count() <= 5 * LONGEST + 4);
        }
    }
}
