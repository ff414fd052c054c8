//! Versions of memory.

use serde_json::{Value, json};
use sqlx::PgPool;

use super::{House, age, keep, preview, purge, sql, trail};
use crate::harness::{
    Person,
    look::{prompts, system},
};

async fn versions(person: &Person, path: &str) -> Vec<i64> {
    let listed = person.get(&format!("{path}/revisions?limit=100")).await.expect(200).json();
    let data = listed["data"].as_array().expect("a list").clone();
    data.iter().rev().map(|revision| revision["version"].as_i64().expect("a number")).collect()
}

async fn write(person: &Person, path: &str, versions: std::ops::RangeInclusive<i32>) {
    for version in versions {
        person.put(path, json!({"content": format!("version {version} of {path}")})).await.expect(200);
    }
}

async fn age_memory(database: &PgPool) {
    sql(database, "update sixty.copilot_memory_revisions set created_at = created_at - interval '40 days'")
        .await;
}

const ORG: &str = "/v1/memory/org";
const USER: &str = "/v1/memory/user";
const DEAL: &str = "/v1/memory/entities/deal/D-42";

#[tokio::test]
async fn replaced_versions_go_and_the_current_and_quoted_ones_stay() {
    let house = House::build().await;
    let (alice, bob, mallory) = (house.app.alice(), house.app.bob(), house.app.stranger());
    alice.deal().await;
    for path in [ORG, USER, DEAL] {
        write(&alice, path, 1..=2).await;
    }
    write(&bob, USER, 1..=3).await;
    write(&mallory, ORG, 1..=3).await;
    // Its prompt quotes version 2 of all three.
    let session = alice.session_with(json!({"entity": {"kind": "deal", "id": "D-42"}})).await;
    alice.ask(&session, "Hello").await;
    for path in [ORG, USER, DEAL] {
        write(&alice, path, 3..=5).await;
    }
    age(&house.database, &session, 40).await;
    age_memory(&house.database).await;
    // These replace version 5 now: it was in force yesterday.
    for path in [ORG, USER, DEAL] {
        write(&alice, path, 6..=6).await;
    }
    let tried = preview(&alice, "?revisions_days=30").await;
    // Version 1 of Alice's three, and 1 and 2 of Bob's.
    assert_eq!(tried["revisions"], 5);
    keep(&alice, json!({"revisions_days": 30})).await;
    purge(&house.app).await;
    super::all_rounds_are_done(&house.database).await;
    for path in [ORG, USER, DEAL] {
        assert_eq!(versions(&alice, path).await, [2, 3, 4, 5, 6], "{path}");
    }
    assert_eq!(versions(&bob, USER).await, [3]);
    assert_eq!(versions(&mallory, ORG).await, [1, 2, 3]);
    let told = trail(&alice, "retention.purge").await;
    let detail = told[0]["detail"].as_str().expect("a detail");
    assert!(detail.ends_with("revisions 5"), "{detail}");
    // The session learns what has happened since, and quotes what is true now.
    house.app.sim.take_requests();
    alice.ask(&session, "And now?").await;
    let sent = prompts(&house.app.sim);
    let text = system(sent.last().expect("a prompt")).join("\n");
    assert!(text.contains("version 6 of /v1/memory/org"), "{text}");
    // Now nothing quotes the old ones any more.
    age_memory(&house.database).await;
    keep(&alice, json!({"revisions_days": 30})).await;
    purge(&house.app).await;
    super::all_rounds_are_done(&house.database).await;
    for path in [ORG, USER, DEAL] {
        assert_eq!(versions(&alice, path).await, [6], "{path}");
    }
    let revert = alice.post(&format!("{ORG}/revert"), json!({"version": 2})).await;
    assert_eq!(revert.status.as_u16() / 100, 4, "{revert:?}");
    let current: Value = alice.get(ORG).await.expect(200).json();
    assert_eq!(current["version"], 6);
}
