//! Somebody who sends requests.

use std::{net::SocketAddr, time::Duration};

use reqwest::{Method, RequestBuilder, StatusCode, header::HeaderMap};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::Events;

#[derive(Clone)]
pub struct Person {
    http: reqwest::Client,
    base: String,
    pub token: String,
}

/// What the service answered.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("not JSON: {self:?}"))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Fails unless the status is this one.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{self:?}");
        self
    }

    /// Fails unless it is a problem document with this status and code.
    #[track_caller]
    pub fn problem(&self, status: u16, code: &str) -> Value {
        assert_eq!(self.status.as_u16(), status, "{self:?}");
        assert_eq!(self.header("content-type"), "application/problem+json");
        let problem = self.json();
        assert_eq!(problem["code"], code, "{problem}");
        assert_eq!(problem["status"], status);
        assert_eq!(problem["type"], format!("/problems/{code}"));
        assert_eq!(problem["request_id"], self.header("x-request-id"));
        problem
    }
}

/// A stream that has no end, and how long it is silent when everything has been told.
const ENDLESS: &str = "/v1/events";
const SILENCE: Duration = Duration::from_millis(300);

impl Person {
    pub fn new(address: SocketAddr, token: &str) -> Self {
        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        Self { http, base: format!("http://{address}"), token: token.to_owned() }
    }

    /// The same person at another replica.
    pub fn at(&self, address: SocketAddr) -> Self {
        Self { base: format!("http://{address}"), ..self.clone() }
    }

    /// The same connections under another token.
    pub fn with_token(&self, token: String) -> Self {
        Self { token, ..self.clone() }
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base)).bearer_auth(&self.token)
    }

    pub async fn send(&self, request: RequestBuilder) -> Answer {
        let mut response = request.send().await.expect("an answer");
        let (status, headers) = (response.status(), response.headers().clone());
        if status != 200 || !response.url().path().ends_with(ENDLESS) {
            return Answer { status, headers, text: response.text().await.expect("a body") };
        }
        let mut text = String::new();
        while let Ok(Ok(Some(chunk))) = timeout(SILENCE, response.chunk()).await {
            text.push_str(&String::from_utf8_lossy(&chunk));
        }
        Answer { status, headers, text }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.send(self.request(Method::DELETE, path)).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(self.request(Method::POST, path).json(&body)).await
    }

    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.send(self.request(Method::PUT, path).json(&body)).await
    }

    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        self.send(self.request(Method::PATCH, path).json(&body)).await
    }

    /// A new conversation; its id.
    pub async fn session(&self) -> String {
        self.session_with(json!({})).await
    }

    pub async fn session_with(&self, body: Value) -> String {
        let created = self.post("/v1/sessions", body).await.expect(201).json();
        created["id"].as_str().expect("an id").to_owned()
    }

    /// Sends a message and reads the run's events as they come.
    pub async fn say(&self, session: &str, text: &str) -> Events {
        let path = format!("/v1/sessions/{session}/messages");
        let request = self.request(Method::POST, &path).header("accept", "text/event-stream");
        Events::open(request.json(&json!({ "text": text }))).await
    }

    /// Sends a message and waits for the whole answer: `{run, message?}`.
    pub async fn ask(&self, session: &str, text: &str) -> Value {
        self.post(&format!("/v1/sessions/{session}/messages"), json!({ "text": text }))
            .await
            .expect(200)
            .json()
    }

    /// Reads a run's events, from the beginning or after an id.
    pub async fn follow(&self, run: &str, after: Option<&str>) -> Events {
        let mut request = self.request(Method::GET, &format!("/v1/runs/{run}/events"));
        if let Some(after) = after {
            request = request.header("last-event-id", after);
        }
        Events::open(request).await
    }

    /// The conversation as the service shows it.
    pub async fn history(&self, session: &str) -> Vec<Value> {
        let path = format!("/v1/sessions/{session}/messages?limit=100");
        self.get(&path).await.expect(200).json()["data"].as_array().expect("a list").clone()
    }
}
