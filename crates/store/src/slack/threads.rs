//! Threads of channels: conversations that several people share. A thread is a member of its own, whom no token can
//! be, and its conversation is that member's. Who takes part in it is in `session_members`.

use domain::{Result, SessionId, UserId};
use uuid::Uuid;

use super::Team;
use crate::{TenantTx, error::from_sqlx, sessions};

/// A thread, as Slack names it.
#[derive(Clone, Debug)]
pub struct Thread<'a> {
    pub team: &'a Team,
    pub channel: &'a str,
    pub thread: &'a str,
}

/// A conversation, and the member to whom it belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shared {
    pub member: UserId,
    pub session: SessionId,
}

/// The conversation of a thread, if there is one.
pub async fn find(tx: &mut TenantTx, thread: &Thread<'_>) -> Result<Option<Shared>> {
    let org = tx.org();
    let row = sqlx::query!(
        "select member_id, session_id from sixty.slack_threads
         where org_id = $1 and enterprise_id = $2 and team_id = $3 and channel = $4 and thread = $5",
        org.0,
        thread.team.enterprise,
        thread.team.team,
        thread.channel,
        thread.thread
    )
    .fetch_optional(tx.connection())
    .await
    .map_err(from_sqlx)?;
    Ok(row.map(|row| Shared { member: row.member_id.into(), session: row.session_id.into() }))
}

/// Makes the member that a thread is. The transaction goes on as that member.
pub async fn create_member(tx: &mut TenantTx) -> Result<UserId> {
    let (org, member) = (tx.org(), UserId(Uuid::now_v7()));
    sqlx::query!(
        "insert into sixty.members (org_id, user_id, external_id, service, shared) values ($1, $2, $3, true, true)",
        org.0,
        member.0,
        format!("{}{member}", domain::id::SHARED)
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)?;
    Ok(member)
}

/// Makes the conversation of a thread, in a transaction of its member. None: somebody else has just made it.
pub async fn create(tx: &mut TenantTx, thread: &Thread<'_>) -> Result<Option<Shared>> {
    let (tenant, session) = (tx.tenant(), SessionId::new());
    let new = sessions::NewSession { client_key: Some("thread"), ..sessions::NewSession::default() };
    if sessions::create(tx, session, &new).await?.is_none() {
        return Ok(None);
    }
    let done = sqlx::query!(
        "insert into sixty.slack_threads (org_id, enterprise_id, team_id, channel, thread, member_id, session_id)
         values ($1, $2, $3, $4, $5, $6, $7)
         on conflict (org_id, enterprise_id, team_id, channel, thread) do nothing",
        tenant.org.0,
        thread.team.enterprise,
        thread.team.team,
        thread.channel,
        thread.thread,
        tenant.user.0,
        session.0
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)?;
    Ok((done.rows_affected() == 1).then_some(Shared { member: tenant.user, session }))
}

/// From now on the person takes part in the conversation.
pub async fn join(tx: &mut TenantTx, shared: Shared, user: UserId) -> Result<()> {
    let org = tx.org();
    sqlx::query!(
        "insert into sixty.session_members (org_id, session_id, member_id, user_id) values ($1, $2, $3, $4)
         on conflict (org_id, session_id, user_id) do update set left_at = null
         where session_members.left_at is not null",
        org.0,
        shared.session.0,
        shared.member.0,
        user.0
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)
    .map(drop)
}

/// The member to whom a conversation belongs in which the transaction's person takes part.
pub async fn taking_part(tx: &mut TenantTx, session: SessionId) -> Result<Option<UserId>> {
    let tenant = tx.tenant();
    let member = sqlx::query_scalar!(
        "select member_id from sixty.session_members
         where org_id = $1 and session_id = $2 and user_id = $3 and left_at is null",
        tenant.org.0,
        session.0,
        tenant.user.0
    )
    .fetch_optional(tx.connection())
    .await
    .map_err(from_sqlx)?;
    Ok(member.map(UserId))
}

/// Conversations in which the person takes or took part, and to whom these belong: a few of them.
pub async fn of_person(tx: &mut TenantTx, user: UserId, limit: i64) -> Result<Vec<Shared>> {
    let org = tx.org();
    let rows = sqlx::query!(
        "select member_id, session_id from sixty.session_members
         where org_id = $1 and user_id = $2 order by session_id limit $3",
        org.0,
        user.0,
        limit
    )
    .fetch_all(tx.connection())
    .await
    .map_err(from_sqlx)?;
    Ok(rows
        .into_iter()
        .map(|row| Shared { member: row.member_id.into(), session: row.session_id.into() })
        .collect())
}

/// Who leaves.
#[derive(Clone, Copy, Debug)]
pub enum Leaves {
    One(UserId),
    Everybody,
}

/// Who leaves these channels, or all of the workspace's where none is named, takes part in their threads no more.
/// Whoever speaks in one again does, and it is the thread that it was.
pub async fn leave(tx: &mut TenantTx, team: &Team, channels: Option<&[String]>, who: Leaves) -> Result<()> {
    let org = tx.org();
    let user = match who {
        Leaves::One(user) => Some(user.0),
        Leaves::Everybody => None,
    };
    sqlx::query!(
        "update sixty.session_members m set left_at = now() from sixty.slack_threads t
         where m.org_id = $1 and t.org_id = $1 and t.session_id = m.session_id and t.enterprise_id = $2
            and t.team_id = $3 and ($4::text[] is null or t.channel = any ($4))
            and ($5::uuid is null or m.user_id = $5) and m.left_at is null",
        org.0,
        team.enterprise,
        team.team,
        channels,
        user
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)
    .map(drop)
}

/// The person takes part in no thread any more: their rights are not what they were.
pub async fn leave_all(tx: &mut TenantTx, user: UserId) -> Result<()> {
    let org = tx.org();
    sqlx::query!(
        "update sixty.session_members set left_at = now() where org_id = $1 and user_id = $2 and left_at is null",
        org.0,
        user.0
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)
    .map(drop)
}
