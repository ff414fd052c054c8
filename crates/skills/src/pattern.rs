//! What kind of pattern a trigger has, told from how it is written.

use regex::{Regex, RegexBuilder};

use crate::{limits, skill::Pattern};

/// Tells a pattern's kind. Err says why a regular expression is none.
pub fn classify(text: &str) -> Result<Pattern, String> {
    if let Some(rest) = text.strip_prefix('/') {
        if let Some(expression) = delimited(rest) {
            return regex(&expression);
        }
        let word = rest.split_whitespace().next().unwrap_or_default();
        if !word.is_empty() && word.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '_') {
            return Ok(Pattern::Command(word.to_owned()));
        }
    }
    if is_event(text) {
        return Ok(Pattern::Event(text.to_owned()));
    }
    if is_regex(text) {
        return regex(text);
    }
    if has_placeholder(text) {
        return Ok(Pattern::Template(text.to_owned()));
    }
    Ok(Pattern::Phrase(text.to_owned()))
}

/// How a pattern is written, so that it is read as the same kind.
pub fn spell(pattern: &Pattern) -> String {
    match pattern {
        Pattern::Phrase(text) | Pattern::Template(text) | Pattern::Event(text) => text.clone(),
        Pattern::Command(word) => format!("/{word}"),
        Pattern::Regex(text) => format!("/{text}/"),
    }
}

/// A trigger's regular expression, ready to be used: letters' case aside, linear in time, small.
pub fn compile(expression: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(expression)
        .case_insensitive(true)
        .size_limit(limits::REGEX)
        .dfa_size_limit(limits::REGEX)
        .nest_limit(limits::REGEX_DEPTH)
        .build()
}

fn regex(text: &str) -> Result<Pattern, String> {
    match compile(text) {
        Ok(_) => Ok(Pattern::Regex(text.to_owned())),
        Err(regex::Error::CompiledTooBig(most)) => {
            Err(format!("is a regular expression that takes more than {most} bytes"))
        }
        Err(error) => {
            let words = error.to_string();
            let why = words.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
            Err(format!("is not a regular expression of the linear-time engine: {why}"))
        }
    }
}

/// The expression of `/…/flags`, given what follows the first slash.
fn delimited(rest: &str) -> Option<String> {
    let (expression, flags) = rest.rsplit_once('/')?;
    if expression.is_empty() || !flags.chars().all(|c| "gimsuy".contains(c)) {
        return None;
    }
    // Case never counts, a search is never global, and text is always Unicode.
    let other: String = flags.chars().filter(|c| "ms".contains(*c)).collect();
    let flags = if other.is_empty() { String::new() } else { format!("(?{other})") };
    Some(format!("{flags}{expression}"))
}

/// `meeting.ended`, `deal_stage_changed`: lower-case words joined by dots, colons or underscores.
fn is_event(text: &str) -> bool {
    let word =
        |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.contains(['.', ':', '_'])
        && text.split(['.', ':', '_']).all(word)
}

/// Signs that no phrase has.
fn is_regex(text: &str) -> bool {
    let escape =
        |pair: &[u8]| pair[0] == b'\\' && (b"bBdDsSwW".contains(&pair[1]) || pair[1].is_ascii_punctuation());
    [".*", ".+", "(?", ".?", "]+", "]*", ")?"].iter().any(|sign| text.contains(sign))
        || text.as_bytes().windows(2).any(escape)
        || text.starts_with('^')
        || (text.len() > 1 && text.ends_with('$') && !text.ends_with(" $"))
        || alternatives(text)
}

/// `(a|b)`, or `a|b` without spaces around the bar.
fn alternatives(text: &str) -> bool {
    let grouped = text
        .find('(')
        .zip(text.rfind(')'))
        .is_some_and(|(open, close)| open < close && text[open..close].contains('|'));
    let solid = |(at, _): (usize, &str)| {
        let spaced = |side: Option<char>| side.is_none_or(char::is_whitespace);
        !spaced(text[..at].chars().next_back()) && !spaced(text[at + 1..].chars().next())
    };
    grouped || text.match_indices('|').any(solid)
}

/// Whether a `[placeholder]` stands in it.
fn has_placeholder(text: &str) -> bool {
    text.split('[').skip(1).any(|rest| {
        rest.split_once(']').is_some_and(|(name, _)| name.trim().chars().any(char::is_alphanumeric))
    })
}
