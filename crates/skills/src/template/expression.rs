//! What stands between `${` and `}`: a path, then modifiers and defaults.

use std::borrow::Cow;

use serde_json::{Map, Value};

use crate::{
    found::{cut, nearest},
    path::{self, Found, Hop},
};

const MODIFIERS: &str = "upper, lower, capitalize, first, last, count, json, join";
/// Members by which a record is called, where a text is wanted of it.
const NAMES: [&str; 4] = ["name", "title", "customer", "objection"];

/// Why there is no text.
pub struct Problem<'a> {
    pub text: String,
    hint: Hint<'a>,
}

enum Hint<'a> {
    Path,
    Modifier,
    /// The fact that was looked for.
    Fact(&'a str),
}

impl Problem<'_> {
    /// What to write instead.
    pub fn suggestion(&self) -> Option<String> {
        match self.hint {
            Hint::Path => Some("write a path, such as ${company_name} or ${products[0].name}".into()),
            Hint::Modifier => {
                Some(format!("the modifiers are {MODIFIERS}; a default stands in quotes: |'text'"))
            }
            Hint::Fact(source) if is_fact(first(source)) => {
                Some(format!("fill it in in the profile, or write a default: ${{{}|'…'}}", cut(source)))
            }
            Hint::Fact(source) => {
                nearest(first(source), domain::profile::keys()).map(|name| format!("${{{name}}}"))
            }
        }
    }
}

/// The name that a path begins with.
fn first(source: &str) -> &str {
    source.split(['.', '[']).next().unwrap_or_default()
}

/// Whether organizations can say this of themselves.
fn is_fact(name: &str) -> bool {
    domain::profile::keys().any(|key| key == name)
}

#[derive(Debug, PartialEq)]
enum Filter {
    Upper,
    Lower,
    Capitalize,
    First,
    Last,
    Count,
    Json,
    Join(String),
    Default(String),
}

#[derive(Debug, PartialEq)]
pub struct Expression<'a> {
    source: &'a str,
    path: Vec<Hop>,
    filters: Vec<Filter>,
}

impl<'a> Expression<'a> {
    pub fn parse(inside: &'a str) -> Result<Self, Problem<'a>> {
        let mut parts = split(inside);
        let source = parts.next().unwrap_or_default().trim();
        let path = path::parse(source).ok_or_else(|| Problem {
            text: format!("`${{{}}}` cannot be read and was removed", cut(inside)),
            hint: Hint::Path,
        })?;
        let filters = parts.map(|part| filter(part.trim())).collect::<Result<_, _>>()?;
        Ok(Self { source, path, filters })
    }

    /// Refuses a name that stands for no fact of any organization.
    pub fn check(&self) -> Result<(), Problem<'a>> {
        if is_fact(first(self.source)) {
            return Ok(());
        }
        let text = format!("`${{{}}}` is no fact that organizations have: it is empty", cut(self.source));
        Err(Problem { text, hint: Hint::Fact(self.source) })
    }

    /// Its text; `work` grows by the bytes that were read for it.
    pub fn fill(&self, facts: &Map<String, Value>, work: &mut usize) -> Result<String, Problem<'a>> {
        let mut value = self.find(facts, work).filter(|value| !is_empty(value));
        for filter in &self.filters {
            value = match (filter, value) {
                (Filter::Default(text), None) => Some(Cow::Owned(text.as_str().into())),
                (_, None) => None,
                (filter, Some(value)) => filter.apply(value, work).filter(|value| !is_empty(value)),
            };
        }
        let value = value.ok_or_else(|| self.missing())?;
        let text = told(&value).into_owned();
        *work += text.len();
        Ok(text)
    }

    fn find<'f>(&self, facts: &'f Map<String, Value>, work: &mut usize) -> Option<Cow<'f, Value>> {
        let (Hop::Field(first), rest) = self.path.split_first()? else { return None };
        Some(match path::find(facts.get(first)?, rest)? {
            Found::One(value) => Cow::Borrowed(value),
            Found::Many(values) => {
                let values: Vec<Value> = values.into_iter().flatten().cloned().collect();
                *work += values.iter().map(path::weight).sum::<usize>();
                Cow::Owned(values.into())
            }
        })
    }

    fn missing(&self) -> Problem<'a> {
        let text = format!("`${{{}}}` is not known of the organization and was removed", cut(self.source));
        Problem { text, hint: Hint::Fact(self.source) }
    }
}

impl Filter {
    fn apply<'v>(&self, value: Cow<'v, Value>, work: &mut usize) -> Option<Cow<'v, Value>> {
        let text = |value: &Value, work: &mut usize| {
            let text = told(value).into_owned();
            *work += text.len();
            text
        };
        let made: Value = match self {
            Filter::Default(_) => return Some(value),
            Filter::First | Filter::Last => return end(value, *self == Filter::First),
            Filter::Upper => text(&value, work).to_uppercase().into(),
            Filter::Lower => text(&value, work).to_lowercase().into(),
            Filter::Capitalize => capitalized(&text(&value, work)).into(),
            Filter::Count => count(&value).into(),
            Filter::Json => {
                let json = value.to_string();
                *work += json.len();
                json.into()
            }
            Filter::Join(separator) => {
                let joined = match &*value {
                    Value::Array(items) => items.iter().map(told).collect::<Vec<_>>().join(separator),
                    other => told(other).into_owned(),
                };
                *work += joined.len();
                joined.into()
            }
        };
        Some(Cow::Owned(made))
    }
}

fn end(value: Cow<'_, Value>, first: bool) -> Option<Cow<'_, Value>> {
    let of = |items: usize| if first { 0 } else { items.wrapping_sub(1) };
    match value {
        Cow::Borrowed(Value::Array(items)) => items.get(of(items.len())).map(Cow::Borrowed),
        Cow::Owned(Value::Array(mut items)) => {
            let at = of(items.len());
            (at < items.len()).then(|| Cow::Owned(items.swap_remove(at)))
        }
        other => Some(other),
    }
}

fn count(value: &Value) -> usize {
    match value {
        Value::Array(items) => items.len(),
        Value::Object(members) => members.len(),
        Value::String(text) => text.chars().count(),
        _ => 1,
    }
}

fn capitalized(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => false,
    }
}

/// A value as text: items of a list parted by commas, a record by its name if it has one.
pub(crate) fn told(value: &Value) -> Cow<'_, str> {
    match value {
        Value::Null => Cow::Borrowed(""),
        Value::String(text) => Cow::Borrowed(text),
        Value::Array(items) => Cow::Owned(items.iter().map(told).collect::<Vec<_>>().join(", ")),
        Value::Object(members) => match NAMES.iter().find_map(|name| members.get(*name)?.as_str()) {
            Some(name) => Cow::Borrowed(name),
            None => Cow::Owned(value.to_string()),
        },
        other => Cow::Owned(other.to_string()),
    }
}

/// The parts between bars that stand in no quotation.
fn split(text: &str) -> impl Iterator<Item = &str> {
    let (mut quote, mut escaped) = (None, false);
    text.split(move |c: char| {
        match (quote, c) {
            _ if escaped => escaped = false,
            (Some(_), '\\') => escaped = true,
            (Some(open), _) if open == c => quote = None,
            (None, '\'' | '"') => quote = Some(c),
            (None, '|') => return true,
            _ => {}
        }
        false
    })
}

fn filter(text: &str) -> Result<Filter, Problem<'_>> {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
    let (name, argument) = text.split_at(end);
    let argument = argument.trim().trim_start_matches(['(', ':']).trim_end_matches(')').trim();
    let unknown = || Problem {
        text: format!("`|{}` is not a modifier; the template was removed", cut(text)),
        hint: Hint::Modifier,
    };
    match (name, argument) {
        ("", _) => quoted(text).map(Filter::Default).ok_or_else(unknown),
        ("join", "") => Ok(Filter::Join(", ".into())),
        ("join", separator) => quoted(separator).map(Filter::Join).ok_or_else(unknown),
        ("upper", "") => Ok(Filter::Upper),
        ("lower", "") => Ok(Filter::Lower),
        ("capitalize", "") => Ok(Filter::Capitalize),
        ("first", "") => Ok(Filter::First),
        ("last", "") => Ok(Filter::Last),
        ("count", "") => Ok(Filter::Count),
        ("json", "") => Ok(Filter::Json),
        _ => Err(unknown()),
    }
}

/// What stands between quotation marks; `\'` is one of them, `\n` a new line.
fn quoted(text: &str) -> Option<String> {
    let quote = text.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
    let inner = text[1..].strip_suffix(quote)?;
    let (mut out, mut chars) = (String::with_capacity(inner.len()), inner.chars());
    while let Some(c) = chars.next() {
        out.push(match c {
            '\\' => match chars.next()? {
                'n' => '\n',
                other => other,
            },
            other if other == quote => return None,
            other => other,
        });
    }
    Some(out)
}
