//! What a schema can cost, found out before a validator is made of it. References may lead
//! only to other parts of the schema, and to nothing that leads back: so it is a finite
//! tree, whose size bounds the work with any data.

use std::collections::{BTreeMap, HashMap};

use domain::FieldError;
use serde_json::Value;

/// Schemas in a schema, once every reference is followed.
const MAX_SCHEMAS: u64 = 1_000;
/// Schemas inside of one another, the same way.
const MAX_DEPTH: usize = 24;
/// Regular expressions, the same way, and the characters of one.
const MAX_PATTERNS: u64 = 50;
const MAX_PATTERN: usize = 500;

/// Versions of JSON Schema. The first is meant where none is named.
const DRAFTS: [&str; 3] = [
    "https://json-schema.org/draft/2020-12/schema",
    "https://json-schema.org/draft/2019-09/schema",
    "http://json-schema.org/draft-07/schema",
];

/// Keywords whose value is a schema.
const ONE: [&str; 10] = [
    "additionalItems",
    "additionalProperties",
    "contains",
    "contentSchema",
    "else",
    "if",
    "items",
    "not",
    "propertyNames",
    "then",
];
/// Keywords that look at what others have looked at: each level of them doubles the work.
const COSTLY: [&str; 2] = ["unevaluatedItems", "unevaluatedProperties"];
/// Values and names that data are compared with, one by one: each counts as a schema.
const COMPARED: [&str; 4] = ["const", "dependentRequired", "enum", "required"];
/// A list of schemas.
const LIST: [&str; 5] = ["allOf", "anyOf", "items", "oneOf", "prefixItems"];
/// Schemas by name.
const NAMED: [&str; 4] = ["dependencies", "dependentSchemas", "patternProperties", "properties"];
/// Definitions: schemas by name that are used only through `$ref`.
const KEPT: [&str; 2] = ["$defs", "definitions"];
/// Keywords that make a reference lead elsewhere than its words say.
const REFUSED: [&str; 6] =
    ["$anchor", "$dynamicAnchor", "$dynamicRef", "$recursiveAnchor", "$recursiveRef", "$vocabulary"];

/// A schema inside of the whole.
#[derive(Default)]
struct Place {
    parts: Vec<String>,
    /// Where its `$ref` leads.
    reference: Option<String>,
    patterns: u64,
    /// Values and names that data are compared with.
    compared: u64,
}

/// Refuses a schema that is not fit to be used. Answers how many schemas it comes to, each
/// reference followed: with the size of the data, that bounds the work.
pub(super) fn check(schema: &Value) -> Result<u64, FieldError> {
    let mut places = BTreeMap::new();
    if let Some(draft) = schema.get("$schema") {
        let known = draft.as_str().is_some_and(|draft| DRAFTS.contains(&draft.trim_end_matches('#')));
        if !known {
            return refuse("/$schema", format!("must be one of {}", DRAFTS.join(", ")));
        }
    }
    find(schema, String::new(), 0, &mut places)?;
    let mut scales = Scales { places: &places, weighed: HashMap::new(), path: Vec::new() };
    // What nothing refers to is weighed as well: a later change may refer to it.
    for pointer in places.keys() {
        scales.weigh(pointer)?;
    }
    Ok(scales.weigh("")?.schemas)
}

/// Values in a value, itself among them.
pub(super) fn nodes(value: &Value) -> u64 {
    match value {
        Value::Array(items) => items.iter().map(nodes).sum::<u64>() + 1,
        Value::Object(members) => members.values().map(nodes).sum::<u64>() + 1,
        _ => 1,
    }
}

fn refuse<T>(pointer: &str, error: impl Into<String>) -> Result<T, FieldError> {
    Err(FieldError { field: super::dotted(pointer), error: error.into() })
}

/// Notes the schema that stands at a place, and all inside of it.
fn find(
    schema: &Value,
    at: String,
    depth: usize,
    places: &mut BTreeMap<String, Place>,
) -> Result<(), FieldError> {
    if depth > MAX_DEPTH {
        return too_deep(&at);
    }
    let mut place = Place::default();
    let mut inner: Vec<(String, &Value)> = Vec::new();
    let mut kept: Vec<(String, &Value)> = Vec::new();
    // What is neither true, false nor an object, the validator of schemas refuses.
    for (keyword, value) in schema.as_object().into_iter().flatten() {
        let here = join(&at, keyword);
        match (keyword.as_str(), value) {
            ("$id" | "$schema", _) if !at.is_empty() => {
                return refuse(&here, "may stand in the whole schema only");
            }
            (refused, _) if REFUSED.contains(&refused) => {
                return refuse(&here, "is not supported; refer to a part of the schema by #/$defs/name");
            }
            (costly, _) if COSTLY.contains(&costly) => {
                return refuse(&here, "is not supported; use additionalProperties or items");
            }
            (compared, value) if COMPARED.contains(&compared) => place.compared += nodes(value),
            ("$ref", value) => place.reference = Some(target(value, &here)?),
            ("pattern", Value::String(pattern)) => {
                place.patterns += 1;
                short(pattern, &here)?;
            }
            (one, value) if ONE.contains(&one) && !value.is_array() => inner.push((here, value)),
            (list, Value::Array(items)) if LIST.contains(&list) => {
                inner.extend(items.iter().enumerate().map(|(i, item)| (format!("{here}/{i}"), item)));
            }
            (named, Value::Object(members)) if NAMED.contains(&named) || KEPT.contains(&named) => {
                if named == "patternProperties" {
                    for pattern in members.keys() {
                        place.patterns += 1;
                        short(pattern, &here)?;
                    }
                }
                let parts = members.iter().map(|(name, part)| (join(&here, name), part));
                place.compared += members.values().filter(|part| part.is_array()).map(nodes).sum::<u64>();
                let list = if KEPT.contains(&named) { &mut kept } else { &mut inner };
                // A dependency may be a list of names.
                list.extend(parts.filter(|(_, part)| !part.is_array()));
            }
            _ => {}
        }
    }
    place.parts = inner.iter().map(|(pointer, _)| pointer.clone()).collect();
    places.insert(at, place);
    inner.into_iter().chain(kept).try_for_each(|(pointer, part)| find(part, pointer, depth + 1, places))
}

fn too_deep<T>(at: &str) -> Result<T, FieldError> {
    refuse(at, format!("stands inside of more than {MAX_DEPTH} other schemas"))
}

fn short(pattern: &str, at: &str) -> Result<(), FieldError> {
    if pattern.chars().count() <= MAX_PATTERN {
        return Ok(());
    }
    refuse(at, format!("a pattern has at most {MAX_PATTERN} characters"))
}

fn join(pointer: &str, name: &str) -> String {
    format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"))
}

/// The place that a reference names.
fn target(value: &Value, at: &str) -> Result<String, FieldError> {
    let pointer = value.as_str().and_then(|text| text.strip_prefix('#'));
    match pointer {
        Some(pointer) if (pointer.is_empty() || pointer.starts_with('/')) && !pointer.contains('%') => {
            Ok(pointer.to_owned())
        }
        _ => refuse(at, "must refer to a part of this same schema, such as #/$defs/price"),
    }
}

/// A schema with all that it leads to.
#[derive(Clone, Copy, Default)]
struct Weight {
    schemas: u64,
    patterns: u64,
    /// The longest way down.
    depth: usize,
}

struct Scales<'p> {
    places: &'p BTreeMap<String, Place>,
    weighed: HashMap<&'p str, Weight>,
    /// From the place that is weighed to where the look is now.
    path: Vec<&'p str>,
}

impl<'p> Scales<'p> {
    fn weigh(&mut self, pointer: &'p str) -> Result<Weight, FieldError> {
        if let Some(known) = self.weighed.get(pointer) {
            if self.path.len() + known.depth > MAX_DEPTH {
                return too_deep(pointer);
            }
            return Ok(*known);
        }
        if self.path.len() > MAX_DEPTH {
            return too_deep(pointer);
        }
        let places = self.places;
        let place = &places[pointer];
        self.path.push(pointer);
        let mut sum = Weight { schemas: 1 + place.compared, patterns: place.patterns, depth: 0 };
        let mut add = |part: Weight| {
            sum.schemas = sum.schemas.saturating_add(part.schemas);
            sum.patterns = sum.patterns.saturating_add(part.patterns);
            sum.depth = sum.depth.max(part.depth + 1);
        };
        for part in &place.parts {
            add(self.weigh(part)?);
        }
        if let Some(reference) = &place.reference {
            add(self.follow(pointer, reference)?);
        }
        self.path.pop();
        if sum.schemas > MAX_SCHEMAS {
            return refuse(
                pointer,
                format!(
                    "leads to more than {MAX_SCHEMAS} schemas and values to compare with, each reference followed"
                ),
            );
        }
        if sum.patterns > MAX_PATTERNS {
            return refuse(
                pointer,
                format!("leads to more than {MAX_PATTERNS} patterns, each reference followed"),
            );
        }
        self.weighed.insert(pointer, sum);
        Ok(sum)
    }

    fn follow(&mut self, from: &str, reference: &str) -> Result<Weight, FieldError> {
        let at = join(from, "$ref");
        let Some((target, _)) = self.places.get_key_value(reference) else {
            return refuse(&at, "refers to nothing that is a schema");
        };
        if self.path.contains(&target.as_str()) {
            return refuse(&at, "refers to what it stands in: a card has no endless schema");
        }
        self.weigh(target)
    }
}
