//! The smallest value that follows a JSON Schema, for tools that a request insists on.

use serde_json::{Map, Value, json};

/// Fills in every property; texts say that they are the stand-in's.
pub(crate) fn fill(schema: &Value, question: &str) -> Value {
    if let Some(value) = schema.get("const").or_else(|| schema["enum"].get(0)) {
        return value.clone();
    }
    if let Some(first) = schema["anyOf"].get(0).or_else(|| schema["oneOf"].get(0)) {
        return fill(first, question);
    }
    let kind = schema["type"].as_str().or_else(|| schema["type"][0].as_str());
    match kind {
        Some("string") => text(schema, question),
        Some("integer" | "number") => schema.get("minimum").cloned().unwrap_or_else(|| json!(0)),
        Some("boolean") => json!(false),
        Some("null") => Value::Null,
        Some("array") => {
            let items = schema["minItems"].as_u64().unwrap_or_default().min(10);
            (0..items).map(|_| fill(&schema["items"], question)).collect()
        }
        _ => object(schema, question),
    }
}

fn text(schema: &Value, question: &str) -> Value {
    match schema["format"].as_str() {
        Some("date") => json!("2026-01-01"),
        Some("date-time") => json!("2026-01-01T00:00:00Z"),
        Some("email") => json!("stand-in@example.com"),
        Some("uri") => json!("https://example.com/"),
        _ => json!(format!("(stand-in) {}", super::short(question, 60))),
    }
}

fn object(schema: &Value, question: &str) -> Value {
    let properties = schema["properties"].as_object().into_iter().flatten();
    let filled = properties.map(|(name, schema)| (name.clone(), fill(schema, question)));
    Value::Object(filled.collect::<Map<_, _>>())
}
