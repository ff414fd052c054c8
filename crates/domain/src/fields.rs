//! The typed fields of each kind of entity, and the check of what is written.

use chrono::{DateTime, NaiveDate};
use serde_json::{Map, Value};

use crate::{EntityKind, FieldError};

/// Longest text field, in characters.
const MAX_TEXT: usize = 2_000;

#[derive(Clone, Copy)]
enum FieldType {
    Text,
    /// ISO 4217: three capital letters.
    Currency,
    Email,
    /// At least 0.
    Amount,
    /// 0 to 100.
    Percent,
    /// `2026-11-22`.
    Date,
    /// RFC 3339.
    Time,
}

fn fields(kind: EntityKind) -> &'static [(&'static str, FieldType)] {
    use FieldType::{Amount, Currency, Date, Email, Percent, Text, Time};
    match kind {
        EntityKind::Deal => &[
            ("stage", Text),
            ("amount", Amount),
            ("currency", Currency),
            ("close_date", Date),
            ("probability", Percent),
            ("health", Percent),
        ],
        EntityKind::Contact => &[
            ("email", Email),
            ("phone", Text),
            ("title", Text),
            ("company", Text),
            ("last_activity_at", Time),
        ],
    }
}

/// Names of the typed fields of the kind.
pub fn names(kind: EntityKind) -> impl Iterator<Item = &'static str> {
    fields(kind).iter().map(|(name, _)| *name)
}

/// What is wrong with the fields, one entry for each; empty when all is well.
/// A null stands for "no value" and is always allowed.
pub fn check(kind: EntityKind, given: &Map<String, Value>) -> Vec<FieldError> {
    given
        .iter()
        .filter_map(|(name, value)| {
            let error = match fields(kind).iter().find(|(known, _)| known == name) {
                None => Some(unknown(kind)),
                Some(_) if value.is_null() => None,
                Some((_, field)) => field.refuse(value),
            };
            error.map(|error| FieldError { field: name.clone(), error })
        })
        .collect()
}

fn unknown(kind: EntityKind) -> String {
    let names: Vec<&str> = names(kind).collect();
    format!(
        "is not a field of a {kind}; the fields are {}; anything else goes into attributes",
        names.join(", ")
    )
}

impl FieldType {
    fn refuse(self, value: &Value) -> Option<String> {
        let text = value.as_str();
        let number = value.as_f64();
        let (fits, wanted) = match self {
            FieldType::Text => {
                (text.is_some_and(|t| t.chars().count() <= MAX_TEXT), "text of at most 2000 characters")
            }
            FieldType::Currency => {
                let fits = text.is_some_and(|t| t.len() == 3 && t.bytes().all(|b| b.is_ascii_uppercase()));
                (fits, "a currency code such as EUR")
            }
            FieldType::Email => (text.is_some_and(is_email), "an e-mail address"),
            FieldType::Amount => {
                (number.is_some_and(|n| (0.0..=1e15).contains(&n)), "a number from 0 to 10^15")
            }
            FieldType::Percent => {
                (number.is_some_and(|n| (0.0..=100.0).contains(&n)), "a number from 0 to 100")
            }
            FieldType::Date => {
                (text.is_some_and(|t| t.parse::<NaiveDate>().is_ok()), "a date such as 2026-11-22")
            }
            FieldType::Time => {
                let fits = text.is_some_and(|t| DateTime::parse_from_rfc3339(t).is_ok());
                (fits, "a time such as 2026-11-22T10:00:00Z")
            }
        };
        (!fits).then(|| format!("must be {wanted}"))
    }
}

fn is_email(text: &str) -> bool {
    let Some((local, host)) = text.rsplit_once('@') else { return false };
    !local.is_empty()
        && host.contains('.')
        && text.chars().count() <= 254
        && !text.chars().any(|c| c.is_whitespace() || c.is_control())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn problems(kind: EntityKind, fields: &Value) -> Vec<String> {
        let fields = fields.as_object().expect("an object");
        check(kind, fields).into_iter().map(|e| format!("{} {}", e.field, e.error)).collect()
    }

    #[test]
    fn good_fields_pass() {
        let deal = json!({"stage": "won", "amount": 12_000.5, "currency": "EUR", "close_date": "2026-12-31",
            "probability": 40, "health": null});
        assert_eq!(problems(EntityKind::Deal, &deal), Vec::<String>::new());
        let contact = json!({"email": "dana@acme.example", "last_activity_at": "2026-11-22T10:00:00+01:00"});
        assert_eq!(problems(EntityKind::Contact, &contact), Vec::<String>::new());
    }

    #[test]
    fn each_bad_field_is_named_with_what_it_must_be() {
        for (fields, expected) in [
            (json!({"amount": "12"}), "amount must be a number"),
            (json!({"amount": -1}), "amount must be a number"),
            (json!({"currency": "eur"}), "currency must be a currency code"),
            (json!({"close_date": "2026-02-30"}), "close_date must be a date"),
            (json!({"probability": 101}), "probability must be a number from 0 to 100"),
            (json!({"stage": 7}), "stage must be text"),
            (json!({"email": "a@b.example"}), "email is not a field of a deal"),
        ] {
            let problems = problems(EntityKind::Deal, &fields);
            assert!(problems.len() == 1 && problems[0].starts_with(expected), "{fields}: {problems:?}");
        }
    }
}
