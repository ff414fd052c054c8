//! What is written of entities, and the door that it passes.

use domain::{
    EntityKind, EntityRef, Error, FieldError, UserId,
    entity::{Entity, Link, Visibility},
    fields,
};
use engine::Door;
use serde::Deserialize;
use serde_json::{Map, Value};
use store::entities::NewEntity;
use utoipa::ToSchema;

use crate::{
    door::{masked, secret_in},
    extract::given,
};

const MAX_NAME: usize = 500;
const MAX_ID: usize = 200;
const MAX_LINKS: usize = 100;
const MAX_ATTRIBUTES: usize = 32 * 1024;

/// An entity without its kind and id; the typed fields of the kind stand beside
/// the common ones.
#[derive(Deserialize, ToSchema)]
pub struct Content {
    pub name: String,
    /// The product's own id of its owner, who need not be a member.
    pub owner: Option<String>,
    /// `owner`: only the owner sees it, and who may look at all of the organization.
    #[serde(default)]
    pub visibility: Visibility,
    /// To entities that exist; at most one to each.
    #[serde(default)]
    pub links: Vec<Link>,
    #[serde(default)]
    #[schema(value_type = Object)]
    pub attributes: Map<String, Value>,
    /// Deal: `stage`, `amount`, `currency`, `close_date`, `probability`, `health`, `ghost_risk`.
    /// Contact: `email`, `phone`, `title`, `company`, `last_activity_at`.
    /// Company: `website`, `industry`, `size`, `country`, `phone`, `status`.
    /// Meeting: `starts_at`, `ends_at`, `location`, `attendees`, `summary`, `transcript`.
    /// Task: `status`, `priority`, `due_date`, `assignee`, `description`.
    /// Activity and email: `type`, `date`, `from`, `to`, `subject`, `body`.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    pub fields: Map<String, Value>,
}

#[derive(Deserialize, ToSchema)]
pub struct Create {
    pub kind: EntityKind,
    /// The caller's own id.
    pub id: String,
    #[serde(flatten)]
    pub content: Content,
}

/// Changes: a field that is left out stays, a null clears it. Name and visibility
/// cannot be cleared.
#[derive(Deserialize, ToSchema)]
pub struct Update {
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = String, required = false)]
    pub name: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    pub owner: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Visibility, required = false)]
    pub visibility: Option<Option<Visibility>>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Vec<Link>>)]
    pub links: Option<Option<Vec<Link>>>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Object>)]
    pub attributes: Option<Option<Map<String, Value>>>,
    #[serde(flatten)]
    #[schema(value_type = Object)]
    pub fields: Map<String, Value>,
}

impl Update {
    /// The entity as it was, with the changes.
    pub fn of(self, old: Entity) -> Content {
        let mut fields = old.fields;
        fields.extend(self.fields);
        Content {
            name: self.name.flatten().unwrap_or(old.name),
            owner: self.owner.unwrap_or(old.owner),
            visibility: self.visibility.flatten().unwrap_or(old.visibility),
            links: self.links.map_or(old.links, Option::unwrap_or_default),
            attributes: self.attributes.map_or(old.attributes, Option::unwrap_or_default),
            fields,
        }
    }
}

/// Whom the content is from, as far as it makes a difference.
#[derive(Clone, Copy)]
pub struct Writer {
    pub user: UserId,
    /// May look at all of the organization.
    pub sees_all: bool,
}

/// Takes the content through the door: secrets are masked, nulls dropped.
pub fn check(door: &Door, entity: &EntityRef, content: &mut Content) -> domain::Result<()> {
    let mut problems = fields::check(entity.kind, &content.fields);
    let mut refuse = |field: &str, error: String| problems.push(FieldError { field: field.into(), error });
    check_id(&entity.id, &mut refuse);
    if content.name.trim().is_empty() || content.name.chars().count() > MAX_NAME {
        refuse("name", format!("must be 1 to {MAX_NAME} characters"));
    }
    match &content.owner {
        Some(owner) if owner.is_empty() || owner.chars().count() > MAX_NAME => {
            refuse("owner", format!("must be 1 to {MAX_NAME} characters"));
        }
        None if content.visibility == Visibility::Owner => {
            refuse("owner", "must be given when the visibility is owner".to_owned());
        }
        _ => {}
    }
    check_links(entity, &content.links, &mut refuse);
    let attributes = serde_json::to_string(&content.attributes).map_err(Error::internal)?;
    if attributes.len() > MAX_ATTRIBUTES {
        refuse("attributes", format!("must be at most {MAX_ATTRIBUTES} bytes of JSON"));
    }
    problems.extend(secret_in(door, "id", &entity.id));
    for (i, link) in content.links.iter().enumerate() {
        problems.extend(secret_in(door, format!("links[{i}].id"), &link.id));
    }
    if !problems.is_empty() {
        return Err(Error::fields(problems));
    }
    content.fields.retain(|_, value| !value.is_null());
    redact(door, content);
    Ok(())
}

fn check_id(id: &str, refuse: &mut impl FnMut(&str, String)) {
    if id.trim().is_empty() || id.chars().count() > MAX_ID || id.chars().any(char::is_control) {
        refuse("id", format!("must be 1 to {MAX_ID} characters without control characters"));
    }
    // Clients resolve these in a path: no address would lead to the entity.
    if [".", ".."].contains(&id) {
        refuse("id", "must not be . or ..".to_owned());
    }
}

fn check_links(entity: &EntityRef, links: &[Link], refuse: &mut impl FnMut(&str, String)) {
    if links.len() > MAX_LINKS {
        return refuse("links", format!("must be at most {MAX_LINKS}"));
    }
    for (i, link) in links.iter().enumerate() {
        if link.id.is_empty() || link.id.chars().count() > MAX_ID {
            refuse(&format!("links[{i}].id"), format!("must be 1 to {MAX_ID} characters"));
        }
        if link.role.as_ref().is_some_and(|role| role.chars().count() > MAX_NAME) {
            refuse(&format!("links[{i}].role"), format!("must be at most {MAX_NAME} characters"));
        }
        let leads_to = |kind: EntityKind, id: &str| link.kind == kind && link.id == id;
        if leads_to(entity.kind, &entity.id) {
            refuse(&format!("links[{i}]"), "must not lead to the entity itself".to_owned());
        }
        if links[..i].iter().any(|other| leads_to(other.kind, &other.id)) {
            refuse(&format!("links[{i}]"), format!("leads to {} {:?} a second time", link.kind, link.id));
        }
    }
}

/// Nobody makes what only somebody else could see, but for those who may look at everything.
pub fn owned(writer: Writer, content: &Content) -> domain::Result<()> {
    let theirs = content.owner.as_deref().is_some_and(|owner| UserId::derive(owner) == writer.user);
    if content.visibility == Visibility::Org || theirs || writer.sees_all {
        return Ok(());
    }
    Err(Error::forbidden("with the visibility owner you may write only what is your own"))
}

/// At the door: no secret is stored, wherever in the record it stands.
fn redact(door: &Door, content: &mut Content) {
    let roles = content.links.iter_mut().filter_map(|link| link.role.as_mut());
    for text in roles.chain([&mut content.name]).chain(&mut content.owner) {
        *text = door.redact_hidden(text).into_owned();
    }
    for members in [&mut content.fields, &mut content.attributes] {
        if let Value::Object(clean) = door.redact_value(Value::Object(std::mem::take(members))) {
            *members = clean;
        }
    }
}

/// Refuses what a client read under a mask and sends back as a value.
pub fn refuse_masks(bytes: &[u8]) -> domain::Result<()> {
    let body: Value = serde_json::from_slice(bytes).map_err(Error::internal)?;
    masked("", &body).map_or(Ok(()), |problem| Err(Error::fields(vec![problem])))
}

pub fn new<'a>(entity: &'a EntityRef, content: &'a Content) -> NewEntity<'a> {
    NewEntity {
        kind: entity.kind,
        id: &entity.id,
        name: &content.name,
        owner: content.owner.as_deref(),
        visibility: content.visibility,
        links: &content.links,
        fields: &content.fields,
        attributes: &content.attributes,
    }
}
