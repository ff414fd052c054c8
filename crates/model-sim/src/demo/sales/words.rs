//! A question's words, said one way, and the names in it.

use crate::demo::intent::around;

/// The words in lower case with one blank around each, contractions and hyphens undone.
pub(super) struct Heard(String);

impl Heard {
    pub fn of(text: &str) -> Self {
        const SAME: [(&str, &str); 11] = [
            ("’", "'"),
            ("to-do", "todo"),
            ("to do list", "todos"),
            ("e-mail", "email"),
            ("what's", "what is"),
            ("who's", "who is"),
            ("how's", "how is"),
            ("where's", "where is"),
            ("when's", "when is"),
            ("i've", "i have"),
            ("n't", " not"),
        ];
        let lower = SAME.iter().fold(text.to_lowercase(), |text, (from, to)| text.replace(from, to));
        let words = lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
        Self(format!(" {} ", words.collect::<Vec<_>>().join(" ")))
    }

    /// One of the phrases stands in it as whole words.
    pub fn has(&self, phrases: &[&str]) -> bool {
        phrases.iter().any(|phrase| self.0.contains(&format!(" {phrase} ")))
    }

    pub fn words(&self) -> impl Iterator<Item = &str> {
        self.0.split_whitespace()
    }
}

/// Whom or what a question is about, as the person calls it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Subject {
    pub name: String,
    /// The kind that was said beside the name.
    pub hint: Option<&'static str>,
}

const KINDS: [(&str, &str); 7] = [
    ("deal", "deal"),
    ("opportunity", "deal"),
    ("account", "company"),
    ("company", "company"),
    ("customer", "company"),
    ("contact", "contact"),
    ("people", "contact"),
];
const BEFORE: [&str; 16] = [
    "the", "a", "an", "my", "our", "with", "on", "about", "for", "of", "to", "from", "upcoming", "next",
    "in", "us",
];
const AFTER: [&str; 17] = [
    "please",
    "today",
    "now",
    "quickly",
    "again",
    "for",
    "me",
    "going",
    "doing",
    "briefly",
    "tomorrow",
    "then",
    "meeting",
    "call",
    "situation",
    "lately",
    "recently",
];
/// Where what is asked for ends and something else is said.
const ENDS: [&str; 8] =
    [" before ", " so that ", " because ", ", please", " in two ", " in a few ", " — ", " - "];
/// Words that name nothing on record.
const NOTHING: [&str; 28] = [
    "pipeline",
    "deals",
    "tasks",
    "task",
    "todos",
    "todo",
    "meetings",
    "meeting",
    "emails",
    "email",
    "day",
    "week",
    "month",
    "quarter",
    "today",
    "this",
    "everything",
    "things",
    "it",
    "me",
    "call",
    "calls",
    "attention",
    "numbers",
    "appointment",
    "deal",
    "forecast",
    "calendar",
];

impl Subject {
    /// From the words that stand where the name is expected; none if they name nothing.
    pub fn of(text: &str) -> Option<Self> {
        let text = text.split(['?', '!', '\n', ';', ':']).next().unwrap_or_default();
        let text = ENDS.iter().fold(text, |text, end| cut_before(text, end));
        let mut words: Vec<&str> =
            text.split_whitespace().map(bare).filter(|word| !word.is_empty()).collect();
        let mut hint = None;
        let is = |word: &str, list: &[&str]| list.iter().any(|other| word.eq_ignore_ascii_case(other));
        while words.first().is_some_and(|word| is(word, &BEFORE)) {
            words.remove(0);
        }
        while let Some(last) = words.last().filter(|_| words.len() > 1) {
            let kind = KINDS.iter().find(|(word, _)| last.eq_ignore_ascii_case(word));
            if kind.is_none() && !is(last, &AFTER) {
                break;
            }
            hint = hint.or(kind.map(|(_, kind)| *kind));
            words.pop();
        }
        if let Some((_, kind)) =
            KINDS.iter().find(|(word, _)| words.len() > 1 && words[0].eq_ignore_ascii_case(word))
        {
            hint = Some(kind);
            words.remove(0);
        }
        let names = words.iter().any(|word| !is(word, &NOTHING) && !is(word, &BEFORE));
        names.then(|| Self { name: words.join(" "), hint })
    }

    /// What stands after the first of these phrases that occurs; before it, if nothing does.
    pub fn at(text: &str, cues: &[&str]) -> Option<Self> {
        let (before, after) = cues.iter().find_map(|cue| around(text, cue))?;
        if after.chars().any(char::is_alphanumeric) { Self::of(after) } else { Self::of(before) }
    }
}

fn cut_before<'a>(text: &'a str, end: &str) -> &'a str {
    // Lower case of ASCII only, so that places in both texts are the same.
    text.to_ascii_lowercase().find(end).filter(|at| *at > 0).map_or(text, |at| &text[..at])
}

/// Without the signs around a word and the genitive.
fn bare(word: &str) -> &str {
    let word = word.trim_matches(|c: char| !c.is_alphanumeric() && c != '&');
    word.strip_suffix("'s").or_else(|| word.strip_suffix("’s")).unwrap_or(word)
}
