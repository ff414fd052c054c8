use std::collections::BTreeSet;

use model_sim::Reply;
use serde_json::{Value, json};

use crate::harness::{Person, TestApp};

/// Every item of a list, page by page.
pub(super) async fn walk(person: &Person, path: &str, limit: usize) -> Vec<Value> {
    let (mut all, mut cursor) = (Vec::new(), String::new());
    let mut sizes = Vec::new();
    loop {
        let page = person.get(&format!("{path}limit={limit}{cursor}")).await.expect(200).json();
        let data = page["data"].as_array().expect("a list").clone();
        sizes.push(data.len());
        all.extend(data);
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
        assert!(sizes.len() < 1_000, "the list has an end");
    }
    let (last, full) = sizes.split_last().expect("a page");
    assert!(full.iter().all(|size| *size == limit) && *last <= limit, "{sizes:?}");
    all
}

fn ids(items: &[Value]) -> BTreeSet<String> {
    items.iter().map(|item| item["id"].to_string()).collect()
}

#[tokio::test]
async fn a_list_of_sessions_has_neither_gaps_nor_duplicates() {
    let app = TestApp::start().await;
    let alice = app.alice();
    for n in 0..105 {
        alice.session_with(json!({"title": format!("Session {n}")})).await;
    }
    // Activity at the same microsecond still has one order.
    let same = "update sixty.sessions set created_at = date_trunc('second', created_at)";
    app.database.run(same).await;
    for limit in [1, 7, 35, 100] {
        let all = walk(&alice, "/v1/sessions?", limit).await;
        assert_eq!((all.len(), ids(&all).len()), (105, 105), "{limit}");
        let times: Vec<&str> = all.iter().filter_map(|session| session["created_at"].as_str()).collect();
        assert!(times.is_sorted_by(|a, b| a >= b), "newest first");
    }
    let found = walk(&alice, "/v1/sessions?q=session%201&", 3).await;
    assert_eq!(found.len(), 1 + 10 + 5, "1, 10 to 19, 100 to 104");
    assert_eq!(alice.get("/v1/sessions").await.expect(200).json()["data"].as_array().map(Vec::len), Some(50));
}

#[tokio::test]
async fn a_list_of_entities_has_neither_gaps_nor_duplicates() {
    let app = TestApp::start().await;
    let alice = app.alice();
    for n in 0..60 {
        // Names that a locale sorts unlike bytes.
        for (kind, id) in [("deal", format!("d-{n}")), ("contact", format!("D_{n}"))] {
            alice.put(&format!("/v1/entities/{kind}/{id}"), json!({"name": "Same"})).await.expect(201);
        }
    }
    for limit in [1, 7, 60, 100] {
        let all = walk(&alice, "/v1/entities?", limit).await;
        assert_eq!((all.len(), ids(&all).len()), (120, 120), "{limit}");
        let deals = walk(&alice, "/v1/entities?kind=deal&", limit).await;
        assert!(deals.len() == 60 && deals.iter().all(|deal| deal["kind"] == "deal"));
    }
    // A cursor of one list is none of another.
    let page = alice.get("/v1/entities?limit=1").await.expect(200).json();
    let cursor = page["next_cursor"].as_str().expect("a cursor");
    alice.get(&format!("/v1/sessions?cursor={cursor}")).await.problem(422, "validation_failed");
}

#[tokio::test]
async fn a_history_has_neither_gaps_nor_duplicates_in_either_order() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let session = alice.session().await;
    for n in 0..6 {
        app.sim.push(Reply::text(format!("Answer {n}")));
        alice.ask(&session, &format!("Question {n}")).await;
    }
    let path = format!("/v1/sessions/{session}/messages?");
    for limit in [1, 5, 12, 100] {
        let oldest_first = walk(&alice, &path, limit).await;
        let seqs: Vec<i64> = oldest_first.iter().filter_map(|message| message["seq"].as_i64()).collect();
        assert_eq!(seqs, (1..=12).collect::<Vec<_>>());
        let mut newest_first = walk(&alice, &format!("{path}order=desc&"), limit).await;
        newest_first.reverse();
        assert_eq!(newest_first, oldest_first);
    }
    alice.get(&format!("{path}order=sideways")).await.problem(422, "validation_failed");
}

#[tokio::test]
async fn a_list_of_revisions_has_neither_gaps_nor_duplicates() {
    let app = TestApp::start().await;
    let alice = app.alice();
    for n in 0..103 {
        alice.put("/v1/memory/user", json!({"content": format!("Version {n}")})).await.expect(200);
    }
    for limit in [10, 100] {
        let all = walk(&alice, "/v1/memory/user/revisions?", limit).await;
        let versions: Vec<i64> = all.iter().filter_map(|revision| revision["version"].as_i64()).collect();
        assert_eq!(versions, (1..=103).rev().collect::<Vec<_>>());
    }
}
