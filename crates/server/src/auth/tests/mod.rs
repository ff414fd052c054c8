//! Tokens as strangers would send them. Every key is made when the tests start:
//! there is no key material in the repository.

mod config;
mod hostile;
mod hostile_claims;
mod jwks;
mod presets;
mod provider;
mod signer;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use chrono::Utc;
use serde_json::{Map, Value, json};

use self::signer::Signer;
use super::*;

const SECRET: &str = "only-for-tests-only-for-tests-only-for-tests";
const ISSUER: &str = "https://id.example.test";
const AUDIENCE: &str = "sixty";

/// Settings with a shared secret alone.
fn settings() -> Settings {
    Settings { hs256_secret: Some(SECRET.into()), ..Settings::default() }
}

fn verifier(settings: &Settings) -> Verifier {
    Verifier::new(settings, &TaskTracker::new()).expect("good settings")
}

fn shared() -> Signer {
    Signer::Shared(SECRET.into(), jsonwebtoken::Algorithm::HS256)
}

/// A token in the making. It starts out good; each method spoils one thing.
#[derive(Clone)]
struct Forge<'a> {
    signer: &'a Signer,
    header: Map<String, Value>,
    claims: Map<String, Value>,
    raw_header: Option<String>,
    raw_claims: Option<Vec<u8>>,
}

impl<'a> Forge<'a> {
    fn new(signer: &'a Signer) -> Self {
        let now = Utc::now().timestamp();
        let mut header = Map::new();
        header.insert("alg".into(), signer.algorithm().into());
        header.insert("typ".into(), "JWT".into());
        let claims = json!({
            "sub": "alice", "org_id": "acme", "org_role": "admin",
            "iss": ISSUER, "aud": AUDIENCE, "iat": now, "nbf": now, "exp": now + 3600,
        });
        let Value::Object(claims) = claims else { unreachable!("an object") };
        Self { signer, header, claims, raw_header: None, raw_claims: None }
    }

    fn header(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.header.insert(name.into(), value.into());
        self
    }

    fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.claims.insert(name.into(), value.into());
        self
    }

    fn without(mut self, name: &str) -> Self {
        self.claims.remove(name).expect("a claim that is there");
        self
    }

    /// These claims and no others but `sub`, `iat` and `exp`.
    fn only(mut self, claims: Value) -> Self {
        self.claims.retain(|name, _| ["sub", "iat", "exp"].contains(&name.as_str()));
        let Value::Object(claims) = claims else { panic!("not an object") };
        self.claims.extend(claims);
        self
    }

    fn raw_header(mut self, text: impl Into<String>) -> Self {
        self.raw_header = Some(text.into());
        self
    }

    fn raw_claims(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.raw_claims = Some(bytes.into());
        self
    }

    /// The good claims as text, with `more` written before the closing brace.
    fn appended(self, more: &str) -> Self {
        let text = Value::Object(self.claims.clone()).to_string();
        let open = text.strip_suffix('}').expect("an object");
        let spoiled = format!("{open},{more}}}");
        self.raw_claims(spoiled)
    }

    fn unsigned(&self) -> String {
        let header =
            self.raw_header.clone().unwrap_or_else(|| Value::Object(self.header.clone()).to_string());
        let claims = Value::Object(self.claims.clone()).to_string().into_bytes();
        let claims = self.raw_claims.clone().unwrap_or(claims);
        format!("{}.{}", BASE64.encode(header), BASE64.encode(claims))
    }

    fn build(self) -> String {
        let unsigned = self.unsigned();
        let signature = BASE64.encode(self.signer.sign(unsigned.as_bytes()));
        format!("{unsigned}.{signature}")
    }
}

/// A token that must be refused, and a part of the sentence that says why: a
/// case that is refused for another reason proves nothing.
struct Case {
    name: &'static str,
    token: String,
    why: &'static str,
}

fn case(name: &'static str, why: &'static str, token: impl Into<String>) -> Case {
    Case { name, token: token.into(), why }
}

async fn assert_refused(verifier: &Verifier, cases: &[Case]) {
    for Case { name, token, why } in cases {
        match verifier.verify(token).await {
            Ok(identity) => panic!("{name}: accepted as {identity:?}"),
            Err(error) => assert!(error.to_string().contains(why), "{name}: refused, but for: {error}"),
        }
    }
}
