//! Threads of channels: conversations of several people.

use model_sim::Reply;
use serde_json::{Value, json};

use super::{ALICE, BOB, CHANNEL, Desk, UNLISTED, link_in};
use crate::harness::eventually;

/// With a channel in which the copilot may answer, and Bob linked.
async fn channel() -> Desk {
    let desk = Desk::open().await;
    let alice = desk.app.alice();
    alice.patch("/v1/admin/slack", json!({ "channels": [CHANNEL] })).await.expect(200);
    desk.link(BOB, &desk.app.bob()).await;
    desk
}

/// The session of the only thread.
async fn session(desk: &Desk) -> String {
    let id: uuid::Uuid = sqlx::query_scalar("select session_id from sixty.slack_threads")
        .fetch_one(&desk.app.database.superuser().await)
        .await
        .expect("one thread");
    id.to_string()
}

fn prompt(desk: &Desk) -> String {
    String::from_utf8_lossy(&desk.app.sim.requests().last().expect("a request").body).into_owned()
}

#[tokio::test]
async fn a_thread_is_one_conversation_of_those_who_wrote_in_it() {
    let desk = channel().await;
    desk.app.sim.push(Reply::text("Hello Alice."));
    let first = desk.mention(ALICE, "we talk about Acme", None);
    desk.deliver(&first).await;
    desk.settled().await;
    let id = session(&desk).await;
    let path = format!("/v1/sessions/{id}/messages");
    let (alice, bob) = (desk.app.alice(), desk.app.bob());
    assert_eq!(alice.get(&path).await.expect(200).json()["data"].as_array().map(Vec::len), Some(2));
    // Bob has said nothing there yet, and nobody of another organization ever does.
    bob.get(&path).await.problem(404, "not_found");
    desk.app.stranger().get(&path).await.problem(404, "not_found");
    desk.app.sim.push(Reply::text("Hello Bob."));
    desk.deliver(&desk.mention(BOB, "what about?", Some(&first.ts))).await;
    desk.settled().await;
    let places: Vec<_> = desk.slack.said().into_iter().filter(|seen| seen.only_for.is_none()).collect();
    assert!(
        places.iter().all(|seen| seen.channel == CHANNEL && seen.thread.as_ref() == Some(&first.ts)),
        "{places:?}"
    );
    assert_eq!(desk.slack.shown(), ["Hello Alice.", "Hello Bob."]);
    assert!(prompt(&desk).contains("we talk about Acme"), "the thread is one conversation");
    assert_eq!(session(&desk).await, id);
    for person in [&alice, &bob] {
        let history = person.get(&path).await.expect(200).json();
        assert_eq!(history["data"].as_array().map(Vec::len), Some(4), "{history}");
        assert_eq!(person.get(&format!("/v1/sessions/{id}")).await.expect(200).json()["id"], json!(id));
        // It is read there, and written in Slack.
        person.post(&path, json!({ "text": "hi" })).await.problem(404, "not_found");
        person.delete(&format!("/v1/sessions/{id}")).await.problem(404, "not_found");
        assert_eq!(person.get("/v1/sessions").await.expect(200).json()["data"], json!([]));
    }
    let members = alice.get("/v1/admin/members").await.expect(200).json();
    assert_eq!(members["data"].as_array().map(Vec::len), Some(2), "a thread is nobody: {members}");
    let authors = "select count(distinct author_id) from sixty.messages where role = 'user'";
    assert_eq!(desk.app.database.count(authors).await, 2);
}

#[tokio::test]
async fn nobodys_own_memory_reaches_a_thread() {
    let desk = channel().await;
    let alice = desk.app.alice();
    alice.put("/v1/memory/user", json!({"content": "- a private matter"})).await.expect(200);
    alice.put("/v1/memory/org", json!({"content": "- we sell boats"})).await.expect(200);
    desk.app.sim.push(Reply::text("Hello."));
    desk.deliver(&desk.mention(ALICE, "hello", None)).await;
    desk.settled().await;
    let prompt = prompt(&desk);
    assert!(prompt.contains("we sell boats") && !prompt.contains("a private matter"), "{prompt}");
}

#[tokio::test]
async fn what_runs_in_a_thread_has_the_rights_of_whoever_asked() {
    let desk = channel().await;
    let (alice, rita) = (desk.app.alice(), desk.app.rita());
    desk.link("U0RITA", &rita).await;
    alice.put("/v1/admin/permissions", json!({"preset": "autonomous"})).await.expect(200);
    alice
        .put("/v1/entities/deal/D-42", json!({"name": "Acme renewal", "stage": "proposal"}))
        .await
        .expect(201);
    let change =
        || Reply::call("update_entity", json!({"kind": "deal", "id": "D-42", "changes": {"stage": "won"}}));
    let stage = async || alice.get("/v1/entities/deal/D-42").await.expect(200).json()["stage"].clone();
    // Each in a thread of their own: after the words of others, it is asked before anything is changed.
    desk.app.sim.push(change());
    desk.app.sim.push(Reply::text("I may not."));
    desk.deliver(&desk.mention("U0RITA", "win it", None)).await;
    desk.settled().await;
    assert_eq!(stage().await, "proposal");
    desk.app.sim.push(change());
    desk.app.sim.push(Reply::text("Won."));
    desk.deliver(&desk.mention(ALICE, "win it", None)).await;
    desk.settled().await;
    assert_eq!(stage().await, "won");
}

#[tokio::test]
async fn the_copilot_answers_in_listed_channels_only() {
    let desk = channel().await;
    let bot = desk.slack.world().workspace(super::TEAM).bot.clone();
    desk.deliver(&desk.sender.message(ALICE, UNLISTED, None, &format!("<@{bot}> hello"))).await;
    let told = desk.hears("I may not answer in this channel").await;
    assert_eq!((told.channel.as_str(), told.only_for.as_deref()), (UNLISTED, Some(ALICE)));
    assert_eq!(desk.turns().await, 0);
    assert!(desk.slack.shown().is_empty());
}

#[tokio::test]
async fn whoever_is_erased_takes_the_threads_along_in_which_they_wrote() {
    let desk = channel().await;
    let (alice, bob) = (desk.app.alice(), desk.app.bob());
    for (user, words) in [(ALICE, "alone"), (BOB, "canary-of-bob")] {
        desk.app.sim.push(Reply::text("Yes."));
        desk.deliver(&desk.mention(user, words, None)).await;
        desk.settled().await;
    }
    desk.app.sim.push(Reply::text("Yes."));
    desk.command(BOB, "canary-of-bob in private").await;
    desk.settled().await;
    bob.get("/v1/me").await.expect(200);
    let place = alice.delete("/v1/admin/members/bob/data").await.expect(202).header("location").to_owned();
    eventually("the erasure is done", async || {
        let erasure: Value = alice.get(&place).await.expect(200).json();
        (erasure["status"] == "done").then_some(())
    })
    .await;
    let left = "select count(*) from sixty.messages where content like '%canary-of-bob%'";
    assert_eq!(desk.app.database.count(left).await, 0);
    let threads = "select count(*) from sixty.slack_threads";
    assert_eq!(desk.app.database.count(threads).await, 1);
    assert_eq!(desk.app.database.count("select count(*) from sixty.slack_links").await, 1);
    // They are a stranger now.
    let told = desk.command(BOB, "hello there").await;
    assert!(link_in(&told.body).is_some(), "{told:?}");
}

#[tokio::test]
async fn an_erased_organization_leaves_nothing_of_slack() {
    let desk = channel().await;
    for event in
        [desk.mention(BOB, "hello", None), desk.mention(ALICE, "hello", None), desk.direct(ALICE, "hello")]
    {
        desk.app.sim.push(Reply::text("Yes."));
        desk.deliver(&event).await;
        desk.settled().await;
    }
    let platform = desk.app.replica.root();
    platform.delete("/v1/platform/orgs/acme").await.expect(202);
    eventually("the organization is gone", async || {
        let state = platform.get("/v1/platform/orgs/acme/erasure").await.expect(200).json();
        (state["status"] == "done").then_some(())
    })
    .await;
    let left =
        "select (select count(*) from sixty.slack_workspaces) + (select count(*) from sixty.slack_links)
        + (select count(*) from sixty.slack_events) + (select count(*) from sixty.slack_tickets)
        + (select count(*) from sixty.slack_threads) + (select count(*) from sixty.session_members)
        + (select count(*) from sixty.slack_turns) + (select count(*) from sixty.members)";
    assert_eq!(desk.app.database.count(left).await, 0);
}
