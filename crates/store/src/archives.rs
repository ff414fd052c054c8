//! Archives: summaries, whole transcripts, passages to search.

mod periods;
mod question;
mod search;
mod snippet;

use chrono::{DateTime, Utc};
use domain::{ArchiveId, Error, Result, SessionId, archive::SessionSummary, run::Lease, session::Message};
use serde_json::value::RawValue;
use sqlx::{Postgres, QueryBuilder};

use crate::{RunTx, TenantTx, error::from_sqlx};

pub use search::{Place, Search, search};

/// A range that is about to leave the prompt.
#[derive(Clone, Debug)]
pub struct NewArchive<'a> {
    pub id: ArchiveId,
    pub first_seq: i64,
    pub last_seq: i64,
    pub message_count: i64,
    /// JSON text of the messages, and its SHA-256.
    pub transcript: &'a str,
    pub sha256: [u8; 32],
    pub tokens_before: i64,
}

/// A piece of a message for the search.
#[derive(Clone, Debug)]
pub struct NewPassage {
    pub seq: i64,
    pub part: i32,
    pub role: String,
    pub text: String,
    pub said_at: DateTime<Utc>,
    /// What it answers.
    pub question: Option<String>,
}

/// An archive as a run finds it: with or without its summary.
#[derive(Clone, Copy, Debug)]
pub struct Range {
    pub id: ArchiveId,
    pub first_seq: i64,
    pub last_seq: i64,
    pub summarized: bool,
}

/// The archive that begins at this message, if one does: whoever wrote it may
/// have died before the summary.
pub async fn find_range(tx: &mut RunTx, first_seq: i64) -> Result<Option<Range>> {
    let Lease { org, user, session, .. } = *tx.lease();
    let row = sqlx::query!(
        r#"select id, first_seq, last_seq, summary_text is not null as "summarized!"
         from sixty.copilot_session_summaries
         where org_id = $1 and owner_id = $2 and session_id = $3 and first_seq = $4"#,
        org.0,
        user.0,
        session.0,
        first_seq
    )
    .fetch_optional(tx.connection())
    .await
    .map_err(from_sqlx)?;
    Ok(row.map(|row| Range {
        id: row.id.into(),
        first_seq: row.first_seq,
        last_seq: row.last_seq,
        summarized: row.summarized,
    }))
}

/// Title of the run's session and name of what it is about, for its passages.
///
/// A title that nobody gave is the beginning of the first message: it would lend the
/// words of that one to every passage, and no word of it were rare any more.
async fn about(tx: &mut RunTx) -> Result<Option<String>> {
    let Lease { org, user, session, .. } = *tx.lease();
    let about = sqlx::query_scalar!(
        r#"select nullif(concat_ws(E'\n', case s.title_source when 'user' then s.title end, e.name), '')
         from sixty.sessions s
         left join sixty.entities e on e.org_id = s.org_id and e.kind = s.entity_kind and e.id = s.entity_id
         where s.org_id = $1 and s.owner_id = $2 and s.id = $3"#,
        org.0,
        user.0,
        session.0
    )
    .fetch_optional(tx.connection())
    .await
    .map_err(from_sqlx)?;
    Ok(about.flatten())
}

/// Stores the transcript of a range and its passages, in the run's transaction.
pub async fn create(tx: &mut RunTx, new: &NewArchive<'_>, passages: &[NewPassage]) -> Result<()> {
    let Lease { org, user, session, .. } = *tx.lease();
    sqlx::query!(
        "insert into sixty.copilot_session_summaries
            (org_id, id, owner_id, session_id, first_seq, last_seq, message_count, transcript, sha256, tokens_before)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        org.0,
        new.id.0,
        user.0,
        session.0,
        new.first_seq,
        new.last_seq,
        new.message_count,
        new.transcript,
        &new.sha256[..],
        new.tokens_before
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)?;
    let about = about(tx).await?;
    // Eleven values a row, and Postgres takes 65,535 in a statement.
    for rows in passages.chunks(4_000) {
        let mut sql: QueryBuilder<Postgres> = QueryBuilder::new(
            "insert into sixty.copilot_summary_passages
                (org_id, owner_id, summary_id, session_id, seq, part, role, text, said_at, question, about) ",
        );
        sql.push_values(rows, |mut row, passage| {
            row.push_bind(org.0)
                .push_bind(user.0)
                .push_bind(new.id.0)
                .push_bind(session.0)
                .push_bind(passage.seq)
                .push_bind(passage.part)
                .push_bind(passage.role.clone())
                .push_bind(passage.text.clone())
                .push_bind(passage.said_at)
                .push_bind(passage.question.clone())
                .push_bind(about.clone());
        });
        sql.build().execute(tx.connection()).await.map_err(from_sqlx)?;
    }
    Ok(())
}

/// What the second and third step of a compaction bring.
#[derive(Clone, Debug)]
pub struct Summarized<'a> {
    pub range: Range,
    pub text: &'a str,
    pub key_points: &'a [String],
    pub by: &'a str,
    pub tokens_after: i64,
}

/// Stores the summary and moves the prompt's beginning behind the range. The
/// snapshot of memory is rendered anew: the provider's cache is void anyway.
pub async fn complete(tx: &mut RunTx, done: &Summarized<'_>) -> Result<()> {
    let Lease { org, user, session, .. } = *tx.lease();
    sqlx::query!(
        "with summary as (
            update sixty.copilot_session_summaries
            set summary_text = $5, key_points = $6, summarized_by = $7, tokens_after = $8
            where org_id = $1 and owner_id = $2 and id = $4
         )
         update sixty.sessions set live_from_seq = $9, pinned = null, told = null
         where org_id = $1 and owner_id = $2 and id = $3 and live_from_seq <= $9",
        org.0,
        user.0,
        session.0,
        done.range.id.0,
        done.text,
        done.key_points,
        done.by,
        done.tokens_after,
        done.range.last_seq + 1
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)
    .map(drop)
}

/// Every message of a range, superseded ones too: up to the one before `end`,
/// or to the session's last.
pub async fn messages(tx: &mut RunTx, first_seq: i64, end: Option<i64>) -> Result<Vec<Message>> {
    let session = tx.lease().session;
    let mut all = crate::messages::list(tx.tenant(), session, false, Some(first_seq - 1), i64::MAX).await?;
    all.retain(|message| end.is_none_or(|end| message.seq < end));
    Ok(all)
}

/// Archives with their summaries, newest first. `before` is the last of the page before.
pub async fn list(
    tx: &mut TenantTx,
    session: Option<SessionId>,
    before: Option<ArchiveId>,
    limit: i64,
) -> Result<Vec<SessionSummary>> {
    let tenant = tx.tenant();
    let rows = sqlx::query!(
        r#"select a.id, a.session_id, m.external_id as user_id, a.summary_text as "summary_text!", a.key_points,
            a.message_count, a.tokens_before, a.tokens_after, a.first_seq, a.last_seq, a.sha256,
            a.summarized_by as "summarized_by!", a.created_at
         from sixty.copilot_session_summaries a
         join sixty.members m on m.org_id = a.org_id and m.user_id = a.owner_id
         where a.org_id = $1 and a.owner_id = $2 and a.summary_text is not null
            and ($3::uuid is null or a.session_id = $3) and ($4::uuid is null or a.id < $4)
         order by a.id desc limit $5"#,
        tenant.org.0,
        tenant.user.0,
        session.map(|session| session.0),
        before.map(|before| before.0),
        limit
    )
    .fetch_all(tx.connection())
    .await
    .map_err(from_sqlx)?;
    Ok(rows
        .into_iter()
        .map(|row| SessionSummary {
            id: row.id.into(),
            session_id: row.session_id.into(),
            user_id: row.user_id,
            summary_text: row.summary_text,
            key_points: row.key_points,
            full_transcript: None,
            message_count: row.message_count,
            tokens_before: row.tokens_before,
            tokens_after: row.tokens_after,
            first_seq: row.first_seq,
            last_seq: row.last_seq,
            sha256: hex::encode(&row.sha256),
            summarized_by: row.summarized_by,
            created_at: row.created_at,
        })
        .collect())
}

/// One archive, with its transcript.
pub async fn find(tx: &mut TenantTx, id: ArchiveId) -> Result<SessionSummary> {
    let tenant = tx.tenant();
    let row = sqlx::query!(
        r#"select a.id, a.session_id, m.external_id as user_id, a.summary_text as "summary_text!", a.key_points,
            a.transcript, a.message_count, a.tokens_before, a.tokens_after, a.first_seq, a.last_seq, a.sha256,
            a.summarized_by as "summarized_by!", a.created_at
         from sixty.copilot_session_summaries a
         join sixty.members m on m.org_id = a.org_id and m.user_id = a.owner_id
         where a.org_id = $1 and ($2::uuid is null or a.owner_id = $2) and a.id = $3 and a.summary_text is not null"#,
        tenant.org.0,
        tenant.owner().map(|owner| owner.0),
        id.0
    )
    .fetch_optional(tx.connection())
    .await
    .map_err(from_sqlx)?
    .ok_or(Error::NotFound)?;
    Ok(SessionSummary {
        id: row.id.into(),
        session_id: row.session_id.into(),
        user_id: row.user_id,
        summary_text: row.summary_text,
        key_points: row.key_points,
        full_transcript: Some(RawValue::from_string(row.transcript).map_err(Error::internal)?),
        message_count: row.message_count,
        tokens_before: row.tokens_before,
        tokens_after: row.tokens_after,
        first_seq: row.first_seq,
        last_seq: row.last_seq,
        sha256: hex::encode(&row.sha256),
        summarized_by: row.summarized_by,
        created_at: row.created_at,
    })
}

/// The messages of an archive, with or without its summary, each byte for byte.
pub(crate) async fn transcript(tx: &mut TenantTx, id: ArchiveId) -> Result<Vec<Message>> {
    let tenant = tx.tenant();
    let transcript = sqlx::query_scalar!(
        "select transcript from sixty.copilot_session_summaries
         where org_id = $1 and ($2::uuid is null or owner_id = $2) and id = $3",
        tenant.org.0,
        tenant.owner().map(|owner| owner.0),
        id.0
    )
    .fetch_optional(tx.connection())
    .await
    .map_err(from_sqlx)?
    .ok_or(Error::NotFound)?;
    serde_json::from_str(&transcript).map_err(Error::internal)
}
