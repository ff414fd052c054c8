//! The copilot is installed, set up and removed.

use serde_json::json;

use super::{ALICE, Desk, PUBLIC, TEAM};
use crate::harness::TestApp;

#[tokio::test]
async fn an_administrator_installs_the_copilot_once_with_a_link() {
    let desk = Desk::bare().await;
    let alice = desk.app.alice();
    assert_eq!(desk.install(&alice).await, 200);
    let set = alice.get("/v1/admin/slack").await.expect(200);
    assert!(!set.text.contains("xoxb"), "{set:?}");
    let set = set.json();
    assert_eq!(set["configured"], true);
    let workspace = &set["workspaces"][0];
    assert_eq!((&workspace["team"], &workspace["name"]), (&json!(TEAM), &json!("A workspace")));
    assert_eq!((&workspace["channels"], &workspace["email_linking"]), (&json!([]), &json!(false)));
    let stored: Vec<u8> = sqlx::query_scalar("select bot_token from sixty.slack_workspaces")
        .fetch_one(&desk.app.database.superuser().await)
        .await
        .expect("a token");
    assert!(!String::from_utf8_lossy(&stored).contains("xoxb"), "the token is not sealed");
    let trail = alice.get("/v1/admin/audit?action=slack.install").await.expect(200).json();
    assert_eq!(trail["data"][0]["actor"], "alice", "{trail}");
}

#[tokio::test]
async fn a_link_to_install_is_good_once_and_for_nothing_else() {
    let desk = Desk::bare().await;
    let alice = desk.app.alice();
    let made = alice.post("/v1/admin/slack/installs", json!({})).await.expect(201).json();
    let (_, token) = made["url"].as_str().expect("a link").split_once("token=").expect("a token");
    let (good, other) = {
        let mut world = desk.slack.world();
        let redirect = format!("{PUBLIC}/slack/oauth");
        (world.grant(TEAM, &redirect, None), world.grant(TEAM, &redirect, None))
    };
    assert_eq!(desk.page(&format!("/slack/oauth?code={good}&state={token}")).await.status(), 200);
    for path in [format!("/slack/oauth?code={other}&state="), "/slack/install?token=".to_owned()] {
        for token in [token, &format!("{token}x"), ""] {
            assert_eq!(desk.page(&format!("{path}{token}")).await.status(), 410, "{path}");
        }
    }
    assert_eq!(desk.page("/slack/oauth?error=access_denied&state=x").await.status(), 403);
    alice.post("/v1/slack/links", json!({ "token": token })).await.problem(409, "slack_link_expired");
    assert_eq!(desk.slack.calls("oauth.v2.access").len(), 1);
    // A key shows a link once.
    let request = || {
        let request = alice.request(reqwest::Method::POST, "/v1/admin/slack/installs");
        request.header("idempotency-key", "k").json(&json!({}))
    };
    alice.send(request()).await.expect(201);
    alice.send(request()).await.problem(409, "secret_already_shown");
}

#[tokio::test]
async fn a_workspace_belongs_to_one_organization_until_it_is_disconnected() {
    let desk = Desk::bare().await;
    let (alice, mallory) = (desk.app.alice(), desk.app.stranger());
    assert_eq!(desk.install(&alice).await, 200);
    assert_eq!(desk.install(&mallory).await, 409);
    assert_eq!(mallory.get("/v1/admin/slack").await.expect(200).json()["workspaces"], json!([]));
    // Again by the same organization.
    assert_eq!(desk.install(&alice).await, 200);
    assert_eq!(alice.get("/v1/admin/slack").await.expect(200).json()["workspaces"][0]["version"], 2);
    mallory
        .patch("/v1/admin/slack", json!({ "team": TEAM, "disconnect": true }))
        .await
        .problem(404, "not_found");
    let left = alice.patch("/v1/admin/slack", json!({ "disconnect": true })).await.expect(200).json();
    assert_eq!(left["workspaces"], json!([]));
    let revoked = desk.slack.calls("auth.revoke");
    assert_eq!((revoked.len(), revoked[0].team.as_deref()), (1, Some(TEAM)));
    assert_eq!(desk.install(&mallory).await, 200);
}

#[tokio::test]
async fn only_administrators_set_up_slack() {
    let desk = Desk::open().await;
    let (alice, bob) = (desk.app.alice(), desk.app.bob());
    bob.post("/v1/admin/slack/installs", json!({})).await.problem(403, "forbidden");
    bob.get("/v1/admin/slack").await.problem(403, "forbidden");
    bob.patch("/v1/admin/slack", json!({ "channels": [] })).await.problem(403, "forbidden");
    let set =
        alice.patch("/v1/admin/slack", json!({ "channels": ["C2", "C1", "C1"] })).await.expect(200).json();
    assert_eq!(set["workspaces"][0]["channels"], json!(["C1", "C2"]));
    for bad in [json!(["general"]), json!(["c1"]), json!(["DU0ALICE"]), json!([""]), json!("C1")] {
        let refused = alice.patch("/v1/admin/slack", json!({ "channels": bad })).await;
        assert_eq!(refused.status, 422, "{refused:?}");
    }
    alice.patch("/v1/admin/slack", json!({ "team": "T9", "channels": [] })).await.problem(404, "not_found");
}

#[tokio::test]
async fn an_installation_that_slack_refuses_is_none() {
    let desk = Desk::bare().await;
    let alice = desk.app.alice();
    let made = alice.post("/v1/admin/slack/installs", json!({})).await.expect(201).json();
    let (_, token) = made["url"].as_str().expect("a link").split_once("token=").expect("a token");
    assert_eq!(desk.page(&format!("/slack/oauth?code=made-up&state={token}")).await.status(), 502);
    assert_eq!(alice.get("/v1/admin/slack").await.expect(200).json()["workspaces"], json!([]));
}

#[tokio::test]
async fn what_slack_takes_away_is_forgotten_and_nobody_is_answered_there() {
    let uninstalled = json!({ "type": "app_uninstalled" });
    let revoked = json!({ "type": "tokens_revoked", "tokens": { "bot": ["UBOTT0ACME"] } });
    for event in [uninstalled, revoked] {
        let desk = Desk::open().await;
        desk.slack.world().workspace(TEAM).revoked = true;
        desk.deliver(&desk.sender.event(TEAM, &event)).await;
        let left =
            "select (select count(*) from sixty.slack_workspaces) + (select count(*) from sixty.slack_links)
            + (select count(*) from sixty.slack_tickets)";
        assert_eq!(desk.app.database.count(left).await, 0);
        // A command is told how to connect the workspace; what is written is not for the copilot any more.
        let told = desk.command(ALICE, "hello there").await.json();
        assert_eq!(told["response_type"], "ephemeral");
        let words = told["text"].as_str().expect("words");
        assert!(words.contains("is not connected") && words.contains("/v1/admin/slack/installs"), "{words}");
        let before = desk.slack.calls("chat.postEphemeral").len();
        desk.say("hello there").await;
        desk.deliver(&desk.mention(ALICE, "hello there", None)).await;
        assert_eq!(desk.turns().await, 0);
        assert!(desk.slack.shown().is_empty() && desk.slack.calls("chat.postEphemeral").len() == before);
        // Whoever connects it again begins anew.
        assert_eq!(desk.install(&desk.app.alice()).await, 200);
        desk.link(ALICE, &desk.app.alice()).await;
        desk.app.sim.push(model_sim::Reply::text("Here I am."));
        desk.say("hello there").await;
        desk.hears("Here I am.").await;
    }
}

#[tokio::test]
async fn what_slack_takes_from_a_person_or_says_late_ends_no_installation() {
    let desk = Desk::open().await;
    let mut late = desk.sender.event(TEAM, &json!({ "type": "app_uninstalled" }));
    // It was installed since.
    late.body["event_time"] = json!(1);
    desk.deliver(&late).await;
    let person = json!({ "type": "tokens_revoked", "tokens": { "oauth": [ALICE] } });
    desk.deliver(&desk.sender.event(TEAM, &person)).await;
    let kept =
        "select (select count(*) from sixty.slack_workspaces) + (select count(*) from sixty.slack_links)";
    assert_eq!(desk.app.database.count(kept).await, 2);
}

#[tokio::test]
async fn without_its_configuration_slack_says_what_is_missing() {
    let app = TestApp::start().await;
    let alice = app.alice();
    for path in ["/slack/commands", "/slack/events", "/slack/interactions"] {
        let refused = alice.post(path, json!({})).await;
        let problem = refused.problem(404, "slack_not_configured");
        assert!(problem["detail"].as_str().expect("words").contains("SLACK_SIGNING_SECRET"), "{problem}");
    }
    for path in ["/slack/install?token=x", "/slack/oauth?code=x&state=x"] {
        alice.get(path).await.problem(404, "slack_not_configured");
    }
    alice.post("/v1/admin/slack/installs", json!({})).await.problem(404, "slack_not_configured");
    alice.post("/v1/slack/links", json!({ "token": "x" })).await.problem(404, "slack_not_configured");
    assert_eq!(alice.get("/v1/admin/slack").await.expect(200).json()["configured"], false);
}
