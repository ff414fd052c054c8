//! Somebody stands in for Slack: it notes what it is asked, and answers as Slack does.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Response},
    routing::post,
};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::send;

/// What happens to one call.
#[derive(Clone, Debug)]
pub enum Answer {
    /// `ok: false`, with this word.
    Refuse(&'static str),
    /// 429, with so many seconds to wait.
    Limit(u32),
    /// It is done, and the answer gets lost.
    Lose,
}

/// A call that arrived.
#[derive(Clone, Debug)]
pub struct Call {
    pub method: String,
    pub token: String,
    pub body: Value,
}

#[derive(Default)]
struct Inner {
    calls: Vec<Call>,
    answers: HashMap<String, VecDeque<Answer>>,
    /// Messages by channel and time.
    messages: Vec<Value>,
    emails: HashMap<String, String>,
    /// People of other workspaces, who speak in shared channels.
    strangers: HashMap<String, String>,
    zones: HashMap<String, String>,
    /// What is installed next: a workspace, or none of an enterprise's.
    team: Option<String>,
    enterprise: Option<String>,
    clock: u64,
}

#[derive(Clone)]
pub struct Fake {
    inner: Arc<Mutex<Inner>>,
    pub url: String,
    _stop: Arc<Stop>,
}

struct Stop(CancellationToken);

impl Drop for Stop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

fn lock(inner: &Mutex<Inner>) -> MutexGuard<'_, Inner> {
    inner.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Fake {
    pub async fn start() -> Self {
        let inner = Arc::new(Mutex::new(Inner::default()));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let app = Router::new()
            .route("/api/{method}", post(called))
            .route("/respond/{id}", post(responded))
            .with_state(inner.clone());
        let stop = CancellationToken::new();
        let stopped = stop.clone().cancelled_owned();
        TaskTracker::new().spawn(async move {
            tokio::select! { served = axum::serve(listener, app) => served.expect("it serves"), () = stopped => {} }
        });
        Self { inner, url, _stop: Arc::new(Stop(stop)) }
    }

    /// What happens to the next call of a method.
    pub fn next(&self, method: &str, answer: Answer) {
        lock(&self.inner).answers.entry(method.to_owned()).or_default().push_back(answer);
    }

    pub fn email(&self, user: &str, email: &str) {
        lock(&self.inner).emails.insert(user.to_owned(), email.to_owned());
    }

    pub fn zone(&self, user: &str, zone: &str) {
        lock(&self.inner).zones.insert(user.to_owned(), zone.to_owned());
    }

    /// Installations are from now on of this workspace; where none is named, of all of the enterprise.
    pub fn installs(&self, team: &str, enterprise: Option<&str>) {
        let mut inner = lock(&self.inner);
        inner.team = Some(team.to_owned());
        inner.enterprise = enterprise.map(str::to_owned);
    }

    /// The person belongs to another workspace.
    pub fn stranger(&self, user: &str, team: &str) {
        lock(&self.inner).strangers.insert(user.to_owned(), team.to_owned());
    }

    /// Calls of a method, oldest first.
    pub fn calls(&self, method: &str) -> Vec<Call> {
        lock(&self.inner).calls.iter().filter(|call| call.method == method).cloned().collect()
    }

    /// What people see: texts of messages, as they stand now.
    pub fn shown(&self) -> Vec<String> {
        lock(&self.inner).messages.iter().map(send::words).collect()
    }

    /// Everything that was sent to be seen, ephemeral things too.
    pub fn told(&self) -> String {
        let inner = lock(&self.inner);
        inner.calls.iter().map(|call| call.body.to_string()).collect::<Vec<_>>().join("\n")
    }
}

async fn responded(
    State(inner): State<Arc<Mutex<Inner>>>,
    Path(id): Path<String>,
    Json(body): Json<Value>,
) -> Response {
    let mut inner = lock(&inner);
    inner.calls.push(Call { method: "response_url".into(), token: id, body });
    match inner.answers.get_mut("response_url").and_then(VecDeque::pop_front) {
        None => StatusCode::OK.into_response(),
        Some(Answer::Refuse(_)) => StatusCode::NOT_FOUND.into_response(),
        Some(Answer::Limit(wait)) => {
            (StatusCode::TOO_MANY_REQUESTS, [("retry-after", wait.to_string())]).into_response()
        }
        Some(Answer::Lose) => StatusCode::BAD_GATEWAY.into_response(),
    }
}

async fn called(
    State(inner): State<Arc<Mutex<Inner>>>,
    Path(method): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let token = headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let body: Value = serde_json::from_slice(&body).unwrap_or_else(|_| {
        let pairs = url::form_urlencoded::parse(&body).into_owned();
        Value::Object(pairs.map(|(name, value)| (name, Value::String(value))).collect())
    });
    let mut inner = lock(&inner);
    inner.calls.push(Call { method: method.clone(), token: token.to_owned(), body: body.clone() });
    let answer = inner.answers.get_mut(&method).and_then(VecDeque::pop_front);
    match answer {
        Some(Answer::Refuse(word)) => Json(json!({ "ok": false, "error": word })).into_response(),
        Some(Answer::Limit(wait)) => {
            let limited = Json(json!({ "ok": false, "error": "ratelimited" }));
            (StatusCode::TOO_MANY_REQUESTS, [("retry-after", wait.to_string())], limited).into_response()
        }
        Some(Answer::Lose) => {
            inner.done(&method, &body);
            StatusCode::GATEWAY_TIMEOUT.into_response()
        }
        None => Json(inner.done(&method, &body)).into_response(),
    }
}

impl Inner {
    /// Does what a method does.
    fn done(&mut self, method: &str, body: &Value) -> Value {
        match method {
            "oauth.v2.access" => {
                let team = self.team.as_deref().unwrap_or(send::TEAM);
                let team = Some(team).filter(|team| !team.is_empty());
                json!({
                    "ok": true, "access_token": "xoxb-secret-of-the-workspace", "bot_user_id": send::BOT,
                    "team": team.map(|id| json!({ "id": id, "name": "Acme's place" })),
                    "is_enterprise_install": team.is_none(),
                    "enterprise": self.enterprise.as_ref().map(|id| json!({ "id": id, "name": "All" })),
                })
            }
            "chat.postMessage" | "chat.startStream" => {
                self.clock += 1;
                let ts = format!("1800000000.{:06}", self.clock);
                let mut message = body.clone();
                if let Some(user) = body["channel"].as_str().and_then(|channel| channel.strip_prefix('U')) {
                    message["channel"] = format!("D{user}").into();
                }
                message["ts"] = ts.as_str().into();
                message["user"] = send::BOT.into();
                message["stream"] = json!(method == "chat.startStream");
                let channel = message["channel"].clone();
                self.messages.push(message);
                json!({ "ok": true, "channel": channel, "ts": ts })
            }
            "chat.appendStream" | "chat.stopStream" | "chat.update" => self.change(method, body),
            "users.info" => {
                let user = body["user"].as_str().unwrap_or_default();
                json!({ "ok": true, "user": { "id": user, "team_id": self.strangers.get(user).map_or(send::TEAM, String::as_str), "is_email_confirmed": true,
                    "tz": self.zones.get(user),
                    "profile": { "email": self.emails.get(user) } } })
            }
            "conversations.replies" => {
                let here = |message: &&Value| {
                    message["channel"] == body["channel"] && message["thread_ts"] == body["ts"]
                };
                let messages: Vec<&Value> = self.messages.iter().filter(here).collect();
                json!({ "ok": true, "messages": messages })
            }
            _ => json!({ "ok": true }),
        }
    }

    fn change(&mut self, method: &str, body: &Value) -> Value {
        let same =
            |message: &&mut Value| message["channel"] == body["channel"] && message["ts"] == body["ts"];
        let Some(message) = self.messages.iter_mut().find(same) else {
            return json!({ "ok": false, "error": "message_not_found" });
        };
        match method {
            "chat.update" => {
                for name in ["text", "blocks"] {
                    message[name] = body[name].clone();
                }
                message["markdown_text"] = Value::Null;
            }
            _ if message["stream"] != true => {
                return json!({ "ok": false, "error": "message_not_in_streaming_state" });
            }
            "chat.appendStream" => {
                let text = format!(
                    "{}{}",
                    message["markdown_text"].as_str().unwrap_or_default(),
                    body["markdown_text"].as_str().unwrap_or_default()
                );
                message["markdown_text"] = text.into();
            }
            _ => message["stream"] = json!(false),
        }
        json!({ "ok": true, "channel": body["channel"], "ts": body["ts"] })
    }
}
