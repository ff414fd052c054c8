//! What the server refuses to start with, and tokens of its own making.

use std::time::Duration;

use domain::Role;

use super::{provider::Provider, *};

fn refused(settings: &Settings) -> String {
    match Verifier::new(settings, &TaskTracker::new()) {
        Ok(_) => panic!("accepted: {settings:?}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_secret_must_be_a_secret() {
    let with = |secret: &str| Settings { hs256_secret: Some(secret.into()), ..Settings::default() };
    assert!(refused(&Settings::default()).contains("SIXTY_JWT_SECRET or SIXTY_JWKS_URL"));
    assert!(refused(&with("")).contains("has 0 bytes"));
    let short = refused(&with(&"x".repeat(31)));
    assert!(short.contains("has 31 bytes") && short.contains("openssl rand"), "{short}");
    let pem = format!("-----BEGIN {}-----\n{}", "PUBLIC KEY", "A".repeat(64));
    assert!(refused(&with(&pem)).contains("PEM"));
    assert!(Verifier::new(&with(&"x".repeat(32)), &TaskTracker::new()).is_ok());
}

#[test]
fn settings_do_not_print_the_secret() {
    assert!(!format!("{:?}", settings()).contains(SECRET));
}

#[test]
fn keys_come_over_https_or_from_this_machine() {
    let with = |url: &str| Settings { jwks_url: Some(url.parse().expect("a URL")), ..Settings::default() };
    for url in [
        "http://id.example.test/jwks",
        "http://127.0.0.1.example.test/",
        "file:///etc/passwd",
        "ftp://localhost/",
    ] {
        assert!(refused(&with(url)).contains("https"), "{url}");
    }
    for url in
        ["https://id.example.test/jwks", "http://localhost:1/", "http://127.0.0.1:1/", "http://[::1]:1/"]
    {
        assert!(Verifier::new(&with(url), &TaskTracker::new()).is_ok(), "{url}");
    }
}

#[test]
fn claims_that_users_can_edit_cannot_be_configured() {
    for pointer in ["/user_metadata/org_id", "/unsafe_metadata/org", "/a/user_metadata/b"] {
        let editable = Some(pointer.to_owned());
        for settings in [
            Settings { claim_org: editable.clone(), ..settings() },
            Settings { claim_role: editable.clone(), ..settings() },
            Settings { claim_platform_role: editable.clone(), ..settings() },
        ] {
            assert!(refused(&settings).contains("users can edit"), "{pointer}");
        }
    }
    for pointer in ["", "/", "org_id", "$.org_id"] {
        let settings = Settings { claim_org: Some(pointer.into()), ..settings() };
        assert!(refused(&settings).contains("JSON pointer"), "{pointer}");
    }
}

#[test]
fn an_empty_entry_of_a_list_is_a_mistake() {
    for (variable, settings) in [
        ("SIXTY_JWT_ISSUER", Settings { issuers: vec![ISSUER.into(), String::new()], ..settings() }),
        ("SIXTY_JWT_AUDIENCE", Settings { audience: Some(String::new()), ..settings() }),
        ("authorized parties", Settings { authorized_parties: vec![" ".into()], ..settings() }),
    ] {
        assert!(refused(&settings).contains(variable), "{variable}");
    }
}

fn grant() -> Grant<'static> {
    let ttl = Duration::from_hours(1);
    Grant { user: "alice", email: None, org: Some("acme"), role: Some("owner"), platform_admin: true, ttl }
}

#[tokio::test]
async fn a_minted_token_is_accepted_under_the_same_settings() {
    let custom = Settings {
        claim_org: Some("/tenant/a~1b".into()),
        claim_role: Some("/tenant/role".into()),
        ..settings()
    };
    let checked = Settings {
        issuers: vec![ISSUER.into()],
        audience: Some(AUDIENCE.into()),
        authorized_parties: vec!["https://app.example.test".into()],
        ..settings()
    };
    let presets =
        [Preset::Plain, Preset::Supabase, Preset::Clerk].map(|preset| Settings { preset, ..settings() });
    for settings in presets.into_iter().chain([custom, checked]) {
        let token = mint(&settings, &grant()).expect("a token");
        let identity = verifier(&settings).verify(&token).await.expect("accepted");
        assert_eq!(identity.subject, "alice");
        assert_eq!(identity.org.as_ref().map(|(_, external)| external.as_str()), Some("acme"));
        assert_eq!(identity.role, Some(Role::Owner));
        assert!(identity.platform_admin);
    }
}

#[tokio::test]
async fn a_minted_token_says_no_more_than_it_was_given() {
    let grant = Grant { org: None, role: None, platform_admin: false, ..grant() };
    let token = mint(&settings(), &grant).expect("a token");
    let identity = verifier(&settings()).verify(&token).await.expect("accepted");
    assert_eq!((identity.org.clone(), identity.role, identity.platform_admin), (None, None, false));
    let claims = BASE64.decode(token.split('.').nth(1).expect("a payload")).expect("base64url");
    let claims: Map<String, Value> = serde_json::from_slice(&claims).expect("JSON");
    assert_eq!(claims.keys().collect::<Vec<_>>(), ["exp", "iat", "sub"]);
}

#[tokio::test]
async fn a_token_that_nobody_would_accept_is_not_minted() {
    let refused =
        |settings: &Settings, grant: &Grant<'_>| mint(settings, grant).expect_err("refused").to_string();
    let longer = Grant { ttl: MAX_LIFETIME + Duration::from_secs(1), ..grant() };
    assert!(refused(&settings(), &longer).contains("604800 seconds"));
    assert!(mint(&settings(), &Grant { ttl: MAX_LIFETIME, ..grant() }).is_ok());
    for name in ["", " ", "a\nb"] {
        assert!(refused(&settings(), &Grant { user: name, ..grant() }).contains("subject"), "{name:?}");
        assert!(refused(&settings(), &Grant { org: Some(name), ..grant() }).contains("subject"), "{name:?}");
    }
    let provider = Provider::start(&[]).await;
    let without = Settings { hs256_secret: None, ..provider.settings() };
    assert!(refused(&without, &grant()).contains("SIXTY_JWT_SECRET"));
    let short = Settings { hs256_secret: Some("short".into()), ..settings() };
    assert!(refused(&short, &grant()).contains("at least 32"));
}

#[tokio::test]
async fn a_refusal_is_a_401_and_missing_keys_are_a_503() {
    let refused = domain::Error::from(AuthError::Expired);
    assert!(
        matches!(refused, domain::Error::Unauthenticated { detail } if detail == "The token has expired.")
    );
    let missing = domain::Error::from(AuthError::KeysUnavailable { retry_after: Duration::from_secs(5) });
    assert!(matches!(missing, domain::Error::Unavailable { retry_after, .. } if retry_after.as_secs() == 5));
}
