//! What a skill would do, without doing it.

use serde_json::{Value, json};

use super::{FOLLOW_UP, NEXT_STEP, prepare, sequence, write};
use crate::{
    approvals::desk::set,
    harness::{Person, TestApp, look::prompts},
};

async fn simulate(person: &Person, key: &str, inputs: Value) -> Value {
    let body = json!({"inputs": inputs, "simulate": true});
    person.post(&format!("/v1/skills/{key}/runs"), body).await.expect(200).json()
}

/// How many rows each table has.
async fn counts(app: &TestApp) -> Vec<(String, i64)> {
    let pool = app.database.superuser().await;
    let tables: Vec<String> = sqlx::query_scalar(
        "select c.relname::text from pg_class c where c.relnamespace = 'sixty'::regnamespace
            and c.relkind in ('r', 'p') and not c.relispartition order by 1",
    )
    .fetch_all(&pool)
    .await
    .expect("tables");
    let mut counts = Vec::new();
    for table in tables {
        let sql = sqlx::AssertSqlSafe(format!("select count(*) from sixty.{table}"));
        let count: i64 = sqlx::query_scalar(sql).fetch_one(&pool).await.expect("a number");
        counts.push((table, count));
    }
    pool.close().await;
    counts
}

#[tokio::test]
async fn a_simulation_shows_each_step_and_changes_nothing() {
    let app = TestApp::start().await;
    let alice = app.alice();
    prepare(&alice, "follow-up", &FOLLOW_UP.replace("order: 3", "order: 3\n      requires_approval: true"))
        .await;
    let before = counts(&app).await;
    let simulated = simulate(&alice, "follow-up", json!({"deal_id": "D-42"})).await;
    assert_eq!(counts(&app).await, before);
    assert!(prompts(&app.sim).is_empty(), "no model was asked");
    assert_eq!((&simulated["simulated"], &simulated["runnable"]), (&json!(true), &json!(true)));
    let steps = simulated["steps"].as_array().expect("steps");
    assert_eq!(steps.len(), 3, "{simulated}");
    assert_eq!((&steps[0]["policy"], &steps[0]["would"]["kind"]), (&json!("auto"), &json!("read")));
    assert!(steps[0]["would"]["result"].as_str().expect("a text").contains("Acme renewal"), "{simulated}");
    assert_eq!(
        (&steps[1]["would"]["kind"], &steps[1]["missing"]),
        (&json!("follow"), &json!(["inputs.tone"]))
    );
    assert!(steps[1]["input"]["deal"].as_str().expect("a text").contains("Acme renewal"), "{simulated}");
    assert_eq!(
        (&steps[2]["policy"], &steps[2]["later"]),
        (&json!("approve"), &json!(["outputs.plan.title"]))
    );
    assert_eq!(steps[2]["would"]["kind"], "fail", "its title is known only when it is made: {simulated}");
}

#[tokio::test]
async fn a_simulation_shows_what_would_be_written_and_whether_it_may_be() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let change = "\n    - {order: 1, action: update_entity, input_mapping: {kind: deal, id: '${inputs.deal_id}', changes: {stage: won}}}
    - {order: 2, action: add_note, input_mapping: {kind: deal, id: 'D-42', text: 'Won'}}";
    prepare(&alice, "close", change).await;
    set(&alice, json!({"preset": "balanced", "rows": [{"action": "manage_tasks", "policy": "disabled"}]}))
        .await;
    let simulated = simulate(&alice, "close", json!({"deal_id": "D-42"})).await;
    let steps = simulated["steps"].as_array().expect("steps");
    assert_eq!(
        (&steps[0]["policy"], &steps[0]["would"]["kind"]),
        (&json!("approve"), &json!("write")),
        "{simulated}"
    );
    assert_eq!(steps[0]["would"]["preview"]["changes"][0]["new"], "won");
    assert_eq!(steps[1]["policy"], "disabled", "{simulated}");
    assert_eq!(alice.get("/v1/entities/deal/D-42").await.expect(200).json()["stage"], "negotiation");
}

#[tokio::test]
async fn an_instruction_is_simulated_as_the_text_that_the_model_would_be_given() {
    let app = TestApp::start().await;
    let alice = app.alice();
    write(&alice, "next-step", NEXT_STEP).await;
    let simulated = simulate(&alice, "next-step", json!({})).await;
    assert!(simulated["text"].as_str().expect("a text").contains("Think of ONE next step."), "{simulated}");
    assert_eq!(simulated["steps"], json!([]));
    alice.post("/v1/skills/nothing/runs", json!({"simulate": true})).await.problem(404, "not_found");
    app.stranger()
        .post("/v1/skills/next-step/runs", json!({"simulate": true}))
        .await
        .problem(404, "not_found");
}

#[tokio::test]
async fn a_simulation_obeys_the_tool_list_and_what_a_step_reads_from_outside() {
    let app = TestApp::start().await;
    let alice = app.alice();
    set(&alice, json!({"preset": "autonomous"})).await;
    let mail = json!({"name": "News", "body": "Please note this.", "subject": "News"});
    alice.put("/v1/entities/email/E-1", mail).await.expect(201);
    let steps = "
    - {order: 1, action: add_note, input_mapping: {kind: deal, id: D-42, text: Before}}
    - {order: 2, action: search_emails, input_mapping: {query: note}}
    - {order: 3, action: memory_append, input_mapping: {scope: user, section: S, text: After}}
    - {order: 4, action: get_next_meeting}";
    alice.deal().await;
    let document = sequence("read-mail", steps).replacen(
        "metadata:",
        "allowed-tools: add_note search_emails memory_append\nmetadata:",
        1,
    );
    write(&alice, "read-mail", &document).await;
    let simulated = simulate(&alice, "read-mail", json!({})).await;
    let steps = simulated["steps"].as_array().expect("steps");
    let kinds: Vec<&Value> = steps.iter().map(|step| &step["would"]["kind"]).collect();
    assert_eq!(kinds, ["write", "read", "write", "fail"], "{simulated}");
    assert_eq!(
        (&steps[0]["policy"], &steps[2]["policy"]),
        (&json!("auto"), &json!("suggest")),
        "{simulated}"
    );
    let why = steps[3]["would"]["why"].as_str().expect("a reason");
    assert!(why.contains("does not use get_next_meeting"), "{why}");
}
