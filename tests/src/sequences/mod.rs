//! Sequences: executed step by step, through the machinery of every run.

mod approvals;
mod executing;
mod failing;
mod nested;
mod owners;
mod simulating;

use model_sim::{Reply, Sim};
use serde_json::{Value, json};

use crate::harness::{Events, Frame, Person, look::all};

const FOLLOW_UP: &str = "
    - order: 1
      action: get_deal
      description: Look at the deal
      input_mapping: {id: '${inputs.deal_id}'}
      output_key: deal
    - order: 2
      skill_key: next-step
      input_mapping: {deal: '${outputs.deal.text}', tone: '${inputs.tone}'}
      output_key: plan
    - order: 3
      action: create_task
      input_mapping: {title: '${outputs.plan.title}', deal_id: '${trigger.params.deal_id}'}";

/// A sequence with these steps.
fn sequence(name: &str, steps: &str) -> String {
    format!(
        "---\nname: {name}\ndescription: What {name} does.\nmetadata:\n  skill_type: sequence\n  inputs:\n    \
         - {{name: deal_id, type: string}}\n  workflow:{steps}\n---\n\n# {name}\n\nStep by step.\n"
    )
}

/// A skill that hands in a title.
const NEXT_STEP: &str = "---
name: Next step
description: Says what to do next about a deal.
metadata:
  output_schema: {type: object, properties: {title: {type: string, minLength: 3}}, required: [title]}
---

Think of ONE next step.
";

async fn write(alice: &Person, key: &str, document: &str) {
    let new = json!({"key": key, "document": document});
    alice.post("/v1/admin/skills", new).await.expect(201);
}

/// The skill `next-step`, and a sequence under this key; and the deal D-42.
async fn prepare(alice: &Person, key: &str, steps: &str) {
    alice.deal().await;
    write(alice, "next-step", NEXT_STEP).await;
    write(alice, key, &sequence(key, steps)).await;
}

/// Begins the sequence in a conversation, and reads the events of its run as they come.
async fn begin(person: &Person, key: &str, session: &str) -> Events {
    let body = json!({"inputs": {"deal_id": "D-42"}, "session_id": session});
    let path = format!("/v1/skills/{key}/runs");
    let request = person.request(reqwest::Method::POST, &path).header("accept", "text/event-stream");
    Events::open(request.json(&body)).await
}

async fn run(person: &Person, key: &str) -> Vec<Frame> {
    let session = person.session().await;
    begin(person, key, &session).await.rest().await
}

/// What a step event says: place and status.
fn told(frames: &[Frame]) -> Vec<(i64, String)> {
    let step = |data: &&Value| {
        (data["order"].as_i64().expect("a place"), data["status"].as_str().expect("a status").to_owned())
    };
    all(frames, "step").iter().map(step).collect()
}

/// The same, to be compared with.
fn steps(list: &[(i64, &str)]) -> Vec<(i64, String)> {
    list.iter().map(|(order, status)| (*order, (*status).to_owned())).collect()
}

async fn shown(person: &Person, run: &str) -> Vec<Value> {
    let run = person.get(&format!("/v1/runs/{run}")).await.expect(200).json();
    run["steps"].as_array().cloned().unwrap_or_default()
}

fn statuses(shown: &[Value]) -> Vec<&str> {
    shown.iter().map(|step| step["status"].as_str().expect("a status")).collect()
}

#[expect(clippy::needless_pass_by_value, reason = "it reads better where it is called")]
fn submit(output: Value) -> Reply {
    Reply::call("submit_output", json!({ "output": output }))
}

/// The model's part of the usual sequence: it hands in a title, and then tells of it.
fn script(sim: &Sim) {
    sim.push(submit(json!({"title": "Call Dana"})));
    sim.push(Reply::text("The task is made."));
}

async fn tasks(person: &Person) -> Vec<Value> {
    person.get("/v1/entities?kind=task").await.expect(200).json()["data"].as_array().expect("a list").clone()
}
