//! The members of an organization, for its administrators.

use chrono::{DateTime, Utc};
use domain::{
    Error, Result, Role, UserId,
    member::{Member, MemberStatus},
};

use crate::{
    TenantTx,
    error::{corrupt, from_sqlx},
};

/// What an administrator sets; what is left out stays.
#[derive(Clone, Copy, Debug, Default)]
pub struct MemberChange {
    pub ceiling: Option<Option<Role>>,
    pub status: Option<MemberStatus>,
}

struct Row {
    id: String,
    name: Option<String>,
    role: Option<String>,
    ceiling: Option<String>,
    status: String,
    service: bool,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl TryFrom<Row> for Member {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        let role = |text: Option<String>| {
            text.map(|text| Role::parse(&text).ok_or_else(|| corrupt("a role", &text))).transpose()
        };
        Ok(Member {
            id: row.id,
            name: row.name,
            role: role(row.role)?,
            ceiling: role(row.ceiling)?,
            status: MemberStatus::parse(&row.status).ok_or_else(|| corrupt("a status", &row.status))?,
            service: row.service,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

/// Members by external id. `after` is the last of the page before.
pub async fn list(
    tx: &mut TenantTx,
    status: Option<MemberStatus>,
    after: Option<&str>,
    limit: i64,
) -> Result<Vec<Member>> {
    let org = tx.org();
    sqlx::query_as!(
        Row,
        "select external_id as id, name, role, ceiling, status, service, created_at, updated_at
         from sixty.members
         where org_id = $1 and not shared and ($2::text is null or status = $2) and ($3::text is null or external_id > $3)
         order by external_id limit $4",
        org.0,
        status.map(MemberStatus::as_str),
        after,
        limit
    )
    .fetch_all(tx.connection())
    .await
    .map_err(from_sqlx)?
    .into_iter()
    .map(Member::try_from)
    .collect()
}

/// Whether an active member has this external id.
pub async fn is_active(tx: &mut TenantTx, external_id: &str) -> Result<bool> {
    let org = tx.org();
    sqlx::query_scalar!(
        r#"select exists (select from sixty.members
            where org_id = $1 and external_id = $2 and status = 'active') as "there!""#,
        org.0,
        external_id
    )
    .fetch_one(tx.connection())
    .await
    .map_err(from_sqlx)
}

/// The member, held as they are until the transaction ends.
pub async fn lock(tx: &mut TenantTx, user: UserId) -> Result<Member> {
    let org = tx.org();
    sqlx::query_as!(
        Row,
        "select external_id as id, name, role, ceiling, status, service, created_at, updated_at
         from sixty.members where org_id = $1 and user_id = $2 for no key update",
        org.0,
        user.0
    )
    .fetch_optional(tx.connection())
    .await
    .map_err(from_sqlx)?
    .ok_or(Error::NotFound)?
    .try_into()
}

/// Changes a member that the transaction has locked.
pub async fn update(tx: &mut TenantTx, user: UserId, change: MemberChange) -> Result<()> {
    let org = tx.org();
    sqlx::query!(
        "update sixty.members
         set ceiling = case when $3 then $4 else ceiling end, status = coalesce($5, status), updated_at = now()
         where org_id = $1 and user_id = $2",
        org.0,
        user.0,
        change.ceiling.is_some(),
        change.ceiling.flatten().map(Role::as_str),
        change.status.map(MemberStatus::as_str)
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)
    .map(drop)
}
