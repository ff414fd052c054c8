//! Several models: who is asked, who answers where one fails, and what administrators say of both.

mod failover;
mod keys;
mod routing;
mod states;
mod windows;

use model_sim::{Running, Sim};
use serde_json::{Value, json};

use crate::harness::{Person, Setup, TestApp};

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
        Self::routed_with(Setup::default()).await
    }

    pub async fn routed_with(setup: Setup) -> Self {
        let two = Self::with(setup).await;
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
            let asks = ["/v1/messages", "/v1/chat/completions"];
            requests.iter().filter(|request| asks.contains(&request.path.as_str())).count()
        };
        (count(&self.app.sim), count(&self.second))
    }
}

/// The circuit of the model, as they are told of it.
async fn circuit(person: &Person, model: &str) -> Value {
    let state = person.get("/v1/models").await.expect(200).json();
    let all = state["data"].as_array().expect("models");
    all.iter().find(|row| row["model"] == model).expect("the model")["circuit"].clone()
}
