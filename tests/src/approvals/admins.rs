//! What an administrator decides, and what is nobody else's.

use model_sim::Reply;
use serde_json::{Value, json};
use uuid::Uuid;

use super::desk::{Waiting, approve, deal_waits, decide, goes_on, see, set, stage_of};
use crate::harness::{
    Answer, Person, TestApp,
    look::{answers, end, prompts, result},
};

async fn reserve(alice: &Person) {
    let row = json!({"action": "modify_deals", "policy": "approve", "decider": "admin"});
    set(alice, json!({"preset": "balanced", "rows": [row]})).await;
}

/// A change of bob's that an administrator decides about.
async fn bob_waits(app: &TestApp) -> (Person, Waiting) {
    reserve(&app.alice()).await;
    let bob = app.bob();
    let waiting = deal_waits(app, &bob).await;
    (bob, waiting)
}

fn gist(answer: &Answer) -> (u16, Value) {
    let mut body = answer.json();
    body.as_object_mut().expect("a problem").remove("request_id");
    (answer.status.as_u16(), body)
}

#[tokio::test]
async fn an_owner_or_administrator_decides_where_the_matrix_says_so() {
    let app = TestApp::start().await;
    for decider in [app.alice(), app.replica.person("acme", "adam", "admin")] {
        let (bob, waiting) = bob_waits(&app).await;
        let shown = see(&bob, &waiting.approval).await;
        assert_eq!((&shown["decider"], &shown["requested_by"]), (&json!("admin"), &json!("bob")));
        decide(&bob, &waiting.approval, json!({"decision": "approve"})).await.problem(403, "forbidden");
        let colleague = app.replica.person("acme", "carol", "member");
        let unknown = gist(&colleague.get(&format!("/v1/approvals/{}", Uuid::now_v7())).await);
        assert_eq!(gist(&colleague.get(&format!("/v1/approvals/{}", waiting.approval)).await), unknown);
        let listed = colleague.get("/v1/approvals").await.expect(200).json();
        assert_eq!(listed["data"], json!([]));
        let listed = decider.get("/v1/approvals?status=pending").await.expect(200).json();
        assert_eq!(listed["data"], json!([shown]), "the administrator sees the very same");
        app.sim.push(Reply::text("Moved."));
        assert_eq!(approve(&decider, &waiting.approval).await["run_id"], waiting.run.as_str());
        let rest = goes_on(&bob, &waiting).await;
        assert_eq!(answers(&rest), ["Moved."]);
        assert_eq!(stage_of(&bob).await, "won");
        let who = see(&bob, &waiting.approval).await["decided_by"].clone();
        assert_ne!(who, "bob");
        let (told, _) = result(prompts(&app.sim).last().expect("a prompt"), 0);
        assert!(told.starts_with(who.as_str().expect("a name")), "{told}");
    }
}

#[tokio::test]
async fn an_administrator_decides_about_the_own_requests_as_well() {
    let app = TestApp::start().await;
    reserve(&app.alice()).await;
    let waiting = deal_waits(&app, &app.alice()).await;
    app.sim.push(Reply::text("Moved."));
    approve(&app.alice(), &waiting.approval).await;
    assert_eq!(end(&goes_on(&app.alice(), &waiting).await).data["status"], "done");
}

#[tokio::test]
async fn what_the_requester_decides_is_unknown_to_everybody_else() {
    let app = TestApp::start().await;
    let bob = app.bob();
    let waiting = deal_waits(&app, &bob).await;
    let path = |id: &str| format!("/v1/approvals/{id}");
    let nobodys = Uuid::now_v7().to_string();
    let strangers = [app.alice(), app.replica.person("acme", "adam", "admin"), app.rita(), app.stranger()];
    for person in strangers {
        assert_eq!(
            gist(&person.get(&path(&waiting.approval)).await),
            gist(&person.get(&path(&nobodys)).await)
        );
        for body in [json!({"decision": "approve"}), json!({"decision": "deny", "reason": "x"})] {
            let foreign = decide(&person, &waiting.approval, body.clone()).await;
            foreign.problem(404, "not_found");
            assert_eq!(gist(&foreign), gist(&decide(&person, &nobodys, body).await));
        }
        let batch = |id: &str| json!({"decisions": [{"id": id, "decision": "approve"}]});
        let results = async |id: &str| {
            person.post("/v1/approvals/batch", batch(id)).await.expect(200).text.replace(id, "?")
        };
        assert_eq!(results(&waiting.approval).await, results(&nobodys).await);
        assert_eq!(person.get("/v1/approvals").await.expect(200).json()["data"], json!([]));
    }
    assert_eq!(see(&bob, &waiting.approval).await["status"], "pending");
}

#[tokio::test]
async fn an_administrators_key_and_batch_work_across_persons() {
    let app = TestApp::start().await;
    let (bob, waiting) = bob_waits(&app).await;
    let alice = app.alice();
    let own = deal_waits(&app, &alice).await;
    app.sim.respond_with(|_| Reply::text("Moved."));
    let body = json!({"decisions": [
        {"id": waiting.approval, "decision": "approve"},
        {"id": Uuid::now_v7(), "decision": "approve"},
        {"id": own.approval, "decision": "deny"},
    ]});
    let request = || {
        let request = alice.request(reqwest::Method::POST, "/v1/approvals/batch");
        request.header("idempotency-key", "batch-1").json(&body)
    };
    let first = alice.send(request()).await.expect(200);
    let statuses: Vec<u64> = first.json()["results"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|r| r["status"].as_u64())
        .collect();
    assert_eq!(statuses, [202, 404, 202]);
    assert_eq!(alice.send(request()).await.expect(200).text, first.text, "the same answer once more");
    assert_eq!(end(&goes_on(&bob, &waiting).await).data["status"], "done");
    assert_eq!(end(&goes_on(&alice, &own).await).data["status"], "done");
    assert_eq!(app.database.count("select version from sixty.entities").await, 2, "performed once");
    assert_eq!(
        app.database
            .count(
                "select count(*) from sixty.idempotency i join sixty.members m
            on m.user_id = i.owner_id where m.external_id = 'alice'"
            )
            .await,
        1,
        "the key is the administrator's"
    );
}

#[tokio::test]
async fn the_audit_trail_tells_who_decided_what_on_whose_behalf() {
    let app = TestApp::start().await;
    let (bob, waiting) = bob_waits(&app).await;
    let alice = app.alice();
    see(&alice, &waiting.approval).await;
    app.sim.push(Reply::text("Moved."));
    approve(&alice, &waiting.approval).await;
    goes_on(&bob, &waiting).await;
    let trail = alice.get("/v1/admin/audit?limit=100").await.expect(200).json();
    let about: Vec<&Value> = trail["data"]
        .as_array()
        .expect("a list")
        .iter()
        .filter(|entry| entry["approval_id"] == waiting.approval.as_str())
        .collect();
    let mut told: Vec<[&str; 3]> = about
        .iter()
        .map(|entry| {
            ["decision", "actor_kind", "on_behalf_of"].map(|name| entry[name].as_str().unwrap_or("-"))
        })
        .collect();
    told.sort_unstable();
    assert_eq!(
        told,
        [["approve", "copilot", "bob"], ["approved", "person", "bob"], ["executed", "copilot", "bob"]]
    );
    let of = |decision: &str| about.iter().find(|entry| entry["decision"] == decision).expect("an entry");
    assert_eq!(
        (&of("approve")["rule"], &of("approve")["tool"]),
        (&json!("organization row"), &json!("update_entity"))
    );
    assert_eq!(of("approved")["actor"], "alice");
    assert_eq!(of("approve")["args_hash"], of("executed")["args_hash"]);
    let actions = trail.to_string();
    assert!(actions.contains("permissions.put") && actions.contains("approval.see"), "{actions}");
}

#[tokio::test]
async fn a_readonly_member_approves_nothing() {
    let app = TestApp::start().await;
    let bob = app.bob();
    let waiting = deal_waits(&app, &bob).await;
    let demoted = app.replica.person("acme", "bob", "readonly");
    decide(&demoted, &waiting.approval, json!({"decision": "approve"})).await.problem(403, "forbidden");
    app.sim.push(Reply::text("All right."));
    decide(&demoted, &waiting.approval, json!({"decision": "deny"})).await.expect(202);
    assert_eq!(end(&goes_on(&bob, &waiting).await).data["status"], "done");
}

#[tokio::test]
async fn the_list_has_pages_and_filters() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let mut sessions = Vec::new();
    for _ in 0..3 {
        sessions.push(deal_waits(&app, &alice).await);
    }
    let first = alice.get("/v1/approvals?limit=2").await.expect(200).json();
    let next = first["next_cursor"].as_str().expect("a cursor");
    let second = alice.get(&format!("/v1/approvals?limit=2&cursor={next}")).await.expect(200).json();
    assert_eq!(second["next_cursor"], Value::Null);
    let ids: Vec<&Value> = [&first, &second]
        .iter()
        .flat_map(|page| page["data"].as_array().expect("a list"))
        .map(|approval| &approval["id"])
        .collect();
    let newest_first: Vec<&str> = sessions.iter().rev().map(|waiting| &*waiting.approval).collect();
    assert_eq!(ids, newest_first);
    let of = alice.get(&format!("/v1/approvals?session_id={}", sessions[1].session)).await.expect(200).json();
    assert_eq!(of["data"].as_array().map(Vec::len), Some(1));
    alice.get("/v1/approvals?status=perhaps").await.problem(422, "validation_failed");
    alice.get("/v1/approvals?limit=0").await.problem(422, "validation_failed");
}
