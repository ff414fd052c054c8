//! Organizations and their members.

use domain::{Error, OrgId, Result, Role, UserId, skill::PLATFORM};

use crate::{
    Membership, Store, SystemTx, TenantTx,
    error::{corrupt, from_sqlx},
    slack::threads,
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
    /// A program with an API key.
    pub service: bool,
}

/// A member, as administrators name one.
#[derive(Clone, Debug)]
pub struct Member {
    pub user: UserId,
    pub external_id: String,
    /// Given by the platform; none: the role comes with each token, and nobody else knows it.
    pub role: Option<Role>,
    pub active: bool,
}

/// Whether an organization lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    Active,
    /// Nobody gets in any more, and its rows go.
    Erasing,
    /// A tombstone is left.
    Erased,
}

/// The transaction's organization, if it lives: external id and name.
pub async fn find(tx: &mut TenantTx) -> Result<Option<(String, String)>> {
    let org = tx.org();
    let row = sqlx::query!(
        "select external_id, name from sixty.orgs where org_id = $1 and status = 'active'",
        org.0
    )
    .fetch_optional(tx.connection())
    .await
    .map_err(from_sqlx)?;
    Ok(row.map(|row| (row.external_id, row.name)))
}

/// Whether the transaction's organization lives, which stays so until the transaction's
/// end. None: there is none.
pub async fn standing(tx: &mut TenantTx) -> Result<Option<Standing>> {
    let org = tx.org();
    let status = sqlx::query_scalar!("select status from sixty.orgs where org_id = $1 for share", org.0)
        .fetch_optional(tx.connection())
        .await
        .map_err(from_sqlx)?;
    status
        .map(|status| match status.as_str() {
            "active" => Ok(Standing::Active),
            "erasing" => Ok(Standing::Erasing),
            "erased" => Ok(Standing::Erased),
            other => Err(corrupt("an organization's status", other)),
        })
        .transpose()
}

/// Gives an organization that was erased its name back. True: it had none.
pub async fn adopt(tx: &mut TenantTx, external_id: &str, name: Option<&str>) -> Result<bool> {
    let org = tx.org();
    let done = sqlx::query!(
        "update sixty.orgs set external_id = $2, name = $3
         where org_id = $1 and external_id <> $2 and status = 'active'",
        org.0,
        external_id,
        name.unwrap_or(external_id)
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)?;
    Ok(done.rows_affected() == 1)
}

/// Lets nobody into the organization any more, and waits for those who are just being
/// let in. Its end is an erasure.
pub async fn close(tx: &mut SystemTx, org: OrgId) -> Result<()> {
    change(tx, org, "active", "erasing").await
}

/// Nothing but the tombstone is left.
pub async fn bury(tx: &mut SystemTx, org: OrgId) -> Result<()> {
    change(tx, org, "erasing", "erased").await
}

/// The platform makes an organization anew that was erased.
pub async fn reopen(tx: &mut SystemTx, org: OrgId) -> Result<()> {
    change(tx, org, "erased", "active").await
}

async fn change(tx: &mut SystemTx, org: OrgId, from: &str, to: &str) -> Result<()> {
    sqlx::query!("update sixty.orgs set status = $3 where org_id = $1 and status = $2", org.0, from, to)
        .execute(tx.connection())
        .await
        .map_err(from_sqlx)
        .map(drop)
}

/// A member by the external id, or by the id that derives from it: an erased one has
/// only the latter. The row stays as it is until the transaction's end, so that nobody is
/// erased, or made a member again, in between.
pub async fn find_member(tx: &mut TenantTx, external_id: &str, derived: UserId) -> Result<Member> {
    let org = tx.org();
    let row = sqlx::query!(
        "select user_id, external_id, role, status from sixty.members
         where org_id = $1 and (external_id = $2 or user_id = $3)
         order by external_id = $2 desc limit 1 for no key update",
        org.0,
        external_id,
        derived.0
    )
    .fetch_optional(tx.connection())
    .await
    .map_err(from_sqlx)?
    .ok_or(Error::NotFound)?;
    Ok(Member {
        user: row.user_id.into(),
        external_id: row.external_id,
        role: row.role.as_deref().and_then(Role::parse),
        active: row.status == "active",
    })
}

/// Members after this one in the order of their ids.
pub async fn members(tx: &mut TenantTx, after: UserId, limit: i64) -> Result<Vec<UserId>> {
    let org = tx.org();
    let ids = sqlx::query_scalar!(
        "select user_id from sixty.members where org_id = $1 and user_id > $2 order by user_id limit $3",
        org.0,
        after.0,
        limit
    )
    .fetch_all(tx.connection())
    .await
    .map_err(from_sqlx)?;
    Ok(ids.into_iter().map(UserId).collect())
}

/// Owners and administrators, but no programs: whom the organization's affairs concern.
pub async fn administrators(tx: &mut TenantTx, limit: i64) -> Result<Vec<UserId>> {
    let org = tx.org();
    let ids = sqlx::query_scalar!(
        "select user_id from sixty.members
         where org_id = $1 and status = 'active' and not service and not shared
            and coalesce(token_role, role) in ('owner', 'admin')
            and coalesce(ceiling, 'owner') in ('owner', 'admin')
         order by user_id limit $2",
        org.0,
        limit
    )
    .fetch_all(tx.connection())
    .await
    .map_err(from_sqlx)?;
    Ok(ids.into_iter().map(UserId).collect())
}

/// A member's membership as it is now: that of another person than the transaction's, or one that it has changed.
pub async fn membership(tx: &mut TenantTx, user: UserId) -> Result<Option<Membership>> {
    let org = tx.org();
    let row = sqlx::query!(
        "select external_id, name, email, role, token_role, ceiling, status from sixty.members
         where org_id = $1 and user_id = $2",
        org.0,
        user.0
    )
    .fetch_optional(tx.connection())
    .await
    .map_err(from_sqlx)?;
    Ok(row.map(|row| Membership {
        role: row.role.as_deref().and_then(Role::parse),
        token_role: row.token_role.as_deref().and_then(Role::parse),
        ceiling: row.ceiling.as_deref().and_then(Role::parse),
        active: row.status == "active",
        external_id: row.external_id,
        name: row.name,
        email: row.email,
    }))
}

/// Ends every membership.
pub async fn remove_members(tx: &mut TenantTx) -> Result<()> {
    let org = tx.org();
    sqlx::query!(
        "update sixty.members set status = 'removed', updated_at = now()
         where org_id = $1 and status <> 'removed'",
        org.0
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)
    .map(drop)
}

/// The person whose name stands at a change of settings. The trail names the platform's people.
pub(crate) fn author(tx: &TenantTx) -> Option<UserId> {
    let tenant = tx.tenant();
    (tenant.org != PLATFORM).then_some(tenant.user)
}

/// What belongs to the platform hangs on a row, as any organization's: it is made when it is first needed.
pub(crate) async fn stands(tx: &mut TenantTx) -> Result<()> {
    if tx.org() == PLATFORM {
        create(tx, "(platform)", None).await?;
    }
    Ok(())
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
        "insert into sixty.members (org_id, user_id, external_id, name, role, service)
         values ($1, $2, $3, $4, $5, $6) on conflict (org_id, user_id) do nothing",
        org.0,
        member.user.0,
        member.external_id,
        member.name,
        member.role.map(Role::as_str),
        member.service
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)
    .map(drop)
}

/// Keeps what is new of the member's newest token: their role, and where they are mailed.
pub async fn note_token(
    tx: &mut TenantTx,
    user: UserId,
    role: Option<Role>,
    email: Option<&str>,
) -> Result<()> {
    let org = tx.org();
    sqlx::query!(
        "update sixty.members set token_role = coalesce($3, token_role), email = coalesce($4, email)
         where org_id = $1 and user_id = $2",
        org.0,
        user.0,
        role.map(Role::as_str),
        email
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)
    .map(drop)
}

/// Whether an active member of the organization is mailed at this address, in lower case.
pub async fn is_mailed_at(tx: &mut TenantTx, email: &str) -> Result<bool> {
    let org = tx.org();
    sqlx::query_scalar!(
        r#"select exists (select from sixty.members
            where org_id = $1 and email = $2 and status = 'active') as "mailed!""#,
        org.0,
        email
    )
    .fetch_one(tx.connection())
    .await
    .map_err(from_sqlx)
}

/// The platform sets a membership, and lifts a tombstone with it, an erased person's as
/// well: that one has the old id and nothing else. True: it is new.
pub async fn put_member(tx: &mut TenantTx, member: &NewMember<'_>) -> Result<bool> {
    let org = tx.org();
    let row = sqlx::query!(
        r#"insert into sixty.members as m (org_id, user_id, external_id, name, role)
         values ($1, $2, $3, $4, $5)
         on conflict (org_id, user_id) do update
         set role = excluded.role, name = coalesce(excluded.name, m.name), external_id = excluded.external_id,
             status = 'active', updated_at = now()
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

/// Leaves a tombstone that no token lifts. What they shared with others they read no more, whoever makes them a member
/// again.
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
    if done.rows_affected() == 0 {
        return Err(Error::NotFound);
    }
    threads::leave_all(tx, user).await
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
