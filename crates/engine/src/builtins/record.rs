//! The sales record: find, look up, change, note.

use std::fmt::Write as _;

use domain::{
    EntityKind, EntityRef, Error, OptionalExt, Result,
    approval::{FieldChange, Named, Preview},
    entity::Entity,
    fields,
};
use serde_json::{Map, Value};
use store::{
    RunTx, TenantTx,
    entities::{self, NewEntity, NewNote},
    memories::{self, Subject},
    questions,
};

use super::{Origin, Outcome};

pub(super) const MARKED: &str =
    "A [REDACTED] mark stands for a secret that was removed; it cannot be written.";
const NOTES_AT_MOST: i64 = 5;

/// What is on record about an entity.
#[derive(Clone, Debug)]
pub struct Facts {
    pub name: String,
    /// Its fields, links and newest notes, in lines.
    text: String,
    /// Its memory document.
    memory: String,
    /// Whose words these are.
    pub origin: Origin,
}

impl Facts {
    fn whole(self) -> String {
        if self.memory.is_empty() { self.text } else { format!("{}\nmemory:\n{}", self.text, self.memory) }
    }

    /// The same in at most so many characters and a remark on what is left out. Facts leave
    /// memory at least a third of them, and take what it does not need.
    pub fn within(&self, most: usize) -> String {
        let (facts, memory) = (self.text.chars().count(), self.memory.chars().count());
        let room = most - memory.min(most / 3);
        let text = head(&self.text, room);
        if memory == 0 {
            return text;
        }
        format!("{text}\nmemory:\n{}", head(&self.memory, most - facts.min(room)))
    }
}

/// The first characters, to the end of a line where there is one.
fn head(text: &str, most: usize) -> String {
    let Some((end, _)) = text.char_indices().nth(most) else { return text.to_owned() };
    let head = &text[..end];
    let head = head.rfind('\n').filter(|at| *at > end / 2).map_or(head, |at| &head[..at]);
    format!("{head}\n[The rest is left out here; get_entity shows more.]")
}

pub async fn get_entity(tx: &mut TenantTx, kind: EntityKind, id: &str) -> Result<Outcome> {
    Ok(match facts(tx, kind, id).await? {
        Some(facts) => {
            let origin = facts.origin;
            Outcome::ok(facts.whole()).holding(origin)
        }
        None => missing(kind, id),
    })
}

/// What is on record about an entity that the transaction may see.
pub async fn facts(tx: &mut TenantTx, kind: EntityKind, id: &str) -> Result<Option<Facts>> {
    let Some(entity) = entities::find(tx, kind, id).await.optional()? else { return Ok(None) };
    let bound = EntityRef { kind, id: id.to_owned() };
    let notes = entities::notes(tx, &bound, NOTES_AT_MOST).await?;
    let memory = memories::find(tx, &Subject::Entity(bound)).await?;
    let neighbours = questions::one(tx, kind, id).await?.map(|brief| brief.links).unwrap_or_default();
    let outside = kind.is_event()
        || entity.integration
        || notes.iter().any(|note| note.integration)
        || neighbours.iter().any(|link| link.integration);
    let mut text = line(&entity);
    for link in neighbours {
        let role = link.role.map(|role| format!(" ({role})")).unwrap_or_default();
        let linked = format!("linked: {} {}: {}{role}", link.kind, link.id, link.name);
        write!(text, "\n{}", indented(&linked)).expect("writing to a string cannot fail");
    }
    for (name, value) in &entity.attributes {
        let attribute = format!("{name}: {}", plain(value));
        write!(text, "\n{}", indented(&attribute)).expect("writing to a string cannot fail");
    }
    for note in notes {
        let author = note.author.as_deref().unwrap_or("somebody");
        let (day, said) = (note.created_at.format("%Y-%m-%d"), indented(&note.text));
        write!(text, "\nnote of {day} by {author}: {said}").expect("writing to a string cannot fail");
    }
    let origin = Origin::outside_if(outside);
    Ok(Some(Facts { name: entity.name, text, memory: memory.content, origin }))
}

/// The entity that is to be changed; or why the changes cannot be made.
async fn changeable(
    tx: &mut TenantTx,
    kind: EntityKind,
    id: &str,
    changes: &Map<String, Value>,
) -> Result<Result<Entity, Outcome>> {
    let Some(entity) = entities::find(tx, kind, id).await.optional()? else {
        return Ok(Err(missing(kind, id)));
    };
    if let Some(problems) = problems(kind, changes) {
        return Ok(Err(Outcome::failed(format!("Nothing was changed: {problems}."))));
    }
    if changes.values().any(|value| redact::contains_marker(&value.to_string())) {
        return Ok(Err(Outcome::failed(MARKED)));
    }
    Ok(Ok(entity))
}

/// The fields as they are and as they would be.
pub async fn preview(
    tx: &mut TenantTx,
    kind: EntityKind,
    id: &str,
    changes: &Map<String, Value>,
) -> Result<Result<Preview, Outcome>> {
    let entity = match changeable(tx, kind, id, changes).await? {
        Ok(entity) => entity,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let change = |(field, new): (&String, &Value)| FieldChange {
        field: field.clone(),
        old: entity.fields.get(field).cloned().unwrap_or(Value::Null),
        new: new.clone(),
    };
    Ok(Ok(Preview::FieldChanges {
        changes: changes.iter().map(change).collect(),
        entity: Named { kind, id: entity.id, name: entity.name },
    }))
}

/// Changes fields of a deal or contact. `origin` is that of the new values.
pub async fn update(
    tx: &mut TenantTx,
    (kind, id): (EntityKind, &str),
    changes: &Map<String, Value>,
    origin: Origin,
) -> Result<Outcome> {
    let entity = match changeable(tx, kind, id, changes).await? {
        Ok(entity) => entity,
        Err(refusal) => return Ok(refusal),
    };
    let mut fields = entity.fields.clone();
    let mut told = Vec::new();
    for (name, new) in changes {
        let old = fields.remove(name).unwrap_or(Value::Null);
        told.push(format!("{name}: {} → {}", plain(&old), plain(new)));
        if !new.is_null() {
            fields.insert(name.clone(), new.clone());
        }
    }
    let new = NewEntity {
        kind,
        id,
        name: &entity.name,
        owner: entity.owner.as_deref(),
        visibility: entity.visibility,
        links: &entity.links,
        fields: &fields,
        attributes: &entity.attributes,
    };
    let words = if origin.is_outside() { entities::Origin::Integration } else { entities::Origin::Kept };
    match entities::put(tx, new, Some(entity.version), words).await {
        Ok(_) => {
            // It quotes the old values.
            let quoted = Origin::outside_if(entity.integration);
            Ok(Outcome::ok(format!("Changed {kind} {id}: {}.", told.join("; "))).holding(quoted))
        }
        Err(Error::VersionMismatch { .. } | Error::NotFound) => {
            Ok(Outcome::failed("The record was changed by somebody else at this moment. Look at it again."))
        }
        Err(error) => Err(error),
    }
}

/// Why a note cannot be added, if so.
pub async fn notable(tx: &mut TenantTx, entity: &EntityRef, text: &str) -> Result<Result<(), Outcome>> {
    if redact::contains_marker(text) {
        return Ok(Err(Outcome::failed(MARKED)));
    }
    let found = entities::find(tx, entity.kind, &entity.id).await.optional()?;
    Ok(found.map(drop).ok_or_else(|| missing(entity.kind, &entity.id)))
}

/// `origin` is that of the text: a note of a run that has read what came from outside
/// is no colleague's word.
pub async fn add_note(tx: &mut RunTx, entity: &EntityRef, text: &str, origin: Origin) -> Result<Outcome> {
    if redact::contains_marker(text) {
        return Ok(Outcome::failed(MARKED));
    }
    let note = NewNote { text, run: Some(tx.lease().run), integration: origin.is_outside() };
    Ok(match entities::add_note(tx.tenant(), entity, &note).await.optional()? {
        Some(_) => Outcome::ok(format!("Noted on {} {}.", entity.kind, entity.id)),
        None => missing(entity.kind, &entity.id),
    })
}

/// What is wrong with the fields, in words for the model.
pub(super) fn problems(kind: EntityKind, fields: &Map<String, Value>) -> Option<String> {
    let problems = fields::check(kind, fields);
    let said: Vec<String> =
        problems.iter().map(|problem| format!("{} {}", problem.field, problem.error)).collect();
    (!said.is_empty()).then(|| said.join("; "))
}

pub(super) fn missing(kind: EntityKind, id: &str) -> Outcome {
    Outcome::failed(format!("There is no {kind} {id:?} on record. Use find_entities to look for it."))
}

/// A text whose later lines cannot pass for lines of the record.
fn indented(text: &str) -> String {
    text.replace('\n', "\n    ")
}

/// One entity on one line: kind, id, name, then its fields.
fn line(entity: &Entity) -> String {
    let mut text = format!("{} {}: {}", entity.kind, entity.id, entity.name);
    for name in fields::names(entity.kind) {
        if let Some(value) = entity.fields.get(name) {
            write!(text, ", {name} {}", plain(value)).expect("writing to a string cannot fail");
        }
    }
    if let Some(owner) = &entity.owner {
        write!(text, ", owner {owner}").expect("writing to a string cannot fail");
    }
    indented(&text)
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "none".into(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_and_memory_share_what_room_there_is() {
        for (facts, memory, facts_kept, memory_kept) in [
            (10, 0, 10, 0),
            (900, 0, 300, 0),
            (10, 900, 10, 290),
            (900, 900, 200, 100),
            (900, 40, 260, 40),
            (250, 60, 240, 60),
        ] {
            let (text, memory) = ("\u{fc}".repeat(facts), "\u{df}".repeat(memory));
            let shown = Facts { name: "Acme".into(), text, memory, origin: Origin::Inside }.within(300);
            let kept = ['\u{fc}', '\u{df}'].map(|c| shown.matches(c).count());
            assert_eq!(kept, [facts_kept, memory_kept], "{shown}");
        }
        assert!(head("one line\nand another", 15).starts_with("one line\n[The rest"));
    }
}
