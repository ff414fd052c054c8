//! The list of skills that stands in the prompt: what there is, in few words. The rest is a tool call away.

#[cfg(test)]
mod tests;

use std::{cmp::Reverse, collections::BTreeSet};

use domain::{skill::DEFAULT_LIST_TOKENS, visible::visible};

use crate::{
    Key, Skill,
    offer::{is_offered, priority},
};

/// Tokens of one description.
pub const DESCRIPTION: usize = 100;
/// Bytes of a token, as an estimate that does not depend on a model. Scripts with long characters
/// have fewer of them to a token, so bytes are the fairer count.
const BYTES: usize = 4;
/// Names of what is missing that are shown of one skill.
const MISSING: usize = 3;
/// Longest name that is shown, in characters.
const NAME: usize = 80;
/// The same of what is wrong with a skill.
const PROBLEM: usize = 160;

/// A skill that the caller may use.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    pub skill: &'a Skill,
    /// What it names and the caller does not have: it is listed all the same.
    pub missing: &'a [String],
    /// What is wrong with it: it is listed all the same.
    pub problems: &'a [String],
}

/// How an organization wants its list. Nothing else decides on order and cut, so that the list of two
/// callers who may use the same is the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Keys that stand first, in this order. All others follow by priority, then by key.
    pub first: Vec<Key>,
    /// Tokens of the whole list.
    pub tokens: usize,
    /// Tokens of one description.
    pub description: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { first: Vec::new(), tokens: DEFAULT_LIST_TOKENS.into(), description: DESCRIPTION }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Catalogue {
    /// A line for each skill; empty if there are none. No bracket in it can begin a tag.
    pub text: String,
    /// Skills that have a line.
    pub shown: usize,
    /// Skills that are only counted.
    pub more: usize,
}

/// Renders the list. The same skills in any order give the same bytes.
pub fn catalogue(entries: &[Entry<'_>], settings: &Settings) -> Catalogue {
    let mut offered: Vec<&Entry<'_>> = entries.iter().filter(|it| is_offered(it.skill)).collect();
    let place = |key: &Key| settings.first.iter().position(|first| first == key).unwrap_or(usize::MAX);
    offered
        .sort_by_cached_key(|it| (place(&it.skill.key), Reverse(priority(it.skill)), it.skill.key.clone()));
    let mut known = BTreeSet::new();
    offered.retain(|it| known.insert(&it.skill.key));
    let lines: Vec<String> = offered.iter().map(|it| line(it, settings.description)).collect();
    cut(&lines, settings.tokens.saturating_mul(BYTES))
}

/// As many lines as there is room for, and a last one that counts the others.
fn cut(lines: &[String], room: usize) -> Catalogue {
    let all: usize = lines.iter().map(String::len).sum();
    let mut shown = lines.len();
    if all > room {
        let mut room = room.saturating_sub(rest(lines.len()).len());
        shown = lines
            .iter()
            .take_while(|line| room.checked_sub(line.len()).map(|left| room = left).is_some())
            .count();
    }
    let more = lines.len() - shown;
    let mut text = lines[..shown].concat();
    if more > 0 {
        text.push_str(&rest(more));
    }
    Catalogue { text, shown, more }
}

fn rest(more: usize) -> String {
    format!("- and {more} more: list_skills\n")
}

fn line(entry: &Entry<'_>, tokens: usize) -> String {
    let skill = entry.skill;
    let mut line = format!("- {}", skill.key);
    if let Some(command) = &skill.command {
        line.push_str(&format!(" (/{})", short(&command.label, NAME)));
    }
    if skill.is_sequence() {
        line.push_str(" [sequence]");
    }
    line.push_str(&lame(entry));
    let about = if skill.description.trim().is_empty() { &skill.name } else { &skill.description };
    line.push_str(&format!(": {}\n", described(about, tokens.saturating_mul(BYTES))));
    line
}

/// That a skill cannot run, and why.
fn lame(entry: &Entry<'_>) -> String {
    if let Some(problem) = entry.problems.first() {
        return format!(" [cannot run: {}]", short(problem, PROBLEM));
    }
    if entry.missing.is_empty() {
        return String::new();
    }
    let missing = entry.missing.iter().take(MISSING).map(|name| short(name, NAME));
    let more = if entry.missing.len() > MISSING { ", …" } else { "" };
    format!(" [cannot run, missing: {}{more}]", missing.collect::<Vec<_>>().join(", "))
}

/// One line of so many bytes at most, cut between two words where that is possible.
fn described(text: &str, most: usize) -> String {
    // What is far behind the cut need not be looked at.
    let beginning: String = text.chars().take(most.saturating_mul(2).saturating_add(1_000)).collect();
    let text = one_line(&beginning);
    if text.len() <= most {
        return text;
    }
    let end =
        (0..=most.saturating_sub('…'.len_utf8())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    let end = text[..end].rfind(' ').filter(|space| *space * 2 > end).unwrap_or(end);
    format!("{}…", text[..end].trim_end())
}

fn short(text: &str, most: usize) -> String {
    one_line(&text.chars().take(most).collect::<String>())
}

/// A text in one line, in which no bracket opens a tag: it stands between the prompt's own.
fn one_line(text: &str) -> String {
    let text = visible(text).split_whitespace().collect::<Vec<_>>().join(" ");
    text.replace(['<', '\u{FF1C}', '\u{FE64}'], "&lt;")
}
