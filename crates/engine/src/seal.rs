//! Texts at rest, sealed with AES-256-GCM-SIV under keys that are derived from the master key: one for each purpose. A
//! seal is bound to where the text stands; moved elsewhere it does not open.

use aws_lc_rs::{
    aead::{AES_256_GCM_SIV, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    hmac, rand,
};
use domain::{Error, Result};
use secrecy::{ExposeSecret, SecretString};

use crate::keys::{KEY_BYTES, MasterKeys};

/// What names a key is the beginning of a MAC over this.
const KEY_ID: &[u8] = b"sixty seal key id 1";
/// Bytes of a MAC that are enough to tell keys apart.
const KEY_ID_BYTES: usize = 8;

/// The keys for one purpose, by each master key: the current one first.
pub struct Seals(Vec<Key>);

struct Key {
    id: String,
    key: LessSafeKey,
}

impl Key {
    fn new(bytes: &[u8; KEY_BYTES]) -> Self {
        let mac = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, bytes), KEY_ID);
        let unbound = UnboundKey::new(&AES_256_GCM_SIV, bytes).expect("the key has 32 bytes");
        Self { id: hex::encode(&mac.as_ref()[..KEY_ID_BYTES]), key: LessSafeKey::new(unbound) }
    }
}

impl Seals {
    pub fn new(master: &MasterKeys, purpose: &str) -> Self {
        Self(master.derive(purpose).iter().map(Key::new).collect())
    }

    /// Names the key that seals now.
    pub fn id(&self) -> &str {
        &self.0[0].id
    }

    /// Names the keys that sealed before.
    pub fn previous(&self) -> Vec<String> {
        self.0.iter().skip(1).map(|key| key.id.clone()).filter(|id| id != self.id()).collect()
    }

    /// Nonce and ciphertext, by the current key.
    pub fn seal(&self, bound: &str, text: &SecretString) -> Result<Vec<u8>> {
        let mut nonce = [0; NONCE_LEN];
        rand::fill(&mut nonce).map_err(|_| Error::internal("there is no randomness"))?;
        let mut sealed = text.expose_secret().as_bytes().to_vec();
        self.0[0]
            .key
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad(bound), &mut sealed)
            .map_err(|_| Error::internal("a secret could not be sealed"))?;
        Ok([&nonce[..], &sealed].concat())
    }

    /// The text, if it was sealed for this place by the current master key or an earlier one.
    pub fn open(&self, bound: &str, sealed: &[u8]) -> Option<SecretString> {
        let (nonce, text) = sealed.split_at_checked(NONCE_LEN)?;
        self.0.iter().find_map(|Key { key, .. }| {
            let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
            let mut text = text.to_vec();
            let opened = key.open_in_place(nonce, aad(bound), &mut text).ok()?;
            String::from_utf8(opened.to_vec()).ok().map(SecretString::from)
        })
    }
}

fn aad(bound: &str) -> Aad<&[u8]> {
    Aad::from(bound.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seals(current: u8, previous: &[u8]) -> Seals {
        Seals::new(&MasterKeys::new([current; 32], previous.iter().map(|n| [*n; 32]).collect()), "a test")
    }

    fn open(seals: &Seals, bound: &str, sealed: &[u8]) -> Option<String> {
        seals.open(bound, sealed).map(|text| text.expose_secret().to_owned())
    }

    #[test]
    fn a_seal_opens_where_it_was_made_and_nowhere_else() {
        let sealed = seals(1, &[]).seal("here", &"hunter2".into()).expect("a seal");
        assert_eq!(open(&seals(1, &[]), "here", &sealed).as_deref(), Some("hunter2"));
        assert_eq!(open(&seals(1, &[]), "there", &sealed), None);
        assert_eq!(open(&seals(1, &[]), "here", &sealed[1..]), None);
        assert_eq!(open(&seals(1, &[]), "here", &[]), None);
        assert!(!sealed.windows(7).any(|part| part == b"hunter2"));
    }

    #[test]
    fn an_earlier_master_key_opens_and_another_one_does_not() {
        let old = seals(1, &[]);
        let sealed = old.seal("here", &"hunter2".into()).expect("a seal");
        let new = seals(2, &[1]);
        assert_eq!(open(&new, "here", &sealed).as_deref(), Some("hunter2"));
        assert_eq!(open(&seals(2, &[3]), "here", &sealed), None);
        assert_eq!((new.previous(), new.id() == old.id()), (vec![old.id().to_owned()], false));
    }
}
