//! A stand-in for an identity provider: one address, an answer that the test
//! sets, and a count of how often it was asked.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode, Uri, header::LOCATION},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::Semaphore};

use super::{ISSUER, Settings, TaskTracker, Url, Verifier, settings};

#[derive(Clone)]
pub(super) struct Provider {
    pub(super) url: Url,
    shared: Arc<Shared>,
    /// Where fetches run; waiting for it to be empty is waiting for them.
    pub(super) tasks: TaskTracker,
}

struct Shared {
    answer: Mutex<(StatusCode, String)>,
    hits: AtomicUsize,
    /// A request takes one to be answered.
    permits: Semaphore,
    /// Gets one for each request that has arrived.
    arrived: Semaphore,
}

impl Provider {
    pub(super) async fn start(keys: &[Value]) -> Self {
        let shared = Arc::new(Shared {
            answer: Mutex::new((StatusCode::OK, json!({ "keys": keys }).to_string())),
            hits: AtomicUsize::new(0),
            permits: Semaphore::new(Semaphore::MAX_PERMITS),
            arrived: Semaphore::new(0),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let router = Router::new().fallback(answer).with_state(Arc::clone(&shared));
        TaskTracker::new().spawn(async move { axum::serve(listener, router).await });
        let url = format!("http://{address}/jwks.json").parse().expect("a URL");
        Self { url, shared, tasks: TaskTracker::new() }
    }

    pub(super) fn publish(&self, keys: &[Value]) {
        self.answer_with(StatusCode::OK, json!({ "keys": keys }).to_string());
    }

    pub(super) fn answer_with(&self, status: StatusCode, body: impl Into<String>) {
        *self.shared.answer.lock().expect("no panic") = (status, body.into());
    }

    pub(super) fn hits(&self) -> usize {
        self.shared.hits.load(Ordering::SeqCst)
    }

    /// From here on requests wait until `open`.
    pub(super) fn close(&self) {
        self.shared.permits.forget_permits(Semaphore::MAX_PERMITS);
    }

    pub(super) fn open(&self) {
        self.shared.permits.add_permits(1 << 20);
    }

    pub(super) async fn request_arrived(&self) {
        self.shared.arrived.acquire().await.expect("open").forget();
    }

    /// A verifier that trusts this provider and nobody else.
    pub(super) fn verifier(&self) -> Verifier {
        let settings = Settings { hs256_secret: None, ..self.settings() };
        Verifier::new(&settings, &self.tasks).expect("good settings")
    }

    /// This provider's keys and the shared secret, with issuer and audience.
    pub(super) fn settings(&self) -> Settings {
        Settings {
            jwks_url: Some(self.url.clone()),
            issuers: vec![ISSUER.into()],
            audience: Some(super::AUDIENCE.into()),
            ..settings()
        }
    }
}

async fn answer(State(shared): State<Arc<Shared>>, uri: Uri) -> Response {
    shared.hits.fetch_add(1, Ordering::SeqCst);
    shared.arrived.add_permits(1);
    shared.permits.acquire().await.expect("open").forget();
    let (status, body) = shared.answer.lock().expect("no panic").clone();
    let mut headers = HeaderMap::new();
    if status.is_redirection() {
        let target = format!("{uri}?again").parse().expect("a header value");
        headers.insert(LOCATION, target);
    }
    (status, headers, body).into_response()
}
