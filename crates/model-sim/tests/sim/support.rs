//! A raw client, and small constructors for requests.

use model_sim::{Running, Sim};
use reqwest::{RequestBuilder, Response, header::HeaderMap};
use serde_json::{Value, json};

pub struct Provider {
    pub sim: Sim,
    pub http: reqwest::Client,
    server: Running,
}

pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

#[derive(Debug, PartialEq)]
pub struct Event {
    pub name: String,
    pub data: Value,
}

impl Provider {
    pub async fn scripted() -> Self {
        Self::of(Sim::scripted()).await
    }

    /// A demo that does not wait.
    pub async fn demo() -> Self {
        let sim = Sim::demo();
        sim.pace(std::time::Duration::ZERO, std::time::Duration::ZERO);
        Self::of(sim).await
    }

    pub async fn of(sim: Sim) -> Self {
        let server = sim.start().await.expect("a free port");
        Self { sim, http: reqwest::Client::new(), server }
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.server.url())
    }

    /// A request that lacks nothing but its body.
    pub fn request(&self, path: &str) -> RequestBuilder {
        self.bare(path).header("x-api-key", "k1").header("anthropic-version", "2023-06-01")
    }

    /// A request without any header.
    pub fn bare(&self, path: &str) -> RequestBuilder {
        self.http.post(self.url(path))
    }

    pub async fn post(&self, body: &Value) -> Answer {
        answer(self.request("/v1/messages").json(body)).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        let request = self.http.get(self.url(path));
        answer(request.header("x-api-key", "k1").header("anthropic-version", "2023-06-01")).await
    }

    /// The status line of a stream; read on with [`events`].
    pub async fn open(&self, body: &Value) -> Response {
        let request = self.request("/v1/messages").json(&streamed(body));
        request.send().await.expect("the stand-in answers")
    }

    pub async fn stream(&self, body: &Value) -> Vec<Event> {
        events(&self.open(body).await.text().await.expect("a whole stream"))
    }
}

pub async fn answer(request: RequestBuilder) -> Answer {
    let response = request.send().await.expect("the stand-in answers");
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Answer { status, headers, text: response.text().await.expect("a whole answer") }
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).expect("the answer is JSON")
    }

    /// The message of an error of this status, whose form is checked.
    pub fn refusal(&self, status: u16, kind: &str) -> String {
        let json = self.json();
        assert_eq!(
            (self.status, &json["type"], &json["error"]["type"]),
            (status, &json!("error"), &json!(kind)),
            "{json}"
        );
        assert_eq!(json["request_id"], self.headers["request-id"].to_str().expect("a plain header"));
        json["error"]["message"].as_str().expect("a message").to_owned()
    }
}

pub fn events(text: &str) -> Vec<Event> {
    text.split_terminator("\n\n").filter_map(event).collect()
}

fn event(frame: &str) -> Option<Event> {
    let (name, data) = frame.strip_prefix("event: ")?.split_once("\ndata: ")?;
    Some(Event { name: name.to_owned(), data: serde_json::from_str(data).expect("data is JSON") })
}

/// What the deltas of one kind add up to.
pub fn joined(events: &[Event], field: &str) -> String {
    events.iter().filter_map(|event| event.data["delta"][field].as_str()).collect()
}

pub fn names(events: &[Event]) -> Vec<&str> {
    events.iter().map(|event| event.name.as_str()).collect()
}

/// A request with these messages.
pub fn chat(messages: Value) -> Value {
    with(&json!({"model": "demo", "max_tokens": 1_000}), "messages", messages)
}

/// A request with one user message.
pub fn say(text: &str) -> Value {
    chat(json!([{"role": "user", "content": text}]))
}

pub fn streamed(body: &Value) -> Value {
    with(body, "stream", json!(true))
}

/// The body with one more member.
pub fn with(body: &Value, name: &str, value: Value) -> Value {
    let mut body = body.clone();
    body[name] = value;
    body
}

pub fn tool(name: &str) -> Value {
    json!({"name": name, "description": name, "input_schema": {"type": "object"}})
}
