//! Several models: who is asked, who answers where one fails, and what administrators say of both.

mod failover;
mod keys;
mod routing;
mod states;
mod windows;

use model_sim::{Running, Sim};
use serde_json::{Value, json};

use crate::harness::{Setup, TestApp};

/// A service that has a second provider, `second`, beside the first.
pub struct Two {
    pub app: TestApp,
    pub second: Sim,
    running: Running,
}

impl Two {
    pub async fn with(setup: Setup) -> Self {
        let second = Sim::scripted();
        let running = second.start().await.expect("the stand-in listens");
        let providers = vec![("second".to_owned(), running.url())];
        let app = TestApp::with(Setup { providers, ..setup }).await;
        Self { app, second, running }
    }

    /// The address of the second provider.
    pub fn second_url(&self) -> String {
        self.running.url()
    }

    /// Turns ask the first provider, then the second.
    pub async fn routed() -> Self {
        let two = Self::with(Setup::default()).await;
        two.route(json!([{ "candidates": ["anthropic/first", "second/next"] }])).await;
        two
    }

    pub async fn route(&self, routes: Value) {
        self.app.alice().put("/v1/admin/models", json!({ "routes": routes })).await.expect(200);
    }

    /// How many requests each provider has had since the last time.
    pub fn calls(&self) -> (usize, usize) {
        let count = |sim: &Sim| {
            let requests = sim.take_requests();
            requests.iter().filter(|request| request.path == "/v1/messages").count()
        };
        (count(&self.app.sim), count(&self.second))
    }
}
