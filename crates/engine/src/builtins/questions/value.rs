//! Answers as the later steps of a sequence read them: the same rows as JSON.

use chrono::SecondsFormat;
use domain::{EntityKind, brief::Brief};
use serde_json::{Map, Value, json};

/// Of a long text so many characters.
const TEXT: usize = 600;

/// What entities of a kind are called together.
pub fn plural(kind: EntityKind) -> &'static str {
    match kind {
        EntityKind::Deal => "deals",
        EntityKind::Contact => "contacts",
        EntityKind::Company => "companies",
        EntityKind::Meeting => "meetings",
        EntityKind::Task => "tasks",
        EntityKind::Activity => "activities",
        EntityKind::Email => "emails",
    }
}

/// `{"deals": […], "more": false}`.
pub fn list(name: &str, rows: &[Brief], more: bool) -> Value {
    let rows: Vec<Value> = rows.iter().map(entity).collect();
    Value::Object(Map::from_iter([(name.to_owned(), rows.into()), ("more".to_owned(), more.into())]))
}

/// An entity, or null, under the name of its kind, and what stands around it under the plurals of theirs.
pub fn one(kind: EntityKind, found: Option<&Brief>, around: &[Brief]) -> Value {
    let mut value = grouped(around, entity);
    value.insert(kind.as_str().to_owned(), found.map_or(Value::Null, entity));
    Value::Object(value)
}

/// Kind, id, name and owner, its typed fields, and what it is linked to under the plurals of their kinds.
pub fn entity(entity: &Brief) -> Value {
    let mut value = entity.fields.clone();
    let linked = |kind: EntityKind| {
        let links = entity.links.iter().filter(move |link| link.kind == kind);
        links.map(|link| json!({"id": link.id, "name": link.name, "role": link.role})).collect::<Vec<_>>()
    };
    for kind in EntityKind::ALL {
        let links = linked(kind);
        if !links.is_empty() {
            value.insert(plural(kind).to_owned(), links.into());
        }
    }
    value.insert("kind".to_owned(), entity.kind.as_str().into());
    value.insert("id".to_owned(), entity.id.clone().into());
    value.insert("name".to_owned(), entity.name.clone().into());
    if let Some(owner) = &entity.owner {
        value.insert("owner".to_owned(), owner.clone().into());
    }
    if let Some(at) = entity.touched_at {
        value.insert("last_activity_at".to_owned(), at.to_rfc3339_opts(SecondsFormat::Secs, true).into());
    }
    if let Some(text) = entity.text.as_deref().filter(|text| !text.trim().is_empty()) {
        let end = text.char_indices().nth(TEXT).map_or(text.len(), |(end, _)| end);
        value.insert("text".to_owned(), text[..end].into());
    }
    Value::Object(value)
}

fn grouped(rows: &[Brief], of: impl Fn(&Brief) -> Value) -> Map<String, Value> {
    let mut groups = Map::new();
    for kind in EntityKind::ALL {
        let group: Vec<Value> = rows.iter().filter(|row| row.kind == kind).map(&of).collect();
        groups.insert(plural(kind).to_owned(), group.into());
    }
    groups
}
