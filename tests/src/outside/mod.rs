//! Calls whose effect is outside of the service, made by real processes.

mod approved;
mod calls;
mod owners;
mod trust;

use model_sim::Reply;
use serde_json::{Value, json};

use crate::harness::{
    Frame, Person, Process, Setup, Spawn, TestApp,
    look::{all, prompts, result},
    probe::Probe,
};

const LEASE: u32 = 3;

/// A service whose own replica only reads, and a world outside.
struct World {
    app: TestApp,
    probe: Probe,
}

impl World {
    async fn start() -> Self {
        let world = Self::that_asks().await;
        world.app.alice().lets_connectors_act().await;
        world
    }

    /// An organization whose copilots ask before they use tools outside.
    async fn that_asks() -> Self {
        let app = TestApp::with(Setup { works: false, ..Setup::default() }).await;
        Self { app, probe: Probe::start().await }
    }

    fn spawn(&self) -> Spawn {
        Spawn {
            database_url: self.app.database.url(),
            model_url: self.app.model_url(),
            lease_seconds: LEASE,
            probe_url: Some(self.probe.url.clone()),
            ..Spawn::default()
        }
    }

    async fn process(&self) -> Process {
        Process::start(&self.spawn()).await.expect("a server")
    }

    async fn states(&self, state: &str) -> i64 {
        let pool = self.app.database.superuser().await;
        let count = sqlx::query_scalar("select count(*) from sixty.tool_calls where state = $1")
            .bind(state)
            .fetch_one(&pool)
            .await
            .expect("a number");
        pool.close().await;
        count
    }
}

fn probe(tool: &str, text: &str) -> Reply {
    Reply::call(tool, json!({"text": text}))
}

/// The only result of the stream, checked against what the model was told and the history shows.
async fn only_result(world: &World, person: &Person, session: &str, frames: &[Frame]) -> Value {
    let results = all(frames, "tool_result");
    assert_eq!(results.len(), 1, "{frames:#?}");
    let text = results[0]["result"].as_str().or(results[0]["error"].as_str()).expect("a text");
    let failed = results[0]["success"] == false;
    assert_eq!(result(prompts(&world.app.sim).last().expect("a prompt"), 0), (text.to_owned(), failed));
    let history = person.history(session).await;
    assert_eq!(history[2]["content"][0]["content"], text);
    results[0].clone()
}

/// Fails unless the result says that nobody knows.
#[track_caller]
fn unknown(result: &Value) {
    assert_eq!((&result["success"], &result["unknown"]), (&json!(false), &json!(true)), "{result}");
    let text = result["error"].as_str().expect("a text");
    assert!(text.starts_with("The outcome is unknown: "), "{text}");
    assert!(text.contains("Do not repeat it blindly"), "{text}");
}
