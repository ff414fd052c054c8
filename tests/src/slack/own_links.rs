//! A member sees whom they are in Slack, and takes it back.

use model_sim::Reply;
use serde_json::json;

use super::{ALICE, BOB, Desk, TEAM, link_in};

#[tokio::test]
async fn a_member_lists_and_removes_their_own_links_and_nobody_elses() {
    let desk = Desk::open().await;
    let (alice, bob) = (desk.app.alice(), desk.app.bob());
    desk.link(BOB, &bob).await;
    let listed = alice.get("/v1/slack/links").await.expect(200).json();
    let link = &listed["data"][0];
    assert_eq!(listed["data"].as_array().map(Vec::len), Some(1), "{listed}");
    assert_eq!((&link["team"], &link["slack_user"]), (&json!(TEAM), &json!(ALICE)));
    assert_eq!((&link["workspace"], &link["by_email"]), (&json!("A workspace"), &json!(false)));
    let path = format!("/v1/slack/links/{}", link["id"].as_str().expect("an id"));
    bob.delete(&path).await.problem(404, "not_found");
    desk.app.stranger().delete(&path).await.problem(404, "not_found");
    assert_eq!(alice.get("/v1/slack/links").await.expect(200).json(), listed, "an id stays");
    alice.delete(&path).await.expect(204);
    alice.delete(&path).await.problem(404, "not_found");
    assert_eq!(alice.get("/v1/slack/links").await.expect(200).json()["data"], json!([]));
    assert_eq!(bob.get("/v1/slack/links").await.expect(200).json()["data"].as_array().map(Vec::len), Some(1));
    let told = desk.command(ALICE, "what do you know?").await;
    assert!(link_in(&told.body).is_some(), "{told:?}");
    let trail = alice.get("/v1/admin/audit?action=slack.unlink").await.expect(200).json();
    assert_eq!(trail["data"][0]["actor"], "alice", "{trail}");
    // Linked again, it is the same link.
    desk.link(ALICE, &alice).await;
    let again = alice.get("/v1/slack/links").await.expect(200).json();
    assert_eq!(again["data"][0]["id"], link["id"]);
    desk.app.sim.push(Reply::text("Hello."));
    desk.command(ALICE, "hello there").await;
    desk.hears("Hello.").await;
}
