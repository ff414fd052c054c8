//! How many runs are under way.

use domain::{OrgId, Result};

use crate::{SystemTx, TenantTx, error::from_sqlx};

/// Organizations of which at least so many runs are under way, and how many.
pub async fn busy(tx: &mut SystemTx, least: i64) -> Result<Vec<(OrgId, i64)>> {
    let rows = sqlx::query!(
        r#"select org_id, count(owner_id) as "count!" from sixty.runs where status in ('queued', 'running')
         group by org_id having count(owner_id) >= $1"#,
        least
    )
    .fetch_all(tx.connection())
    .await
    .map_err(from_sqlx)?;
    Ok(rows.into_iter().map(|row| (row.org_id.into(), row.count)).collect())
}

/// How many runs of the organization are under way.
pub async fn of(tx: &mut SystemTx, org: OrgId) -> Result<i64> {
    let count = sqlx::query_scalar!(
        r#"select count(owner_id) as "count!" from sixty.runs
         where org_id = $1 and status in ('queued', 'running')"#,
        org.0
    )
    .fetch_one(tx.connection())
    .await
    .map_err(from_sqlx)?;
    Ok(count)
}

/// How many of the transaction's person.
pub async fn of_person(tx: &mut TenantTx) -> Result<i64> {
    let tenant = tx.tenant();
    let count = sqlx::query_scalar!(
        r#"select count(*) as "count!" from sixty.runs
         where org_id = $1 and owner_id = $2 and status in ('queued', 'running')"#,
        tenant.org.0,
        tenant.user.0
    )
    .fetch_one(tx.connection())
    .await
    .map_err(from_sqlx)?;
    Ok(count)
}
