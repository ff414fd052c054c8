//! A client that does not give up: it sends with a key, and comes back to its stream on any replica.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use rand::Rng as _;
use reqwest::{RequestBuilder, Response};
use serde_json::json;
use tokio::time::{Instant, sleep, timeout};

use crate::harness::{Events, Frame, Person};

/// A server that says nothing for so long is left for another.
const SILENCE: Duration = Duration::from_secs(4);
/// Nobody waits longer for the end of a turn.
const PATIENCE: Duration = Duration::from_mins(2);

/// The addresses of the replicas as they come and go.
#[derive(Clone, Default)]
pub struct Addresses(Arc<Mutex<Vec<std::net::SocketAddr>>>);

impl Addresses {
    pub fn set(&self, slot: usize, address: std::net::SocketAddr) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if slot < all.len() {
            all[slot] = address;
        } else {
            all.push(address);
        }
    }

    fn any(&self) -> std::net::SocketAddr {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all[rand::rng().random_range(0..all.len())]
    }
}

/// What its clients did.
#[derive(Default)]
pub struct Count {
    /// Requests that were sent again.
    pub again: AtomicUsize,
    /// Streams that ended early and were taken up again.
    pub resumed: AtomicUsize,
    /// Streams that the client itself dropped.
    pub dropped: AtomicUsize,
}

pub struct Client {
    pub person: Person,
    pub addresses: Addresses,
    pub count: Arc<Count>,
    /// How likely it is that the client drops its stream at an event.
    pub drops: f64,
}

/// What a turn came to; no run: the message was never taken in.
pub struct Heard {
    pub run: Option<String>,
    pub frames: Vec<Frame>,
}

impl Client {
    fn anywhere(&self) -> Person {
        self.person.at(self.addresses.any())
    }

    async fn try_once(&self, request: RequestBuilder) -> Option<Response> {
        let response = timeout(SILENCE, request.send()).await.ok()?.ok()?;
        response.status().is_success().then_some(response)
    }

    /// Sends until it succeeds.
    async fn insist(&self, until: Instant, request: impl Fn(&Person) -> RequestBuilder) -> Option<Response> {
        while Instant::now() < until {
            if let Some(response) = self.try_once(request(&self.anywhere())).await {
                return Some(response);
            }
            self.count.again.fetch_add(1, Ordering::Relaxed);
            sleep(Duration::from_millis(150)).await;
        }
        None
    }

    pub async fn session(&self, key: &str) -> Option<String> {
        let create = |person: &Person| {
            person
                .request(reqwest::Method::POST, "/v1/sessions")
                .json(&json!({}))
                .header("idempotency-key", key)
        };
        let response = self.insist(Instant::now() + PATIENCE, create).await?;
        let session: serde_json::Value = timeout(SILENCE, response.json()).await.ok()?.ok()?;
        session["id"].as_str().map(str::to_owned)
    }

    /// Sends a message, and hears the run to its end, wherever it is executed.
    pub async fn turn(&self, session: &str, key: &str, text: &str) -> Heard {
        let until = Instant::now() + PATIENCE;
        let mut heard = Heard { run: None, frames: Vec::new() };
        let send = |person: &Person| {
            let request = person.message(session, &json!({"text": text}));
            request.header("accept", "text/event-stream").header("idempotency-key", key)
        };
        while heard.run.is_none() && Instant::now() < until {
            let Some(response) = self.insist(until, send).await else { break };
            // Until the first event the run has no name; the same key asks again.
            self.listen(Events::of(response), &mut heard).await;
            heard.run = heard.frames.first().and_then(|f| f.data["run_id"].as_str()).map(str::to_owned);
        }
        while let Some(run) = heard.run.clone().filter(|_| !ended(&heard.frames))
            && Instant::now() < until
        {
            self.count.resumed.fetch_add(1, Ordering::Relaxed);
            let after = heard.frames.last().map(|frame| frame.id.clone()).unwrap_or_default();
            let follow = |person: &Person| {
                let path = format!("/v1/runs/{run}/events");
                person.request(reqwest::Method::GET, &path).header("last-event-id", &after)
            };
            let Some(response) = self.insist(until, follow).await else { break };
            self.listen(Events::of(response), &mut heard).await;
        }
        heard
    }

    /// Hears a stream until it ends, is silent, or the client drops it.
    async fn listen(&self, mut events: Events, heard: &mut Heard) {
        while let Ok(Some(frame)) = timeout(SILENCE, events.next()).await {
            heard.frames.push(frame);
            if !ended(&heard.frames) && rand::rng().random_bool(self.drops) {
                self.count.dropped.fetch_add(1, Ordering::Relaxed);
                return;
            }
        }
    }
}

fn ended(frames: &[Frame]) -> bool {
    frames.last().is_some_and(|frame| ["done", "error"].contains(&frame.event.as_str()))
}
