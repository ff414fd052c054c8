//! Decisions in Slack are those of the API.

use model_sim::Reply;
use serde_json::{Value, json};

use super::{CHANNEL, DIRECT, Desk, TEAM, direct, mention};
use crate::harness::eventually;

/// Somebody asks for a change that needs a person; the approval's id.
async fn waits(desk: &Desk, event: Value) -> String {
    let alice = desk.app.alice();
    if alice.get("/v1/entities/deal/D-42").await.status == 404 {
        let deal = json!({"name": "Acme renewal", "stage": "proposal"});
        alice.put("/v1/entities/deal/D-42", deal).await.expect(201);
    }
    let changes = json!({"kind": "deal", "id": "D-42", "changes": {"stage": "won"}});
    desk.app.sim.push(Reply::text("One moment.").tool("update_entity", changes));
    desk.event(event).await;
    desk.hears("sixty_approve").await;
    eventually("its author is told", async || {
        let told = "select count(*) from sixty.slack_turns where told_fence is not null";
        (desk.app.database.count(told).await > 0).then_some(())
    })
    .await;
    let id: uuid::Uuid = sqlx::query_scalar("select id from sixty.approvals where status = 'pending'")
        .fetch_one(&desk.app.database.superuser().await)
        .await
        .expect("one approval");
    id.to_string()
}

async fn status(desk: &Desk, id: &str) -> Value {
    desk.app.alice().get(&format!("/v1/approvals/{id}")).await.expect(200).json()
}

/// The message with the approval, as it stands.
fn asked(desk: &Desk, id: &str) -> Option<String> {
    let posted = desk.slack.calls("chat.postMessage");
    let ours = posted.iter().any(|call| call.body.to_string().contains(id));
    ours.then(|| {
        desk.slack.shown().into_iter().find(|text| text.contains("Acme renewal")).unwrap_or_default()
    })
}

#[tokio::test]
async fn a_click_decides_once_and_the_message_says_who() {
    let desk = Desk::open().await;
    let id = waits(&desk, direct("win the deal")).await;
    assert!(asked(&desk, &id).is_some(), "{:?}", desk.slack.shown());
    desk.app.sim.push(Reply::text("It is won."));
    assert_eq!(desk.click("U0ALICE", "sixty_approve", &id).await.status(), 200);
    desk.settled().await;
    desk.hears("It is won.").await;
    eventually("the message says who", async || {
        let updates = desk.slack.calls("chat.update");
        updates.iter().any(|call| call.body.to_string().contains("<@U0ALICE>")).then_some(())
    })
    .await;
    assert_eq!(status(&desk, &id).await["status"], "executed");
    assert_eq!(desk.app.alice().get("/v1/entities/deal/D-42").await.expect(200).json()["stage"], "won");
    // A second click, of either kind, changes nothing and says why.
    for action in ["sixty_approve", "sixty_deny"] {
        let before = desk.slack.calls("response_url").len();
        assert_eq!(desk.click("U0ALICE", action, &id).await.status(), 200);
        eventually("it is explained", async || {
            desk.slack.calls("response_url").get(before).map(|call| call.body.clone())
        })
        .await;
    }
    assert_eq!(status(&desk, &id).await["status"], "executed");
}

#[tokio::test]
async fn somebody_elses_click_does_what_the_matrix_says() {
    let desk = Desk::open().await;
    let alice = desk.app.alice();
    alice.patch("/v1/admin/slack", json!({ "channels": [CHANNEL] })).await.expect(200);
    let adam = desk.app.replica.person("acme", "adam", "admin");
    for (user, person) in [("U0BOB", desk.app.bob()), ("U0RITA", desk.app.rita()), ("U0ADAM", adam)] {
        desk.link(user, &person).await;
    }
    let id = waits(&desk, mention("U0BOB", "win the deal", None)).await;
    for user in ["U0RITA", "U0ALICE", "U0ADAM", "U0NOBODY"] {
        assert_eq!(desk.click(user, "sixty_approve", &id).await.status(), 200);
    }
    let bob = desk.app.bob();
    let seen = bob.get(&format!("/v1/approvals/{id}")).await.expect(200).json();
    assert_eq!((&seen["status"], &seen["requested_by"]), (&json!("pending"), &json!("bob")), "{seen}");
    desk.app.sim.push(Reply::text("Very well."));
    assert_eq!(desk.click("U0BOB", "sixty_deny", &id).await.status(), 200);
    desk.settled().await;
    assert_eq!(bob.get(&format!("/v1/approvals/{id}")).await.expect(200).json()["status"], "denied");
    assert_eq!(alice.get("/v1/entities/deal/D-42").await.expect(200).json()["stage"], "proposal");
}

#[tokio::test]
async fn what_is_decided_elsewhere_is_told_in_slack_too() {
    let desk = Desk::open().await;
    let id = waits(&desk, direct("win the deal")).await;
    desk.app.sim.push(Reply::text("As you wish."));
    let denial = json!({"decision": "deny", "reason": "not yet"});
    desk.app.alice().post(&format!("/v1/approvals/{id}"), denial).await.expect(202);
    desk.settled().await;
    desk.hears("As you wish.").await;
    eventually("the message has no buttons any more", async || {
        let updates = desk.slack.calls("chat.update");
        updates.iter().any(|call| !call.body.to_string().contains("sixty_approve")).then_some(())
    })
    .await;
}

#[tokio::test]
async fn arguments_are_changed_in_a_form_that_says_what_is_wrong() {
    let desk = Desk::open().await;
    let id = waits(&desk, direct("win the deal")).await;
    assert_eq!(desk.click("U0ALICE", "sixty_edit", &id).await.status(), 200);
    let opened = eventually("the form opens", async || {
        desk.slack.calls("views.open").first().map(|call| call.body.clone())
    })
    .await;
    assert_eq!(opened["view"]["private_metadata"], json!(id));
    let submit = |user: &str| {
        json!({
            "type": "view_submission", "team": { "id": TEAM }, "user": { "id": user },
            "view": { "callback_id": "sixty_edit", "private_metadata": id, "state": { "values": {} } },
        })
    };
    // Somebody who may not see it is told nothing of it.
    let told = desk.interact(submit("U0NOBODY")).await;
    assert_eq!(told.text().await.expect("a body"), "");
    desk.app.sim.push(Reply::text("It is won."));
    let told = desk.interact(submit("U0ALICE")).await;
    assert_eq!(told.status(), 200);
    desk.settled().await;
    let seen = status(&desk, &id).await;
    assert_eq!(seen["status"], "executed", "{seen}");
}

#[tokio::test]
async fn a_question_is_answered_with_a_click_or_with_the_next_message() {
    let desk = Desk::open().await;
    let ask = json!({"question": "Which quarter?", "options": ["Q1", "Q2"]});
    desk.app.sim.push(Reply::call("ask_user", ask.clone()));
    desk.event(direct("plan it")).await;
    desk.hears("Which quarter?").await;
    let id: uuid::Uuid = sqlx::query_scalar("select id from sixty.questions")
        .fetch_one(&desk.app.database.superuser().await)
        .await
        .expect("one question");
    desk.app.sim.push(Reply::text("Q2 it is."));
    assert_eq!(desk.click("U0ALICE", "sixty_choose:1", &format!("{id}:1")).await.status(), 200);
    desk.hears("Q2 it is.").await;
    desk.settled().await;
    desk.app.sim.push(Reply::call("ask_user", ask));
    desk.event(direct("plan again")).await;
    eventually("it is asked again", async || {
        let open = "select count(*) from sixty.questions where status = 'open'";
        (desk.app.database.count(open).await == 1).then_some(())
    })
    .await;
    desk.app.sim.push(Reply::text("Q1 then."));
    let mut answer = direct("the first one");
    answer["channel"] = DIRECT.into();
    desk.event(answer).await;
    desk.hears("Q1 then.").await;
}
