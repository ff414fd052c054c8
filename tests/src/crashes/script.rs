//! What the model says in the trials, by the words of the question alone, so
//! that it says the same when it is asked again.

use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
};

use model_sim::{Reply, Request, Sim};
use serde_json::{Value, json};

pub const ANSWER: &str = "It is done, as far as I can tell from what the tools have told me of it.";
pub const SUMMARY: &str = "## Decisions\n- Nothing was decided";

/// A question after which all tools are called, whose texts hold the tag.
pub fn work(tag: &str) -> String {
    format!("Work on #{tag}#")
}

/// A question that the model hears, and does not answer the first time.
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

pub fn play(sim: &Sim) {
    let waited: Mutex<HashSet<String>> = Mutex::default();
    sim.respond_with(move |request| answer(request, &waited));
}

fn answer(request: &Request, waited: &Mutex<HashSet<String>>) -> Reply {
    let json = request.json();
    if json["system"].as_str().is_some_and(|system| system.contains("Summarise the conversation")) {
        return Reply::text(SUMMARY);
    }
    let blocks = json["messages"].as_array().and_then(|all| all.last()).map(|last| last["content"].clone());
    let blocks = blocks.as_ref().and_then(Value::as_array).cloned().unwrap_or_default();
    let texts = || blocks.iter().filter_map(|block| block["text"].as_str());
    let tag = texts().find_map(tag_of).unwrap_or_default().to_owned();
    if texts().any(|text| text.contains("Work on")) {
        let said = Reply::text("I see to it at once.");
        return calls(&tag).into_iter().fold(said, |reply, (name, input)| reply.tool(name, input));
    }
    let first = || waited.lock().unwrap_or_else(PoisonError::into_inner).insert(tag.clone());
    if texts().any(|text| text.contains("Wait for")) && first() {
        return Reply::hang();
    }
    Reply::text(ANSWER)
}
