//! Seals of the audit trail: what waits for one, and the chain that they form. What
//! a seal says is computed elsewhere; here it is kept, once.

use chrono::{DateTime, Utc};
use domain::{OrgId, Result};
use uuid::Uuid;

use crate::{SystemTx, TenantTx, error::from_sqlx};

/// An entry as it is stored: every column, because a seal is over all of them.
#[derive(Clone, Debug)]
pub struct StoredEntry {
    pub id: Uuid,
    pub at: DateTime<Utc>,
    pub actor_kind: String,
    pub actor_id: Option<Uuid>,
    pub on_behalf_of: Option<Uuid>,
    pub channel: String,
    pub action: String,
    pub tool: Option<String>,
    pub decision: String,
    pub rule: Option<String>,
    pub approval_id: Option<Uuid>,
    pub run_id: Option<Uuid>,
    pub call_id: Option<String>,
    pub args_hash: Option<Vec<u8>>,
    pub target: Option<String>,
    pub detail: Option<String>,
}

/// A link of an organization's chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seal {
    /// From 1, without a gap.
    pub seq: i64,
    pub sealed_at: DateTime<Utc>,
    /// In the order in which they are hashed.
    pub entries: Vec<Uuid>,
    /// SHA-256 of each entry, one after the other.
    pub digests: Vec<u8>,
    pub hash: Vec<u8>,
    pub key_id: String,
    pub mac: Vec<u8>,
}

/// Where a chain ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Number of the last seal, its hash and its mac.
    pub seq: i64,
    pub hash: Vec<u8>,
    pub seal_mac: Vec<u8>,
    pub key_id: String,
    pub mac: Vec<u8>,
}

/// An organization whose trail may be verified.
#[derive(Clone, Debug)]
pub struct KnownOrg {
    pub org: OrgId,
    pub external_id: String,
}

/// Organizations in which something waits for a seal, after this one in the order of
/// their ids.
pub async fn waiting(tx: &mut SystemTx, after: Option<OrgId>, limit: i64) -> Result<Vec<OrgId>> {
    let rows = sqlx::query_scalar!(
        "select distinct org_id from sixty.audit_pending
         where ($1::uuid is null or org_id > $1) order by org_id limit $2",
        after.map(|org| org.0),
        limit
    )
    .fetch_all(tx.connection())
    .await
    .map_err(from_sqlx)?;
    Ok(rows.into_iter().map(OrgId).collect())
}

/// Organizations after this one in the order of their ids; with an external id, the
/// ones of that name alone (several issuers may use it).
pub async fn organizations(
    tx: &mut SystemTx,
    external_id: Option<&str>,
    after: Option<OrgId>,
    limit: i64,
) -> Result<Vec<KnownOrg>> {
    let rows = sqlx::query!(
        "select org_id, external_id from sixty.orgs
         where ($1::text is null or external_id = $1) and ($2::uuid is null or org_id > $2)
         order by org_id limit $3",
        external_id,
        after.map(|org| org.0),
        limit
    )
    .fetch_all(tx.connection())
    .await
    .map_err(from_sqlx)?;
    Ok(rows
        .into_iter()
        .map(|row| KnownOrg { org: row.org_id.into(), external_id: row.external_id })
        .collect())
}

/// The oldest entries that wait, in the order of their ids.
pub async fn pending(tx: &mut TenantTx, limit: i64) -> Result<Vec<StoredEntry>> {
    let org = tx.org();
    sqlx::query_as!(
        StoredEntry,
        "select a.id, a.at, a.actor_kind, a.actor_id, a.on_behalf_of, a.channel, a.action, a.tool, a.decision,
            a.rule, a.approval_id, a.run_id, a.call_id, a.args_hash, a.target, a.detail
         from sixty.audit_pending p join sixty.audit a on a.org_id = p.org_id and a.id = p.id
         where p.org_id = $1 order by a.id limit $2",
        org.0,
        limit
    )
    .fetch_all(tx.connection())
    .await
    .map_err(from_sqlx)
}

/// These entries, as far as they exist, in any order.
pub async fn entries(tx: &mut TenantTx, ids: &[Uuid]) -> Result<Vec<StoredEntry>> {
    let org = tx.org();
    sqlx::query_as!(
        StoredEntry,
        "select id, at, actor_kind, actor_id, on_behalf_of, channel, action, tool, decision,
            rule, approval_id, run_id, call_id, args_hash, target, detail
         from sixty.audit where org_id = $1 and id = any($2)",
        org.0,
        ids
    )
    .fetch_all(tx.connection())
    .await
    .map_err(from_sqlx)
}

/// The end of the chain, and the number of its last seal as the seals themselves
/// have it: in one statement, so that both are of one moment.
pub async fn head(tx: &mut TenantTx) -> Result<(Option<Head>, Option<i64>)> {
    let org = tx.org();
    let row = sqlx::query!(
        r#"select h.seq as "seq?", h.hash as "hash?", h.seal_mac as "seal_mac?", h.key_id as "key_id?",
            h.mac as "mac?", (select max(s.seq) from sixty.audit_seals s where s.org_id = $1) as last
         from (select $1::uuid as org_id) this left join sixty.audit_heads h on h.org_id = this.org_id"#,
        org.0
    )
    .fetch_one(tx.connection())
    .await
    .map_err(from_sqlx)?;
    let head = match (row.seq, row.hash, row.seal_mac, row.key_id, row.mac) {
        (Some(seq), Some(hash), Some(seal_mac), Some(key_id), Some(mac)) => {
            Some(Head { seq, hash, seal_mac, key_id, mac })
        }
        _ => None,
    };
    Ok((head, row.last))
}

/// Seals after this number, in order.
pub async fn list(tx: &mut TenantTx, after: i64, limit: i64) -> Result<Vec<Seal>> {
    let org = tx.org();
    sqlx::query_as!(
        Seal,
        "select seq, sealed_at, entries, digests, hash, key_id, mac
         from sixty.audit_seals where org_id = $1 and seq > $2 order by seq limit $3",
        org.0,
        after,
        limit
    )
    .fetch_all(tx.connection())
    .await
    .map_err(from_sqlx)
}

/// Adds a link, moves the head from the one that it builds on, and takes its entries
/// out of the queue. False: another replica was faster; roll back.
pub async fn create(tx: &mut TenantTx, seal: &Seal, head: &Head) -> Result<bool> {
    let org = tx.org();
    let sealed = sqlx::query!(
        "insert into sixty.audit_seals (org_id, seq, sealed_at, entries, digests, hash, key_id, mac)
         values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (org_id, seq) do nothing",
        org.0,
        seal.seq,
        seal.sealed_at,
        &seal.entries,
        seal.digests,
        seal.hash,
        seal.key_id,
        seal.mac
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)?;
    Ok(sealed.rows_affected() == 1 && move_head(tx, head).await? && unqueue(tx, &seal.entries).await?)
}

/// Compare-and-swap on the number.
async fn move_head(tx: &mut TenantTx, head: &Head) -> Result<bool> {
    let org = tx.org();
    let moved = if head.seq == 1 {
        sqlx::query!(
            "insert into sixty.audit_heads (org_id, seq, hash, seal_mac, key_id, mac)
             values ($1, $2, $3, $4, $5, $6) on conflict (org_id) do nothing",
            org.0,
            head.seq,
            head.hash,
            head.seal_mac,
            head.key_id,
            head.mac
        )
        .execute(tx.connection())
        .await
    } else {
        sqlx::query!(
            "update sixty.audit_heads set seq = $2, hash = $3, seal_mac = $4, key_id = $5, mac = $6
             where org_id = $1 and seq + 1 = $2",
            org.0,
            head.seq,
            head.hash,
            head.seal_mac,
            head.key_id,
            head.mac
        )
        .execute(tx.connection())
        .await
    };
    Ok(moved.map_err(from_sqlx)?.rows_affected() == 1)
}

async fn unqueue(tx: &mut TenantTx, ids: &[Uuid]) -> Result<bool> {
    let org = tx.org();
    let taken =
        sqlx::query!("delete from sixty.audit_pending where org_id = $1 and id = any($2)", org.0, ids)
            .execute(tx.connection())
            .await
            .map_err(from_sqlx)?;
    Ok(usize::try_from(taken.rows_affected()).is_ok_and(|taken| taken == ids.len()))
}

/// What is outside of the chain at one moment.
#[derive(Clone, Copy, Debug)]
pub struct Outside {
    /// Entries that wait for a seal.
    pub waiting: i64,
    /// The oldest entry that is in no seal and does not wait for one either.
    pub stray: Option<Uuid>,
    /// The oldest entry that is sealed and yet waits, or is sealed twice.
    pub twice: Option<Uuid>,
}

/// Looks for entries that no seal names. One statement: an entry leaves the queue in
/// the transaction of its seal, so it is always in the one or in the other.
pub async fn outside(tx: &mut TenantTx) -> Result<Outside> {
    let org = tx.org();
    sqlx::query_as!(
        Outside,
        r#"with sealed as (select unnest(entries) as id from sixty.audit_seals where org_id = $1),
            waiting as (select id from sixty.audit_pending where org_id = $1)
         select (select count(*) from waiting) as "waiting!",
            (select a.id from sixty.audit a where a.org_id = $1
                and not exists (select from sealed where sealed.id = a.id)
                and not exists (select from waiting where waiting.id = a.id)
             order by a.id limit 1) as stray,
            (select id from (select id from sealed union all select id from waiting) both_of
             group by id having count(*) > 1 order by id limit 1) as twice"#,
        org.0
    )
    .fetch_one(tx.connection())
    .await
    .map_err(from_sqlx)
}
