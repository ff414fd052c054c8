//! What is refused at the door: masks in the place of values, and secrets in ids,
//! which could not be found again under a mask.

use domain::{Error, FieldError, Result};
use engine::Door;
use serde_json::Value;

use crate::extract::find_text;

/// Said of a mark that stands for a secret.
pub const MASK: &str =
    "holds a [REDACTED:…] mark, which stands for a secret that was removed; send the value or leave it out";
/// Said of a secret.
pub const SECRET: &str = "must not hold a secret";

/// Refuses a text with a mask in it: written back, it would replace the real value.
pub fn unmasked(field: &str, text: &str) -> Result<()> {
    if redact::contains_marker(text) { Err(Error::field(field, MASK)) } else { Ok(()) }
}

/// The same for JSON. None: there is no mask in it.
pub fn masked(path: &str, value: &Value) -> Option<FieldError> {
    let field = find_text(value, path.to_owned(), &redact::contains_marker)?;
    Some(FieldError { field, error: MASK.into() })
}

/// The first text of JSON that is kept byte for byte and holds a secret. None: there is none.
pub fn secret_within(door: &Door, value: &Value) -> Option<FieldError> {
    let field = find_text(value, String::new(), &|text| door.redact_hidden(text) != text)?;
    Some(FieldError { field, error: SECRET.into() })
}

/// What is wrong with an id, if it holds a secret.
pub fn secret_in(door: &Door, field: impl Into<String>, id: &str) -> Option<FieldError> {
    let holds = door.redact_hidden(id) != id;
    holds.then(|| FieldError { field: field.into(), error: SECRET.into() })
}
