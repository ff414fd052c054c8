//! What people think of the copilot's answers.

use chrono::{DateTime, Utc};
use domain::{
    Error, MessageId, Result, SessionId,
    feedback::{Feedback, MemberFeedback, Rating},
};
use uuid::Uuid;

use crate::{
    TenantTx,
    error::{corrupt, from_sqlx},
    retention,
};

struct Row {
    message_id: Uuid,
    rating: String,
    text: Option<String>,
    updated_at: DateTime<Utc>,
}

impl TryFrom<Row> for Feedback {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Feedback {
            message_id: row.message_id.into(),
            rating: rating(&row.rating)?,
            text: row.text,
            updated_at: row.updated_at,
        })
    }
}

fn rating(word: &str) -> Result<Rating> {
    Rating::parse(word).ok_or_else(|| corrupt("a rating", word))
}

/// Stores the person's word about an answer in a conversation of theirs, in the place of an earlier
/// one. The answer has to be live, unless there is an earlier one: an archive has no index of ids.
pub async fn put(
    tx: &mut TenantTx,
    message: MessageId,
    rating: Rating,
    text: Option<&str>,
) -> Result<Feedback> {
    let tenant = tx.tenant();
    sqlx::query_as!(
        Row,
        "insert into sixty.message_feedback as f (org_id, owner_id, message_id, session_id, rating, text)
         select $1, $2, $3, s.id, $4, $5
         from (select session_id from sixty.messages
                where org_id = $1 and owner_id = $2 and id = $3 and role = 'assistant'
            union
            select session_id from sixty.message_feedback
                where org_id = $1 and owner_id = $2 and message_id = $3) m
         join sixty.sessions s on s.org_id = $1 and s.owner_id = $2 and s.id = m.session_id
         on conflict (org_id, owner_id, message_id)
            do update set rating = excluded.rating, text = excluded.text, updated_at = now()
         returning f.message_id, f.rating, f.text, f.updated_at",
        tenant.org.0,
        tenant.user.0,
        message.0,
        rating.as_str(),
        text
    )
    .fetch_optional(tx.connection())
    .await
    .map_err(gone)?
    .ok_or(Error::NotFound)?
    .try_into()
}

/// A conversation that was deleted just now is as good as none.
fn gone(error: sqlx::Error) -> Error {
    match &error {
        sqlx::Error::Database(database) if database.is_foreign_key_violation() => Error::NotFound,
        _ => from_sqlx(error),
    }
}

/// The person's word about the answer, and in which conversation that is.
async fn row(tx: &mut TenantTx, message: MessageId) -> Result<(SessionId, Row)> {
    let tenant = tx.tenant();
    let found = sqlx::query!(
        "select f.session_id, f.message_id, f.rating, f.text, f.updated_at
         from sixty.message_feedback f
         join sixty.sessions s on s.org_id = f.org_id and s.owner_id = f.owner_id and s.id = f.session_id
         where f.org_id = $1 and f.owner_id = $2 and f.message_id = $3",
        tenant.org.0,
        tenant.user.0,
        message.0
    )
    .fetch_optional(tx.connection())
    .await
    .map_err(from_sqlx)?
    .ok_or(Error::NotFound)?;
    let row = Row {
        message_id: found.message_id,
        rating: found.rating,
        text: found.text,
        updated_at: found.updated_at,
    };
    Ok((found.session_id.into(), row))
}

pub async fn find(tx: &mut TenantTx, message: MessageId) -> Result<Feedback> {
    row(tx, message).await?.1.try_into()
}

/// Takes the word back, unless its conversation is under legal hold.
pub async fn delete(tx: &mut TenantTx, message: MessageId) -> Result<()> {
    let (session, _) = row(tx, message).await?;
    if retention::session_held(tx, session).await? {
        return Err(retention::refusal());
    }
    let tenant = tx.tenant();
    let done = sqlx::query!(
        "delete from sixty.message_feedback where org_id = $1 and owner_id = $2 and message_id = $3",
        tenant.org.0,
        tenant.user.0,
        message.0
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)?;
    if done.rows_affected() == 1 { Ok(()) } else { Err(Error::NotFound) }
}

/// Which feedback a list shows.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub rating: Option<Rating>,
    /// Given then or later.
    pub since: Option<DateTime<Utc>>,
    /// The last of the page before.
    pub before: Option<(DateTime<Utc>, MessageId)>,
    pub limit: i64,
}

/// Everybody's feedback, newest first. Needs a transaction that sees the organization.
pub async fn list(tx: &mut TenantTx, filter: &Filter) -> Result<Vec<MemberFeedback>> {
    let org = tx.org();
    let (at, id) = filter.before.unzip();
    let rows = sqlx::query!(
        "select f.message_id, f.session_id, m.external_id as user, f.rating, f.text, f.updated_at
         from sixty.message_feedback f
         join sixty.members m on m.org_id = f.org_id and m.user_id = f.owner_id
         join sixty.sessions s on s.org_id = f.org_id and s.owner_id = f.owner_id and s.id = f.session_id
         where f.org_id = $1 and not s.expired and ($2::text is null or f.rating = $2)
            and ($3::timestamptz is null or f.updated_at >= $3)
            and ($4::timestamptz is null or (f.updated_at, f.message_id) < ($4, $5::uuid))
         order by f.updated_at desc, f.message_id desc limit $6",
        org.0,
        filter.rating.map(Rating::as_str),
        filter.since,
        at,
        id.map(|id| id.0),
        filter.limit
    )
    .fetch_all(tx.connection())
    .await
    .map_err(from_sqlx)?;
    rows.into_iter()
        .map(|row| {
            Ok(MemberFeedback {
                message_id: row.message_id.into(),
                session_id: row.session_id.into(),
                user: row.user,
                rating: rating(&row.rating)?,
                text: row.text,
                updated_at: row.updated_at,
            })
        })
        .collect()
}
