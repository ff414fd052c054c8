//! Logins whose token carries no organization, and the routes that give them some.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use server::auth::Grant;

use super::{STORED, forge};
use crate::harness::{Answer, Person, TestApp, token};

fn platform(app: &TestApp) -> Person {
    app.replica.root()
}

fn login(app: &TestApp, user: &str) -> Person {
    let grant = Grant {
        user,
        email: None,
        org: None,
        role: None,
        platform_admin: false,
        ttl: Duration::from_hours(1),
    };
    app.replica.bearer(&token(&grant))
}

async fn at(person: &Person, org: &str, path: &str) -> Answer {
    person.send(person.request(Method::GET, path).header("x-org-id", org)).await
}

async fn found(app: &TestApp, org: &str, members: &[(&str, &str)]) {
    let platform = platform(app);
    platform.put(&format!("/v1/platform/orgs/{org}"), json!({})).await.expect(201);
    for (member, role) in members {
        let path = format!("/v1/platform/orgs/{org}/members/{member}");
        platform.put(&path, json!({"role": role})).await.expect(201);
    }
}

#[tokio::test]
async fn a_login_without_an_organization_uses_its_memberships() {
    let app = TestApp::start().await;
    let dana = login(&app, "dana");
    dana.get("/v1/me").await.problem(403, "not_a_member");
    dana.get("/v1/sessions").await.problem(403, "not_a_member");
    assert_eq!(app.database.count(STORED).await, 0);
    found(&app, "acme", &[("dana", "admin")]).await;
    let me = dana.get("/v1/me").await.expect(200).json();
    assert_eq!((&me["organization"]["id"], &me["role"]), (&json!("acme"), &json!("admin")));
    dana.put("/v1/memory/org", json!({"content": "Acme's."})).await.expect(200);

    found(&app, "globex", &[("dana", "readonly"), ("eve", "owner")]).await;
    dana.get("/v1/sessions").await.problem(422, "organization_required");
    let me = dana.get("/v1/me").await.expect(200).json();
    let both = json!([{"org_id": "acme", "role": "admin"}, {"org_id": "globex", "role": "readonly"}]);
    assert_eq!(me["memberships"], both);
    assert_eq!(me.get("organization"), None);
    assert_eq!(at(&dana, "acme", "/v1/memory/org").await.expect(200).json()["content"], "Acme's.");
    assert_eq!(at(&dana, "globex", "/v1/memory/org").await.expect(200).json()["version"], 0);
    assert_eq!(at(&dana, "globex", "/v1/me").await.expect(200).json()["role"], "readonly");
    found(&app, "initech", &[]).await;
    for org in ["initech", "never", "", "Acme"] {
        at(&dana, org, "/v1/memory/org").await.problem(404, "not_found");
        at(&dana, org, "/v1/me").await.problem(404, "not_found");
    }
}

#[tokio::test]
async fn only_memberships_that_the_platform_made_count_without_an_organization_claim() {
    let app = TestApp::start().await;
    // A token's first sight of acme makes no membership for tokens without claims.
    app.alice().get("/v1/me").await.expect(200);
    login(&app, "alice").get("/v1/me").await.problem(403, "not_a_member");
    at(&login(&app, "alice"), "acme", "/v1/sessions").await.problem(404, "not_found");
    let no_role =
        app.replica.bearer(&forge::with_claims(json!({"sub": "olga", "org_id": "acme", "org_role": null})));
    no_role.get("/v1/me").await.problem(403, "not_a_member");
    assert_eq!(app.database.count("select count(*) from sixty.members").await, 1);
    let no_role =
        app.replica.bearer(&forge::with_claims(json!({"sub": "alice", "org_id": "acme", "org_role": null})));
    no_role.get("/v1/me").await.problem(403, "not_a_member");
    // The role of one organization's token says nothing about another.
    found(&app, "globex", &[("alice", "readonly")]).await;
    let me = app.alice().get("/v1/me").await.expect(200).json();
    assert_eq!(me["memberships"], json!([{"org_id": "globex", "role": "readonly"}]));
    assert_eq!(me["role"], "owner");
}

#[tokio::test]
async fn a_removed_member_stays_removed_until_the_platform_says_otherwise() {
    let app = TestApp::start().await;
    found(&app, "acme", &[("dana", "owner")]).await;
    let (platform, dana) = (platform(&app), login(&app, "dana"));
    dana.get("/v1/me").await.expect(200);
    let path = "/v1/platform/orgs/acme/members/dana";
    platform.delete(path).await.expect(204);
    platform.delete(path).await.problem(404, "not_found");
    dana.get("/v1/me").await.problem(403, "not_a_member");
    at(&dana, "acme", "/v1/me").await.problem(404, "not_found");
    app.replica.person("acme", "dana", "owner").get("/v1/me").await.problem(403, "membership_ended");
    assert_eq!(app.database.count("select count(*) from sixty.members where status = 'removed'").await, 1);
    platform.put(path, json!({"role": "member"})).await.expect(200);
    assert_eq!(dana.get("/v1/me").await.expect(200).json()["role"], "member");
}

#[tokio::test]
async fn platform_routes_are_for_platform_administrators() {
    let app = TestApp::start().await;
    let claims = |role| json!({"sub": "alice", "org_id": "acme", "platform_role": role});
    for person in [
        app.alice(),
        app.stranger(),
        login(&app, "dana"),
        app.replica.bearer(&forge::with_claims(claims(json!("owner")))),
        app.replica.bearer(&forge::with_claims(claims(json!(["admin"])))),
        app.replica.bearer(&forge::with_claims(claims(json!(true)))),
    ] {
        person.put("/v1/platform/orgs/acme", json!({})).await.problem(403, "forbidden");
        let path = "/v1/platform/orgs/acme/members/alice";
        person.put(path, json!({"role": "owner"})).await.problem(403, "forbidden");
        person.delete(path).await.problem(403, "forbidden");
    }
    assert_eq!(app.database.count(STORED).await, 0);
}

#[tokio::test]
async fn the_platform_makes_names_and_checks_organizations_and_members() {
    let app = TestApp::start().await;
    let platform = platform(&app);
    let created =
        platform.put("/v1/platform/orgs/acme", json!({"name": " Acme Ltd "})).await.expect(201).json();
    assert_eq!(created, json!({"id": "acme", "name": "Acme Ltd"}));
    platform.put("/v1/platform/orgs/acme", json!({})).await.expect(200);
    let renamed = platform.put("/v1/platform/orgs/acme", json!({"name": "Acme SE"})).await.expect(200).json();
    assert_eq!(renamed["name"], "Acme SE");
    let member = "/v1/platform/orgs/acme/members/dana";
    let made = platform.put(member, json!({"role": "member", "name": "Dana"})).await.expect(201).json();
    assert_eq!(made, json!({"user": "dana", "role": "member", "name": "Dana"}));
    platform.put(member, json!({"role": "admin"})).await.expect(200);
    let me = login(&app, "dana").get("/v1/me").await.expect(200).json();
    assert_eq!((&me["role"], &me["user"]["name"]), (&json!("admin"), &json!("Dana")));
    assert_eq!(me["organization"]["name"], "Acme SE");
    // Refusals.
    platform
        .put("/v1/platform/orgs/never/members/dana", json!({"role": "member"}))
        .await
        .problem(404, "not_found");
    platform.delete("/v1/platform/orgs/acme/members/never").await.problem(404, "not_found");
    platform.delete("/v1/platform/orgs/never/members/dana").await.problem(404, "not_found");
    let long = "x".repeat(256);
    for (path, body, field) in [
        (member, json!({"role": "superhero"}), "role"),
        (member, json!({"role": "member", "org": "globex"}), "org"),
        (member, json!({"role": "member", "name": long}), "name"),
        ("/v1/platform/orgs/acme", json!({"name": long}), "name"),
        ("/v1/platform/orgs/%20", json!({}), "external_id"),
        ("/v1/platform/orgs/a%0Ab", json!({}), "external_id"),
        ("/v1/platform/orgs/acme/members/%20", json!({"role": "member"}), "sub"),
    ] {
        let problem = platform.put(path, body).await.problem(422, "validation_failed");
        assert_eq!(problem["errors"][0]["field"], field, "{problem}");
    }
    platform.put("/v1/platform/orgs/a%00b", json!({})).await.problem(404, "not_found");
    assert_eq!(app.database.count("select count(*) from sixty.orgs").await, 1);
    assert_eq!(app.database.count("select count(*) from sixty.members").await, 1);
}
