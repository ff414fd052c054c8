//! Verification: everything that was sealed is computed again.

use std::{collections::HashMap, fmt};

use domain::{OrgId, Result, Tenant};
use store::{
    Store, TenantTx,
    seals::{self, Head, Seal, StoredEntry},
};
use uuid::Uuid;

use super::trail::{self, DIGEST, Mac, SealKeys};

/// Seals of one look.
const PAGE: i64 = 20;

/// A seal that somebody wrote down outside of the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anchor {
    pub seq: i64,
    pub hash: Vec<u8>,
}

/// What was found in one organization.
#[derive(Clone, Debug)]
pub struct Report {
    pub seals: i64,
    /// Entries that a seal proves.
    pub sealed: usize,
    /// Entries that wait for a seal, which nothing proves yet.
    pub waiting: i64,
    pub end: Option<Anchor>,
    /// The first place that is broken.
    pub broken: Option<Broken>,
}

/// How a trail is broken, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Broken {
    SealMissing {
        seq: i64,
    },
    /// Its content is not what its hash says, or it does not follow on the one before.
    SealChanged {
        seq: i64,
    },
    /// Somebody without the key made it.
    SealForged {
        seq: i64,
    },
    EntryMissing {
        seq: i64,
        entry: Uuid,
    },
    EntryChanged {
        seq: i64,
        entry: Uuid,
    },
    /// In no seal, and not waiting for one.
    EntryInserted {
        entry: Uuid,
    },
    EntryTwice {
        entry: Uuid,
    },
    EndMissing,
    EndChanged,
    /// The newest seals were made with a key that is not configured.
    UnknownKey {
        seq: i64,
    },
    /// Not the seal that was written down.
    AnchorDiffers {
        seq: i64,
    },
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Broken::SealMissing { seq } => write!(f, "seal {seq} is missing"),
            Broken::SealChanged { seq } => {
                write!(f, "seal {seq} was changed, or does not follow on the one before it")
            }
            Broken::SealForged { seq } => write!(f, "seal {seq} was not made with the service's key"),
            Broken::EntryMissing { seq, entry } => write!(f, "entry {entry} of seal {seq} is missing"),
            Broken::EntryChanged { seq, entry } => write!(f, "entry {entry} of seal {seq} was changed"),
            Broken::EntryInserted { entry } => {
                write!(
                    f,
                    "entry {entry} was not written by the service: no seal names it, and it waits for none"
                )
            }
            Broken::EntryTwice { entry } => write!(f, "entry {entry} was put into the queue a second time"),
            Broken::EndMissing => f.write_str("the record of the chain's end is missing"),
            Broken::EndChanged => f.write_str("the record of the chain's end was changed"),
            Broken::UnknownKey { seq } => write!(
                f,
                "the end of the chain (seal {seq}) was made with a master key that is not configured: set \
                 SIXTY_MASTER_KEY, or SIXTY_MASTER_KEY_PREVIOUS, to the one that was used"
            ),
            Broken::AnchorDiffers { seq } => write!(f, "seal {seq} is not the one that was written down"),
        }
    }
}

/// Computes an organization's trail again from its entries. The service may go on
/// writing meanwhile: what is sealed after the beginning is not looked at.
pub async fn verify(store: &Store, keys: &SealKeys, org: OrgId, anchor: Option<&Anchor>) -> Result<Report> {
    let mut tx = store.tenant(Tenant::overseer(org)).await?;
    let (head, last) = seals::head(&mut tx).await?;
    let mut walk = Walk { keys, org, anchor, last: None, unproven: None, sealed: 0 };
    let mut broken = walk.chain(&mut tx, last.unwrap_or(0)).await?;
    if broken.is_none() {
        broken = walk.end(head.as_ref());
    }
    let outside = seals::outside(&mut tx).await?;
    tx.commit().await?;
    let broken = broken
        .or(outside.stray.map(|entry| Broken::EntryInserted { entry }))
        .or(outside.twice.map(|entry| Broken::EntryTwice { entry }));
    Ok(Report {
        seals: walk.last.as_ref().map_or(0, |seal| seal.seq),
        sealed: walk.sealed,
        waiting: outside.waiting,
        end: walk.last.map(|seal| Anchor { seq: seal.seq, hash: seal.hash }),
        broken,
    })
}

/// How far the chain was walked.
struct Walk<'a> {
    keys: &'a SealKeys,
    org: OrgId,
    anchor: Option<&'a Anchor>,
    last: Option<Seal>,
    /// The newest seal whose key is not configured, as long as no later one proves it:
    /// a good mac proves every link before it.
    unproven: Option<i64>,
    sealed: usize,
}

impl Walk<'_> {
    /// All seals up to this number.
    async fn chain(&mut self, tx: &mut TenantTx, last: i64) -> Result<Option<Broken>> {
        loop {
            let after = self.last.as_ref().map_or(0, |seal| seal.seq);
            let mut page = seals::list(tx, after, PAGE).await?;
            page.retain(|seal| seal.seq <= last);
            if page.is_empty() {
                return Ok(None);
            }
            for seal in page {
                if let Some(broken) = self.link(&seal) {
                    return Ok(Some(broken));
                }
                let entries = seals::entries(tx, &seal.entries).await?;
                if let Some(broken) = self.entries(&seal, entries) {
                    return Ok(Some(broken));
                }
                self.sealed += seal.entries.len();
                self.last = Some(seal);
            }
        }
    }

    fn link(&mut self, seal: &Seal) -> Option<Broken> {
        let seq = self.last.as_ref().map_or(0, |last| last.seq) + 1;
        if seal.seq != seq {
            return Some(Broken::SealMissing { seq });
        }
        let before = self.last.as_ref().map(|last| (last.hash.as_slice(), last.mac.as_slice()));
        if trail::hash(self.org, before, seal) != seal.hash {
            return Some(Broken::SealChanged { seq });
        }
        match self.keys.check_seal(self.org, seal) {
            Mac::Good => self.unproven = None,
            Mac::Bad => return Some(Broken::SealForged { seq }),
            Mac::UnknownKey => self.unproven = Some(seq),
        }
        let differs = self.anchor.is_some_and(|anchor| anchor.seq == seq && anchor.hash != seal.hash);
        differs.then_some(Broken::AnchorDiffers { seq })
    }

    fn entries(&self, seal: &Seal, stored: Vec<StoredEntry>) -> Option<Broken> {
        let seq = seal.seq;
        let stored: HashMap<Uuid, StoredEntry> = stored.into_iter().map(|entry| (entry.id, entry)).collect();
        let (digests, rest) = seal.digests.as_chunks::<DIGEST>();
        if digests.len() != seal.entries.len() || !rest.is_empty() {
            return Some(Broken::SealChanged { seq });
        }
        seal.entries.iter().zip(digests).find_map(|(id, digest)| match stored.get(id) {
            None => Some(Broken::EntryMissing { seq, entry: *id }),
            Some(entry) if trail::digest(self.org, entry) != *digest => {
                Some(Broken::EntryChanged { seq, entry: *id })
            }
            Some(_) => None,
        })
    }

    /// Whether the chain ends where the service left it.
    fn end(&self, head: Option<&Head>) -> Option<Broken> {
        let last = self.last.as_ref();
        let reached = last.map_or(0, |last| last.seq);
        match head {
            None if last.is_some() => return Some(Broken::EndMissing),
            None => {}
            Some(head) => match self.keys.check_head(self.org, head) {
                Mac::Bad => return Some(Broken::EndChanged),
                Mac::UnknownKey => return Some(Broken::UnknownKey { seq: head.seq }),
                Mac::Good if head.seq > reached => return Some(Broken::SealMissing { seq: reached + 1 }),
                Mac::Good => {
                    if last.is_none_or(|last| {
                        last.seq != head.seq || last.hash != head.hash || last.mac != head.seal_mac
                    }) {
                        return Some(Broken::EndChanged);
                    }
                }
            },
        }
        if let Some(seq) = self.unproven {
            return Some(Broken::UnknownKey { seq });
        }
        let cut = self.anchor.filter(|anchor| anchor.seq > reached);
        cut.map(|_| Broken::SealMissing { seq: reached + 1 })
    }
}
