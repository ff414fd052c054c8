//! What tests look at: the events of a stream, and what the model was sent.

use std::sync::Arc;

use model_sim::{Request, Sim};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use super::{Events, Frame, Person};

/// Names of the events, a row of equal ones as one.
pub fn names(frames: &[Frame]) -> Vec<&str> {
    let mut names: Vec<&str> = frames.iter().map(|frame| frame.event.as_str()).collect();
    names.dedup();
    names
}

/// The events of this name.
pub fn all<'f>(frames: &'f [Frame], event: &str) -> Vec<&'f Value> {
    frames.iter().filter(|frame| frame.event == event).map(|frame| &frame.data).collect()
}

/// The last event, which is the only `done` or `error`.
#[track_caller]
pub fn end(frames: &[Frame]) -> &Frame {
    let ends = |frame: &&Frame| ["done", "error"].contains(&frame.event.as_str());
    assert_eq!(frames.iter().filter(ends).count(), 1, "one event ends a stream: {frames:#?}");
    frames.last().filter(ends).unwrap_or_else(|| panic!("something follows the end: {frames:#?}"))
}

/// The answers as a reader puts them together. Fails where a complete message
/// says something else than its tokens did.
#[track_caller]
pub fn answers(frames: &[Frame]) -> Vec<String> {
    let (mut answers, mut partial) = (Vec::new(), String::new());
    for frame in frames {
        match frame.event.as_str() {
            "token" => partial.push_str(frame.data["text"].as_str().expect("a text")),
            "reset" => partial.clear(),
            "message_complete" => {
                assert_eq!(frame.data["text"], partial, "{frames:#?}");
                answers.push(std::mem::take(&mut partial));
            }
            _ => {}
        }
    }
    assert_eq!(partial, "", "text without its message: {frames:#?}");
    answers
}

/// The run that the events tell of.
pub fn run_of(frames: &[Frame]) -> String {
    frames[0].data["run_id"].as_str().expect("an id").to_owned()
}

/// Calls of the model so far, oldest first.
pub fn prompts(sim: &Sim) -> Vec<Arc<Request>> {
    sim.requests().into_iter().filter(|request| request.path == "/v1/messages").collect()
}

/// The messages of a prompt.
pub fn messages(prompt: &Request) -> &[Value] {
    prompt.json()["messages"].as_array().expect("a list")
}

/// The blocks of a prompt's last message.
pub fn last_blocks(prompt: &Request) -> &[Value] {
    messages(prompt).last().expect("a message")["content"].as_array().expect("blocks")
}

/// The texts of the system prompt.
pub fn system(prompt: &Request) -> Vec<&str> {
    let blocks = prompt.json()["system"].as_array().expect("blocks");
    blocks.iter().map(|block| block["text"].as_str().expect("a text")).collect()
}

/// The result that a tool gave, as the model was told: its text, and whether it is an error.
#[track_caller]
pub fn result(prompt: &Request, index: usize) -> (String, bool) {
    let block = &last_blocks(prompt)[index];
    assert_eq!(block["type"], "tool_result", "{block}");
    let text = block["content"].as_str().expect("a text").to_owned();
    (text, block["is_error"] == true)
}

/// The JSON without its cache marks.
pub fn unmarked(mut json: Value) -> Value {
    match &mut json {
        Value::Object(members) => {
            members.remove("cache_control");
            members.values_mut().for_each(|member| *member = unmarked(member.take()));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| *item = unmarked(item.take())),
        _ => {}
    }
    json
}

/// A message's texts, in the history or in a prompt.
pub fn text_of(message: &Value) -> String {
    let blocks = message["content"].as_array().expect("blocks");
    blocks.iter().filter_map(|block| block["text"].as_str()).collect::<Vec<_>>().join("\n")
}

impl Person {
    /// The request that sends a message.
    pub fn message(&self, session: &str, body: &Value) -> RequestBuilder {
        self.request(Method::POST, &format!("/v1/sessions/{session}/messages")).json(body)
    }

    /// Sends a message with all that belongs to it, and reads the run's events.
    pub async fn say_with(&self, session: &str, body: &Value) -> Events {
        Events::open(self.message(session, body).header("accept", "text/event-stream")).await
    }

    /// Sends a message and reads the run's events to their end.
    pub async fn hear(&self, session: &str, text: &str) -> Vec<Frame> {
        self.say(session, text).await.rest().await
    }

    /// The deal D-42, "Acme renewal", in negotiation over 48,000 EUR.
    pub async fn deal(&self) {
        let deal =
            json!({"name": "Acme renewal", "stage": "negotiation", "amount": 48000, "currency": "EUR"});
        self.put("/v1/entities/deal/D-42", deal).await.expect(201);
    }

    /// Nobody is asked in this organization before its copilots use tools outside.
    pub async fn lets_connectors_act(&self) {
        let rows = json!([{"action": "use_connector", "policy": "auto"}]);
        let matrix = json!({"preset": "balanced", "rows": rows});
        self.put("/v1/admin/permissions", matrix).await.expect(200);
    }

    /// The contact C-7, "Dana Roe".
    pub async fn contact(&self) {
        let contact = json!({"name": "Dana Roe", "email": "dana@acme.example", "title": "Buyer"});
        self.put("/v1/entities/contact/C-7", contact).await.expect(201);
    }
}
