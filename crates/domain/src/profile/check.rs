//! What is wrong with a profile, in words for the person who wrote it.

use chrono_tz::Tz;
use serde_json::{Map, Value};

use super::table::{FIELDS, Field, MAX_CUSTOM, MAX_DEPTH, Shape};
use crate::{FieldError, visible::visible};

/// As many faults as a person mends at once.
const MOST: usize = 20;
const MAX_URL: usize = 2_000;
/// Longest name of a member of the free part, in characters.
const MAX_KEY: usize = 100;
/// What the service itself says of a profile.
const OWN: [&str; 3] = ["version", "updated_at", "updated_by"];

pub(super) fn problems(facts: &Map<String, Value>) -> Vec<FieldError> {
    let mut found = Problems(Vec::new());
    found.record("", FIELDS, facts);
    found.0
}

struct Problems(Vec<FieldError>);

impl Problems {
    fn say(&mut self, field: &str, error: String) {
        if self.0.len() < MOST {
            self.0.push(FieldError { field: field.to_owned(), error });
        }
    }

    fn record(&mut self, at: &str, fields: &[Field], given: &Map<String, Value>) {
        for (name, value) in given {
            match fields.iter().find(|field| field.name == name) {
                Some(field) => self.value(&inside(at, name), field.shape, value),
                None => self.say(&inside(at, &cut(name)), unknown(at, fields, name)),
            }
        }
        for field in fields.iter().filter(|field| field.required && !given.contains_key(field.name)) {
            self.say(&inside(at, field.name), "is required".into());
        }
    }

    fn value(&mut self, at: &str, shape: Shape, value: &Value) {
        match (shape, value) {
            (Shape::List(_, most), Value::Array(items)) if items.len() > most => {
                self.say(at, format!("has {} items, and {most} is the most", items.len()));
            }
            (Shape::List(item, _), Value::Array(items)) => {
                items
                    .iter()
                    .enumerate()
                    .for_each(|(i, value)| self.value(&format!("{at}[{i}]"), *item, value));
            }
            (Shape::Record(fields), Value::Object(given)) => self.record(at, fields, given),
            (Shape::Free, Value::Object(given)) => {
                if let Some(error) = unfit(value, given) {
                    self.say(at, error);
                }
            }
            (_, Value::String(text)) if shape.takes(text) => {}
            _ => self.say(at, shape.wanted()),
        }
    }
}

impl Shape {
    fn takes(self, text: &str) -> bool {
        match self {
            Shape::Text(most) => (1..=most).contains(&text.chars().count()),
            Shape::Url => is_url(text),
            Shape::Currency => text.len() == 3 && text.bytes().all(|b| b.is_ascii_uppercase()),
            Shape::Language => is_language(text),
            Shape::Timezone => text.parse::<Tz>().is_ok(),
            Shape::List(..) | Shape::Record(_) | Shape::Free => false,
        }
    }

    fn wanted(self) -> String {
        match self {
            Shape::Text(most) => {
                format!("must be text of 1 to {most} characters; leave out what is not known")
            }
            Shape::Url => "must be an address such as https://example.com".into(),
            Shape::Currency => "must be a currency code such as EUR".into(),
            Shape::Language => "must be a language such as en or pt-BR".into(),
            Shape::Timezone => "must be a time zone such as Europe/Berlin".into(),
            Shape::List(..) => "must be a list".into(),
            Shape::Record(_) | Shape::Free => "must be an object".into(),
        }
    }
}

fn inside(at: &str, name: &str) -> String {
    if at.is_empty() { name.to_owned() } else { format!("{at}.{name}") }
}

/// A name that a client made up, short enough to be repeated.
fn cut(name: &str) -> String {
    name.chars().take(MAX_KEY).collect()
}

fn unknown(at: &str, fields: &[Field], name: &str) -> String {
    if at.is_empty() && OWN.contains(&name) {
        return "is set by the service; leave it out".into();
    }
    let known: Vec<&str> = fields.iter().map(|field| field.name).collect();
    let known = known.join(", ");
    if at.is_empty() {
        format!("is not a key of the profile; the keys are {known}; anything else goes into custom")
    } else {
        format!("is not known here; the keys are {known}")
    }
}

/// Why the free part cannot be kept.
fn unfit(value: &Value, given: &Map<String, Value>) -> Option<String> {
    let size = value.to_string().len();
    if size > MAX_CUSTOM {
        return Some(format!("has {size} bytes of JSON, and {MAX_CUSTOM} is the most"));
    }
    if depth(value) > MAX_DEPTH {
        return Some(format!("is nested deeper than {MAX_DEPTH} levels"));
    }
    (!names_fit(given)).then(|| format!("has a name that is not 1 to {MAX_KEY} visible characters"))
}

/// Its recursion is bounded by that of the parser that made the value.
fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

/// Names that are told apart by what cannot be seen would be lost as one.
fn names_fit(members: &Map<String, Value>) -> bool {
    members.iter().all(|(name, value)| {
        (1..=MAX_KEY).contains(&name.chars().count()) && visible(name) == *name && inner_names_fit(value)
    })
}

fn inner_names_fit(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().all(inner_names_fit),
        Value::Object(members) => names_fit(members),
        _ => true,
    }
}

fn is_url(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let plain = |c: char| !(c.is_whitespace() || c.is_control() || "\"<>\\^`{|}".contains(c));
    rest.is_some_and(|rest| {
        rest.starts_with(char::is_alphanumeric) && text.chars().count() <= MAX_URL && rest.chars().all(plain)
    })
}

fn is_language(text: &str) -> bool {
    let mut parts = text.split('-');
    let first = parts.next().unwrap_or_default();
    (2..=3).contains(&first.len())
        && first.bytes().all(|b| b.is_ascii_lowercase())
        && text.len() <= 35
        && parts.all(|part| (2..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric()))
}
