//! What the model says in the trials, by the words of the question alone, so
//! that it says the same when it is asked again.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use model_sim::{Gate, Reply, Request, Sim};
use serde_json::{Value, json};

pub const ANSWER: &str = "It is done, as far as I can tell from what the tools have told me of it.";
pub const SUMMARY: &str = "## Decisions\n- Nothing was decided";

/// A question after which all tools are called, whose texts hold the tag.
pub fn work(tag: &str) -> String {
    format!("Work on #{tag}#")
}

/// A question after which a deal is to change, which a person is asked about, and the
/// world outside behind it.
pub fn ask(tag: &str) -> String {
    format!("Change the deal of #{tag}#")
}

/// A question that the model hears, and does not answer before [`Script::release`].
pub fn wait(tag: &str) -> String {
    format!("Wait for #{tag}#")
}

/// A question that is answered at once.
pub fn plain(tag: &str) -> String {
    format!("Say something of #{tag}#")
}

fn tag_of(question: &str) -> Option<&str> {
    question.split('#').nth(1)
}

/// The calls of the answer to [`work`], in order.
pub fn calls(tag: &str) -> [(&'static str, Value); 4] {
    [
        ("probe_read", json!({"text": format!("{tag} read")})),
        ("add_note", json!({"kind": "deal", "id": "D-42", "text": format!("{tag} note")})),
        ("probe_idempotent", json!({"text": format!("{tag} idempotent")})),
        ("probe_unsafe", json!({"text": format!("{tag} unsafe")})),
    ]
}

/// What the model is told meanwhile.
#[derive(Clone, Default)]
pub struct Script(Arc<Mutex<HashMap<String, Gate>>>);

impl Script {
    /// Has the model answer from here on.
    pub fn play(sim: &Sim) -> Self {
        let script = Self::default();
        let played = script.clone();
        sim.respond_with(move |request| answer(request, &played));
        script
    }

    fn gate(&self, tag: &str) -> Gate {
        let mut gates = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        gates.entry(tag.to_owned()).or_default().clone()
    }

    /// Lets the questions of the tag be answered that wait, now or later.
    pub fn release(&self, tag: &str) {
        self.gate(tag).release();
    }
}

fn answer(request: &Request, script: &Script) -> Reply {
    let json = request.json();
    if json["system"].as_str().is_some_and(|system| system.contains("Summarise the conversation")) {
        return Reply::text(SUMMARY);
    }
    let blocks = json["messages"].as_array().and_then(|all| all.last()).map(|last| last["content"].clone());
    let blocks = blocks.as_ref().and_then(Value::as_array).cloned().unwrap_or_default();
    let results = || blocks.iter().filter_map(|block| block["content"].as_str());
    if let Some(step) = results().find(|text| text.contains("Follow this skill for it.")) {
        let tag = tag_of(step).unwrap_or_default();
        return Reply::call("submit_output", json!({"output": {"title": tag}}));
    }
    let texts = || blocks.iter().filter_map(|block| block["text"].as_str());
    let tag = texts().find_map(tag_of).unwrap_or_default().to_owned();
    if texts().any(|text| text.contains("Work on")) {
        let said = Reply::text("I see to it at once.");
        return calls(&tag).into_iter().fold(said, |reply, (name, input)| reply.tool(name, input));
    }
    if texts().any(|text| text.contains("Change the deal")) {
        let changes = json!({"kind": "deal", "id": "D-42", "changes": {"stage": tag}});
        let outside = json!({"text": format!("{tag} unsafe")});
        return Reply::call("update_entity", changes).tool("probe_unsafe", outside);
    }
    let answer = Reply::text(ANSWER);
    if texts().any(|text| text.contains("Wait for")) {
        answer.hold_before(&script.gate(&tag))
    } else {
        answer
    }
}
