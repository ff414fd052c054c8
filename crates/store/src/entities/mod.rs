//! The sales record. Beside its rows stand those that its questions are answered from: links
//! by the other end, and words. All of them are written in one place, [`write`].

mod delete;
mod list;
mod marks;
mod notes;
mod prepared;
mod rows;
mod write;

use chrono::{DateTime, Utc};
use domain::{
    EntityKind, EntityRef, Error, Result,
    entity::{Entity, Link, Visibility},
};
use serde_json::{Map, Value};
use sqlx::types::Json;

pub use delete::delete;
pub use list::{Filter, Order, list};
pub use notes::{NewNote, add_note, notes};
pub use write::{Origin, Write, Written, create, put, upsert};

use crate::{
    TenantTx,
    error::{corrupt, from_sqlx},
};

/// What is written of an entity; typed fields have been validated.
#[derive(Clone, Debug)]
pub struct NewEntity<'a> {
    pub kind: EntityKind,
    pub id: &'a str,
    pub name: &'a str,
    pub owner: Option<&'a str>,
    /// An entity that is its owner's alone has an owner.
    pub visibility: Visibility,
    pub links: &'a [Link],
    pub fields: &'a Map<String, Value>,
    pub attributes: &'a Map<String, Value>,
}

struct Row {
    kind: String,
    id: String,
    name: String,
    owner: Option<String>,
    visibility: String,
    links: Json<Vec<Link>>,
    fields: Json<Map<String, Value>>,
    attributes: Json<Map<String, Value>>,
    integration: bool,
    version: i64,
    updated_at: DateTime<Utc>,
}

impl TryFrom<Row> for Entity {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Entity {
            kind: kind(&row.kind)?,
            id: row.id,
            name: row.name,
            owner: row.owner,
            visibility: visibility(&row.visibility)?,
            links: row.links.0,
            fields: row.fields.0,
            attributes: row.attributes.0,
            integration: row.integration,
            version: row.version,
            updated_at: row.updated_at,
        })
    }
}

fn kind(word: &str) -> Result<EntityKind> {
    word.parse().map_err(|_| corrupt("an entity kind", word))
}

fn visibility(word: &str) -> Result<Visibility> {
    Visibility::parse(word).ok_or_else(|| corrupt("a visibility", word))
}

/// The entity, if the transaction may see it, with those of its links whose other end it may see.
pub async fn find(tx: &mut TenantTx, kind: EntityKind, id: &str) -> Result<Entity> {
    let org = tx.org();
    sqlx::query_as!(
        Row,
        r#"select kind, id, name, owner, visibility,
            (select coalesce(jsonb_agg(l.link order by l.n), '[]')
                from jsonb_array_elements(e.links) with ordinality l (link, n)
                where (select true from sixty.entities t where t.org_id = $1
                    and t.kind = l.link->>'kind' and t.id = l.link->>'id')) as "links!: Json<Vec<Link>>",
            fields as "fields: Json<Map<String, Value>>", attributes as "attributes: Json<Map<String, Value>>",
            integration, version, updated_at
         from sixty.entities e where org_id = $1 and kind = $2 and id = $3"#,
        org.0,
        kind.as_str(),
        id
    )
    .fetch_optional(tx.connection())
    .await
    .map_err(from_sqlx)?
    .ok_or(Error::NotFound)?
    .try_into()
}

/// Holds the entity as it is until the transaction ends, so that a change of some
/// of its fields builds on what is there.
pub async fn lock(tx: &mut TenantTx, kind: EntityKind, id: &str) -> Result<()> {
    let org = tx.org();
    sqlx::query_scalar!(
        "select version from sixty.entities where org_id = $1 and kind = $2 and id = $3 for no key update",
        org.0,
        kind.as_str(),
        id
    )
    .fetch_optional(tx.connection())
    .await
    .map_err(from_sqlx)?
    .map(drop)
    .ok_or(Error::NotFound)
}

/// Keeps an entity from being deleted until the transaction ends.
pub async fn hold(tx: &mut TenantTx, entity: &EntityRef) -> Result<()> {
    let org = tx.org();
    sqlx::query_scalar!(
        "select version from sixty.entities where org_id = $1 and kind = $2 and id = $3 for key share",
        org.0,
        entity.kind.as_str(),
        entity.id
    )
    .fetch_optional(tx.connection())
    .await
    .map_err(from_sqlx)?
    .map(drop)
    .ok_or(Error::NotFound)
}
