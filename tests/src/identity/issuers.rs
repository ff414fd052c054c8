//! Several trusted issuers: equal ids of two of them are two people, two organizations.

use serde_json::{Value, json};

use super::forge;
use crate::harness::{Person, Setup, TestApp};

const ISSUERS: [&str; 2] = ["https://one.example", "https://two.example"];

async fn app() -> TestApp {
    TestApp::with(Setup { issuers: ISSUERS.map(str::to_owned).to_vec(), ..Setup::default() }).await
}

fn person(app: &TestApp, issuer: &str, mut claims: Value) -> Person {
    claims["iss"] = json!(issuer);
    app.replica.bearer(&forge::with_claims(claims))
}

#[tokio::test]
async fn the_first_sight_of_a_token_makes_an_organization_for_each_issuer() {
    let app = app().await;
    for issuer in ISSUERS {
        let alice = person(&app, issuer, json!({"sub": "alice", "org_id": "acme"}));
        assert_eq!(alice.get("/v1/memory/org").await.expect(200).json()["version"], 0, "{issuer}");
        alice.put("/v1/memory/org", json!({"content": issuer})).await.expect(200);
        assert_eq!(alice.get("/v1/me").await.expect(200).json()["organization"]["id"], "acme");
    }
    let other = person(&app, "https://three.example", json!({"sub": "alice", "org_id": "acme"}));
    other.get("/v1/me").await.problem(401, "unauthenticated");
    assert_eq!(app.database.count("select count(*) from sixty.orgs").await, 2);
}

#[tokio::test]
async fn the_platform_gives_memberships_to_people_of_its_own_issuer() {
    let app = app().await;
    let no_org = |sub: &str| json!({"sub": sub, "org_id": null, "org_role": null});
    let mut root = no_org("root");
    root["platform_role"] = json!("admin");
    let platform = person(&app, ISSUERS[0], root);
    platform.put("/v1/platform/orgs/acme", json!({"name": "Acme"})).await.expect(201);
    let member = "/v1/platform/orgs/acme/members/dana";
    platform.put(member, json!({"role": "member"})).await.expect(201);
    let [dana, namesake] = ISSUERS.map(|issuer| person(&app, issuer, no_org("dana")));
    assert_eq!(dana.get("/v1/me").await.expect(200).json()["role"], "member");
    namesake.get("/v1/me").await.problem(403, "not_a_member");
    platform.delete(member).await.expect(204);
    dana.get("/v1/me").await.problem(403, "not_a_member");
}
