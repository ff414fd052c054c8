//! What a document is told of the other skills before it is written.

use serde_json::{Value, json};

use super::{PATH, PLATFORM, document, put, skill, with};
use crate::{erasure::platform, harness::TestApp};

/// A sequence that follows these skills.
fn follows(name: &str, keys: &[&str]) -> String {
    let steps: Vec<String> = keys.iter().map(|key| format!("{{skill_key: {key}}}")).collect();
    with(name, &format!("metadata: {{skill_type: sequence, workflow: [{}]}}", steps.join(", ")))
}

fn command(name: &str, priority: &str) -> String {
    with(name, &format!("metadata: {{priority: {priority}, command_centre: {{enabled: true, label: go}}}}"))
}

fn first(problem: &Value) -> String {
    format!("{}: {}", problem["errors"][0]["field"], problem["errors"][0]["error"])
}

#[tokio::test]
async fn a_sequence_that_would_lead_in_a_circle_is_refused_and_nothing_is_written() {
    let app = TestApp::start().await;
    let alice = app.alice();
    put(&alice, "one", &follows("One", &["two"])).await.expect(201);
    put(&alice, "two", &document("Two", "Do it.")).await.expect(201);
    let closing = json!({"document": follows("Two", &["one"])});
    let told = r#""metadata.workflow": "leads in a circle: two → one → two""#;
    let problem = alice.put(&format!("{PATH}/two"), closing.clone()).await;
    assert_eq!(first(&problem.problem(422, "validation_failed")), told);
    let report = alice.post(&format!("{PATH}/validate?key=two"), closing.clone()).await.expect(200).json();
    assert_eq!(first(&report), told);
    assert_eq!(super::read(&alice, "two").await["version"], 1);
    // Of a request, too, the one that closes it.
    let many = json!([
        skill("three", &follows("Three", &["four"])),
        skill("four", &follows("Four", &["five"])),
        skill("five", &follows("Five", &["three"])),
    ]);
    let imported = alice.post(&format!("{PATH}/import"), many.clone()).await.expect(200).json();
    let status: Vec<&str> =
        imported["data"].as_array().unwrap().iter().map(|it| it["status"].as_str().unwrap()).collect();
    assert_eq!(status, ["created", "created", "error"], "{imported}");
    assert!(first(&imported["data"][2]).contains("five → three → four → five"), "{imported}");
    let all = format!("{PATH}/import?all_or_nothing=true");
    let problem = alice.post(&all, many).await.problem(422, "validation_failed");
    assert!(first(&problem).contains("[2]: metadata.workflow"), "{problem}");
}

#[tokio::test]
async fn a_sequence_that_leads_too_deep_is_refused() {
    let app = TestApp::start().await;
    let alice = app.alice();
    put(&alice, "s0", &document("S", "Do it.")).await.expect(201);
    for n in 1..=8 {
        put(&alice, &format!("s{n}"), &follows("S", &[&format!("s{}", n - 1)])).await.expect(201);
    }
    let problem = put(&alice, "s9", &follows("S", &["s8"])).await.problem(422, "validation_failed");
    assert!(first(&problem).contains("leads 9 skills deep, and 8 is the most"), "{problem}");
}

#[tokio::test]
async fn who_takes_a_command_that_another_skill_has_is_told_so() {
    let app = TestApp::start().await;
    let alice = app.alice();
    put(&alice, "first", &command("First", "high")).await.expect(201);
    let clash = "/go is the command of `first` already, which wins";
    let made = put(&alice, "second", &command("Second", "low")).await.expect(201).json();
    assert_eq!(made["warnings"][0]["error"], clash, "{made}");
    let new = json!({"document": command("Third", "low")});
    let report = alice.post(&format!("{PATH}/validate?key=third"), new).await.expect(200).json();
    assert_eq!(report["warnings"][0]["error"], clash, "{report}");
    // The one that wins is not told, and neither is the one that is alone.
    let made = put(&alice, "first", &command("First again", "high")).await.expect(200).json();
    assert_eq!(made["warnings"], json!([]));
    let many = json!([skill("a", &command("A", "critical")), skill("b", &command("B", "critical"))]);
    let imported = alice.post(&format!("{PATH}/import"), many).await.expect(200).json();
    assert_eq!(imported["data"][0].get("warnings"), None, "{imported}");
    assert_eq!(imported["data"][1]["warnings"][0]["error"], "/go is the command of `a` already, which wins");
}

#[tokio::test]
async fn a_variable_that_nobody_knows_is_told_when_the_skill_is_written() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let body = "Hello ${company_nam}, ${inputs.deal|'x'} and ${company_name|shout}.\n\n```\n${code}\n```\n${company_name}";
    let made = put(&alice, "brief", &document("Brief", body)).await.expect(201).json();
    let told: Vec<(u64, &str, &str)> = made["warnings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| {
            let text = |name: &str| it[name].as_str().unwrap_or_default();
            (it["line"].as_u64().unwrap(), text("error"), text("suggestion"))
        })
        .collect();
    let modifiers = "the modifiers are upper, lower, capitalize, first, last, count, json, join; a default stands in \
                     quotes: |'text'";
    assert_eq!(
        told,
        [
            (8, "`${company_nam}` is no fact that organizations have: it is empty", "${company_name}"),
            (8, "`${inputs.deal}` is no fact that organizations have: it is empty", ""),
            (8, "`|shout` is not a modifier; the template was removed", modifiers),
        ],
        "{made}"
    );
}

#[tokio::test]
async fn a_circle_that_the_platform_closes_is_told_wherever_the_skill_is_offered() {
    let app = TestApp::start().await;
    let alice = app.alice();
    put(&alice, "one", &follows("One", &["two"])).await.expect(201);
    platform(&app).put(&format!("{PLATFORM}/two"), skill("two", &follows("Two", &["one"]))).await.expect(201);
    let circle = "metadata.workflow: leads in a circle: one → two → one";
    let shown = alice.get("/v1/skills/one").await.expect(200).json();
    assert_eq!(
        (&shown["runnable"], &shown["missing"], &shown["problems"][0]),
        (&json!(false), &json!([]), &json!(circle))
    );
    let problem = alice.post("/v1/skills/one/runs", json!({})).await.problem(409, "skill_not_runnable");
    assert!(problem["detail"].as_str().unwrap().contains(&format!("cannot run: {circle}")), "{problem}");
    let listed = alice.get("/v1/admin/skill-list").await.expect(200).json();
    let line = "- one [sequence] [cannot run: leads in a circle: one → two → one]: ";
    assert!(listed["text"].as_str().unwrap().contains(line), "{listed}");
    let compiled = alice.get(&format!("{PATH}/one/compiled")).await.expect(200).json();
    assert_eq!(first(&compiled), r#""metadata.workflow": "leads in a circle: one → two → one""#);
    // No message finds it any more.
    let routed = alice.post("/v1/route", json!({"text": "What One does"})).await.expect(200).json();
    assert_eq!(routed["routing"], Value::Null, "{routed}");
}
