//! Tokens whose form, header, key or signature is wrong.

use jsonwebtoken::Algorithm;
use serde_json::{Value, json};

use super::{provider::Provider, *};

/// The provider's keys, next to members of a set that must not be used.
struct Keys {
    rsa: Signer,
    p256: Signer,
    p384: Signer,
    ed: Signer,
}

impl Keys {
    fn new() -> Self {
        Self { rsa: signer::rsa("RS256"), p256: signer::p256(), p384: signer::p384(), ed: signer::ed() }
    }

    fn good(&self) -> Vec<(&'static str, &Signer)> {
        vec![("rsa", &self.rsa), ("p256", &self.p256), ("p384", &self.p384), ("ed", &self.ed)]
    }

    fn published(&self) -> Vec<Value> {
        let with = |mut jwk: Value, name: &str, value: Value| {
            jwk[name] = value;
            jwk
        };
        let rsa = |id| self.rsa.jwk(id);
        let weak = BASE64.encode([0xff; 128]);
        vec![
            with(rsa("rsa"), "alg", "RS256".into()),
            with(self.p256.jwk("p256"), "use", "sig".into()),
            self.p384.jwk("p384"),
            with(self.ed.jwk("ed"), "key_ops", json!(["verify"])),
            with(rsa("for-encryption"), "use", "enc".into()),
            with(rsa("for-wrapping"), "key_ops", json!(["wrapKey"])),
            with(rsa("says-hs256"), "alg", "HS256".into()),
            with(rsa("says-none"), "alg", "none".into()),
            with(rsa("says-es256"), "alg", "ES256".into()),
            with(rsa("weak"), "n", weak.into()),
            with(self.p256.jwk("wrong-curve"), "crv", "P-384".into()),
            with(self.p256.jwk("koblitz"), "crv", "secp256k1".into()),
            shared().jwk("symmetric"),
            rsa("twin"),
            signer::other_rsa().jwk("twin"),
            json!({ "kid": ["rsa"], "kty": "RSA" }),
            json!("not an object"),
        ]
    }
}

async fn strict(keys: &Keys) -> (Provider, Verifier) {
    let provider = Provider::start(&keys.published()).await;
    let verifier = Verifier::new(&provider.settings(), &provider.tasks).expect("good settings");
    (provider, verifier)
}

#[tokio::test]
async fn the_good_twin_of_every_hostile_token_is_accepted() {
    let keys = Keys::new();
    let (_provider, verifier) = strict(&keys).await;
    let secret = shared();
    let mut twins = vec![
        ("shared", Forge::new(&secret).build()),
        ("shared with a key id", Forge::new(&secret).header("kid", "../../dev/null").build()),
        ("no type", Forge::new(&secret).raw_header(r#"{"alg":"HS256"}"#).build()),
        ("access token type", Forge::new(&secret).header("typ", "at+JWT").build()),
        ("thumbprint and vendor's own", Forge::new(&secret).header("x5t", "a").header("cat", "b").build()),
    ];
    twins.extend(keys.good().into_iter().map(|(id, key)| (id, Forge::new(key).header("kid", id).build())));
    for (name, token) in twins {
        let identity = verifier.verify(&token).await;
        assert_eq!(identity.as_ref().map(|identity| identity.subject.as_str()), Ok("alice"), "{name}");
    }
}

#[tokio::test]
async fn a_token_with_another_form_is_refused() {
    let keys = Keys::new();
    let (_provider, verifier) = strict(&keys).await;
    let (secret, mut cases) = (shared(), Vec::new());
    let good = Forge::new(&secret).build();
    let parts: Vec<&str> = good.split('.').collect();
    let (unsigned, signature) = good.rsplit_once('.').expect("three parts");
    let mut form = |name, why, token: String| cases.push(case(name, why, token));

    form("empty", "three parts", String::new());
    form("dots alone", "base64url", "..".into());
    form("signature cut off", "three parts", unsigned.into());
    form("signature empty", "base64url", format!("{unsigned}."));
    form("payload empty", "base64url", format!("{}..{}", parts[0], parts[2]));
    form("a fourth part", "three parts", format!("{good}.{}", parts[2]));
    form("a trailing dot", "three parts", format!("{good}."));
    form("five parts as in JWE", "three parts", format!("{good}.a.b"));
    form("a leading space", "base64url", format!(" {good}"));
    form("a trailing newline", "base64url", format!("{good}\n"));
    form("a line break inside", "base64url", format!("{}.\r\n{}.{}", parts[0], parts[1], parts[2]));
    form("a scheme in front", "base64url", format!("Bearer {good}"));
    form("padding", "base64url", format!("{good}="));
    form("padding of the header", "base64url", format!("{}==.{}.{}", parts[0], parts[1], parts[2]));
    form("a zero byte", "base64url", format!("{good}\0"));
    form("a look-alike letter", "base64url", format!("{good}\u{0430}"));
    form("the other alphabet", "base64url", format!("{unsigned}.+/{}", &signature[2..]));
    form("stray trailing bits", "base64url", format!("{unsigned}.{}", stray_bits(signature)));
    let long = Forge::new(&secret).claim("pad", "x".repeat(9000)).build();
    form("more than 8 KiB", "8 KiB", long);
    form("8 MiB of dots", "8 KiB", ".".repeat(8 << 20));

    assert_refused(&verifier, &cases).await;
}

/// Another spelling of the same 32 bytes: the last letter carries two unused bits.
fn stray_bits(signature: &str) -> String {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let (head, last) = signature.split_at(signature.len() - 1);
    let at = ALPHABET.find(last).expect("base64url");
    assert_eq!(at % 4, 0, "canonical");
    format!("{head}{}", &ALPHABET[at + 1..at + 2])
}

#[tokio::test]
async fn a_token_with_a_hostile_header_is_refused() {
    let keys = Keys::new();
    let (_provider, verifier) = strict(&keys).await;
    let secret = shared();
    let raw = |text: &str| Forge::new(&secret).raw_header(text).build();
    let with = |name: &str, value: Value| Forge::new(&secret).header(name, value).build();
    let attacker = signer::other_rsa();
    let jwk = attacker.jwk("rsa");
    let own_key = Forge::new(&attacker).header("kid", "rsa").header("jwk", jwk).build();
    let (member, id, unique) = ("not accepted", "key id", "unique names");
    let cases = [
        case("not JSON", unique, raw("alg=HS256")),
        case("a list", unique, raw(r#"["HS256"]"#)),
        case("two objects", unique, raw(r#"{"alg":"HS256"}{"alg":"HS256"}"#)),
        case("alg twice", unique, raw(r#"{"alg":"none","alg":"HS256"}"#)),
        case("alg twice, once escaped", unique, raw(r#"{"alg":"HS256","\u0061lg":"none"}"#)),
        case("kid twice", unique, raw(r#"{"alg":"HS256","kid":"a","kid":"rsa"}"#)),
        case("crit", member, with("crit", json!(["exp"]))),
        case("crit that is empty", member, with("crit", json!([]))),
        case("crit that is null", member, with("crit", Value::Null)),
        case("b64 false", member, with("b64", false.into())),
        case("b64 false and crit", member, raw(r#"{"alg":"HS256","b64":false,"crit":["b64"]}"#)),
        case("its own key", member, own_key),
        case("jku", member, with("jku", "https://evil.example.test/jwks.json".into())),
        case("x5u", member, with("x5u", "https://evil.example.test/cert".into())),
        case("x5c", member, with("x5c", json!(["MIIB"]))),
        case("zip", member, with("zip", "DEF".into())),
        case("enc", member, with("enc", "A256GCM".into())),
        case("a nested token", member, with("cty", "JWT".into())),
        case("a logout token", "type is not JWT", with("typ", "logout+jwt".into())),
        case("a type that is a number", "type is not JWT", with("typ", 1.into())),
        case("kid as a list", id, with("kid", json!(["rsa"]))),
        case("kid as an object", id, with("kid", json!({ "$ne": null }))),
        case("kid as a number", id, with("kid", 1.into())),
        case("kid as null", id, with("kid", Value::Null)),
        case("kid that is empty", id, with("kid", "".into())),
        case("kid that is long", id, with("kid", "k".repeat(201).into())),
        case("kid with SQL", id, with("kid", "x' UNION SELECT 'secret".into())),
        case("kid with a zero byte", id, with("kid", "rsa\0".into())),
        case("kid with a line break", id, with("kid", "rsa\nlevel=info".into())),
    ];
    assert_refused(&verifier, &cases).await;
}

#[tokio::test]
async fn an_algorithm_that_the_key_is_not_pinned_to_is_refused() {
    let keys = Keys::new();
    let (_provider, verifier) = strict(&keys).await;
    let secret = shared();
    let raw = |text: &str| Forge::new(&secret).raw_header(text).build();
    let algorithm = "does not allow";
    let mut cases = vec![
        case("none without a signature", "base64url", {
            format!("{}.", Forge::new(&secret).header("alg", "none").unsigned())
        }),
        case("none with one", algorithm, raw(r#"{"alg":"none"}"#)),
        case("nOnE", algorithm, raw(r#"{"alg":"nOnE"}"#)),
        case("no alg", algorithm, raw(r#"{"typ":"JWT"}"#)),
        case("alg null", algorithm, raw(r#"{"alg":null}"#)),
        case("alg as a list", algorithm, raw(r#"{"alg":["HS256"]}"#)),
        case("hs256", algorithm, raw(r#"{"alg":"hs256"}"#)),
        case("HS256 with a space", algorithm, raw(r#"{"alg":"HS256 "}"#)),
    ];
    for stronger in [Algorithm::HS384, Algorithm::HS512] {
        let same_secret = Signer::Shared(SECRET.into(), stronger);
        cases.push(case("the secret with another hash", algorithm, Forge::new(&same_secret).build()));
    }
    let rs384 = signer::rsa("RS384");
    let ps256 = signer::rsa("PS256");
    for (name, signer) in [("RS384", &rs384), ("PS256", &ps256), ("ES256", &keys.p256), ("EdDSA", &keys.ed)] {
        cases.push(case(name, algorithm, Forge::new(signer).header("kid", "rsa").build()));
    }
    let labelled = Forge::new(&secret).header("alg", "RS256").header("kid", "p256").build();
    cases.push(case("RS256 for an elliptic key", algorithm, labelled));
    assert_refused(&verifier, &cases).await;

    // Confusion: the public key as HMAC secret, the header saying HS256.
    for form in keys.rsa.public_forms() {
        let forged = Signer::Shared(form, Algorithm::HS256);
        let cases = [
            case("confusion", "signature is wrong", Forge::new(&forged).build()),
            case(
                "confusion with kid",
                "signature is wrong",
                Forge::new(&forged).header("kid", "rsa").build(),
            ),
        ];
        assert_refused(&verifier, &cases).await;
    }
}

#[tokio::test]
async fn a_key_that_is_not_for_tokens_is_not_used() {
    let keys = Keys::new();
    let (provider, verifier) = strict(&keys).await;
    let unknown = "does not know";
    let with = |id: &str| Forge::new(&keys.rsa).header("kid", id).build();
    let elliptic = |id: &str| Forge::new(&keys.p256).header("kid", id).build();
    let mut cases = vec![
        case("no key id", unknown, Forge::new(&keys.rsa).build()),
        case("a wrong curve", unknown, elliptic("wrong-curve")),
        case("a curve that we do not know", unknown, elliptic("koblitz")),
        case("a path", unknown, with("../../../../dev/null")),
        case("an address", unknown, with("http://169.254.169.254/latest")),
        case("another case", unknown, with("RSA")),
    ];
    for id in ["for-encryption", "for-wrapping", "says-hs256", "says-none", "says-es256", "weak", "twin"] {
        cases.push(case(id, unknown, with(id)));
    }
    cases.push(case("a symmetric key of the set", unknown, with("symmetric")));
    assert_refused(&verifier, &cases).await;
    assert_eq!(provider.hits(), 1, "none of this made us ask again");

    let alone = Verifier::new(&settings(), &provider.tasks).expect("good settings");
    let token = Forge::new(&keys.rsa).header("kid", "rsa").build();
    assert_refused(&alone, &[case("no JWKS configured", "does not allow", token)]).await;
    let symmetric = Forge::new(&shared()).header("kid", "symmetric").build();
    let cases = [case("no secret configured", "does not allow", symmetric)];
    assert_refused(&provider.verifier(), &cases).await;
}

#[tokio::test]
async fn a_wrong_signature_is_refused() {
    let keys = Keys::new();
    let (_provider, verifier) = strict(&keys).await;
    let (secret, wrong) = (shared(), "signature is wrong");
    let good = Forge::new(&secret).build();
    let (unsigned, signature) = good.rsplit_once('.').expect("three parts");
    let promoted = Forge::new(&secret).claim("org_role", "owner").unsigned();
    let relabelled = Forge::new(&secret).header("typ", "jwt").unsigned();
    let zeros = Signer::Fake("ES256", vec![0; 64]);
    let short = Signer::Fake("ES256", vec![1; 8]);
    let (empty, guess) = (Vec::new(), b"secret".to_vec());
    let mut cases = vec![
        case("another payload", wrong, format!("{promoted}.{signature}")),
        case("another header", wrong, format!("{relabelled}.{signature}")),
        case("a shortened signature", wrong, format!("{unsigned}.{}", &signature[..40])),
        case(
            "zeros for a signature (CVE-2022-21449)",
            wrong,
            Forge::new(&zeros).header("kid", "p256").build(),
        ),
        case("a few bytes for a signature", wrong, Forge::new(&short).header("kid", "p256").build()),
        case("an empty secret", wrong, Forge::new(&Signer::Shared(empty, Algorithm::HS256)).build()),
        case("a guessed secret", wrong, Forge::new(&Signer::Shared(guess, Algorithm::HS256)).build()),
    ];
    let (other_rsa, other_p256) = (signer::other_rsa(), signer::p256());
    for (id, stranger) in [("rsa", &other_rsa), ("p256", &other_p256)] {
        cases.push(case("a stranger's key", wrong, Forge::new(stranger).header("kid", id).build()));
    }
    assert_refused(&verifier, &cases).await;
}
