//! The JSON Schema of the front matter, made from the table that the reader reads by.

use serde_json::{Map, Value, json};

use crate::{
    key, limits,
    read::table::{FRONT_MATTER, Home, Known, OUTPUT_KEY, STEP, Shape, TRIGGER, VALUE, VALUE_TYPES},
};

/// JSON Schema (2020-12) of a SKILL.md's front matter, for editors and for CI. It takes values in the forms in which the
/// reader takes them, older spellings included; closed lists and keys of skills only as they are written canonically.
/// It cannot say all: the reader refuses what is there twice, what refers to nothing (`$ref`, a step to the skill itself,
/// outputs of later steps), patterns and commands without a word, bad regular expressions, and what is too large in all.
pub fn front_matter() -> Value {
    let mut top = properties(FRONT_MATTER, |known| known.home == Home::Top);
    let metadata = properties(FRONT_MATTER, |known| known.home == Home::Metadata);
    for (name, schema) in &metadata {
        top.insert(
            name.clone(),
            json!({
                "$ref": format!("#/properties/metadata/properties/{name}"),
                "description": format!("Belongs under metadata. {}", text(&schema["description"])),
                "deprecated": true,
            }),
        );
    }
    let mut step = record(STEP);
    step["oneOf"] = json!([given("skill_key"), given("action")]);
    let about = "Everything else of the skill; keys that are not known are kept";
    top.insert(
        "metadata".into(),
        json!({"type": ["object", "string", "null"], "description": about, "properties": metadata}),
    );
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Front matter of a SKILL.md",
        "type": "object",
        "required": ["name", "description"],
        "properties": top,
        "$defs": { "step": step },
    })
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn properties(table: &[Known], wanted: impl Fn(&Known) -> bool) -> Map<String, Value> {
    let mut properties = Map::new();
    for known in table.iter().filter(|known| wanted(known)) {
        let mut schema = shape(known.shape);
        schema["description"] = json!(known.about);
        for older in known.older {
            let mut older_schema = schema.clone();
            older_schema["deprecated"] = json!(true);
            older_schema["description"] = json!(format!("Older spelling of {}", known.name));
            properties.insert((*older).to_owned(), older_schema);
        }
        properties.insert(known.name.to_owned(), schema);
    }
    properties
}

/// A scalar is text, as it is written; nothing is as if it were left out.
fn scalar(most: usize) -> Value {
    json!({ "type": ["string", "number", "boolean", "null"], "maxLength": most })
}

/// A scalar that has to be there.
fn required(most: usize) -> Value {
    json!({ "type": ["string", "number", "boolean"], "maxLength": most, "pattern": "\\S" })
}

/// Letters that have no upper case, and those that come to something else in normal form, are left to the reader.
fn a_key() -> String {
    let (long, letter) = (key::MAX_LEN + 1, r"\p{Ll}\p{Nd}");
    format!("({}|(?![{letter}-]{{{long}}})[{letter}]+(-[{letter}]+)*)", key::PLATFORM_REFERENCES)
}

fn skill_key() -> Value {
    json!({ "type": ["string", "null"], "pattern": format!("^{}$", a_key()) })
}

/// Keys of skills, or one text of them with commas.
fn skill_keys() -> Value {
    let key = a_key();
    let line = format!("^{key}(, *{key})*$");
    texts(&skill_key(), &json!({ "type": ["string", "null"], "maxLength": limits::TEXT, "pattern": line }))
}

fn list(item: &Value, most: usize) -> Value {
    json!({ "type": "array", "items": item, "maxItems": most })
}

fn shape(shape: Shape) -> Value {
    match shape {
        Shape::Text(most) => scalar(most),
        Shape::Required(most) => required(most),
        Shape::SkillKey => skill_key(),
        Shape::Word => {
            let word = r"^[\p{L}\p{N}_-]*$";
            json!({ "type": ["string", "integer", "boolean", "null"], "maxLength": OUTPUT_KEY, "pattern": word })
        }
        Shape::Closed(names) => closed(names),
        Shape::Usual(names) => {
            let mut usual = scalar(limits::NAME);
            usual["examples"] = json!(names);
            usual
        }
        Shape::Texts => texts(&scalar(limits::TEXT), &scalar(limits::TEXT)),
        Shape::UsualTexts(names) => {
            let mut usual = scalar(limits::TEXT);
            usual["examples"] = json!(names);
            texts(&usual, &scalar(limits::TEXT))
        }
        Shape::Keys => skill_keys(),
        Shape::Flag => json!({ "anyOf": [{ "type": ["boolean", "null"] }, { "enum": flags() }] }),
        Shape::Count(least, most) => count(least, most),
        Shape::Part => {
            let part = r"^(0|0?\.[0-9]+|1(\.0+)?)$";
            json!({ "type": ["number", "string", "null"], "minimum": 0, "maximum": 1, "pattern": part })
        }
        Shape::Any | Shape::Inert => json!({}),
        Shape::Type => {
            let one = scalar(limits::NAME);
            json!({ "anyOf": [one, list(&one, VALUE_TYPES)] })
        }
        Shape::Choice => json!({ "minItems": 1, "maxItems": limits::ITEMS }),
        Shape::Object => json!({ "type": ["object", "null"] }),
        Shape::Schema => {
            let properties = json!({ "type": { "const": "object" }, "properties": { "type": "object" } });
            json!({ "type": ["object", "null"], "properties": properties })
        }
        Shape::Record(table) => {
            json!({ "type": ["object", "null"], "properties": properties(table, |_| true) })
        }
        Shape::Triggers => triggers(),
        Shape::Values => values(),
        Shape::Steps => {
            let step = json!({ "$ref": "#/$defs/step" });
            json!({ "anyOf": [list(&step, limits::STEPS), step, { "type": "null" }] })
        }
    }
}

fn closed(names: &[&str]) -> Value {
    let mut names: Vec<Value> = names.iter().map(|name| json!(name)).collect();
    names.push(Value::Null);
    json!({ "enum": names })
}

/// A flag in quotation marks, as people write it.
fn flags() -> Vec<String> {
    let capital = |word: &str| word[..1].to_uppercase() + &word[1..];
    let words = ["true", "false", "yes", "no", "on", "off"];
    words.iter().flat_map(|word| [(*word).to_owned(), capital(word), word.to_uppercase()]).collect()
}

/// A whole number. In quotation marks it has a digit less than the largest one.
fn count(least: u64, most: u64) -> Value {
    let more = most.to_string().len().saturating_sub(2);
    let quoted = format!("^[{}-9][0-9]{{0,{more}}}$", least.min(1));
    json!({ "type": ["integer", "string", "null"], "minimum": least, "maximum": most, "pattern": quoted })
}

/// A list of texts, or of maps that have one as their name; or one line of them.
fn texts(item: &Value, line: &Value) -> Value {
    let names = ["key", "skill_key", "name"];
    let inside: Map<String, Value> = names.iter().map(|name| ((*name).to_owned(), item.clone())).collect();
    let any: Vec<Value> = names.iter().map(|name| json!({ "required": [name] })).collect();
    let map = json!({ "type": "object", "properties": inside, "anyOf": any });
    json!({ "anyOf": [list(&json!({ "anyOf": [item, map] }), limits::ITEMS), line] })
}

/// Each has a pattern, or the name of an event.
fn triggers() -> Value {
    let mut trigger = record(TRIGGER);
    trigger["properties"]["pattern"]["pattern"] = json!("\\S");
    let has = |name: &str| json!({ "required": [name], "properties": { name: required(limits::PATTERN) } });
    trigger["anyOf"] = json!([has("pattern"), has("event")]);
    let one = json!({ "anyOf": [trigger, required(limits::PATTERN)] });
    json!({ "anyOf": [list(&one, limits::TRIGGERS), one, { "type": "null" }] })
}

/// Each of a list has a name; those of a map have it there.
fn values() -> Value {
    let value = record(VALUE);
    let mut named = value.clone();
    named["required"] = json!(["name"]);
    let text = scalar(limits::TEXT);
    let all = list(&json!({ "anyOf": [named, text] }), limits::ITEMS);
    let by_name = json!({
        "type": "object",
        "additionalProperties": { "anyOf": [value, text] },
        "maxProperties": limits::ITEMS,
    });
    json!({ "anyOf": [all, by_name, text] })
}

fn record(table: &[Known]) -> Value {
    json!({ "type": "object", "properties": properties(table, |_| true) })
}

/// A map in which this key has a value.
fn given(name: &str) -> Value {
    json!({ "required": [name], "properties": { name: { "not": { "type": "null" } } } })
}
