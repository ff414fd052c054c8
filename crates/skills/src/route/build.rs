//! From skills to a router. What is too large or can never match is left out, with a warning.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use regex::{RegexBuilder, RegexSet, RegexSetBuilder};

use super::{
    Candidate, Means, Pattern, Routed, Router, phrases, search::Search, template::Template, words::plain,
};
use crate::{
    Finding, Key, Skill,
    found::cut,
    offer::{is_offered, priority},
    skill::{Pattern as Written, Trigger},
};

/// Words of a command.
pub(super) const MAX_COMMAND: usize = 6;
/// Longest phrase, template, keyword or regular expression, in characters.
const MAX_PATTERN: usize = 200;
/// Triggers of one skill, and keywords of one skill.
const MAX_PATTERNS: usize = 100;
/// Regular expressions of an organization.
const MAX_REGEXES: usize = 50;
/// Largest program of one regular expression, and of all together, in bytes.
const REGEX_SIZE: usize = 128 * 1024;
const ALL_REGEXES: usize = 1024 * 1024;
/// What several words of a keyword say more than one.
const SEVERAL: f64 = 1.5;

/// Why a trigger cannot have this regular expression.
pub fn regex_problem(pattern: &str) -> Option<&'static str> {
    if !fits(pattern) {
        return Some("is longer than 200 characters");
    }
    match RegexBuilder::new(pattern).case_insensitive(true).size_limit(REGEX_SIZE).build() {
        Ok(_) => None,
        Err(regex::Error::CompiledTooBig(_)) => Some("is too large a regular expression"),
        Err(_) => Some("is no regular expression"),
    }
}

/// Who has which command among skills, and who does not get it.
pub struct Commands {
    /// The skill that has a command, and the field that says so.
    had: BTreeMap<String, (Key, String)>,
    /// Skills that want one that another skill has.
    lost: BTreeSet<(Key, String)>,
    warnings: Vec<(Key, Finding)>,
}

impl Commands {
    pub fn of(candidates: &[Candidate<'_>]) -> Self {
        let skills = in_order(candidates);
        let mut building = Building::default();
        for (number, skill) in skills.iter().enumerate() {
            building.commands(number, skill, &skills);
        }
        let key = |number: usize| skills[number].key.clone();
        let Building { commands, lost, warnings, .. } = building;
        let had = commands.into_iter().map(|(label, (number, field))| (label, (key(number), field)));
        let lost = lost.into_iter().map(|(number, label)| (key(number), label));
        Self { had: had.collect(), lost: lost.collect(), warnings }
    }

    /// What is to be said of a skill's commands: those that it does not get, and those that it takes from others.
    pub fn warnings(&self, key: &Key, before: &Commands) -> Vec<Finding> {
        let own = self.warnings.iter().filter(|(of, _)| of == key).map(|(_, finding)| finding.clone());
        let taken = self.had.iter().filter_map(|(label, (winner, place))| {
            let (loser, _) = before.had.get(label).filter(|_| winner == key)?;
            let wants = self.lost.contains(&(loser.clone(), label.clone()));
            let problem = || format!("/{label} was the command of `{loser}`, which loses it");
            wants.then(|| Finding::new(place.clone(), problem()))
        });
        own.chain(taken).collect()
    }
}

/// The skills that a copilot offers, in the order in which they win. Of two with the same key the
/// organization's own counts.
fn in_order<'s>(candidates: &[Candidate<'s>]) -> Vec<&'s Skill> {
    let mut all: Vec<&Candidate<'s>> = candidates.iter().filter(|it| is_offered(it.skill)).collect();
    all.sort_by_key(|it| (Reverse(it.own), Reverse(priority(it.skill)), &it.skill.key));
    let mut known = BTreeSet::new();
    all.retain(|it| known.insert(&it.skill.key));
    all.into_iter().map(|it| it.skill).collect()
}

impl Router {
    /// Takes in the skills that a copilot offers.
    pub fn new(candidates: &[Candidate<'_>]) -> Self {
        let skills = in_order(candidates);
        let mut building = Building { shared: shared(&skills), ..Building::default() };
        for (number, skill) in skills.iter().enumerate() {
            building.commands(number, skill, &skills);
            building.skill(number, skill, &skills);
        }
        let regexes = building.regexes(&skills);
        Self {
            skills: skills.iter().map(|skill| Routed::new(skill)).collect(),
            commands: building.commands.into_iter().map(|(label, (skill, _))| (label, skill)).collect(),
            phrases: building.phrases.build(),
            templates: building.templates,
            regexes,
            matched: building.matched,
            search: Search::new(skills.into_iter()),
            warnings: building.warnings,
        }
    }
}

impl Routed {
    fn new(skill: &Skill) -> Self {
        Self { key: skill.key.clone(), is_sequence: skill.is_sequence() }
    }
}

#[derive(Default)]
struct Building {
    /// How many skills have a keyword.
    shared: BTreeMap<String, u32>,
    /// Who has each, and the field that says so.
    commands: BTreeMap<String, (usize, String)>,
    /// Those that a skill wants and another has.
    lost: Vec<(usize, String)>,
    phrases: phrases::Builder<Means>,
    templates: Vec<Pattern<Template>>,
    expressions: Vec<String>,
    matched: Vec<Pattern<()>>,
    warnings: Vec<(Key, Finding)>,
}

/// The keywords of a skill in plain words, each once, with how it was written.
fn keywords(skill: &Skill) -> BTreeMap<String, &str> {
    let short = skill.keywords.iter().take(MAX_PATTERNS).filter(|word| fits(word));
    short.map(|word| (plain(word), word.as_str())).filter(|(plain, _)| plain != " ").collect()
}

fn shared(skills: &[&Skill]) -> BTreeMap<String, u32> {
    let mut shared = BTreeMap::new();
    for word in skills.iter().flat_map(|skill| keywords(skill).into_keys()) {
        *shared.entry(word).or_insert(0) += 1;
    }
    shared
}

/// Where a trigger's pattern stands.
fn pattern(place: usize) -> String {
    format!("metadata.triggers[{place}].pattern")
}

fn fits(pattern: &str) -> bool {
    pattern.chars().nth(MAX_PATTERN).is_none()
}

impl Building {
    /// Its command, and those that its triggers give.
    fn commands(&mut self, number: usize, skill: &Skill, all: &[&Skill]) {
        if let Some(command) = &skill.command {
            let label: String = command.label.chars().take(MAX_PATTERN).collect();
            self.command(number, &label, "metadata.command_centre.label", all);
        }
        for (trigger, place) in skill.triggers.iter().take(MAX_PATTERNS).zip(0..) {
            if let Written::Command(text) = &trigger.pattern
                && fits(text)
            {
                self.command(number, text, &pattern(place), all);
            }
        }
    }

    /// All else by which messages find it.
    fn skill(&mut self, number: usize, skill: &Skill, all: &[&Skill]) {
        if skill.triggers.len() > MAX_PATTERNS {
            let problem = format!("only the first {MAX_PATTERNS} triggers count");
            self.warn(&skill.key, "metadata.triggers".into(), problem);
        }
        for (trigger, place) in skill.triggers.iter().take(MAX_PATTERNS).zip(0..) {
            self.trigger(number, trigger, &pattern(place), all);
        }
        for (plain, written) in keywords(skill) {
            let skills = self.shared.get(&plain).copied().unwrap_or(1);
            let worth = if plain.trim().contains(' ') { SEVERAL } else { 1.0 };
            let says = worth / f64::from(skills).sqrt();
            self.phrases.add(&plain, Means::Keyword { skill: number, word: written.to_owned(), says });
        }
    }

    fn trigger(&mut self, skill: usize, trigger: &Trigger, field: &str, all: &[&Skill]) {
        let key = &all[skill].key;
        let (Written::Phrase(text) | Written::Template(text) | Written::Command(text) | Written::Regex(text)) =
            &trigger.pattern
        else {
            return;
        };
        if !fits(text) {
            let problem = format!("is longer than {MAX_PATTERN} characters and matches nothing");
            return self.warn(key, field.into(), problem);
        }
        let confidence = if trigger.confidence.is_nan() { 0.0 } else { trigger.confidence.clamp(0.0, 1.0) };
        let it = Pattern { skill, confidence, written: cut(text), it: () };
        match &trigger.pattern {
            Written::Phrase(_) => {
                let plain = plain(text);
                if plain == " " {
                    self.warn(key, field.into(), "has no word and matches nothing".into());
                }
                self.phrases.add(&plain, Means::Trigger(it));
            }
            Written::Template(_) => match Template::new(text) {
                Some(template) => self.template(it, template),
                None => self.warn(
                    key,
                    field.into(),
                    "has no word beside its placeholders, or too many parts".into(),
                ),
            },
            Written::Regex(_) => self.regex(it, text, field, key),
            Written::Command(_) | Written::Event(_) => {}
        }
    }

    fn template(&mut self, Pattern { skill, confidence, written, it: () }: Pattern<()>, it: Template) {
        self.phrases.add(&it.gate(), Means::Template(self.templates.len()));
        self.templates.push(Pattern { skill, confidence, written, it });
    }

    fn regex(&mut self, it: Pattern<()>, text: &str, field: &str, key: &Key) {
        if self.expressions.len() == MAX_REGEXES {
            let problem = format!("more than {MAX_REGEXES} regular expressions; this one matches nothing");
            return self.warn(key, field.into(), problem);
        }
        if let Some(problem) = regex_problem(text) {
            return self.warn(key, field.into(), format!("{problem} and matches nothing"));
        }
        self.expressions.push(text.to_owned());
        self.matched.push(it);
    }

    /// All of them as one; the later half is left out until the rest has room.
    fn regexes(&mut self, all: &[&Skill]) -> RegexSet {
        loop {
            let set = RegexSetBuilder::new(&self.expressions)
                .case_insensitive(true)
                .size_limit(ALL_REGEXES)
                .build();
            if let Ok(set) = set {
                return set;
            }
            let half = self.expressions.len() / 2;
            self.expressions.truncate(half);
            for it in self.matched.split_off(half) {
                let problem =
                    "the skills' regular expressions are too large together; this one matches nothing";
                self.warn(&all[it.skill].key, "metadata.triggers".into(), problem.into());
            }
        }
    }

    fn command(&mut self, skill: usize, label: &str, field: &str, all: &[&Skill]) {
        let plain = plain(label);
        let words: Vec<&str> = plain.split_whitespace().collect();
        if words.is_empty() || words.len() > MAX_COMMAND {
            let problem = format!("a command has 1 to {MAX_COMMAND} words");
            return self.warn(&all[skill].key, field.into(), problem);
        }
        let label = words.join("-");
        match self.commands.get(&label) {
            None => _ = self.commands.insert(label, (skill, field.into())),
            Some((winner, _)) if *winner == skill => {}
            // Skills come in the order in which they win.
            Some((winner, _)) => {
                let problem =
                    format!("/{label} is the command of `{}` already, which wins", all[*winner].key);
                self.lost.push((skill, label));
                self.warn(&all[skill].key, field.into(), problem);
            }
        }
    }

    fn warn(&mut self, key: &Key, field: String, problem: String) {
        self.warnings.push((key.clone(), Finding { field, line: None, problem, suggestion: None }));
    }
}
