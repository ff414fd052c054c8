//! The whole history of a conversation, without a seam: messages that are live, and those
//! that an archive alone still holds.

use std::collections::BTreeMap;

use domain::{ArchiveId, MessageId, Result, RunId, SessionId, session::Message};

use crate::{TenantTx, archives, error::from_sqlx, messages};

/// An archive, some of whose messages are no longer live.
struct Held {
    id: ArchiveId,
    first_seq: i64,
    last_seq: i64,
}

/// A page of the history. `after` is the last `seq` that the reader has.
pub async fn page(
    tx: &mut TenantTx,
    session: SessionId,
    newest_first: bool,
    after: Option<i64>,
    limit: i64,
) -> Result<Vec<Message>> {
    let live = messages::list(tx, session, newest_first, after, limit).await?;
    let mut held = held_alone(tx, session, newest_first, after).await?;
    if held.is_empty() {
        return Ok(live);
    }
    if newest_first {
        held.reverse();
    }
    let size = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut page: BTreeMap<i64, Message> = live.into_iter().map(|message| (message.seq, message)).collect();
    for archive in held {
        // A full page whose end comes before the archive needs nothing of it.
        let before = |end: i64| if newest_first { end > archive.last_seq } else { end < archive.first_seq };
        let end = if newest_first { page.first_key_value() } else { page.last_key_value() };
        if page.len() >= size && end.is_some_and(|(end, _)| before(*end)) {
            break;
        }
        for message in archives::transcript(tx, archive.id).await? {
            let wanted =
                after.is_none_or(|at| if newest_first { message.seq < at } else { message.seq > at });
            if wanted {
                page.entry(message.seq).or_insert(message);
            }
        }
        while page.len() > size {
            if newest_first {
                page.pop_first()
            } else {
                page.pop_last()
            };
        }
    }
    let in_order = page.into_values();
    Ok(if newest_first { in_order.rev().collect() } else { in_order.collect() })
}

/// Archives that hold messages alone and lie in the page's direction, oldest first.
async fn held_alone(
    tx: &mut TenantTx,
    session: SessionId,
    newest_first: bool,
    after: Option<i64>,
) -> Result<Vec<Held>> {
    let tenant = tx.tenant();
    let (above, below) = if newest_first { (None, after) } else { (after, None) };
    sqlx::query_as!(
        Held,
        "select id, first_seq, last_seq from sixty.copilot_session_summaries
         where org_id = $1 and ($2::uuid is null or owner_id = $2) and session_id = $3 and live_dropped
            and last_seq > coalesce($4::bigint, 0) and ($5::bigint is null or first_seq < $5)
         order by first_seq",
        tenant.org.0,
        tenant.owner().map(|owner| owner.0),
        session.0,
        above,
        below
    )
    .fetch_all(tx.connection())
    .await
    .map_err(from_sqlx)
}

/// A message that an archive alone still holds.
pub(crate) async fn archived(
    tx: &mut TenantTx,
    session: SessionId,
    id: MessageId,
) -> Result<Option<Message>> {
    for archive in held_alone(tx, session, false, None).await? {
        let found = archives::transcript(tx, archive.id).await?.into_iter().find(|message| message.id == id);
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

/// The newest answer of a run, where an archive alone still holds it.
pub(crate) async fn archived_answer(tx: &mut TenantTx, run: RunId) -> Result<Option<Message>> {
    let tenant = tx.tenant();
    let held = sqlx::query_scalar!(
        "select a.id from sixty.copilot_session_summaries a
         join sixty.runs r on r.org_id = a.org_id and r.owner_id = a.owner_id and r.session_id = a.session_id
         where r.org_id = $1 and ($2::uuid is null or r.owner_id = $2) and r.id = $3 and a.live_dropped
         order by a.first_seq desc",
        tenant.org.0,
        tenant.owner().map(|owner| owner.0),
        run.0
    )
    .fetch_all(tx.connection())
    .await
    .map_err(from_sqlx)?;
    for id in held {
        let of_run = |message: &Message| message.run_id == Some(run) && message.role == "assistant";
        if let Some(answer) = archives::transcript(tx, id.into()).await?.into_iter().rev().find(of_run) {
            return Ok(Some(answer));
        }
    }
    Ok(None)
}
