//! API keys: what they are, and who sends one.

use chrono::{DateTime, Utc};
use domain::{ApiKeyId, Error, OrgId, Result, Role, UserId, member::ApiKey};

use crate::{
    Store, TenantTx,
    error::{corrupt, from_sqlx},
};

/// A key that is to be made. Its service member is there already.
#[derive(Clone, Debug)]
pub struct NewApiKey<'a> {
    pub id: ApiKeyId,
    pub user: UserId,
    pub name: &'a str,
    pub secret_hash: [u8; 32],
    pub expires_at: Option<DateTime<Utc>>,
}

/// Whom a key stands for.
#[derive(Clone, Debug)]
pub struct KeyOwner {
    pub org: OrgId,
    /// The organization's external id.
    pub org_external: String,
    pub user: UserId,
    pub role: Role,
    pub expires_at: Option<DateTime<Utc>>,
}

pub async fn create(tx: &mut TenantTx, new: &NewApiKey<'_>) -> Result<()> {
    let tenant = tx.tenant();
    sqlx::query!(
        "insert into sixty.api_keys (org_id, id, user_id, name, secret_hash, created_by, expires_at)
         values ($1, $2, $3, $4, $5, $6, $7)",
        tenant.org.0,
        new.id.0,
        new.user.0,
        new.name,
        &new.secret_hash[..],
        tenant.user.0,
        new.expires_at
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)
    .map(drop)
}

/// Whether the transaction's person is a program whose keys are all revoked or over.
pub async fn all_over(tx: &mut TenantTx) -> Result<bool> {
    let tenant = tx.tenant();
    sqlx::query_scalar!(
        r#"select count(*) > 0
            and count(*) filter (where revoked_at is null and (expires_at is null or expires_at > now())) = 0 as "over!"
         from sixty.api_keys where org_id = $1 and user_id = $2"#,
        tenant.org.0,
        tenant.user.0
    )
    .fetch_one(tx.connection())
    .await
    .map_err(from_sqlx)
}

/// Keys, newest first, revoked ones too. `before` is the last of the page before.
pub async fn list(tx: &mut TenantTx, before: Option<ApiKeyId>, limit: i64) -> Result<Vec<ApiKey>> {
    select(tx, None, before, limit).await
}

pub async fn find(tx: &mut TenantTx, id: ApiKeyId) -> Result<ApiKey> {
    select(tx, Some(id), None, 1).await?.pop().ok_or(Error::NotFound)
}

async fn select(
    tx: &mut TenantTx,
    id: Option<ApiKeyId>,
    before: Option<ApiKeyId>,
    limit: i64,
) -> Result<Vec<ApiKey>> {
    let org = tx.org();
    let rows = sqlx::query!(
        r#"select k.id, k.name, m.external_id as user,
            -- Of a service whose data are erased nothing is left but that it was there.
            coalesce(m.role, 'readonly') as "role!", c.external_id as "created_by?",
            k.created_at, k.expires_at, k.revoked_at, k.last_used_at
         from sixty.api_keys k
         join sixty.members m on m.org_id = k.org_id and m.user_id = k.user_id
         left join sixty.members c on c.org_id = k.org_id and c.user_id = k.created_by
         where k.org_id = $1 and ($2::uuid is null or k.id = $2) and ($3::uuid is null or k.id < $3)
         order by k.id desc limit $4"#,
        org.0,
        id.map(|id| id.0),
        before.map(|before| before.0),
        limit
    )
    .fetch_all(tx.connection())
    .await
    .map_err(from_sqlx)?;
    rows.into_iter()
        .map(|row| {
            Ok(ApiKey {
                id: row.id.into(),
                name: row.name,
                user: row.user,
                role: Role::parse(&row.role).ok_or_else(|| corrupt("a role", &row.role))?,
                created_by: row.created_by,
                created_at: row.created_at,
                expires_at: row.expires_at,
                revoked_at: row.revoked_at,
                last_used_at: row.last_used_at,
            })
        })
        .collect()
}

/// Ends a key, and the membership of its service with it. Once is enough: again it finds none.
pub async fn revoke(tx: &mut TenantTx, id: ApiKeyId) -> Result<()> {
    let org = tx.org();
    let revoked = sqlx::query_scalar!(
        "with key as (
            update sixty.api_keys set revoked_at = now()
            where org_id = $1 and id = $2 and revoked_at is null returning user_id
         )
         update sixty.members m set status = 'removed', updated_at = now()
         from key where m.org_id = $1 and m.user_id = key.user_id returning m.user_id",
        org.0,
        id.0
    )
    .fetch_optional(tx.connection())
    .await
    .map_err(from_sqlx)?;
    revoked.map(drop).ok_or(Error::NotFound)
}

impl Store {
    /// Whom this key stands for, before there is a tenant; none if it is unknown, revoked or
    /// over. The first use in a minute is noted.
    pub async fn key_owner(&self, id: ApiKeyId, secret_hash: &[u8; 32]) -> Result<Option<KeyOwner>> {
        let mut tx = self.system().await?;
        let row = sqlx::query!(
            r#"select k.org_id, k.user_id, k.expires_at, o.external_id, m.role as "role!",
                coalesce(k.last_used_at < now() - interval '1 minute', true) as "note!"
             from sixty.api_keys k
             join sixty.orgs o on o.org_id = k.org_id
             join sixty.members m on m.org_id = k.org_id and m.user_id = k.user_id
             where k.id = $1 and k.secret_hash = $2 and k.revoked_at is null
                and (k.expires_at is null or k.expires_at > now())"#,
            id.0,
            &secret_hash[..]
        )
        .fetch_optional(tx.connection())
        .await
        .map_err(from_sqlx)?;
        if let Some(row) = row.as_ref().filter(|row| row.note) {
            sqlx::query!(
                "update sixty.api_keys set last_used_at = now() where org_id = $1 and id = $2",
                row.org_id,
                id.0
            )
            .execute(tx.connection())
            .await
            .map_err(from_sqlx)?;
        }
        tx.commit().await?;
        row.map(|row| {
            Ok(KeyOwner {
                org: row.org_id.into(),
                org_external: row.external_id,
                user: row.user_id.into(),
                role: Role::parse(&row.role).ok_or_else(|| corrupt("a role", &row.role))?,
                expires_at: row.expires_at,
            })
        })
        .transpose()
    }
}
