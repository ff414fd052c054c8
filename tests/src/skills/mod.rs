//! Skills as they are kept: written, versioned, switched, pinned, imported, and the platform's; and as they are used.

mod beside;
mod book;
mod cookbook;
mod exporting;
mod import;
mod lifecycle;
mod listed;
mod platform;
mod pushing;
mod refusals;
mod rows;
mod using;
mod zips;

use domain::{OrgId, Tenant, UserId, skill::Source};
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, Person, TestApp};

const PATH: &str = "/v1/admin/skills";
const PLATFORM: &str = "/v1/platform/skills";

/// A skill that is good.
pub fn document(name: &str, body: &str) -> String {
    format!("---\nname: {name}\ndescription: What {name} does.\n---\n\n# {name}\n\n{body}\n")
}

/// The same with more in its front matter, a line each.
fn with(name: &str, lines: &str) -> String {
    document(name, "Do it.").replacen("\n---\n", &format!("\n{lines}\n---\n"), 1)
}

fn skill(key: &str, document: &str) -> Value {
    json!({"key": key, "document": document})
}

async fn put(person: &Person, key: &str, document: &str) -> Answer {
    person.put(&format!("{PATH}/{key}"), json!({ "document": document })).await
}

async fn read(person: &Person, key: &str) -> Value {
    person.get(&format!("{PATH}/{key}")).await.expect(200).json()
}

/// A `POST` without a body, such as a switch.
async fn push(person: &Person, path: &str) -> Answer {
    person.send(person.request(Method::POST, path)).await
}

pub async fn send(
    person: &Person,
    method: Method,
    path: &str,
    kind: &str,
    body: impl Into<Vec<u8>>,
) -> Answer {
    person.send(person.request(method, path).header("content-type", kind).body(body.into())).await
}

/// Gives each skill 249 versions more.
pub async fn many_versions(pool: &sqlx::PgPool) {
    let more = "insert into sixty.skill_versions (org_id, key, version, document, sha256, kind, name, description, tags, active)
            select v.org_id, key, n, 'x', v.sha256, 'atomic', 'N', 'N', '{}', true
            from sixty.skill_versions v, generate_series(2, 250) n;
        update sixty.skills set version = 250";
    sqlx::raw_sql(more).execute(pool).await.expect("249 more");
}

/// Action and detail of what the trail says of a skill, newest first.
async fn trail(person: &Person, key: &str) -> Vec<(String, Value)> {
    let entries = person.get("/v1/admin/audit?limit=100").await.expect(200).json();
    let entries = entries["data"].as_array().expect("a list").clone();
    let target = format!("skill:{key}");
    entries
        .into_iter()
        .filter(|entry| entry["target"] == target.as_str())
        .map(|entry| (entry["action"].as_str().expect("an action").to_owned(), entry["detail"].clone()))
        .collect()
}

/// Reads as a run of the organization does.
async fn as_run<T>(app: &TestApp, org: &str, work: impl AsyncFnOnce(&mut store::TenantTx) -> T) -> T {
    let tenant = Tenant::own(OrgId::derive(org), UserId::derive("alice"));
    let mut tx = app.replica.engine.store().tenant(tenant).await.expect("a transaction");
    let read = work(&mut tx).await;
    tx.commit().await.expect("an end");
    read
}

/// What the organization's copilots are offered: key, whose it is, and the version.
async fn in_use(app: &TestApp, org: &str) -> Vec<(String, Source, i64)> {
    let used = as_run(app, org, async |tx| store::skills::in_use(tx).await.expect("skills")).await;
    used.into_iter().map(|used| (used.key, used.source, used.version)).collect()
}

async fn states(app: &TestApp, org: &str) -> store::skills::States {
    as_run(app, org, async |tx| store::skills::states(tx).await.expect("states")).await
}
