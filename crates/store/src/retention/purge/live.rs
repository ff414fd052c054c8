//! Live messages that an archive holds: a row goes when the archive has the same bytes.

use std::collections::HashMap;

use domain::{ArchiveId, Error, Result, session::Message};
use uuid::Uuid;

use super::{ROWS, Subject};
use crate::{TenantTx, archives, error::from_sqlx, messages};

/// An archive with what its rows are found by.
pub type Archive = Subject<ArchiveId>;

/// The next archive some of whose messages are still live, and old enough. It has its
/// summary, the prompt begins behind it, and its conversation neither runs nor is held.
pub async fn next(tx: &mut TenantTx, days: i32, after: Option<Uuid>) -> Result<Option<Archive>> {
    let org = tx.org();
    let row = sqlx::query!(
        "select a.id, a.owner_id from sixty.copilot_session_summaries a
         join sixty.sessions s on s.org_id = a.org_id and s.owner_id = a.owner_id and s.id = a.session_id
         where a.org_id = $1 and ($2::uuid is null or a.id > $2)
            and a.summary_text is not null and a.last_seq < s.live_from_seq and not s.expired
            and exists (select from sixty.messages m
                where m.org_id = $1 and m.session_id = a.session_id and m.seq between a.first_seq and a.last_seq
                    and m.created_at < now() - make_interval(days => $3))
            and not exists (select from sixty.runs r where r.org_id = $1 and r.session_id = a.session_id
                and r.status in ('queued', 'running', 'waiting'))
            and not exists (select from sixty.retention_holds h where h.org_id = $1 and h.user_id = a.owner_id
                and h.session_id in (a.session_id, '00000000-0000-0000-0000-000000000000'))
         order by a.id limit 1",
        org.0,
        after,
        days
    )
    .fetch_optional(tx.connection())
    .await
    .map_err(from_sqlx)?;
    Ok(row.map(|row| Archive { id: row.id.into(), owner: row.owner_id.into() }))
}

/// Drops some of the archive's live messages. True: there are no more that could go.
pub async fn drop_some(tx: &mut TenantTx, archive: Archive, days: i32) -> Result<(i64, bool)> {
    let live = messages::of_archive(tx, archive.owner, archive.id, days).await?;
    let held: HashMap<i64, Message> = archives::transcript(tx, archive.id)
        .await?
        .into_iter()
        .map(|message| (message.seq, message))
        .collect();
    let mut going = Vec::new();
    let mut differ = 0;
    for message in &live {
        match held.get(&message.seq) {
            Some(held) if bytes(held)? == bytes(message)? => going.push(message.seq),
            _ => differ += 1,
        }
    }
    if differ > 0 {
        // As where an answer was superseded between the archive and its summary.
        tracing::info!(archive = %archive.id, differ, "messages stay live: the archive has them otherwise");
    }
    let limit = usize::try_from(ROWS).unwrap_or(usize::MAX);
    let done = going.len() <= limit;
    going.truncate(limit);
    let org = tx.org();
    let gone = sqlx::query!(
        "with archive as (
            update sixty.copilot_session_summaries set live_dropped = true
            where org_id = $1 and owner_id = $2 and id = $3 and cardinality($4::bigint[]) > 0
            returning session_id
         )
         delete from sixty.messages m using archive a
         where m.org_id = $1 and m.owner_id = $2 and m.session_id = a.session_id and m.seq = any ($4)",
        org.0,
        archive.owner.0,
        archive.id.0,
        &going
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)?;
    Ok((gone.rows_affected().try_into().unwrap_or(i64::MAX), done))
}

fn bytes(message: &Message) -> Result<Vec<u8>> {
    serde_json::to_vec(message).map_err(Error::internal)
}
