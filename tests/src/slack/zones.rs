//! Days and hours are those of whoever asks.

use model_sim::Reply;
use serde_json::json;

use super::{ALICE, Desk, TEAM};
use crate::harness::eventually;

async fn answered_in(desk: &Desk, zone: &str) {
    let prompts = desk.app.sim.requests();
    let prompt = String::from_utf8_lossy(&prompts.last().expect("a prompt").body).into_owned();
    assert!(prompt.contains(&format!("({zone})")), "{prompt}");
    let runs: Vec<String> = sqlx::query_scalar("select timezone from sixty.runs order by created_at desc")
        .fetch_all(&desk.app.database.superuser().await)
        .await
        .expect("runs");
    assert_eq!(runs.first().map(String::as_str), Some(zone));
}

#[tokio::test]
async fn a_turn_is_in_the_zone_that_slack_knows_of_its_author() {
    let desk = Desk::open().await;
    desk.app.sim.respond_with(|_| Reply::text("Good morning."));
    desk.say("hello").await;
    desk.settled().await;
    answered_in(&desk, "UTC").await;
    desk.slack.world().zone(ALICE, "Asia/Tokyo");
    let alice = desk.app.alice();
    let links = alice.get("/v1/slack/links").await.expect(200).json();
    alice
        .delete(&format!("/v1/slack/links/{}", links["data"][0]["id"].as_str().expect("an id")))
        .await
        .expect(204);
    desk.link(ALICE, &alice).await;
    eventually("it is known where she is", async || {
        let known = "select count(*) from sixty.slack_links where timezone = 'Asia/Tokyo'";
        (desk.app.database.count(known).await == 1).then_some(())
    })
    .await;
    desk.say("and now?").await;
    desk.settled().await;
    answered_in(&desk, "Asia/Tokyo").await;
}

#[tokio::test]
async fn whom_their_address_links_is_in_their_zone_at_once() {
    let desk = Desk::open().await;
    let erin = desk.app.replica.person("acme", "erin@example.com", "member");
    erin.get("/v1/me").await.expect(200);
    desk.app.alice().patch("/v1/admin/slack", json!({ "email_linking": true })).await.expect(200);
    desk.slack.world().user(TEAM, "U0ERIN", Some("erin@example.com"));
    desk.slack.world().zone("U0ERIN", "America/Lima");
    desk.slack.world().dm("U0ERIN");
    desk.app.sim.respond_with(|_| Reply::text("Good morning."));
    desk.deliver(&desk.direct("U0ERIN", "hello")).await;
    desk.hears("Good morning.").await;
    answered_in(&desk, "America/Lima").await;
}
