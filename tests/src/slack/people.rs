//! Who somebody in Slack is.

use model_sim::Reply;
use serde_json::{Value, json};

use super::{BOT, Desk, direct, link_in, mention};
use crate::harness::eventually;

#[tokio::test]
async fn a_stranger_is_told_how_to_link_themselves_and_nothing_of_them_is_kept() {
    let desk = Desk::open().await;
    let told = desk.command("U0BOB", "what do you know about me?").await.json::<Value>().await.expect("JSON");
    assert_eq!(told["response_type"], "ephemeral");
    assert!(link_in(&told.to_string()).is_some(), "{told}");
    let mut event = direct("And me?");
    event["user"] = "U0CARL".into();
    assert_eq!(desk.event(event).await.status(), 200);
    desk.hears("/slack/link?token=").await;
    let whispered = &desk.slack.calls("chat.postEphemeral")[0].body;
    assert_eq!(whispered["user"], "U0CARL");
    assert_eq!(desk.turns().await, 0);
    assert_eq!(desk.app.database.count("select count(*) from sixty.messages").await, 0);
}

#[tokio::test]
async fn a_link_makes_whoever_opens_it_the_person_once() {
    let desk = Desk::open().await;
    let (bob, mallory) = (desk.app.bob(), desk.app.stranger());
    let told = desk.command("U0BOB", "today").await.text().await.expect("a body");
    let link = json!({ "token": link_in(&told).expect("a link") });
    // Of another organization it is none, and it stays good.
    mallory.post("/v1/slack/links", link.clone()).await.problem(409, "slack_link_expired");
    let linked = bob.post("/v1/slack/links", link.clone()).await.expect(201).json();
    assert_eq!(linked, json!({ "team": "T0ACME", "slack_user": "U0BOB" }));
    desk.app.alice().post("/v1/slack/links", link).await.problem(409, "slack_link_expired");
    desk.app.sim.push(Reply::text("Hello Bob."));
    desk.command("U0BOB", "hello there").await;
    desk.settled().await;
    assert_eq!(bob.get("/v1/sessions").await.expect(200).json()["data"].as_array().map(Vec::len), Some(1));
    assert_eq!(desk.app.alice().get("/v1/sessions").await.expect(200).json()["data"], json!([]));
}

#[tokio::test]
async fn people_are_recognised_by_their_address_only_where_administrators_allow_it() {
    let desk = Desk::open().await;
    let erin = desk.app.replica.person("acme", "erin@example.com", "member");
    erin.get("/v1/me").await.expect(200);
    desk.slack.email("U0ERIN", "Erin@Example.com");
    let told = desk.command("U0ERIN", "today").await.text().await.expect("a body");
    assert!(link_in(&told).is_some(), "{told}");
    assert!(desk.slack.calls("users.info").iter().all(|call| call.body["user"] != "U0ERIN"));
    let alice = desk.app.alice();
    alice.patch("/v1/admin/slack", json!({ "email_linking": true })).await.expect(200);
    assert_eq!(desk.command("U0ERIN", "today").await.text().await.expect("a body"), "");
    desk.hears("Meetings today").await;
    // Nobody has this address here.
    desk.slack.email("U0FRED", "fred@example.com");
    desk.command("U0FRED", "today").await;
    desk.hears("/slack/link?token=").await;
    assert_eq!(desk.app.database.count("select count(*) from sixty.slack_links").await, 2);
    // What another company's workspace says of its people counts for nothing here.
    desk.slack.email("U0GINA", "erin@example.com");
    desk.slack.stranger("U0GINA", "T0OTHER");
    desk.command("U0GINA", "today").await;
    eventually("she is told how to link herself", async || {
        (desk.slack.told().matches("/slack/link?token=").count() == 2).then_some(())
    })
    .await;
    assert_eq!(desk.app.database.count("select count(*) from sixty.slack_links").await, 2);
}

#[tokio::test]
async fn who_has_left_the_organization_is_answered_no_more() {
    let desk = Desk::open().await;
    let bob = desk.app.bob();
    bob.get("/v1/me").await.expect(200);
    desk.link("U0BOB", &bob).await;
    desk.app.alice().patch("/v1/admin/members/bob", json!({ "status": "removed" })).await.expect(200);
    let told = desk.command("U0BOB", "what is new with our deals?").await.text().await.expect("a body");
    assert!(told.contains("membership"), "{told}");
    let mut event = direct("And here?");
    event["user"] = "U0BOB".into();
    desk.event(event).await;
    desk.hears("membership").await;
    assert_eq!(desk.turns().await, 0);
    assert_eq!(desk.app.database.count("select count(*) from sixty.runs").await, 0);
}

#[tokio::test]
async fn the_copilot_does_not_answer_itself_nor_what_nobody_says_to_it() {
    let desk = Desk::open().await;
    let mut events = vec![direct("x"), direct("x"), direct("x"), direct("  "), mention("U0ALICE", "", None)];
    events[0]["bot_id"] = "B1".into();
    events[1]["user"] = BOT.into();
    events[2]["subtype"] = "message_changed".into();
    let mut overheard = direct("two colleagues talk");
    overheard["channel_type"] = "channel".into();
    events.push(overheard);
    for event in events {
        assert_eq!(desk.event(event).await.status(), 200);
    }
    assert_eq!(desk.turns().await, 0);
}
