//! Decisions in Slack are those of the API.

use model_sim::Reply;
use serde_json::{Value, json};

use super::{
    ALICE, BOB, CARL, CHANNEL, Desk,
    standin::{Envelope, Seen},
};
use crate::harness::eventually;

/// The model, which was told what to do, waits for a person's yes: the message that asks for it.
pub async fn waits(desk: &Desk, event: &Envelope) -> Seen {
    desk.deliver(event).await;
    let told = "select count(*) from sixty.slack_turns where told_fence is not null";
    eventually("its author is told", async || (desk.app.database.count(told).await > 0).then_some(())).await;
    let mut said = desk.slack.said().into_iter();
    said.rfind(|seen| button(seen, "sixty_approve").is_some()).expect("a message that asks")
}

/// Somebody asks for a change that needs a person.
async fn wins(desk: &Desk, event: &Envelope) -> Seen {
    let deal = json!({"name": "Acme renewal", "stage": "proposal"});
    desk.app.alice().put("/v1/entities/deal/D-42", deal).await.expect(201);
    let changes = json!({"kind": "deal", "id": "D-42", "changes": {"stage": "won"}});
    desk.app.sim.push(Reply::text("One moment.").tool("update_entity", changes));
    waits(desk, event).await
}

/// What a button of this kind stands for.
fn button(seen: &Seen, action: &str) -> Option<String> {
    seen.buttons.iter().find(|button| button.action == action).map(|button| button.value.clone())
}

fn id(asked: &Seen) -> String {
    button(asked, "sixty_approve").expect("an approval")
}

async fn status(desk: &Desk, asked: &Seen) -> Value {
    desk.app.alice().get(&format!("/v1/approvals/{}", id(asked))).await.expect(200).json()["status"].clone()
}

async fn stage(desk: &Desk) -> Value {
    desk.app.alice().get("/v1/entities/deal/D-42").await.expect(200).json()["stage"].clone()
}

/// Waits until the message asks no more; how it stands then.
async fn closed(desk: &Desk, asked: &Seen) -> Seen {
    eventually("the message asks no more", async || {
        let now = desk.slack.said().into_iter().find(|seen| seen.ts == asked.ts)?;
        now.buttons.is_empty().then_some(now)
    })
    .await
}

#[tokio::test]
async fn a_click_decides_once_and_the_message_says_who() {
    let desk = Desk::open().await;
    let asked = wins(&desk, &desk.direct(ALICE, "win the deal")).await;
    assert!(asked.words.contains("Acme renewal"), "{}", asked.words);
    desk.app.sim.push(Reply::text("It is won."));
    desk.press(ALICE, &asked, "Approve").await;
    desk.settled().await;
    desk.hears("It is won.").await;
    assert!(closed(&desk, &asked).await.words.contains("<@U0ALICE>"));
    assert_eq!((status(&desk, &asked).await, stage(&desk).await), (json!("executed"), json!("won")));
    // A second click, of either kind, on what an old screen shows changes nothing and says why.
    for action in ["Approve", "Deny"] {
        let answer = desk.press(ALICE, &asked, action).await;
        eventually("it is explained", async || desk.slack.replies(&answer.response_url).pop()).await;
    }
    assert_eq!(status(&desk, &asked).await, "executed");
}

#[tokio::test]
async fn somebody_elses_click_does_what_the_matrix_says() {
    let desk = Desk::open().await;
    let alice = desk.app.alice();
    alice.patch("/v1/admin/slack", json!({ "channels": [CHANNEL] })).await.expect(200);
    let adam = desk.app.replica.person("acme", "adam", "admin");
    for (user, person) in [(BOB, desk.app.bob()), ("U0RITA", desk.app.rita()), ("U0ADAM", adam)] {
        desk.link(user, &person).await;
    }
    let asked = wins(&desk, &desk.mention(BOB, "win the deal", None)).await;
    for user in ["U0RITA", ALICE, "U0ADAM", CARL] {
        let answer = desk.press(user, &asked, "Approve").await;
        eventually("it is explained", async || desk.slack.replies(&answer.response_url).pop()).await;
    }
    let bob = desk.app.bob();
    let path = format!("/v1/approvals/{}", id(&asked));
    let seen = bob.get(&path).await.expect(200).json();
    assert_eq!((&seen["status"], &seen["requested_by"]), (&json!("pending"), &json!("bob")), "{seen}");
    desk.app.sim.push(Reply::text("Very well."));
    desk.press(BOB, &asked, "Deny").await;
    desk.settled().await;
    assert_eq!(bob.get(&path).await.expect(200).json()["status"], "denied");
    assert_eq!(stage(&desk).await, "proposal");
}

#[tokio::test]
async fn what_is_decided_elsewhere_is_told_in_slack_too() {
    let desk = Desk::open().await;
    let asked = wins(&desk, &desk.direct(ALICE, "win the deal")).await;
    desk.app.sim.push(Reply::text("As you wish."));
    let denial = json!({"decision": "deny", "reason": "not yet"});
    desk.app.alice().post(&format!("/v1/approvals/{}", id(&asked)), denial).await.expect(202);
    desk.settled().await;
    desk.hears("As you wish.").await;
    assert!(closed(&desk, &asked).await.words.contains("not yet"));
}

/// The form that opens with a click on Edit.
async fn form(desk: &Desk, asked: &Seen) -> Value {
    let before = desk.slack.world().views.len();
    desk.press(ALICE, asked, "Edit").await;
    eventually("the form opens", async || desk.slack.world().views.get(before).cloned()).await
}

#[tokio::test]
async fn arguments_are_changed_in_a_form_that_says_what_is_wrong() {
    let desk = Desk::open().await;
    let asked = wins(&desk, &desk.direct(ALICE, "win the deal")).await;
    let view = form(&desk, &asked).await;
    assert_eq!(view["private_metadata"], json!(id(&asked)));
    // Somebody who may not see it is told nothing of it.
    assert_eq!(desk.sender.submit(CARL, &view, &[]).await.body, "");
    let refused = desk.sender.submit(ALICE, &view, &[("field:changes", "{stage: lost")]).await.json();
    assert_eq!(refused["response_action"], "errors", "{refused}");
    assert!(refused["errors"]["field:changes"].is_string(), "{refused}");
    assert_eq!(status(&desk, &asked).await, "pending");
    desk.app.sim.push(Reply::text("It is lost."));
    let taken = desk.sender.submit(ALICE, &view, &[("field:changes", r#"{"stage": "lost"}"#)]).await;
    assert_eq!((taken.status, taken.body.as_str()), (200, ""));
    desk.settled().await;
    assert_eq!((status(&desk, &asked).await, stage(&desk).await), (json!("executed"), json!("lost")));
    assert!(closed(&desk, &asked).await.words.contains("edited"));
}

#[tokio::test]
async fn a_form_that_is_sent_as_it_is_approves_the_arguments_as_they_are() {
    let desk = Desk::open().await;
    let asked = wins(&desk, &desk.direct(ALICE, "win the deal")).await;
    let view = form(&desk, &asked).await;
    desk.app.sim.push(Reply::text("It is won."));
    assert_eq!(desk.sender.submit(ALICE, &view, &[]).await.body, "");
    desk.settled().await;
    assert_eq!((status(&desk, &asked).await, stage(&desk).await), (json!("executed"), json!("won")));
}

#[tokio::test]
async fn a_question_is_answered_with_a_click_or_with_the_next_message() {
    let desk = Desk::open().await;
    let ask = json!({"question": "Which quarter?", "options": ["Q1", "Q2"]});
    desk.app.sim.push(Reply::call("ask_user", ask.clone()));
    desk.say("plan it").await;
    let asked = desk.hears("Which quarter?").await;
    desk.app.sim.push(Reply::text("Q2 it is."));
    desk.press(ALICE, &asked, "Q2").await;
    desk.hears("Q2 it is.").await;
    desk.settled().await;
    desk.app.sim.push(Reply::call("ask_user", ask));
    desk.say("plan again").await;
    eventually("it is asked again", async || {
        let open = "select count(*) from sixty.questions where status = 'open'";
        (desk.app.database.count(open).await == 1).then_some(())
    })
    .await;
    desk.app.sim.push(Reply::text("Q1 then."));
    desk.say("the first one").await;
    desk.hears("Q1 then.").await;
}
