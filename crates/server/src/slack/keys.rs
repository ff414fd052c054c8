//! What is sealed and signed: bot tokens at rest, and links that are used once.

use aws_lc_rs::hmac;
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use domain::{Error, OrgId, Result};
use engine::{
    keys::{KEY_BYTES, MasterKeys},
    seal::Seals,
};
use secrecy::SecretString;
use uuid::Uuid;

/// Version of what is sealed. It is bound to the text, as its organization and its name are.
const SEAL: &str = "slack bot token 1";

/// The keys of Slack, by each master key: the current one first.
pub struct Keys {
    seals: Seals,
    signatures: Vec<hmac::Key>,
}

/// What a link is for. One that is for something else does not verify.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    Install,
    Link,
}

impl Purpose {
    pub fn as_str(self) -> &'static str {
        match self {
            Purpose::Install => "install",
            Purpose::Link => "link",
        }
    }
}

/// What a link names: a row that goes with its use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket {
    pub org: OrgId,
    pub id: Uuid,
    pub expires_at: DateTime<Utc>,
}

impl Keys {
    pub fn new(master: &MasterKeys) -> Self {
        let sign = |key: &[u8; KEY_BYTES]| hmac::Key::new(hmac::HMAC_SHA256, key);
        Self {
            seals: Seals::new(master, "slack bot tokens"),
            signatures: master.derive("slack links").iter().map(sign).collect(),
        }
    }

    /// Seals a workspace's token for its organization.
    pub fn seal(&self, org: OrgId, workspace: &str, token: &SecretString) -> Result<Vec<u8>> {
        self.seals.seal(&bound(org, workspace), token)
    }

    /// Opens what was sealed for this organization and workspace, by the current master key or an earlier one.
    pub fn open(&self, org: OrgId, workspace: &str, sealed: &[u8]) -> Result<SecretString> {
        self.seals
            .open(&bound(org, workspace), sealed)
            .ok_or_else(|| Error::internal("a Slack token cannot be opened: the master key is another one"))
    }

    /// A link's token: what it names, in the clear, and a signature.
    pub fn sign(&self, purpose: Purpose, ticket: Ticket) -> String {
        let named = named(ticket);
        let mac = hmac::sign(&self.signatures[0], &signed(purpose, &named));
        BASE64_URL_SAFE_NO_PAD.encode([&named[..], mac.as_ref()].concat())
    }

    /// What a token names, if we have signed it for this and its time is not over.
    pub fn verify(&self, purpose: Purpose, token: &str, now: DateTime<Utc>) -> Option<Ticket> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(token).ok()?;
        let (named, mac) = bytes.split_at_checked(NAMED)?;
        let signed = signed(purpose, named);
        self.signatures.iter().find(|key| hmac::verify(key, &signed, mac).is_ok())?;
        let seconds = i64::from_be_bytes(named[32..].try_into().ok()?);
        let ticket = Ticket {
            org: OrgId(Uuid::from_slice(&named[..16]).ok()?),
            id: Uuid::from_slice(&named[16..32]).ok()?,
            expires_at: DateTime::from_timestamp(seconds, 0)?,
        };
        (ticket.expires_at > now).then_some(ticket)
    }
}

fn bound(org: OrgId, workspace: &str) -> String {
    format!("{org}/{workspace}/{SEAL}")
}

/// Bytes of what a token names: two ids and a time.
const NAMED: usize = 40;

fn named(ticket: Ticket) -> [u8; NAMED] {
    let mut bytes = [0; NAMED];
    bytes[..16].copy_from_slice(ticket.org.0.as_bytes());
    bytes[16..32].copy_from_slice(ticket.id.as_bytes());
    bytes[32..].copy_from_slice(&ticket.expires_at.timestamp().to_be_bytes());
    bytes
}

fn signed(purpose: Purpose, named: &[u8]) -> Vec<u8> {
    [purpose.as_str().as_bytes(), b"/", named].concat()
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    fn keys(master: u8, previous: Vec<[u8; KEY_BYTES]>) -> Keys {
        Keys::new(&MasterKeys::new([master; KEY_BYTES], previous))
    }

    #[test]
    fn a_token_opens_only_where_it_was_sealed_for() {
        let (keys, token) = (keys(1, Vec::new()), SecretString::from("xoxb-1"));
        let (acme, globex) = (OrgId::derive("acme"), OrgId::derive("globex"));
        let sealed = keys.seal(acme, "E1/T1", &token).expect("sealed");
        assert_ne!(sealed, keys.seal(acme, "E1/T1", &token).expect("sealed"));
        assert!(!sealed.windows(6).any(|window| window == b"xoxb-1"));
        assert_eq!(keys.open(acme, "E1/T1", &sealed).expect("open").expose_secret(), "xoxb-1");
        assert!(keys.open(globex, "E1/T1", &sealed).is_err());
        assert!(keys.open(acme, "E1/T2", &sealed).is_err());
        assert!(keys.open(acme, "E1/T1", &sealed[..sealed.len() - 1]).is_err());
        assert!(keys.open(acme, "E1/T1", b"short").is_err());
    }

    #[test]
    fn a_token_outlives_the_rotation_of_the_master_key() {
        let org = OrgId::derive("acme");
        let sealed = keys(1, Vec::new()).seal(org, "/T1", &SecretString::from("xoxb-1")).expect("sealed");
        assert!(keys(2, vec![[1; KEY_BYTES]]).open(org, "/T1", &sealed).is_ok());
        assert!(keys(2, Vec::new()).open(org, "/T1", &sealed).is_err());
    }

    #[test]
    fn a_token_that_was_sealed_long_ago_still_opens() {
        // Made by another implementation: OpenSSL's, with the nonce 00 01 … 0b.
        let sealed = "000102030405060708090a0be1c8212b7cddd884c440a40ca746ddc0fb117f130ae5";
        let sealed = hex::decode(sealed).expect("hex");
        let org = "00000000-0000-0000-0000-000000000001".parse().expect("an id");
        let opened = keys(7, Vec::new()).open(org, "E1/T1", &sealed).expect("open");
        assert_eq!(opened.expose_secret(), "xoxb-1");
    }

    #[test]
    fn a_link_holds_for_its_purpose_and_its_time() {
        let keys = keys(1, Vec::new());
        let now = DateTime::from_timestamp(1_800_000_000, 0).expect("a time");
        let ticket = Ticket {
            org: OrgId::derive("acme"),
            id: Uuid::now_v7(),
            expires_at: now + chrono::TimeDelta::hours(1),
        };
        let token = keys.sign(Purpose::Link, ticket);
        assert_eq!(keys.verify(Purpose::Link, &token, now), Some(ticket));
        assert_eq!(keys.verify(Purpose::Install, &token, now), None);
        assert_eq!(keys.verify(Purpose::Link, &token, ticket.expires_at), None);
        let other = super::tests::keys(2, Vec::new());
        assert_eq!(other.verify(Purpose::Link, &token, now), None);
        for place in 0..token.len() {
            let mut forged = token.clone().into_bytes();
            forged[place] = if forged[place] == b'A' { b'B' } else { b'A' };
            let forged = String::from_utf8(forged).expect("ASCII");
            assert_eq!(keys.verify(Purpose::Link, &forged, now), None, "{place}");
        }
        assert_eq!(keys.verify(Purpose::Link, "", now), None);
    }
}
