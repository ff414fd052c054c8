//! A server dies in the midst of a sequence that works with the model, falls back, and asks a person.

use engine::crash::CrashPoint;
use serde_json::json;

use super::{
    findings::{Findings, Turn, cursor},
    script,
    trial::{Lane, dies, spawn},
};
use crate::harness::{Person, Process, Spawn, look::all};

const KEY: &str = "crash-guided";
/// The second step finds nothing, and falls back to the skill.
const GUIDED: &str = "---
name: Guided
description: Works with the model, falls back, and asks a person.
metadata:
  skill_type: sequence
  inputs: [{name: tag, type: string, required: true}]
  workflow:
    - {order: 1, skill_key: crash-think, input_mapping: {about: '#${inputs.tag}#'}, output_key: first}
    - {order: 2, action: get_deal, input_mapping: {id: nowhere, about: '#${inputs.tag}#'}, output_key: second, \
       on_failure: fallback, fallback_skill_key: crash-think}
    - {order: 3, action: add_note, requires_approval: true, \
       input_mapping: {kind: deal, id: D-42, text: '${outputs.first.title} note'}}
    - {order: 4, action: probe_idempotent, input_mapping: {text: '${outputs.second.title} idempotent'}}
---

Guided.
";
const THINK: &str = "---
name: Think
description: Thinks of a title.
metadata:
  outputs: [{name: title, type: string}]
---

Think of a title.
";

impl Lane {
    /// Has the server of the sequence die at the point as it is passed for the `nth` time: the note and the call
    /// outside are made once, and each step tells of itself.
    pub async fn guided(&mut self, point: CrashPoint, nth: usize) -> Findings {
        for (key, document) in [("crash-think", THINK), (KEY, GUIDED)] {
            self.alice.post("/v1/admin/skills", json!({"key": key, "document": document})).await.expect(201);
        }
        let tag = self.tag(point);
        let crash_at = Some(format!("{}:{nth}", point.name()));
        let mut doomed =
            Process::start(&Spawn { crash_at, ..spawn(&self.app, &self.probe) }).await.expect("a server");
        // Nobody but the doomed one may claim it.
        self.heir.signal("STOP");
        let session = self.alice.session().await;
        let body = json!({"inputs": {"tag": tag}, "session_id": session});
        let path = format!("/v1/skills/{KEY}/runs");
        let keyed = |person: &Person| {
            let request = person.request(reqwest::Method::POST, &path).json(&body);
            request.header("prefer", "respond-async").header("idempotency-key", &tag)
        };
        let answer = keyed(&self.alice.at(doomed.address)).send().await;
        let asked = if let Ok(answer) = answer {
            assert_eq!(answer.status(), 202);
            answer.json::<serde_json::Value>().await.expect("a run")
        } else {
            // It died before it answered: the client asks another one again.
            self.heir.signal("CONT");
            let there = self.alice.at(self.heir.address);
            there.send(keyed(&there)).await.expect(202).json()
        };
        let run = asked["run"]["id"].as_str().expect("an id").to_owned();
        let path = format!("/v1/runs/{run}");
        let early = tokio::select! {
            () = dies(&mut doomed) => true,
            () = self.status(&path, "waiting") => false,
        };
        if early {
            self.heir.signal("CONT");
            self.status(&path, "waiting").await;
        }
        let approval = self.pending(&run).await;
        self.alice
            .post(&format!("/v1/approvals/{approval}"), json!({"decision": "approve"}))
            .await
            .expect(202);
        if !early {
            dies(&mut doomed).await;
            self.heir.signal("CONT");
        }
        self.status(&path, "done").await;
        let turn = Turn { session, run, tag, works: false, ends: "done", heard: Vec::new() };
        let mut found = self.guided_whole(&turn).await;
        found.add(self.goes_on(&turn.session, &turn.tag).await);
        found
    }

    async fn guided_whole(&self, turn: &Turn) -> Findings {
        let mut found = Findings::default();
        let tag = &turn.tag;
        let stream = self.alice.follow(&turn.run, None).await.rest().await;
        for pair in stream.windows(2) {
            let [(fence, n), (next, m)] = [cursor(&pair[0].id), cursor(&pair[1].id)];
            // What waited for a person goes on as if nothing had been.
            let told = pair[1].event == "reset" || pair[0].data["status"] == "waiting";
            let follows = if fence == next { m == n + 1 } else { next > fence && m == 1 && told };
            found.unless(follows, |f| &mut f.streams, || format!("{tag}: {:?} after {:?}", pair[1], pair[0]));
        }
        found.taken_over += usize::from(stream.iter().any(|frame| frame.event == "reset"));
        let history = self.alice.history(&turn.session).await;
        let words = history.iter().filter(|message| message["content"][0]["text"] == script::ANSWER);
        let words = words.count();
        found.unless(words == 1, |f| &mut f.doubled, || format!("{tag}: {words} answers: {history:#?}"));
        let step = |order: i64| {
            let told = all(&stream, "step").into_iter().filter(|step| step["order"] == order);
            told.map(|step| step["status"].as_str().unwrap_or_default().to_owned()).collect::<Vec<_>>()
        };
        let told: Vec<Vec<String>> = (1..=4).map(step).collect();
        let once = [vec!["running", "done"], vec!["running", "done"], vec!["running", "waiting", "done"]];
        let fits = told[..3] == once && told[3] == once[0];
        found.unless(fits, |f| &mut f.streams, || format!("{tag}: the steps are {told:?}"));
        let notes = self.notes(tag).await;
        let keyed = self.probe.effects(&format!("{tag} idempotent"));
        let fits = (notes, keyed) == (1, 1);
        found.unless(fits, |f| &mut f.doubled, || format!("{tag}: {notes} notes, {keyed} keys"));
        found
    }
}
