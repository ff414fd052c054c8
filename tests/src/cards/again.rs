//! A card is shown once, whatever becomes of its run.

use model_sim::Reply;
use serde_json::{Value, json};

use super::{blocks, offer, register, sent};
use crate::{
    approvals::desk::{approve, deny, goes_on, stage, title, wait_in},
    harness::{
        Setup, TestApp, eventually,
        look::{all, end, run_of},
    },
};

#[tokio::test]
async fn a_card_beside_a_call_that_waits_is_shown_at_once_and_stored_with_all_results() {
    let app = TestApp::start().await;
    let alice = app.alice();
    alice.deal().await;
    register(&alice).await;
    let session = alice.session().await;
    let reply = Reply::text("See:").tool("show_card", offer()).tool("update_entity", stage("won"));
    let waiting = wait_in(&app, &alice, session, reply).await;
    let shown = all(&waiting.frames, "card");
    assert_eq!(shown.len(), 1);
    // What it was shown as does not change because its type is gone meanwhile.
    alice.delete("/v1/admin/card-types/offer").await.expect(204);
    assert!(blocks(&alice, &waiting.session, "card").await.is_empty(), "the results come together");
    app.sim.push(Reply::text("Moved."));
    approve(&alice, &waiting.approval).await;
    let rest = goes_on(&alice, &waiting).await;
    assert_eq!(end(&rest).data["status"], "done");
    assert!(all(&rest, "card").is_empty(), "once: {rest:#?}");
    let stored = blocks(&alice, &waiting.session, "card").await;
    assert_eq!(stored.len(), 1);
    assert_eq!((&stored[0]["card_id"], &stored[0]["card_type"]), (&shown[0]["card_id"], &json!("offer")));
    assert_eq!(stored[0]["data"], shown[0]["data"]);
    assert!(!sent(&app).contains("card_id"));
    let whole = alice.follow(&run_of(&waiting.frames), None).await.rest().await;
    assert_eq!(all(&whole, "card").len(), 1);
}

#[tokio::test]
async fn another_replica_that_goes_on_stores_the_card_that_was_shown() {
    let app = TestApp::start().await;
    let alice = app.alice();
    alice.deal().await;
    register(&alice).await;
    let session = alice.session().await;
    let reply = Reply::message().tool("show_card", offer()).tool("update_entity", stage("won"));
    let waiting = wait_in(&app, &alice, session, reply).await;
    let heir = app.another_replica(Setup::default()).await;
    app.replica.engine.shutdown().await;
    let there = alice.at(heir.address);
    app.sim.push(Reply::text("Then not."));
    deny(&there, &waiting.approval, "No.").await;
    let rest = goes_on(&there, &waiting).await;
    assert_eq!(end(&rest).data["status"], "done", "{rest:#?}");
    let stored = blocks(&there, &waiting.session, "card").await;
    let shown: Vec<&Value> = all(&waiting.frames, "card").iter().map(|card| &card["card_id"]).collect();
    assert_eq!(stored.iter().map(|card| &card["card_id"]).collect::<Vec<_>>(), shown);
}

#[tokio::test]
async fn a_step_that_could_not_be_stored_is_done_again_with_the_same_card() {
    let app = TestApp::start().await;
    let alice = app.alice();
    register(&alice).await;
    let session = alice.session().await;
    // Nothing of a step with a card can be stored for a while.
    let refuse = "alter table sixty.tool_calls add constraint not_now check (card is null) not valid";
    app.database.run(refuse).await;
    app.sim.push(Reply::call("show_card", offer()));
    app.sim.push(Reply::text("There."));
    let mut events = alice.say(&session, "Show it").await;
    let mut frames = events.until("tool_start").await;
    // It was tried, and claimed again.
    let tried = "select count(*) from sixty.runs where fence > 1";
    eventually("the step was tried", async || (app.database.count(tried).await == 1).then_some(())).await;
    assert!(blocks(&alice, &session, "card").await.is_empty());
    app.database.run("alter table sixty.tool_calls drop constraint not_now").await;
    frames.extend(events.rest().await);
    assert_eq!(end(&frames).data["status"], "done", "{frames:#?}");
    let shown = all(&frames, "card");
    let stored = blocks(&alice, &session, "card").await;
    assert_eq!((shown.len(), stored.len()), (1, 1));
    assert_eq!(shown[0]["card_id"], stored[0]["card_id"]);
    let run: domain::RunId = run_of(&frames).parse().expect("an id");
    let call = all(&frames, "tool_start")[0]["id"].as_str().expect("an id");
    assert_eq!(shown[0]["card_id"], domain::CardId::derive(run, call).to_string());
}

#[tokio::test]
async fn an_answer_that_is_given_again_shows_a_card_of_its_own() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let session = alice.session().await;
    let card = json!({"type": "text", "summary": "Hi", "data": {"text": "x"}});
    for _ in 0..2 {
        app.sim.push(Reply::call("show_card", card.clone()));
        app.sim.push(Reply::text("There."));
    }
    alice.hear(&session, "Show it").await;
    alice.post(&format!("/v1/sessions/{session}/regenerate"), json!({})).await.expect(200);
    let history = alice.history(&session).await;
    let cards: Vec<(bool, String)> = history
        .iter()
        .flat_map(|message| {
            let superseded = message["superseded"] == true;
            let blocks = message["content"].as_array().expect("blocks").iter();
            blocks
                .filter(|block| block["type"] == "card")
                .map(move |block| (superseded, block["card_id"].to_string()))
                .collect::<Vec<_>>()
        })
        .collect();
    assert_eq!(cards.iter().map(|(superseded, _)| *superseded).collect::<Vec<_>>(), [true, false]);
    assert_ne!(cards[0].1, cards[1].1);
}

#[tokio::test]
async fn a_proposal_can_be_offered_on_a_card_by_the_id_that_its_result_tells() {
    let app = TestApp::start().await;
    let alice = app.alice();
    alice.contact().await;
    let session = alice.session().await;
    app.sim.push(Reply::call("update_entity", title("Head of Tea")));
    app.sim.push(Reply::text("I propose it."));
    let proposed = alice.hear(&session, "Change it").await;
    let id = all(&proposed, "approval_required")[0]["approval_id"].as_str().expect("an id").to_owned();
    let told = all(&proposed, "tool_result")[0]["result"].as_str().expect("a text");
    assert!(told.starts_with("This is a proposal now") && told.contains(&id), "{told}");
    let action = json!({"type": "approve", "label": "Do it", "approval_id": id});
    let card =
        json!({"type": "text", "summary": "Shall I?", "data": {"text": "A new title"}, "actions": [action]});
    app.sim.push(Reply::call("show_card", card));
    app.sim.push(Reply::text("Your turn."));
    let frames = alice.hear(&session, "Let me decide").await;
    assert_eq!(all(&frames, "card")[0]["actions"][0], action);
    approve(&alice, &id).await;
}
