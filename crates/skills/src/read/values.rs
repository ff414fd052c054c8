//! Values, as leniently as can be: a number where text is meant, a text where a list is.

use serde_json::Value;

use super::{fields::At, guess::nearest, yaml::Data};
use crate::{Key, Report, limits};

/// A text, without space around it. A number or a flag is the text as it is written.
pub(super) fn text(at: &At, most: usize, report: &mut Report) -> Option<String> {
    let text = match &at.node.data {
        Data::Text(text) => text.trim(),
        Data::Plain(Value::Null, _) => return None,
        Data::Plain(_, spelling) => spelling.as_str(),
        Data::List(_) | Data::Map(_) => {
            report.error(at.finding(format!("must be text, and is {}", at.node.kind())));
            return None;
        }
    };
    let length = text.chars().count();
    if length > most {
        report.error(at.finding(format!("has {length} characters, and {most} is the most")));
        return None;
    }
    (length > 0).then(|| text.to_owned())
}

/// A list of texts. One text is split at its commas.
pub(super) fn texts<'n>(at: &At<'n>, report: &mut Report) -> Vec<(At<'n>, String)> {
    if let Data::Text(line) = &at.node.data {
        let parts = line.split([',', '\n']).map(str::trim).filter(|part| !part.is_empty());
        let parts: Vec<_> = parts.map(|part| (at.clone(), part.to_owned())).collect();
        if parts.len() > limits::ITEMS {
            report.error(at.finding(format!("has more than {} items", limits::ITEMS)));
            return Vec::new();
        }
        return parts;
    }
    let items = at.items(limits::ITEMS, report);
    items.into_iter().filter_map(|item| Some((item.clone(), named(&item, report)?))).collect()
}

pub(super) fn plain_texts(at: &At, report: &mut Report) -> Vec<String> {
    texts(at, report).into_iter().map(|(_, text)| text).collect()
}

/// A text, or a map that has it as its name.
fn named(at: &At, report: &mut Report) -> Option<String> {
    if let Data::Map(entries) = &at.node.data {
        let name = |wanted: &str| entries.iter().find(|entry| entry.name == wanted);
        if let Some(entry) = ["key", "skill_key", "name"].into_iter().find_map(name) {
            let path = format!("{}.{}", at.path, entry.name);
            return text(&At { path, line: entry.line, node: &entry.node }, limits::TEXT, report);
        }
    }
    text(at, limits::TEXT, report)
}

pub(super) fn flag(at: &At, report: &mut Report) -> Option<bool> {
    match &at.node.data {
        Data::Plain(Value::Bool(flag), _) => return Some(*flag),
        Data::Plain(Value::Null, _) => return None,
        Data::Text(text) => match text.trim().to_lowercase().as_str() {
            "true" | "yes" | "on" => return Some(true),
            "false" | "no" | "off" => return Some(false),
            _ => {}
        },
        _ => {}
    }
    report.error(at.finding(format!("must be true or false, and is {}", at.node.kind())));
    None
}

/// A whole number from `least` to `most`.
pub(super) fn count(at: &At, least: u64, most: u64, report: &mut Report) -> Option<u64> {
    let number = match &at.node.data {
        Data::Plain(Value::Null, _) => return None,
        Data::Plain(Value::Number(number), _) => number.as_u64(),
        Data::Text(text) => text.trim().parse().ok(),
        _ => None,
    };
    let fits = number.filter(|number| (least..=most).contains(number));
    if fits.is_none() {
        report.error(at.finding(format!("must be a whole number from {least} to {most}")));
    }
    fits
}

/// A number from 0 to 1.
pub(super) fn part(at: &At, report: &mut Report) -> Option<f64> {
    let number = match &at.node.data {
        Data::Plain(Value::Null, _) => return None,
        Data::Plain(Value::Number(number), _) => number.as_f64(),
        Data::Text(text) => text.trim().parse().ok(),
        _ => None,
    };
    match number {
        Some(number) if (0.0..=1.0).contains(&number) => Some(number),
        Some(number) if (1.0..=100.0).contains(&number) => {
            let suggestion = format!("{}", number / 100.0);
            report.error(at.finding("must be a number from 0 to 1").suggest(suggestion));
            None
        }
        _ => {
            report.error(at.finding("must be a number from 0 to 1"));
            None
        }
    }
}

/// One of a closed list, letters' case aside.
pub(super) fn closed<T: Copy>(at: &At, names: &[&str], values: &[T], report: &mut Report) -> Option<T> {
    let given = text(at, limits::TEXT, report)?;
    let lower = given.to_lowercase();
    let found = names.iter().zip(values).find(|(name, _)| **name == lower);
    if found.is_none() {
        let problem = format!("is `{}`, and must be one of {}", cut(&given), names.join(", "));
        report.error(at.finding(problem).suggest(nearest(&given, names.iter().copied())));
    }
    found.map(|(_, value)| *value)
}

/// Warns of a value that is not among the usual ones.
pub(super) fn unusual(at: &At, given: &str, usual: &[&str], what: &str, report: &mut Report) {
    if !usual.contains(&given) {
        let problem = format!("is `{}`, {what}; usual are {}", cut(given), usual.join(", "));
        report.warn(at.finding(problem).suggest(nearest(given, usual.iter().copied())));
    }
}

/// The key of a skill.
pub(super) fn key(at: &At, given: &str, report: &mut Report) -> Option<Key> {
    match given.parse() {
        Ok(key) => Some(key),
        Err(why) => {
            let problem = format!("is `{}`, which is no key of a skill: {why}", cut(given));
            report.error(at.finding(problem).suggest(slug(given)));
            None
        }
    }
}

/// The key that a title may have meant.
pub(super) fn slug(text: &str) -> Option<String> {
    let lower = text.trim().to_lowercase();
    let words = lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let slug = words.collect::<Vec<_>>().join("-");
    slug.parse::<Key>().is_ok().then_some(slug)
}

/// As much of a text as a message repeats.
pub(super) fn cut(text: &str) -> String {
    text.chars().take(80).collect()
}

/// Any JSON, not nested too deep.
pub(super) fn free(at: &At, report: &mut Report) -> Value {
    if at.node.depth() > limits::NESTED {
        report.error(at.finding(format!("is nested deeper than {} levels", limits::NESTED)));
        return Value::Null;
    }
    at.node.json()
}

/// A map with any keys.
pub(super) fn object_of(at: &At, report: &mut Report) -> Option<serde_json::Map<String, Value>> {
    match &at.node.data {
        Data::Map(_) => match free(at, report) {
            Value::Object(object) => Some(object),
            _ => None,
        },
        Data::Plain(Value::Null, _) => None,
        _ => {
            report.error(at.finding(format!("must be a map, and is {}", at.node.kind())));
            None
        }
    }
}
