//! Sequences whose steps follow other sequences.

use model_sim::Reply;
use reqwest::Method;
use serde_json::{Value, json};

use super::{
    FOLLOW_UP, begin, prepare, run, script, sequence, shown, statuses, steps, submit, tasks, told, write,
};
use crate::{
    approvals::desk::{approve, deny, set},
    erasure::platform,
    harness::{
        Person, TestApp,
        look::{all, end, prompts, result, run_of},
    },
    skills::{many_versions, send},
};

/// A step that follows the usual sequence, and one that reads what came of it.
fn round(lines: &str) -> String {
    format!(
        "
    - order: 1
      action: get_next_meeting
      output_key: deal
    - order: 2
      skill_key: follow-up
      input_mapping: {{deal_id: '${{inputs.deal_id}}', tone: warm}}
      output_key: followed{lines}
    - order: 3
      action: add_note
      input_mapping: {{kind: deal, id: '${{inputs.deal_id}}', text: 'Next: ${{outputs.followed.plan.title}}'}}"
    )
}

async fn prepare_round(alice: &Person, inner: &str, lines: &str) {
    prepare(alice, "follow-up", inner).await;
    write(alice, "round", &sequence("round", &round(lines))).await;
}

async fn notes(alice: &Person) -> String {
    alice.get("/v1/entities/deal/D-42/notes").await.expect(200).text
}

#[tokio::test]
async fn the_steps_of_a_sequence_in_a_sequence_are_steps_of_the_whole() {
    let app = TestApp::start().await;
    let alice = app.alice();
    prepare_round(&alice, FOLLOW_UP, "").await;
    script(&app.sim);
    let frames = run(&alice, "round").await;
    assert_eq!(end(&frames).data["status"], "done", "{frames:#?}");
    let expected = (1..=6).flat_map(|order| [(order, "running"), (order, "done")]);
    // To open a sequence takes no time.
    let expected: Vec<(i64, &str)> = expected.filter(|step| *step != (2, "running")).collect();
    assert_eq!(told(&frames), steps(&expected));
    let shown = shown(&alice, &run_of(&frames)).await;
    let named: Vec<&Value> = shown.iter().map(|step| &step["name"]).collect();
    assert_eq!(
        named,
        ["get_next_meeting", "follow-up", "Look at the deal", "next-step", "create_task", "add_note"]
    );
    let (opened, _) = result(&prompts(&app.sim)[0], 0);
    assert!(opened.contains("Acme renewal") && opened.contains("\"tone\":\"warm\""), "{opened}");
    assert!(notes(&alice).await.contains("Next: Call Dana"));
    assert_eq!((tasks(&alice).await.len(), app.sim.unused()), (1, 0));
}

#[tokio::test]
async fn a_step_of_an_inner_sequence_that_wants_an_approval_waits_for_it() {
    let app = TestApp::start().await;
    let alice = app.alice();
    prepare_round(&alice, &FOLLOW_UP.replace("order: 3", "order: 3\n      requires_approval: true"), "")
        .await;
    set(&alice, json!({"preset": "autonomous"})).await;
    script(&app.sim);
    let session = alice.session().await;
    let frames = begin(&alice, "round", &session).await.rest().await;
    assert_eq!(end(&frames).data["status"], "waiting", "{frames:#?}");
    let asked = all(&frames, "approval_required")[0];
    assert_eq!((&asked["name"], &asked["input"]["title"]), (&json!("create_task"), &json!("Call Dana")));
    // What becomes of the inner sequence now is nothing to a run that has begun.
    let path = "/v1/admin/skills/follow-up";
    let document = sequence("follow-up", "\n    - {order: 1, action: get_next_meeting}");
    send(&alice, Method::PUT, path, "text/markdown", document.into_bytes()).await.expect(200);
    approve(&alice, asked["approval_id"].as_str().expect("an id")).await;
    let last = frames.last().expect("an end").id.clone();
    let rest = alice.follow(&run_of(&frames), Some(&last)).await.rest().await;
    assert_eq!(end(&rest).data["status"], "done", "{rest:#?}");
    assert_eq!(statuses(&shown(&alice, &run_of(&frames)).await), ["done"; 6]);
    assert!(notes(&alice).await.contains("Next: Call Dana"));
}

#[tokio::test]
async fn a_sequence_whose_step_wants_an_approval_begins_when_a_person_has_let_it() {
    let app = TestApp::start().await;
    let alice = app.alice();
    set(&alice, json!({"preset": "autonomous"})).await;
    // What the inner steps make of a failure is nothing to a person's no.
    let inner = FOLLOW_UP.replace("output_key: deal", "output_key: deal\n      on_failure: continue");
    prepare_round(&alice, &inner, "\n      requires_approval: true").await;
    let session = alice.session().await;
    let frames = begin(&alice, "round", &session).await.rest().await;
    assert_eq!(told(&frames), steps(&[(1, "running"), (1, "done"), (2, "running"), (2, "waiting")]));
    let asked = all(&frames, "approval_required")[0];
    assert_eq!((&asked["name"], &asked["input"]["skill_key"]), (&json!("begin_step"), &json!("follow-up")));
    assert_eq!(asked["input"]["inputs"], json!({"deal_id": "D-42", "tone": "warm"}));
    deny(&alice, asked["approval_id"].as_str().expect("an id"), "no").await;
    let last = frames.last().expect("an end").id.clone();
    let rest = alice.follow(&run_of(&frames), Some(&last)).await.rest().await;
    assert_eq!(end(&rest).data["code"], "sequence_step_failed");
    assert_eq!(
        statuses(&shown(&alice, &run_of(&frames)).await),
        ["done", "failed", "skipped", "skipped", "skipped", "skipped"]
    );
    assert!(prompts(&app.sim).is_empty() && tasks(&alice).await.is_empty());
}

#[tokio::test]
async fn an_inner_sequence_that_may_fail_leaves_null_behind() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let inner = FOLLOW_UP.replace("${inputs.deal_id}", "nowhere");
    prepare_round(&alice, &inner, "\n      on_failure: continue").await;
    app.sim.push(Reply::text("The deal is not there."));
    let frames = run(&alice, "round").await;
    let shown = shown(&alice, &run_of(&frames)).await;
    assert_eq!(statuses(&shown), ["done", "done", "failed", "skipped", "skipped", "done"]);
    assert_eq!(shown[5]["missing"], json!(["outputs.followed.plan.title"]));
    assert_eq!(end(&frames).data["status"], "done", "{frames:#?}");
}

#[tokio::test]
async fn an_inner_sequence_that_fails_before_it_has_done_anything_is_replaced_by_its_fallback() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let fallback = "\n      on_failure: fallback\n      fallback_skill_key: plain";
    let inner = FOLLOW_UP.replace("'${inputs.deal_id}'", "nowhere");
    prepare_round(&alice, &inner, fallback).await;
    let plain = "\n    - {order: 1, skill_key: next-step, input_mapping: {id: '${inputs.deal_id}'}, output_key: plan}";
    write(&alice, "plain", &sequence("plain", plain)).await;
    script(&app.sim);
    let frames = run(&alice, "round").await;
    let shown = shown(&alice, &run_of(&frames)).await;
    assert_eq!(statuses(&shown), ["done", "done", "failed", "skipped", "skipped", "done", "done", "done"]);
    assert!(notes(&alice).await.contains("Next: Call Dana"), "the fallback's result stands for it");
    assert!(tasks(&alice).await.is_empty());

    // Where nothing fails it is passed over.
    let path = "/v1/admin/skills/follow-up";
    let document = sequence("follow-up", FOLLOW_UP).into_bytes();
    send(&alice, Method::PUT, path, "text/markdown", document).await.expect(200);
    script(&app.sim);
    let frames = run(&alice, "round").await;
    let shown = super::shown(&alice, &run_of(&frames)).await;
    assert_eq!(statuses(&shown), ["done", "done", "done", "done", "done", "skipped", "skipped", "done"]);
}

#[tokio::test]
async fn an_inner_sequence_that_has_had_an_effect_is_not_replaced() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let inner = "
    - {order: 1, action: add_note, input_mapping: {kind: deal, id: D-42, text: Begun}}
    - {order: 2, action: get_deal, input_mapping: {id: nowhere}}";
    let fallback = "\n      on_failure: fallback\n      fallback_skill_key: next-step";
    prepare_round(&alice, inner, fallback).await;
    let frames = run(&alice, "round").await;
    assert_eq!(end(&frames).data["code"], "sequence_step_failed");
    let shown = shown(&alice, &run_of(&frames)).await;
    assert_eq!(statuses(&shown), ["done", "done", "done", "failed", "skipped", "skipped"]);
    assert!(prompts(&app.sim).is_empty());
}

#[tokio::test]
async fn a_step_falls_back_to_a_sequence_of_which_each_step_is_its_own() {
    let app = TestApp::start().await;
    let alice = app.alice();
    prepare(&alice, "follow-up", FOLLOW_UP).await;
    let outer = "
    - {order: 1, action: get_deal, input_mapping: {id: nowhere, deal_id: D-42}, output_key: found, on_failure: fallback, \
       fallback_skill_key: follow-up}
    - {order: 2, action: add_note, input_mapping: {kind: deal, id: D-42, text: 'Next: ${outputs.found.plan.title}'}}";
    write(&alice, "outer", &sequence("outer", outer)).await;
    script(&app.sim);
    let frames = run(&alice, "outer").await;
    assert_eq!(
        statuses(&shown(&alice, &run_of(&frames)).await),
        ["failed", "done", "done", "done", "done", "done"]
    );
    assert!(notes(&alice).await.contains("Next: Call Dana"));
}

#[tokio::test]
async fn a_sequence_with_too_many_inner_steps_or_a_broken_one_is_refused() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let many: String =
        (1..=30).map(|n| format!("\n    - {{order: {n}, action: get_next_meeting}}")).collect();
    prepare(&alice, "many", &many).await;
    let twice = "\n    - {order: 1, skill_key: many}\n    - {order: 2, skill_key: many}";
    let new = json!({"key": "twice", "document": sequence("twice", twice)});
    let refused = alice.post("/v1/admin/skills", new.clone()).await.problem(422, "validation_failed");
    assert!(refused["errors"].to_string().contains("has 62 steps"), "{refused}");
    // The platform knows nothing of the organization's.
    alice.delete("/v1/admin/skills/many").await.expect(204);
    alice.post("/v1/admin/skills", new).await.expect(201);
    let many = json!({"document": sequence("many", &many)});
    platform(&app).put("/v1/platform/skills/many", many).await.expect(201);
    let refused = alice.post("/v1/skills/twice/runs", json!({})).await.problem(409, "skill_not_runnable");
    assert!(refused["detail"].to_string().contains("more than 50 steps"), "{refused}");
    write(&alice, "lame", &sequence("lame", "\n    - {order: 1, action: push_campaign}")).await;
    write(&alice, "over", &sequence("over", "\n    - {order: 1, skill_key: lame}")).await;
    let refused = alice.post("/v1/skills/over/runs", json!({})).await.problem(409, "skill_not_runnable");
    assert!(refused["detail"].to_string().contains("push_campaign is missing"), "{refused}");
    let shown = alice.get("/v1/skills/over").await.expect(200).json();
    assert_eq!((&shown["runnable"], &shown["missing"]), (&json!(false), &json!(["push_campaign"])));
}

#[tokio::test]
async fn a_simulation_shows_the_steps_of_inner_sequences() {
    let app = TestApp::start().await;
    let alice = app.alice();
    prepare_round(&alice, FOLLOW_UP, "").await;
    let body = json!({"inputs": {"deal_id": "D-42"}, "simulate": true});
    let simulated = alice.post("/v1/skills/round/runs", body).await.expect(200).json();
    let steps = simulated["steps"].as_array().expect("steps");
    let kinds: Vec<&Value> = steps.iter().map(|step| &step["would"]["kind"]).collect();
    assert_eq!(kinds, ["read", "follow", "read", "follow", "fail", "write"], "{simulated}");
    assert_eq!(steps[5]["later"], json!(["outputs.followed.plan.title"]), "{simulated}");
    assert_eq!(steps[2]["missing"], json!([]), "{simulated}");
}

#[tokio::test]
async fn a_sequence_without_an_input_that_it_requires_fails_before_it_does_anything() {
    let app = TestApp::start().await;
    let alice = app.alice();
    prepare(
        &alice,
        "outer",
        "\n    - {order: 1, skill_key: inner, input_mapping: {title: '${inputs.nothing}'}}",
    )
    .await;
    let inner = "\n    - {order: 1, action: create_task, on_failure: continue, input_mapping: {title: X}}";
    let inner =
        sequence("inner", inner).replace("name: deal_id, type: string", "name: title, required: true");
    write(&alice, "inner", &inner).await;
    let frames = run(&alice, "outer").await;
    assert_eq!(end(&frames).data["code"], "sequence_step_failed", "{frames:#?}");
    let why = end(&frames).data["message"].as_str().expect("a message");
    assert!(why.contains("the sequence inner cannot begin: \"title\" is a required property"), "{why}");
    assert!(tasks(&alice).await.is_empty());
    let body = json!({"inputs": {}, "simulate": true});
    let simulated = alice.post("/v1/skills/outer/runs", body).await.expect(200).json();
    assert_eq!(simulated["steps"][0]["would"]["kind"], "fail", "{simulated}");
}

#[tokio::test]
async fn an_inner_sequence_is_held_to_what_it_would_be_held_to_by_itself() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let outer = "\n    - {order: 1, skill_key: inner, input_mapping: {deal_id: [7]}}";
    prepare(&alice, "outer", outer).await;
    let inner = sequence("inner", "\n    - {order: 1, action: create_task, input_mapping: {title: X}}");
    write(
        &alice,
        "inner",
        &inner.replace("metadata:", "metadata:\n  required_context: [contact OR company]"),
    )
    .await;
    let frames = run(&alice, "outer").await;
    let why = end(&frames).data["message"].as_str().expect("a message");
    assert!(why.contains("it needs to know contact or company; deal_id: [7] is not of type"), "{why}");
    assert!(tasks(&alice).await.is_empty());
}

#[tokio::test]
async fn what_a_person_has_let_begin_is_what_is_carried_out() {
    let app = TestApp::start().await;
    let alice = app.alice();
    alice.put("/v1/org/profile", json!({"company_name": "Acme"})).await.expect(200);
    let outer = "
    - {order: 1, skill_key: inner, requires_approval: true, input_mapping: {company: '${context.company_name}'}}
    - {order: 2, skill_key: next-step, requires_approval: true, input_mapping: {of: '${context.company_name}'}}";
    prepare(&alice, "outer", outer).await;
    let note = "\n    - {order: 1, action: add_note, input_mapping: {kind: deal, id: D-42, text: 'For ${inputs.company}'}}";
    write(&alice, "inner", &sequence("inner", note)).await;
    let session = alice.session().await;
    let mut frames = begin(&alice, "outer", &session).await.rest().await;
    for company in ["Globex", "Initech"] {
        alice.put("/v1/org/profile", json!({ "company_name": company })).await.expect(200);
        let asked = all(&frames, "approval_required").pop().expect("a question")["approval_id"].clone();
        approve(&alice, asked.as_str().expect("an id")).await;
        let last = frames.last().expect("an end").id.clone();
        frames = alice.follow(&run_of_last(&alice, &session).await, Some(&last)).await.rest().await;
    }
    assert!(notes(&alice).await.contains("For Acme"));
    let why = end(&frames).data["message"].as_str().expect("a message");
    assert!(why.contains("has changed since a person let it begin"), "{why}");
    assert!(prompts(&app.sim).is_empty());
}

/// The run of the conversation.
async fn run_of_last(alice: &Person, session: &str) -> String {
    let history = alice.history(session).await;
    history.last().expect("a message")["run_id"].as_str().expect("an id").to_owned()
}

#[tokio::test]
async fn a_skill_that_becomes_a_sequence_while_a_run_waits_is_not_handed_to_the_model() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let steps = "
    - {order: 1, action: add_note, requires_approval: true, input_mapping: {kind: deal, id: D-42, text: Begun}}
    - {order: 2, skill_key: next-step}";
    prepare(&alice, "outer", steps).await;
    let session = alice.session().await;
    let frames = begin(&alice, "outer", &session).await.rest().await;
    let document = sequence("next-step", "\n    - {order: 1, action: create_task, requires_approval: true}");
    let path = "/v1/admin/skills/next-step";
    send(&alice, Method::PUT, path, "text/markdown", document.into_bytes()).await.expect(200);
    approve(&alice, all(&frames, "approval_required")[0]["approval_id"].as_str().expect("an id")).await;
    let last = frames.last().expect("an end").id.clone();
    let rest = alice.follow(&run_of(&frames), Some(&last)).await.rest().await;
    let why = end(&rest).data["message"].as_str().expect("a message");
    assert!(why.contains("next-step has become a sequence"), "{why}");
    assert!(prompts(&app.sim).is_empty());
}

#[tokio::test]
async fn a_run_that_waits_keeps_the_versions_that_it_follows() {
    let app = TestApp::start().await;
    let alice = app.alice();
    prepare_round(&alice, FOLLOW_UP, "\n      requires_approval: true").await;
    let session = alice.session().await;
    let frames = begin(&alice, "round", &session).await.rest().await;
    let pool = app.database.superuser().await;
    many_versions(&pool).await;
    for key in ["round", "follow-up", "next-step"] {
        let document = sequence(key, "\n    - {order: 1, action: get_next_meeting}");
        let document = if key == "next-step" { super::NEXT_STEP.replace("ONE", "one") } else { document };
        let path = format!("/v1/admin/skills/{key}");
        send(&alice, Method::PUT, &path, "text/markdown", document.into_bytes()).await.expect(200);
    }
    let kept = "select string_agg(key, ' ' order by key) from sixty.skill_versions where version = 1";
    let kept: Option<String> = sqlx::query_scalar(kept).fetch_one(&pool).await.expect("a text");
    assert_eq!(kept.as_deref(), Some("follow-up round"));
    script(&app.sim);
    approve(&alice, all(&frames, "approval_required")[0]["approval_id"].as_str().expect("an id")).await;
    let last = frames.last().expect("an end").id.clone();
    let rest = alice.follow(&run_of(&frames), Some(&last)).await.rest().await;
    assert_eq!(end(&rest).data["status"], "done", "{rest:#?}");
    assert_eq!(tasks(&alice).await.len(), 1);
}

/// The model's result of an inner step is for the steps of its sequence alone.
#[tokio::test]
async fn the_results_of_an_inner_sequence_do_not_hide_those_around_it() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let inner = "\n    - {order: 1, skill_key: next-step, output_key: plan}";
    prepare(&alice, "inner", inner).await;
    let outer = "
    - {order: 1, skill_key: next-step, output_key: plan}
    - {order: 2, skill_key: inner}
    - {order: 3, action: add_note, input_mapping: {kind: deal, id: D-42, text: 'Kept: ${outputs.plan.title}'}}";
    write(&alice, "outer", &sequence("outer", outer)).await;
    app.sim.push(submit(json!({"title": "The first"})));
    app.sim.push(submit(json!({"title": "The second"})));
    app.sim.push(Reply::text("Noted."));
    let frames = run(&alice, "outer").await;
    assert_eq!(end(&frames).data["status"], "done", "{frames:#?}");
    assert!(notes(&alice).await.contains("Kept: The first"));
}

#[tokio::test]
async fn an_inner_sequence_narrows_the_tools_of_its_steps_and_has_defaults() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let outer = "
    - {order: 1, skill_key: inner, output_key: inner}
    - {order: 2, action: add_note, input_mapping: {kind: deal, id: D-42, text: 'After: ${outputs.inner.found.deal.name}'}}";
    prepare(&alice, "outer", outer).await;
    let inner = sequence(
        "inner",
        "
    - {order: 1, action: get_deal, input_mapping: {id: '${inputs.deal_id}'}, output_key: found}
    - {order: 2, action: create_task, on_failure: continue, input_mapping: {title: X}}
    - {order: 3, skill_key: next-step, output_key: plan}",
    );
    let inner = inner
        .replace("metadata:", "allowed-tools: get_deal\nmetadata:")
        .replace("name: deal_id, type: string", "name: deal_id, type: string, default: D-42");
    write(&alice, "inner", &inner).await;
    app.sim.push(Reply::call("create_task", json!({"title": "By the model"})));
    script(&app.sim);
    let frames = run(&alice, "outer").await;
    assert_eq!(end(&frames).data["status"], "done", "{frames:#?}");
    let shown = shown(&alice, &run_of(&frames)).await;
    assert_eq!(statuses(&shown), ["done", "done", "failed", "done", "done"]);
    assert!(shown[2]["error"].to_string().contains("inner does not use create_task"), "{shown:?}");
    let (refused, failed) = result(&prompts(&app.sim)[1], 0);
    assert!(failed && refused.contains("inner does not use create_task"), "{refused}");
    assert!(notes(&alice).await.contains("After: Acme renewal") && tasks(&alice).await.is_empty());
}
