//! What people do leaves entries, and administrators read them.

use model_sim::{Gate, Reply};
use reqwest::Method;
use serde_json::{Value, json};

use super::{gist, trail};
use crate::harness::{TestApp, look::run_of};

#[tokio::test]
async fn what_people_do_stands_in_the_trail() {
    let app = TestApp::start().await;
    let (alice, bob) = (app.alice(), app.bob());
    alice.put("/v1/memory/org", json!({"content": "One"})).await.expect(200);
    alice.put("/v1/memory/org", json!({"content": "Two"})).await.expect(200);
    alice.post("/v1/memory/org/revert", json!({"version": 1})).await.expect(200);
    bob.put("/v1/memory/user", json!({"content": "Bob's own"})).await.expect(200);
    bob.post("/v1/entities", json!({"kind": "deal", "id": "D-1", "name": "One"})).await.expect(201);
    bob.put("/v1/entities/contact/C-1", json!({"name": "Dana"})).await.expect(201);
    bob.put("/v1/entities/contact/C-1", json!({"name": "Dana Roe"})).await.expect(200);
    bob.patch("/v1/entities/deal/D-1", json!({"name": "The first"})).await.expect(200);
    bob.post("/v1/entities/deal/D-1/notes", json!({"text": "They called"})).await.expect(201);
    bob.put("/v1/memory/entities/deal/D-1", json!({"content": "Slow"})).await.expect(200);
    bob.delete("/v1/entities/deal/D-1").await.expect(204);
    let seen = gist(&trail(&alice, "").await);
    assert_eq!(
        seen,
        [
            json!(["alice", "memory.put", "memory:org", "version 1"]),
            json!(["alice", "memory.put", "memory:org", "version 2"]),
            json!(["alice", "memory.revert", "memory:org", "version 3"]),
            json!(["bob", "memory.put", "memory:user", "version 1"]),
            json!(["bob", "entity.create", "deal:D-1", null]),
            json!(["bob", "entity.create", "contact:C-1", null]),
            json!(["bob", "entity.update", "contact:C-1", null]),
            json!(["bob", "entity.update", "deal:D-1", null]),
            json!(["bob", "entity.note", "deal:D-1", null]),
            json!(["bob", "memory.put", "memory:deal:D-1", "version 1"]),
            json!(["bob", "entity.delete", "deal:D-1", null]),
        ]
    );
    // That she looked is the next entry.
    let all = trail(&alice, "").await;
    assert_eq!(gist(&all[11..]), [json!(["alice", "audit.read", null, null])]);
    for entry in &all {
        assert_eq!((&entry["actor_kind"], &entry["channel"]), (&json!("person"), &json!("http")));
        assert_eq!(entry["decision"], "executed");
    }
}

#[tokio::test]
async fn what_the_platform_does_to_members_stands_in_their_organizations_trail() {
    let app = TestApp::start().await;
    let platform = app.replica.root();
    platform.put("/v1/platform/orgs/acme", json!({})).await.expect(201);
    platform.put("/v1/platform/orgs/acme", json!({"name": "Acme"})).await.expect(200);
    platform.put("/v1/platform/orgs/acme", json!({})).await.expect(200);
    platform.put("/v1/platform/orgs/acme/members/dana", json!({"role": "admin"})).await.expect(201);
    platform.delete("/v1/platform/orgs/acme/members/dana").await.expect(204);
    let entries = trail(&app.alice(), "").await;
    assert_eq!(
        gist(&entries),
        [
            json!([null, "org.create", null, null]),
            json!([null, "org.rename", null, null]),
            json!([null, "member.put", "member:dana", "role admin"]),
            json!([null, "member.remove", "member:dana", null]),
        ]
    );
    for entry in entries {
        assert_eq!(entry["actor_kind"], "platform");
        assert_eq!(entry["actor_id"], domain::UserId::derive("root").to_string());
    }
}

#[tokio::test]
async fn a_cancel_is_an_entry_of_its_run_and_of_no_ended_one() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let session = alice.session().await;
    let gate = Gate::new();
    app.sim.push(Reply::text("Half an answer.").hold_after(1, &gate));
    let mut events = alice.say(&session, "Hi").await;
    let run = run_of(&events.until("run_started").await);
    let path = format!("/v1/runs/{run}/cancel");
    alice.post(&path, json!({})).await.expect(202);
    events.rest().await;
    alice.post(&path, json!({})).await.expect(202);
    let entries = trail(&alice, &format!("&run_id={run}")).await;
    assert_eq!(gist(&entries), [json!(["alice", "run.cancel", null, null])]);
    assert_eq!(entries[0]["run_id"], run);
}

#[tokio::test]
async fn what_was_refused_or_asked_for_twice_leaves_no_entry() {
    let app = TestApp::start().await;
    let (alice, bob) = (app.alice(), app.bob());
    bob.put("/v1/memory/org", json!({"content": "Mine"})).await.problem(403, "forbidden");
    bob.put("/v1/entities/deal/D-1", json!({"name": ""})).await.problem(422, "validation_failed");
    bob.delete("/v1/entities/deal/D-1").await.problem(404, "not_found");
    let put = bob.request(Method::PUT, "/v1/entities/deal/D-1").header("if-match", "\"7\"");
    bob.send(put.json(&json!({"name": "One"}))).await.expect(404);
    for _ in 0..2 {
        let create = bob.request(Method::POST, "/v1/entities").header("idempotency-key", "once");
        bob.send(create.json(&json!({"kind": "deal", "id": "D-1", "name": "One"}))).await.expect(201);
    }
    let seen = gist(&trail(&alice, "").await);
    assert_eq!(seen, [json!(["bob", "entity.create", "deal:D-1", null])]);
}

#[tokio::test]
async fn the_trail_is_filtered_and_comes_in_pages() {
    let app = TestApp::start().await;
    let (alice, bob) = (app.alice(), app.bob());
    for n in 0..5 {
        let person = if n % 2 == 0 { &alice } else { &bob };
        person.put(&format!("/v1/entities/deal/D-{n}"), json!({"name": "One"})).await.expect(201);
    }
    bob.delete("/v1/entities/deal/D-1").await.expect(204);
    let targets = async |query: &str| -> Vec<Value> {
        trail(&alice, query).await.iter().map(|entry| entry["target"].clone()).collect()
    };
    let all = trail(&alice, "&action=entity.create").await;
    assert_eq!(targets("&user=bob").await, ["deal:D-1", "deal:D-3", "deal:D-1"]);
    assert_eq!(targets("&user=bob&action=entity.create").await, ["deal:D-1", "deal:D-3"]);
    let since = all[3]["at"].as_str().expect("a time").to_owned();
    assert_eq!(targets(&format!("&action=entity.create&since={since}")).await, ["deal:D-3", "deal:D-4"]);
    let (mut paged, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = alice.get(&format!("/v1/admin/audit?action=entity.create&limit=2{cursor}")).await;
        let page = page.expect(200).json();
        paged.extend(page["data"].as_array().expect("a list").clone());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    paged.reverse();
    assert_eq!(paged, all);
    for query in
        ["limit=0", "cursor=x", "since=yesterday", "since=-10000-01-01T00:00:00Z", "run_id=none", "user=%00"]
    {
        alice.get(&format!("/v1/admin/audit?{query}")).await.expect(422);
    }
}

#[tokio::test]
async fn the_trail_is_for_administrators_of_its_own_organization() {
    let app = TestApp::start().await;
    let (alice, stranger) = (app.alice(), app.stranger());
    alice.deal().await;
    stranger.put("/v1/entities/deal/D-9", json!({"name": "Theirs"})).await.expect(201);
    for person in [app.bob(), app.rita()] {
        person.get("/v1/admin/audit").await.problem(403, "forbidden");
    }
    let admin = app.replica.person("acme", "ada", "admin");
    assert_eq!(gist(&trail(&admin, "").await), [json!(["alice", "entity.create", "deal:D-42", null])]);
    assert_eq!(gist(&trail(&stranger, "").await), [json!(["mallory", "entity.create", "deal:D-9", null])]);
    // Whom and what another organization has, is as unknown as what nobody has.
    for query in ["&user=mallory", "&user=nobody", "&run_id=00000000-0000-0000-0000-000000000000"] {
        assert_eq!(trail(&alice, query).await, Vec::<Value>::new(), "{query}");
    }
    // Those who were refused have read nothing, and no entry says so.
    let reads = trail(&alice, "&action=audit.read").await;
    assert!(reads.iter().all(|entry| ["alice", "ada"].contains(&entry["actor"].as_str().expect("a name"))));
    assert_eq!(reads.len(), 4);
}
