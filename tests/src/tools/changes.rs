//! What the copilot puts on the sales record, directly and by `execute_action`.

use chrono::Utc;
use model_sim::Reply;
use serde_json::{Value, json};

use super::{call, call_in, refused};
use crate::harness::{
    Person, TestApp,
    look::{all, end},
};

/// The only entity of its kind.
async fn only(person: &Person, kind: &str) -> Value {
    let listed = person.get(&format!("/v1/entities?kind={kind}")).await.expect(200).json();
    assert_eq!(listed["data"].as_array().map(Vec::len), Some(1), "{listed}");
    listed["data"][0].clone()
}

async fn none(person: &Person, kind: &str) {
    let listed = person.get(&format!("/v1/entities?kind={kind}")).await.expect(200).json();
    assert_eq!(listed["data"], json!([]));
}

fn create_deal(fields: &Value) -> Value {
    json!({"kind": "deal", "id": "D-7", "name": "Borealis", "fields": fields})
}

#[tokio::test]
async fn a_to_do_is_the_persons_and_belongs_to_the_deal_of_the_conversation() {
    let app = TestApp::start().await;
    let alice = app.alice();
    alice.deal().await;
    alice.contact().await;
    let session = alice.session_with(json!({"entity": {"kind": "deal", "id": "D-42"}})).await;
    let args =
        json!({"title": "Send the offer", "due_date": "2026-12-01", "priority": "high", "contact_id": "C-7"});
    let (told, is_error) = call_in(&app, &alice, &session, Reply::call("create_task", args)).await;
    let task = only(&alice, "task").await;
    let id = task["id"].as_str().expect("an id");
    let expected = format!(
        "Created task {id}: Send the offer, due 2026-12-01, for alice, on deal D-42, on contact C-7."
    );
    assert_eq!((told, is_error), (expected, false));
    let fields = ["status", "priority", "assignee", "owner"].map(|name| task[name].clone());
    assert_eq!(fields, ["open", "high", "alice", "alice"].map(Value::from));
    assert_eq!(task["links"], json!([{"kind": "deal", "id": "D-42"}, {"kind": "contact", "id": "C-7"}]));
}

#[tokio::test]
async fn a_to_do_is_done_once() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let task = json!({"name": "Call Dana", "status": "open", "priority": "low"});
    alice.put("/v1/entities/task/T-1", task).await.expect(201);
    let done = json!({"id": "T-1"});
    assert_eq!(
        call(&app, &alice, "complete_task", done.clone()).await,
        ("Done: Call Dana (T-1).".into(), false)
    );
    let task = only(&alice, "task").await;
    assert_eq!(
        (&task["status"], &task["priority"], &task["version"]),
        (&json!("done"), &json!("low"), &json!(2))
    );
    let (told, is_error) = call(&app, &alice, "complete_task", done).await;
    assert!(!is_error && told.contains("done already"), "{told}");
    assert_eq!(only(&alice, "task").await["version"], 2);
    refused(call(&app, &alice, "complete_task", json!({"id": "T-9"})).await, &["no task", "T-9"]);
}

#[tokio::test]
async fn an_activity_is_logged_now_unless_it_says_when() {
    let app = TestApp::start().await;
    let alice = app.alice();
    alice.deal().await;
    let before = Utc::now();
    let args = json!({"type": "call", "details": "She agreed to 8 %.", "deal_id": "D-42"});
    let (told, is_error) = call(&app, &alice, "create_activity", args).await;
    assert!(!is_error && told.contains("call: She agreed to 8 %."), "{told}");
    let activity = only(&alice, "activity").await;
    assert_eq!((&activity["type"], &activity["body"]), (&json!("call"), &json!("She agreed to 8 %.")));
    let date: chrono::DateTime<Utc> = activity["date"].as_str().expect("a time").parse().expect("a time");
    assert!(date.timestamp() >= before.timestamp() && date <= Utc::now());
    let late = json!({"type": "visit", "details": "x", "date": "2026-02-30"});
    refused(call(&app, &alice, "create_activity", late).await, &["date", "2026-11-22"]);
    only(&alice, "activity").await;
}

#[tokio::test]
async fn a_new_deal_is_approved_with_its_fields_before_the_person() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let session = alice.session().await;
    app.sim.push(Reply::call("create_entity", create_deal(&json!({"amount": 1200, "currency": "EUR"}))));
    let frames = alice.hear(&session, "Do it").await;
    assert_eq!(end(&frames).data["status"], "waiting", "{frames:#?}");
    none(&alice, "deal").await;
    let asked = all(&frames, "approval_required")[0].clone();
    let preview = json!({"kind": "create", "entity_kind": "deal", "name": "Borealis", "fields": {"amount": 1200, "currency": "EUR"}});
    assert_eq!(asked["preview"], preview);
    app.sim.push(Reply::text("Done."));
    let path = format!("/v1/approvals/{}", asked["approval_id"].as_str().expect("an id"));
    let run = alice.post(&path, json!({"decision": "approve"})).await.expect(202).json();
    alice.follow(run["run_id"].as_str().expect("an id"), None).await.rest().await;
    let deal = only(&alice, "deal").await;
    assert_eq!(
        (&deal["id"], &deal["amount"], &deal["owner"]),
        (&json!("D-7"), &json!(1200), &json!("alice"))
    );
}

#[tokio::test]
async fn what_cannot_be_written_is_refused_before_anybody_is_asked() {
    let app = TestApp::start().await;
    let alice = app.alice();
    app.stranger().deal().await;
    for (tool, args, words) in [
        ("create_entity", create_deal(&json!({"amount": "12"})), vec!["amount", "number"]),
        ("create_entity", create_deal(&json!({"color": "red"})), vec!["color", "not a field"]),
        ("create_entity", create_deal(&json!({"stage": "[REDACTED:openai_key]"})), vec!["[REDACTED]"]),
        ("create_entity", json!({"kind": "spaceship", "name": "x"}), vec!["kind"]),
        // Another organization's deal.
        ("create_task", json!({"title": "x", "deal_id": "D-42"}), vec!["no deal", "D-42"]),
        ("create_task", json!({"title": "x", "due_date": "tomorrow"}), vec!["due_date", "date"]),
        ("create_task", json!({"title": "x", "priority": "extreme"}), vec!["priority"]),
        ("create_task", json!({"title": "x", "user_id": "bob"}), vec!["user_id"]),
        ("create_activity", json!({"type": "call", "details": "x", "contact_id": "C-7"}), vec!["no contact"]),
        ("create_activity", json!({"type": "call"}), vec!["details"]),
        ("complete_task", json!({}), vec!["id"]),
    ] {
        refused(call(&app, &alice, tool, args).await, &words);
    }
    for kind in ["deal", "task", "activity"] {
        none(&alice, kind).await;
    }
    assert_eq!(alice.get("/v1/approvals").await.expect(200).json()["data"], json!([]));
}

#[tokio::test]
async fn an_action_is_the_tools_own_call_with_its_rules_and_its_name() {
    let app = TestApp::start().await;
    let alice = app.alice();
    alice.deal().await;
    let action = |name: &str, params: Value| json!({"action": name, "params": params});
    let read = action("get_entity", json!({"kind": "deal", "id": "D-42"}));
    let (told, is_error) = call(&app, &alice, "execute_action", read).await;
    assert!(!is_error && told.contains("deal D-42"), "{told}");
    // A change of a deal waits for the person, whatever the model confirms.
    let session = alice.session().await;
    let change = json!({"kind": "deal", "id": "D-42", "changes": {"stage": "won"}, "confirm": true});
    app.sim.push(Reply::call("execute_action", action("update_entity", change)));
    let frames = alice.hear(&session, "Do it").await;
    assert_eq!(end(&frames).data["status"], "waiting", "{frames:#?}");
    let asked = all(&frames, "approval_required")[0];
    assert_eq!(asked["name"], "update_entity");
    assert_eq!(asked["input"], json!({"kind": "deal", "id": "D-42", "changes": {"stage": "won"}}));
    assert_eq!(all(&frames, "tool_start")[0]["name"], "update_entity");
    app.sim.push(Reply::text("Done."));
    let path = format!("/v1/approvals/{}", asked["approval_id"].as_str().expect("an id"));
    let run = alice.post(&path, json!({"decision": "approve"})).await.expect(202).json();
    alice.follow(run["run_id"].as_str().expect("an id"), None).await.rest().await;
    assert_eq!(alice.get("/v1/entities/deal/D-42").await.expect(200).json()["stage"], "won");
    // What does not exist, or may not be done, is told like anywhere else.
    refused(
        call(&app, &alice, "execute_action", action("make_coffee", json!({}))).await,
        &["make_coffee", "get_entity"],
    );
    refused(
        call(&app, &alice, "execute_action", action("get_entity", json!({"kind": "deal"}))).await,
        &["\"id\""],
    );
    refused(
        call(&app, &alice, "execute_action", action("execute_action", json!({}))).await,
        &["another tool"],
    );
    let rita = app.replica.person("acme", "rita", "readonly");
    refused(
        call(&app, &rita, "execute_action", action("create_task", json!({"title": "x"}))).await,
        &["no tool"],
    );
    none(&alice, "task").await;
}

#[tokio::test]
async fn what_cannot_be_created_asks_nobody_first() {
    let app = TestApp::start().await;
    let alice = app.alice();
    alice.deal().await;
    refused(
        call(&app, &alice, "create_task", json!({"title": "Call", "assignee": "alize"})).await,
        &["\"alize\" is no member", "alice"],
    );
    refused(
        call(&app, &alice, "create_entity", json!({"kind": "deal", "id": "D-42", "name": "Again"})).await,
        &["there is a deal \"D-42\" already", "update_entity"],
    );
    assert_eq!(app.database.count("select count(*) from sixty.approvals").await, 0);
}

#[tokio::test]
async fn a_record_is_told_in_words_and_a_long_one_in_parts() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let day = (chrono::Utc::now() + chrono::Days::new(5)).date_naive();
    let close = day.to_string();
    let deal =
        json!({"name": "Big", "amount": 84000, "currency": "EUR", "close_date": close, "probability": 60});
    alice.put("/v1/entities/deal/D-7", deal).await.expect(201);
    let (told, _) = call(&app, &alice, "get_entity", json!({"kind": "deal", "id": "D-7"})).await;
    let closes = format!("close_date {}, in 5 days", day.format("%a %-d %b %Y"));
    for words in
        ["amount 84,000 EUR", "probability 60%", &closes, "links: none on record", "notes: none on record"]
    {
        assert!(told.contains(words), "{words} is missing: {told}");
    }
    let lines: Vec<String> = (0..4_000).map(|n| format!("Dana said line {n}.")).collect();
    let long = json!({"name": "Long talk", "transcript": lines.join("\n")});
    alice.put("/v1/entities/meeting/M-7", long).await.expect(201);
    let part = async |n: u32| {
        call(&app, &alice, "get_entity", json!({"kind": "meeting", "id": "M-7", "part": n})).await.0
    };
    let first = part(1).await;
    let of: u32 = first
        .split_once("[Part 1 of ")
        .and_then(|(_, rest)| rest.split_once(';')?.0.parse().ok())
        .unwrap_or_else(|| panic!("no parts: {}", &first[..200]));
    let mut all = first;
    for n in 2..=of {
        all.push_str(&part(n).await);
    }
    assert!(
        lines.iter().all(|line| all.contains(line.as_str())),
        "every line of the transcript is in a part"
    );
    refused(
        call(&app, &alice, "get_entity", json!({"kind": "meeting", "id": "M-7", "part": of + 1})).await,
        &[&format!("has {of} parts")],
    );
}

#[tokio::test]
async fn a_refusal_does_not_repeat_all_of_what_it_refuses() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let (told, is_error) = call(&app, &alice, "resolve_entity", json!({"name": "x".repeat(10_000)})).await;
    assert!(is_error && told.chars().count() < 700 && told.contains("longer than"), "{told}");
    refused(call(&app, &alice, "read_archive", json!({"summary_id": "nope"})).await, &["summary_id"]);
}
