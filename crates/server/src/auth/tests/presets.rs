//! Which claims become organization, role and platform role.

use domain::{OrgId, Role, UserId};
use serde_json::{Value, json};

use super::*;

/// What `claims` (next to sub, iat and exp) become under `settings`.
async fn identity(settings: &Settings, claims: Value) -> Result<Arc<Identity>, AuthError> {
    verifier(settings).verify(&Forge::new(&shared()).only(claims).build()).await
}

fn preset(preset: Preset) -> Settings {
    Settings { preset, ..settings() }
}

/// Supabase writes these into every user's token.
fn supabase(mut claims: Value) -> Value {
    claims["aud"] = "authenticated".into();
    claims["role"] = "authenticated".into();
    claims
}

type Membership = (Option<String>, Option<Role>);

async fn membership(settings: &Settings, claims: Value) -> Membership {
    let identity = identity(settings, claims).await.expect("accepted");
    let (id, external) = identity.org.clone().unzip();
    assert_eq!(id, external.as_deref().map(OrgId::derive));
    (external, identity.role)
}

fn is(org: &str, role: Option<Role>) -> Membership {
    (Some(org.into()), role)
}

const NOWHERE: Membership = (None, None);

#[tokio::test]
async fn plain_claims_make_an_identity() {
    let claims =
        json!({ "org_id": "acme", "org_role": "admin", "name": " Alice\n", "platform_role": "admin" });
    let identity = identity(&settings(), claims).await.expect("accepted");
    assert_eq!((identity.subject.as_str(), identity.user), ("alice", UserId::derive("alice")));
    assert_eq!(identity.org, Some((OrgId::derive("acme"), "acme".into())));
    assert_eq!(identity.role, Some(Role::Admin));
    assert_eq!(identity.name.as_deref(), Some("Alice"));
    assert!(identity.platform_admin);
    assert_eq!(identity.org_id("other"), OrgId::derive("other"));
}

#[tokio::test]
async fn a_role_is_never_guessed_upwards() {
    for (role, expected) in [
        (json!("owner"), Some(Role::Owner)),
        (json!("org:member"), Some(Role::Member)),
        (json!("OWNER"), Some(Role::Readonly)),
        (json!(" owner"), Some(Role::Readonly)),
        (json!(""), Some(Role::Readonly)),
        (json!(["owner"]), Some(Role::Readonly)),
        (json!({ "owner": true }), Some(Role::Readonly)),
        (json!(3), Some(Role::Readonly)),
        (Value::Null, None),
    ] {
        let claims = json!({ "org_id": "acme", "org_role": role });
        assert_eq!(membership(&settings(), claims).await, is("acme", expected), "{role}");
    }
    assert_eq!(membership(&settings(), json!({ "org_id": "acme" })).await, is("acme", None));
    for claims in [json!({ "org_role": "owner" }), json!({ "org_id": null, "org_role": "owner" })] {
        assert_eq!(membership(&settings(), claims).await, NOWHERE, "a role of no organization");
    }
}

#[tokio::test]
async fn only_the_word_admin_administers_the_platform() {
    for role in [json!("Admin"), json!("owner"), json!(["admin"]), json!(true), json!("admin ")] {
        let claims = json!({ "platform_role": role });
        assert!(!identity(&settings(), claims).await.expect("accepted").platform_admin, "{role}");
    }
}

#[tokio::test]
async fn supabase_reads_the_organization_where_users_cannot_write() {
    let settings = preset(Preset::Supabase);
    let acme = |role| json!({ "org_id": "acme", "org_role": role });
    for (name, claims, expected) in [
        ("app_metadata", json!({ "app_metadata": acme("owner") }), is("acme", Some(Role::Owner))),
        ("a token hook", acme("member"), is("acme", Some(Role::Member))),
        ("no mixing", json!({ "app_metadata": { "org_id": "acme" }, "org_role": "owner" }), is("acme", None)),
        ("user_metadata", json!({ "user_metadata": acme("owner") }), NOWHERE),
        ("no organization", json!({}), NOWHERE),
    ] {
        assert_eq!(membership(&settings, supabase(claims)).await, expected, "{name}");
    }
    let editable = json!({ "user_metadata": { "platform_role": "admin", "full_name": "Alice" } });
    let edited = identity(&settings, supabase(editable)).await.expect("accepted");
    assert!(!edited.platform_admin);
    assert_eq!(edited.name.as_deref(), Some("Alice"));
    let trusted = supabase(json!({ "app_metadata": { "platform_role": "admin" } }));
    assert!(identity(&settings, trusted).await.expect("accepted").platform_admin);
}

#[tokio::test]
async fn supabase_keys_are_not_people() {
    let settings = preset(Preset::Supabase);
    for role in [json!("anon"), json!("service_role"), json!(["service_role"]), Value::Null] {
        let mut claims = supabase(json!({}));
        claims["role"] = role.clone();
        let refused = identity(&settings, claims).await;
        assert!(matches!(refused, Err(AuthError::Claim(why)) if why.contains("role")), "{role}: {refused:?}");
    }
    let mut claims = supabase(json!({}));
    claims["aud"] = "another".into();
    assert!(identity(&settings, claims).await.is_err(), "the preset has an audience of its own");
}

#[tokio::test]
async fn clerk_tokens_of_both_versions_are_read() {
    let settings = preset(Preset::Clerk);
    let second = |role| json!({ "v": 2, "o": { "id": "org_1", "slg": "acme", "rol": role } });
    for (name, claims, expected) in [
        ("version 2", second("admin"), is("org_1", Some(Role::Admin))),
        ("version 1", json!({ "org_id": "org_1", "org_role": "org:admin" }), is("org_1", Some(Role::Admin))),
        ("a role of their own", second("billing"), is("org_1", Some(Role::Readonly))),
        ("no active organization", json!({ "v": 2 }), NOWHERE),
        ("a custom claim in version 2", json!({ "v": 2, "org_id": "org_2", "org_role": "owner" }), NOWHERE),
        ("version 2 without an id", json!({ "o": {}, "org_id": "org_2" }), NOWHERE),
        ("no mixing", json!({ "o": { "id": "org_1" }, "org_role": "org:owner" }), is("org_1", None)),
    ] {
        assert_eq!(membership(&settings, claims).await, expected, "{name}");
    }
}

#[tokio::test]
async fn clerk_sessions_must_be_active_and_meant_for_us() {
    let open = preset(Preset::Clerk);
    let ours = Settings { authorized_parties: vec!["https://app.example.test".into()], ..open.clone() };
    for (name, settings, claims, accepted) in [
        ("active", &open, json!({ "sts": "active" }), true),
        ("pending", &open, json!({ "sts": "pending" }), false),
        ("an odd status", &open, json!({ "sts": null }), false),
        ("any party when none is listed", &open, json!({ "azp": "https://x.example.test" }), true),
        ("our party", &ours, json!({ "azp": "https://app.example.test" }), true),
        ("another party", &ours, json!({ "azp": "https://evil.example.test" }), false),
        ("a prefix of ours", &ours, json!({ "azp": "https://app.example.test.evil.test" }), false),
        ("a list", &ours, json!({ "azp": ["https://app.example.test"] }), false),
        ("no party", &ours, json!({}), false),
    ] {
        assert_eq!(identity(settings, claims).await.is_ok(), accepted, "{name}");
    }
}

#[tokio::test]
async fn configured_pointers_replace_the_presets() {
    let claims = json!({
        "https://sixty.test/org": "acme", "roles": { "here": "admin" }, "root": "admin",
        "org_id": "other", "org_role": "owner", "platform_role": "no",
    });
    let custom = Settings {
        claim_org: Some("/https:~1~1sixty.test~1org".into()),
        claim_role: Some("/roles/here".into()),
        claim_platform_role: Some("/root".into()),
        ..settings()
    };
    assert_eq!(membership(&custom, claims.clone()).await, is("acme", Some(Role::Admin)));
    assert!(identity(&custom, claims).await.expect("accepted").platform_admin);
    // Choosing one of the preset's own places brings its role along.
    let hook = Settings { claim_org: Some("/org_id".into()), ..preset(Preset::Supabase) };
    let both = json!({ "app_metadata": { "org_id": "a", "org_role": "owner" }, "org_id": "b", "org_role": "member" });
    assert_eq!(membership(&hook, supabase(both)).await, is("b", Some(Role::Member)));
}

#[tokio::test]
async fn two_issuers_cannot_speak_for_each_others_users() {
    let settings = Settings { issuers: vec!["https://a.test".into(), "https://b.test".into()], ..settings() };
    let of = |issuer: &str| json!({ "iss": issuer, "org_id": "acme", "org_role": "member" });
    let a = identity(&settings, of("https://a.test")).await.expect("accepted");
    let b = identity(&settings, of("https://b.test")).await.expect("accepted");
    assert_eq!((&a.subject, &b.subject), (&"alice".to_owned(), &"alice".to_owned()));
    assert_ne!(a.user, b.user);
    assert_ne!(a.org, b.org);
    assert_eq!(a.org, Some((a.org_id("acme"), "acme".into())));
    assert!(identity(&settings, of("https://c.test")).await.is_err());
}
