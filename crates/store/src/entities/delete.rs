//! Deleting from the record.

use domain::{EntityRef, Error, Result, Scope, entity::Link};
use sqlx::types::Json;

use super::{
    find,
    marks::{self, Holder, Marks},
    visibility,
};
use crate::{TenantTx, error::from_sqlx};

/// Deletes an entity with its notes and with what the copilot remembers of it. Links to it go too,
/// wherever they are: also those of entities that the deleter does not see.
pub async fn delete(tx: &mut TenantTx, entity: &EntityRef, seen: Option<i64>) -> Result<()> {
    let org = tx.org();
    let row = sqlx::query!(
        r#"with entity as (
            delete from sixty.entities
            where org_id = $1 and kind = $2 and id = $3 and ($4::bigint is null or version = $4)
            returning kind, id, at, visibility, owner_user, words, links
         ), memory as (
            delete from sixty.copilot_memories m using entity e
            where m.org_id = $1 and m.scope = 'entity' and m.subject = e.kind || ':' || e.id
         )
         select at, visibility, owner_user, words, links as "links: Json<Vec<Link>>" from entity"#,
        org.0,
        entity.kind.as_str(),
        entity.id,
        seen
    )
    .fetch_optional(tx.connection())
    .await
    .map_err(from_sqlx)?;
    let Some(row) = row else { return Err(missed(tx, entity).await) };
    let is_private = visibility(&row.visibility)? == domain::entity::Visibility::Owner;
    let private_to = row.owner_user.filter(|_| is_private);
    let holder = Holder { kind: entity.kind, id: &entity.id, at: row.at, private_to };
    let mut marks = Marks::default();
    marks.go(holder, &row.words, &row.links.0);
    let scope = tx.tenant().scope;
    tx.switch(None, Scope::Org).await?;
    marks::write(tx, &marks).await?;
    unlink(tx, entity).await?;
    tx.switch(None, scope).await
}

/// Takes the links to the entity out of those that have them; each is at its next version then.
async fn unlink(tx: &mut TenantTx, entity: &EntityRef) -> Result<()> {
    let org = tx.org();
    sqlx::query!(
        r#"with gone as (
            delete from sixty.entity_links where org_id = $1 and to_kind = $2 and to_id = $3 returning kind, id
         )
         update sixty.entities e
         set links = (select coalesce(jsonb_agg(l.link order by l.n), '[]')
                from jsonb_array_elements(e.links) with ordinality l (link, n)
                where not (l.link->>'kind' = $2 and l.link->>'id' = $3)),
            version = e.version + 1, updated_at = now()
         from gone where e.org_id = $1 and e.kind = gone.kind and e.id = gone.id collate "default""#,
        org.0,
        entity.kind.as_str(),
        entity.id
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)
    .map(drop)
}

/// Why a deletion found no row: it is not there, or it has moved on.
async fn missed(tx: &mut TenantTx, entity: &EntityRef) -> Error {
    match find(tx, entity.kind, &entity.id).await {
        Ok(entity) => Error::VersionMismatch { current: entity.version },
        Err(error) => error,
    }
}
