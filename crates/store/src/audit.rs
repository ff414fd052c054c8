//! The audit trail: entries are added and read, never changed.

use chrono::{DateTime, Utc};
use domain::{
    Result, RunId, UserId,
    audit::{Actor, AuditEntry, Channel, Decision},
};
use sqlx::{Postgres, QueryBuilder};
use uuid::Uuid;

use crate::{TenantTx, error::from_sqlx};

/// What is written into the trail. It holds no content: no texts, no arguments.
#[derive(Clone, Debug)]
pub struct Entry<'a> {
    pub actor: Actor,
    pub on_behalf_of: Option<UserId>,
    pub channel: Channel,
    /// An operation such as `memory.put`, or a tool's action.
    pub action: &'a str,
    pub tool: Option<&'a str>,
    pub decision: Decision,
    /// Which preset or row decided.
    pub rule: Option<&'a str>,
    pub approval: Option<Uuid>,
    pub run: Option<RunId>,
    pub call_id: Option<&'a str>,
    /// SHA-256 of the arguments' bytes.
    pub args_hash: Option<[u8; 32]>,
    /// What it was done to, such as `deal:D-42`.
    pub target: Option<&'a str>,
    pub detail: Option<&'a str>,
}

impl<'a> Entry<'a> {
    /// What somebody did over the API.
    pub fn done(actor: Actor, action: &'a str) -> Self {
        Self {
            actor,
            on_behalf_of: None,
            channel: Channel::Http,
            action,
            tool: None,
            decision: Decision::Executed,
            rule: None,
            approval: None,
            run: None,
            call_id: None,
            args_hash: None,
            target: None,
            detail: None,
        }
    }

    /// What the service did by itself.
    pub fn by_service(action: &'a str) -> Self {
        Self { channel: Channel::Service, ..Self::done(Actor::Service, action) }
    }

    #[must_use]
    pub fn on(self, target: &'a str) -> Self {
        Self { target: Some(target), ..self }
    }

    #[must_use]
    pub fn of_run(self, run: RunId) -> Self {
        Self { run: Some(run), ..self }
    }

    #[must_use]
    pub fn saying(self, detail: &'a str) -> Self {
        Self { detail: Some(detail), ..self }
    }
}

/// Adds entries in the transaction of what they tell of; a run's are added through
/// [`RunTx::tenant`](crate::RunTx::tenant). One statement, which puts them into the
/// queue for their seal as well.
pub async fn record(tx: &mut TenantTx, entries: &[Entry<'_>]) -> Result<()> {
    if entries.is_empty() {
        return Ok(());
    }
    let org = tx.settings_org();
    let rows: Vec<(Uuid, &Entry<'_>)> = entries.iter().map(|entry| (Uuid::now_v7(), entry)).collect();
    let mut sql: QueryBuilder<Postgres> = QueryBuilder::new(
        "with entry as (insert into sixty.audit
            (org_id, id, actor_kind, actor_id, on_behalf_of, channel, action, tool, decision, rule,
             approval_id, run_id, call_id, args_hash, target, detail) ",
    );
    sql.push_values(&rows, |mut row, (id, entry)| {
        row.push_bind(org.0)
            .push_bind(*id)
            .push_bind(entry.actor.kind())
            .push_bind(entry.actor.id().map(|id| id.0))
            .push_bind(entry.on_behalf_of.map(|id| id.0))
            .push_bind(entry.channel.as_str())
            .push_bind(entry.action)
            .push_bind(entry.tool)
            .push_bind(entry.decision.as_str())
            .push_bind(entry.rule)
            .push_bind(entry.approval)
            .push_bind(entry.run.map(|id| id.0))
            .push_bind(entry.call_id)
            .push_bind(entry.args_hash.map(|hash| hash.to_vec()))
            .push_bind(entry.target)
            .push_bind(entry.detail);
    });
    sql.push(") insert into sixty.audit_pending (org_id, id) ");
    sql.push_values(&rows, |mut row, (id, _)| {
        row.push_bind(org.0).push_bind(*id);
    });
    sql.build().execute(tx.connection()).await.map_err(from_sqlx).map(drop)
}

/// Which entries a list shows.
#[derive(Clone, Debug, Default)]
pub struct Filter<'a> {
    /// External id of a member: what they did, or what was done on their behalf.
    pub user: Option<&'a str>,
    /// Who did it, member or not.
    pub actor: Option<UserId>,
    pub action: Option<&'a str>,
    pub run: Option<RunId>,
    pub since: Option<DateTime<Utc>>,
    /// The last entry of the page before.
    pub before: Option<Uuid>,
    pub limit: i64,
}

/// Entries, newest first. Needs a transaction that sees the organization.
pub async fn list(tx: &mut TenantTx, filter: &Filter<'_>) -> Result<Vec<AuditEntry>> {
    let org = tx.org();
    let rows = sqlx::query!(
        r#"select a.id, a.at, a.actor_kind, who.external_id as "actor?", a.actor_id,
            whose.external_id as "on_behalf_of?", a.channel, a.action, a.tool, a.decision, a.rule,
            a.approval_id, a.run_id, a.call_id, a.args_hash,
            coalesce('member:' || subject.external_id, a.target) as target, a.detail
         from sixty.audit a
         left join sixty.members who on who.org_id = a.org_id and who.user_id = a.actor_id
         left join sixty.members whose on whose.org_id = a.org_id and whose.user_id = a.on_behalf_of
         left join sixty.members subject on subject.org_id = a.org_id
            and a.target = 'member:' || subject.user_id::text
         where a.org_id = $1 and ($2::text is null or who.external_id = $2 or whose.external_id = $2)
            and ($3::text is null or a.action = $3) and ($4::uuid is null or a.run_id = $4)
            and ($5::timestamptz is null or a.at >= $5) and ($6::uuid is null or a.id < $6)
            and ($8::uuid is null or a.actor_id = $8)
         order by a.id desc limit $7"#,
        org.0,
        filter.user,
        filter.action,
        filter.run.map(|run| run.0),
        filter.since,
        filter.before,
        filter.limit,
        filter.actor.map(|id| id.0)
    )
    .fetch_all(tx.connection())
    .await
    .map_err(from_sqlx)?;
    Ok(rows
        .into_iter()
        .map(|row| AuditEntry {
            id: row.id,
            at: row.at,
            actor_kind: row.actor_kind,
            actor: row.actor,
            actor_id: row.actor_id.map(Into::into),
            on_behalf_of: row.on_behalf_of,
            channel: row.channel,
            action: row.action,
            tool: row.tool,
            decision: row.decision,
            rule: row.rule,
            approval_id: row.approval_id,
            run_id: row.run_id.map(Into::into),
            call_id: row.call_id,
            args_hash: row.args_hash.map(hex::encode),
            target: row.target,
            detail: row.detail,
        })
        .collect())
}
