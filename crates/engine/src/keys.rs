//! The master key, and the keys that are derived from it: one for each purpose, so
//! that none of them tells another.

use std::fmt;

use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};

/// Length of the master key and of every derived key, in bytes.
pub const KEY_BYTES: usize = 32;

/// The master key of the service, and those that it had before.
#[derive(Clone)]
pub struct MasterKeys {
    current: [u8; KEY_BYTES],
    previous: Vec<[u8; KEY_BYTES]>,
}

/// Without the keys.
impl fmt::Debug for MasterKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MasterKeys").field("previous", &self.previous.len()).finish_non_exhaustive()
    }
}

struct Length;

impl KeyType for Length {
    fn len(&self) -> usize {
        KEY_BYTES
    }
}

impl MasterKeys {
    pub fn new(current: [u8; KEY_BYTES], previous: Vec<[u8; KEY_BYTES]>) -> Self {
        Self { current, previous }
    }

    /// Every master key, for whoever has to know it when it stands in a text.
    pub fn expose(&self) -> impl Iterator<Item = &[u8; KEY_BYTES]> {
        std::iter::once(&self.current).chain(&self.previous)
    }

    /// The keys for one purpose, by HKDF-SHA256 (RFC 5869): the current one first.
    pub fn derive(&self, purpose: &str) -> Vec<[u8; KEY_BYTES]> {
        self.expose().map(|key| derive(key, purpose)).collect()
    }
}

fn derive(master: &[u8; KEY_BYTES], purpose: &str) -> [u8; KEY_BYTES] {
    let mut key = [0; KEY_BYTES];
    Salt::new(HKDF_SHA256, b"sixty")
        .extract(master)
        .expand(&[purpose.as_bytes()], Length)
        .and_then(|expanded| expanded.fill(&mut key))
        .expect("HKDF gives up to 8,160 bytes");
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_differ_by_purpose_and_by_master_key() {
        let keys = MasterKeys::new([1; 32], vec![[2; 32]]);
        let (audit, other) = (keys.derive("audit"), keys.derive("other"));
        assert_eq!(audit.len(), 2);
        assert!(audit[0] != audit[1] && audit[0] != other[0] && audit[0] != [1; 32]);
        assert_eq!(MasterKeys::new([2; 32], Vec::new()).derive("audit"), [audit[1]]);
        assert!(!format!("{keys:?}").contains("1, 1"));
    }

    #[test]
    fn a_derived_key_never_changes() {
        // A release that derives another one would find every seal broken.
        let key = MasterKeys::new([7; 32], Vec::new()).derive("audit seals").remove(0);
        assert_eq!(hex::encode(key), "a61f03e4c3b8c1c5ecc13f2542041b3391f663a3f37b926eec48143afc5c7d1f");
    }
}
