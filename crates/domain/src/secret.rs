//! Secrets that an organization keeps here: written, used and never shown.

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

/// Secrets of one organization.
pub const MAX_SECRETS: i64 = 100;
/// Largest value, in bytes.
pub const MAX_VALUE: usize = 4_096;
/// Largest sum of all values of an organization, in bytes: each is looked for in every text, in a dozen encodings.
pub const MAX_VALUES: i64 = 65_536;
/// Longest name, in bytes.
pub const MAX_NAME: usize = 64;

/// A secret without its value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct SecretHead {
    pub name: String,
    /// Grows with each new value.
    pub version: i64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    /// External id of the administrator who set the value; left out: the author was erased.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updated_by: Option<String>,
}

/// Whether this can be a secret's name.
pub fn is_secret_name(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    name.len() <= MAX_NAME
        && name.bytes().next().is_some_and(plain)
        && name.bytes().all(|b| plain(b) || b"_.-".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_and_plain() {
        for name in ["a", "0", "anthropic", "openai.eu-1_b", &"x".repeat(64)] {
            assert!(is_secret_name(name), "{name}");
        }
        for name in ["", "-a", ".", "A", "a b", "a/b", "ä", &"x".repeat(65)] {
            assert!(!is_secret_name(name), "{name}");
        }
    }
}
