//! Who is let in, where, and as what.

mod api_keys;
pub mod forge;
mod issuers;
mod keys;
mod platform;
mod provider;

use reqwest::{Method, header::AUTHORIZATION};
use serde_json::{Value, json};

use crate::harness::{Answer, Person, TestApp};

/// Rows of all tables that a first sight could fill.
const STORED: &str = "select (select count(*) from sixty.orgs) + (select count(*) from sixty.members)
    + (select count(*) from sixty.sessions) + (select count(*) from sixty.entities)";

/// Changes somebody's membership of acme, as only an administrator's route will.
async fn set(app: &TestApp, person: &str, column_and_value: &str) {
    let sql = format!(
        "update sixty.members set {column_and_value} where external_id = $1
        and org_id = (select org_id from sixty.orgs where external_id = 'acme')"
    );
    let superuser = app.database.superuser().await;
    let done = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(person).execute(&superuser).await;
    assert_eq!(done.expect("an update").rows_affected(), 1);
}

fn role(me: &Answer) -> Value {
    me.json()["role"].clone()
}

#[tokio::test]
async fn a_hostile_token_is_refused_and_leaves_nothing() {
    let app = TestApp::start().await;
    let hostile = forge::hostile();
    assert!(hostile.len() >= 40, "{}", hostile.len());
    for (what, token) in hostile {
        let eve = app.replica.bearer(&token);
        for (method, path) in
            [(Method::GET, "/v1/me"), (Method::POST, "/v1/sessions"), (Method::PUT, "/v1/platform/orgs/evil")]
        {
            let answer = eve.send(eve.request(method, path).json(&json!({}))).await;
            assert_eq!(answer.status, 401, "{what}: {token}: {answer:?}");
            answer.problem(401, "unauthenticated");
            assert_eq!(answer.header("www-authenticate"), "Bearer");
            assert!(token.len() < 20 || !answer.text.contains(&token), "{what}: the token is not repeated");
        }
    }
    assert_eq!(app.database.count(STORED).await, 0);
    // The good twin is let in: what is refused above is refused for its one fault.
    app.replica.bearer(&forge::with_claims(json!({}))).get("/v1/me").await.expect(200);
}

#[tokio::test]
async fn a_token_comes_in_one_authorization_header_and_nowhere_else() {
    let app = TestApp::start().await;
    let good = forge::with_claims(json!({}));
    let http = reqwest::Client::builder().no_proxy().build().expect("a client");
    let url = format!("http://{}/v1/me", app.replica.address);
    let get = |query: &str| http.get(format!("{url}{query}"));
    let anybody = app.replica.bearer("");
    for request in [
        get(""),
        get(&format!("?access_token={good}")),
        get("").header("cookie", format!("token={good}")),
        get("").header(AUTHORIZATION, "Bearer"),
        get("").header(AUTHORIZATION, good.as_str()),
        get("").header(AUTHORIZATION, format!("Basic {good}")),
        get("").header(AUTHORIZATION, format!("Bearer {good}, Bearer {good}")),
        get("").bearer_auth(&good).header(AUTHORIZATION, format!("Bearer {good}")),
    ] {
        anybody.send(request).await.problem(401, "unauthenticated");
    }
    assert_eq!(app.database.count(STORED).await, 0);
    anybody.send(get("").header(AUTHORIZATION, format!("bearer {good}"))).await.expect(200);
}

#[tokio::test]
async fn the_first_sight_of_a_token_makes_organization_and_member_once() {
    let app = TestApp::start().await;
    assert_eq!(app.database.count(STORED).await, 0);
    let alice = app.alice();
    let calls = (0..20).map(|_| alice.get("/v1/me"));
    for me in futures_util::future::join_all(calls).await {
        let me = me.expect(200).json();
        assert_eq!(me["user"]["id"], "alice");
        assert_eq!(me["organization"], json!({"id": "acme", "name": "acme"}));
        assert_eq!(me["role"], "owner");
        assert_eq!(me["rights"], json!({"administer": true, "write": true, "platform": false}));
    }
    assert_eq!(app.database.count("select count(*) from sixty.orgs").await, 1);
    assert_eq!(app.database.count("select count(*) from sixty.members").await, 1);
    app.bob().get("/v1/me").await.expect(200);
    assert_eq!(app.database.count("select count(*) from sixty.orgs").await, 1);
    assert_eq!(app.database.count("select count(*) from sixty.members").await, 2);
}

#[tokio::test]
async fn the_effective_role_is_the_lower_of_token_and_ceiling() {
    let app = TestApp::start().await;
    let roles = ["readonly", "member", "admin", "owner"];
    app.alice().get("/v1/me").await.expect(200);
    for (ceiling_rank, ceiling) in roles.iter().enumerate() {
        set(&app, "alice", &format!("ceiling = '{ceiling}'")).await;
        for (token_rank, token) in roles.iter().enumerate() {
            let alice = app.replica.person("acme", "alice", token);
            let effective = roles[ceiling_rank.min(token_rank)];
            assert_eq!(role(&alice.get("/v1/me").await.expect(200)), effective, "{token} under {ceiling}");
            let status = if ceiling_rank.min(token_rank) >= 2 { 200 } else { 403 };
            alice.put("/v1/memory/org", json!({"content": "Ours"})).await.expect(status);
        }
    }
    set(&app, "alice", "ceiling = null").await;
    assert_eq!(role(&app.alice().get("/v1/me").await), "owner");
    // A role that is stored beside it lifts nobody above the token.
    set(&app, "alice", "role = 'owner'").await;
    assert_eq!(role(&app.replica.person("acme", "alice", "member").get("/v1/me").await), "member");
}

#[tokio::test]
async fn no_token_lifts_a_suspended_or_removed_member() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let session = alice.session().await;
    for status in ["suspended", "removed"] {
        set(&app, "alice", &format!("status = '{status}'")).await;
        for person in [alice.clone(), app.alice(), app.replica.person("acme", "alice", "admin")] {
            person.get("/v1/me").await.problem(403, "membership_ended");
            person.get(&format!("/v1/sessions/{session}")).await.problem(403, "membership_ended");
            person.post("/v1/sessions", json!({})).await.problem(403, "membership_ended");
            let path = format!("/v1/sessions/{session}/messages");
            person.post(&path, json!({"text": "Hello"})).await.problem(403, "membership_ended");
        }
        // Elsewhere the same person is somebody else.
        app.replica.person("globex", "alice", "owner").get("/v1/me").await.expect(200);
        app.database.run("update sixty.members set status = 'active'").await;
    }
    assert_eq!(app.database.count("select count(*) from sixty.sessions").await, 1);
    alice.get("/v1/me").await.expect(200);
}

#[tokio::test]
async fn an_unknown_role_may_converse_and_not_write() {
    let app = TestApp::start().await;
    app.alice().put("/v1/entities/deal/D-1", json!({"name": "Acme"})).await.expect(201);
    for unknown in
        [json!("superhero"), json!(["owner"]), json!(7), json!(""), json!("readonly"), json!("OWNER\u{0}")]
    {
        let guest = app
            .replica
            .bearer(&forge::with_claims(json!({"sub": "gus", "org_id": "acme", "org_role": unknown})));
        assert_eq!(role(&guest.get("/v1/me").await.expect(200)), "readonly", "{unknown}");
        refuses_writes(&guest).await;
        guest.get("/v1/entities/deal/D-1").await.expect(200);
        guest.get("/v1/memory/org").await.expect(200);
        let session = guest.session_with(json!({"entity": {"kind": "deal", "id": "D-1"}})).await;
        app.sim.push(model_sim::Reply::text("Welcome."));
        assert_eq!(guest.ask(&session, "Hello").await["run"]["status"], "done");
        guest.patch(&format!("/v1/sessions/{session}"), json!({"title": "Mine"})).await.expect(200);
        guest.delete(&format!("/v1/sessions/{session}")).await.expect(204);
    }
    assert_eq!(app.database.count("select count(*) from sixty.copilot_memories").await, 0);
    assert_eq!(app.database.count("select count(*) from sixty.entities").await, 1);
    assert_eq!(app.database.count("select count(*) from sixty.entity_notes").await, 0);
}

async fn refuses_writes(guest: &Person) {
    let (content, name) = (json!({"content": "Mine"}), json!({"name": "Mine"}));
    for path in ["/v1/memory/org", "/v1/memory/user", "/v1/memory/entities/deal/D-1"] {
        guest.put(path, content.clone()).await.problem(403, "forbidden");
        guest.post(&format!("{path}/revert"), json!({"version": 1})).await.problem(403, "forbidden");
    }
    guest
        .post("/v1/entities", json!({"kind": "deal", "id": "D-2", "name": "x"}))
        .await
        .problem(403, "forbidden");
    guest.put("/v1/entities/deal/D-1", name.clone()).await.problem(403, "forbidden");
    guest.put("/v1/entities/deal/D-2", name.clone()).await.problem(403, "forbidden");
    guest.patch("/v1/entities/deal/D-1", name).await.problem(403, "forbidden");
    guest.delete("/v1/entities/deal/D-1").await.problem(403, "forbidden");
    guest.post("/v1/entities/deal/D-1/notes", json!({"text": "x"})).await.problem(403, "forbidden");
}
