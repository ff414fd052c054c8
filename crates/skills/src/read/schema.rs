//! Inputs and outputs become JSON Schemas.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::{
    fields::{At, Fields},
    guess::nearest,
    table,
    values::{cut, flag, free, object_of, text},
    yaml::{self, Data},
};
use crate::{Report, limits, skill::Input};

/// What an author may call a type, and what JSON Schema calls it.
const TYPES: &[(&str, &str)] = &[
    ("string", r#"{"type":"string"}"#),
    ("text", r#"{"type":"string"}"#),
    ("str", r#"{"type":"string"}"#),
    ("markdown", r#"{"type":"string"}"#),
    ("enum", r#"{"type":"string"}"#),
    ("id", r#"{"type":"string"}"#),
    ("number", r#"{"type":"number"}"#),
    ("float", r#"{"type":"number"}"#),
    ("integer", r#"{"type":"integer"}"#),
    ("int", r#"{"type":"integer"}"#),
    ("boolean", r#"{"type":"boolean"}"#),
    ("bool", r#"{"type":"boolean"}"#),
    ("array", r#"{"type":"array"}"#),
    ("list", r#"{"type":"array"}"#),
    ("object", r#"{"type":"object"}"#),
    ("map", r#"{"type":"object"}"#),
    ("json", r#"{"type":"object"}"#),
    ("null", r#"{"type":"null"}"#),
    ("any", "{}"),
    ("date", r#"{"type":"string","format":"date"}"#),
    ("datetime", r#"{"type":"string","format":"date-time"}"#),
    ("timestamp", r#"{"type":"string","format":"date-time"}"#),
    ("time", r#"{"type":"string","format":"time"}"#),
    ("email", r#"{"type":"string","format":"email"}"#),
    ("url", r#"{"type":"string","format":"uri"}"#),
    ("uri", r#"{"type":"string","format":"uri"}"#),
    ("uuid", r#"{"type":"string","format":"uuid"}"#),
];

/// Keywords of JSON Schema that an author may use beside those of the table.
const KEYWORDS: &[&str] = &[
    "items",
    "properties",
    "additionalProperties",
    "format",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "pattern",
    "minItems",
    "maxItems",
    "uniqueItems",
    "title",
    "examples",
    "const",
    "oneOf",
    "anyOf",
    "allOf",
];

/// Reads a list of inputs or outputs, or a map of them by name.
pub(super) fn values(at: &At, report: &mut Report) -> Vec<Input> {
    let mut found: Vec<Input> = Vec::new();
    for (item, name) in named_items(at, report) {
        let Some(value) = value(&item, name, report) else { continue };
        if found.iter().any(|earlier| earlier.name == value.name) {
            report.error(item.finding(format!("has the name `{}` a second time", cut(&value.name))));
            continue;
        }
        found.push(value);
    }
    found
}

fn named_items<'n>(at: &At<'n>, report: &mut Report) -> Vec<(At<'n>, Option<String>)> {
    let Data::Map(entries) = &at.node.data else {
        return at.items(limits::ITEMS, report).into_iter().map(|item| (item, None)).collect();
    };
    if entries.len() > limits::ITEMS {
        report.error(at.finding(format!("has more than {} items", limits::ITEMS)));
        return Vec::new();
    }
    let item = |entry: &'n yaml::Entry| {
        let path = format!("{}.{}", at.path, entry.name);
        (At { path, line: entry.line, node: &entry.node }, Some(entry.name.clone()))
    };
    entries.iter().map(item).collect()
}

fn value(at: &At, name: Option<String>, report: &mut Report) -> Option<Input> {
    if !matches!(at.node.data, Data::Map(_)) {
        let words = text(at, limits::TEXT, report);
        return match name {
            Some(name) => Some(plain(name, words)),
            None => words.map(|words| from_words(&words)),
        };
    }
    let mut fields = Fields::record(at, table::VALUE, report)?;
    let mut schema = Map::new();
    let given = fields.take("name", report);
    let given = given.and_then(|at| text(&at, limits::NAME, report));
    if let Some(at) = fields.take("type", report) {
        schema = type_of(&at, report);
    }
    if let Some(text) = fields.take("description", report).and_then(|at| text(&at, limits::TEXT, report)) {
        schema.insert("description".into(), text.into());
    }
    let required = fields.take("required", report).and_then(|at| flag(&at, report)).unwrap_or_default();
    annotate(&mut fields, &mut schema, report);
    for keyword in KEYWORDS {
        if let Some(at) = fields.extra(keyword) {
            schema.insert((*keyword).to_owned(), free(&at, report));
        }
    }
    schema.extend(fields.rest(report));
    let Some(name) = given.or(name) else {
        report.error(at.finding("has no name"));
        return None;
    };
    Some(Input { name, schema: Value::Object(schema), required })
}

fn annotate(fields: &mut Fields, schema: &mut Map<String, Value>, report: &mut Report) {
    if let Some(at) = fields.take("default", report) {
        schema.insert("default".into(), free(&at, report));
    }
    if let Some(at) = fields.take("example", report) {
        schema.insert("examples".into(), json!([free(&at, report)]));
    }
    if let Some(at) = fields.take("enum", report) {
        let items: Vec<Value> =
            at.items(limits::ITEMS, report).iter().map(|item| free(item, report)).collect();
        if items.is_empty() {
            report.error(at.finding("must be a list of the values that are allowed"));
        } else {
            schema.insert("enum".into(), items.into());
        }
    }
}

/// JSON Schema's words for a type; none, with a warning, for one that is not known.
fn type_of(at: &At, report: &mut Report) -> Map<String, Value> {
    let parts: Vec<String> = match &at.node.data {
        Data::List(_) => at
            .items(table::VALUE_TYPES, report)
            .iter()
            .filter_map(|item| text(item, limits::NAME, report))
            .collect(),
        _ => text(at, limits::NAME, report)
            .map(|text| text.split('|').map(|part| part.trim().to_owned()).collect())
            .unwrap_or_default(),
    };
    let known: Option<Vec<_>> = parts.iter().map(|part| known_type(part)).collect();
    match known {
        Some(mut known) if known.len() == 1 => known.remove(0),
        Some(known) if !known.is_empty() => {
            let names: Option<Vec<Value>> = known.iter().map(|schema| schema.get("type").cloned()).collect();
            names.map(|names| Map::from_iter([("type".to_owned(), Value::Array(names))])).unwrap_or_default()
        }
        _ => {
            let given = cut(&parts.join("|"));
            let suggestion = nearest(&given, TYPES.iter().map(|(name, _)| *name));
            let problem = format!("is `{given}`, which is no type; any value is taken");
            report.warn(at.finding(problem).suggest(suggestion));
            Map::new()
        }
    }
}

fn known_type(name: &str) -> Option<Map<String, Value>> {
    let name = name.trim().to_lowercase();
    let item = name
        .strip_suffix("[]")
        .or_else(|| name.strip_prefix("array<").or(name.strip_prefix("list<"))?.strip_suffix('>'));
    if let Some(item) = item {
        let items = simple_type(item)?;
        return Some(Map::from_iter([("type".into(), "array".into()), ("items".into(), items)]));
    }
    match simple_type(&name)? {
        Value::Object(schema) => Some(schema),
        _ => None,
    }
}

fn simple_type(name: &str) -> Option<Value> {
    let (_, schema) = TYPES.iter().find(|(known, _)| *known == name)?;
    serde_json::from_str(schema).ok()
}

fn plain(name: String, about: Option<String>) -> Input {
    let mut schema = Map::new();
    if let Some(about) = about {
        schema.insert("description".into(), about.into());
    }
    Input { name, schema: Value::Object(schema), required: false }
}

/// An output that is a text alone: a name, `name: what it is`, or a sentence.
fn from_words(words: &str) -> Input {
    let identifier =
        |text: &str| !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-');
    if identifier(words) {
        return plain(words.to_owned(), None);
    }
    let cut = [": ", " - ", " – ", " — "].iter().find_map(|sign| words.split_once(sign));
    if let Some((name, about)) = cut.filter(|(name, _)| identifier(name.trim())) {
        return plain(name.trim().to_owned(), Some(about.trim().to_owned()));
    }
    let lower = words.to_lowercase();
    let parts = lower.split(|c: char| !c.is_alphanumeric()).filter(|part| !part.is_empty());
    let name: String = parts.collect::<Vec<_>>().join("_").chars().take(64).collect();
    let name = if name.is_empty() { "result".to_owned() } else { name };
    plain(name, Some(words.to_owned()))
}

/// What the reader makes of a list that stands in this YAML; None where it has errors.
pub(crate) fn reread(list: &str) -> Option<Vec<Input>> {
    let (node, _) = yaml::parse(list, 1).ok()?;
    let mut report = Report::default();
    let found = values(&At { path: String::new(), line: 1, node: &node }, &mut report);
    report.errors.is_empty().then_some(found)
}

/// The JSON Schema of an object that has these values.
pub(crate) fn schema_of(values: &[Input]) -> Value {
    let properties: Map<String, Value> =
        values.iter().map(|value| (value.name.clone(), value.schema.clone())).collect();
    let required: BTreeSet<&str> =
        values.iter().filter(|value| value.required).map(|value| value.name.as_str()).collect();
    let mut schema = json!({ "type": "object", "properties": properties });
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema
}

/// The values of an object's JSON Schema.
pub(crate) fn values_of(schema: &Value) -> Vec<Input> {
    let required = schema["required"].as_array().map(Vec::as_slice).unwrap_or_default();
    let value = |(name, schema): (&String, &Value)| Input {
        name: name.clone(),
        schema: schema.clone(),
        required: required.iter().any(|needed| needed == name),
    };
    schema["properties"].as_object().into_iter().flatten().map(value).collect()
}

/// A JSON Schema as the author wrote it: an object's, without references to elsewhere.
pub(super) fn schema(at: &At, report: &mut Report) -> Option<Value> {
    let mut schema = object_of(at, report)?;
    match schema.get("type") {
        None => {
            schema.insert("type".into(), "object".into());
        }
        Some(kind) if kind == "object" => {}
        Some(_) => {
            report.error(at.finding("must be the schema of an object").suggest("type: object".to_owned()));
            return None;
        }
    }
    if schema.get("properties").is_some_and(|properties| !properties.is_object()) {
        report.error(at.finding("must have a map of properties"));
        return None;
    }
    let schema = Value::Object(schema);
    if has_reference(&schema) {
        report.error(at.finding("must not refer to another schema ($ref): write it out"));
        return None;
    }
    Some(schema)
}

/// Its recursion is bounded by the depth of the front matter.
fn has_reference(schema: &Value) -> bool {
    match schema {
        Value::Object(members) => members.iter().any(|(name, value)| {
            (["$ref", "$dynamicRef"].contains(&name.as_str()) && value.is_string()) || has_reference(value)
        }),
        Value::Array(items) => items.iter().any(has_reference),
        _ => false,
    }
}
