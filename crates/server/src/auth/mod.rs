//! Who sends a request: verification of bearer tokens that an identity provider
//! (or `sixty token`) signed.
//!
//! A token passes four gates, in this order, and nothing behind a gate is read
//! before it: its form (`token`), its key (`key`, `jwks`), its signature,
//! its claims (`claims`, `preset`). What passed is remembered for a minute
//! (`seen`).
//!
//! Which key verifies a token:
//! - `alg: HS256` means the shared secret. Its `kid` is not looked at: hosted
//!   Supabase puts one on its HS256 tokens, and there is one secret only.
//! - Every other algorithm means the key of the JWKS that `kid` names; without a
//!   `kid` there is none. An unknown one never falls back to the secret.
//!
//! The header cannot choose how a key is used by that: the secret is pinned to
//! HS256, symmetric members of a JWKS are ignored, and each of its keys is pinned
//! to one asymmetric algorithm.
//!
//! All trusted issuers share these keys, so several of them are one circle of
//! trust: do not list an issuer that could be made to write another one's `iss`.

pub mod api_key;
mod claims;
mod error;
mod json;
mod jwks;
mod key;
mod mint;
mod preset;
mod seen;
mod token;

#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use jsonwebtoken::AlgorithmFamily;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use tokio_util::task::TaskTracker;
use url::Url;

pub use self::{
    claims::Identity,
    error::{AuthError, ConfigError},
    jwks::{PAUSE as JWKS_PAUSE, TTL as JWKS_TTL},
    mint::{Grant, mint},
    preset::Preset,
};
use self::{claims::Rules, jwks::Jwks, key::Key, seen::Seen, token::Token};

/// Seven days: the longest that Supabase lets a project choose, and far above
/// what Clerk (a minute) and Auth0 (a day) give. There is no list of revoked
/// tokens, so this is how long a stolen one can be of use.
pub const MAX_LIFETIME: Duration = Duration::from_hours(7 * 24);
/// How far the clocks of issuer and server may differ.
pub const LEEWAY: Duration = Duration::from_secs(30);
/// RFC 7518 §3.2: an HS256 secret has at least the size of the hash.
const MIN_SECRET_BYTES: usize = 32;

/// What the operator configured (contract §1).
#[derive(Clone, Debug)]
pub struct Settings {
    pub hs256_secret: Option<SecretString>,
    /// `https`, or `http` on a loopback host.
    pub jwks_url: Option<Url>,
    /// One of these must be the token's `iss`; empty means that it is not checked.
    pub issuers: Vec<String>,
    /// Must be in the token's `aud`. Without one (and without the preset's own) a
    /// token that names any audience is refused.
    pub audience: Option<String>,
    pub preset: Preset,
    /// JSON pointers in place of the preset's.
    pub claim_org: Option<String>,
    pub claim_role: Option<String>,
    pub claim_platform_role: Option<String>,
    /// One of these must be the token's `azp`, which must then be there; empty
    /// means that it is not checked.
    pub authorized_parties: Vec<String>,
    pub max_lifetime: Duration,
    pub leeway: Duration,
    /// How long the keys of the JWKS are believed before they are asked for again.
    pub jwks_ttl: Duration,
    /// The shortest time between two questions for the JWKS, however many unknown keys are named.
    pub jwks_pause: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            hs256_secret: None,
            jwks_url: None,
            issuers: Vec::new(),
            audience: None,
            preset: Preset::default(),
            claim_org: None,
            claim_role: None,
            claim_platform_role: None,
            authorized_parties: Vec::new(),
            max_lifetime: MAX_LIFETIME,
            leeway: LEEWAY,
            jwks_ttl: JWKS_TTL,
            jwks_pause: JWKS_PAUSE,
        }
    }
}

impl Settings {
    fn audience(&self) -> Option<&str> {
        self.audience.as_deref().or(self.preset.audience())
    }
}

/// Verifies tokens. Cheap to clone; clones share keys and memory.
#[derive(Clone)]
pub struct Verifier(Arc<Inner>);

struct Inner {
    secret: Option<Arc<Key>>,
    jwks: Option<Jwks>,
    rules: Rules,
    seen: Seen,
}

impl Verifier {
    /// Checks the settings; fetches nothing yet. Fetches of the JWKS run on `tasks`.
    pub fn new(settings: &Settings, tasks: &TaskTracker) -> Result<Self, ConfigError> {
        let secret = settings.hs256_secret.as_ref();
        let secret =
            secret.map(|secret| checked_secret(secret.expose_secret()).map(Key::secret)).transpose()?;
        let (ttl, pause) = (settings.jwks_ttl, settings.jwks_pause);
        let jwks = settings.jwks_url.as_ref().map(|url| Jwks::new(url, ttl, pause, tasks)).transpose()?;
        if secret.is_none() && jwks.is_none() {
            return Err(ConfigError::NoKey);
        }
        let rules = Rules::new(settings)?;
        Ok(Self(Arc::new(Inner { secret: secret.map(Arc::new), jwks, rules, seen: Seen::default() })))
    }

    /// Verifies a token and says who sent it.
    pub async fn verify(&self, token: &str) -> Result<Arc<Identity>, AuthError> {
        self.verify_at(token, Utc::now()).await
    }

    async fn verify_at(&self, text: &str, now: DateTime<Utc>) -> Result<Arc<Identity>, AuthError> {
        if text.len() > token::MAX_BYTES {
            return Err(AuthError::Malformed("it is longer than 8 KiB"));
        }
        let digest = Sha256::digest(text).into();
        // Read before the key is chosen: what a vanishing key verifies is then
        // stored under a generation that is already over.
        let generation = self.0.jwks.as_ref().map_or(0, Jwks::generation);
        if let Some(identity) = self.0.seen.get(&digest, generation, now) {
            return Ok(identity);
        }
        let token = Token::parse(text)?;
        self.key(&token, now).await?.verify(&token)?;
        let identity = Arc::new(self.0.rules.identity(&token.claims()?, now)?);
        self.0.seen.put(digest, &identity, generation, now);
        Ok(identity)
    }

    async fn key(&self, token: &Token<'_>, now: DateTime<Utc>) -> Result<Arc<Key>, AuthError> {
        if token.algorithm.family() == AlgorithmFamily::Hmac {
            // HS384 and HS512 as well, which then fail against the secret's HS256.
            return self.0.secret.clone().ok_or(AuthError::Algorithm);
        }
        let jwks = self.0.jwks.as_ref().ok_or(AuthError::Algorithm)?;
        let id = token.key_id.as_deref().ok_or(AuthError::UnknownKey)?;
        jwks.key(id, now).await
    }
}

/// A secret that is worth its name.
fn checked_secret(secret: &str) -> Result<&[u8], ConfigError> {
    if secret.trim_start().starts_with("-----BEGIN") {
        return Err(ConfigError::PemSecret);
    }
    if secret.len() < MIN_SECRET_BYTES {
        return Err(ConfigError::ShortSecret(secret.len()));
    }
    Ok(secret.as_bytes())
}
