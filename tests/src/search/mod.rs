//! The archive is found again: by its owner, in plain words, page by page.

mod function;
mod people;
mod tools;
mod words;

use model_sim::Reply;
use serde_json::{Value, json};

use crate::harness::{Person, TestApp};

/// Says these things in a new conversation, each with its answer, and archives it; answers the archive, which
/// holds all but the last turn if there are several. That one is archived by itself.
async fn archived(app: &TestApp, person: &Person, session: Value, said: &[(&str, &str)]) -> Value {
    let session = person.session_with(session).await;
    for (question, answer) in said {
        app.sim.push_for(*question, Reply::text(*answer));
        person.ask(&session, question).await;
    }
    let path = format!("/v1/sessions/{session}/compact");
    let archive = person.post(&path, json!({})).await.expect(200).json();
    if said.len() > 1 {
        person.post(&path, json!({})).await.expect(200);
    }
    archive
}

/// The address of a search.
fn search(parameters: &[(&str, &str)]) -> String {
    let url =
        reqwest::Url::parse_with_params("http://any/v1/session-summaries/search", parameters).expect("a URL");
    format!("{}?{}", url.path(), url.query().unwrap_or_default())
}

async fn found(person: &Person, parameters: &[(&str, &str)]) -> Vec<Value> {
    let page = person.get(&search(parameters)).await.expect(200).json();
    page["data"].as_array().expect("a list").clone()
}

fn snippets(passages: &[Value]) -> Vec<&str> {
    passages.iter().map(|passage| passage["snippet"].as_str().expect("a text")).collect()
}
