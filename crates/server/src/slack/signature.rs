//! Whether a request comes from Slack: `X-Slack-Signature` is `v0=` and the hexadecimal HMAC-SHA256 of
//! `v0:{X-Slack-Request-Timestamp}:{raw body}` under the app's signing secret.

use aws_lc_rs::hmac;
use chrono::{DateTime, Utc};
use http::HeaderMap;

/// The header with the time of sending, in seconds since 1970.
pub const TIMESTAMP: &str = "x-slack-request-timestamp";
/// The header with the signature.
pub const SIGNATURE: &str = "x-slack-signature";
/// How far a request's time may be from ours, in seconds: what was recorded cannot be sent again later.
pub const MAX_SKEW: i64 = 300;

const VERSION: &str = "v0";
/// Digits of a time in this millennium; one more than there are now.
const TIMESTAMP_DIGITS: usize = 11;

/// Why a request is not believed. It is answered 401, and the reason is for the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    #[error("the request has no signature or no time, or has one of them twice")]
    Headers,
    #[error("the time of the request is no number")]
    Timestamp,
    #[error("the request is too old, or from the future")]
    Stale,
    #[error("the signature has not the form of one")]
    Form,
    #[error("the signature does not fit the body")]
    Mismatch,
}

/// The signing secret; while it is changed, both.
#[derive(Clone, Debug)]
pub struct Verifier {
    keys: Vec<hmac::Key>,
}

impl Verifier {
    /// Empty secrets are left out: anybody could sign with one.
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a str>) -> Self {
        let secrets = secrets.into_iter().filter(|secret| !secret.is_empty());
        Self { keys: secrets.map(key).collect() }
    }

    /// Whether Slack has sent these bytes at about this time. The comparison takes the same time for
    /// every wrong signature.
    pub fn verify(&self, headers: &HeaderMap, body: &[u8], now: DateTime<Utc>) -> Result<(), Rejected> {
        let timestamp = one(headers, TIMESTAMP)?;
        let signature = one(headers, SIGNATURE)?;
        let digits = timestamp.bytes().all(|byte| byte.is_ascii_digit());
        if !digits || timestamp.is_empty() || timestamp.len() > TIMESTAMP_DIGITS {
            return Err(Rejected::Timestamp);
        }
        let sent: i64 = timestamp.parse().map_err(|_| Rejected::Timestamp)?;
        if (now.timestamp() - sent).abs() > MAX_SKEW {
            return Err(Rejected::Stale);
        }
        let given = unhex(signature).ok_or(Rejected::Form)?;
        let signed = base(timestamp, body);
        // All keys, so that the time does not say which one it was.
        let fits = self.keys.iter().filter(|key| hmac::verify(key, &signed, &given).is_ok()).count();
        if fits > 0 { Ok(()) } else { Err(Rejected::Mismatch) }
    }
}

/// The signature that Slack would send.
pub fn sign(secret: &str, timestamp: &str, body: &[u8]) -> String {
    format!("{VERSION}={}", hex::encode(hmac::sign(&key(secret), &base(timestamp, body))))
}

fn key(secret: &str) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes())
}

fn base(timestamp: &str, body: &[u8]) -> Vec<u8> {
    [VERSION.as_bytes(), b":", timestamp.as_bytes(), b":", body].concat()
}

fn one<'a>(headers: &'a HeaderMap, name: &str) -> Result<&'a str, Rejected> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().map_err(|_| Rejected::Headers),
        _ => Err(Rejected::Headers),
    }
}

/// The bytes of `v0=` and 64 small hexadecimal digits, as Slack writes them.
fn unhex(signature: &str) -> Option<Vec<u8>> {
    let digits = signature.strip_prefix(VERSION)?.strip_prefix('=')?;
    let small = digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    (digits.len() == 64 && small).then(|| hex::decode(digits).ok()).flatten()
}

#[cfg(test)]
mod tests;
