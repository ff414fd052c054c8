//! An entity as it stands, and as it is to stand.

use std::{borrow::Cow, collections::HashMap};

use chrono::{DateTime, Utc};
use domain::{
    EntityKind, UserId,
    entity::{Link, Visibility},
    facets::Facets,
    words,
};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::{NewEntity, write::Origin};

/// An entity by its kind and id.
pub(super) type Key = (EntityKind, String);

/// An entity as it was when it was locked.
pub(super) struct Current {
    pub name: String,
    pub owner: Option<String>,
    pub visibility: Visibility,
    pub owner_user: Option<Uuid>,
    pub links: Vec<Link>,
    /// Those of the links whose other end the transaction may see.
    pub seen_links: Vec<Link>,
    pub fields: Map<String, Value>,
    pub attributes: Map<String, Value>,
    pub integration: bool,
    pub at: DateTime<Utc>,
    pub created_at: DateTime<Utc>,
    pub product_touched_at: Option<DateTime<Utc>>,
    /// As [`coded`] writes them.
    pub words: Vec<String>,
    pub version: i64,
}

impl Current {
    /// Whom its links and words are for, if not for every member.
    pub fn private_to(&self) -> Option<Uuid> {
        self.owner_user.filter(|_| self.visibility == Visibility::Owner)
    }
}

/// What was found of the entities that are written, and of those that they link to.
#[derive(Default)]
pub(super) struct Found(pub HashMap<Key, Option<Current>>);

impl Found {
    pub fn has(&self, kind: EntityKind, id: &str) -> bool {
        self.0.contains_key(&(kind, id.to_owned()))
    }

    pub fn add(&mut self, kind: EntityKind, id: &str) {
        self.0.entry((kind, id.to_owned())).or_default();
    }

    /// The entity as it is; others may go on to link to it.
    pub fn taken(&mut self, kind: EntityKind, id: &str) -> Option<Current> {
        self.0.get_mut(&(kind, id.to_owned()))?.take()
    }
}

/// An entity as it is to stand.
pub(super) struct Prepared<'a> {
    pub kind: EntityKind,
    pub id: &'a str,
    pub name: &'a str,
    pub owner: Option<&'a str>,
    pub visibility: Visibility,
    pub owner_user: Option<Uuid>,
    pub links: Cow<'a, [Link]>,
    pub fields: &'a Map<String, Value>,
    pub attributes: &'a Map<String, Value>,
    pub integration: bool,
    pub facets: Facets,
    /// None: when it came.
    pub at: Option<DateTime<Utc>>,
    pub words: Vec<String>,
}

impl<'a> Prepared<'a> {
    pub fn of(new: &NewEntity<'a>, current: Option<&Current>, origin: Origin) -> Self {
        let mut facets = Facets::of(new.kind, new.fields);
        facets.touched_at = facets.touched_at.map(whole_micros);
        let at = facets.at.map(whole_micros).or(current.map(|current| current.created_at));
        let words = words::words(new.kind, new.name, new.id, new.fields);
        Self {
            kind: new.kind,
            id: new.id,
            name: new.name,
            owner: new.owner,
            visibility: new.visibility,
            owner_user: new.owner.map(|owner| UserId::derive(owner).0),
            links: with_unseen(new.links, current),
            fields: new.fields,
            attributes: new.attributes,
            integration: match origin {
                Origin::Person => false,
                Origin::Integration => true,
                Origin::Kept => current.is_some_and(|current| current.integration),
            },
            facets,
            at,
            words: words.into_iter().map(|(word, weight)| coded(&word, weight)).collect(),
        }
    }

    pub fn key(&self) -> Key {
        (self.kind, self.id.to_owned())
    }

    pub fn private_to(&self) -> Option<Uuid> {
        self.owner_user.filter(|_| self.visibility == Visibility::Owner)
    }

    /// Whether nothing of it would change, however the words are made today.
    pub fn says_the_same(&self, current: &Current) -> bool {
        self.name == current.name
            && self.owner == current.owner.as_deref()
            && self.visibility == current.visibility
            && *self.links == *current.links
            && same_members(self.fields, &current.fields)
            && same_members(self.attributes, &current.attributes)
            && self.words == current.words
    }
}

/// The links, and with them those whose other end the writer does not see: what one cannot
/// see one does not take away.
fn with_unseen<'a>(links: &'a [Link], current: Option<&Current>) -> Cow<'a, [Link]> {
    let Some(current) = current else { return Cow::Borrowed(links) };
    let leads_to =
        |links: &[Link], to: &Link| links.iter().any(|link| link.kind == to.kind && link.id == to.id);
    let unseen =
        current.links.iter().filter(|link| !leads_to(&current.seen_links, link) && !leads_to(links, link));
    let mut unseen = unseen.cloned().peekable();
    if unseen.peek().is_none() {
        return Cow::Borrowed(links);
    }
    Cow::Owned(links.iter().cloned().chain(unseen).collect())
}

/// Postgres keeps microseconds, and a leap second as the next one.
fn whole_micros(time: DateTime<Utc>) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(time.timestamp_micros()).unwrap_or(time)
}

/// A word with its weight before it, so that a change of either is one of the list.
pub(super) fn coded(word: &str, weight: u8) -> String {
    format!("{weight}{word}")
}

/// The word and the weight again; of what nobody has written so, nothing.
pub(super) fn decoded(coded: &str) -> Option<(&str, i16)> {
    let (weight, word) = coded.split_at_checked(1)?;
    Some((word, weight.parse().ok()?))
}

fn same_members(one: &Map<String, Value>, other: &Map<String, Value>) -> bool {
    one.len() == other.len()
        && one.iter().all(|(name, value)| other.get(name).is_some_and(|other| same(value, other)))
}

/// Equality of what a column gives back: `100.0` was sent as `1e2`, and comes back as `100`.
fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => one == other || one.as_f64() == other.as_f64(),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => same_members(one, other),
        (one, other) => one == other,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_is_the_same_however_its_numbers_are_written() {
        let sent: Value =
            serde_json::from_str(r#"{"a": [1e2, -0.0, {"b": 1.50}], "c": null}"#).expect("JSON");
        assert!(same(&sent, &json!({"c": null, "a": [100, 0, {"b": 1.5}]})));
        for other in
            [json!({"a": [100, 0, {"b": 1.5}]}), json!({"a": [100, 0, {"b": "1.5"}], "c": null}), json!(7)]
        {
            assert!(!same(&sent, &other), "{other}");
        }
    }

    #[test]
    fn a_word_keeps_its_weight() {
        assert_eq!(decoded(&coded("acme", 3)), Some(("acme", 3)));
        assert_eq!((decoded(""), decoded("x")), (None, None));
    }
}
