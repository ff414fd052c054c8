//! The JSON Schema of the front matter, made from the table that the reader reads by.

use serde_json::{Map, Value, json};

use crate::{
    limits,
    read::table::{FRONT_MATTER, Home, Known, STEP, Shape},
};

/// JSON Schema (2020-12) of a SKILL.md's front matter, for editors and for CI. The reader takes what it
/// takes, older spellings included, and closed lists in any case; it says more of what is wrong.
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
        json!({"type": ["object", "null"], "description": about, "properties": metadata}),
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
fn scalar() -> Value {
    json!({ "type": ["string", "number", "boolean", "null"] })
}

fn list(item: &Value, most: usize) -> Value {
    json!({ "type": "array", "items": item, "maxItems": most })
}

fn shape(shape: Shape) -> Value {
    match shape {
        Shape::Text => scalar(),
        Shape::Closed(names) => json!({ "enum": names }),
        Shape::Usual(names) => json!({ "type": ["string", "number", "boolean", "null"], "examples": names }),
        Shape::Texts => texts(&[]),
        Shape::UsualTexts(names) => texts(names),
        Shape::Flag => json!({ "anyOf": [
            { "type": ["boolean", "null"] },
            { "enum": ["true", "false", "yes", "no", "on", "off"] },
        ] }),
        Shape::Count(least, most) => {
            json!({ "type": ["integer", "string", "null"], "minimum": least, "maximum": most })
        }
        Shape::Part => json!({ "type": ["number", "string", "null"], "minimum": 0, "maximum": 1 }),
        Shape::Any | Shape::Inert => json!({}),
        Shape::Object => json!({ "type": ["object", "null"] }),
        Shape::Record(table) => {
            json!({ "type": ["object", "null"], "properties": properties(table, |_| true) })
        }
        Shape::Records(table) => {
            let item = json!({ "anyOf": [record(table), scalar()] });
            json!({ "anyOf": [list(&item, limits::ITEMS), { "type": "object" }, scalar()] })
        }
        Shape::Steps => {
            let step = json!({ "$ref": "#/$defs/step" });
            json!({ "anyOf": [list(&step, limits::STEPS), step, { "type": "null" }] })
        }
    }
}

fn texts(usual: &[&str]) -> Value {
    let mut item = json!({ "type": ["string", "number", "boolean", "null", "object"] });
    if !usual.is_empty() {
        item["examples"] = json!(usual);
    }
    json!({ "anyOf": [list(&item, limits::ITEMS), scalar()] })
}

fn record(table: &[Known]) -> Value {
    json!({ "type": "object", "properties": properties(table, |_| true) })
}

/// A map in which this key has a value.
fn given(name: &str) -> Value {
    json!({ "required": [name], "properties": { name: { "not": { "type": "null" } } } })
}
