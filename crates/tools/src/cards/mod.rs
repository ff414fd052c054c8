//! Types of cards: the JSON Schemas that data have to fit. Those of organizations are
//! written by others, so what a schema can cost is known before it is used (`survey`),
//! and patterns are matched in linear time.

mod survey;

use domain::{
    FieldError,
    card::{EMAIL_DRAFT, MAX_SCHEMA, TEXT},
};
use jsonschema::{PatternOptions, Validator};
use serde_json::{Map, Value};

use crate::{MAX_PROBLEMS, problem};

/// Largest program of one pattern, in bytes.
const PATTERN_SIZE: usize = 64 * 1024;
/// What is quoted of a problem, in characters: it may hold the whole value.
const PROBLEM: usize = 300;

const TEXT_SCHEMA: &str = r#"{
    "type": "object",
    "properties": {"text": {"type": "string", "minLength": 1}},
    "required": ["text"],
    "additionalProperties": false
}"#;

const EMAIL_DRAFT_SCHEMA: &str = r#"{
    "type": "object",
    "properties": {
        "to": {"type": "string", "minLength": 1},
        "subject": {"type": "string", "minLength": 1, "maxLength": 300, "pattern": "^[^\\r\\n]*$"},
        "body": {"type": "string", "minLength": 1}
    },
    "required": ["to", "subject", "body"],
    "additionalProperties": false
}"#;

/// The schema of a type that every organization has.
pub fn built_in(card_type: &str) -> Option<&'static str> {
    match card_type {
        TEXT => Some(TEXT_SCHEMA),
        EMAIL_DRAFT => Some(EMAIL_DRAFT_SCHEMA),
        _ => None,
    }
}

/// Schemas that one card's data are held to, at most: those of the type, for each value of the data.
const MAX_WORK: u64 = 100_000;

/// A schema that is fit to be used.
pub struct CardSchema {
    validator: Validator,
    /// How many schemas it comes to.
    schemas: u64,
}

impl CardSchema {
    /// Reads a schema, or says what is wrong where in it. It takes milliseconds, and may take
    /// longer for one that was written to.
    pub fn new(text: &str) -> Result<Self, Vec<FieldError>> {
        let whole = |error: String| vec![FieldError { field: String::new(), error }];
        if text.len() > MAX_SCHEMA {
            return Err(whole(format!("has {} bytes, and {MAX_SCHEMA} is the most", text.len())));
        }
        let mut schema: Map<String, Value> =
            serde_json::from_str(text).map_err(|error| whole(format!("is no JSON object: {error}")))?;
        // A name of the whole could be that of a schema which is known already, and what is
        // referred to would be looked for there.
        schema.remove("$id");
        let schema = Value::Object(schema);
        let schemas = survey::check(&schema).map_err(|problem| vec![problem])?;
        let patterns = PatternOptions::regex().size_limit(PATTERN_SIZE).dfa_size_limit(4 * PATTERN_SIZE);
        jsonschema::options()
            .with_pattern_options(patterns)
            .should_validate_formats(false)
            .build(&schema)
            .map(|validator| Self { validator, schemas })
            .map_err(|error| {
                let field = dotted(error.instance_path().as_str());
                vec![FieldError { field, error: shortened(&problem(&error)) }]
            })
    }

    /// What of the data does not fit, and why.
    pub fn problems(&self, data: &Value) -> Vec<FieldError> {
        if survey::nodes(data).saturating_mul(self.schemas) > MAX_WORK {
            let error = "has too many values for a type with so many schemas".to_owned();
            return vec![FieldError { field: String::new(), error }];
        }
        let errors = self.validator.iter_errors(data).take(MAX_PROBLEMS);
        errors
            .map(|error| FieldError {
                field: dotted(error.instance_path().as_str()),
                error: shortened(&problem(&error)),
            })
            .collect()
    }
}

/// `/properties/price` as `properties.price`.
fn dotted(pointer: &str) -> String {
    pointer.trim_start_matches('/').replace('/', ".")
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(PROBLEM) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests;
