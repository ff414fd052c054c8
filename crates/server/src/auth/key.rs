//! A key and the one algorithm it verifies. Because no key serves two
//! algorithms, a header can at most ask for the wrong one and be refused.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey, crypto};
use serde::Deserialize;

use super::{AuthError, token::Token};

pub(super) struct Key {
    algorithm: Algorithm,
    material: DecodingKey,
}

impl Key {
    /// The shared secret: HS256 and nothing else.
    pub(super) fn secret(bytes: &[u8]) -> Self {
        Self { algorithm: Algorithm::HS256, material: DecodingKey::from_secret(bytes) }
    }

    pub(super) fn verify(&self, token: &Token<'_>) -> Result<(), AuthError> {
        if token.algorithm != self.algorithm {
            return Err(AuthError::Algorithm);
        }
        match crypto::verify(token.signature, token.signed.as_bytes(), &self.material, self.algorithm) {
            Ok(true) => Ok(()),
            Ok(false) | Err(_) => Err(AuthError::Signature),
        }
    }
}

/// A member of a JWKS (RFC 7517), as far as we read it.
#[derive(Deserialize)]
pub(super) struct Jwk {
    kid: Option<String>,
    kty: String,
    crv: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    key_ops: Option<Vec<String>>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl Jwk {
    /// The key and its id; nothing for a key that must not verify tokens:
    /// symmetric, weak, nameless, of another curve or made for another use.
    pub(super) fn into_key(self) -> Option<(String, Key)> {
        let for_signatures = self.usage.as_deref().is_none_or(|usage| usage == "sig")
            && self.key_ops.as_ref().is_none_or(|ops| ops.iter().any(|op| op == "verify"));
        if !for_signatures {
            return None;
        }
        let (default, material) = match (self.kty.as_str(), self.crv.as_deref()) {
            ("RSA", None) => (Algorithm::RS256, self.rsa()?),
            ("EC", Some("P-256")) => (Algorithm::ES256, self.elliptic(32)?),
            ("EC", Some("P-384")) => (Algorithm::ES384, self.elliptic(48)?),
            ("OKP", Some("Ed25519")) => (Algorithm::EdDSA, self.edwards()?),
            _ => return None,
        };
        let algorithm = match &self.alg {
            None => default,
            Some(name) => name.parse().ok().filter(|named| fits(*named, default))?,
        };
        Some((self.kid?, Key { algorithm, material }))
    }

    fn rsa(&self) -> Option<DecodingKey> {
        let modulus = decode(self.n.as_ref()?)?;
        let significant = modulus.iter().skip_while(|byte| **byte == 0).count();
        // 2048 bits are 256 bytes whose first bit is set.
        let strong = significant > 256 || (significant == 256 && modulus[modulus.len() - 256] >= 0x80);
        strong.then(|| Some(DecodingKey::from_rsa_raw_components(&modulus, &decode(self.e.as_ref()?)?)))?
    }

    fn elliptic(&self, bytes: usize) -> Option<DecodingKey> {
        let (x, y) = (self.x.as_ref()?, self.y.as_ref()?);
        let whole = decode(x)?.len() == bytes && decode(y)?.len() == bytes;
        whole.then(|| DecodingKey::from_ec_components(x, y).ok())?
    }

    fn edwards(&self) -> Option<DecodingKey> {
        let x = self.x.as_ref()?;
        (decode(x)?.len() == 32).then(|| DecodingKey::from_ed_components(x).ok())?
    }
}

/// An RSA key may be meant for any RSA signature; a curve has one algorithm.
fn fits(named: Algorithm, default: Algorithm) -> bool {
    named == default || (named.family() == AlgorithmFamily::Rsa && default == Algorithm::RS256)
}

fn decode(text: &String) -> Option<Vec<u8>> {
    BASE64_URL_SAFE_NO_PAD.decode(text).ok()
}
