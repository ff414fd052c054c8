//! What a question in plain words asks the index for.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::periods::{Period, periods};

/// A question as the search function takes it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Question {
    /// Words, phrases, and forms of one verb with `|` between them, each of which counts by itself.
    pub words: Vec<String>,
    /// How much each counts, beside how rare it is.
    pub weights: Vec<f64>,
    /// Words and phrases that must not occur.
    pub without: Vec<String>,
    pub periods: Vec<Period>,
}

/// Words of a search that count.
const MOST_WORDS: usize = 32;
/// Longest word, in characters: no index holds a longer one.
const LONGEST: usize = 200;
/// Words that ask, and say little of what is asked about.
const ASKING: &[&str] = &[
    "anything",
    "ask",
    "asked",
    "conversation",
    "discuss",
    "discussed",
    "find",
    "know",
    "mention",
    "mentioned",
    "please",
    "recall",
    "remember",
    "remind",
    "said",
    "say",
    "says",
    "show",
    "something",
    "talk",
    "talked",
    "tell",
    "tells",
    "thing",
    "told",
    "us",
];
const ASKING_WEIGHT: f64 = 0.25;

/// Forms that no stemmer brings together.
const FORMS: &[&[&str]] = &[
    &["become", "became"],
    &["begin", "began", "begun"],
    &["break", "broke", "broken"],
    &["bring", "brought"],
    &["build", "built"],
    &["buy", "bought"],
    &["catch", "caught"],
    &["choose", "chose", "chosen"],
    &["come", "came"],
    &["deal", "dealt"],
    &["draw", "drew", "drawn"],
    &["drive", "drove", "driven"],
    &["fall", "fell", "fallen"],
    &["feel", "felt"],
    &["fight", "fought"],
    &["find", "found"],
    &["forget", "forgot", "forgotten"],
    &["get", "got", "gotten"],
    &["give", "gave", "given"],
    &["go", "went", "gone"],
    &["grow", "grew", "grown"],
    &["hold", "held"],
    &["keep", "kept"],
    &["know", "knew", "known"],
    &["lead", "led"],
    &["leave", "left"],
    &["lend", "lent"],
    &["lose", "lost"],
    &["make", "made"],
    &["mean", "meant"],
    &["meet", "met"],
    &["pay", "paid"],
    &["rise", "rose", "risen"],
    &["say", "said"],
    &["see", "saw", "seen"],
    &["sell", "sold"],
    &["send", "sent"],
    &["show", "showed", "shown"],
    &["speak", "spoke", "spoken"],
    &["spend", "spent"],
    &["stand", "stood"],
    &["take", "took", "taken"],
    &["teach", "taught"],
    &["tell", "told"],
    &["think", "thought"],
    &["understand", "understood"],
    &["win", "won"],
    &["withdraw", "withdrew", "withdrawn"],
    &["write", "wrote", "written"],
];

/// A question in plain words rarely has all of its words in one passage: each
/// counts by itself. Phrases stay whole; exclusions hold for all.
pub(super) fn understand(text: &str, now: DateTime<Utc>) -> Question {
    let mut asked = Question { periods: periods(text, now), ..Question::default() };
    let mut seen = BTreeSet::new();
    let mut minus = false;
    for (i, piece) in text.split(['"', '“', '”', '„']).enumerate() {
        if i % 2 == 1 {
            // `-"a phrase"` excludes the phrase: the sign ended the piece before.
            let phrase = words(piece).collect::<Vec<_>>().join(" ");
            asked.take(&phrase, phrase.clone(), minus, &mut seen);
            continue;
        }
        minus = piece.ends_with('-') && !piece.trim_end_matches('-').ends_with(char::is_alphanumeric);
        for part in piece.split_whitespace() {
            let without = part.starts_with('-');
            for word in words(part) {
                let small = word.to_lowercase();
                let term = if without { small.clone() } else { forms(&small) };
                if small != "or" {
                    asked.take(&small, term, without, &mut seen);
                }
            }
        }
    }
    asked
}

impl Question {
    fn take(&mut self, word: &str, term: String, without: bool, seen: &mut BTreeSet<String>) {
        let terms = if without { &mut self.without } else { &mut self.words };
        if word.is_empty() || terms.len() == MOST_WORDS || !seen.insert(term.clone()) {
            return;
        }
        terms.push(term);
        if !without {
            self.weights.push(if ASKING.contains(&word) { ASKING_WEIGHT } else { 1.0 });
        }
    }
}

/// The words between blanks and signs. What joins parts of one word, as in
/// `dana@acme.example` or `follow-up`, stays for Postgres to judge.
fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !(c.is_alphanumeric() || "-_.@'’&+".contains(c)))
        .map(|word| word.trim_matches(|c: char| !c.is_alphanumeric()))
        .filter(|word| !word.is_empty())
        .map(|word| word.chars().take(LONGEST).collect())
}

/// The word, with the other forms of its verb.
fn forms(word: &str) -> String {
    match FORMS.iter().find(|forms| forms.contains(&word)) {
        Some(forms) => forms.join("|"),
        None => word.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn asked(text: &str) -> (Vec<String>, Vec<String>) {
        let Question { words, without, .. } = understand(text, DateTime::UNIX_EPOCH);
        (words, without)
    }

    fn all(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn any_word_counts_and_phrases_stay_whole() {
        for (text, words, without) in [
            ("what did Dana say", &["what", "did", "dana", "say|said"][..], &[][..]),
            (r#"price "security review" -pilot"#, &["price", "security review"], &["pilot"]),
            (r#"price -"security review" -"pilot" ok"#, &["price", "ok"], &["security review", "pilot"]),
            (r#"follow-"up" now"#, &["follow", "up", "now"], &[]),
            ("price or price OR Price", &["price"], &[]),
            ("--- ---pilot & | !", &[], &["pilot"]),
            (r#"an "unbalanced quote"#, &["an", "unbalanced quote"], &[]),
            ("a:* & b <-> !c | (d) 'e' \\\\ f:AB", &["a", "b", "c", "d", "e", "f", "ab"], &[]),
            ("dana@acme.example €8k? 8% (100,000)", &["dana@acme.example", "8k", "8", "100", "000"], &[]),
            ("", &[], &[]),
            ("🙂 … ?! --", &[], &[]),
            ("安全审查 Größe", &["安全审查", "größe"], &[]),
        ] {
            assert_eq!(asked(text), (all(words), all(without)), "{text}");
        }
    }

    #[test]
    fn what_only_asks_counts_less() {
        let question = understand("tell me what Dana said", DateTime::UNIX_EPOCH);
        assert_eq!(question.words, ["tell|told", "me", "what", "dana", "say|said"]);
        assert_eq!(question.weights, [0.25, 1.0, 1.0, 1.0, 0.25]);
    }

    #[test]
    fn ten_thousand_words_are_a_few() {
        let many = (0..10_000).map(|n| format!("w{n} -x{n}")).collect::<Vec<_>>().join(" ");
        let question = understand(&many, DateTime::UNIX_EPOCH);
        assert_eq!((question.words.len(), question.without.len()), (MOST_WORDS, MOST_WORDS));
        assert_eq!(asked(&"-".repeat(500)), (Vec::new(), Vec::new()));
        assert_eq!(asked(&"x".repeat(5_000)).0[0].len(), LONGEST);
    }

    proptest! {
        #[test]
        fn whatever_is_asked_the_terms_are_few_and_hold_no_operator(text in "\\PC{0,400}") {
            let Question { words, weights, without, .. } = understand(&text, DateTime::UNIX_EPOCH);
            prop_assert_eq!(words.len(), weights.len());
            prop_assert!(words.len() <= MOST_WORDS && without.len() <= MOST_WORDS);
            for term in words.iter().chain(&without) {
                prop_assert!(term.contains(char::is_alphanumeric), "{:?}", term);
                prop_assert!(!term.contains(['"', '!', '(', ')', ':', '*', '<', '\\', '\0']), "{:?}", term);
            }
        }
    }
}
