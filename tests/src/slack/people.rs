//! Who somebody in Slack is.

use model_sim::Reply;
use serde_json::{Value, json};

use super::{ALICE, BOB, CARL, CHANNEL, Desk, TEAM, link_in};
use crate::harness::eventually;

/// What whoever is not linked is told.
const UNLINKED: &str = "I do not know yet who you are";

#[tokio::test]
async fn a_stranger_is_told_how_to_link_themselves_and_nothing_of_them_is_kept() {
    let desk = Desk::open().await;
    let told = desk.command(BOB, "what do you know about me?").await;
    assert_eq!(told.json()["response_type"], "ephemeral");
    assert!(link_in(&told.body).is_some(), "{told:?}");
    let asked = desk.direct(CARL, "And me?");
    desk.deliver(&asked).await;
    let whispered = eventually("they are told", async || {
        desk.slack.said().into_iter().find(|seen| seen.only_for.as_deref() == Some(CARL))
    })
    .await;
    assert!(whispered.words.contains(UNLINKED), "{whispered:?}");
    assert_eq!((whispered.channel, whispered.thread), ("DU0CARL".to_owned(), Some(asked.ts)));
    assert!(link_in(&whispered.buttons[0].url).is_some());
    assert_eq!(desk.turns().await, 0);
    assert_eq!(desk.app.database.count("select count(*) from sixty.messages").await, 0);
}

#[tokio::test]
async fn a_link_makes_whoever_opens_it_the_person_once() {
    let desk = Desk::open().await;
    let (bob, mallory) = (desk.app.bob(), desk.app.stranger());
    let told = desk.command(BOB, "today").await;
    let link = json!({ "token": link_in(&told.body).expect("a link") });
    // Of another organization it is none, and it stays good.
    mallory.post("/v1/slack/links", link.clone()).await.problem(409, "slack_link_expired");
    let linked = bob.post("/v1/slack/links", link.clone()).await.expect(201).json();
    assert_eq!(linked, json!({ "team": "T0ACME", "slack_user": BOB }));
    desk.app.alice().post("/v1/slack/links", link).await.problem(409, "slack_link_expired");
    desk.app.sim.push(Reply::text("Hello Bob."));
    desk.command(BOB, "hello there").await;
    desk.settled().await;
    assert_eq!(bob.get("/v1/sessions").await.expect(200).json()["data"].as_array().map(Vec::len), Some(1));
    assert_eq!(desk.app.alice().get("/v1/sessions").await.expect(200).json()["data"], json!([]));
}

#[tokio::test]
async fn people_are_recognised_by_their_address_only_where_administrators_allow_it() {
    let desk = Desk::open().await;
    let erin = desk.app.replica.person("acme", "erin@example.com", "member");
    erin.get("/v1/me").await.expect(200);
    desk.slack.world().user(TEAM, "U0ERIN", Some("Erin@Example.com"));
    let told = desk.command("U0ERIN", "today").await;
    assert!(link_in(&told.body).is_some(), "{told:?}");
    assert!(desk.slack.calls("users.info").iter().all(|call| call.args["user"] != "U0ERIN"));
    let alice = desk.app.alice();
    alice.patch("/v1/admin/slack", json!({ "email_linking": true })).await.expect(200);
    assert_eq!(desk.command("U0ERIN", "today").await.body, "");
    desk.hears("Meetings today").await;
    let links = "select count(*) from sixty.slack_links";
    assert_eq!(desk.app.database.count(links).await, 2);
    // Nobody has the one address here; what another company's workspace says of its people counts for nothing.
    desk.slack.world().user(TEAM, "U0FRED", Some("fred@example.com"));
    desk.slack.world().outsider("T0OTHER", "U0GINA", "erin@example.com");
    for user in ["U0FRED", "U0GINA"] {
        let answer = desk.command(user, "today").await;
        let told = eventually("how to link", async || desk.slack.replies(&answer.response_url).pop()).await;
        assert!(told["text"].as_str().expect("words").contains(UNLINKED), "{told}");
    }
    assert_eq!(desk.app.database.count(links).await, 2);
}

#[tokio::test]
async fn who_has_left_the_organization_is_answered_no_more() {
    let desk = Desk::open().await;
    let bob = desk.app.bob();
    bob.get("/v1/me").await.expect(200);
    desk.link(BOB, &bob).await;
    desk.app.alice().patch("/v1/admin/members/bob", json!({ "status": "removed" })).await.expect(200);
    let told = desk.command(BOB, "what is new with our deals?").await;
    assert!(told.body.contains("membership"), "{told:?}");
    desk.deliver(&desk.direct(BOB, "And here?")).await;
    eventually("they are told", async || {
        let told = desk.slack.calls("chat.postEphemeral").into_iter();
        told.map(|call| call.args["text"].to_string()).find(|text| text.contains("membership"))
    })
    .await;
    assert_eq!((desk.turns().await, desk.runs().await), (0, 0));
}

#[tokio::test]
async fn the_copilot_does_not_answer_itself_nor_other_apps_nor_what_nobody_says_to_it() {
    let desk = Desk::open().await;
    desk.app.alice().patch("/v1/admin/slack", json!({ "channels": [CHANNEL] })).await.expect(200);
    let bot = desk.slack.world().workspace(TEAM).bot.clone();
    let mention = format!("<@{bot}> hello");
    let with = |channel: &str, text: &str, fields: Value| {
        let mut event = desk.sender.message(ALICE, channel, None, text);
        for (name, value) in fields.as_object().expect("fields") {
            event.body["event"][name] = value.clone();
        }
        event
    };
    for event in [
        with("DU0ALICE", "I am the copilot", json!({"user": bot, "bot_id": "B1", "app_id": "A1"})),
        with(CHANNEL, &mention, json!({"user": bot})),
        with(CHANNEL, &mention, json!({"bot_id": "B0OTHER", "app_id": "A0OTHER"})),
        with(CHANNEL, &mention, json!({"user": null, "bot_id": "B0OTHER", "subtype": "bot_message"})),
        with("DU0ALICE", "edited", json!({"subtype": "message_changed"})),
        with("DU0ALICE", "gone", json!({"subtype": "message_deleted"})),
        with("DU0ALICE", "  ", json!({})),
        with(CHANNEL, &format!("<@{bot}>"), json!({})),
        with(CHANNEL, "two colleagues talk", json!({})),
    ] {
        desk.deliver(&event).await;
    }
    assert_eq!(desk.turns().await, 0);
    assert!(desk.slack.shown().is_empty());
}

#[tokio::test]
async fn a_file_is_not_taken_and_its_sender_is_told_so() {
    let desk = Desk::open().await;
    let files =
        json!([{"id": "F1", "name": "numbers.pdf", "url_private": "https://files.example/numbers.pdf"}]);
    let shared = |text: &str| {
        let mut event = desk.direct(ALICE, text);
        event.body["event"]["subtype"] = "file_share".into();
        event.body["event"]["files"] = files.clone();
        event
    };
    let alone = shared("");
    for _ in 0..2 {
        desk.deliver(&alone).await;
    }
    let told = desk.hears("I read no files").await;
    assert_eq!((told.only_for.as_deref(), told.thread), (Some(ALICE), Some(alone.ts)));
    assert_eq!(desk.turns().await, 0);
    // The words beside a file are answered as they are.
    desk.app.sim.push(Reply::text("I know the title only."));
    let described = shared("what do these numbers say?");
    desk.deliver(&described).await;
    desk.settled().await;
    eventually("it is explained", async || {
        let said = desk.slack.said().into_iter().filter(|seen| seen.words.contains("I read no files"));
        (said.collect::<Vec<_>>().get(1)?.thread == Some(described.ts.clone())).then_some(())
    })
    .await;
    assert_eq!(desk.slack.shown(), ["I know the title only."]);
    let prompt = desk.app.sim.requests().last().expect("a request").body.clone();
    assert!(!String::from_utf8_lossy(&prompt).contains("numbers.pdf"));
    assert_eq!(desk.slack.calls("chat.postEphemeral").len(), 2);
}
