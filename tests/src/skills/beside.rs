//! What a document is told of the other skills before it is written.

use model_sim::Reply;
use serde_json::{Value, json};

use super::{PATH, PLATFORM, document, push, put, skill, with};
use crate::{
    erasure::platform,
    harness::{
        TestApp,
        look::{prompts, result, system},
    },
};

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
    // Of a request, too, those that stand in it, in whatever order.
    let many = json!([
        skill("three", &follows("Three", &["four"])),
        skill("four", &follows("Four", &["five"])),
        skill("five", &follows("Five", &["three"])),
        skill("six", &follows("Six", &["three"])),
    ]);
    let imported = alice.post(&format!("{PATH}/import"), many.clone()).await.expect(200).json();
    let status: Vec<&str> =
        imported["data"].as_array().unwrap().iter().map(|it| it["status"].as_str().unwrap()).collect();
    assert_eq!(status, ["error", "error", "error", "created"], "{imported}");
    assert!(first(&imported["data"][2]).contains("five → three → four → five"), "{imported}");
    // What is sent together makes it good.
    let many = json!([skill("two", &follows("Two", &["one"])), skill("one", &document("One", "Do it."))]);
    let imported = alice.post(&format!("{PATH}/import"), many.clone()).await.expect(200).json();
    assert_eq!(imported["data"][0]["status"], "updated", "{imported}");
    let many = json!([skill("one", &follows("One", &["two"]))]);
    let all = format!("{PATH}/import?all_or_nothing=true");
    let problem = alice.post(&all, many).await.problem(422, "validation_failed");
    assert!(first(&problem).contains("[0]: metadata.workflow"), "{problem}");
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
    // The one that has it already is not told, and neither is the one that is alone.
    let made = put(&alice, "first", &command("First again", "high")).await.expect(200).json();
    assert_eq!(made["warnings"], json!([]));
    let many = json!([skill("a", &command("A", "critical")), skill("b", &command("B", "critical"))]);
    let imported = alice.post(&format!("{PATH}/import"), many).await.expect(200).json();
    let taken = "/go was the command of `first`, which loses it";
    assert_eq!(imported["data"][0]["warnings"][0]["error"], taken, "{imported}");
    assert_eq!(imported["data"][1]["warnings"][0]["error"], "/go is the command of `a` already, which wins");
}

#[tokio::test]
async fn the_platforms_skills_are_equals_among_each_other() {
    let app = TestApp::start().await;
    let root = platform(&app);
    let put = async |key: &str, priority: &str| {
        let new = skill(key, &command(key, priority));
        root.put(&format!("{PLATFORM}/{key}"), new).await.json()["warnings"][0]["error"].clone()
    };
    assert_eq!(put("a", "high").await, Value::Null);
    assert_eq!(put("b", "low").await, "/go is the command of `a` already, which wins");
    assert_eq!(put("c", "critical").await, "/go was the command of `a`, which loses it");
}

#[tokio::test]
async fn a_skill_that_would_keep_one_above_it_from_running_is_refused() {
    let app = TestApp::start().await;
    let alice = app.alice();
    put(&alice, "s8", &document("S", "Do it.")).await.expect(201);
    for n in (0..8).rev() {
        put(&alice, &format!("s{n}"), &follows("S", &[&format!("s{}", n + 1)])).await.expect(201);
    }
    let deeper = put(&alice, "s8", &follows("S", &["s9"])).await.problem(422, "validation_failed");
    let why = "keeps the skill `s0` from running, which then leads 9 skills deep, and 8 is the most";
    assert!(first(&deeper).contains(why), "{deeper}");
    assert!(first(&deeper).contains("s0 → s1 → "), "{deeper}");
    let calls = vec!["{action: get_next_meeting}"; 46].join(", ");
    let many = with("S", &format!("metadata: {{skill_type: sequence, workflow: [{calls}]}}"));
    let more = put(&alice, "s8", &many).await.problem(422, "validation_failed");
    assert!(first(&more).contains("keeps the skill `s0` from running, which then has 54 steps"), "{more}");
    assert!(!more.to_string().contains("skill `s4`"), "{more}");
}

#[tokio::test]
async fn what_comes_into_force_again_must_close_no_circle_either() {
    let app = TestApp::start().await;
    let alice = app.alice();
    put(&alice, "two", &follows("Two", &["one"])).await.expect(201);
    put(&alice, "two", &document("Two", "Do it.")).await.expect(200);
    put(&alice, "one", &follows("One", &["two"])).await.expect(201);
    let path = format!("{PATH}/two");
    let circle = "leads in a circle: two → one → two";
    let refused = |problem: Value| assert!(problem["detail"].to_string().contains(circle), "{problem}");
    refused(alice.post(&format!("{path}/rollback"), json!({"version": 1})).await.problem(409, "skill_clash"));
    refused(alice.put(&format!("{path}/pin"), json!({"version": 1})).await.problem(409, "skill_clash"));
    assert_eq!(super::read(&alice, "two").await["version"], 2);
    // Pinned while the other one is switched off, it keeps that from being switched on.
    push(&alice, &format!("{PATH}/one/disable")).await.expect(200);
    alice.put(&format!("{path}/pin"), json!({"version": 1})).await.expect(200);
    push(&alice, &format!("{PATH}/one/enable")).await.problem(409, "skill_clash");
    alice.put(&format!("{path}/pin"), json!({"version": null})).await.expect(200);
    push(&alice, &format!("{PATH}/one/enable")).await.expect(200);
    alice.delete(&path).await.expect(204);
}

#[tokio::test]
async fn a_version_is_judged_when_it_comes_into_force() {
    let app = TestApp::start().await;
    let alice = app.alice();
    put(&alice, "two", &document("Two", "Do it.")).await.expect(201);
    put(&alice, "one", &follows("One", &["two"])).await.expect(201);
    let path = format!("{PATH}/two");
    alice.put(&format!("{path}/pin"), json!({"version": 1})).await.expect(200);
    // Copilots go on with the version that is pinned: the new one closes no circle yet, and takes no command.
    put(&alice, "go", &command("Go", "low")).await.expect(201);
    let circle = follows("Two", &["one"])
        .replace("metadata: {", "metadata: {priority: high, command_centre: {label: go}, ");
    let unsaid = |answer: &Value| !answer["warnings"].to_string().contains("/go");
    let validate = format!("{PATH}/validate?key=two");
    let report = alice.post(&validate, json!({"document": circle})).await.expect(200).json();
    assert!(report["errors"] == json!([]) && unsaid(&report), "{report}");
    let written = put(&alice, "two", &circle).await.expect(200).json();
    assert!(written["version"] == 2 && unsaid(&written), "{written}");
    let many = json!([skill("two", &circle.replace("Do it.", "Do it again."))]);
    let imported = alice.post(&format!("{PATH}/import"), many).await.expect(200).json();
    assert_eq!(imported["data"][0]["status"], "updated", "{imported}");
    let unpinned = alice.put(&format!("{path}/pin"), json!({"version": null})).await;
    let problem = unpinned.problem(409, "skill_clash");
    assert!(problem["detail"].to_string().contains("two → one → two"), "{problem}");
    alice.put(&format!("{path}/pin"), json!({"version": 2})).await.problem(409, "skill_clash");
    // The same of one that is switched off, until it is switched on, or its document does so.
    push(&alice, &format!("{PATH}/one/disable")).await.expect(200);
    alice.put(&format!("{path}/pin"), json!({"version": null})).await.expect(200);
    put(&alice, "one", &follows("One again", &["two"])).await.expect(200);
    push(&alice, &format!("{PATH}/one/enable")).await.problem(409, "skill_clash");
    let off = |name: &str| follows(name, &["two"]).replace("metadata: {", "metadata: {is_active: false, ");
    put(&alice, "one", &off("One")).await.expect(200);
    put(&alice, "one", &follows("One", &["two"])).await.problem(422, "validation_failed");
}

#[tokio::test]
async fn of_two_that_close_a_circle_at_once_one_is_refused() {
    let app = TestApp::start().await;
    let alice = app.alice();
    for n in 0..10 {
        let (one, two) = (format!("one-{n}"), format!("two-{n}"));
        let documents = [follows("One", &[&two]), follows("Two", &[&one])];
        let (first, second) =
            tokio::join!(put(&alice, &one, &documents[0]), put(&alice, &two, &documents[1]));
        let mut status = [first.status.as_u16(), second.status.as_u16()];
        status.sort_unstable();
        assert_eq!(status, [201, 422], "{} {}", first.text, second.text);
    }
}

#[tokio::test]
async fn what_a_skill_names_and_nobody_has_is_told_when_it_is_written() {
    let app = TestApp::start().await;
    let alice = app.alice();
    put(&alice, "tone", &document("Tone", "Do it.")).await.expect(201);
    let body = "@odd/references/a.md\n@odd/references/b.md\n@_platform-references/org-variables.md\n\n\
                execute_action(\"get_deals\", {}) for ${company_name}";
    let text = with("Odd", "metadata: {linked_skills: [tones], requires_capabilities: [web_search], workflow: [{order: 1, skill_key: tome}, {order: 2, action: create_tusk}]}")
        .replace("Do it.", body);
    let new = json!({"key": "odd", "document": text, "files": {"references/a.md": "execute_action(\"x\")"}});
    let told = |answer: &Value| -> Vec<String> {
        let warnings = answer["warnings"].as_array().unwrap().iter();
        warnings
            .map(|it| {
                format!("{} ({})", it["error"].as_str().unwrap(), it["suggestion"].as_str().unwrap_or("-"))
            })
            .collect()
    };
    let expected = [
        "line 5 of the body: `@odd/references/b.md` is not a document that is known here; the include was removed (@odd/references/a.md)",
        "`get_deals` is not a tool that is there (get_deal)",
        "`x` is not a tool that is there (-)",
        "there is no skill `tones` (tone)",
        "there is no skill `tome` (-)",
        "`create_tusk` is not a tool that is there (create_task)",
    ];
    let report = alice.post(&format!("{PATH}/validate"), new.clone()).await.expect(200).json();
    assert_eq!(told(&report), expected, "{report}");
    let made = alice.post(PATH, new.clone()).await.expect(201).json();
    assert_eq!(told(&made), expected, "{made}");
    let made = platform(&app).put(&format!("{PLATFORM}/odd"), new).await.expect(201).json();
    assert!(told(&made).contains(&expected[1].to_owned()), "{made}");
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

#[tokio::test]
async fn a_deprecated_skill_is_shown_with_what_took_its_place_and_copilots_do_not_use_it() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let lines =
        "metadata: {deprecated_by: brief, deprecation_reason: Too long., command_centre: {label: old}}";
    put(&alice, "old", &with("Old", lines)).await.expect(201);
    put(&alice, "brief", &document("Brief", "Do it.")).await.expect(201);
    let compiled = alice.get(&format!("{PATH}/old/compiled")).await.expect(200).json();
    let why = "is not offered to copilots: it is deprecated by brief: Too long";
    assert_eq!(compiled["warnings"][0]["error"], why, "{compiled}");
    let said = |skill: &Value| (skill["deprecated_by"].clone(), skill["deprecation_reason"].clone());
    for list in [PATH, "/v1/skills"] {
        let listed = alice.get(list).await.expect(200).json();
        let (brief, old) = (&listed["data"][0], &listed["data"][1]);
        assert_eq!(
            (said(old), said(brief)),
            ((json!("brief"), json!("Too long.")), (Value::Null, Value::Null))
        );
    }
    let old = alice.get("/v1/skills/old").await.expect(200).json();
    assert_eq!((&old["runnable"], &old["problems"]), (&json!(false), &json!([why])), "{old}");
    for body in [json!({}), json!({"simulate": true})] {
        alice.post("/v1/skills/old/runs", body).await.problem(409, "skill_not_runnable");
    }
    assert_eq!(alice.post("/v1/route", json!({"text": "/old"})).await.json()["routing"], Value::Null);
    // What the copilot finds of it says what to use.
    app.sim.push(
        Reply::message()
            .tool("list_skills", json!({"query": "what"}))
            .tool("get_skill", json!({"key": "old"})),
    );
    app.sim.push(Reply::text("Let us see."));
    let session = alice.session().await;
    alice.hear(&session, "Is there an old one for this?").await;
    let prompts = prompts(&app.sim);
    assert!(!system(&prompts[0]).join("").contains("- old"), "it is not in the list of the prompt");
    let (text, _) = result(&prompts[1], 0);
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].starts_with("- brief:") && lines[1].starts_with(&format!("- old [{why}]:")), "{text}");
    let (text, failed) = result(&prompts[1], 1);
    assert!(failed && text == format!("The skill old {why}. Open brief in its place."), "{text}");
    // The content of an earlier version brings its end back.
    put(&alice, "old", &document("Old", "Do it.")).await.expect(200);
    assert_eq!(said(&super::read(&alice, "old").await), (Value::Null, Value::Null));
    alice.post(&format!("{PATH}/old/rollback"), json!({"version": 1})).await.expect(200);
    assert_eq!(super::read(&alice, "old").await["deprecated_by"], "brief");
}
