//! Steps that fail, and what comes of the sequence.

use engine::Limits;
use model_sim::Reply;
use serde_json::json;

use super::{FOLLOW_UP, prepare, run, shown, statuses, steps, submit, tasks, told, write};
use crate::{
    approvals::desk::approve,
    harness::{
        Setup, TestApp,
        look::{all, end, prompts, run_of},
    },
};

/// A first step that finds nothing, and a second one.
fn lost(lines: &str) -> String {
    format!(
        "
    - order: 1
      action: get_deal
      input_mapping: {{id: nowhere}}
      output_key: deal{lines}
    - order: 2
      action: create_task
      input_mapping: {{title: 'Look for it', description: '${{outputs.deal.text}}'}}"
    )
}

#[tokio::test]
async fn a_step_that_fails_ends_the_sequence_and_says_why() {
    let app = TestApp::start().await;
    let alice = app.alice();
    prepare(&alice, "lost", &lost("")).await;
    let frames = run(&alice, "lost").await;
    assert_eq!(told(&frames), steps(&[(1, "running"), (1, "failed"), (2, "skipped")]));
    let error = &end(&frames).data;
    assert_eq!((&error["code"], &error["retryable"]), (&json!("sequence_step_failed"), &json!(false)));
    assert!(
        error["message"].as_str().expect("a message").contains("step 1 of 2 (get_deal) failed"),
        "{error}"
    );
    let shown = shown(&alice, &run_of(&frames)).await;
    assert!(shown[0]["error"].is_string() && shown[1].get("duration_ms").is_none(), "{shown:?}");
    assert!(prompts(&app.sim).is_empty() && tasks(&alice).await.is_empty());
}

#[tokio::test]
async fn a_step_that_may_fail_leaves_null_behind() {
    let app = TestApp::start().await;
    let alice = app.alice();
    prepare(&alice, "lost", &lost("\n      on_failure: continue")).await;
    app.sim.push(Reply::text("I made a task."));
    let frames = run(&alice, "lost").await;
    assert_eq!(told(&frames), steps(&[(1, "running"), (1, "failed"), (2, "running"), (2, "done")]));
    assert_eq!(shown(&alice, &run_of(&frames)).await[1]["missing"], json!(["outputs.deal.text"]));
    assert_eq!(tasks(&alice).await.len(), 1);
}

#[tokio::test]
async fn a_step_that_reads_is_tried_again_and_one_that_writes_is_not() {
    let app = TestApp::start().await;
    let alice = app.alice();
    prepare(&alice, "lost", &lost("\n      max_retries: 2")).await;
    let frames = run(&alice, "lost").await;
    assert_eq!(told(&frames), steps(&[(1, "running"), (1, "failed"), (2, "skipped")]));
    let results = all(&frames, "tool_result");
    assert_eq!(results.len(), 3, "{results:?}");
    let ids: Vec<&str> = results.iter().map(|it| it["id"].as_str().expect("an id")).collect();
    assert!(ids[0].ends_with("_1_1") && ids[2].ends_with("_1_3"), "{ids:?}");
    let writes = "\n    - {order: 1, action: add_note, input_mapping: {kind: deal, id: nowhere, text: x}, max_retries: 3}";
    write(&alice, "writes", &super::sequence("Writes", writes)).await;
    let frames = run(&alice, "writes").await;
    assert_eq!(all(&frames, "tool_result").len(), 1, "{frames:#?}");
}

#[tokio::test]
async fn a_model_that_hands_nothing_in_makes_the_step_fail() {
    let limits = Limits { iterations: 3, ..Limits::default() };
    let app = TestApp::with(Setup { limits, ..Setup::default() }).await;
    let alice = app.alice();
    prepare(&alice, "follow-up", FOLLOW_UP).await;
    for _ in 0..3 {
        app.sim.push(submit(json!({})));
    }
    let frames = run(&alice, "follow-up").await;
    assert_eq!(told(&frames)[2..], steps(&[(2, "running"), (2, "failed"), (3, "skipped")])[..]);
    let why = end(&frames).data["message"].as_str().expect("a message").to_owned();
    assert!(why.contains("as many model calls as a step may"), "{why}");
    assert_eq!(
        prompts(&app.sim)[2].json()["tool_choice"]["name"],
        "submit_output",
        "the last call is made to"
    );
    for _ in 0..2 {
        app.sim.push(Reply::text("No."));
    }
    let frames = run(&alice, "follow-up").await;
    assert!(
        end(&frames).data["message"].as_str().expect("a message").contains("without handing anything in")
    );
}

#[tokio::test]
async fn a_skill_is_tried_again_unless_it_has_had_an_effect() {
    let limits = Limits { iterations: 2, ..Limits::default() };
    let app = TestApp::with(Setup { limits, ..Setup::default() }).await;
    let alice = app.alice();
    let steps = "\n    - {order: 1, skill_key: next-step, max_retries: 1, output_key: a}";
    prepare(&alice, "again", steps).await;
    for _ in 0..2 {
        app.sim.push(submit(json!({})));
    }
    app.sim.push(submit(json!({"title": "Call Dana"})));
    app.sim.push(Reply::text("Done."));
    let frames = run(&alice, "again").await;
    assert_eq!(end(&frames).data["status"], "done", "{frames:#?}");
    let note = json!({"kind": "deal", "id": "D-42", "text": "Once"});
    app.sim.push(Reply::call("add_note", note));
    app.sim.push(submit(json!({})));
    let frames = run(&alice, "again").await;
    assert_eq!(end(&frames).data["code"], "sequence_step_failed", "{frames:#?}");
    assert_eq!(app.database.count("select count(*) from sixty.entity_notes").await, 1);
}

#[tokio::test]
async fn what_has_had_an_effect_is_not_replaced_by_a_fallback() {
    let limits = Limits { iterations: 2, ..Limits::default() };
    let app = TestApp::with(Setup { limits, ..Setup::default() }).await;
    let alice = app.alice();
    let steps = "\n    - {order: 1, skill_key: next-step, on_failure: fallback, fallback_skill_key: other}";
    write(&alice, "other", super::NEXT_STEP).await;
    prepare(&alice, "once", steps).await;
    app.sim.push(Reply::call("add_note", json!({"kind": "deal", "id": "D-42", "text": "Once"})));
    app.sim.push(submit(json!({})));
    let frames = run(&alice, "once").await;
    assert_eq!(end(&frames).data["code"], "sequence_step_failed", "{frames:#?}");
    assert_eq!(told(&frames), super::steps(&[(1, "running"), (1, "failed")]));
    assert_eq!(app.database.count("select count(*) from sixty.entity_notes").await, 1);
}

#[tokio::test]
async fn a_last_step_that_may_fail_is_told_of_all_the_same() {
    let app = TestApp::start().await;
    let alice = app.alice();
    prepare(&alice, "soft", "\n    - {order: 1, skill_key: next-step, on_failure: continue}").await;
    for text in ["I do not know.", "Nor now."] {
        app.sim.push(Reply::text(text));
    }
    app.sim.push(Reply::text("The step failed."));
    let frames = run(&alice, "soft").await;
    assert_eq!(end(&frames).data["status"], "done", "{frames:#?}");
    let sent = prompts(&app.sim);
    assert_eq!(sent.len(), 3, "{frames:#?}");
    let last = sent[2].json()["messages"].as_array().and_then(|all| all.last().cloned()).expect("a message");
    assert!(last["role"] == "user" && last.to_string().contains("the sequence is over"), "{last}");
}

#[tokio::test]
async fn steps_may_ask_for_the_same_as_often_as_there_are_steps() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let step = |n: usize| format!("\n    - {{order: {n}, action: get_deal, input_mapping: {{id: D-42}}}}");
    prepare(&alice, "same", &(1..=8).map(step).collect::<String>()).await;
    app.sim.push(Reply::text("Done."));
    let frames = run(&alice, "same").await;
    assert_eq!(end(&frames).data["status"], "done", "{frames:#?}");
    let results = all(&frames, "tool_result");
    assert!(results.iter().all(|result| result["success"] == true) && results.len() == 8, "{results:?}");
}

#[tokio::test]
async fn a_sequence_is_not_carried_out_again_for_another_answer() {
    let app = TestApp::start().await;
    let alice = app.alice();
    prepare(&alice, "once", "\n    - {order: 1, action: create_task, input_mapping: {title: Call}}").await;
    app.sim.push(Reply::text("Done."));
    let session = alice.session().await;
    super::begin(&alice, "once", &session).await.rest().await;
    let again = alice.post(&format!("/v1/sessions/{session}/regenerate"), json!({})).await;
    again.problem(409, "sequence_not_repeated");
    assert_eq!(tasks(&alice).await.len(), 1);
}

#[tokio::test]
async fn a_message_instead_of_an_answer_ends_the_steps_that_waited_for_it() {
    let app = TestApp::start().await;
    let alice = app.alice();
    prepare(
        &alice,
        "asks",
        "\n    - {order: 1, skill_key: next-step}\n    - {order: 2, skill_key: next-step}",
    )
    .await;
    app.sim.push(Reply::call("ask_user", json!({"question": "Which one?"})));
    let session = alice.session().await;
    let frames = super::begin(&alice, "asks", &session).await.rest().await;
    let run = run_of(&frames);
    app.sim.push(Reply::text("Never mind, then."));
    alice.hear(&session, "Forget it, please.").await;
    assert_eq!(statuses(&shown(&alice, &run).await), ["cancelled", "skipped"]);
    let whole = alice.follow(&run, None).await.rest().await;
    assert_eq!(told(&whole).split_off(2), steps(&[(1, "cancelled"), (2, "skipped")]));
}

#[tokio::test]
async fn a_step_that_takes_too_long_fails() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let steps = "\n    - {order: 1, skill_key: next-step, timeout_ms: 300}";
    prepare(&alice, "slow", steps).await;
    app.sim.push(Reply::hang());
    let frames = run(&alice, "slow").await;
    let why = end(&frames).data["message"].as_str().expect("a message").to_owned();
    assert!(why.contains("took longer than it may"), "{why}");
    assert_eq!(statuses(&shown(&alice, &run_of(&frames)).await), ["failed"]);
    // Where the step says nothing, its skill does.
    let slow = "---\nname: Slow\ndescription: Waits.\nmetadata: {timeout_ms: 300}\n---\n\nWait.\n";
    write(&alice, "waits", slow).await;
    write(&alice, "waiting", &super::sequence("Waiting", "\n    - {order: 1, skill_key: waits}")).await;
    app.sim.push(Reply::hang());
    let frames = run(&alice, "waiting").await;
    assert!(end(&frames).data["message"].as_str().expect("a message").contains("took longer"), "{frames:#?}");
}

#[tokio::test]
async fn a_sequence_has_the_time_that_it_asks_for_and_no_more() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let steps = "\n    - {order: 1, skill_key: next-step, on_failure: continue}\n    - {order: 2, skill_key: next-step}";
    write(&alice, "next-step", super::NEXT_STEP).await;
    let timed = super::sequence("Brief", steps).replacen("metadata:", "metadata:\n  timeout_ms: 300", 1);
    write(&alice, "brief", &timed).await;
    app.sim.push(Reply::hang());
    let frames = run(&alice, "brief").await;
    assert_eq!(end(&frames).data["code"], "skill_timeout", "{frames:#?}");
    assert_eq!(statuses(&shown(&alice, &run_of(&frames)).await), ["failed", "skipped"]);
}

#[tokio::test]
async fn what_a_step_may_call_is_narrowed_by_its_skill() {
    let app = TestApp::start().await;
    let alice = app.alice();
    alice.deal().await;
    let narrow = "---\nname: Narrow\ndescription: Only looks.\nallowed-tools: get_deal\n---\n\nLook.\n";
    write(&alice, "narrow", narrow).await;
    write(&alice, "looks", &super::sequence("Looks", "\n    - {order: 1, skill_key: narrow}")).await;
    app.sim.push(Reply::call("add_note", json!({"kind": "deal", "id": "D-42", "text": "x"})));
    app.sim.push(submit(json!({})));
    app.sim.push(Reply::text("Done."));
    let frames = run(&alice, "looks").await;
    assert_eq!(end(&frames).data["status"], "done", "{frames:#?}");
    let refused = all(&frames, "tool_result")[1];
    assert!(refused["error"].as_str().expect("an error").contains("does not use add_note"), "{refused}");
}

#[tokio::test]
async fn a_fallback_of_a_step_that_wants_an_approval_waits_for_it_too() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let steps = "
    - {order: 1, action: create_task, requires_approval: true, input_mapping: {title: '${inputs.nothing}'}, \
       on_failure: fallback, fallback_skill_key: next-step}";
    prepare(&alice, "asked", steps).await;
    let frames = run(&alice, "asked").await;
    assert_eq!(end(&frames).data["status"], "waiting", "{frames:#?}");
    let asked = &all(&frames, "approval_required")[0];
    assert_eq!((&asked["name"], &asked["input"]["skill_key"]), (&json!("begin_step"), &json!("next-step")));
    assert!(prompts(&app.sim).is_empty() && tasks(&alice).await.is_empty());
}

#[tokio::test]
async fn a_step_calls_a_tool_by_execute_action_and_none_of_the_services_own() {
    let app = TestApp::start().await;
    let alice = app.alice();
    alice
        .put(
            "/v1/admin/permissions",
            json!({"preset": "autonomous", "rows": [{"action": "begin_step", "policy": "auto"}]}),
        )
        .await
        .expect(200);
    let task = "\n    - {order: 1, action: execute_action, input_mapping: {action: create_task, params: {title: T, confirm: true}}}";
    prepare(&alice, "task", task).await;
    let body = json!({"inputs": {}, "simulate": true});
    let simulated = alice.post("/v1/skills/task/runs", body).await.expect(200).json();
    assert_eq!(simulated["steps"][0]["would"]["kind"], "write", "{simulated}");
    app.sim.push(Reply::text("Made."));
    assert_eq!(end(&run(&alice, "task").await).data["status"], "done");
    assert_eq!(tasks(&alice).await.len(), 1);
    let params = "{order: 1, of: 1, name: x, inputs: {}}";
    for own in ["begin_step", "submit_output", "execute_action"] {
        let step = format!(
            "\n    - {{order: 1, action: execute_action, input_mapping: {{action: '{own}', params: {params}}}}}"
        );
        write(&alice, &format!("own-{}", own.replace('_', "-")), &super::sequence("Own", &step)).await;
        let frames = run(&alice, &format!("own-{}", own.replace('_', "-"))).await;
        let why = end(&frames).data["message"].as_str().expect("a message");
        assert!(why.contains("has to name a tool"), "{why}");
    }
}

#[tokio::test]
async fn a_yes_to_a_step_is_none_to_its_fallback() {
    let app = TestApp::start().await;
    let alice = app.alice();
    let steps = "
    - {order: 1, action: get_deal, requires_approval: true, input_mapping: {id: nowhere}, on_failure: fallback, \
       fallback_skill_key: next-step}";
    prepare(&alice, "asked", steps).await;
    let frames = run(&alice, "asked").await;
    let asked = all(&frames, "approval_required")[0];
    assert_eq!(asked["input"]["action"], "get_deal");
    approve(&alice, asked["approval_id"].as_str().expect("an id")).await;
    let last = frames.last().expect("an end").id.clone();
    let rest = alice.follow(&run_of(&frames), Some(&last)).await.rest().await;
    assert_eq!(end(&rest).data["status"], "waiting", "{rest:#?}");
    let again = all(&rest, "approval_required")[0];
    assert_eq!(again["input"]["skill_key"], "next-step");
    assert!(prompts(&app.sim).is_empty());
    app.sim.push(submit(json!({"title": "Call Dana"})));
    app.sim.push(Reply::text("Done."));
    approve(&alice, again["approval_id"].as_str().expect("an id")).await;
    let last = rest.last().expect("an end").id.clone();
    let rest = alice.follow(&run_of(&frames), Some(&last)).await.rest().await;
    assert_eq!(end(&rest).data["status"], "done", "{rest:#?}");
    let shown = shown(&alice, &run_of(&frames)).await;
    assert_eq!((&shown[0]["skill_key"], &shown[0]["fallback"]), (&json!("next-step"), &json!(true)));
}
