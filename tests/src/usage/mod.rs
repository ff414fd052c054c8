//! What model calls use, what they may, and how often and how much at once one may ask.

mod budgets;
mod concurrent;
mod estimated;
mod lost;
mod rates;
mod recorded;
mod unpriced;
mod warnings;

use chrono::{NaiveDate, Utc};
use model_sim::{Reply, Usage};
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, Person, Setup, TestApp};

const OWN: &str = "/v1/usage";
const ALL: &str = "/v1/admin/usage";
const BUDGETS: &str = "/v1/admin/budgets";
const DEFAULT: &str = "/v1/platform/budgets";

/// A dollar for a thousand tokens, and a tenth of that from the cache.
pub fn priced() -> Setup {
    let json = r#"{"anthropic/claude-test": {"input": 1000, "output": 1000, "cache_read": 100}}"#;
    Setup { prices: model::Prices::parse(json).expect("prices"), ..Setup::default() }
}

/// An answer that uses so many tokens: one of ten is read from the cache, and one of ten is answered.
fn using(text: &str, tokens: u64) -> Reply {
    Reply::text(text).usage(of(tokens))
}

fn of(tokens: u64) -> Usage {
    Usage {
        input_tokens: tokens / 10 * 8,
        cache_read_input_tokens: tokens / 10,
        output_tokens: tokens / 10,
        cache_creation_input_tokens: 0,
    }
}

/// Sends a message, whatever is answered.
async fn send(person: &Person, session: &str, text: &str) -> Answer {
    person.send(person.message(session, &json!({ "text": text }))).await
}

pub async fn limit(person: &Person, limits: Value) {
    person.put(BUDGETS, limits).await.expect(200);
}

async fn used(person: &Person, path: &str) -> Value {
    person.get(path).await.expect(200).json()
}

async fn reserved(app: &TestApp) -> i64 {
    app.database.count("select count(*) from sixty.budget_reservations").await
}

/// The day, by UTC.
fn today() -> NaiveDate {
    Utc::now().date_naive()
}

/// What was used until now was used yesterday.
async fn a_day_passes(app: &TestApp) {
    let sql = "update sixty.usage_days set day = day - 1;
        update sixty.usage_totals set day = day - 1;
        update sixty.usage_events set at = at - interval '1 day'";
    app.database.run(sql).await;
}

/// Half a minute passes, after which the platform is told.
pub async fn half_a_minute_passes(app: &TestApp) {
    app.database.run("update sixty.usage_events set at = at - interval '1 minute'").await;
}

async fn if_match(person: &Person, path: &str, tag: &str, body: Value) -> Answer {
    person.send(person.request(Method::PUT, path).header("if-match", tag).json(&body)).await
}
