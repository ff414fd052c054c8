//! Steps that a person has to approve.

use model_sim::Reply;
use serde_json::json;

use super::{
    FOLLOW_UP, begin, prepare, script, sequence, shown, statuses, steps, submit, tasks, told, write,
};
use crate::{
    approvals::desk::{Waiting, approve, decide, deny, goes_on, set},
    harness::{
        Person, TestApp,
        look::{all, end, prompts, run_of},
    },
};

/// The usual steps, of which this one wants an approval.
fn with(order: usize, lines: &str) -> String {
    let mut steps: Vec<String> = FOLLOW_UP.split("\n    - ").map(ToOwned::to_owned).collect();
    steps[order].push_str(&format!("\n      requires_approval: true{lines}"));
    steps.join("\n    - ")
}

async fn wait(person: &Person, key: &str) -> Waiting {
    let session = person.session().await;
    let frames = begin(person, key, &session).await.rest().await;
    assert_eq!(end(&frames).data["status"], "waiting", "{frames:#?}");
    let approval = all(&frames, "approval_required")[0]["approval_id"].as_str().expect("an id").to_owned();
    Waiting { session, run: run_of(&frames), approval, frames }
}

#[tokio::test]
async fn a_step_waits_for_its_approval_whatever_the_matrix_says_and_the_sequence_goes_on() {
    let app = TestApp::start().await;
    let alice = app.alice();
    prepare(&alice, "follow-up", &with(3, "")).await;
    set(&alice, json!({"preset": "autonomous"})).await;
    script(&app.sim);
    let waiting = wait(&alice, "follow-up").await;
    assert_eq!(told(&waiting.frames).last(), steps(&[(3, "waiting")]).first());
    let asked = all(&waiting.frames, "approval_required")[0];
    assert_eq!((&asked["name"], &asked["input"]["title"]), (&json!("create_task"), &json!("Call Dana")));
    assert_eq!(statuses(&shown(&alice, &waiting.run).await), ["done", "done", "waiting"]);
    assert!(tasks(&alice).await.is_empty());
    approve(&alice, &waiting.approval).await;
    let rest = goes_on(&alice, &waiting).await;
    assert_eq!(told(&rest), steps(&[(3, "done")]));
    assert_eq!((end(&rest).data["status"].as_str(), tasks(&alice).await.len()), (Some("done"), 1));
}

#[tokio::test]
async fn a_composite_with_steps_is_carried_out_and_waits_as_a_sequence_does() {
    let app = TestApp::start().await;
    let alice = app.alice();
    prepare(&alice, "follow-up", &with(3, "")).await;
    let composite = sequence("whole", &with(3, "")).replace("skill_type: sequence", "skill_type: composite");
    write(&alice, "whole", &composite).await;
    write(
        &alice,
        "around",
        &sequence("around", "\n    - {order: 1, skill_key: whole, requires_approval: true}"),
    )
    .await;
    set(&alice, json!({"preset": "autonomous"})).await;
    script(&app.sim);
    let waiting = wait(&alice, "whole").await;
    assert_eq!(statuses(&shown(&alice, &waiting.run).await), ["done", "done", "waiting"]);
    assert!(tasks(&alice).await.is_empty());
    approve(&alice, &waiting.approval).await;
    assert_eq!(told(&goes_on(&alice, &waiting).await), steps(&[(3, "done")]));
    assert_eq!(tasks(&alice).await.len(), 1);
    // Within another one, too, each of its steps is there.
    let waiting = wait(&alice, "around").await;
    assert_eq!(shown(&alice, &waiting.run).await.len(), 4);
}

#[tokio::test]
async fn a_step_that_follows_a_skill_begins_when_a_person_has_let_it() {
    let app = TestApp::start().await;
    let alice = app.alice();
    prepare(&alice, "follow-up", &with(2, "")).await;
    let waiting = wait(&alice, "follow-up").await;
    let asked = all(&waiting.frames, "approval_required")[0];
    assert_eq!((&asked["name"], &asked["action"]), (&json!("begin_step"), &json!("begin_step")));
    assert_eq!(asked["preview"]["title"], "Begin step 2 of 3: next-step");
    assert!(asked["input"]["inputs"]["deal"].as_str().expect("a text").contains("Acme renewal"), "{asked}");
    assert!(prompts(&app.sim).is_empty(), "no model was asked");
    let edited = json!({"decision": "approve", "input": {"order": 2, "of": 3, "name": "x", "inputs": {}}});
    decide(&alice, &waiting.approval, edited).await.problem(422, "validation_failed");
    script(&app.sim);
    approve(&alice, &waiting.approval).await;
    let rest = goes_on(&alice, &waiting).await;
    assert_eq!(told(&rest), steps(&[(2, "done"), (3, "running"), (3, "done")]));
    assert_eq!(tasks(&alice).await.len(), 1);
}

#[tokio::test]
async fn a_denial_ends_the_sequence_where_the_step_says_so() {
    let app = TestApp::start().await;
    let alice = app.alice();
    prepare(&alice, "follow-up", &with(2, "")).await;
    let waiting = wait(&alice, "follow-up").await;
    deny(&alice, &waiting.approval, "not now").await;
    let rest = goes_on(&alice, &waiting).await;
    assert_eq!(told(&rest), steps(&[(2, "failed"), (3, "skipped")]));
    let error = &end(&rest).data;
    assert_eq!(error["code"], "sequence_step_failed");
    let why = error["message"].as_str().expect("a message");
    assert!(
        why.starts_with("step 2 of 3 (next-step) failed: alice denied this call") && why.contains("not now"),
        "{why}"
    );
    let run = alice.get(&format!("/v1/runs/{}", waiting.run)).await.expect(200).json();
    assert_eq!((&run["status"], &run["error"]["code"]), (&json!("failed"), &json!("sequence_step_failed")));
    assert!(tasks(&alice).await.is_empty() && prompts(&app.sim).is_empty());
}

#[tokio::test]
async fn a_denial_is_passed_over_where_the_step_says_so() {
    let app = TestApp::start().await;
    let alice = app.alice();
    prepare(&alice, "follow-up", &with(3, "\n      on_failure: continue")).await;
    script(&app.sim);
    let waiting = wait(&alice, "follow-up").await;
    deny(&alice, &waiting.approval, "no").await;
    let rest = goes_on(&alice, &waiting).await;
    assert_eq!(told(&rest), steps(&[(3, "failed")]));
    assert_eq!(end(&rest).data["status"], "done");
    assert!(tasks(&alice).await.is_empty());
}

#[tokio::test]
async fn what_a_person_has_denied_is_not_done_another_way() {
    let app = TestApp::start().await;
    let alice = app.alice();
    prepare(
        &alice,
        "follow-up",
        &with(3, "\n      on_failure: fallback\n      fallback_skill_key: next-step"),
    )
    .await;
    app.sim.push(submit(json!({"title": "Call Dana"})));
    let waiting = wait(&alice, "follow-up").await;
    deny(&alice, &waiting.approval, "no").await;
    let rest = goes_on(&alice, &waiting).await;
    assert_eq!(told(&rest), steps(&[(3, "failed")]));
    assert_eq!(end(&rest).data["code"], "sequence_step_failed");
    assert!(tasks(&alice).await.is_empty());
}

#[tokio::test]
async fn a_step_in_which_others_have_spoken_meanwhile_goes_on_all_the_same() {
    let app = TestApp::start().await;
    let alice = app.alice();
    prepare(&alice, "follow-up", &with(2, "")).await;
    let waiting = wait(&alice, "follow-up").await;
    app.sim.push(Reply::text("Nothing else is new."));
    alice.hear(&waiting.session, "What else is new?").await;
    script(&app.sim);
    approve(&alice, &waiting.approval).await;
    let rest = goes_on(&alice, &waiting).await;
    assert_eq!(told(&rest), steps(&[(2, "done"), (3, "running"), (3, "done")]));
    assert_eq!((end(&rest).data["status"].as_str(), tasks(&alice).await.len()), (Some("done"), 1));
}

#[tokio::test]
async fn a_skill_that_is_switched_off_meanwhile_is_not_followed() {
    let app = TestApp::start().await;
    let alice = app.alice();
    prepare(&alice, "follow-up", &with(2, "")).await;
    let waiting = wait(&alice, "follow-up").await;
    alice.post("/v1/admin/skills/next-step/disable", json!({})).await.expect(200);
    approve(&alice, &waiting.approval).await;
    let rest = goes_on(&alice, &waiting).await;
    assert_eq!(told(&rest), steps(&[(2, "failed"), (3, "skipped")]));
    let why = end(&rest).data["message"].as_str().expect("a message");
    assert!(why.contains("there is no skill next-step any more"), "{why}");
    assert!(prompts(&app.sim).is_empty() && tasks(&alice).await.is_empty());
}
