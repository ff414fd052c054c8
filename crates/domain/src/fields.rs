//! The typed fields of each kind of entity, and the check of what is written.

use chrono::{DateTime, Datelike as _, NaiveDate, Utc};
use serde_json::{Map, Value};

use crate::{EntityKind, FieldError};

/// Longest text field, in characters.
const MAX_TEXT: usize = 2_000;
/// Longest body, summary or transcript, in characters.
const MAX_LONG: usize = 200_000;
/// Longest word by which entities are sorted into groups, in characters: it stands in an index.
const MAX_LABEL: usize = 200;
const MAX_PEOPLE: usize = 200;

/// States of a to-do.
pub const TASK_STATES: [&str; 4] = ["open", "in_progress", "done", "cancelled"];
pub const PRIORITIES: [&str; 4] = ["low", "medium", "high", "urgent"];

/// What a typed field holds.
#[derive(Clone, Copy, Debug)]
pub enum FieldType {
    Text,
    /// A word by which entities are sorted into groups.
    Label,
    /// A body, a summary, a transcript.
    Long,
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
    /// A date or a time.
    Moment,
    Word(&'static [&'static str]),
    /// One name or address, or a list of them; of a name also `{name, email}`.
    People,
}

fn fields(kind: EntityKind) -> &'static [(&'static str, FieldType)] {
    use FieldType::{Amount, Currency, Date, Email, Label, Long, Moment, People, Percent, Text, Time, Word};
    match kind {
        EntityKind::Deal => &[
            ("stage", Label),
            ("amount", Amount),
            ("currency", Currency),
            ("close_date", Date),
            ("probability", Percent),
            ("health", Percent),
            ("ghost_risk", Percent),
        ],
        EntityKind::Contact => &[
            ("email", Email),
            ("phone", Text),
            ("title", Text),
            ("company", Text),
            ("last_activity_at", Time),
        ],
        EntityKind::Company => &[
            ("website", Text),
            ("industry", Text),
            ("size", Text),
            ("country", Text),
            ("phone", Text),
            ("status", Text),
        ],
        EntityKind::Meeting => &[
            ("starts_at", Time),
            ("ends_at", Time),
            ("location", Text),
            ("attendees", People),
            ("summary", Long),
            ("transcript", Long),
        ],
        EntityKind::Task => &[
            ("status", Word(&TASK_STATES)),
            ("priority", Word(&PRIORITIES)),
            ("due_date", Date),
            ("assignee", Text),
            ("description", Long),
        ],
        EntityKind::Activity | EntityKind::Email => &[
            ("type", Text),
            ("date", Moment),
            ("from", People),
            ("to", People),
            ("subject", Text),
            ("body", Long),
        ],
    }
}

/// Names of the typed fields of the kind.
pub fn names(kind: EntityKind) -> impl Iterator<Item = &'static str> {
    fields(kind).iter().map(|(name, _)| *name)
}

/// What a typed field of the kind holds; none if the kind has no such field.
pub fn type_of(kind: EntityKind, name: &str) -> Option<FieldType> {
    fields(kind).iter().find(|(known, _)| *known == name).map(|(_, field)| *field)
}

/// The fields in which people look for words, each with whether it holds long texts. Numbers, days and
/// words of a list are asked for as what they are.
pub fn searched(kind: EntityKind) -> impl Iterator<Item = (&'static str, bool)> {
    fields(kind).iter().filter_map(|(name, field)| match field {
        FieldType::Text | FieldType::Label | FieldType::Email | FieldType::People => Some((*name, false)),
        FieldType::Long => Some((*name, true)),
        _ => None,
    })
}

/// What is wrong with the fields, one entry for each; empty when all is well.
/// A null stands for "no value" and is always allowed.
pub fn check(kind: EntityKind, given: &Map<String, Value>) -> Vec<FieldError> {
    given
        .iter()
        .filter_map(|(name, value)| {
            let error = match type_of(kind, name) {
                None => Some(unknown(kind)),
                Some(_) if value.is_null() => None,
                Some(field) => field.refuse(value),
            };
            error.map(|error| FieldError { field: name.clone(), error })
        })
        .chain(ends_before_it_starts(given))
        .collect()
}

/// What only the two times together say.
fn ends_before_it_starts(given: &Map<String, Value>) -> Option<FieldError> {
    let moment = |name: &str| time(given.get(name)?.as_str()?);
    let (starts, ends) = (moment("starts_at")?, moment("ends_at")?);
    (ends < starts).then(|| FieldError { field: "ends_at".into(), error: "is before starts_at".into() })
}

fn unknown(kind: EntityKind) -> String {
    let names: Vec<&str> = names(kind).collect();
    format!(
        "is not a field of the kind {kind}; the fields are {}; anything else goes into attributes",
        names.join(", ")
    )
}

impl FieldType {
    fn refuse(self, value: &Value) -> Option<String> {
        let text = value.as_str();
        let number = value.as_f64();
        let at_most = |length: usize| text.is_some_and(|t| t.chars().count() <= length);
        let is_date = || text.is_some_and(|t| date(t).is_some());
        let is_time = || text.is_some_and(|t| time(t).is_some());
        let (fits, wanted) = match self {
            FieldType::Text => (at_most(MAX_TEXT), "text of at most 2000 characters"),
            FieldType::Label => (at_most(MAX_LABEL), "text of at most 200 characters"),
            FieldType::Long => (at_most(MAX_LONG), "text of at most 200000 characters"),
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
            FieldType::Date => (is_date(), "a date such as 2026-11-22"),
            FieldType::Time => (is_time(), "a time such as 2026-11-22T10:00:00Z"),
            FieldType::Moment => {
                (is_date() || is_time(), "a date such as 2026-11-22 or a time such as 2026-11-22T10:00:00Z")
            }
            FieldType::Word(words) => {
                let fits = text.is_some_and(|t| words.contains(&t));
                return (!fits).then(|| format!("must be one of {}", words.join(", ")));
            }
            FieldType::People => (
                people(value).is_some_and(|people| people.len() <= MAX_PEOPLE),
                "a name or address, or a list of at most 200 of them, each text or {\"name\", \"email\"}",
            ),
        };
        (!fits).then(|| format!("must be {wanted}"))
    }
}

/// A calendar day from year 1 to 9999, which is what every store and client can hold.
pub fn date(text: &str) -> Option<NaiveDate> {
    text.parse::<NaiveDate>().ok().filter(|day| text.len() == 10 && (1..=9999).contains(&day.year()))
}

/// A moment, from year 1 to 9999.
pub fn time(text: &str) -> Option<DateTime<Utc>> {
    let time = DateTime::parse_from_rfc3339(text).ok()?.with_timezone(&Utc);
    (1..=9999).contains(&time.year()).then_some(time)
}

/// Names and addresses as one line each; none if the value is no list of people.
pub fn people(value: &Value) -> Option<Vec<String>> {
    let person = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Object(members) => {
            let known = members.keys().all(|key| ["name", "email"].contains(&key.as_str()));
            let text = |key: &str| members.get(key).map(|value| value.as_str().ok_or(())).transpose();
            let (Ok(name), Ok(email), true) = (text("name"), text("email"), known) else { return None };
            match (name, email) {
                (Some(name), Some(email)) => Some(format!("{name} <{email}>")),
                (name, email) => name.or(email).map(str::to_owned),
            }
        }
        _ => None,
    };
    let people: Option<Vec<String>> = match value {
        Value::Array(people) => people.iter().map(person).collect(),
        one => person(one).map(|person| vec![person]),
    };
    people.filter(|people| people.iter().all(|person| person.chars().count() <= MAX_TEXT))
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
    fn nothing_ends_before_it_starts() {
        let ends = |time: &str| json!({"starts_at": "2026-11-22T10:00:00Z", "ends_at": time});
        assert_eq!(problems(EntityKind::Meeting, &ends("2026-11-22T10:00:00Z")), Vec::<String>::new());
        let early = problems(EntityKind::Meeting, &ends("2026-11-22T10:30:00+01:00"));
        assert_eq!(early, ["ends_at is before starts_at"]);
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
            (json!({"email": "a@b.example"}), "email is not a field of the kind deal"),
        ] {
            let problems = problems(EntityKind::Deal, &fields);
            assert!(problems.len() == 1 && problems[0].starts_with(expected), "{fields}: {problems:?}");
        }
    }

    #[test]
    fn people_are_names_or_addresses_alone_or_in_lists() {
        let told = |value: Value| people(&value);
        assert_eq!(told(json!("Dana")), Some(vec!["Dana".to_owned()]));
        assert_eq!(
            told(json!(["a@b.example", {"name": "Dana", "email": "d@b.example"}, {"name": "Tom"}])),
            Some(vec!["a@b.example".to_owned(), "Dana <d@b.example>".to_owned(), "Tom".to_owned()])
        );
        for bad in
            [json!(7), json!([7]), json!([{"id": "x"}]), json!([{}]), json!({"name": 7}), json!([["x"]])]
        {
            assert_eq!(told(bad.clone()), None, "{bad}");
        }
    }

    #[test]
    fn a_day_has_ten_characters_and_a_year_that_every_store_can_hold() {
        for bad in ["2026-1-2", "+12026-01-01", "0000-01-01", "2026-02-30", "tomorrow", ""] {
            assert_eq!(date(bad), None, "{bad}");
        }
        assert!(date("2026-11-22").is_some() && time("2026-11-22T10:00:00+01:00").is_some());
        assert_eq!(time("0000-12-31T23:00:00Z"), None);
    }
}
