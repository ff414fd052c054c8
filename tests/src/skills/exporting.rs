//! Skills on their way to other programs.

use reqwest::Method;
use serde_json::json;

use super::{PATH, PLATFORM, put, send, with};
use crate::harness::TestApp;

#[tokio::test]
async fn a_skill_leaves_in_the_open_format_and_comes_back_as_the_same_skill() {
    let app = TestApp::start().await;
    let (alice, eve) = (app.alice(), app.replica.person("umbrella", "eve", "admin"));
    let said = with("Deal rescue", "metadata: {priority: high, triggers: [rescue the deal]}");
    let new = json!({"key": "deal-rescue", "document": said, "files": {"references/prices.md": "10"}});
    alice.post(PATH, new).await.expect(201);
    let path = format!("{PATH}/deal-rescue/export");
    let open = alice.get(&path).await.expect(200).json();
    let document = open["document"].as_str().expect("a document");
    assert!(document.contains("name: deal-rescue") && document.contains("title: Deal rescue"), "{document}");
    assert_eq!(open["files"], json!({"references/prices.md": "10"}));
    let zip = alice
        .request(Method::GET, &path)
        .header("accept", "application/zip")
        .send()
        .await
        .expect("an answer");
    assert_eq!(zip.headers()["content-type"], "application/zip");
    assert_eq!(zip.headers()["content-disposition"], "attachment; filename=\"deal-rescue.zip\"");
    let zip = zip.bytes().await.expect("an archive");
    let import = format!("{PATH}/import");
    let taken = send(&eve, Method::POST, &import, "application/zip", zip).await.expect(200).json();
    assert_eq!(taken["data"][0]["status"], "created", "{taken}");
    let (one, other) =
        (alice.get("/v1/skills/deal-rescue").await.json(), eve.get("/v1/skills/deal-rescue").await.json());
    assert_eq!((&one["name"], &one["description"]), (&other["name"], &other["description"]));
    let again = eve.get(&path).await.expect(200).json();
    assert_eq!((&again["document"], &again["files"]), (&open["document"], &open["files"]));
}

#[tokio::test]
async fn what_the_open_format_cannot_hold_is_said_and_so_is_who_may_not_export() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let long = with("Long", "metadata: {}").replace("What Long does.", &"word ".repeat(300));
    put(&alice, "long", &long).await.expect(201);
    let open = alice.get(&format!("{PATH}/long/export")).await.expect(200).json();
    assert_eq!(open["warnings"][0]["field"], "description", "{open}");
    let library = json!({"key": "_platform-references", "document": super::document("References", ""), "files": {"tone.md": "Warm."}});
    alice.post(PATH, library).await.expect(201);
    alice.get(&format!("{PATH}/_platform-references/export")).await.problem(409, "not_exportable");
    alice.get(&format!("{PATH}/nothing/export")).await.problem(404, "not_found");
    alice.get(&format!("{PLATFORM}/long/export")).await.problem(403, "forbidden");
    let bob = app.replica.person("acme", "bob", "member");
    bob.get(&format!("{PATH}/long/export")).await.problem(403, "forbidden");
}
