//! Tokens of every kind, signed or not.

use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::hmac;
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use serde_json::{Value, json};

use crate::harness::SECRET;

pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs()
}

/// Claims of a good token, with these in their place. Null takes one away.
pub fn claims(changes: Value) -> Value {
    let mut claims =
        json!({"sub": "eve", "org_id": "evil", "org_role": "owner", "iat": now(), "exp": now() + 600});
    change(&mut claims, changes);
    claims
}

pub fn change(object: &mut Value, changes: Value) {
    let object = object.as_object_mut().expect("an object");
    let Value::Object(changes) = changes else { panic!("changes are an object") };
    for (name, value) in changes {
        if value.is_null() {
            object.remove(&name);
        } else {
            object.insert(name, value);
        }
    }
}

/// A token that is good but for these claims.
pub fn with_claims(changes: Value) -> String {
    sign(&header(json!({})), &claims(changes).to_string(), SECRET)
}

/// A token that is good but for this header.
pub fn with_header(changes: Value) -> String {
    sign(&header(changes), &claims(json!({})).to_string(), SECRET)
}

pub fn header(changes: Value) -> String {
    let mut header = json!({"alg": "HS256", "typ": "JWT"});
    change(&mut header, changes);
    header.to_string()
}

pub fn sign(header: &str, payload: &str, secret: &str) -> String {
    sign_as(hmac::HMAC_SHA256, header, payload, secret)
}

/// A token under this signature.
pub fn signed(header: &str, payload: &str, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
    let text = format!("{}.{}", BASE64.encode(header), BASE64.encode(payload));
    let signature = sign(text.as_bytes());
    format!("{text}.{}", BASE64.encode(signature))
}

pub fn sign_as(algorithm: hmac::Algorithm, header: &str, payload: &str, secret: &str) -> String {
    let key = hmac::Key::new(algorithm, secret.as_bytes());
    signed(header, payload, |text| hmac::sign(&key, text).as_ref().to_vec())
}

/// What must not be let in.
pub fn hostile() -> Vec<(&'static str, String)> {
    let good = with_claims(json!({}));
    let parts: Vec<&str> = good.split('.').collect();
    let [head, payload, signature] = parts[..] else { panic!("three parts") };
    let plain = claims(json!({})).to_string();
    let other_claims = BASE64.encode(claims(json!({"sub": "alice", "org_id": "acme"})).to_string());
    let named = |name: &str, algorithm| {
        sign_as(algorithm, &header(json!({"alg": name})), &claims(json!({})).to_string(), SECRET)
    };
    let mut tokens = vec![
        ("nothing", String::new()),
        ("dots", "..".into()),
        ("three letters", "a.b.c".into()),
        ("no signature", format!("{head}.{payload}")),
        ("an empty signature", format!("{head}.{payload}.")),
        ("a short signature", format!("{head}.{payload}.{}", &signature[..20])),
        ("no payload", format!("{head}..{signature}")),
        ("four parts", format!("{good}.{signature}")),
        ("padding", format!("{good}=")),
        ("another alphabet", format!("{head}.{payload}.+/{}", &signature[2..])),
        ("a scheme inside", format!("Bearer {good}")),
        ("another payload", format!("{head}.{other_claims}.{signature}")),
        ("more than 8 KiB", with_claims(json!({"pad": "x".repeat(9_000)}))),
        ("a wrong secret", sign(&header(json!({})), &plain, "another secret, long enough for HS256 too")),
        ("an empty secret", sign(&header(json!({})), &plain, "")),
        ("HS384", named("HS384", hmac::HMAC_SHA384)),
        ("HS512", named("HS512", hmac::HMAC_SHA512)),
        ("RS256 by HMAC", named("RS256", hmac::HMAC_SHA256)),
        ("ES256 by HMAC", named("ES256", hmac::HMAC_SHA256)),
        ("a payload that is a list", sign(&header(json!({})), "[]", SECRET)),
        ("a payload that is no JSON", sign(&header(json!({})), "{", SECRET)),
        ("a name twice", sign(&header(json!({})), &format!("{{\"sub\":\"a\",{}", &plain[1..]), SECRET)),
        ("a header that is no JSON", sign("{", &plain, SECRET)),
        ("a header that is a list", sign("[]", &plain, SECRET)),
    ];
    for name in ["none", "None", "NONE", "nOnE"] {
        let unsigned = BASE64.encode(header(json!({"alg": name})));
        tokens.push(("alg none, unsigned", format!("{unsigned}.{payload}.")));
        tokens.push(("alg none, signed", named(name, hmac::HMAC_SHA256)));
    }
    for changes in [
        json!({"alg": null}),
        json!({"alg": ["HS256"]}),
        json!({"alg": "hs256"}),
        json!({"crit": ["exp"]}),
        json!({"typ": "JWE"}),
        json!({"typ": 1}),
        json!({"kid": 7}),
        json!({"kid": ""}),
        json!({"alg": "RS256", "kid": "../../dev/null"}),
    ] {
        tokens.push(("a bad header", with_header(changes)));
    }
    for changes in [
        json!({"exp": null}),
        json!({"exp": now() - 60}),
        json!({"exp": "tomorrow"}),
        json!({"exp": -1}),
        json!({"exp": 1e300}),
        json!({"exp": now() + 30 * 24 * 3600}),
        json!({"iat": null, "exp": now() + 30 * 24 * 3600}),
        json!({"iat": now() + 3600, "exp": now() + 7200}),
        json!({"iat": "today"}),
        json!({"nbf": now() + 3600}),
        json!({"nbf": []}),
        json!({"sub": null}),
        json!({"sub": ""}),
        json!({"sub": 7}),
        json!({"sub": " alice"}),
        json!({"sub": "alice\u{0}"}),
        json!({"sub": "ali\u{200b}ce"}),
        json!({"sub": "a".repeat(256)}),
        json!({"aud": "somebody else"}),
        json!({"aud": []}),
        json!({"org_id": ""}),
        json!({"org_id": 7}),
        json!({"org_id": ["acme"]}),
        json!({"org_id": {"id": "acme"}}),
        json!({"org_id": "acme\u{0}"}),
        json!({"org_id": "acme\n"}),
        json!({"org_id": "a".repeat(256)}),
    ] {
        tokens.push(("a bad claim", with_claims(changes)));
    }
    tokens
}
