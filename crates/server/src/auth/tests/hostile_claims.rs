//! Properly signed tokens whose claims must not be believed.

use serde_json::{Value, json};

use super::*;

fn strict() -> Verifier {
    let (issuers, audience) = (vec![ISSUER.into()], Some(AUDIENCE.into()));
    verifier(&Settings { issuers, audience, ..settings() })
}

#[tokio::test]
async fn a_payload_that_can_be_read_in_two_ways_is_refused() {
    let secret = shared();
    let good = || Forge::new(&secret);
    let unique = "unique names";
    let cases = [
        case("sub twice", unique, good().appended(r#""sub":"mallory""#).build()),
        case("sub twice, the same", unique, good().appended(r#""sub":"alice""#).build()),
        case("sub twice, once escaped", unique, good().appended(r#""s\u0075b":"mallory""#).build()),
        case("exp twice", unique, good().appended(r#""exp":9999999999"#).build()),
        case("twice further down", unique, good().appended(r#""a":{"org":"x","org":"y"}"#).build()),
        case("twice in a list", unique, good().appended(r#""a":[{"b":1,"b":2}]"#).build()),
        case("a list", unique, good().raw_claims("[]").build()),
        case("a text", unique, good().raw_claims(r#""alice""#).build()),
        case("not JSON", unique, good().raw_claims("sub=alice").build()),
        case("two objects", unique, good().raw_claims(r#"{"sub":"alice"}{"sub":"bob"}"#).build()),
        case("not UTF-8", unique, good().raw_claims(b"{\"sub\":\"\xff\"}".to_vec()).build()),
        case("a byte order mark", unique, good().raw_claims(b"\xef\xbb\xbf{}".to_vec()).build()),
        case("half a surrogate pair", unique, good().appended(r#""x":"\ud800""#).build()),
        case("nested too deep", unique, {
            good().appended(&format!(r#""x":{}{}"#, "[".repeat(500), "]".repeat(500))).build()
        }),
        case("a number beyond all", unique, good().appended(r#""x":1e999"#).build()),
    ];
    assert_refused(&strict(), &cases).await;
    assert!(strict().verify(&good().appended(r#""x":{"sub":"bob"}"#).build()).await.is_ok());
}

#[tokio::test]
async fn a_token_is_valid_in_its_time_only() {
    let secret = shared();
    let now = Utc::now().timestamp();
    let with = |name: &str, value: Value| Forge::new(&secret).claim(name, value).build();
    let (number, expired, early, long) = ("number of seconds", "expired", "not valid yet", "longer than");
    let week = i64::try_from(MAX_LIFETIME.as_secs()).expect("a small number");
    let cases = [
        case("no exp", "when it expires", Forge::new(&secret).without("exp").build()),
        case("exp null", number, with("exp", Value::Null)),
        case("exp as text", number, with("exp", (now + 60).to_string().into())),
        case("exp as a list", number, with("exp", json!([now + 60]))),
        case("exp true", number, with("exp", true.into())),
        case("exp negative", number, with("exp", (-1).into())),
        case("exp beyond 64 bits", number, with("exp", json!(1e300))),
        case("exp at the end of u64", number, with("exp", u64::MAX.into())),
        case("exp at the end of i64", number, with("exp", i64::MAX.into())),
        case("exp zero", expired, with("exp", 0.into())),
        case("exp in the past", expired, with("exp", (now - 31).into())),
        case("exp in the past as a fraction", expired, with("exp", json!(1.5))),
        case("nbf in the future", early, with("nbf", (now + 90).into())),
        case("nbf as text", number, with("nbf", now.to_string().into())),
        case("nbf null", number, with("nbf", Value::Null)),
        case("iat in the future", early, with("iat", (now + 90).into())),
        case("iat as text", number, with("iat", now.to_string().into())),
        case("iat negative", number, with("iat", (-5).into())),
        case("for ever", long, with("exp", 253_402_300_799_i64.into())),
        case("a long life that has just begun", long, with("exp", (now + week + 90).into())),
        case("a long life that is almost over", long, with("iat", (now - week).into())),
        case("a long life without iat", long, {
            Forge::new(&secret).without("iat").claim("exp", now + week + 90).build()
        }),
    ];
    assert_refused(&strict(), &cases).await;
    for (name, token) in [
        ("fractions", with("exp", Value::from(now).as_f64().map_or(Value::Null, |now| json!(now + 60.5)))),
        ("just expired, within the leeway", with("exp", (now - 20).into())),
        (
            "a clock that is a little ahead",
            Forge::new(&secret).claim("nbf", now + 20).claim("iat", now + 20).build(),
        ),
        ("a week", with("exp", (now + week).into())),
        ("neither iat nor nbf", Forge::new(&secret).without("iat").without("nbf").build()),
    ] {
        assert!(strict().verify(&token).await.is_ok(), "{name}");
    }
}

#[tokio::test]
async fn a_token_for_somebody_else_is_refused() {
    let secret = shared();
    let with = |name: &str, value: Value| Forge::new(&secret).claim(name, value).build();
    let (issuer, audience) = ("issuer", "audience");
    let cases = [
        case("no iss", issuer, Forge::new(&secret).without("iss").build()),
        case("iss null", issuer, with("iss", Value::Null)),
        case("another iss", issuer, with("iss", "https://evil.example.test".into())),
        case("iss with a slash more", issuer, with("iss", format!("{ISSUER}/").into())),
        case("iss in capitals", issuer, with("iss", ISSUER.to_uppercase().into())),
        case("iss as a list", issuer, with("iss", json!([ISSUER]))),
        case("no aud", audience, Forge::new(&secret).without("aud").build()),
        case("aud null", audience, with("aud", Value::Null)),
        case("another aud", audience, with("aud", "sixty-one".into())),
        case("aud that is empty", audience, with("aud", "".into())),
        case("an empty list", audience, with("aud", json!([]))),
        case("a list without us", audience, with("aud", json!(["a", "b"]))),
        case("a list with something else in it", audience, with("aud", json!([AUDIENCE, 1]))),
        case("aud as an object", audience, with("aud", json!({ AUDIENCE: true }))),
    ];
    assert_refused(&strict(), &cases).await;
    assert!(strict().verify(&with("aud", json!(["a", AUDIENCE]))).await.is_ok());

    // Nothing configured: a token for somebody is still not a token for us.
    let open = verifier(&settings());
    assert_refused(&open, &[case("an aud nobody asked for", audience, with("aud", "other".into()))]).await;
    assert!(open.verify(&Forge::new(&secret).without("aud").without("iss").build()).await.is_ok());
}

#[tokio::test]
async fn an_id_that_people_could_misread_is_refused() {
    let secret = shared();
    let bad = [
        ("empty", json!("")),
        ("blank", json!(" ")),
        ("a number", json!(42)),
        ("true", json!(true)),
        ("a list", json!(["alice"])),
        ("an object", json!({ "id": "alice" })),
        ("256 characters", json!("é".repeat(256))),
        ("a zero byte", json!("alice\0")),
        ("a line break", json!("alice\nadmin")),
        ("an escape sequence", json!("\u{1b}[2Jalice")),
        ("a delete character", json!("alice\u{7f}")),
        ("a leading space", json!(" alice")),
        ("a trailing no-break space", json!("alice\u{a0}")),
        ("a zero-width space", json!("ali\u{200b}ce")),
        ("a right-to-left override", json!("\u{202e}ecila")),
    ];
    let mut cases = vec![
        case("no subject", "subject", Forge::new(&secret).without("sub").build()),
        case("subject null", "subject", Forge::new(&secret).claim("sub", Value::Null).build()),
    ];
    for (name, value) in bad {
        cases.push(case(name, "subject", Forge::new(&secret).claim("sub", value.clone()).build()));
        cases.push(case(name, "organization", Forge::new(&secret).claim("org_id", value).build()));
    }
    assert_refused(&strict(), &cases).await;
    for good in ["é".repeat(255), "auth0|62a1".into(), "Zoë 李 van Dijk".into(), "a@b.example".into()] {
        let token = Forge::new(&secret).claim("sub", good.clone()).claim("org_id", good.clone()).build();
        let identity = strict().verify(&token).await.expect("accepted");
        assert_eq!(identity.subject, good);
        assert_eq!(identity.org.as_ref().map(|(_, external)| external), Some(&good));
    }
}
