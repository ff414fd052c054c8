//! Keys and signatures, made by aws-lc-rs directly rather than by the library
//! under test.

use std::sync::LazyLock;

use aws_lc_rs::{
    rand::SystemRandom,
    rsa::KeySize,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
        KeyPair, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PSS_SHA256, RsaKeyPair, RsaPublicKeyComponents,
    },
};
use base64::Engine;
use jsonwebtoken::{Algorithm, EncodingKey, crypto};
use serde_json::{Value, json};

use super::BASE64;

pub(super) enum Signer {
    Shared(Vec<u8>, Algorithm),
    /// With the name of the algorithm: one RSA key can do several.
    Rsa(&'static RsaKeyPair, &'static str),
    P256(EcdsaKeyPair),
    P384(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
    /// Puts these bytes where a signature belongs.
    Fake(&'static str, Vec<u8>),
}

static RSA: LazyLock<RsaKeyPair> = LazyLock::new(|| RsaKeyPair::generate(KeySize::Rsa2048).expect("a key"));
static OTHER_RSA: LazyLock<RsaKeyPair> =
    LazyLock::new(|| RsaKeyPair::generate(KeySize::Rsa2048).expect("a key"));

/// The identity provider's RSA key.
pub(super) fn rsa(algorithm: &'static str) -> Signer {
    Signer::Rsa(&RSA, algorithm)
}

/// An attacker's RSA key, or the provider's next one.
pub(super) fn other_rsa() -> Signer {
    Signer::Rsa(&OTHER_RSA, "RS256")
}

pub(super) fn p256() -> Signer {
    Signer::P256(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key"))
}

pub(super) fn p384() -> Signer {
    Signer::P384(EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).expect("a key"))
}

pub(super) fn ed() -> Signer {
    Signer::Ed(Ed25519KeyPair::generate().expect("a key"))
}

impl Signer {
    pub(super) fn algorithm(&self) -> String {
        match self {
            Signer::Shared(_, algorithm) => format!("{algorithm:?}"),
            Signer::Rsa(_, name) | Signer::Fake(name, _) => (*name).into(),
            Signer::P256(_) => "ES256".into(),
            Signer::P384(_) => "ES384".into(),
            Signer::Ed(_) => "EdDSA".into(),
        }
    }

    pub(super) fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Signer::Shared(secret, algorithm) => {
                let text = crypto::sign(message, &EncodingKey::from_secret(secret), *algorithm);
                BASE64.decode(text.expect("a signature")).expect("base64url")
            }
            Signer::Rsa(pair, name) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                let encoding: &'static dyn aws_lc_rs::signature::RsaEncoding = match *name {
                    "RS256" => &RSA_PKCS1_SHA256,
                    "RS384" => &RSA_PKCS1_SHA384,
                    "PS256" => &RSA_PSS_SHA256,
                    other => panic!("{other} is not used here"),
                };
                pair.sign(encoding, &random, message, &mut signature).expect("a signature");
                signature
            }
            Signer::P256(pair) | Signer::P384(pair) => {
                pair.sign(&random, message).expect("a signature").as_ref().to_vec()
            }
            Signer::Ed(pair) => pair.sign(message).as_ref().to_vec(),
            Signer::Fake(_, bytes) => bytes.clone(),
        }
    }

    /// The public half as the provider would publish it, without `alg` and `use`.
    pub(super) fn jwk(&self, id: &str) -> Value {
        let point = |pair: &EcdsaKeyPair, curve: &str, size: usize| {
            let public = pair.public_key().as_ref();
            let (x, y) = public[1..].split_at(size);
            json!({ "kid": id, "kty": "EC", "crv": curve, "x": BASE64.encode(x), "y": BASE64.encode(y) })
        };
        match self {
            Signer::Shared(secret, _) => json!({ "kid": id, "kty": "oct", "k": BASE64.encode(secret) }),
            Signer::Rsa(pair, _) => {
                let public = RsaPublicKeyComponents::<Vec<u8>>::from(pair.public_key());
                let (n, e) = (BASE64.encode(public.n), BASE64.encode(public.e));
                json!({ "kid": id, "kty": "RSA", "n": n, "e": e })
            }
            Signer::P256(pair) => point(pair, "P-256", 32),
            Signer::P384(pair) => point(pair, "P-384", 48),
            Signer::Ed(pair) => {
                let x = BASE64.encode(pair.public_key().as_ref());
                json!({ "kid": id, "kty": "OKP", "crv": "Ed25519", "x": x })
            }
            Signer::Fake(..) => panic!("a fake has no key"),
        }
    }

    /// What an attacker can know of the RSA key, in the forms that a careless
    /// server might use as an HMAC secret.
    pub(super) fn public_forms(&self) -> Vec<Vec<u8>> {
        let Signer::Rsa(pair, _) = self else { panic!("not an RSA key") };
        let der = pair.public_key().as_ref().to_vec();
        let body = base64::prelude::BASE64_STANDARD.encode(&der);
        let label = "RSA PUBLIC KEY";
        let pem = format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n");
        let modulus = RsaPublicKeyComponents::<Vec<u8>>::from(pair.public_key()).n;
        vec![der, pem.into_bytes(), modulus, self.jwk("rsa").to_string().into_bytes()]
    }
}
