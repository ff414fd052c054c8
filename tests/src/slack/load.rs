//! What comes in while much is going on.

use model_sim::{Gate, Reply};
use serde_json::{Value, json};

use super::{Desk, TEAM, direct, envelope, number};
use crate::harness::eventually;

/// What one person may have said that is not answered yet.
const OPEN: usize = 20;

/// Colleagues of Alice's, linked as if they had done so themselves.
pub async fn colleagues(desk: &Desk, count: i64) {
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

/// Somebody writes to the copilot directly; until Slack need not send it again.
async fn says(desk: &Desk, team: &str, user: &str, text: &str) {
    let mut event = direct(text);
    event["user"] = user.into();
    // Messages to one channel are sent one a second.
    event["channel"] = format!("D{}", number()).into();
    let mut envelope = envelope(event);
    envelope["team_id"] = team.into();
    let body = envelope.to_string();
    eventually("it is taken in", async || {
        (desk.signed("/slack/events", body.clone()).await.status() == 200).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_burst_of_one_workspace_leaves_room_for_another_and_for_commands() {
    let desk = Desk::open().await;
    let mallory = desk.app.stranger();
    desk.slack.installs("T0GLOBEX", None);
    assert_eq!(desk.install(&mallory).await, 200);
    mallory.get("/v1/me").await.expect(200);
    sqlx::query(
        "insert into sixty.slack_links (org_id, enterprise_id, team_id, slack_user, user_id, linked_by)
         select org_id, '', 'T0GLOBEX', 'U0MALLORY', user_id, 'link' from sixty.members where external_id = 'mallory'",
    )
    .execute(&desk.app.database.superuser().await)
    .await
    .expect("a link");
    colleagues(&desk, 40).await;
    let gate = Gate::new();
    let held = gate.clone();
    desk.app.sim.respond_with(move |request| {
        let reply = Reply::text("Here you are.");
        let other = request.last_user_text().contains("from elsewhere");
        if other { Reply::text("At once.") } else { reply.hold_before(&held) }
    });
    for n in 0..300 {
        says(&desk, TEAM, &format!("U0C{}", n % 40 + 1), &format!("question {n}")).await;
    }
    assert_eq!(desk.turns().await, 300);
    // All that may be answered of one organization at the same time is being answered, and hangs.
    eventually("the workers are busy", async || (desk.app.replica.engine.running() >= 32).then_some(()))
        .await;
    let told = desk.command("U0ALICE", "how are we doing?").await;
    assert_eq!((told.status().as_u16(), told.text().await.expect("a body").as_str()), (200, ""));
    says(&desk, "T0GLOBEX", "U0MALLORY", "from elsewhere").await;
    desk.hears("At once.").await;
    assert!(!desk.slack.told().contains("Here you are."));
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
        says(&desk, TEAM, "U0ALICE", &format!("question {n}")).await;
    }
    says(&desk, TEAM, "U0ALICE", "one more").await;
    let told =
        eventually("she is told", async || desk.slack.calls("chat.postEphemeral").first().cloned()).await;
    assert_eq!(told.body["user"], "U0ALICE");
    assert!(told.body.to_string().contains("wait for an answer"), "{told:?}");
    let told = desk.command("U0ALICE", "and this?").await.json::<Value>().await.expect("JSON");
    assert_eq!(told["response_type"], "ephemeral");
    assert!(told.to_string().contains("wait for an answer"), "{told}");
    let said = i64::try_from(OPEN).expect("a number");
    assert_eq!(desk.turns().await, said);
    says(&desk, TEAM, "U0C1", "may I?").await;
    assert_eq!(desk.turns().await, said + 1);
    gate.release();
    desk.settled().await;
    says(&desk, TEAM, "U0ALICE", "and now?").await;
    assert_eq!(desk.turns().await, said + 2);
    desk.settled().await;
}

#[tokio::test]
async fn what_waits_for_a_yes_does_not_count_as_unanswered() {
    let desk = Desk::open().await;
    let alice = desk.app.alice();
    alice.put("/v1/entities/deal/D-42", json!({"name": "Acme renewal"})).await.expect(201);
    let changes = json!({"kind": "deal", "id": "D-42", "changes": {"stage": "won"}});
    for n in 0..=OPEN {
        desk.app.sim.push(Reply::call("update_entity", changes.clone()));
        says(&desk, TEAM, "U0ALICE", &format!("win it {n}")).await;
        eventually("it waits", async || {
            let told = "select count(*) from sixty.slack_turns where told_fence is not null";
            (desk.app.database.count(told).await > i64::try_from(n).expect("a number")).then_some(())
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
    let event = envelope(direct("hello")).to_string();
    assert_eq!(desk.signed("/slack/events", event.clone()).await.status(), 503);
    let told = desk.command("U0ALICE", "how are we doing?").await;
    assert_eq!(told.status(), 200);
    let told = told.json::<Value>().await.expect("JSON");
    assert_eq!(told["response_type"], "ephemeral");
    assert!(told["text"].as_str().is_some_and(|text| text.contains("send it again")), "{told}");
    lock.rollback().await.expect("it is free");
    assert_eq!(desk.turns().await, 0);
    desk.app.sim.push(Reply::text("Hello."));
    assert_eq!(desk.signed("/slack/events", event).await.status(), 200);
    desk.hears("Hello.").await;
}

#[tokio::test]
async fn a_workspace_that_is_connected_elsewhere_meanwhile_is_asked_for_anew() {
    let desk = Desk::open().await;
    desk.app.sim.respond_with(|_| Reply::text("Here you are."));
    says(&desk, TEAM, "U0ALICE", "hello").await;
    desk.settled().await;
    // Another replica disconnects the workspace, and another organization connects it.
    let other = desk.another_replica().await;
    let (alice, mallory) = (desk.app.alice().at(other.address), desk.app.stranger().at(other.address));
    alice.patch("/v1/admin/slack", json!({ "disconnect": true })).await.expect(200);
    let base = format!("http://{}", other.address);
    assert_eq!(super::install(&desk.slack, &mallory, &base).await, 200);
    let event = envelope(direct("and now?")).to_string();
    eventually("it is taken in", async || {
        (desk.signed("/slack/events", event.clone()).await.status() == 200).then_some(())
    })
    .await;
    // By the other organization, which does not know her.
    desk.hears("/slack/link?token=").await;
    assert_eq!(desk.app.database.count("select count(*) from sixty.slack_turns").await, 1);
}
