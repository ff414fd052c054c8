//! Remarks on entities.

use domain::{EntityRef, Error, Result, RunId, entity::Note};
use uuid::Uuid;

use crate::{TenantTx, error::from_sqlx};

/// Adds a remark to an entity that exists.
pub async fn add_note(tx: &mut TenantTx, entity: &EntityRef, text: &str, run: Option<RunId>) -> Result<Uuid> {
    let tenant = tx.tenant();
    let id = Uuid::now_v7();
    let done = sqlx::query!(
        "insert into sixty.entity_notes (org_id, kind, entity_id, id, author_id, run_id, text)
         select $1, $2, $3, $4, $5, $6, $7 from sixty.entities
         where org_id = $1 and kind = $2 and id = $3 for key share",
        tenant.org.0,
        entity.kind.as_str(),
        entity.id,
        id,
        tenant.user.0,
        run.map(|run| run.0),
        text
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
        r#"select n.id, n.text, m.external_id as "author?", n.created_at
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
