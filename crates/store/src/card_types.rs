//! Types of cards that organizations have registered.

use domain::{
    Error, OptionalExt, Result,
    card::{CardType, CardTypeHead, MAX_TYPES},
};
use serde_json::value::RawValue;

use crate::{TenantTx, error::from_sqlx};

pub async fn find(tx: &mut TenantTx, name: &str) -> Result<CardType> {
    let org = tx.org();
    let row = sqlx::query!(
        r#"select c.type as name, c.schema, c.version, c.updated_at, m.external_id as "updated_by?"
         from sixty.card_types c
         left join sixty.members m on m.org_id = c.org_id and m.user_id = c.updated_by
         where c.org_id = $1 and c.type = $2"#,
        org.0,
        name
    )
    .fetch_optional(tx.connection())
    .await
    .map_err(from_sqlx)?
    .ok_or(Error::NotFound)?;
    let head = CardTypeHead {
        name: row.name,
        version: row.version,
        updated_at: row.updated_at,
        updated_by: row.updated_by,
    };
    Ok(CardType { head, schema: RawValue::from_string(row.schema).map_err(Error::internal)? })
}

/// Types by name; `after` is the last of the page before.
pub async fn list(tx: &mut TenantTx, after: Option<&str>, limit: i64) -> Result<Vec<CardTypeHead>> {
    let org = tx.org();
    sqlx::query_as!(
        CardTypeHead,
        r#"select c.type as name, c.version, c.updated_at, m.external_id as "updated_by?"
         from sixty.card_types c
         left join sixty.members m on m.org_id = c.org_id and m.user_id = c.updated_by
         where c.org_id = $1 and ($2::text is null or c.type > $2)
         order by c.type limit $3"#,
        org.0,
        after,
        limit
    )
    .fetch_all(tx.connection())
    .await
    .map_err(from_sqlx)
}

/// The schema of a type, if the organization has it.
pub async fn schema(tx: &mut TenantTx, name: &str) -> Result<Option<String>> {
    let org = tx.org();
    sqlx::query_scalar!("select schema from sixty.card_types where org_id = $1 and type = $2", org.0, name)
        .fetch_optional(tx.connection())
        .await
        .map_err(from_sqlx)
}

/// Writes a type, on top of the version that the administrator saw if one is given. Answers
/// the version that it has now.
pub async fn put(tx: &mut TenantTx, name: &str, schema: &str, seen: Option<i64>) -> Result<i64> {
    let tenant = tx.tenant();
    let version = sqlx::query_scalar!(
        "insert into sixty.card_types as c (org_id, type, schema, version, updated_by)
         select $1, $2, $3, 1, $4
         where exists (select from sixty.card_types x where x.org_id = $1 and x.type = $2)
            or (coalesce($5::bigint, 0) = 0
                and (select count(*) from sixty.card_types n where n.org_id = $1) < $6)
         on conflict (org_id, type) do update
         set schema = excluded.schema, version = c.version + 1, updated_at = now(), updated_by = $4
         where $5::bigint is null or c.version = $5
         returning version",
        tenant.org.0,
        name,
        schema,
        tenant.user.0,
        seen,
        MAX_TYPES
    )
    .fetch_optional(tx.connection())
    .await
    .map_err(from_sqlx)?;
    match version {
        Some(version) => Ok(version),
        None => Err(refusal(tx, name, seen).await?),
    }
}

/// Why a type was not written.
async fn refusal(tx: &mut TenantTx, name: &str, seen: Option<i64>) -> Result<Error> {
    Ok(match (find(tx, name).await.optional()?, seen) {
        (Some(there), _) => Error::VersionMismatch { current: there.head.version },
        (None, Some(1..)) => Error::VersionMismatch { current: 0 },
        (None, _) => Error::conflict(
            "too_many_card_types",
            format!("an organization has at most {MAX_TYPES} types of cards; delete one first"),
        ),
    })
}

/// Deletes a type. Cards that were shown stay what they are.
pub async fn delete(tx: &mut TenantTx, name: &str, seen: Option<i64>) -> Result<()> {
    let org = tx.org();
    let done = sqlx::query!(
        "delete from sixty.card_types
         where org_id = $1 and type = $2 and ($3::bigint is null or version = $3)",
        org.0,
        name,
        seen
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)?;
    if done.rows_affected() == 1 {
        return Ok(());
    }
    let current = find(tx, name).await?.head.version;
    Err(Error::VersionMismatch { current })
}
