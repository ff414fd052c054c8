//! Secrets that organizations store: kept, never shown, and taken out of every text.

mod masked;
mod rotated;
mod stored;

use model_sim::Sim;
use serde_json::{Value, json};

use crate::harness::{Answer, Person};

pub const PATH: &str = "/v1/admin/secrets";

/// Stores a secret.
pub async fn keep(person: &Person, name: &str, value: &str) -> Answer {
    person.put(&format!("{PATH}/{name}"), json!({ "value": value })).await
}

/// Asks these providers with these secrets, and nothing else of models.
pub async fn use_keys(person: &Person, keys: &[(&str, &str)]) {
    let rows: Vec<Value> =
        keys.iter().map(|(provider, secret)| json!({"provider": provider, "secret": secret})).collect();
    person.put("/v1/admin/models", json!({ "keys": rows })).await.expect(200);
}

/// Keys of the model calls since the last time.
pub fn sent(sim: &Sim) -> Vec<String> {
    let requests = sim.take_requests();
    let asked = requests.iter().filter(|request| request.method == reqwest::Method::POST);
    asked
        .map(|request| match request.header("authorization").strip_prefix("Bearer ") {
            Some(key) => key.to_owned(),
            None => request.header("x-api-key").to_owned(),
        })
        .collect()
}
