//! Whose archives one may read.

use serde_json::{Value, json};

use super::{archived, found, search};
use crate::harness::TestApp;

#[tokio::test]
async fn owners_read_a_members_archive_and_the_trail_says_so() {
    let app = TestApp::start().await;
    let (alice, bob) = (app.alice(), app.bob());
    let archive = archived(&app, &bob, json!({}), &[("My zeppelin", "It flies.")]).await;
    let id = archive["id"].as_str().expect("an id");
    alice.get("/v1/me").await.expect(200);
    assert_eq!(found(&alice, &[("q", "zeppelin")]).await, Vec::<Value>::new());
    let theirs = found(&alice, &[("q", "zeppelin"), ("user", "bob")]).await;
    assert_eq!(theirs.len(), 2, "{theirs:?}");
    let list = alice.get("/v1/session-summaries?user=bob").await.expect(200).json();
    assert_eq!(list["data"][0]["id"], archive["id"]);
    assert_eq!(list["data"][0]["user_id"], "bob");
    alice.get(&format!("/v1/session-summaries/{id}")).await.problem(404, "not_found");
    let whole = alice.get(&format!("/v1/session-summaries/{id}?user=bob")).await.expect(200).json();
    assert_eq!(whole["full_transcript"].as_array().map(Vec::len), Some(2));
    let trail = alice.get("/v1/admin/audit").await.expect(200).json();
    let seen: Vec<(&str, &str)> = trail["data"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|entry| Some((entry["action"].as_str()?, entry["target"].as_str()?)))
        .filter(|(action, _)| action.starts_with("archive."))
        .collect();
    assert_eq!(
        seen,
        [("archive.read", "user:bob"), ("archive.list", "user:bob"), ("archive.search", "user:bob")]
    );
}

#[tokio::test]
async fn whoever_may_not_look_is_told_so_and_learns_of_nobody() {
    let app = TestApp::start().await;
    let (alice, bob) = (app.alice(), app.bob());
    archived(&app, &alice, json!({}), &[("My zeppelin", "It flies.")]).await;
    archived(&app, &bob, json!({}), &[("My canoe", "It floats.")]).await;
    for path in ["/v1/session-summaries?user=", "/v1/session-summaries/search?q=zeppelin&user="] {
        for person in [&bob, &app.rita()] {
            let known = person.get(&format!("{path}alice")).await;
            known.problem(403, "forbidden");
            assert_eq!(person.get(&format!("{path}nobody")).await.status, known.status);
        }
        alice.get(&format!("{path}nobody")).await.problem(404, "not_found");
        app.stranger().get(&format!("{path}alice")).await.problem(404, "not_found");
        // One's own name opens nothing and needs no right.
        bob.get(&format!("{path}bob")).await.expect(200);
    }
    assert_eq!(found(&bob, &[("q", "canoe"), ("user", "bob")]).await.len(), 2);
    alice.put("/v1/admin/permissions", json!({"preset": "conservative"})).await.expect(200);
    alice.get(&search(&[("q", "canoe"), ("user", "bob")])).await.problem(403, "forbidden");
}
