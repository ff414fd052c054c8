//! The world outside: it counts every effect that reaches it.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{
    Json, Router,
    body::Body,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::post,
};
use futures_util::{StreamExt as _, stream};
use model_sim::Gate;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// What a call takes from its effect to its answer, as calls to the outside do.
const TAKES: Duration = Duration::from_millis(30);

/// A call that arrived.
#[derive(Clone, Debug, PartialEq)]
pub struct Delivery {
    pub run: String,
    pub call: String,
    pub key: String,
    pub text: String,
}

/// What the probe does with a call of that text.
#[derive(Clone)]
pub enum Answer {
    Status(u16),
    /// Breaks the connection off after the effect.
    Cut,
    /// Waits at the gate, then answers.
    Hold(Gate),
}

/// A server that the probe tools call. Ends with this value.
#[derive(Clone)]
pub struct Probe {
    shared: Arc<Shared>,
    pub url: String,
    _stop: Arc<Stop>,
}

#[derive(Default)]
struct Shared {
    deliveries: Mutex<Vec<Delivery>>,
    answers: Mutex<HashMap<String, Answer>>,
}

struct Stop(CancellationToken);

impl Drop for Stop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Probe {
    pub async fn start() -> Self {
        let shared = Arc::new(Shared::default());
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}/effects", listener.local_addr().expect("an address"));
        let app = Router::new().route("/effects", post(arrive)).with_state(shared.clone());
        let stop = CancellationToken::new();
        let stopped = stop.clone().cancelled_owned();
        TaskTracker::new().spawn(async move {
            tokio::select! { served = axum::serve(listener, app) => served.expect("it serves"), () = stopped => {} }
        });
        Self { shared, url, _stop: Arc::new(Stop(stop)) }
    }

    /// What happens to calls of this text, from here on.
    pub fn answer(&self, text: &str, answer: Answer) {
        lock(&self.shared.answers).insert(text.to_owned(), answer);
    }

    /// Every call that arrived, oldest first.
    pub fn deliveries(&self) -> Vec<Delivery> {
        lock(&self.shared.deliveries).clone()
    }

    /// Calls of this text that arrived.
    pub fn count(&self, text: &str) -> usize {
        self.deliveries().iter().filter(|delivery| delivery.text == text).count()
    }

    /// Effects of a text, as a receiver that knows keys has them.
    pub fn effects(&self, text: &str) -> usize {
        let deliveries = self.deliveries();
        deliveries.iter().filter(|d| d.text == text).map(|d| &d.key).collect::<HashSet<_>>().len()
    }
}

async fn arrive(State(shared): State<Arc<Shared>>, Json(body): Json<Value>) -> Response {
    let field = |value: &Value| value.as_str().expect("a text").to_owned();
    let text = field(&body["args"]["text"]);
    lock(&shared.deliveries).push(Delivery {
        run: field(&body["run"]),
        call: field(&body["call"]),
        key: field(&body["key"]),
        text: text.clone(),
    });
    let answer = lock(&shared.answers).get(&text).cloned();
    tokio::time::sleep(TAKES).await;
    match answer {
        None => {}
        Some(Answer::Status(status)) => {
            return (StatusCode::from_u16(status).expect("a status"), "so it is").into_response();
        }
        Some(Answer::Cut) => {
            let broken: [Result<&str, std::io::Error>; 2] = [Ok("half "), Err(std::io::Error::other("cut"))];
            return Body::from_stream(stream::iter(broken)).into_response();
        }
        Some(Answer::Hold(gate)) => gate.pass().await,
    }
    // The head of the answer is on its way before its body.
    let body = json!({"did": text}).to_string();
    let pieces = stream::once(async move {
        tokio::task::yield_now().await;
        Ok::<_, std::io::Error>(body)
    });
    Body::from_stream(pieces.boxed()).into_response()
}
