//! The outer form of a token: three canonical base64url parts and a header that
//! holds nothing we would have to obey. Nothing in here is trusted yet.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::Algorithm;
use serde_json::{Map, Value};

use super::{AuthError, json};

/// Longer ones are refused before anything else is done with them.
pub(super) const MAX_BYTES: usize = 8 * 1024;
const MAX_KEY_ID: usize = 200;

/// Header members that would bring a key along (`jwk`, `jku`, `x5u`, `x5c`), ask
/// us to understand an extension (`crit`, `b64`) or announce another kind of
/// content. Thumbprints (`x5t`) and vendors' own members are harmless.
const FORBIDDEN: &[&str] = &["crit", "b64", "jwk", "jku", "x5u", "x5c", "enc", "zip", "cty"];

/// A token taken apart, not yet verified.
pub(super) struct Token<'a> {
    /// What the sender claims; only ever compared with the algorithm of a key.
    pub(super) algorithm: Algorithm,
    pub(super) key_id: Option<String>,
    /// Header and payload as they were signed.
    pub(super) signed: &'a str,
    pub(super) signature: &'a str,
    payload: Vec<u8>,
}

impl<'a> Token<'a> {
    pub(super) fn parse(text: &'a str) -> Result<Self, AuthError> {
        let mut parts = text.split('.');
        let (Some(header), Some(payload), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(AuthError::Malformed("it does not have three parts"));
        };
        decode(signature)?;
        let header = json::object(&decode(header)?)
            .ok_or(AuthError::Malformed("its header is not a JSON object with unique names"))?;
        check_type(&header)?;
        Ok(Self {
            algorithm: algorithm(&header)?,
            key_id: key_id(&header)?,
            signed: &text[..text.len() - signature.len() - 1],
            signature,
            payload: decode(payload)?,
        })
    }

    /// The payload; call it once the signature has been checked.
    pub(super) fn claims(&self) -> Result<Value, AuthError> {
        json::object(&self.payload)
            .map(Value::Object)
            .ok_or(AuthError::Malformed("its payload is not a JSON object with unique names"))
    }
}

/// This engine refuses padding, white space, the other alphabet and stray
/// trailing bits, so that a token has exactly one spelling.
fn decode(part: &str) -> Result<Vec<u8>, AuthError> {
    match BASE64_URL_SAFE_NO_PAD.decode(part) {
        Ok(bytes) if !bytes.is_empty() => Ok(bytes),
        _ => Err(AuthError::Malformed("a part is not base64url")),
    }
}

fn check_type(header: &Map<String, Value>) -> Result<(), AuthError> {
    if FORBIDDEN.iter().any(|name| header.contains_key(*name)) {
        return Err(AuthError::Malformed("its header has a member that is not accepted"));
    }
    // RFC 8725 §3.11: a token made for another purpose is not an access token.
    let accepted = match header.get("typ") {
        None => true,
        Some(Value::String(typ)) => {
            ["jwt", "at+jwt", "application/at+jwt"].iter().any(|accepted| typ.eq_ignore_ascii_case(accepted))
        }
        Some(_) => false,
    };
    accepted.then_some(()).ok_or(AuthError::Malformed("its type is not JWT"))
}

fn algorithm(header: &Map<String, Value>) -> Result<Algorithm, AuthError> {
    let name = header.get("alg").and_then(Value::as_str);
    name.and_then(|name| name.parse().ok()).ok_or(AuthError::Algorithm)
}

/// A key id is compared with known ones and goes nowhere else, neither into a
/// path nor into a query nor into a log.
fn key_id(header: &Map<String, Value>) -> Result<Option<String>, AuthError> {
    match header.get("kid") {
        None => Ok(None),
        Some(Value::String(id))
            if (1..=MAX_KEY_ID).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_graphic()) =>
        {
            Ok(Some(id.clone()))
        }
        Some(_) => Err(AuthError::Malformed("its key id is not a short visible text")),
    }
}
