//! Archives: summaries, whole transcripts, passages to search.

use chrono::{DateTime, Utc};
use domain::{
    ArchiveId, EntityKind, Error, Result, SessionId,
    archive::{Passage, SessionSummary},
    run::Lease,
    session::Message,
};
use serde_json::value::RawValue;
use sqlx::{Postgres, QueryBuilder};

use crate::{RunTx, TenantTx, error::from_sqlx};

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
    // Nine values a row, and Postgres takes 65,535 in a statement.
    for rows in passages.chunks(4_000) {
        let mut sql: QueryBuilder<Postgres> = QueryBuilder::new(
            "insert into sixty.copilot_summary_passages
                (org_id, owner_id, summary_id, session_id, seq, part, role, text, said_at) ",
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
                .push_bind(passage.said_at);
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

/// What a search looks for.
#[derive(Clone, Debug, Default)]
pub struct Search<'a> {
    /// Words; any of them counts, and more of them count more. `"quoted words"`
    /// stand together, `-word` must not occur.
    pub query: &'a str,
    pub session: Option<SessionId>,
    pub entity_kind: Option<EntityKind>,
    pub entity_id: Option<&'a str>,
    pub since: Option<DateTime<Utc>>,
    pub limit: i64,
    /// Results of the pages before.
    pub offset: i64,
}

/// Passages of the caller's archives, best first.
pub async fn search(tx: &mut TenantTx, search: &Search<'_>) -> Result<Vec<Passage>> {
    let tenant = tx.tenant();
    let (any_of, none_of) = any_word(search.query);
    let rows = sqlx::query!(
        r#"with asked as (
            select websearch_to_tsquery('english', $3) && websearch_to_tsquery('english', $10) as query)
         select p.summary_id, p.session_id, p.seq, p.role, p.said_at,
            ts_rank_cd(p.search, asked.query, 1) as "score!",
            ts_headline('english', p.text, asked.query,
                'StartSel=**, StopSel=**, MaxWords=45, MinWords=20, MaxFragments=2') as "snippet!"
         from sixty.copilot_summary_passages p
         cross join asked
         join sixty.copilot_session_summaries a
            on a.org_id = p.org_id and a.owner_id = p.owner_id and a.id = p.summary_id
         join sixty.sessions s on s.org_id = p.org_id and s.id = p.session_id
         where p.org_id = $1 and p.owner_id = $2 and a.summary_text is not null
            and p.search @@ asked.query
            and ($4::uuid is null or p.session_id = $4)
            and ($5::text is null or s.entity_kind = $5)
            and ($6::text is null or s.entity_id = $6)
            and ($7::timestamptz is null or p.said_at >= $7)
         order by 6 desc, p.said_at desc, p.summary_id, p.seq, p.part
         limit $8 offset $9"#,
        tenant.org.0,
        tenant.user.0,
        any_of,
        search.session.map(|session| session.0),
        search.entity_kind.map(EntityKind::as_str),
        search.entity_id,
        search.since,
        search.limit,
        search.offset,
        none_of
    )
    .fetch_all(tx.connection())
    .await
    .map_err(from_sqlx)?;
    Ok(rows
        .into_iter()
        .map(|row| Passage {
            summary_id: row.summary_id.into(),
            session_id: row.session_id.into(),
            seq: row.seq,
            role: row.role,
            snippet: row.snippet,
            score: row.score,
            created_at: row.said_at,
        })
        .collect())
}

/// A question in plain words rarely has all of its words in one passage: each
/// counts by itself. Phrases stay whole; exclusions, the second text, hold for all.
fn any_word(query: &str) -> (String, String) {
    let mut parts: Vec<String> = Vec::new();
    for (i, piece) in query.split('"').enumerate() {
        if i % 2 == 1 {
            // `-"a phrase"` excludes the phrase: the sign ended the piece before.
            let sign = parts.pop_if(|part| part == "-").unwrap_or_default();
            parts.push(format!("{sign}\"{piece}\""));
        } else {
            parts.extend(piece.split_whitespace().map(str::to_owned));
        }
    }
    // What has no word in it only deepens the query; a rule of dashes is no exclusion.
    parts.retain(|part| part.contains(char::is_alphanumeric) && !part.eq_ignore_ascii_case("or"));
    let (without, with): (Vec<String>, Vec<String>) =
        parts.into_iter().partition(|part| part.starts_with('-'));
    let without: Vec<String> =
        without.iter().take(MOST_WORDS).map(|part| format!("-{}", part.trim_start_matches('-'))).collect();
    let with: Vec<String> = with.into_iter().take(MOST_WORDS).collect();
    (with.join(" or "), without.join(" "))
}

/// Words of a search that count.
const MOST_WORDS: usize = 64;

#[cfg(test)]
mod tests {
    use super::any_word;

    #[test]
    fn any_word_counts_and_phrases_stay_whole() {
        assert_eq!(any_word("what did Dana say").0, "what or did or Dana or say");
        let (any_of, none_of) = any_word(r#"price "security review" -pilot"#);
        assert_eq!((any_of.as_str(), none_of.as_str()), (r#"price or "security review""#, "-pilot"));
        let (any_of, none_of) = any_word(r#"price -"security review" -"pilot" ok"#);
        assert_eq!((any_of.as_str(), none_of.as_str()), ("price or ok", r#"-"security review" -"pilot""#));
        assert_eq!(any_word(""), (String::new(), String::new()));
        assert_eq!(any_word(&"-".repeat(500)), (String::new(), String::new()));
        assert_eq!(any_word("--- ---pilot & | !").1, "-pilot");
        assert_eq!(any_word(&"-a ".repeat(500)).1.len(), 64 * 3 - 1);
    }
}
