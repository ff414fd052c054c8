//! The sales record: find, look up, change, note.

use std::fmt::Write as _;

use domain::{
    EntityKind, EntityRef, Error, OptionalExt, Result,
    approval::{FieldChange, Named, Preview},
    brief::Brief,
    entity::Entity,
    fields::{self, FieldType},
};
use serde_json::{Map, Value, json};
use store::{
    RunTx, TenantTx,
    entities::{self, NewEntity, NewNote},
    memories::{self, Subject},
    questions,
};

use super::{
    Origin, Outcome, changes,
    questions::{
        say::{self, Clock},
        value,
    },
};

pub(super) const MARKED: &str =
    "A [REDACTED] mark stands for a secret that was removed; it cannot be written.";
/// Notes that are shown of a record, and of one that a message mentions.
const NOTES: i64 = 50;
pub const NOTES_OF_MENTION: i64 = 5;
/// Longest part of what is on record, in characters.
const PART: usize = 12_000;

/// What is on record about an entity.
#[derive(Clone, Debug)]
pub struct Facts {
    pub name: String,
    /// Its fields, links and newest notes, in lines.
    text: String,
    /// Its memory document.
    memory: String,
    /// The record itself, of which that was made.
    record: Record,
    /// Whose words these are.
    pub origin: Origin,
}

#[derive(Clone, Debug, Default)]
struct Record {
    brief: Option<Brief>,
    attributes: Map<String, Value>,
    notes: Vec<String>,
}

impl Record {
    /// As the later steps of a sequence read it.
    fn value(&self) -> Value {
        let mut entity = self.brief.as_ref().map(value::entity).unwrap_or_default();
        entity["attributes"] = json!(self.attributes);
        entity["notes"] = json!(self.notes);
        json!({ "entity": entity })
    }
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

pub async fn get_entity(
    tx: &mut TenantTx,
    (kind, id): (EntityKind, &str),
    number: usize,
    clock: Clock,
) -> Result<Outcome> {
    let Some(facts) = facts(tx, (kind, id), NOTES, clock).await? else { return Ok(missing(kind, id)) };
    let (origin, value) = (facts.origin, facts.record.value());
    let told = match part(&facts.whole(), number) {
        Ok(text) => Outcome::ok(text).telling(value),
        Err(parts) => {
            Outcome::failed(format!("What is on record has {parts} parts; there is no part {number}."))
        }
    };
    Ok(told.holding(origin))
}

/// A part of a long text, ended where a line ends if that is near, and which part it is. Err: how many
/// there are.
fn part(text: &str, number: usize) -> Result<String, usize> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some((end, _)) = rest.char_indices().nth(PART) {
        let end = rest[..end].rfind('\n').filter(|line| *line > end / 2).unwrap_or(end);
        parts.push(&rest[..end]);
        rest = rest[end..].strip_prefix('\n').unwrap_or(&rest[end..]);
    }
    parts.push(rest);
    let of = parts.len();
    let part = number.checked_sub(1).and_then(|place| parts.get(place)).ok_or(of)?;
    Ok(match number {
        _ if of == 1 => (*part).to_owned(),
        _ if number == of => format!("[Part {number} of {of}, the last]\n{part}"),
        _ => format!("[Part {number} of {of}; the next: part {}]\n{part}", number + 1),
    })
}

/// What is on record about an entity that the transaction may see.
pub async fn facts(
    tx: &mut TenantTx,
    (kind, id): (EntityKind, &str),
    most: i64,
    clock: Clock,
) -> Result<Option<Facts>> {
    let Some(entity) = entities::find(tx, kind, id).await.optional()? else { return Ok(None) };
    let bound = EntityRef { kind, id: id.to_owned() };
    let mut notes = entities::notes(tx, &bound, most + 1).await?;
    let most = usize::try_from(most).unwrap_or_default();
    let older = notes.len() > most;
    notes.truncate(most);
    let memory = memories::find(tx, &Subject::Entity(bound)).await?;
    let brief = questions::one(tx, kind, id).await?;
    let neighbours = brief.as_ref().map(|brief| brief.links.as_slice()).unwrap_or_default();
    let outside = kind.is_event()
        || entity.integration
        || notes.iter().any(|note| note.integration)
        || neighbours.iter().any(|link| link.integration);
    let mut text = line(&entity, clock);
    for (none, what) in [(neighbours.is_empty(), "links"), (notes.is_empty(), "notes")] {
        if none {
            write!(text, "\n{what}: none on record").expect("writing to a string cannot fail");
        }
    }
    for link in neighbours {
        let role = link.role.as_ref().map(|role| format!(" ({role})")).unwrap_or_default();
        let linked = format!("linked: {} {}: {}{role}", link.kind, link.id, link.name);
        write!(text, "\n{}", indented(&linked)).expect("writing to a string cannot fail");
    }
    for (name, value) in &entity.attributes {
        let attribute = format!("{name}: {}", plain(value));
        write!(text, "\n{}", indented(&attribute)).expect("writing to a string cannot fail");
    }
    for note in &notes {
        let author = note.author.as_deref().unwrap_or("somebody");
        let (day, said) = (say::date(clock.day_of(note.created_at)), indented(&note.text));
        write!(text, "\nnote of {day} by {author}: {said}").expect("writing to a string cannot fail");
    }
    if older {
        text.push_str("\n[Older notes are left out here.]");
    }
    let origin = Origin::outside_if(outside);
    let notes = notes.into_iter().map(|note| note.text).collect();
    let record = Record { brief, attributes: entity.attributes, notes };
    Ok(Some(Facts { name: entity.name, text, memory: memory.content, record, origin }))
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
    let merged: Map<String, Value> = entity.fields.clone().into_iter().chain(changes.clone()).collect();
    let whole = ["starts_at", "ends_at"].iter().any(|name| changes.contains_key(*name));
    if let Some(problems) = problems(kind, if whole { &merged } else { changes }) {
        return Ok(Err(Outcome::failed(format!("Nothing was changed: {problems}."))));
    }
    if let Some(refusal) = changes::nobody(tx, changes).await? {
        return Ok(Err(refusal));
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
            let value = json!({"kind": kind, "id": id, "name": entity.name, "changes": changes});
            Ok(Outcome::ok(format!("Changed {kind} {id}: {}.", told.join("; ")))
                .telling(value)
                .holding(quoted))
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
        Some(_) => Outcome::ok(format!("Noted on {} {}.", entity.kind, entity.id))
            .telling(json!({"kind": entity.kind, "id": entity.id})),
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
fn line(entity: &Entity, clock: Clock) -> String {
    let mut text = format!("{} {}: {}", entity.kind, entity.id, entity.name);
    let has_amount = entity.fields.get("amount").is_some_and(Value::is_number);
    for name in fields::names(entity.kind).filter(|name| *name != "currency" || !has_amount) {
        if let Some(value) = entity.fields.get(name) {
            let told = told(entity, name, value, clock);
            write!(text, ", {name} {told}").expect("writing to a string cannot fail");
        }
    }
    if let Some(owner) = &entity.owner {
        write!(text, ", owner {owner}").expect("writing to a string cannot fail");
    }
    indented(&text)
}

/// A field as other answers word it: amounts with their currency, days with their distance.
fn told(entity: &Entity, name: &str, value: &Value, clock: Clock) -> String {
    let currency = || entity.fields.get("currency").and_then(Value::as_str);
    let worded = match fields::type_of(entity.kind, name) {
        Some(FieldType::Amount) => value.as_f64().map(|amount| say::amount(amount, currency())),
        Some(FieldType::Percent) => value.as_f64().map(|number| format!("{}%", say::number(number))),
        Some(FieldType::People) => fields::people(value).map(|people| people.join(", ")),
        Some(FieldType::Date | FieldType::Time | FieldType::Moment) => {
            value.as_str().and_then(|text| match fields::date(text) {
                Some(day) => Some(clock.day(day)),
                None => fields::time(text).map(|moment| clock.moment(moment)),
            })
        }
        _ => None,
    };
    worded.unwrap_or_else(|| plain(value))
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
            let (name, record, origin) = ("Acme".into(), Record::default(), Origin::Inside);
            let shown = Facts { name, text, memory, record, origin }.within(300);
            let kept = ['\u{fc}', '\u{df}'].map(|c| shown.matches(c).count());
            assert_eq!(kept, [facts_kept, memory_kept], "{shown}");
        }
        assert!(head("one line\nand another", 15).starts_with("one line\n[The rest"));
    }

    #[test]
    fn the_parts_of_a_long_text_are_all_of_it() {
        let lines: Vec<String> = (0..3_000).map(|n| format!("line {n} of the transcript")).collect();
        let text = lines.join("\n");
        assert_eq!(part("short", 1), Ok("short".to_owned()));
        let parts: Vec<String> = (1..).map_while(|number| part(&text, number).ok()).collect();
        assert!(parts.len() > 4 && parts.iter().all(|part| part.chars().count() <= PART + 60));
        let said: Vec<&str> = parts.iter().filter_map(|part| Some(part.split_once('\n')?.1)).collect();
        assert_eq!(said.join("\n"), text);
        assert_eq!(part(&text, 99), Err(parts.len()));
        assert_eq!(part(&text, 0), Err(parts.len()));
        assert_eq!(part(&"ü".repeat(PART + 1), 2), Ok("[Part 2 of 2, the last]\nü".to_owned()));
    }
}
