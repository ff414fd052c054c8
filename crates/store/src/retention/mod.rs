//! How long an organization keeps what was said: what administrators set, what a legal
//! hold keeps, and the rounds that delete the rest.

mod preview;
mod purge;
mod rounds;

pub use preview::preview;
pub use purge::{Step, step};
pub use rounds::{Due, Round, claim, due};

use chrono::{DateTime, Utc};
use domain::{
    Error, FieldError, Result, SessionId, UserId,
    retention::{Days, Hold},
};
use sqlx::{Postgres, QueryBuilder};
use uuid::Uuid;

use crate::{TenantTx, error::from_sqlx};

/// All that is set in the organization.
#[derive(Clone, Debug, Default)]
pub struct Retention {
    pub days: Days,
    pub hold: Hold,
    /// 0: nothing was ever set.
    pub version: i64,
    pub updated_at: Option<DateTime<Utc>>,
    /// External id of the administrator who set it.
    pub updated_by: Option<String>,
    /// Whom and which conversations the hold names: owner, and nil or the session.
    pub held: Vec<(UserId, Uuid)>,
}

/// What is set, or the defaults. Needs a transaction that sees the organization.
pub async fn find(tx: &mut TenantTx) -> Result<Retention> {
    let org = tx.org();
    let row = sqlx::query!(
        r#"select r.transcripts_days, r.messages_days, r.events_days, r.revisions_days, r.legal_hold, r.hold_reason,
            r.version, r.updated_at, m.external_id as "updated_by?"
         from sixty.retention r
         left join sixty.members m on m.org_id = r.org_id and m.user_id = r.updated_by
         where r.org_id = $1"#,
        org.0
    )
    .fetch_optional(tx.connection())
    .await
    .map_err(from_sqlx)?;
    let Some(row) = row else { return Ok(Retention::default()) };
    let mut hold = Hold { organization: row.legal_hold, reason: row.hold_reason, ..Hold::default() };
    let mut kept = Vec::new();
    for (user, session, external) in holds(tx).await? {
        if session.is_nil() {
            hold.users.push(external);
        } else {
            hold.sessions.push(session.into());
        }
        kept.push((user, session));
    }
    Ok(Retention {
        days: Days {
            transcripts: row.transcripts_days,
            messages: row.messages_days,
            events: row.events_days,
            revisions: row.revisions_days,
        },
        hold,
        version: row.version,
        updated_at: Some(row.updated_at),
        updated_by: row.updated_by,
        held: kept,
    })
}

async fn holds(tx: &mut TenantTx) -> Result<Vec<(UserId, Uuid, String)>> {
    let org = tx.org();
    let rows = sqlx::query!(
        "select h.user_id, h.session_id, m.external_id from sixty.retention_holds h
         join sixty.members m on m.org_id = h.org_id and m.user_id = h.user_id
         where h.org_id = $1 order by m.external_id, h.session_id",
        org.0
    )
    .fetch_all(tx.connection())
    .await
    .map_err(from_sqlx)?;
    Ok(rows.into_iter().map(|row| (row.user_id.into(), row.session_id, row.external_id)).collect())
}

/// Sets the whole, on top of the version that the administrator saw if one is given, and
/// answers what was set before. The round that deletes begins anew; one of its
/// transactions that is open ends before this one does, and the next one obeys: when the
/// caller hears of a hold, nothing is deleted any more. Needs a transaction that sees the
/// organization.
pub async fn put(tx: &mut TenantTx, days: Days, hold: &Hold, seen: Option<i64>) -> Result<Retention> {
    let tenant = tx.tenant();
    // Not `for update`, for which the second update of a round's row would wait: its foreign key is checked again.
    sqlx::query!("select version from sixty.retention where org_id = $1 for no key update", tenant.org.0)
        .fetch_optional(tx.connection())
        .await
        .map_err(from_sqlx)?;
    let before = find(tx).await?;
    if seen.is_some_and(|seen| seen != before.version) {
        return Err(Error::VersionMismatch { current: before.version });
    }
    let kept = named(tx, hold).await?;
    sqlx::query!(
        "insert into sixty.retention as r (org_id, transcripts_days, messages_days, events_days, revisions_days,
            legal_hold, hold_reason, version, updated_by)
         values ($1, $2, $3, $4, $5, $6, $7, 1, $8)
         on conflict (org_id) do update
         set transcripts_days = $2, messages_days = $3, events_days = $4, revisions_days = $5,
            legal_hold = $6, hold_reason = $7, version = r.version + 1, updated_at = now(), updated_by = $8",
        tenant.org.0,
        days.transcripts,
        days.messages,
        days.events,
        days.revisions,
        hold.organization,
        hold.reason,
        tenant.user.0
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)?;
    replace_holds(tx, &kept).await?;
    rounds::begin_anew(tx).await?;
    Ok(before)
}

async fn replace_holds(tx: &mut TenantTx, kept: &[(UserId, Uuid)]) -> Result<()> {
    let org = tx.org();
    sqlx::query!("delete from sixty.retention_holds where org_id = $1", org.0)
        .execute(tx.connection())
        .await
        .map_err(from_sqlx)?;
    if kept.is_empty() {
        return Ok(());
    }
    let mut sql: QueryBuilder<Postgres> =
        QueryBuilder::new("insert into sixty.retention_holds (org_id, user_id, session_id) ");
    sql.push_values(kept, |mut row, (user, session)| {
        row.push_bind(org.0).push_bind(user.0).push_bind(*session);
    });
    sql.push(" on conflict do nothing");
    sql.build().execute(tx.connection()).await.map_err(from_sqlx).map(drop)
}

/// The rows of a hold, or which of its names mean nobody and nothing here.
async fn named(tx: &mut TenantTx, hold: &Hold) -> Result<Vec<(UserId, Uuid)>> {
    let org = tx.org();
    let sessions: Vec<Uuid> = hold.sessions.iter().map(|session| session.0).collect();
    let members = sqlx::query!(
        "select external_id, user_id from sixty.members where org_id = $1 and external_id = any ($2)",
        org.0,
        &hold.users
    )
    .fetch_all(tx.connection())
    .await
    .map_err(from_sqlx)?;
    let owners = sqlx::query!(
        "select id, owner_id from sixty.sessions where org_id = $1 and id = any ($2) and not expired",
        org.0,
        &sessions
    )
    .fetch_all(tx.connection())
    .await
    .map_err(from_sqlx)?;
    let mut kept = Vec::new();
    let mut problems = Vec::new();
    for (i, user) in hold.users.iter().enumerate() {
        match members.iter().find(|member| member.external_id == *user) {
            Some(member) => kept.push((member.user_id.into(), Uuid::nil())),
            None => problems.push(FieldError {
                field: format!("legal_hold.users[{i}]"),
                error: "is no member of the organization".into(),
            }),
        }
    }
    for (i, session) in sessions.iter().enumerate() {
        match owners.iter().find(|owner| owner.id == *session) {
            Some(owner) => kept.push((owner.owner_id.into(), *session)),
            None => problems.push(FieldError {
                field: format!("legal_hold.sessions[{i}]"),
                error: "is no conversation of the organization".into(),
            }),
        }
    }
    if problems.is_empty() { Ok(kept) } else { Err(Error::fields(problems)) }
}

/// Whether a legal hold keeps anything of this person: the organization, the person, or a
/// conversation of theirs. Who erases the person asks first, and answers [`refusal`].
pub async fn held(tx: &mut TenantTx, user: UserId) -> Result<bool> {
    let org = tx.org();
    sqlx::query_scalar!(
        r#"select exists (select from sixty.retention where org_id = $1 and legal_hold)
            or exists (select from sixty.retention_holds where org_id = $1 and user_id = $2) as "held!""#,
        org.0,
        user.0
    )
    .fetch_one(tx.connection())
    .await
    .map_err(from_sqlx)
}

/// Whether a legal hold keeps anything in the organization.
pub async fn any_held(tx: &mut TenantTx) -> Result<bool> {
    let org = tx.org();
    sqlx::query_scalar!(
        r#"select exists (select from sixty.retention where org_id = $1 and legal_hold)
            or exists (select from sixty.retention_holds where org_id = $1) as "held!""#,
        org.0
    )
    .fetch_one(tx.connection())
    .await
    .map_err(from_sqlx)
}

/// Whether a legal hold keeps this conversation of the transaction's own person.
pub async fn session_held(tx: &mut TenantTx, session: SessionId) -> Result<bool> {
    let tenant = tx.tenant();
    sqlx::query_scalar!(
        r#"select exists (select from sixty.sessions s
            where s.org_id = $1 and s.owner_id = $2 and s.id = $3
                and (exists (select from sixty.retention r where r.org_id = $1 and r.legal_hold)
                    or exists (select from sixty.retention_holds h where h.org_id = $1 and h.user_id = $2
                        and h.session_id in (s.id, '00000000-0000-0000-0000-000000000000')))) as "held!""#,
        tenant.org.0,
        tenant.user.0,
        session.0
    )
    .fetch_one(tx.connection())
    .await
    .map_err(from_sqlx)
}

/// Whether what is the person's is under legal hold, or any of these conversations.
pub(crate) async fn any_of_held(tx: &mut TenantTx, sessions: &[Uuid]) -> Result<bool> {
    let tenant = tx.tenant();
    sqlx::query_scalar!(
        r#"select exists (select from sixty.retention r where r.org_id = $1 and r.legal_hold)
            or exists (select from sixty.retention_holds h where h.org_id = $1 and h.user_id = $2
                and (h.session_id = '00000000-0000-0000-0000-000000000000' or h.session_id = any ($3))) as "held!""#,
        tenant.org.0,
        tenant.user.0,
        sessions
    )
    .fetch_one(tx.connection())
    .await
    .map_err(from_sqlx)
}

/// Why something that is under legal hold is not deleted.
pub fn refusal() -> Error {
    Error::conflict("legal_hold", "this is under a legal hold of the organization and cannot be deleted")
}
