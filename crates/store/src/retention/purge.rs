//! One small transaction of a round: it holds few rows, and none that a turn waits for.

mod live;
mod revisions;
mod sessions;

pub(super) use revisions::{next_member, revisions_due};

use domain::{Result, Scope, SessionId, Tenant, UserId, retention::Purged};
use uuid::Uuid;

use super::{
    Retention, Round, find,
    rounds::{self, Phase, Place},
};
use crate::{
    Store, TenantTx,
    audit::{self, Entry},
};

/// Rows of one kind that a transaction deletes, at most.
const ROWS: i64 = 500;
/// The same of rows that take others with them, or are big.
const BIG_ROWS: i64 = 20;

/// What a transaction of a round came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// It has deleted so much, and there may be more.
    More(Purged),
    /// Nothing is left; so much has gone in the whole round.
    Finished(Purged),
    /// Another replica has the round.
    Lost,
}

/// Whose rows a step looks at.
#[derive(Clone, Copy, Debug)]
struct Subject<Id> {
    id: Id,
    owner: UserId,
}

/// Does the next piece of the round. What is set is read after the round's row is
/// locked, so that whoever changes it (and locks that row as well) is obeyed at once.
/// `before_commit` is called with the transaction still open; `last` makes this the
/// replica's last step for now.
pub async fn step(
    store: &Store,
    round: &Round,
    last: bool,
    before_commit: impl AsyncFnOnce(),
) -> Result<Step> {
    let mut tx = store.tenant(Tenant::overseer(round.org)).await?;
    let Some(place) = rounds::guard(&mut tx, round).await? else {
        tx.rollback().await?;
        return Ok(Step::Lost);
    };
    let set = find(&mut tx).await?;
    let done = if set.hold.organization { None } else { piece(&mut tx, &set, place).await? };
    tx.switch(None, Scope::Org).await?;
    let step = match done {
        Some((place, purged)) => {
            rounds::advance(&mut tx, &place, purged).await?;
            if last {
                rounds::hand_back(&mut tx).await?;
            }
            Step::More(purged)
        }
        None => Step::Finished(finish(&mut tx).await?),
    };
    before_commit().await;
    tx.commit().await?;
    Ok(step)
}

/// The end of a round is its entry in the audit trail, if it has deleted anything.
async fn finish(tx: &mut TenantTx) -> Result<Purged> {
    let all = rounds::finish(tx).await?;
    if !all.is_nothing() {
        let detail = all.to_string();
        audit::record(tx, &[Entry::by_service("retention.purge").saying(&detail)]).await?;
    }
    Ok(all)
}

/// Deletes what comes next. None: there is nothing more.
async fn piece(tx: &mut TenantTx, set: &Retention, at: Place) -> Result<Option<(Place, Purged)>> {
    let mut at = at;
    loop {
        let (found, next) = match at.phase {
            Phase::Sessions => (of_sessions(tx, set, at.after).await?, Some(Phase::Messages)),
            Phase::Messages => (of_messages(tx, set, at.after).await?, Some(Phase::Revisions)),
            Phase::Revisions => (of_revisions(tx, set, at.after).await?, None),
        };
        match (found, next) {
            (Some((after, purged)), _) => return Ok(Some((Place { after, ..at }, purged))),
            (None, Some(phase)) => at = Place { phase, after: None },
            (None, None) => return Ok(None),
        }
    }
}

type Piece = Option<(Option<Uuid>, Purged)>;

async fn of_sessions(tx: &mut TenantTx, set: &Retention, after: Option<Uuid>) -> Result<Piece> {
    let days = set.days.transcripts;
    let Some(session) = sessions::next(tx, days, after).await? else { return Ok(None) };
    tx.switch(Some(session.owner), Scope::Org).await?;
    let (purged, done) = sessions::delete_some(tx, session, days).await?;
    Ok(Some((if done { Some(session.id.0) } else { after }, purged)))
}

async fn of_messages(tx: &mut TenantTx, set: &Retention, after: Option<Uuid>) -> Result<Piece> {
    let Some(days) = set.days.messages else { return Ok(None) };
    let Some(archive) = live::next(tx, days, after).await? else { return Ok(None) };
    tx.switch(Some(archive.owner), Scope::Org).await?;
    let (messages, done) = live::drop_some(tx, archive, days).await?;
    let after = if done { Some(archive.id.0) } else { after };
    Ok(Some((after, Purged { messages, ..Purged::default() })))
}

/// First the documents that the organization shares, then those of each member.
async fn of_revisions(tx: &mut TenantTx, set: &Retention, after: Option<Uuid>) -> Result<Piece> {
    let Some(days) = set.days.revisions else { return Ok(None) };
    let member = match after {
        None => None,
        Some(after) => match next_member(tx, after).await? {
            Some(member) => Some(member),
            None => return Ok(None),
        },
    };
    if let Some(member) = member {
        tx.switch(Some(member), Scope::Own).await?;
    }
    let revisions = revisions::delete_some(tx, member, days).await?;
    let here = member.map_or(Uuid::nil(), |member| member.0);
    let after = if revisions < ROWS { Some(here) } else { after };
    Ok(Some((after, Purged { revisions, ..Purged::default() })))
}

type OneSession = Subject<SessionId>;
