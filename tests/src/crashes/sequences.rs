//! A server dies in the midst of a sequence.

use std::collections::BTreeMap;

use engine::crash::CrashPoint;
use serde_json::{Value, json};

use super::{
    findings::{Findings, Turn, streams},
    trial::{Lane, dies, spawn},
};
use crate::harness::{
    Events, Frame, Person, Process, Spawn,
    look::{all, run_of},
};

const KEY: &str = "crash-work";
/// An unknown outcome fails its step, and the sequence goes on.
const WORK: &str = "---
name: Work
description: Calls every kind of tool.
metadata:
  skill_type: sequence
  inputs: [{name: tag, type: string, required: true}]
  workflow:
    - {order: 1, action: probe_read, input_mapping: {text: '${inputs.tag} read'}}
    - {order: 2, action: add_note, input_mapping: {kind: deal, id: D-42, text: '${inputs.tag} note'}}
    - {order: 3, action: probe_idempotent, input_mapping: {text: '${inputs.tag} idempotent'}}
    - {order: 4, action: probe_unsafe, input_mapping: {text: '${inputs.tag} unsafe'}, on_failure: continue}
---

Work.
";

impl Lane {
    /// Has the server of a sequence die at the point as it is passed for the `nth` time.
    pub async fn sequence(&mut self, point: CrashPoint, nth: usize) -> Findings {
        let written = self.alice.post("/v1/admin/skills", json!({"key": KEY, "document": WORK})).await;
        assert!([201, 409].contains(&written.status.as_u16()), "{written:?}");
        let tag = self.tag(point);
        let crash_at = Some(format!("{}:{nth}", point.name()));
        let mut doomed =
            Process::start(&Spawn { crash_at, ..spawn(&self.app, &self.probe) }).await.expect("a server");
        let session = self.alice.session().await;
        let body = json!({"inputs": {"tag": tag}, "session_id": session});
        let path = format!("/v1/skills/{KEY}/runs");
        let keyed = |person: &Person| {
            let request = person.request(reqwest::Method::POST, &path).json(&body);
            request.header("accept", "text/event-stream").header("idempotency-key", &tag)
        };
        // A server that dies before it has answered is asked again: another one, with the same key.
        let there = self.alice.at(self.heir.address);
        let mut heard = match keyed(&self.alice.at(doomed.address)).send().await {
            Ok(response) => Events::of(response).rest().await,
            Err(_) => Vec::new(),
        };
        dies(&mut doomed).await;
        if heard.is_empty() {
            heard = Events::open(keyed(&there)).await.rest().await;
        }
        let run = run_of(&heard);
        let after = heard.last().map(|frame| frame.id.clone());
        heard.extend(there.follow(&run, after.as_deref()).await.rest().await);
        let turn = Turn { session, run, tag, works: false, ends: "done", heard };
        let mut found = self.whole(&turn).await;
        found.add(self.goes_on(&turn.session, &turn.tag).await);
        found
    }

    async fn whole(&self, turn: &Turn) -> Findings {
        let mut found = Findings::default();
        let tag = &turn.tag;
        let run = self.alice.get(&format!("/v1/runs/{}", turn.run)).await.expect(200).json();
        found.unless(run["status"] == "done", |f| &mut f.lost, || format!("{tag}: the run is {run}"));
        let stream = self.alice.follow(&turn.run, None).await.rest().await;
        let history = self.alice.history(&turn.session).await;
        streams(&mut found, turn, &stream, &history);
        for frames in [&stream, &turn.heard] {
            let told = told(frames);
            let once = told.len() == 4 && told.values().all(|all| all.len() == 2 && all[0] == "running");
            found.unless(once, |f| &mut f.streams, || format!("{tag}: the steps are {told:?}"));
        }
        self.effects(&mut found, tag, &run["steps"]).await;
        found
    }

    async fn effects(&self, found: &mut Findings, tag: &str, steps: &Value) {
        let notes = self.notes(tag).await;
        let keyed = self.probe.effects(&format!("{tag} idempotent"));
        let made = self.probe.count(&format!("{tag} unsafe"));
        let status = |at: usize| steps[at]["status"].as_str().unwrap_or_default().to_owned();
        let (first, last) = ((0..3).all(|at| status(at) == "done"), status(3));
        let fits = first
            && (notes, keyed) == (1, 1)
            && ((last == "done" && made == 1) || (last == "failed" && made < 2));
        found.unless(
            fits,
            |f| &mut f.doubled,
            || format!("{tag}: {notes} notes, {keyed} keys, {made} unsafe effects; {steps}"),
        );
    }
}

/// What was told of each step, in order.
fn told(frames: &[Frame]) -> BTreeMap<i64, Vec<String>> {
    let mut told: BTreeMap<i64, Vec<String>> = BTreeMap::new();
    for step in all(frames, "step") {
        let place = step["order"].as_i64().unwrap_or_default();
        told.entry(place).or_default().push(step["status"].as_str().unwrap_or_default().to_owned());
    }
    told
}
