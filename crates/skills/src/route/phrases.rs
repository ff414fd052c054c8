//! Phrases and keywords, all found in one pass over the message.

use std::collections::{BTreeMap, BTreeSet};

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

/// Most finds of one message that are looked at: phrases of a hostile organization may stand inside
/// each other at every place.
const MAX_FINDS: usize = 20_000;
/// A phrase with fewer letters has no plural that counts: `it` is not in `its`.
const SHORTEST_PLURAL: usize = 4;

/// Collects phrases; equal ones are looked for once.
pub struct Builder<T>(BTreeMap<String, Vec<T>>);

impl<T> Default for Builder<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<T> Builder<T> {
    /// A phrase in plain words (a space before and after). One without words is never found.
    pub fn add(&mut self, plain: &str, means: T) {
        let phrase = plain.trim_end();
        if !phrase.is_empty() {
            self.0.entry(phrase.to_owned()).or_default().push(means);
        }
    }

    pub fn build(self) -> Phrases<T> {
        let automaton = AhoCorasick::builder()
            .match_kind(MatchKind::Standard)
            .kind(Some(AhoCorasickKind::ContiguousNFA))
            .build(self.0.keys())
            .expect("phrases of bounded number and length make no automaton that is too large");
        Phrases { automaton, means: self.0.into_values().collect() }
    }
}

pub struct Phrases<T> {
    automaton: AhoCorasick,
    means: Vec<Vec<T>>,
}

impl<T> Phrases<T> {
    /// What the phrases mean that stand in these plain words, each with its length, in the order of
    /// their first ends: as whole words, of which the last may be a plural. A phrase counts once.
    pub fn find(&self, plain: &str) -> impl Iterator<Item = (&T, usize)> {
        let mut seen = BTreeSet::new();
        self.automaton
            .find_overlapping_iter(plain)
            .take(MAX_FINDS)
            .filter(|found| ends_well(&plain[found.start()..], found.len()))
            .filter(move |found| seen.insert(found.pattern()))
            .flat_map(|found| self.means[found.pattern()].iter().map(move |means| (means, found.len())))
    }
}

fn ends_well(plain: &str, length: usize) -> bool {
    let (phrase, after) = plain.split_at(length);
    let plural = || after.starts_with("s ") || after.starts_with("es ");
    after.starts_with(' ') || (phrase.trim().chars().count() >= SHORTEST_PLURAL && plural())
}
