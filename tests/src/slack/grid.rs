//! Workspaces of an enterprise, and what Slack gets back.

use serde_json::json;

use super::{Desk, TEAM};
use crate::harness::eventually;

#[tokio::test]
async fn an_enterprise_and_a_workspace_of_it_do_not_belong_to_two_organizations() {
    for (first, second) in [(TEAM, ""), ("", TEAM)] {
        let desk = Desk::bare().await;
        let (alice, mallory) = (desk.app.alice(), desk.app.stranger());
        desk.slack.installs(first, Some("E1"));
        assert_eq!(desk.install(&alice).await, 200);
        desk.slack.installs(second, Some("E1"));
        assert_eq!(desk.install(&mallory).await, 409, "{second:?} beside {first:?}");
        assert_eq!(mallory.get("/v1/admin/slack").await.expect(200).json()["workspaces"], json!([]));
        // The same organization may have both, and others other workspaces.
        assert_eq!(desk.install(&alice).await, 200);
        desk.slack.installs("T0ELSE", Some("E2"));
        assert_eq!(desk.install(&mallory).await, 200);
        // The workspace is the same one, in whatever enterprise it is by now.
        desk.slack.installs(TEAM, Some("E3"));
        assert_eq!(desk.install(&mallory).await, 409);
        alice.patch("/v1/admin/slack", json!({ "team": TEAM, "disconnect": true })).await.expect(200);
        alice.patch("/v1/admin/slack", json!({ "enterprise": "E1", "disconnect": true })).await.expect(200);
        desk.slack.installs(second, Some("E1"));
        assert_eq!(desk.install(&mallory).await, 200);
    }
}

#[tokio::test]
async fn two_workspaces_of_an_enterprise_may_belong_to_two_organizations() {
    let desk = Desk::bare().await;
    desk.slack.installs(TEAM, Some("E1"));
    assert_eq!(desk.install(&desk.app.alice()).await, 200);
    desk.slack.installs("T0ELSE", Some("E1"));
    assert_eq!(desk.install(&desk.app.stranger()).await, 200);
}

#[tokio::test]
async fn the_token_of_an_organization_that_is_erased_is_given_back() {
    let desk = Desk::open().await;
    let platform = desk.app.replica.root();
    platform.delete("/v1/platform/orgs/acme").await.expect(202);
    let revoked =
        eventually("it is given back", async || desk.slack.calls("auth.revoke").first().cloned()).await;
    assert_eq!(revoked.token, "Bearer xoxb-secret-of-the-workspace");
    eventually("the organization is gone", async || {
        let state = platform.get("/v1/platform/orgs/acme/erasure").await.expect(200).json();
        (state["status"] == "done").then_some(())
    })
    .await;
    let told = desk.command("U0ALICE", "hello there").await.text().await.expect("a body");
    assert!(told.contains("not connected"), "{told}");
}
