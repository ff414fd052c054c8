//! What a run's calls leave in the trail.

use domain::{
    audit::{Channel, Decision},
    id::ReplicaId,
    run::Lease,
};
use engine::audit::{ToolCallEntry, record_calls};
use serde_json::json;
use store::{Guarded, runs};

use super::{trail, unsealed};
use crate::harness::TestApp;

/// A queued run of Alice's, claimed by the test.
async fn claimed(app: &TestApp) -> Lease {
    let alice = app.alice();
    let session = alice.session().await;
    let request = alice.message(&session, &json!({"text": "Hi"})).header("prefer", "respond-async");
    alice.send(request).await.expect(202);
    let mut tx = app.store().system().await.expect("a transaction");
    let candidates = runs::candidates(&mut tx, ReplicaId::new(), 1).await.expect("candidates");
    let lease = runs::claim(&mut tx, &candidates[0], 30).await.expect("a claim").expect("a lease");
    tx.commit().await.expect("a commit");
    lease
}

fn call(call_id: &str, decision: Decision) -> ToolCallEntry<'_> {
    ToolCallEntry {
        call_id,
        tool: "update_entity",
        action: "modify_deals",
        decision,
        rule: Some("preset:balanced"),
        approval: None,
        args_hash: [0xab; 32],
        target: Some("deal:D-42"),
    }
}

#[tokio::test]
async fn a_runs_calls_say_who_on_whose_behalf_what_and_why() {
    let app = unsealed().await;
    let lease = claimed(&app).await;
    let Guarded::Open(mut tx) = app.store().run(&lease, 30).await.expect("a transaction") else {
        panic!("the lease is held");
    };
    let calls = [call("c1", Decision::Approve), call("c2", Decision::Auto)];
    record_calls(&mut tx, Channel::Http, &calls).await.expect("the entries are written");
    tx.commit().await.expect("a commit");
    let entries = trail(&app.alice(), &format!("&run_id={}", lease.run)).await;
    assert_eq!(entries.len(), 2);
    let mut first = entries[0].clone();
    let fields = first.as_object_mut().expect("an object");
    assert!(fields.remove("id").is_some() && fields.remove("at").is_some());
    assert_eq!(
        first,
        json!({
            "actor_kind": "copilot",
            "on_behalf_of": "alice",
            "channel": "http",
            "action": "modify_deals",
            "tool": "update_entity",
            "decision": "approve",
            "rule": "preset:balanced",
            "run_id": lease.run.to_string(),
            "call_id": "c1",
            "args_hash": "ab".repeat(32),
            "target": "deal:D-42",
        })
    );
    assert_eq!((&entries[1]["call_id"], &entries[1]["decision"]), (&json!("c2"), &json!("auto")));
    assert_eq!(trail(&app.alice(), "&user=alice&action=modify_deals").await.len(), 2);
    app.seal().await;
    assert_eq!(app.verify("acme").await.broken, None);
}

#[tokio::test]
async fn an_entry_stands_or_falls_with_its_transaction() {
    let app = unsealed().await;
    let lease = claimed(&app).await;
    let Guarded::Open(mut tx) = app.store().run(&lease, 30).await.expect("a transaction") else {
        panic!("the lease is held");
    };
    record_calls(&mut tx, Channel::Http, &[call("c1", Decision::Executed)]).await.expect("an entry");
    drop(tx);
    let lost = Lease { fence: lease.fence - 1, ..lease };
    assert!(matches!(app.store().run(&lost, 30).await.expect("an answer"), Guarded::Lost));
    assert_eq!(trail(&app.alice(), "").await.len(), 0);
    assert_eq!(app.database.count("select count(*) from sixty.audit_pending").await, 1, "her reading");
}
