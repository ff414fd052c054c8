//! Sealing: entries that are committed get their place in the organization's chain.

use chrono::Utc;
use domain::{Error, OrgId, Result, Tenant};
use store::{
    Store,
    seals::{self, Head},
};

use super::trail::{self, Mac, SealKeys};

/// Entries of one seal, at most.
const BATCH: i64 = 500;
/// Organizations of one look.
const ORGANIZATIONS: i64 = 200;

/// What one attempt to seal came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sealing {
    /// So many entries.
    Sealed(usize),
    Nothing,
    /// Another replica was faster.
    Lost,
}

/// Seals whatever waits, organization by organization; the trouble of one is its own.
pub async fn seal(store: &Store, keys: &SealKeys) -> Result<()> {
    let mut after = None;
    loop {
        let mut tx = store.system().await?;
        let organizations = seals::waiting(&mut tx, after, ORGANIZATIONS).await?;
        tx.commit().await?;
        for org in &organizations {
            if let Err(error) = seal_all(store, keys, *org).await {
                tracing::error!(%org, error = %cause(&error), "the audit trail cannot be sealed");
            }
        }
        match organizations.last() {
            Some(last) => after = Some(*last),
            None => return Ok(()),
        }
    }
}

async fn seal_all(store: &Store, keys: &SealKeys, org: OrgId) -> Result<()> {
    while let Sealing::Sealed(_) = seal_organization(store, keys, org).await? {}
    Ok(())
}

/// Puts one more seal on an organization's trail. The seal's number, the head that it
/// moves and the queue that it empties each let one replica through.
pub async fn seal_organization(store: &Store, keys: &SealKeys, org: OrgId) -> Result<Sealing> {
    let mut tx = store.tenant(Tenant::overseer(org)).await?;
    let (head, last) = seals::head(&mut tx).await?;
    let entries = seals::pending(&mut tx, BATCH).await?;
    if entries.is_empty() {
        tx.rollback().await?;
        return Ok(Sealing::Nothing);
    }
    if let Err(refusal) = may_go_on(keys, org, head.as_ref(), last) {
        tx.rollback().await?;
        return Err(refusal);
    }
    let (seal, head) = trail::seal(keys, org, head.as_ref(), &entries, Utc::now());
    if !seals::create(&mut tx, &seal, &head).await? {
        tx.rollback().await?;
        return Ok(Sealing::Lost);
    }
    tx.commit().await?;
    // Outside of the database, this line is a proof of what was there.
    tracing::info!(%org, seq = seal.seq, entries = entries.len(), hash = hex::encode(&seal.hash), "audit trail sealed");
    Ok(Sealing::Sealed(entries.len()))
}

/// A chain that was cut must not be made whole by going on from the cut.
fn may_go_on(keys: &SealKeys, org: OrgId, head: Option<&Head>, last: Option<i64>) -> Result<()> {
    match head.map(|head| keys.check_head(org, head)) {
        None | Some(Mac::Good) if head.map(|head| head.seq) == last => Ok(()),
        Some(Mac::UnknownKey) => Err(Error::internal(
            "its end was made with another master key; set SIXTY_MASTER_KEY_PREVIOUS to that one",
        )),
        _ => Err(Error::internal("its end was changed; run `sixty audit verify`")),
    }
}

/// What an error that never leaves the service says in its log.
pub(crate) fn cause(error: &Error) -> String {
    match error {
        Error::Internal(source) => source.to_string(),
        other => other.to_string(),
    }
}
