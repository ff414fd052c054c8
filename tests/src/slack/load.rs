//! What comes in while much is going on.

use model_sim::{Gate, Reply};
use serde_json::json;

use super::{ALICE, Desk, TEAM, base, link_in, standin::Envelope, workspace};
use crate::harness::{Setup, eventually};

/// What one person may have said that is not answered yet.
const OPEN: usize = 20;

/// Colleagues of Alice's, `U0C1` and so on, linked as if they had done so themselves.
pub async fn colleagues(desk: &Desk, count: i64) {
    for n in 1..=count {
        let (user, mut world) = (format!("U0C{n}"), desk.slack.world());
        world.user(TEAM, &user, None);
        world.dm(&user);
    }
    sqlx::query(
        "with people as (
            insert into sixty.members (org_id, user_id, external_id, role)
            select m.org_id, gen_random_uuid(), 'c' || n, 'member' from sixty.members m, generate_series(1, $1) n
            where m.external_id = 'alice' returning org_id, user_id, external_id)
         insert into sixty.slack_links (org_id, enterprise_id, team_id, slack_user, user_id, linked_by)
         select org_id, '', $2, upper('u0' || external_id), user_id, 'link' from people",
    )
    .bind(count)
    .bind(TEAM)
    .execute(&desk.app.database.superuser().await)
    .await
    .expect("colleagues");
}

/// Slack tells of something until it need not send it again.
async fn arrives(desk: &Desk, event: &Envelope) {
    eventually("it is taken in", async || {
        (desk.sender.deliver(event, None).await.status == 200).then_some(())
    })
    .await;
}

/// Somebody writes to the copilot directly.
async fn says(desk: &Desk, user: &str, text: &str) {
    arrives(desk, &desk.direct(user, text)).await;
}

#[tokio::test]
async fn a_burst_of_one_workspace_leaves_room_for_another_and_for_commands() {
    let desk = Desk::open().await;
    let mallory = desk.app.stranger();
    desk.slack.world().workspace("T0GLOBEX");
    desk.slack.world().user("T0GLOBEX", "U0MALLORY", None);
    assert_eq!(desk.install_in("T0GLOBEX", &mallory).await, 200);
    desk.link("U0MALLORY", &mallory).await;
    colleagues(&desk, 40).await;
    let gate = Gate::new();
    let held = gate.clone();
    desk.app.sim.respond_with(move |request| {
        let reply = Reply::text("Here you are.");
        let other = request.last_user_text().contains("from elsewhere");
        if other { Reply::text("At once.") } else { reply.hold_before(&held) }
    });
    for n in 0..300 {
        says(&desk, &format!("U0C{}", n % 40 + 1), &format!("question {n}")).await;
    }
    assert_eq!(desk.turns().await, 300);
    // All that may be answered of one organization at the same time is being answered, and hangs.
    eventually("the workers are busy", async || (desk.app.replica.engine.running() >= 32).then_some(()))
        .await;
    assert_eq!(desk.command(ALICE, "how are we doing?").await.body, "");
    says(&desk, "U0MALLORY", "from elsewhere").await;
    desk.hears("At once.").await;
    assert_eq!(desk.slack.shown(), ["At once."]);
    gate.release();
    desk.hears("Here you are.").await;
}

#[tokio::test]
async fn one_persons_burst_is_cut_short_and_their_colleagues_are_heard() {
    let desk = Desk::open().await;
    colleagues(&desk, 1).await;
    let gate = Gate::new();
    let held = gate.clone();
    desk.app.sim.respond_with(move |_| Reply::text("Here you are.").hold_before(&held));
    for n in 0..OPEN {
        says(&desk, ALICE, &format!("question {n}")).await;
    }
    says(&desk, ALICE, "one more").await;
    let told = desk.hears("wait for an answer").await;
    assert_eq!(told.only_for.as_deref(), Some(ALICE));
    let told = desk.command(ALICE, "and this?").await;
    assert_eq!(told.json()["response_type"], "ephemeral");
    assert!(told.body.contains("wait for an answer"), "{told:?}");
    let said = i64::try_from(OPEN).expect("a number");
    assert_eq!(desk.turns().await, said);
    says(&desk, "U0C1", "may I?").await;
    assert_eq!(desk.turns().await, said + 1);
    gate.release();
    desk.settled().await;
    says(&desk, ALICE, "and now?").await;
    assert_eq!(desk.turns().await, said + 2);
    desk.settled().await;
}

#[tokio::test]
async fn what_waits_for_a_yes_does_not_count_as_unanswered() {
    let desk = Desk::open().await;
    let alice = desk.app.alice();
    alice.put("/v1/entities/deal/D-42", json!({"name": "Acme renewal"})).await.expect(201);
    // Messages to one channel are sent one a second: each is asked for in another one.
    let channels: Vec<String> = (0..=OPEN).map(|n| format!("C0LOAD{n}")).collect();
    for channel in &channels {
        desk.slack.world().channel(TEAM, channel, true);
    }
    alice.patch("/v1/admin/slack", json!({ "channels": channels })).await.expect(200);
    let bot = desk.slack.world().workspace(TEAM).bot.clone();
    let changes = json!({"kind": "deal", "id": "D-42", "changes": {"stage": "won"}});
    for (n, channel) in (1..).zip(&channels) {
        desk.app.sim.push(Reply::call("update_entity", changes.clone()));
        let asked = desk.sender.message(ALICE, channel, None, &format!("<@{bot}> win it {n}"));
        arrives(&desk, &asked).await;
        eventually("it waits", async || {
            let told = "select count(*) from sixty.slack_turns where told_fence is not null";
            (desk.app.database.count(told).await == n).then_some(())
        })
        .await;
    }
    assert!(desk.slack.calls("chat.postEphemeral").is_empty());
}

#[tokio::test]
async fn what_cannot_be_taken_in_in_time_comes_again_or_says_so() {
    let desk = Desk::open().await;
    let pool = desk.app.database.superuser().await;
    let mut lock = pool.begin().await.expect("a transaction");
    sqlx::query("lock table sixty.slack_workspaces in access exclusive mode")
        .execute(&mut *lock)
        .await
        .expect("a lock");
    let event = desk.direct(ALICE, "hello");
    assert_eq!(desk.sender.deliver(&event, None).await.status, 503);
    let told = desk.command(ALICE, "how are we doing?").await.json();
    assert_eq!(told["response_type"], "ephemeral");
    assert!(told["text"].as_str().is_some_and(|text| text.contains("send it again")), "{told}");
    lock.rollback().await.expect("it is free");
    assert_eq!(desk.turns().await, 0);
    desk.app.sim.push(Reply::text("Hello."));
    assert_eq!(desk.sender.deliver(&event, Some(1)).await.status, 200);
    desk.hears("Hello.").await;
}

#[tokio::test]
async fn a_workspace_that_is_connected_elsewhere_meanwhile_is_asked_for_anew() {
    let desk = Desk::open().await;
    desk.app.sim.respond_with(|_| Reply::text("Here you are."));
    says(&desk, ALICE, "hello").await;
    desk.settled().await;
    // Another replica disconnects the workspace, and another organization connects it.
    let other = desk.another_replica(Setup::default()).await;
    let (alice, mallory) = (desk.app.alice().at(other.address), desk.app.stranger().at(other.address));
    alice.patch("/v1/admin/slack", json!({ "disconnect": true })).await.expect(200);
    assert_eq!(workspace::install(&desk.slack, &mallory, &base(&other), TEAM).await, 200);
    let event = desk.direct(ALICE, "and now?");
    arrives(&desk, &event).await;
    // By the other organization, which does not know her.
    eventually("she is told how to link herself", async || {
        let told = desk.slack.said().into_iter().rfind(|seen| seen.thread.as_ref() == Some(&event.ts))?;
        link_in(&told.buttons.first()?.url)
    })
    .await;
    assert_eq!(desk.turns().await, 1);
}
