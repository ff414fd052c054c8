//! The front matter as a tree whose values know their lines.

use std::fmt;

use domain::visible::visible;
use serde::{
    Deserialize,
    de::{Deserializer, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Number, Value};
use serde_saphyr::{
    Location, Options, Spanned, alias_limits, budget,
    options::{DuplicateKeyPolicy, NonFiniteFloatPolicy},
};

use crate::limits;

/// A value, and the document's line on which it begins.
#[derive(Debug)]
pub(super) struct Node {
    pub line: usize,
    pub data: Data,
}

#[derive(Debug)]
pub(super) enum Data {
    /// A value that is not text, with its spelling: `2.10` is a number and may be meant as text.
    Plain(Value, String),
    Text(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

#[derive(Debug)]
pub(super) struct Entry {
    pub name: String,
    pub line: usize,
    pub node: Node,
}

/// Why a text is not YAML.
pub(super) struct Fault {
    pub line: Option<usize>,
    pub problem: String,
}

impl Fault {
    /// What usually helps.
    pub fn suggestion(&self) -> Option<String> {
        let helps = [
            ("mapping values are not allowed", "put a text that has a colon between quotes"),
            ("tab", "indent with spaces"),
            ("unknown anchor", "put a text that begins with * between quotes"),
        ];
        let (_, help) = helps.iter().find(|(sign, _)| self.problem.contains(sign))?;
        Some((*help).to_owned())
    }
}

/// What was found while the tree was made.
#[derive(Default)]
pub(super) struct Seen {
    /// Lines with characters, written as escapes, that nobody can see.
    pub hidden: Vec<usize>,
    /// Line of an escaped U+0000.
    pub zero: Option<usize>,
    /// Line of a key whose name is too long.
    pub long: Option<usize>,
    /// All texts together, in bytes, as often as aliases repeat them.
    pub bytes: usize,
}

impl Node {
    pub fn is_null(&self) -> bool {
        matches!(&self.data, Data::Plain(Value::Null, _))
    }

    /// Whether it is a text of nothing but space.
    pub fn is_blank(&self) -> bool {
        matches!(&self.data, Data::Text(text) if text.trim().is_empty())
    }

    /// What it is, for messages.
    pub fn kind(&self) -> &'static str {
        match &self.data {
            Data::Plain(Value::Null, _) => "nothing",
            Data::Plain(Value::Bool(_), _) => "true or false",
            Data::Plain(..) => "a number",
            Data::Text(_) => "text",
            Data::List(_) => "a list",
            Data::Map(_) => "a map",
        }
    }

    /// Levels of lists and maps. Its recursion is bounded by the parser's.
    pub fn depth(&self) -> usize {
        match &self.data {
            Data::Plain(..) | Data::Text(_) => 0,
            Data::List(items) => 1 + items.iter().map(Node::depth).max().unwrap_or(0),
            Data::Map(entries) => 1 + entries.iter().map(|entry| entry.node.depth()).max().unwrap_or(0),
        }
    }

    /// Of keys that stand twice in a map, the last wins.
    pub fn json(&self) -> Value {
        match &self.data {
            Data::Plain(value, _) => value.clone(),
            Data::Text(text) => Value::String(text.clone()),
            Data::List(items) => items.iter().map(Node::json).collect(),
            Data::Map(entries) => Value::Object(object(entries)),
        }
    }
}

fn object(entries: &[Entry]) -> Map<String, Value> {
    entries.iter().map(|entry| (entry.name.clone(), entry.node.json())).collect()
}

/// Reads YAML that begins on the document's line `first`. Bounded in depth, values and aliases.
pub(super) fn parse(text: &str, first: usize) -> Result<(Node, Seen), Fault> {
    let raw: Raw = serde_saphyr::from_str_with_options(text, options()).map_err(|error| {
        let line = error.location().map(|at| first + line_of(at));
        Fault { line, problem: problem(&error.to_string()) }
    })?;
    let mut tree = Tree { text, first, seen: Seen::default() };
    let node = tree.node(raw);
    Ok((node, tree.seen))
}

fn options() -> Options {
    serde_saphyr::options! {
        budget: budget! {
            max_depth: limits::DEPTH,
            flow_nesting_limit: limits::DEPTH,
            max_nodes: limits::VALUES,
            max_events: 3 * limits::VALUES,
            max_aliases: limits::ALIASES,
            max_anchors: limits::ALIASES,
            max_merge_keys: limits::ALIASES,
            max_documents: 2,
        },
        alias_limits: alias_limits! {
            max_total_replayed_events: limits::VALUES,
            max_replay_stack_depth: 8,
        },
        // The tree is asked for duplicates: that gives their place.
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        non_finite_float_policy: NonFiniteFloatPolicy::AsString,
        strict_booleans: true,
        null_as_string: true,
        ignore_binary_tag_for_string: true,
        with_snippet: false,
    }
}

/// The parser's words without the place, which is the finding's.
fn problem(message: &str) -> String {
    let words = message.split(" at line ").next().unwrap_or(message).trim();
    if words.contains("budget breached: Depth") || words.contains("recursion limit") {
        return format!("is nested deeper than {} levels", limits::DEPTH);
    }
    if words.contains("alias replay limit") {
        return format!("repeats more than {} values by its aliases", limits::VALUES);
    }
    if words.contains("budget breached") {
        return format!("has more than {} values, or {} aliases", limits::VALUES, limits::ALIASES);
    }
    let words: String = words.chars().take(300).collect();
    format!("is not YAML: {}", visible(&words))
}

fn line_of(at: Location) -> usize {
    usize::try_from(at.line()).unwrap_or(1).saturating_sub(1)
}

struct Raw(Spanned<Content>);

enum Content {
    Plain(Value),
    Text(String),
    List(Vec<Raw>),
    Map(Vec<(Spanned<String>, Raw)>),
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Spanned::deserialize(deserializer).map(Self)
    }
}

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Any)
    }
}

struct Any;

impl<'de> Visitor<'de> for Any {
    type Value = Content;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E>(self) -> Result<Content, E> {
        Ok(Content::Plain(Value::Null))
    }

    fn visit_none<E>(self) -> Result<Content, E> {
        Ok(Content::Plain(Value::Null))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Content, E> {
        Ok(Content::Plain(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Content, E> {
        Ok(Content::Plain(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Content, E> {
        Ok(Content::Plain(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Content, E> {
        Ok(Content::Plain(Number::from_f64(value).map_or(Value::Null, Value::Number)))
    }

    fn visit_i128<E>(self, value: i128) -> Result<Content, E> {
        Ok(Content::Text(value.to_string()))
    }

    fn visit_u128<E>(self, value: u128) -> Result<Content, E> {
        Ok(Content::Text(value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Content, E> {
        Ok(Content::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Content, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Content::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Content, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            map.push(entry);
        }
        Ok(Content::Map(map))
    }
}

struct Tree<'t> {
    text: &'t str,
    first: usize,
    seen: Seen,
}

impl Tree<'_> {
    fn node(&mut self, Raw(raw): Raw) -> Node {
        let line = self.first + line_of(raw.referenced);
        let data = match raw.value {
            Content::Plain(value) => Data::Plain(value, self.spelling(raw.defined)),
            Content::Text(text) => Data::Text(self.clean(&text, line)),
            Content::List(items) => Data::List(items.into_iter().map(|item| self.node(item)).collect()),
            Content::Map(entries) => Data::Map(entries.into_iter().map(|entry| self.entry(entry)).collect()),
        };
        Node { line, data }
    }

    fn entry(&mut self, (name, raw): (Spanned<String>, Raw)) -> Entry {
        let line = self.first + line_of(name.referenced);
        if name.value.chars().count() > limits::KEY_NAME {
            self.seen.long.get_or_insert(line);
        }
        Entry { name: self.clean(&name.value, line), line, node: self.node(raw) }
    }

    /// How a value is written; empty where that is not known.
    fn spelling(&self, at: Location) -> String {
        let span = at.span();
        let part = span.byte_offset().zip(span.byte_len()).and_then(|(from, length)| {
            let from = usize::try_from(from).ok()?;
            self.text.get(from..from.checked_add(usize::try_from(length).ok()?)?)
        });
        part.unwrap_or_default().trim().to_owned()
    }

    fn clean(&mut self, text: &str, line: usize) -> String {
        if text.contains('\0') {
            self.seen.zero.get_or_insert(line);
        }
        let seen = visible(text);
        self.seen.bytes += seen.len();
        if seen.len() != text.len() {
            self.seen.hidden.push(line);
        }
        seen
    }
}
