use serde_json::json;

use super::{each, ids, lines, results, send_batch, sound};
use crate::harness::{Person, TestApp};

/// A deal that is bob's alone, and what hangs on it.
async fn secret_deal(app: &TestApp) -> Person {
    let bob = app.bob();
    let deal = json!({"name": "Confidential takeover", "owner": "bob", "visibility": "owner"});
    bob.put("/v1/entities/deal/D-7", deal).await.expect(201);
    bob.post("/v1/entities/deal/D-7/notes", json!({"text": "Hush"})).await.expect(201);
    bob.put("/v1/memory/entities/deal/D-7", json!({"content": "Hush"})).await.expect(200);
    bob.put("/v1/entities/contact/C-7", json!({"name": "Dana", "links": [{"kind": "deal", "id": "D-7"}]}))
        .await
        .expect(201);
    bob
}

#[tokio::test]
async fn what_is_its_owners_alone_does_not_exist_for_colleagues() {
    let app = TestApp::start().await;
    let bob = secret_deal(&app).await;
    let carol = app.replica.person("acme", "carol", "member");
    for path in [
        "/v1/entities/deal/D-7",
        "/v1/entities/deal/D-7/notes",
        "/v1/memory/entities/deal/D-7",
        "/v1/memory/entities/deal/D-7/revisions",
    ] {
        carol.get(path).await.problem(404, "not_found");
        bob.get(path).await.expect(200);
    }
    carol.patch("/v1/entities/deal/D-7", json!({"name": "Mine"})).await.problem(404, "not_found");
    carol.delete("/v1/entities/deal/D-7").await.problem(404, "not_found");
    carol.post("/v1/entities/deal/D-7/notes", json!({"text": "x"})).await.problem(404, "not_found");
    carol.put("/v1/memory/entities/deal/D-7", json!({"content": "x"})).await.problem(404, "not_found");
    let bound = json!({"entity": {"kind": "deal", "id": "D-7"}});
    carol.post("/v1/sessions", bound.clone()).await.problem(422, "validation_failed");
    bob.session_with(bound).await;
    // Neither in lists and searches, nor at the other end of a link.
    for query in ["", "q=takeover", "q=D-7", "sort=updated", "owner=bob"] {
        assert!(!ids(&carol, query).await.contains(&"D-7".to_owned()), "{query}");
        assert!(ids(&bob, query).await.contains(&"D-7".to_owned()), "{query}");
    }
    assert_eq!(ids(&carol, "linked_kind=deal&linked_id=D-7").await, ["C-7"], "a contact that she sees");
    let contact = carol.get("/v1/entities/contact/C-7").await.expect(200).json();
    assert_eq!(contact["links"], json!([]));
    let link = json!({"name": "Mine", "links": [{"kind": "deal", "id": "D-7"}]});
    let theirs = carol.put("/v1/entities/task/T-1", link).await.problem(422, "validation_failed");
    let nobodys = json!({"name": "Mine", "links": [{"kind": "deal", "id": "D-8"}]});
    let nobodys = carol.put("/v1/entities/task/T-1", nobodys).await.problem(422, "validation_failed");
    assert_eq!(theirs["errors"].to_string().replace("D-7", "D-8"), nobodys["errors"].to_string());
    // What one does not see one does not take away.
    carol.patch("/v1/entities/contact/C-7", json!({"title": "Buyer", "links": []})).await.expect(200);
    let contact = bob.get("/v1/entities/contact/C-7").await.expect(200).json();
    assert_eq!(contact["links"], json!([{"kind": "deal", "id": "D-7"}]));
    sound(&app).await;
}

#[tokio::test]
async fn an_id_that_is_taken_out_of_sight_is_answered_as_one_that_is_not_there() {
    let app = TestApp::start().await;
    let bob = secret_deal(&app).await;
    let carol = app.replica.person("acme", "carol", "member");
    let mine = json!({"kind": "deal", "id": "D-7", "name": "Mine"});
    let nothing = carol.get("/v1/entities/deal/D-9").await.problem(404, "not_found");
    for answer in [
        carol.post("/v1/entities", mine.clone()).await,
        carol.put("/v1/entities/deal/D-7", json!({"name": "Mine"})).await,
    ] {
        assert_eq!(answer.problem(404, "not_found")["detail"], nothing["detail"]);
    }
    let others = json!({"kind": "deal", "id": "D-10", "name": "Mine too"});
    let answer = send_batch(&carol, lines(&[mine, others])).await.expect(200);
    assert_eq!(each(&results(&answer), "status"), ["error", "created"]);
    assert_eq!(bob.get("/v1/entities/deal/D-7").await.expect(200).json()["name"], "Confidential takeover");
}

#[tokio::test]
async fn a_member_makes_nothing_that_only_somebody_else_could_see() {
    let app = TestApp::start().await;
    let (alice, bob) = (app.alice(), app.bob());
    let of = |owner: &str| json!({"name": "Quiet", "owner": owner, "visibility": "owner"});
    bob.put("/v1/entities/deal/D-1", of("alice")).await.problem(403, "forbidden");
    let nobodys = json!({"name": "Quiet", "visibility": "owner"});
    let problem = bob.put("/v1/entities/deal/D-1", nobodys).await.problem(422, "validation_failed");
    assert_eq!(problem["errors"][0]["field"], "owner");
    bob.put("/v1/entities/deal/D-1", of("bob")).await.expect(201);
    bob.patch("/v1/entities/deal/D-1", json!({"owner": "alice"})).await.problem(403, "forbidden");
    // Who sees everything may; the owner need not be a member.
    alice.put("/v1/entities/deal/D-2", of("carol@product.example")).await.expect(201);
    bob.get("/v1/entities/deal/D-2").await.problem(404, "not_found");
    // Made the organization's, everybody sees it.
    alice.patch("/v1/entities/deal/D-2", json!({"visibility": "org"})).await.expect(200);
    bob.get("/v1/entities/deal/D-2").await.expect(200);
    sound(&app).await;
}

#[tokio::test]
async fn who_may_look_at_all_of_the_organization_does_and_leaves_a_trace() {
    let app = TestApp::start().await;
    secret_deal(&app).await;
    let alice = app.alice();
    assert_eq!(alice.get("/v1/entities/deal/D-7").await.expect(200).json()["name"], "Confidential takeover");
    assert_eq!(alice.get("/v1/entities/deal/D-7/notes").await.expect(200).json()["data"][0]["text"], "Hush");
    assert_eq!(ids(&alice, "q=takeover").await, ["D-7"]);
    let contact = alice.get("/v1/entities/contact/C-7").await.expect(200).json();
    assert_eq!(contact["links"][0]["id"], "D-7");
    for action in ["entity.see", "entity.list"] {
        let entries = alice.get(&format!("/v1/admin/audit?action={action}")).await.expect(200).json();
        assert_eq!(entries["data"][0]["actor"], "alice", "{action}: {entries}");
    }
    // The right is the matrix's to give: without it administrators see no more than members.
    let disabled =
        json!({"preset": "balanced", "rows": [{"action": "access_all_org", "policy": "disabled"}]});
    alice.put("/v1/admin/permissions", disabled).await.expect(200);
    alice.get("/v1/entities/deal/D-7").await.problem(404, "not_found");
    assert_eq!(ids(&alice, "q=takeover").await, Vec::<String>::new());
}
