//! Phrases with `[placeholder]`s, each of which stands for one to a few words.

use super::words::plain;

/// Words that one placeholder may stand for.
const FEW: usize = 5;
/// Words and placeholders of one template.
const MAX_PARTS: usize = 64;

#[derive(Debug, PartialEq)]
enum Part {
    Word(String),
    /// So many placeholders, one after the other.
    Gap(usize),
}

#[derive(Debug, PartialEq)]
pub struct Template {
    parts: Vec<Part>,
}

impl Template {
    /// None if nothing in it is certain, or if it has too many parts.
    pub fn new(pattern: &str) -> Option<Self> {
        let (mut parts, mut rest) = (Vec::new(), pattern);
        while let Some((before, placeholder)) = rest.split_once('[') {
            let Some((_, after)) = placeholder.split_once(']') else { break };
            literal(before, &mut parts);
            match parts.last_mut() {
                Some(Part::Gap(count)) => *count += 1,
                _ => parts.push(Part::Gap(1)),
            }
            rest = after;
        }
        literal(rest, &mut parts);
        let certain = parts.iter().any(|part| matches!(part, Part::Word(_)));
        (certain && parts.len() <= MAX_PARTS).then_some(Self { parts })
    }

    /// The longest run of its words, as a phrase: where that does not stand, it need not be tried.
    pub fn gate(&self) -> String {
        let runs = self.parts.split(|part| matches!(part, Part::Gap(_)));
        let joined = runs.map(|run| {
            let words = run.iter().filter_map(|part| match part {
                Part::Word(word) => Some(word.as_str()),
                Part::Gap(_) => None,
            });
            words.fold(" ".to_owned(), |phrase, word| format!("{phrase}{word} "))
        });
        joined.max_by_key(String::len).unwrap_or_default()
    }

    /// What [`Template::fits`] costs for so many words.
    pub fn work(&self, words: usize) -> usize {
        self.parts.len() * (words + 1)
    }

    /// Whether it stands somewhere in the words. After each part it is known behind which words one
    /// can be; no part is tried twice at a place.
    pub fn fits(&self, words: &[&str]) -> bool {
        let mut here = vec![true; words.len() + 1];
        for part in &self.parts {
            here = match part {
                Part::Word(word) => step(&here, words, word),
                Part::Gap(count) => leap(&here, *count),
            };
        }
        here.contains(&true)
    }
}

fn literal(text: &str, parts: &mut Vec<Part>) {
    parts.extend(plain(text).split_whitespace().map(|word| Part::Word(word.to_owned())));
}

fn step(here: &[bool], words: &[&str], word: &str) -> Vec<bool> {
    let after = here.iter().zip(words).map(|(here, next)| *here && *next == word);
    std::iter::once(false).chain(after).collect()
}

/// Behind `count` to `count × FEW` more words.
fn leap(here: &[bool], count: usize) -> Vec<bool> {
    // The place before nearest to each, from which it is reached if it is near enough.
    let mut nearest = None;
    (0..here.len())
        .map(|at| {
            if let Some(from) = at.checked_sub(count).filter(|from| here[*from]) {
                nearest = Some(from);
            }
            nearest.is_some_and(|from| at - from <= count * FEW)
        })
        .collect()
}
