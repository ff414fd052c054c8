//! Who may no longer read what was said in a thread.

use model_sim::Reply;
use serde_json::{Value, json};

use super::{ALICE, BOB, CHANNEL, Desk, TEAM, UNLISTED, link_in, standin::Envelope};
use crate::harness::{Person, eventually};

/// A thread in which Alice and Bob have spoken.
struct Thread {
    desk: Desk,
    ts: String,
    path: String,
}

impl Thread {
    async fn open() -> Self {
        let desk = Desk::open().await;
        let alice = desk.app.alice();
        alice.patch("/v1/admin/slack", json!({ "channels": [CHANNEL] })).await.expect(200);
        desk.link(BOB, &desk.app.bob()).await;
        let first = desk.mention(ALICE, "hello", None);
        desk.app.sim.respond_with(|_| Reply::text("Yes."));
        desk.deliver(&first).await;
        desk.settled().await;
        let session: uuid::Uuid = sqlx::query_scalar("select session_id from sixty.slack_threads")
            .fetch_one(&desk.app.database.superuser().await)
            .await
            .expect("one thread");
        let thread = Self { desk, ts: first.ts, path: format!("/v1/sessions/{session}/messages") };
        thread.say(BOB).await;
        thread.reads([true, true]).await;
        thread
    }

    async fn say(&self, user: &str) {
        self.desk.deliver(&self.desk.mention(user, "and now?", Some(&self.ts))).await;
        self.desk.settled().await;
    }

    /// Whether Alice and Bob read the thread.
    async fn reads(&self, expected: [bool; 2]) {
        let people: [Person; 2] = [self.desk.app.alice(), self.desk.app.bob()];
        for (person, reads) in people.iter().zip(expected) {
            let status = person.get(&self.path).await.status;
            assert_eq!(status, if reads { 200 } else { 404 }, "{expected:?}");
        }
    }

    async fn set(&self, settings: Value) {
        self.desk.app.alice().patch("/v1/admin/slack", settings).await.expect(200);
    }

    /// Somebody has left a channel.
    fn left(&self, user: &str, channel: &str) -> Envelope {
        let event = json!({ "type": "member_left_channel", "user": user, "channel": channel,
            "channel_type": "C", "team": TEAM });
        self.desk.sender.event(TEAM, &event)
    }
}

#[tokio::test]
async fn who_leaves_a_channel_reads_its_threads_no_more_until_they_speak_there_again() {
    let thread = Thread::open().await;
    thread.desk.deliver(&thread.left(BOB, UNLISTED)).await;
    thread.desk.deliver(&thread.left("U0NOBODY", CHANNEL)).await;
    thread.reads([true, true]).await;
    let gone = thread.left(BOB, CHANNEL);
    thread.desk.deliver(&gone).await;
    thread.reads([true, false]).await;
    thread.say(BOB).await;
    thread.reads([true, true]).await;
    // It is told once more, too late.
    thread.desk.deliver(&gone).await;
    thread.reads([true, true]).await;
    // Where the copilot is not, it does not hear who leaves.
    let bot = thread.desk.slack.world().workspace(TEAM).bot.clone();
    thread.desk.deliver(&thread.left(&bot, CHANNEL)).await;
    thread.reads([false, false]).await;
}

#[tokio::test]
async fn the_threads_of_a_channel_that_is_not_listed_any_more_are_read_by_nobody() {
    let thread = Thread::open().await;
    thread.set(json!({ "channels": [CHANNEL, "C0MORE"] })).await;
    thread.reads([true, true]).await;
    thread.set(json!({ "channels": ["C0MORE"] })).await;
    thread.reads([false, false]).await;
    thread.set(json!({ "channels": [CHANNEL] })).await;
    thread.reads([false, false]).await;
    thread.say(ALICE).await;
    thread.reads([true, false]).await;
    thread.set(json!({ "disconnect": true })).await;
    thread.reads([false, false]).await;
}

#[tokio::test]
async fn whose_rights_become_less_reads_no_thread_on_the_strength_of_what_they_were() {
    let thread = Thread::open().await;
    let alice = thread.desk.app.alice();
    let member = "/v1/admin/members/bob";
    for (less, more) in [
        (json!({ "status": "suspended" }), json!({ "status": "active" })),
        (json!({ "status": "removed" }), json!({ "status": "active" })),
        (json!({ "ceiling": "readonly" }), json!({ "ceiling": null })),
    ] {
        alice.patch(member, less.clone()).await.expect(200);
        alice.patch(member, more).await.expect(200);
        thread.reads([true, false]).await;
        thread.say(BOB).await;
        thread.reads([true, true]).await;
    }
    // A token that carries less does the same.
    thread.desk.app.replica.person("acme", "bob", "readonly").get("/v1/me").await.expect(200);
    thread.reads([true, false]).await;
    // What they said there is still theirs: it goes with them.
    let place = alice.delete("/v1/admin/members/bob/data").await.expect(202).header("location").to_owned();
    eventually("the erasure is done", async || {
        (alice.get(&place).await.expect(200).json()["status"] == "done").then_some(())
    })
    .await;
    assert_eq!(thread.desk.app.database.count("select count(*) from sixty.slack_threads").await, 0);
}

#[tokio::test]
async fn who_is_somebody_else_in_slack_now_reads_no_thread_of_it() {
    let thread = Thread::open().await;
    let (desk, bob) = (&thread.desk, thread.desk.app.bob());
    let links = bob.get("/v1/slack/links").await.expect(200).json();
    let id = links["data"][0]["id"].as_str().expect("an id");
    bob.delete(&format!("/v1/slack/links/{id}")).await.expect(204);
    thread.reads([true, false]).await;
    desk.link(BOB, &bob).await;
    thread.say(BOB).await;
    thread.reads([true, true]).await;
}

#[tokio::test]
async fn whom_their_address_has_linked_is_a_stranger_again_when_that_is_switched_off() {
    let thread = Thread::open().await;
    let desk = &thread.desk;
    let erin = desk.app.replica.person("acme", "erin@example.com", "member");
    erin.get("/v1/me").await.expect(200);
    desk.slack.world().user(TEAM, "U0ERIN", Some("erin@example.com"));
    thread.set(json!({ "email_linking": true })).await;
    desk.deliver(&desk.mention("U0ERIN", "hello", Some(&thread.ts))).await;
    eventually("she takes part", async || (erin.get(&thread.path).await.status == 200).then_some(())).await;
    desk.settled().await;
    let by_email = "select count(*) from sixty.slack_links where linked_by = 'email'";
    assert_eq!(desk.app.database.count(by_email).await, 1);
    thread.set(json!({ "email_linking": false })).await;
    assert_eq!(desk.app.database.count(by_email).await, 0);
    erin.get(&thread.path).await.problem(404, "not_found");
    thread.reads([true, true]).await;
    let told = desk.command("U0ERIN", "today").await;
    assert!(link_in(&told.body).is_some(), "{told:?}");
}
