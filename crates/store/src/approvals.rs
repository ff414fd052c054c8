//! Calls that persons decide about: what the API shows and changes.

use chrono::{DateTime, Utc};
use domain::{
    ApprovalId, Error, Result, Role, RunId, SessionId, UserId,
    approval::{Approval, ApprovalStatus},
    permission::{Action, Decider},
};
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::{
    TenantTx,
    error::{corrupt, from_sqlx},
};

/// Which approvals a list shows.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub status: Option<ApprovalStatus>,
    pub session: Option<SessionId>,
    /// Everybody's that an administrator decides, too; needs the scope of the organization.
    pub reserved: bool,
    /// Only what would be written into memory.
    pub memory: bool,
    /// The last approval of the page before.
    pub before: Option<ApprovalId>,
    pub limit: i64,
}

struct Row {
    id: Uuid,
    owner_id: Uuid,
    author_id: Option<Uuid>,
    session_id: Uuid,
    run_id: Uuid,
    call_id: String,
    tool: String,
    action: String,
    args: String,
    edited_args: Option<String>,
    preview: String,
    untrusted: bool,
    blocking: bool,
    decider: String,
    status: String,
    requested_by: Option<String>,
    decided_by: Option<String>,
    decided_at: Option<DateTime<Utc>>,
    reason: Option<String>,
    decision_run_id: Option<Uuid>,
    expires_at: DateTime<Utc>,
    created_at: DateTime<Utc>,
}

fn json(text: String) -> Result<Box<RawValue>> {
    RawValue::from_string(text).map_err(Error::internal)
}

impl TryFrom<Row> for Approval {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Approval {
            id: row.id.into(),
            status: ApprovalStatus::parse(&row.status).ok_or_else(|| corrupt("a status", &row.status))?,
            blocking: row.blocking,
            name: row.tool,
            action: Action::parse(&row.action).ok_or_else(|| corrupt("an action", &row.action))?,
            input: json(row.args)?,
            edited_input: row.edited_args.map(json).transpose()?,
            preview: json(row.preview)?,
            untrusted: row.untrusted,
            session_id: row.session_id.into(),
            run_id: row.run_id.into(),
            tool_call_id: row.call_id,
            decider: Decider::parse(&row.decider).ok_or_else(|| corrupt("a decider", &row.decider))?,
            owner: row.owner_id.into(),
            author: row.author_id.unwrap_or(row.owner_id).into(),
            requested_by: row.requested_by,
            decided_by: row.decided_by,
            decided_at: row.decided_at,
            reason: row.reason,
            decision_run_id: row.decision_run_id.map(Into::into),
            expires_at: row.expires_at,
            created_at: row.created_at,
        })
    }
}

/// An approval of the caller's own run. In the scope of the organization also one that they asked for in a shared
/// conversation, and, with `reserved`, another's that an administrator decides.
pub async fn find(tx: &mut TenantTx, id: ApprovalId, reserved: bool) -> Result<Approval> {
    let tenant = tx.tenant();
    sqlx::query_as!(
        Row,
        r#"select a.id, a.owner_id, r.author_id, a.session_id, a.run_id, a.call_id, a.tool, a.action, a.args, a.edited_args,
            a.preview, a.untrusted, a.blocking, a.decider,
            case when a.status = 'pending' and a.expires_at <= now() then 'expired' else a.status end as "status!",
            o.external_id as "requested_by?", d.external_id as "decided_by?", a.decided_at, a.reason,
            a.decision_run_id, a.expires_at, a.created_at
         from sixty.approvals a
         join sixty.runs r on r.org_id = a.org_id and r.id = a.run_id
         left join sixty.members o on o.org_id = a.org_id and o.user_id = coalesce(r.author_id, a.owner_id)
         left join sixty.members d on d.org_id = a.org_id and d.user_id = a.decided_by
         where a.org_id = $1 and a.id = $3
            and (a.owner_id = $2 or r.author_id = $2 or ($4 and a.decider = 'admin'))"#,
        tenant.org.0,
        tenant.user.0,
        id.0,
        reserved
    )
    .fetch_optional(tx.connection())
    .await
    .map_err(from_sqlx)?
    .ok_or(Error::NotFound)?
    .try_into()
}

/// Approvals, newest first.
pub async fn list(tx: &mut TenantTx, filter: &Filter) -> Result<Vec<Approval>> {
    let tenant = tx.tenant();
    sqlx::query_as!(
        Row,
        r#"select * from (
            select a.id, a.owner_id, r.author_id, a.session_id, a.run_id, a.call_id, a.tool, a.action, a.args, a.edited_args,
                a.preview, a.untrusted, a.blocking, a.decider,
                case when a.status = 'pending' and a.expires_at <= now() then 'expired' else a.status end as "status!",
                o.external_id as "requested_by?", d.external_id as "decided_by?", a.decided_at, a.reason,
                a.decision_run_id, a.expires_at, a.created_at
            from sixty.approvals a
            join sixty.runs r on r.org_id = a.org_id and r.id = a.run_id
            left join sixty.members o on o.org_id = a.org_id and o.user_id = coalesce(r.author_id, a.owner_id)
            left join sixty.members d on d.org_id = a.org_id and d.user_id = a.decided_by
            where a.org_id = $1 and (a.owner_id = $2 or r.author_id = $2 or ($3 and a.decider = 'admin'))
                and ($4::uuid is null or a.session_id = $4)
                and ($5::uuid is null or a.id < $5)
                and (not $8 or a.action in ('write_user_memory', 'write_entity_memory', 'write_org_memory'))
         ) shown
         where $6::text is null or "status!" = $6
         order by id desc limit $7"#,
        tenant.org.0,
        tenant.user.0,
        filter.reserved,
        filter.session.map(|session| session.0),
        filter.before.map(|before| before.0),
        filter.status.map(ApprovalStatus::as_str),
        filter.limit,
        filter.memory
    )
    .fetch_all(tx.connection())
    .await
    .map_err(from_sqlx)?
    .into_iter()
    .map(Approval::try_from)
    .collect()
}

/// A person's word about an approval.
#[derive(Clone, Copy, Debug)]
pub struct Verdict<'a> {
    pub approve: bool,
    /// Who decides, in which capacity.
    pub by: UserId,
    pub by_admin: bool,
    pub reason: Option<&'a str>,
    /// Other arguments, and SHA-256 of their bytes.
    pub edited: Option<(&'a str, [u8; 32])>,
}

/// Locks the runs of approvals that are about to be decided, in one order: a run
/// that parks at this moment either sees the decision or is woken by it.
pub async fn lock_runs(tx: &mut TenantTx, runs: &[RunId]) -> Result<()> {
    let tenant = tx.tenant();
    let ids: Vec<Uuid> = runs.iter().map(|run| run.0).collect();
    sqlx::query!(
        "select id from sixty.runs where org_id = $1 and owner_id = $2 and id = any ($3) order by id for no key update",
        tenant.org.0,
        tenant.user.0,
        &ids
    )
    .fetch_all(tx.connection())
    .await
    .map_err(from_sqlx)
    .map(drop)
}

/// Decides by compare-and-swap: the first word counts, and none after its time.
/// The transaction runs as the approval's own person.
pub async fn decide(tx: &mut TenantTx, id: ApprovalId, verdict: &Verdict<'_>) -> Result<()> {
    let tenant = tx.tenant();
    let decider = if verdict.by_admin { Decider::Admin } else { Decider::Requester };
    let (edited, hash) = verdict.edited.unzip();
    let done = sqlx::query!(
        "update sixty.approvals set status = $4, decided_by = $5, decided_as = $6, decided_at = now(), reason = $7,
            edited_args = $8, edited_hash = $9
         where org_id = $1 and owner_id = $2 and id = $3 and status = 'pending' and expires_at > now()",
        tenant.org.0,
        tenant.user.0,
        id.0,
        if verdict.approve { "approved" } else { "denied" },
        verdict.by.0,
        decider.as_str(),
        verdict.reason,
        edited,
        hash.as_ref().map(<[u8; 32]>::as_slice)
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)?;
    if done.rows_affected() == 1 {
        return Ok(());
    }
    Err(match find(tx, id, false).await?.status {
        ApprovalStatus::Expired => {
            Error::conflict("approval_expired", "nobody decided in time; ask the copilot again")
        }
        ApprovalStatus::Void => Error::conflict("approval_void", "the run that asked has ended"),
        status => Error::conflict("already_decided", format!("this was decided already: it is {status}")),
    })
}

/// Lets a parked run go on, with at most this role.
pub async fn requeue(tx: &mut TenantTx, run: RunId, least: Option<Role>) -> Result<()> {
    let tenant = tx.tenant();
    sqlx::query!(
        "update sixty.runs set
            status = case when status = 'waiting' then 'queued' else status end,
            role = case when array_position(array['readonly', 'member', 'admin', 'owner'], $4)
                < array_position(array['readonly', 'member', 'admin', 'owner'], role) then $4 else role end
         where org_id = $1 and owner_id = $2 and id = $3 and status in ('waiting', 'queued', 'running')",
        tenant.org.0,
        tenant.user.0,
        run.0,
        least.map(Role::as_str)
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)
    .map(drop)
}

/// Queues the run that carries out an accepted proposal, with the rights and the
/// model of the run that proposed, and at most this role. Other runs of the session may be under way.
pub async fn queue_execution(
    tx: &mut TenantTx,
    id: ApprovalId,
    (from, least): (RunId, Option<Role>),
    run: RunId,
) -> Result<()> {
    let tenant = tx.tenant();
    let done = sqlx::query!(
        "with run as (
            insert into sixty.runs (org_id, owner_id, session_id, id, message_id, trigger, status, mode, model, author_id,
                role)
            select org_id, owner_id, session_id, $5, message_id, 'decision', 'queued', mode, model, author_id,
                case when array_position(array['readonly', 'member', 'admin', 'owner'], $6)
                    < array_position(array['readonly', 'member', 'admin', 'owner'], role) then $6 else role end
            from sixty.runs where org_id = $1 and owner_id = $2 and id = $4
         )
         update sixty.approvals set decision_run_id = $5 where org_id = $1 and owner_id = $2 and id = $3",
        tenant.org.0,
        tenant.user.0,
        id.0,
        from.0,
        run.0,
        least.map(Role::as_str)
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)?;
    if done.rows_affected() == 1 { Ok(()) } else { Err(Error::NotFound) }
}

/// What the open calls of an answer have as their result, once its run has ended while
/// it waited; what had been carried out by then follows.
const GIVEN_UP: &str =
    "The run ended while this step waited for a person. What was carried out of it before: ";

/// Nobody can decide or answer any more what a run that ended has asked, and an accepted
/// proposal whose run ended is not carried out. The conversation learns what was done
/// of an answer whose results will not come.
pub async fn void(tx: &mut TenantTx, run: RunId) -> Result<()> {
    let tenant = tx.tenant();
    sqlx::query!(
        "update sixty.approvals set status = 'void'
         where org_id = $1 and owner_id = $2
            and ((run_id = $3 and (status = 'pending' or (status = 'approved' and blocking)))
                or (decision_run_id = $3 and status = 'approved'))",
        tenant.org.0,
        tenant.user.0,
        run.0
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)?;
    sqlx::query!(
        "update sixty.slack_turns set look_at = now()
         where org_id = $1 and owner_id = $2 and run_id = $3 and look_at is not null",
        tenant.org.0,
        tenant.user.0,
        run.0
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)?;
    sqlx::query!(
        "update sixty.questions set status = 'void'
         where org_id = $1 and owner_id = $2 and run_id = $3 and status = 'open'",
        tenant.org.0,
        tenant.user.0,
        run.0
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)?;
    sqlx::query!(
        r#"update sixty.messages m set context = $4 || coalesce(
            (select string_agg(format('%s (%s): %s', c.name, c.call_id, left(coalesce(c.result, 'the outcome is unknown'), 500)), E'\n' order by c.created_at, c.call_id)
             from sixty.tool_calls c
             where c.org_id = $1 and c.owner_id = $2 and c.run_id = $3 and c.class <> 'read' and c.state <> 'failed'
                and position(format('"id":"%s"', c.call_id) in m.content) > 0),
            'nothing.')
         where m.org_id = $1 and m.owner_id = $2 and m.run_id = $3 and m.role = 'assistant' and m.context is not null
            and m.session_id = (select r.session_id from sixty.runs r
                where r.org_id = $1 and r.owner_id = $2 and r.id = $3)
            and (exists (select from sixty.approvals a
                    where a.org_id = $1 and a.owner_id = $2 and a.run_id = $3 and a.blocking)
                or exists (select from sixty.questions q
                    where q.org_id = $1 and q.owner_id = $2 and q.run_id = $3))
            and not exists (select from sixty.messages x
                where x.org_id = $1 and x.owner_id = $2 and x.session_id = m.session_id and x.run_id = $3
                    and x.seq > m.seq)"#,
        tenant.org.0,
        tenant.user.0,
        run.0,
        GIVEN_UP
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)
    .map(drop)
}
