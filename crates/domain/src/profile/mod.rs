//! The organization's profile: the facts that skills put into their texts. Memory is
//! prose for the model; a fact here has a name, and `${company_name}` finds it.

mod check;
mod schema;
mod table;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::{Error, FieldError, Result, visible::visible};

/// Longest profile, in bytes of JSON.
pub const MAX_BYTES: usize = 65_536;

/// The names that facts can have, in the order in which they are told.
pub fn keys<'a>() -> impl Iterator<Item = &'a str> {
    table::FIELDS.iter().map(|field| field.name)
}

/// Facts that have been checked: every key is known, every value has its type. What is
/// deserialized was checked before it was stored.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Profile(Map<String, Value>);

impl Profile {
    /// Checks the facts. A refusal names each bad field, up to twenty.
    pub fn new(facts: Map<String, Value>) -> Result<Self> {
        let problems = check::problems(&facts);
        if !problems.is_empty() {
            return Err(Error::fields(problems));
        }
        let profile = Self(facts);
        let size = profile.to_json().len();
        if size > MAX_BYTES {
            let error = format!("the profile has {size} bytes of JSON, and {MAX_BYTES} is the most");
            return Err(Error::fields(vec![FieldError { field: String::new(), error }]));
        }
        Ok(profile)
    }

    pub fn facts(&self) -> &Map<String, Value> {
        &self.0
    }

    /// The same facts in texts that a reader can see all of.
    pub fn visible(self) -> Map<String, Value> {
        self.0.into_iter().map(|(name, value)| (name, seen(value))).collect()
    }

    /// The JSON text, members in the order of their names.
    pub fn to_json(&self) -> String {
        Value::Object(self.0.clone()).to_string()
    }
}

fn seen(value: Value) -> Value {
    match value {
        Value::String(text) => visible(&text).into(),
        Value::Array(items) => items.into_iter().map(seen).collect(),
        Value::Object(members) => members.into_iter().map(|(name, value)| (name, seen(value))).collect(),
        other => other,
    }
}

/// The profile as the API shows it: its facts stand beside the common fields. One
/// that was never written has none, and version 0.
#[derive(Clone, Debug, Serialize)]
pub struct ProfileDocument {
    #[serde(flatten)]
    pub profile: Profile,
    pub version: i64,
    pub updated_at: Option<DateTime<Utc>>,
    /// External id of the administrator who wrote it.
    pub updated_by: Option<String>,
}

/// One version of the profile.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ProfileRevision {
    pub version: i64,
    pub profile: Profile,
    /// External id of the administrator who wrote it.
    #[schema(required)]
    pub written_by: Option<String>,
    pub created_at: DateTime<Utc>,
}

#[cfg(test)]
mod tests;
