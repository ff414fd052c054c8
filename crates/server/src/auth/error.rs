//! Why a token or a configuration was refused. No text here repeats any part of
//! the token: it ends up in answers and in logs.

use std::time::Duration;

use thiserror::Error;

/// Why a token was refused, in words for whoever sent it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum AuthError {
    /// Not a compact JWS that we would ever accept; no key was tried.
    #[error("The token is malformed: {0}.")]
    Malformed(&'static str),
    /// The header names an algorithm other than the one its key is pinned to.
    #[error("The token is signed with an algorithm that its key does not allow.")]
    Algorithm,
    #[error("The token is signed with a key that this server does not know.")]
    UnknownKey,
    #[error("The token's signature is wrong.")]
    Signature,
    #[error("The token has expired.")]
    Expired,
    #[error("The token is not valid yet.")]
    NotYet,
    /// Properly signed, but a claim is missing or says what we do not accept.
    #[error("The token is refused: {0}.")]
    Claim(&'static str),
    /// The identity provider's keys have never been fetched: 503, not 401.
    #[error("The identity provider's keys cannot be fetched at the moment.")]
    KeysUnavailable { retry_after: Duration },
}

impl From<AuthError> for domain::Error {
    fn from(error: AuthError) -> Self {
        let detail = error.to_string();
        match error {
            AuthError::KeysUnavailable { retry_after } => Self::Unavailable { detail, retry_after },
            _ => Self::Unauthenticated { detail },
        }
    }
}

/// Why the server refuses to start, in words for whoever configures it.
#[derive(Debug, Error)]
pub enum ConfigError {
    #[error("No key to verify tokens with: set SIXTY_JWT_SECRET or SIXTY_JWKS_URL.")]
    NoKey,
    #[error(
        "SIXTY_JWT_SECRET has {0} bytes; HS256 needs at least 32. Make one with `openssl rand -base64 48`."
    )]
    ShortSecret(usize),
    #[error(
        "SIXTY_JWT_SECRET holds a PEM key or certificate; a shared secret must be random bytes. \
         Publish public keys as a JWKS and set SIXTY_JWKS_URL instead."
    )]
    PemSecret,
    #[error("SIXTY_JWKS_URL must be an https address (http only for a loopback host).")]
    JwksUrl,
    #[error("{variable} is `{value}`; it must be a JSON pointer such as `/org_id`.")]
    Pointer { variable: &'static str, value: String },
    #[error("{variable} is `{value}`, which users can edit themselves: read it from app or public metadata.")]
    EditableClaim { variable: &'static str, value: String },
    #[error("{0} has an entry that is empty or not made of visible characters.")]
    Entry(&'static str),
    #[error("Development tokens need SIXTY_JWT_SECRET: a JWKS holds public keys, which cannot sign.")]
    NoSecret,
    #[error("A token may live at most {} seconds; ask for less.", .0.as_secs())]
    Lifetime(Duration),
    #[error("`{0}` cannot be a subject or an organization: 1 to 255 visible characters.")]
    Name(String),
    #[error("The HTTP client for the JWKS cannot be built.")]
    Client(#[source] reqwest::Error),
    #[error("The token cannot be signed.")]
    Signing(#[source] jsonwebtoken::errors::Error),
}
