//! Text search over names, descriptions and examples: BM25's terms, as a share instead of a sum.
//!
//! A sum says which skill fits best and not whether it fits. So the score is the share of what the
//! message says that the skill speaks of: each term weighs by its rarity among the skills (BM25's idf),
//! times how certainly the skill is about it (BM25's saturation of its frequency, corrected by length).
//! Terms that no skill knows count half a rare one: names of customers must not drown a message, and one
//! that is about something else must not be caught. The share cannot exceed 1, is never called more
//! certain than [`CERTAIN`], and needs two terms: one word in common is a coincidence.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::words::{plain, terms};
use crate::Skill;

/// Words alone are never more certain than that: just above the confidence that a sequence needs.
const CERTAIN: f64 = 0.75;
/// Terms of a message that are looked at.
const MAX_TERMS: usize = 64;
/// What is read of one skill, in characters.
const MAX_TEXT: usize = 8_000;
/// How fast frequency saturates. One mention is worth 0.7: descriptions are short, and say things once.
const SATURATION: f64 = 0.4;
/// How much length counts.
const LENGTH: f64 = 0.3;
/// What a mention weighs in a name, in an example, in a description.
const OF_NAME: f64 = 3.0;
const OF_EXAMPLE: f64 = 2.0;
const OF_DESCRIPTION: f64 = 1.0;

#[derive(Default)]
pub struct Search {
    /// By term: its rarity, and in which skills it stands with what certainty.
    terms: HashMap<String, Term>,
    /// Rarity of a term that no skill has.
    unknown: f64,
}

struct Term {
    rarity: f64,
    skills: Vec<(usize, f64)>,
}

/// A skill that fits in words.
pub struct Hit {
    pub skill: usize,
    pub confidence: f64,
    /// The terms in common, in the message's order.
    pub terms: Vec<String>,
}

impl Search {
    pub fn new<'a>(skills: impl Iterator<Item = &'a Skill>) -> Self {
        let documents: Vec<BTreeMap<String, f64>> = skills.map(document).collect();
        let lengths: Vec<f64> = documents.iter().map(|document| document.values().sum()).collect();
        let count = as_f64(documents.len());
        let average = (lengths.iter().sum::<f64>() / count.max(1.0)).max(1.0);
        let mut found: BTreeMap<String, Vec<(usize, f64)>> = BTreeMap::new();
        for (skill, document) in documents.into_iter().enumerate() {
            let slow = SATURATION * (1.0 - LENGTH + LENGTH * lengths[skill] / average);
            for (term, times) in document {
                found.entry(term).or_default().push((skill, times / (times + slow)));
            }
        }
        let rarity = |skills: f64| (1.0 + (count - skills + 0.5) / (skills + 0.5)).ln();
        let terms = found.into_iter().map(|(term, skills)| {
            let rarity = rarity(as_f64(skills.len()));
            (term, Term { rarity, skills })
        });
        Self { terms: terms.collect(), unknown: rarity(1.0) / 2.0 }
    }

    /// The skills that share at least two terms with the message.
    pub fn find(&self, plain: &str) -> Vec<Hit> {
        let (mut seen, mut asked) = (BTreeSet::new(), Vec::new());
        for term in terms(plain) {
            if asked.len() < MAX_TERMS && seen.insert(term) {
                asked.push(term);
            }
        }
        let (mut all, mut scores) = (0.0, BTreeMap::<usize, (f64, Vec<usize>)>::new());
        for (place, term) in asked.iter().enumerate() {
            let Some(known) = self.terms.get(*term) else {
                all += self.unknown;
                continue;
            };
            all += known.rarity;
            for (skill, certainty) in &known.skills {
                let score = scores.entry(*skill).or_default();
                score.0 += known.rarity * certainty;
                score.1.push(place);
            }
        }
        let scores = scores.into_iter().filter(|(_, (_, places))| places.len() >= 2);
        scores
            .map(|(skill, (score, places))| Hit {
                skill,
                confidence: (score / all).min(CERTAIN),
                terms: places.into_iter().map(|place| asked[place].to_owned()).collect(),
            })
            .collect()
    }
}

/// The terms of a skill with how much of it is about them.
fn document(skill: &Skill) -> BTreeMap<String, f64> {
    let examples = skill.triggers.iter().flat_map(|trigger| &trigger.examples).map(|text| (text, OF_EXAMPLE));
    let texts = [(&skill.name, OF_NAME), (&skill.description, OF_DESCRIPTION)].into_iter().chain(examples);
    let (mut document, mut room) = (BTreeMap::new(), MAX_TEXT);
    for (text, weight) in texts {
        let text: String = text.chars().take(room).collect();
        room -= text.chars().count();
        for term in terms(&plain(&text)) {
            *document.entry(term.to_owned()).or_insert(0.0) += weight;
        }
    }
    document
}

#[expect(clippy::cast_precision_loss, reason = "numbers of skills are far below 2^52")]
fn as_f64(count: usize) -> f64 {
    count as f64
}
