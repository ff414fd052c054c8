//! What is kept of an organization's settings is never taken for another's, not even for those of the same name.

use model_sim::Reply;
use serde_json::{Value, json};

use super::Two;
use crate::{
    erasure::erased,
    harness::{Setup, look::run_of},
    skills::document,
};

const ACME: &str = "/v1/platform/orgs/acme";
const MODELS: &str = "/v1/admin/models";

async fn asked(two: &Two) -> Value {
    let alice = two.app.alice();
    let frames = alice.hear(&alice.session().await, "Hi").await;
    alice.get(&format!("/v1/runs/{}", run_of(&frames))).await.expect(200).json()["model"].clone()
}

#[tokio::test]
async fn an_organization_that_is_erased_and_made_anew_has_nothing_of_the_old_ones_settings() {
    let two = Two::with(Setup::default()).await;
    let (alice, platform) = (two.app.alice(), two.app.replica.root());
    two.app.sim.respond_with(|_| Reply::text("Yes."));
    two.second.respond_with(|_| Reply::text("Yes."));
    alice.get("/v1/me").await.expect(200);
    let zebra = |words: &str| json!({"document": document("Zebra", words)});
    alice.put("/v1/admin/skills/old-zebra", zebra("The old one.")).await.expect(201);
    two.route(json!([{ "candidates": ["second/old"] }])).await;
    assert_eq!(asked(&two).await, "second/old");
    erased(&platform, ACME).await;
    platform.put(ACME, json!({"name": "Acme"})).await.expect(201);
    two.route(json!([{ "candidates": ["anthropic/new"] }])).await;
    assert_eq!(alice.get(MODELS).await.expect(200).json()["version"], 1, "as the old one's was");
    alice.put("/v1/admin/skills/new-zebra", zebra("The new one.")).await.expect(201);
    two.calls();
    assert_eq!(asked(&two).await, "anthropic/new");
    let requests = two.app.sim.requests();
    let prompt = String::from_utf8_lossy(&requests.last().expect("it was asked").body).into_owned();
    assert!(prompt.contains("new-zebra") && !prompt.contains("old-zebra"), "{prompt}");
}

#[tokio::test]
async fn an_organization_may_go_back_to_what_the_platform_says_of_models() {
    let two = Two::with(Setup::default()).await;
    let (alice, platform) = (two.app.alice(), two.app.replica.root());
    two.app.sim.respond_with(|_| Reply::text("Yes."));
    two.second.respond_with(|_| Reply::text("Yes."));
    let default = json!({"routes": [{ "candidates": ["second/default"] }]});
    platform.put("/v1/platform/models", default).await.expect(200);
    alice.delete(MODELS).await.expect(204);
    two.route(json!([{ "candidates": ["anthropic/own"] }])).await;
    assert_eq!(asked(&two).await, "anthropic/own");
    two.app.bob().delete(MODELS).await.problem(403, "forbidden");
    let delete =
        |tag: &str| alice.send(alice.request(reqwest::Method::DELETE, MODELS).header("if-match", tag));
    delete("\"7\"").await.problem(412, "version_mismatch");
    delete("\"1\"").await.expect(204);
    assert_eq!(asked(&two).await, "second/default");
    let told = alice.get(MODELS).await.expect(200).json();
    assert_eq!((&told["routes"], &told["version"]), (&json!([]), &json!(2)));
    let trail = alice.get("/v1/admin/audit?action=models.delete").await.expect(200).json();
    assert_eq!(trail["data"].as_array().map(Vec::len), Some(1), "{trail}");
}
