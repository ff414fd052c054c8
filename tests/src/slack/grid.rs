//! Workspaces of an enterprise, and what Slack gets back.

use serde_json::json;

use super::{ALICE, Desk, TEAM};
use crate::harness::eventually;

const OTHER: &str = "T0ELSE";
const ENTERPRISE: &str = "E1";

/// Nothing is installed yet; there are workspaces of these enterprises.
async fn grid(of_team: &str, of_other: &str) -> Desk {
    let desk = Desk::bare().await;
    let mut world = desk.slack.world();
    world.enterprise(ENTERPRISE);
    world.workspace(TEAM).enterprise = Some(of_team.into());
    world.workspace(OTHER).enterprise = Some(of_other.into());
    drop(world);
    desk
}

#[tokio::test]
async fn an_enterprise_and_a_workspace_of_it_do_not_belong_to_two_organizations() {
    for (first, second) in [(TEAM, ENTERPRISE), (ENTERPRISE, TEAM)] {
        let desk = grid(ENTERPRISE, "E2").await;
        let (alice, mallory) = (desk.app.alice(), desk.app.stranger());
        assert_eq!(desk.install_in(first, &alice).await, 200);
        assert_eq!(desk.install_in(second, &mallory).await, 409, "{second:?} beside {first:?}");
        assert_eq!(mallory.get("/v1/admin/slack").await.expect(200).json()["workspaces"], json!([]));
        // The same organization may have both, and others other workspaces.
        assert_eq!(desk.install_in(second, &alice).await, 200);
        assert_eq!(desk.install_in(OTHER, &mallory).await, 200);
        // The workspace is the same one, in whatever enterprise it is by now.
        desk.slack.world().workspace(TEAM).enterprise = Some("E3".into());
        assert_eq!(desk.install_in(TEAM, &mallory).await, 409);
        alice.patch("/v1/admin/slack", json!({ "team": TEAM, "disconnect": true })).await.expect(200);
        alice
            .patch("/v1/admin/slack", json!({ "enterprise": ENTERPRISE, "disconnect": true }))
            .await
            .expect(200);
        desk.slack.world().workspace(TEAM).enterprise = Some(ENTERPRISE.into());
        assert_eq!(desk.install_in(second, &mallory).await, 200);
    }
}

#[tokio::test]
async fn two_workspaces_of_an_enterprise_may_belong_to_two_organizations() {
    let desk = grid(ENTERPRISE, ENTERPRISE).await;
    assert_eq!(desk.install_in(TEAM, &desk.app.alice()).await, 200);
    assert_eq!(desk.install_in(OTHER, &desk.app.stranger()).await, 200);
}

#[tokio::test]
async fn the_token_of_an_organization_that_is_erased_is_given_back() {
    let desk = Desk::open().await;
    let platform = desk.app.replica.root();
    platform.delete("/v1/platform/orgs/acme").await.expect(202);
    let revoked =
        eventually("it is given back", async || desk.slack.calls("auth.revoke").first().cloned()).await;
    assert_eq!((revoked.team.as_deref(), revoked.error), (Some(TEAM), None));
    eventually("the organization is gone", async || {
        let state = platform.get("/v1/platform/orgs/acme/erasure").await.expect(200).json();
        (state["status"] == "done").then_some(())
    })
    .await;
    let told = desk.command(ALICE, "hello there").await;
    assert!(told.body.contains("not connected"), "{told:?}");
}
