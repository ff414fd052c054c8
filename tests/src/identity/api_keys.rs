//! Programs with API keys, and the members that administrators manage.

use model_sim::Reply;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, Person, TestApp, eventually};

async fn make(by: &Person, role: &str) -> Value {
    by.post("/v1/admin/api-keys", json!({"name": "CRM import", "role": role})).await.expect(201).json()
}

fn program(app: &TestApp, made: &Value) -> Person {
    app.replica.bearer(made["key"].as_str().expect("a key"))
}

#[tokio::test]
async fn a_key_acts_as_a_service_member_with_its_own_role() {
    let app = TestApp::start().await;
    let made = make(&app.alice(), "member").await;
    let program = program(&app, &made);
    let me = program.get("/v1/me").await.expect(200).json();
    assert_eq!(me["user"]["id"], made["user"]);
    assert_eq!((&me["organization"]["id"], &me["role"]), (&json!("acme"), &json!("member")));
    program.put("/v1/entities/deal/D-1", json!({"name": "Acme renewal"})).await.expect(201);
    program.put("/v1/memory/org", json!({"content": "No."})).await.problem(403, "forbidden");
    program.get("/v1/admin/api-keys").await.problem(403, "forbidden");
    assert_eq!(app.alice().get("/v1/entities/deal/D-1").await.expect(200).json()["name"], "Acme renewal");
    let listed = app.alice().get("/v1/admin/members").await.expect(200).json();
    let service = listed["data"].as_array().expect("members").iter().find(|member| member["service"] == true);
    assert_eq!(service.expect("the service")["id"], made["user"]);
    let audit = app.alice().get("/v1/admin/audit?action=entity.create").await.expect(200).json();
    assert_eq!(audit["data"][0]["actor"], made["user"], "{audit}");
}

#[tokio::test]
async fn the_secret_is_shown_once_and_stands_nowhere() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let asked = || {
        let request = alice.request(Method::POST, "/v1/admin/api-keys").header("idempotency-key", "once");
        request.json(&json!({"name": "CRM import", "role": "member"}))
    };
    let made = alice.send(asked()).await.expect(201).json();
    let key = made["key"].as_str().expect("a key").to_owned();
    alice.send(asked()).await.problem(409, "secret_already_shown");
    let id = made["id"].as_str().expect("an id");
    for path in
        ["/v1/admin/api-keys".to_owned(), format!("/v1/admin/api-keys/{id}"), "/v1/admin/audit".into()]
    {
        let answer = alice.get(&path).await.expect(200);
        assert!(!answer.text.contains(&key) && !answer.text.contains("secret_hash"), "{answer:?}");
    }
    let secret = key.split('_').nth(2).expect("a secret");
    let stored: String = sqlx::query_scalar(
        "select string_agg(t, '') from (
            select k::text from sixty.api_keys k union all select i::text from sixty.idempotency i
            union all select m::text from sixty.members m union all select a::text from sixty.audit a) rows (t)",
    )
    .fetch_one(&app.database.superuser().await)
    .await
    .expect("rows");
    assert!(stored.contains("CRM import") && !stored.contains(secret));
    assert_eq!(alice.get("/v1/admin/api-keys").await.json()["data"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn a_revoked_or_expired_key_is_refused_at_its_next_request() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let (revoked, expired) = (make(&alice, "member").await, make(&alice, "member").await);
    for made in [&revoked, &expired] {
        program(&app, made).get("/v1/sessions").await.expect(200);
    }
    let path = format!("/v1/admin/api-keys/{}", revoked["id"].as_str().expect("an id"));
    alice.delete(&path).await.expect(204);
    alice.delete(&path).await.problem(404, "not_found");
    app.database.run("update sixty.api_keys set expires_at = now() where revoked_at is null").await;
    for made in [&revoked, &expired] {
        program(&app, made).get("/v1/sessions").await.problem(401, "unauthenticated");
    }
    let listed = alice.get("/v1/admin/api-keys").await.expect(200).json();
    assert!(listed["data"][1]["revoked_at"].is_string() && listed["data"][1]["last_used_at"].is_string());
}

#[tokio::test]
async fn what_is_not_a_whole_key_is_refused() {
    let app = TestApp::start().await;
    let made = make(&app.alice(), "member").await;
    let key = made["key"].as_str().expect("a key");
    let other = make(&app.alice(), "member").await;
    let other = other["key"].as_str().expect("a key");
    let mixed = format!("{}{}", &key[..39], &other[39..]);
    for text in
        [&key[..key.len() - 1], &format!("{key}0"), &key.to_uppercase(), &mixed, "sixty_", "sixty_a_b_c"]
    {
        let answer = app.replica.bearer(text).get("/v1/me").await;
        answer.problem(401, "unauthenticated");
        assert!(!answer.text.contains(&key[39..60]), "{answer:?}");
    }
    // Whole, but of nobody.
    let unknown = server::auth::api_key::ApiKey::new(domain::ApiKeyId::new()).expect("a key");
    app.replica.bearer(unknown.text()).get("/v1/me").await.problem(401, "unauthenticated");
}

#[tokio::test]
async fn nobody_gives_a_key_more_than_they_have() {
    let app = TestApp::start().await;
    let admin = app.replica.person("acme", "adam", "admin");
    let ask = async |by: &Person, role: &str| -> Answer {
        by.post("/v1/admin/api-keys", json!({"name": "x", "role": role})).await
    };
    ask(&admin, "owner").await.problem(403, "forbidden");
    let made = ask(&admin, "admin").await.expect(201).json();
    ask(&app.bob(), "readonly").await.problem(403, "forbidden");
    // A key of an administrator's role administers, as far as its ceiling goes.
    let program = program(&app, &made);
    ask(&program, "admin").await.expect(201);
    let path = format!("/v1/admin/members/{}", made["user"].as_str().expect("an id"));
    app.alice().patch(&path, json!({"ceiling": "member"})).await.expect(200);
    ask(&program, "member").await.problem(403, "forbidden");
    let owners = make(&app.alice(), "owner").await;
    let path = format!("/v1/admin/api-keys/{}", owners["id"].as_str().expect("an id"));
    admin.delete(&path).await.problem(403, "forbidden");
}

#[tokio::test]
async fn bad_requests_for_keys_and_members_are_refused_by_field() {
    let app = TestApp::start().await;
    let alice = app.alice();
    app.bob().get("/v1/me").await.expect(200);
    for (body, field) in [
        (json!({"name": "", "role": "member"}), "name"),
        (json!({"name": "x".repeat(101), "role": "member"}), "name"),
        (json!({"name": "x", "role": "member", "expires_at": "2001-01-01T00:00:00Z"}), "expires_at"),
        (json!({"name": "x", "role": "root"}), "role"),
        (json!({"name": "x", "role": "member", "org": "globex"}), "org"),
    ] {
        let problem = alice.post("/v1/admin/api-keys", body).await.problem(422, "validation_failed");
        assert!(problem["errors"].to_string().contains(field), "{problem}");
    }
    for body in [
        json!({"status": "gone"}),
        json!({"ceiling": "root"}),
        json!({"status": null}),
        json!({"role": "owner"}),
    ] {
        let answer = alice.patch("/v1/admin/members/bob", body.clone()).await;
        if body["status"].is_null() && body.get("status").is_some() {
            // A null says nothing, as does a field that is left out.
            answer.expect(200);
        } else {
            answer.problem(422, "validation_failed");
        }
    }
}

#[tokio::test]
async fn an_administrator_limits_suspends_and_brings_back_a_member() {
    let app = TestApp::start().await;
    let (alice, bob) = (app.alice(), app.bob());
    bob.put("/v1/entities/deal/D-1", json!({"name": "Mine"})).await.expect(201);
    let patch = async |body: Value| alice.patch("/v1/admin/members/bob", body).await.expect(200).json();
    assert_eq!(patch(json!({"ceiling": "readonly"})).await["ceiling"], "readonly");
    bob.put("/v1/entities/deal/D-2", json!({"name": "Mine"})).await.problem(403, "forbidden");
    assert_eq!(patch(json!({"ceiling": null})).await["ceiling"], Value::Null);
    bob.put("/v1/entities/deal/D-2", json!({"name": "Mine"})).await.expect(201);
    assert_eq!(patch(json!({"status": "suspended"})).await["status"], "suspended");
    bob.get("/v1/sessions").await.problem(403, "membership_ended");
    patch(json!({"status": "active"})).await;
    bob.get("/v1/sessions").await.expect(200);
    bob.patch("/v1/admin/members/alice", json!({"status": "removed"})).await.problem(403, "forbidden");
    alice.patch("/v1/admin/members/alice", json!({"ceiling": "member"})).await.problem(403, "forbidden");
    alice.patch("/v1/admin/members/nobody", json!({"status": "removed"})).await.problem(404, "not_found");
    app.stranger()
        .patch("/v1/admin/members/bob", json!({"status": "removed"}))
        .await
        .problem(404, "not_found");
    let audit = alice.get("/v1/admin/audit?action=member.update").await.expect(200).json();
    assert_eq!(audit["data"].as_array().map(Vec::len), Some(4));
}

#[tokio::test]
async fn a_key_whose_service_was_erased_is_still_listed_and_revoked() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let made = make(&alice, "member").await;
    let service = made["user"].as_str().expect("an id");
    alice.delete(&format!("/v1/admin/members/{service}/data")).await.expect(202);
    let path = format!("/v1/admin/api-keys/{}", made["id"].as_str().expect("an id"));
    eventually("the service is erased", async || {
        let user = alice.get(&path).await.expect(200).json()["user"].clone();
        (user != *service).then_some(())
    })
    .await;
    let listed = alice.get("/v1/admin/api-keys").await.expect(200).json();
    assert_eq!(listed["data"][0]["role"], "readonly", "{listed}");
    alice.delete(&path).await.expect(204);
    program(&app, &made).get("/v1/me").await.problem(401, "unauthenticated");
}

#[tokio::test]
async fn a_program_only_proposes_to_memory() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let program = program(&app, &make(&alice, "admin").await);
    alice.deal().await;
    let content = json!({"content": "Deals close themselves."});
    for path in ["/v1/memory/org", "/v1/memory/user", "/v1/memory/entities/deal/D-42"] {
        program.put(path, content.clone()).await.problem(403, "forbidden");
        program.post(&format!("{path}/revert"), json!({"version": 1})).await.problem(403, "forbidden");
    }
    let session = program.session().await;
    let note =
        json!({"scope": "entity", "kind": "deal", "id": "D-42", "section": "Notes", "text": "Pays late."});
    app.sim.push(Reply::call("memory_append", note));
    app.sim.push(Reply::text("Proposed."));
    program.hear(&session, "Note how the deal goes.").await;
    assert_eq!(
        app.database.count("select count(*) from sixty.copilot_memories where content <> ''").await,
        0
    );
    let proposals = program.get("/v1/memory/proposals").await.expect(200).json();
    let id = proposals["data"][0]["id"].as_str().expect("a proposal").to_owned();
    let accept = json!({"decision": "approve"});
    program.post(&format!("/v1/memory/proposals/{id}"), accept.clone()).await.problem(403, "forbidden");
    program.post(&format!("/v1/approvals/{id}"), accept).await.problem(403, "forbidden");
}
