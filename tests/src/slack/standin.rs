//! A stand-in for Slack: the methods of its API, checked as strictly as Slack's reference says, and
//! what a person would see in each channel. Faults are scripted; streams and addresses expire only when a
//! test says so. What the service sends and Slack would not take fails the test that stands on it.

mod blocks;
mod chat;
mod lookups;
mod methods;
mod responses;
mod scopes;
mod seen;
mod sender;
mod server;
mod signing;
mod submitting;
#[cfg(test)]
mod tests;
mod world;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use tokio::{net::TcpListener, task::AbortHandle};
use tokio_util::task::TaskTracker;

pub use self::{
    seen::Seen,
    sender::{Answer, Envelope, Sender},
    signing::signature,
    world::{Call, Fault, World},
};

pub const CLIENT_ID: &str = "111.222";
pub const CLIENT_SECRET: &str = "the secret of the client";
pub const SIGNING_SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";

/// A running stand-in. Dropped, it panics where a rule of Slack's was broken.
pub struct StandIn {
    /// Without a path: `{url}/api` is the address of the API.
    pub url: String,
    world: Arc<Mutex<World>>,
    serving: AbortHandle,
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.serving.abort();
        let problems = self.take_problems();
        let found = format!("Slack would not have this:\n{}", problems.join("\n"));
        if std::thread::panicking() {
            eprintln!("{found}");
        } else {
            assert!(problems.is_empty(), "{found}");
        }
    }
}

impl StandIn {
    /// Slack without any workspace.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let world = Arc::new(Mutex::new(World::new(&url)));
        let app = server::router(Arc::clone(&world));
        let serving =
            TaskTracker::new().spawn(async move { axum::serve(listener, app).await.expect("it serves") });
        Self { url, world, serving: serving.abort_handle() }
    }

    pub fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The address of the API, for `SLACK_API_URL`.
    pub fn api(&self) -> String {
        format!("{}/api", self.url)
    }

    /// The host of response addresses, for `SLACK_RESPONSE_URL_HOSTS`.
    pub fn host(&self) -> String {
        self.url.trim_start_matches("http://").to_owned()
    }

    /// Slack itself, which sends to the service at this address.
    pub fn sender(&self, service: &str) -> Sender {
        Sender::new(service, Arc::clone(&self.world))
    }

    /// The next calls of this method (`*`: of any, `respond`: of response addresses) go wrong like this, each once.
    pub fn fail(&self, method: &str, faults: impl IntoIterator<Item = Fault>) {
        self.world().fail(method, faults);
    }

    /// The calls of a method, in their order.
    pub fn calls(&self, method: &str) -> Vec<Call> {
        self.world().calls.iter().filter(|call| call.method == method).cloned().collect()
    }

    /// What the app has said and somebody can see now, oldest first.
    pub fn said(&self) -> Vec<Seen> {
        seen::of_the_app(&self.world())
    }

    /// The words of what the app has said to all who are there.
    pub fn shown(&self) -> Vec<String> {
        let said = self.said().into_iter();
        said.filter(|seen| seen.only_for.is_none()).map(|seen| seen.words).collect()
    }

    /// The posts to a response address.
    pub fn replies(&self, response_url: &str) -> Vec<Value> {
        self.world().replies_of(response_url)
    }

    /// No stream was heard of for so long that Slack has closed all of them.
    pub fn expire_streams(&self) {
        self.world().expire_streams();
    }

    /// Half an hour passes for all response addresses.
    pub fn expire_response_urls(&self) {
        self.world().expire_response_urls();
    }

    /// What the service has sent that Slack would not take, or that it must never send; forgiven from now on.
    pub fn take_problems(&self) -> Vec<String> {
        std::mem::take(&mut self.world().problems)
    }
}
