//! The sales record.

use chrono::{DateTime, Utc};
use domain::{
    EntityKind, EntityRef, Error, Result, RunId,
    entity::{Entity, Link, Note},
};
use serde_json::{Map, Value};
use sqlx::types::Json;
use uuid::Uuid;

use crate::{
    TenantTx,
    error::{corrupt, from_sqlx, violates},
    sessions::contains,
};

/// What is written of an entity; typed fields have been validated.
#[derive(Clone, Debug)]
pub struct NewEntity<'a> {
    pub kind: EntityKind,
    pub id: &'a str,
    pub name: &'a str,
    pub owner: Option<&'a str>,
    pub links: &'a [Link],
    pub fields: &'a Map<String, Value>,
    pub attributes: &'a Map<String, Value>,
    /// Whether text of it is an integration's, or of a conversation that had read one's.
    pub integration: bool,
}

/// Which entities a list shows.
#[derive(Clone, Debug, Default)]
pub struct Filter<'a> {
    pub kind: Option<EntityKind>,
    /// Part of the name, the id or a field.
    pub text: Option<&'a str>,
    /// Kind and id of the last entity of the page before.
    pub after: Option<(EntityKind, &'a str)>,
    pub limit: i64,
}

struct Row {
    kind: String,
    id: String,
    name: String,
    owner: Option<String>,
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
            kind: row.kind.parse().map_err(|_| corrupt("an entity kind", &row.kind))?,
            id: row.id,
            name: row.name,
            owner: row.owner,
            links: row.links.0,
            fields: row.fields.0,
            attributes: row.attributes.0,
            integration: row.integration,
            version: row.version,
            updated_at: row.updated_at,
        })
    }
}

pub async fn find(tx: &mut TenantTx, kind: EntityKind, id: &str) -> Result<Entity> {
    let org = tx.org();
    sqlx::query_as!(
        Row,
        r#"select kind, id, name, owner, links as "links: Json<Vec<Link>>",
            fields as "fields: Json<Map<String, Value>>", attributes as "attributes: Json<Map<String, Value>>",
            integration, version, updated_at
         from sixty.entities where org_id = $1 and kind = $2 and id = $3"#,
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
        "select version from sixty.entities where org_id = $1 and kind = $2 and id = $3 for update",
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

/// Entities by kind and id.
pub async fn list(tx: &mut TenantTx, filter: &Filter<'_>) -> Result<Vec<Entity>> {
    let org = tx.org();
    let pattern = filter.text.map(contains);
    sqlx::query_as!(
        Row,
        r#"select kind, id, name, owner, links as "links: Json<Vec<Link>>",
            fields as "fields: Json<Map<String, Value>>", attributes as "attributes: Json<Map<String, Value>>",
            integration, version, updated_at
         from sixty.entities
         where org_id = $1 and ($2::text is null or kind = $2)
            and ($3::text is null or name ilike $3 or id ilike $3 or fields::text ilike $3)
            and ($4::text is null or (kind, id) > ($4, $5))
         order by kind, id limit $6"#,
        org.0,
        filter.kind.map(EntityKind::as_str),
        pattern,
        filter.after.map(|(kind, _)| kind.as_str()),
        filter.after.map(|(_, id)| id),
        filter.limit,
    )
    .fetch_all(tx.connection())
    .await
    .map_err(from_sqlx)?
    .into_iter()
    .map(Entity::try_from)
    .collect()
}

/// Makes an entity; its id must be free.
pub async fn create(tx: &mut TenantTx, new: &NewEntity<'_>) -> Result<()> {
    let org = tx.org();
    let done = sqlx::query!(
        "insert into sixty.entities (org_id, kind, id, name, owner, links, fields, attributes, integration)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        org.0,
        new.kind.as_str(),
        new.id,
        new.name,
        new.owner,
        Json(new.links) as _,
        Json(new.fields) as _,
        Json(new.attributes) as _,
        new.integration,
    )
    .execute(tx.connection())
    .await;
    match done {
        Err(error) if violates(&error, "entities_pkey") => Err(Error::conflict(
            "entity_exists",
            "an entity of this kind and id exists; use PUT to replace it",
        )),
        other => other.map(drop).map_err(from_sqlx),
    }
}

/// Writes the whole entity, at the version that the caller saw if one is given
/// (0: it must not exist). True: it is new.
pub async fn put(tx: &mut TenantTx, new: &NewEntity<'_>, seen: Option<i64>) -> Result<bool> {
    let org = tx.org();
    let row = sqlx::query_scalar!(
        r#"insert into sixty.entities as e (org_id, kind, id, name, owner, links, fields, attributes, integration)
         select $1, $2, $3, $4, $5, $6, $7, $8, $10
         where coalesce($9::bigint, 0) = 0 or exists (select from sixty.entities x
            where x.org_id = $1 and x.kind = $2 and x.id = $3)
         on conflict (org_id, kind, id) do update
         set name = excluded.name, owner = excluded.owner, links = excluded.links, fields = excluded.fields,
            attributes = excluded.attributes, integration = excluded.integration, version = e.version + 1,
            updated_at = now()
         where $9::bigint is null or e.version = $9
         returning version"#,
        org.0,
        new.kind.as_str(),
        new.id,
        new.name,
        new.owner,
        Json(new.links) as _,
        Json(new.fields) as _,
        Json(new.attributes) as _,
        seen,
        new.integration,
    )
    .fetch_optional(tx.connection())
    .await
    .map_err(from_sqlx)?;
    match row {
        Some(version) => Ok(version == 1),
        None => Err(missed(tx, new.kind, new.id).await),
    }
}

/// Deletes an entity with its notes and with what the copilot remembers of it.
pub async fn delete(tx: &mut TenantTx, entity: &EntityRef, seen: Option<i64>) -> Result<()> {
    let org = tx.org();
    let deleted = sqlx::query_scalar!(
        r#"with entity as (
            delete from sixty.entities
            where org_id = $1 and kind = $2 and id = $3 and ($4::bigint is null or version = $4)
            returning kind, id
         ), memory as (
            delete from sixty.copilot_memories m using entity e
            where m.org_id = $1 and m.scope = 'entity' and m.subject = e.kind || ':' || e.id
         )
         select count(*) as "count!" from entity"#,
        org.0,
        entity.kind.as_str(),
        entity.id,
        seen
    )
    .fetch_one(tx.connection())
    .await
    .map_err(from_sqlx)?;
    if deleted == 1 { Ok(()) } else { Err(missed(tx, entity.kind, &entity.id).await) }
}

/// Why a write found no row: it is not there (version 0), or it has moved on.
async fn missed(tx: &mut TenantTx, kind: EntityKind, id: &str) -> Error {
    match find(tx, kind, id).await {
        Ok(entity) => Error::VersionMismatch { current: entity.version },
        Err(error) => error,
    }
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

/// A remark on an entity.
#[derive(Clone, Copy, Debug)]
pub struct NewNote<'a> {
    pub text: &'a str,
    /// The run that writes it, if the copilot does.
    pub run: Option<RunId>,
    /// Whether the text is an integration's, or of a conversation that had read one's.
    pub integration: bool,
}

/// Adds a remark to an entity that exists.
pub async fn add_note(tx: &mut TenantTx, entity: &EntityRef, note: &NewNote<'_>) -> Result<Uuid> {
    let tenant = tx.tenant();
    let id = Uuid::now_v7();
    let done = sqlx::query!(
        "insert into sixty.entity_notes (org_id, kind, entity_id, id, author_id, run_id, text, integration)
         select $1, $2, $3, $4, $5, $6, $7, $8 from sixty.entities
         where org_id = $1 and kind = $2 and id = $3 for key share",
        tenant.org.0,
        entity.kind.as_str(),
        entity.id,
        id,
        tenant.user.0,
        note.run.map(|run| run.0),
        note.text,
        note.integration
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)?;
    if done.rows_affected() == 1 { Ok(id) } else { Err(Error::NotFound) }
}

/// Remarks on an entity, newest first.
pub async fn notes(tx: &mut TenantTx, entity: &EntityRef, limit: i64) -> Result<Vec<Note>> {
    let org = tx.org();
    sqlx::query_as!(
        Note,
        r#"select n.id, n.text, m.external_id as "author?", n.integration, n.created_at
         from sixty.entity_notes n
         left join sixty.members m on m.org_id = n.org_id and m.user_id = n.author_id
         where n.org_id = $1 and n.kind = $2 and n.entity_id = $3
         order by n.id desc limit $4"#,
        org.0,
        entity.kind.as_str(),
        entity.id,
        limit
    )
    .fetch_all(tx.connection())
    .await
    .map_err(from_sqlx)
}
