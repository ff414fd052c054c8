//! What a seal says, as pure functions: the bytes of an entry, the links of the
//! chain, its end. A change here needs new numbers in the names below, or what
//! earlier versions sealed could not be verified any more.

use aws_lc_rs::hmac;
use chrono::{DateTime, SubsecRound, Utc};
use domain::OrgId;
use sha2::{Digest, Sha256};
use store::seals::{Head, Seal, StoredEntry};
use uuid::Uuid;

use crate::keys::{KEY_BYTES, MasterKeys};

const PURPOSE: &str = "audit seals";
const ENTRY: &[u8] = b"sixty audit entry 1";
const SEAL: &[u8] = b"sixty audit seal 1";
const SEAL_MAC: &[u8] = b"sixty audit seal mac 1";
const HEAD_MAC: &[u8] = b"sixty audit head mac 1";
const KEY_ID: &[u8] = b"sixty audit key id 1";

/// Length of a digest, in bytes.
pub(super) const DIGEST: usize = 32;

/// The keys of the seals: derived from the master key, and unknown to the database.
#[derive(Clone, Debug)]
pub struct SealKeys(Vec<SealKey>);

#[derive(Clone, Debug)]
struct SealKey {
    id: String,
    key: hmac::Key,
}

/// What a key says of a mac.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mac {
    Good,
    Bad,
    /// It was made with a key that is not configured.
    UnknownKey,
}

impl SealKeys {
    pub fn new(master: &MasterKeys) -> Self {
        Self(master.derive(PURPOSE).iter().map(SealKey::new).collect())
    }

    /// New seals are made with this one.
    fn current(&self) -> &SealKey {
        self.0.first().expect("there is a current master key")
    }

    fn check(&self, key_id: &str, bytes: &[u8], mac: &[u8]) -> Mac {
        match self.0.iter().find(|key| key.id == key_id) {
            None => Mac::UnknownKey,
            Some(key) if hmac::verify(&key.key, bytes, mac).is_ok() => Mac::Good,
            Some(_) => Mac::Bad,
        }
    }

    pub(super) fn check_seal(&self, org: OrgId, seal: &Seal) -> Mac {
        self.check(&seal.key_id, &seal_bytes(org, seal.seq, &seal.hash), &seal.mac)
    }

    pub(super) fn check_head(&self, org: OrgId, head: &Head) -> Mac {
        self.check(&head.key_id, &head_bytes(org, head.seq, &head.hash, &head.seal_mac), &head.mac)
    }
}

impl SealKey {
    fn new(bytes: &[u8; KEY_BYTES]) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, bytes);
        let id = hex::encode(&hmac::sign(&key, KEY_ID).as_ref()[..8]);
        Self { id, key }
    }

    fn sign(&self, bytes: &[u8]) -> Vec<u8> {
        hmac::sign(&self.key, bytes).as_ref().to_vec()
    }
}

/// The next link, over these entries in this order, and the end that it makes.
pub(super) fn seal(
    keys: &SealKeys,
    org: OrgId,
    before: Option<&Head>,
    entries: &[StoredEntry],
    at: DateTime<Utc>,
) -> (Seal, Head) {
    let key = keys.current();
    let seq = before.map_or(0, |head| head.seq) + 1;
    let mut seal = Seal {
        seq,
        // What the database keeps of a time.
        sealed_at: at.trunc_subsecs(6),
        entries: entries.iter().map(|entry| entry.id).collect(),
        digests: entries.iter().flat_map(|entry| digest(org, entry)).collect(),
        hash: Vec::new(),
        key_id: key.id.clone(),
        mac: Vec::new(),
    };
    seal.hash = hash(org, before.map(|head| (head.hash.as_slice(), head.seal_mac.as_slice())), &seal);
    seal.mac = key.sign(&seal_bytes(org, seq, &seal.hash));
    let mac = key.sign(&head_bytes(org, seq, &seal.hash, &seal.mac));
    let head = Head { seq, hash: seal.hash.clone(), seal_mac: seal.mac.clone(), key_id: key.id.clone(), mac };
    (seal, head)
}

/// The hash of a link: over the hash and the mac of the one before, and over all
/// that it says itself.
pub(super) fn hash(org: OrgId, before: Option<(&[u8], &[u8])>, seal: &Seal) -> Vec<u8> {
    let (hash, mac) = before.unwrap_or_default();
    let mut bytes = Framed::new(SEAL);
    bytes.add(org.0.as_bytes()).add(&seal.seq.to_be_bytes()).add(hash).add(mac);
    bytes.add(&seal.sealed_at.timestamp_micros().to_be_bytes()).add(seal.key_id.as_bytes());
    for id in &seal.entries {
        bytes.add(id.as_bytes());
    }
    bytes.add(&seal.digests);
    Sha256::digest(&bytes.0).to_vec()
}

/// SHA-256 of an entry, over every column.
pub(super) fn digest(org: OrgId, entry: &StoredEntry) -> [u8; DIGEST] {
    let uuid = |id: &Option<Uuid>| id.map(|id| id.as_bytes().to_vec());
    let text = |text: &Option<String>| text.as_ref().map(|text| text.as_bytes().to_vec());
    let mut bytes = Framed::new(ENTRY);
    bytes.add(org.0.as_bytes()).add(entry.id.as_bytes()).add(&entry.at.timestamp_micros().to_be_bytes());
    bytes
        .add(entry.actor_kind.as_bytes())
        .add_option(uuid(&entry.actor_id))
        .add_option(uuid(&entry.on_behalf_of));
    bytes.add(entry.channel.as_bytes()).add(entry.action.as_bytes()).add_option(text(&entry.tool));
    bytes.add(entry.decision.as_bytes()).add_option(text(&entry.rule)).add_option(uuid(&entry.approval_id));
    bytes
        .add_option(uuid(&entry.run_id))
        .add_option(text(&entry.call_id))
        .add_option(entry.args_hash.clone());
    bytes.add_option(text(&entry.target)).add_option(text(&entry.detail));
    Sha256::digest(&bytes.0).into()
}

fn seal_bytes(org: OrgId, seq: i64, hash: &[u8]) -> Vec<u8> {
    let mut bytes = Framed::new(SEAL_MAC);
    bytes.add(org.0.as_bytes()).add(&seq.to_be_bytes()).add(hash);
    bytes.0
}

fn head_bytes(org: OrgId, seq: i64, hash: &[u8], seal_mac: &[u8]) -> Vec<u8> {
    let mut bytes = Framed::new(HEAD_MAC);
    bytes.add(org.0.as_bytes()).add(&seq.to_be_bytes()).add(hash).add(seal_mac);
    bytes.0
}

/// Parts with their lengths before them, so that no part can pass for two.
struct Framed(Vec<u8>);

impl Framed {
    fn new(name: &[u8]) -> Self {
        let mut framed = Self(Vec::new());
        framed.add(name);
        framed
    }

    fn add(&mut self, part: &[u8]) -> &mut Self {
        self.0.push(1);
        self.0.extend_from_slice(&u64::try_from(part.len()).expect("a length fits").to_be_bytes());
        self.0.extend_from_slice(part);
        self
    }

    /// Nothing differs from an empty part.
    fn add_option(&mut self, part: Option<Vec<u8>>) -> &mut Self {
        if let Some(part) = part {
            return self.add(&part);
        }
        self.0.push(0);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry() -> StoredEntry {
        StoredEntry {
            id: Uuid::from_u128(7),
            at: DateTime::from_timestamp_micros(1_767_225_600_000_001).expect("a time"),
            actor_kind: "person".into(),
            actor_id: Some(Uuid::from_u128(1)),
            on_behalf_of: None,
            channel: "http".into(),
            action: "memory.put".into(),
            tool: None,
            decision: "executed".into(),
            rule: None,
            approval_id: None,
            run_id: None,
            call_id: None,
            args_hash: None,
            target: Some("memory:org".into()),
            detail: Some(String::new()),
        }
    }

    type Edit = fn(&mut StoredEntry);
    const OTHER: Option<Uuid> = Some(Uuid::from_u128(9));

    #[test]
    fn every_column_counts() {
        let org = OrgId::derive("acme");
        let edits: [Edit; 17] = [
            |e| e.id = Uuid::from_u128(8),
            |e| e.at += chrono::TimeDelta::microseconds(1),
            |e| e.actor_kind = "platform".into(),
            |e| e.actor_id = OTHER,
            |e| e.on_behalf_of = OTHER,
            |e| e.channel = "chat".into(),
            |e| e.action = "memory.revert".into(),
            |e| e.tool = Some("x".into()),
            |e| e.decision = "refused".into(),
            |e| e.rule = Some("x".into()),
            |e| e.approval_id = OTHER,
            |e| e.run_id = OTHER,
            |e| e.call_id = Some("x".into()),
            |e| e.args_hash = Some(vec![0; 32]),
            |e| e.target = None,
            |e| e.detail = None,
            |e| (e.target, e.detail) = (None, Some("memory:org".into())),
        ];
        let mut digests = vec![digest(org, &entry()), digest(OrgId::derive("globex"), &entry())];
        for edit in edits {
            let mut edited = entry();
            edit(&mut edited);
            digests.push(digest(org, &edited));
        }
        let count = digests.len();
        digests.sort_unstable();
        digests.dedup();
        assert_eq!(digests.len(), count, "two entries have the same digest");
    }

    #[test]
    fn the_bytes_of_a_seal_never_change() {
        // The values come from another implementation of docs/audit.md.
        let keys = SealKeys::new(&MasterKeys::new([7; 32], Vec::new()));
        let at = DateTime::from_timestamp_micros(1_767_225_600_000_000).expect("a time");
        let org = OrgId::derive("acme");
        let (first, head) = seal(&keys, org, None, &[entry()], at);
        let (second, head) = seal(&keys, org, Some(&head), &[entry()], at);
        assert_eq!((second.seq, head.seq), (2, 2));
        assert_eq!(
            hex::encode(&first.digests),
            "16315d4b72175533a03d79ce93f3bca25ef63e068e37016d2384f6d05a1f57d0"
        );
        assert_eq!(
            hex::encode(&second.hash),
            "5066a75fd0c70b16992e8aa6eff0718e83f54997af0de6cf167278d313c324e9"
        );
        assert_eq!(
            hex::encode(&head.mac),
            "c89cb1306a89826ed3d4b0dd91672a777b0bd96fc4c6991676a2092b51e004fc"
        );
    }

    #[test]
    fn only_the_key_that_made_a_mac_calls_it_good() {
        let (old, org) = (MasterKeys::new([1; 32], Vec::new()), OrgId::derive("acme"));
        let (seal, head) = seal(&SealKeys::new(&old), org, None, &[entry()], Utc::now());
        let rotated = SealKeys::new(&MasterKeys::new([2; 32], vec![[1; 32]]));
        let other = SealKeys::new(&MasterKeys::new([2; 32], Vec::new()));
        assert_eq!((rotated.check_seal(org, &seal), rotated.check_head(org, &head)), (Mac::Good, Mac::Good));
        assert_eq!(rotated.check_seal(OrgId::derive("globex"), &seal), Mac::Bad);
        assert_eq!(other.check_head(org, &head), Mac::UnknownKey);
        let forged = Seal { mac: vec![0; 32], ..seal };
        assert_eq!(rotated.check_seal(org, &forged), Mac::Bad);
    }
}
