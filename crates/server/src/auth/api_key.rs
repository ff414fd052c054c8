//! API keys: `sixty_<id>_<secret>_<checksum>`, all in lower-case hexadecimal. The checksum
//! finds a slip of the hand, and tells scanners that it is a key; it protects nothing.

use std::str::FromStr;

use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use domain::ApiKeyId;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::AuthError;

/// How every key begins, and no JSON web token does.
pub const PREFIX: &str = "sixty_";
const SECRET_BYTES: usize = 32;
const CHECKSUM_BYTES: usize = 4;

/// A key as it is sent: shown once, never stored.
pub struct ApiKey {
    pub id: ApiKeyId,
    text: SecretString,
}

impl ApiKey {
    /// A new key for this id, with 256 random bits.
    pub fn new(id: ApiKeyId) -> domain::Result<Self> {
        let mut secret = [0; SECRET_BYTES];
        let filled = SystemRandom::new().fill(&mut secret);
        filled.map_err(|_| domain::Error::internal("the system has no random bytes"))?;
        let body = format!("{PREFIX}{}_{}", id.0.simple(), hex::encode(secret));
        let text = format!("{body}_{}", checksum(&body));
        Ok(Self { id, text: text.into() })
    }

    pub fn text(&self) -> &str {
        self.text.expose_secret()
    }

    /// What is stored of it. 256 random bits need no salt and no slow hash.
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.text()).into()
    }
}

impl FromStr for ApiKey {
    type Err = AuthError;

    fn from_str(text: &str) -> Result<Self, AuthError> {
        let read = || {
            let (body, sum) = text.rsplit_once('_')?;
            let (id, secret) = body.strip_prefix(PREFIX)?.split_once('_')?;
            let hex = |part: &str, bytes: usize| part.len() == 2 * bytes && part.bytes().all(is_hex);
            let whole = hex(id, 16) && hex(secret, SECRET_BYTES) && sum == checksum(body);
            whole.then(|| Uuid::try_parse(id).ok()).flatten()
        };
        let id = read().ok_or(AuthError::Malformed("it begins like an API key and is not a whole one"))?;
        Ok(Self { id: id.into(), text: text.into() })
    }
}

fn is_hex(byte: u8) -> bool {
    byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte)
}

fn checksum(body: &str) -> String {
    hex::encode(&Sha256::digest(body)[..CHECKSUM_BYTES])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_as_it_was_made() {
        let key = ApiKey::new(ApiKeyId::new()).expect("a key");
        let read: ApiKey = key.text().parse().expect("a key");
        assert_eq!((read.id, read.hash()), (key.id, key.hash()));
        assert_ne!(ApiKey::new(key.id).expect("a key").text(), key.text());
    }

    #[test]
    fn one_wrong_character_anywhere_is_noticed() {
        let key = ApiKey::new(ApiKeyId::new()).expect("a key");
        for at in 0..key.text().len() {
            let mut bytes = key.text().as_bytes().to_vec();
            bytes[at] = if bytes[at] == b'0' { b'1' } else { b'0' };
            let text = String::from_utf8(bytes).expect("ASCII");
            assert!(text.parse::<ApiKey>().is_err(), "{text}");
        }
        for text in
            ["", "sixty_", "sixty___", &key.text().to_uppercase(), &key.text()[1..], "sixty_\u{fc}_1_2"]
        {
            assert!(text.parse::<ApiKey>().is_err(), "{text}");
        }
    }
}
