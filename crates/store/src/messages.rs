//! What was said in a session.

use chrono::{DateTime, Utc};
use domain::{ArchiveId, Error, MessageId, Result, SessionId, UserId, session::Message};
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::{TenantTx, error::from_sqlx};

struct Row {
    id: Uuid,
    seq: i64,
    role: String,
    content: String,
    run_id: Option<Uuid>,
    superseded: bool,
    created_at: DateTime<Utc>,
}

impl TryFrom<Row> for Message {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Message {
            id: row.id.into(),
            seq: row.seq,
            role: row.role,
            content: RawValue::from_string(row.content).map_err(Error::internal)?,
            created_at: row.created_at,
            run_id: row.run_id.map(Into::into),
            superseded: row.superseded,
        })
    }
}

/// A page of a session's live messages. `after` is the last `seq` that the reader has.
/// Those that an archive alone holds are in [`history::page`](crate::history::page).
pub async fn list(
    tx: &mut TenantTx,
    session: SessionId,
    newest_first: bool,
    after: Option<i64>,
    limit: i64,
) -> Result<Vec<Message>> {
    let tenant = tx.tenant();
    let owner = tenant.owner().map(|owner| owner.0);
    let rows = if newest_first {
        sqlx::query_as!(
            Row,
            r#"select id, seq, role, content, run_id, superseded_at is not null as "superseded!", created_at
             from sixty.messages
             where org_id = $1 and ($2::uuid is null or owner_id = $2) and session_id = $3
                and ($4::bigint is null or seq < $4)
             order by seq desc limit $5"#,
            tenant.org.0,
            owner,
            session.0,
            after,
            limit
        )
        .fetch_all(tx.connection())
        .await
    } else {
        sqlx::query_as!(
            Row,
            r#"select id, seq, role, content, run_id, superseded_at is not null as "superseded!", created_at
             from sixty.messages
             where org_id = $1 and ($2::uuid is null or owner_id = $2) and session_id = $3
                and seq > coalesce($4::bigint, 0)
             order by seq limit $5"#,
            tenant.org.0,
            owner,
            session.0,
            after,
            limit
        )
        .fetch_all(tx.connection())
        .await
    };
    rows.map_err(from_sqlx)?.into_iter().map(Message::try_from).collect()
}

/// A message of the session, live or archived.
pub async fn find(tx: &mut TenantTx, session: SessionId, id: MessageId) -> Result<Message> {
    let tenant = tx.tenant();
    let live = sqlx::query_as!(
        Row,
        r#"select id, seq, role, content, run_id, superseded_at is not null as "superseded!", created_at
         from sixty.messages
         where org_id = $1 and ($2::uuid is null or owner_id = $2) and session_id = $3 and id = $4"#,
        tenant.org.0,
        tenant.owner().map(|owner| owner.0),
        session.0,
        id.0
    )
    .fetch_optional(tx.connection())
    .await
    .map_err(from_sqlx)?;
    match live {
        Some(live) => live.try_into(),
        None => crate::history::archived(tx, session, id).await?.ok_or(Error::NotFound),
    }
}

/// Live messages of the archive's range that are older than so many days.
pub(crate) async fn of_archive(
    tx: &mut TenantTx,
    owner: UserId,
    archive: ArchiveId,
    days: i32,
) -> Result<Vec<Message>> {
    let org = tx.org();
    sqlx::query_as!(
        Row,
        r#"select m.id, m.seq, m.role, m.content, m.run_id, m.superseded_at is not null as "superseded!", m.created_at
         from sixty.copilot_session_summaries a
         join sixty.messages m on m.org_id = a.org_id and m.owner_id = a.owner_id and m.session_id = a.session_id
            and m.seq between a.first_seq and a.last_seq
         where a.org_id = $1 and a.owner_id = $2 and a.id = $3
            and m.created_at < now() - make_interval(days => $4)
         order by m.seq"#,
        org.0,
        owner.0,
        archive.0,
        days
    )
    .fetch_all(tx.connection())
    .await
    .map_err(from_sqlx)?
    .into_iter()
    .map(Message::try_from)
    .collect()
}

/// Writes what no run has said into a conversation that the transaction has locked, as its copilot's words.
pub async fn add_answer(
    tx: &mut TenantTx,
    session: SessionId,
    id: MessageId,
    content: &str,
    preview: &str,
) -> Result<()> {
    let tenant = tx.tenant();
    sqlx::query!(
        "with place as (
            update sixty.sessions set last_seq = last_seq + 1, message_count = message_count + 1,
                last_message_at = now(), preview = $6
            where org_id = $1 and owner_id = $2 and id = $3 returning last_seq
         )
         insert into sixty.messages (org_id, owner_id, session_id, id, seq, role, content, author_id)
         select $1, $2, $3, $4, last_seq, 'assistant', $5, $2 from place",
        tenant.org.0,
        tenant.user.0,
        session.0,
        id.0,
        content,
        preview
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)
    .map(drop)
}

/// The newest answer that a run gave, if it has given one.
pub async fn answer_of(tx: &mut TenantTx, run: domain::RunId) -> Result<Option<Message>> {
    let tenant = tx.tenant();
    let live = sqlx::query_as!(
        Row,
        r#"select m.id, m.seq, m.role, m.content, m.run_id, m.superseded_at is not null as "superseded!", m.created_at
         from sixty.runs r
         join sixty.messages m on m.org_id = r.org_id and m.session_id = r.session_id and m.run_id = r.id
         where r.org_id = $1 and ($2::uuid is null or r.owner_id = $2) and r.id = $3 and m.role = 'assistant'
         order by m.seq desc limit 1"#,
        tenant.org.0,
        tenant.owner().map(|owner| owner.0),
        run.0
    )
    .fetch_optional(tx.connection())
    .await
    .map_err(from_sqlx)?;
    match live {
        Some(live) => live.try_into().map(Some),
        None => crate::history::archived_answer(tx, run).await,
    }
}

/// Keeps the answer that begins after `seq`, out of the prompt.
pub async fn supersede_after(tx: &mut TenantTx, session: SessionId, seq: i64) -> Result<()> {
    let tenant = tx.tenant();
    sqlx::query!(
        "update sixty.messages set superseded_at = now()
         where org_id = $1 and owner_id = $2 and session_id = $3 and seq > $4 and superseded_at is null",
        tenant.org.0,
        tenant.user.0,
        session.0,
        seq
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)
    .map(drop)
}

/// The question to answer again (id, seq): the newest one that still stands, or
/// the one that is named, be it by its own id or by that of an answer to it.
pub async fn question(
    tx: &mut TenantTx,
    session: SessionId,
    named: Option<MessageId>,
) -> Result<Option<(MessageId, i64)>> {
    let tenant = tx.tenant();
    let row = sqlx::query!(
        "select m.id, m.seq from sixty.messages m
         join sixty.sessions s on s.org_id = m.org_id and s.id = m.session_id
         where m.org_id = $1 and m.owner_id = $4 and m.session_id = $2
            and m.role = 'user' and m.superseded_at is null
            and m.seq >= s.live_from_seq
            and exists (select from sixty.runs r
                where r.org_id = m.org_id and r.session_id = m.session_id and r.message_id = m.id)
            and ($3::uuid is null or m.seq <= (select a.seq from sixty.messages a
                where a.org_id = $1 and a.session_id = $2 and a.id = $3 and a.superseded_at is null))
         order by m.seq desc limit 1",
        tenant.org.0,
        session.0,
        named.map(|id| id.0),
        tenant.user.0
    )
    .fetch_optional(tx.connection())
    .await
    .map_err(from_sqlx)?;
    Ok(row.map(|row| (row.id.into(), row.seq)))
}
