//! Skills that match a message, and which of them is best.

use super::{Pattern, search::Hit};
use crate::found::cut;

/// How much keywords have to say to be worth half of [`KEYWORDS`]: one that no other skill has says 1.
const HALF: f64 = 0.8;
/// Keywords are never more certain than that.
const KEYWORDS: f64 = 0.9;
/// Names that a reason lists.
const TOLD: usize = 6;

pub(super) struct Match<'a> {
    pub skill: usize,
    pub confidence: f64,
    /// How much of the message it explains, beside others of its kind.
    length: usize,
    why: Why<'a>,
}

enum Why<'a> {
    /// In which way, and what the author wrote.
    Pattern(&'static str, &'a str),
    Keywords(Vec<&'a str>),
    Terms(Vec<String>),
}

impl<'a> Match<'a> {
    pub fn pattern<T>(it: &'a Pattern<T>, length: usize, how: &'static str) -> Self {
        Self { skill: it.skill, confidence: it.confidence, length, why: Why::Pattern(how, &it.written) }
    }

    /// Keywords with what each says. They add up: one that no other skill has is just enough, and each
    /// adds less than the one before.
    pub fn keywords(skill: usize, words: &[(&'a str, f64)]) -> Self {
        let says: f64 = words.iter().map(|(_, says)| says).sum();
        let confidence = KEYWORDS * says / (says + HALF);
        let told = words.iter().take(TOLD).map(|(word, _)| *word).collect();
        Self { skill, confidence, length: words.len(), why: Why::Keywords(told) }
    }

    pub fn terms(hit: Hit) -> Self {
        let Hit { skill, confidence, terms } = hit;
        Self { skill, confidence, length: terms.len(), why: Why::Terms(terms) }
    }

    pub fn reason(&self) -> String {
        match &self.why {
            Why::Pattern(how, written) => format!("{how} “{written}”"),
            Why::Keywords(words) => format!("keywords: {}", cut(&words.join(", "))),
            Why::Terms(terms) => format!("it is about {}", cut(&terms[..terms.len().min(TOLD)].join(", "))),
        }
    }
}

/// The most certain, then the one that explains more. Skills stand in the order in which they win.
pub(super) fn best<'m, 'a>(matches: impl Iterator<Item = &'m Match<'a>>) -> Option<&'m Match<'a>>
where
    'a: 'm,
{
    matches.max_by(|one, other| {
        let certain = one.confidence.total_cmp(&other.confidence);
        certain.then(one.length.cmp(&other.length)).then(other.skill.cmp(&one.skill))
    })
}
