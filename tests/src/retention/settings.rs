//! What administrators set.

use reqwest::Method;
use serde_json::{Value, json};

use super::{RETENTION, keep, keep_with, purge, trail};
use crate::harness::TestApp;

#[tokio::test]
async fn before_anybody_sets_anything_all_is_kept() {
    let app = TestApp::start().await;
    let alice = app.alice();
    alice.session().await;
    let answer = alice.get(RETENTION).await.expect(200);
    assert_eq!(answer.header("etag"), "\"0\"");
    let nothing = json!({
        "transcripts_days": null, "messages_days": null, "events_days": null, "revisions_days": null,
        "legal_hold": {"organization": false, "users": [], "sessions": [], "reason": null},
        "version": 0, "updated_at": null, "updated_by": null,
    });
    assert_eq!(answer.json(), nothing);
    assert!(purge(&app).await.is_nothing());
    assert_eq!(app.database.count("select count(*) from sixty.sessions").await, 1);
}

#[tokio::test]
async fn settings_are_taken_while_rounds_delete() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let sessions = futures_util::future::join_all((0..3).map(|_| alice.session())).await;
    let set = async |n: usize| {
        for i in 0..60 {
            let days = json!({"transcripts_days": 1, "messages_days": 1, "revisions_days": 1 + (i % 2)});
            let kept = json!({"organization": false, "sessions": sessions[..(n + i) % 4]});
            keep_with(&alice, days, kept).await;
        }
    };
    let settings = futures_util::future::join_all((0..8).map(set));
    futures_util::future::join(settings, async {
        for _ in 0..40 {
            purge(&app).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_change_is_versioned_and_told_as_old_and_new() {
    let app = TestApp::start().await;
    let alice = app.alice();
    app.bob().session().await;
    let session = alice.session().await;
    let set = |days: Option<i64>, tag: &str, hold: Value| {
        let body = json!({"transcripts_days": days, "events_days": 7, "legal_hold": hold});
        alice.send(alice.request(Method::PUT, RETENTION).header("if-match", tag).json(&body))
    };
    let hold =
        json!({"organization": true, "users": ["bob"], "sessions": [session], "reason": "  Smith v. Acme "});
    let first = set(Some(365), "\"0\"", hold.clone()).await.expect(200);
    assert_eq!(first.header("etag"), "\"1\"");
    let mut expected = hold;
    expected["reason"] = "Smith v. Acme".into();
    assert_eq!(first.json()["legal_hold"], expected);
    assert_eq!(alice.get(RETENTION).await.expect(200).json(), first.json());
    set(Some(1), "\"0\"", json!({"organization": false})).await.problem(412, "version_mismatch");
    set(Some(1), "no tag", json!({"organization": false})).await.problem(422, "validation_failed");
    set(None, "\"1\"", json!({"organization": false, "users": ["bob"]})).await.expect(200);
    let details: Vec<Value> =
        trail(&alice, "retention.put").await.iter().map(|entry| entry["detail"].clone()).collect();
    assert_eq!(
        details,
        [
            "version 1: transcripts_days null to 365, events_days null to 7",
            "version 2: transcripts_days 365 to null"
        ]
    );
    let targets = async |action: &str| -> Vec<String> {
        let entries = trail(&alice, action).await;
        let mut targets: Vec<String> =
            entries.iter().map(|entry| entry["target"].as_str().expect("a target").to_owned()).collect();
        targets.sort();
        targets
    };
    let session = format!("session:{session}");
    assert_eq!(targets("retention.hold").await, ["member:bob", "organization", &session]);
    assert_eq!(targets("retention.release").await, ["organization", &session]);
}

#[tokio::test]
async fn what_cannot_be_is_refused_by_its_name() {
    let app = TestApp::start().await;
    let (alice, mallory) = (app.alice(), app.stranger());
    let theirs = mallory.session().await;
    alice.session().await;
    let free = json!({"organization": false});
    let held = |hold: Value| json!({ "legal_hold": hold });
    let many: Vec<String> = (0..1_001).map(|n| format!("u{n}")).collect();
    for (body, field) in [
        (json!({"transcripts_days": 0, "legal_hold": free}), "transcripts_days"),
        (json!({"transcripts_days": -1, "legal_hold": free}), "transcripts_days"),
        (json!({"messages_days": 36_501, "legal_hold": free}), "messages_days"),
        (json!({"revisions_days": i64::MAX, "legal_hold": free}), "revisions_days"),
        (json!({"events_days": 31, "legal_hold": free}), "events_days"),
        (json!({"events_days": "1", "legal_hold": free}), "events_days"),
        (json!({"transcripts_days": 1.5, "legal_hold": free}), "transcripts_days"),
        (json!({"transcripts_days": 1e30, "legal_hold": free}), "transcripts_days"),
        (json!({"audit_days": 1, "legal_hold": free}), "audit_days"),
        (json!({"transcripts_days": 1}), ""),
        (held(Value::Null), "legal_hold"),
        (held(json!({})), "legal_hold"),
        (held(json!({"organization": "yes"})), "legal_hold.organization"),
        (held(json!({"organization": false, "until": 1})), "legal_hold.until"),
        (held(json!({"organization": false, "users": "bob"})), "legal_hold.users"),
        (held(json!({"organization": false, "users": ["alice", "nobody"]})), "legal_hold.users[1]"),
        (held(json!({"organization": false, "users": ["mallory"]})), "legal_hold.users[0]"),
        (held(json!({"organization": false, "users": many})), "legal_hold.users"),
        (held(json!({"organization": false, "sessions": ["x"]})), "legal_hold.sessions[0]"),
        (held(json!({"organization": false, "sessions": [theirs]})), "legal_hold.sessions[0]"),
        (held(json!({"organization": false, "reason": "x".repeat(1_001)})), "legal_hold.reason"),
        (held(json!({"organization": false, "reason": "\u{0}"})), "legal_hold.reason"),
    ] {
        let problem = alice.put(RETENTION, body.clone()).await.problem(422, "validation_failed");
        assert_eq!(problem["errors"][0]["field"], field, "{body}: {problem}");
    }
    for query in
        ["transcripts_days=0", "messages_days=x", "events_days=-1", "revisions_days=99999999999999999999"]
    {
        alice.get(&format!("{RETENTION}/preview?{query}")).await.problem(422, "validation_failed");
    }
    assert_eq!(alice.get(RETENTION).await.expect(200).json()["version"], 0);
}

#[tokio::test]
async fn only_administrators_see_and_set_it() {
    let app = TestApp::start().await;
    for person in [app.bob(), app.rita()] {
        person.get(RETENTION).await.problem(403, "forbidden");
        person.get(&format!("{RETENTION}/preview")).await.problem(403, "forbidden");
        let body = json!({"legal_hold": {"organization": true}});
        person.put(RETENTION, body).await.problem(403, "forbidden");
    }
    keep(&app.replica.person("acme", "adam", "admin"), json!({"events_days": 0})).await;
    assert_eq!(app.stranger().get(RETENTION).await.expect(200).json()["version"], 0);
}

#[tokio::test]
async fn a_secret_in_a_reason_is_not_kept() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let key = format!("sk-ant-api03-{}", "a1B2c3D4".repeat(12));
    let hold = json!({"organization": false, "reason": format!("found {key} in a mail")});
    let set = alice.put(RETENTION, json!({ "legal_hold": hold })).await.expect(200);
    assert!(!set.text.contains(&key) && set.text.contains("[REDACTED:"), "{}", set.text);
}
