//! Which skill a message asks for.
//!
//! A slash command is obeyed. Otherwise sequences come first, if one is certain enough, then all other
//! skills; and among each, triggers, then keywords, then text search: the first way that is certain
//! enough decides. Of several that match in the same way the most certain one wins, then the one of
//! which more stands in the message, then the organization's own, the higher priority, the key's order.
//! The same skills and the same message give the same decision.

mod build;
mod matches;
mod phrases;
mod search;
mod template;
#[cfg(test)]
mod tests;
mod words;

use std::collections::{BTreeMap, BTreeSet};

pub use domain::offered::MatchedBy;
use regex::RegexSet;

use crate::{Finding, Key, Skill};
pub use build::{Commands, regex_problem};
use matches::{Match, best};
use phrases::Phrases;
use search::Search;
use template::Template;
use words::{beginning, plain};

/// How certain a sequence has to be: it does much.
pub const SEQUENCE: f64 = 0.7;
/// How certain any other skill has to be.
pub const SKILL: f64 = 0.5;
/// Steps that may be spent on templates for one message.
const MAX_WORK: usize = 500_000;

/// A skill that may be chosen, as it is in force for the organization.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    pub skill: &'a Skill,
    /// The organization's own, or the platform's.
    pub own: bool,
}

/// Why a skill was chosen.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    pub key: Key,
    pub matched_by: MatchedBy,
    /// 0 to 1, in hundredths.
    pub confidence: f64,
    /// For people.
    pub reason: String,
}

/// Skills, ready to be asked. Made once for an organization and a version of its skills.
pub struct Router {
    /// By the order in which they win.
    skills: Vec<Routed>,
    /// The words of a command, and the skill that has it.
    commands: BTreeMap<String, usize>,
    phrases: Phrases<Means>,
    templates: Vec<Pattern<Template>>,
    regexes: RegexSet,
    /// Beside the set: whose each is.
    matched: Vec<Pattern<()>>,
    search: Search,
    warnings: Vec<(Key, Finding)>,
}

struct Routed {
    key: Key,
    is_sequence: bool,
}

/// A trigger's pattern.
struct Pattern<T> {
    skill: usize,
    confidence: f64,
    /// As it was written, cut.
    written: String,
    it: T,
}

/// What a phrase in a message means.
enum Means {
    Trigger(Pattern<()>),
    /// A keyword, and what it says: less if more skills have it.
    Keyword {
        skill: usize,
        word: String,
        says: f64,
    },
    /// A template may fit: the number of it.
    Template(usize),
}

/// Whether somebody says no more than thanks or hello. Consent is more than that: it sets somebody to work.
pub fn is_pleasantry(text: &str) -> bool {
    words::is_pleasantry(&plain(beginning(text).trim()))
}

impl Router {
    /// What is wrong with triggers and commands, of which skill.
    pub fn warnings(&self) -> &[(Key, Finding)] {
        &self.warnings
    }

    /// The skill that fits the message, if one does. Only the beginning of a long message is looked at.
    pub fn route(&self, text: &str) -> Option<Decision> {
        self.route_among(text, |_| true)
    }

    /// The same among skills that `may` be chosen, such as those that this caller can run. A command
    /// is obeyed all the same: who names a skill is told why it cannot run.
    pub fn route_among(&self, text: &str, may: impl Fn(&Key) -> bool) -> Option<Decision> {
        let text = beginning(text).trim();
        let plain = plain(text);
        if let Some(decision) = self.command(text, &plain) {
            return Some(decision);
        }
        if words::is_small_talk(&plain) {
            return None;
        }
        let (triggers, keywords) = self.patterns(text, &plain);
        let found = [
            (MatchedBy::Trigger, triggers),
            (MatchedBy::Keyword, keywords),
            (MatchedBy::Text, self.search.find(&plain).into_iter().map(Match::terms).collect()),
        ];
        [(true, SEQUENCE), (false, SKILL)].into_iter().find_map(|(sequences, least)| {
            found.iter().find_map(|(matched_by, matches)| {
                let able = matches.iter().filter(|it| {
                    let Routed { key, is_sequence } = &self.skills[it.skill];
                    *is_sequence == sequences && it.confidence >= least && may(key)
                });
                best(able).map(|it| self.decide(it, *matched_by))
            })
        })
    }

    fn decide(&self, it: &Match<'_>, matched_by: MatchedBy) -> Decision {
        let key = self.skills[it.skill].key.clone();
        Decision { key, matched_by, confidence: hundredths(it.confidence), reason: it.reason() }
    }

    /// `/label`, and what may follow it. The longest command that stands there, but no part of a word.
    fn command(&self, text: &str, plain: &str) -> Option<Decision> {
        let first = text.strip_prefix('/')?.split_whitespace().next()?;
        let least = words::plain(first).split_whitespace().count().max(1);
        let words: Vec<&str> = plain.split_whitespace().take(build::MAX_COMMAND).collect();
        let lengths = (least..=words.len()).rev();
        let (label, skill) = lengths
            .map(|length| words[..length].join("-"))
            .find_map(|label| self.commands.get_key_value(&label))?;
        Some(Decision {
            key: self.skills[*skill].key.clone(),
            matched_by: MatchedBy::Command,
            confidence: 1.0,
            reason: format!("the command /{label}"),
        })
    }

    /// What triggers match, and what keywords.
    fn patterns(&self, text: &str, plain: &str) -> (Vec<Match<'_>>, Vec<Match<'_>>) {
        let (mut triggers, mut keywords) = (Vec::new(), BTreeMap::<usize, Vec<(&str, f64)>>::new());
        let mut templates = BTreeSet::new();
        for (means, length) in self.phrases.find(plain) {
            match means {
                Means::Template(number) => _ = templates.insert(*number),
                Means::Trigger(it) => triggers.push(Match::pattern(it, length, "the message has")),
                Means::Keyword { skill, word, says } => {
                    keywords.entry(*skill).or_default().push((word, *says));
                }
            }
        }
        self.try_templates(&templates, plain, &mut triggers);
        for number in self.regexes.matches(text) {
            triggers.push(Match::pattern(&self.matched[number], 0, "the message matches"));
        }
        (triggers, keywords.into_iter().map(|(skill, words)| Match::keywords(skill, &words)).collect())
    }

    fn try_templates<'a>(&'a self, numbers: &BTreeSet<usize>, plain: &str, triggers: &mut Vec<Match<'a>>) {
        if numbers.is_empty() {
            return;
        }
        let words: Vec<&str> = plain.split_whitespace().collect();
        let mut work = 0;
        for template in numbers.iter().map(|number| &self.templates[*number]) {
            work += template.it.work(words.len());
            if work > MAX_WORK {
                return;
            }
            if template.it.fits(&words) {
                triggers.push(Match::pattern(template, template.written.len(), "the message fits"));
            }
        }
    }
}

fn hundredths(confidence: f64) -> f64 {
    (confidence * 100.0).round() / 100.0
}
