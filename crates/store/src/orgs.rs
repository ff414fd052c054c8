//! Organizations and their members.

use domain::{Error, OrgId, Result, Role, UserId};

use crate::{
    Store, TenantTx,
    error::{corrupt, from_sqlx},
};

/// A person's place in one organization, for logins that name none.
#[derive(Clone, Debug)]
pub struct OwnMembership {
    pub org: OrgId,
    pub external_id: String,
    pub role: Role,
    pub ceiling: Option<Role>,
    pub active: bool,
}

/// A member as the platform routes see it.
#[derive(Clone, Debug)]
pub struct NewMember<'a> {
    pub user: UserId,
    pub external_id: &'a str,
    pub name: Option<&'a str>,
    /// None: the role comes with each token.
    pub role: Option<Role>,
}

/// The transaction's organization, if it exists: external id and name.
pub async fn find(tx: &mut TenantTx) -> Result<Option<(String, String)>> {
    let org = tx.org();
    let row = sqlx::query!("select external_id, name from sixty.orgs where org_id = $1", org.0)
        .fetch_optional(tx.connection())
        .await
        .map_err(from_sqlx)?;
    Ok(row.map(|row| (row.external_id, row.name)))
}

/// Makes the transaction's organization, or leaves it as it is. True: it is new.
/// Its id derives from the external one; with several issuers, from the issuer too.
pub async fn create(tx: &mut TenantTx, external_id: &str, name: Option<&str>) -> Result<bool> {
    let org = tx.org();
    let done = sqlx::query!(
        "insert into sixty.orgs (org_id, external_id, name) values ($1, $2, $3) on conflict (org_id) do nothing",
        org.0,
        external_id,
        name.unwrap_or(external_id)
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)?;
    Ok(done.rows_affected() == 1)
}

pub async fn rename(tx: &mut TenantTx, name: &str) -> Result<()> {
    let org = tx.org();
    sqlx::query!("update sixty.orgs set name = $2 where org_id = $1", org.0, name)
        .execute(tx.connection())
        .await
        .map_err(from_sqlx)
        .map(drop)
}

/// First sight of a member whose token carries organization and role. A
/// tombstone stays a tombstone.
pub async fn admit(tx: &mut TenantTx, member: &NewMember<'_>) -> Result<()> {
    let org = tx.org();
    sqlx::query!(
        "insert into sixty.members (org_id, user_id, external_id, name, role)
         values ($1, $2, $3, $4, $5) on conflict (org_id, user_id) do nothing",
        org.0,
        member.user.0,
        member.external_id,
        member.name,
        member.role.map(Role::as_str)
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)
    .map(drop)
}

/// The platform sets a membership, and lifts a tombstone with it. True: it is new.
pub async fn put_member(tx: &mut TenantTx, member: &NewMember<'_>) -> Result<bool> {
    let org = tx.org();
    let row = sqlx::query!(
        r#"insert into sixty.members as m (org_id, user_id, external_id, name, role)
         values ($1, $2, $3, $4, $5)
         on conflict (org_id, user_id) do update
         set role = excluded.role, name = coalesce(excluded.name, m.name), status = 'active', updated_at = now()
         returning (xmax = 0) as "new!""#,
        org.0,
        member.user.0,
        member.external_id,
        member.name,
        member.role.map(Role::as_str)
    )
    .fetch_one(tx.connection())
    .await
    .map_err(from_sqlx)?;
    Ok(row.new)
}

/// The person of this external id, member or removed: what they said is still there.
pub async fn find_person(tx: &mut TenantTx, external_id: &str) -> Result<UserId> {
    let tenant = tx.tenant();
    sqlx::query_scalar!(
        "select user_id from sixty.members where org_id = $1 and external_id = $2 and user_id = $3",
        tenant.org.0,
        external_id,
        UserId::derive(external_id).0
    )
    .fetch_optional(tx.connection())
    .await
    .map_err(from_sqlx)?
    .map(UserId)
    .ok_or(Error::NotFound)
}

/// Leaves a tombstone that no token lifts.
pub async fn remove_member(tx: &mut TenantTx, user: UserId) -> Result<()> {
    let org = tx.org();
    let done = sqlx::query!(
        "update sixty.members set status = 'removed', updated_at = now()
         where org_id = $1 and user_id = $2 and status <> 'removed'",
        org.0,
        user.0
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)?;
    if done.rows_affected() == 0 { Err(Error::NotFound) } else { Ok(()) }
}

impl Store {
    /// Every membership that the platform gave a person, before there is a tenant.
    /// What a token's first sight made counts only with that token's claims.
    pub async fn memberships(&self, user: UserId) -> Result<Vec<OwnMembership>> {
        let mut tx = self.system().await?;
        let rows = sqlx::query!(
            "select m.org_id, o.external_id, m.role, m.ceiling, m.status
             from sixty.members m join sixty.orgs o on o.org_id = m.org_id
             where m.user_id = $1 and m.role is not null order by o.external_id limit 100",
            user.0
        )
        .fetch_all(tx.connection())
        .await
        .map_err(from_sqlx)?;
        tx.commit().await?;
        rows.into_iter()
            .map(|row| {
                let role = row.role.unwrap_or_default();
                Ok(OwnMembership {
                    org: row.org_id.into(),
                    external_id: row.external_id,
                    role: Role::parse(&role).ok_or_else(|| corrupt("a role", &role))?,
                    ceiling: row.ceiling.as_deref().and_then(Role::parse),
                    active: row.status == "active",
                })
            })
            .collect()
    }
}
