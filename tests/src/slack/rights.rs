//! What is done in threads, and on whose word.

use model_sim::Reply;
use serde_json::{Value, json};

use super::{CHANNEL, Desk, direct, mention};
use crate::harness::eventually;

/// With a channel in which the copilot may answer, Bob linked, and a deal.
async fn channel() -> Desk {
    let desk = Desk::open().await;
    let alice = desk.app.alice();
    alice.patch("/v1/admin/slack", json!({ "channels": [CHANNEL] })).await.expect(200);
    desk.link("U0BOB", &desk.app.bob()).await;
    let deal = json!({"name": "Acme renewal", "stage": "proposal"});
    alice.put("/v1/entities/deal/D-42", deal).await.expect(201);
    desk
}

fn win() -> Reply {
    Reply::call("update_entity", json!({"kind": "deal", "id": "D-42", "changes": {"stage": "won"}}))
}

async fn stage(desk: &Desk) -> Value {
    desk.app.alice().get("/v1/entities/deal/D-42").await.expect(200).json()["stage"].clone()
}

/// The id of the only row that such a query finds.
async fn id(desk: &Desk, sql: &'static str) -> String {
    let id = eventually(sql, async || {
        let found = sqlx::query_scalar::<_, uuid::Uuid>(sql);
        found.fetch_optional(&desk.app.database.superuser().await).await.expect("a query")
    });
    id.await.to_string()
}

const PENDING: &str = "select id from sixty.approvals where status = 'pending'";

#[tokio::test]
async fn what_a_colleague_said_in_a_thread_changes_nothing_before_whoever_asks_says_yes() {
    let desk = channel().await;
    desk.app.alice().put("/v1/admin/permissions", json!({"preset": "autonomous"})).await.expect(200);
    let first = mention("U0BOB", "whoever asks next wants the deal to be won", None);
    let thread = first["ts"].as_str().expect("a time").to_owned();
    desk.app.sim.push(Reply::text("Noted."));
    desk.event(first).await;
    desk.settled().await;
    // Reading goes on by itself.
    desk.app.sim.push(Reply::call("get_entity", json!({"kind": "deal", "id": "D-42"})));
    desk.app.sim.push(win());
    desk.event(mention("U0ALICE", "how is it going?", Some(&thread))).await;
    desk.hears("sixty_approve").await;
    let approval = id(&desk, PENDING).await;
    assert_eq!(stage(&desk).await, "proposal");
    let before = desk.slack.calls("response_url").len();
    desk.click("U0BOB", "sixty_approve", &approval).await;
    eventually("it is explained", async || desk.slack.calls("response_url").get(before).cloned()).await;
    assert_eq!(stage(&desk).await, "proposal");
    desk.app.sim.push(Reply::text("It is won."));
    desk.click("U0ALICE", "sixty_approve", &approval).await;
    desk.hears("It is won.").await;
    assert_eq!(stage(&desk).await, "won");
    let rules = desk.app.alice().get("/v1/admin/audit?action=modify_deals").await.expect(200).text;
    assert!(rules.contains("words of others"), "{rules}");
}

#[tokio::test]
async fn a_thread_of_one_person_is_theirs_to_act_in() {
    let desk = channel().await;
    desk.app.alice().put("/v1/admin/permissions", json!({"preset": "autonomous"})).await.expect(200);
    let first = mention("U0ALICE", "hello", None);
    let thread = first["ts"].as_str().expect("a time").to_owned();
    desk.app.sim.push(Reply::text("Hello."));
    desk.event(first).await;
    desk.settled().await;
    desk.app.sim.push(win());
    desk.app.sim.push(Reply::text("It is won."));
    desk.event(mention("U0ALICE", "win it", Some(&thread))).await;
    desk.settled().await;
    assert_eq!(stage(&desk).await, "won");
}

#[tokio::test]
async fn a_question_in_a_thread_is_answered_with_a_click_by_whom_it_is_put_to() {
    let desk = channel().await;
    let (alice, bob) = (desk.app.alice(), desk.app.bob());
    let ask = json!({"question": "Which quarter?", "options": ["Q1", "Q2"]});
    desk.app.sim.push(Reply::call("ask_user", ask));
    desk.event(mention("U0ALICE", "plan it", None)).await;
    desk.hears("Which quarter?").await;
    let question = id(&desk, "select id from sixty.questions where status = 'open'").await;
    let path = format!("/v1/questions/{question}");
    assert_eq!(alice.get(&path).await.expect(200).json()["status"], "open");
    bob.get(&path).await.problem(404, "not_found");
    bob.post(&path, json!({"answer": "Q1"})).await.problem(404, "not_found");
    let before = desk.slack.calls("response_url").len();
    desk.click("U0BOB", "sixty_choose:0", &format!("{question}:0")).await;
    eventually("it is explained", async || desk.slack.calls("response_url").get(before).cloned()).await;
    assert_eq!(alice.get(&path).await.expect(200).json()["status"], "open");
    desk.app.sim.push(Reply::text("Q2 it is."));
    desk.click("U0ALICE", "sixty_choose:1", &format!("{question}:1")).await;
    desk.hears("Q2 it is.").await;
    desk.settled().await;
    assert_eq!(alice.get(&path).await.expect(200).json()["answer"], json!(["Q2"]));
}

#[tokio::test]
async fn what_comes_of_a_suggestion_is_told_where_it_was_shown() {
    for event in [direct("win the deal"), mention("U0ALICE", "win the deal", None)] {
        let desk = channel().await;
        let rows = json!([{"action": "modify_deals", "policy": "suggest"}]);
        let alice = desk.app.alice();
        alice.put("/v1/admin/permissions", json!({"preset": "balanced", "rows": rows})).await.expect(200);
        desk.app.sim.push(win());
        desk.app.sim.push(Reply::text("I suggest it."));
        let (channel, ts) = (event["channel"].clone(), event["ts"].clone());
        desk.event(event).await;
        desk.hears("sixty_approve").await;
        desk.settled().await;
        let (approval, posted) = (id(&desk, PENDING).await, desk.slack.calls("chat.postMessage").len());
        desk.click("U0ALICE", "sixty_approve", &approval).await;
        let told =
            eventually("it is told", async || desk.slack.calls("chat.postMessage").get(posted).cloned())
                .await;
        assert_eq!((&told.body["channel"], &told.body["thread_ts"]), (&channel, &ts));
        assert!(told.body["text"].as_str().is_some_and(|text| text.contains("approved")), "{told:?}");
        desk.settled().await;
        assert_eq!(desk.slack.calls("chat.postMessage").len(), posted + 1);
        assert_eq!(stage(&desk).await, "won");
    }
}
