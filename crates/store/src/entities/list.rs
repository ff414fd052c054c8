//! Lists of the record.

use domain::{
    EntityKind, Result,
    entity::{Entity, Link},
};
use serde_json::{Map, Value};
use sqlx::types::Json;

use super::Row;
use crate::{TenantTx, error::from_sqlx, sessions::contains};

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

/// Entities by kind and id.
pub async fn list(tx: &mut TenantTx, filter: &Filter<'_>) -> Result<Vec<Entity>> {
    let org = tx.org();
    let pattern = filter.text.map(contains);
    sqlx::query_as!(
        Row,
        r#"select kind, id, name, owner, visibility,
            (select coalesce(jsonb_agg(l.link order by l.n), '[]')
                from jsonb_array_elements(e.links) with ordinality l (link, n)
                where (select true from sixty.entities t where t.org_id = $1
                    and t.kind = l.link->>'kind' and t.id = l.link->>'id')) as "links!: Json<Vec<Link>>",
            fields as "fields: Json<Map<String, Value>>", attributes as "attributes: Json<Map<String, Value>>",
            version, updated_at
         from sixty.entities e
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
