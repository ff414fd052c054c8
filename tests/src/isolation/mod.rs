//! Nobody learns of, or touches, what is another organization's or a colleague's.

mod operations;
mod people;
mod rows;
mod world;

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::Value;

use self::{
    operations::{Names, OPERATIONS, Operation},
    world::{CANARY, World},
};
use crate::harness::{Answer, Person};

/// Sends the operation with these path parameters, as JSON or wishing for events.
async fn call(person: &Person, operation: &Operation, parameters: &[String], accept: &str) -> Answer {
    let mut parameters = parameters.iter();
    let path = operation
        .path
        .split('/')
        .map(|part| {
            let parameter = part.starts_with('{').then(|| parameters.next().map(String::as_str));
            parameter.flatten().unwrap_or(part)
        })
        .collect::<Vec<_>>()
        .join("/");
    let method = Method::from_bytes(operation.method.as_bytes()).expect("a method");
    let mut request = person.request(method, &path).header("accept", accept);
    if !operation.body.is_empty() {
        request = request.header("content-type", "application/json").body(operation.body);
    }
    person.send(request).await
}

/// What an answer says, without what is different in every answer.
fn gist(answer: &Answer) -> (u16, Vec<(String, String)>, Value) {
    let mut headers: Vec<(String, String)> = answer
        .headers
        .iter()
        .filter(|(name, _)| !["date", "x-request-id"].contains(&name.as_str()))
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect();
    headers.sort();
    let mut body: Value = serde_json::from_str(&answer.text).unwrap_or_else(|_| answer.text.clone().into());
    if let Some(problem) = body.as_object_mut() {
        problem.remove("request_id");
    }
    (answer.status.as_u16(), headers, body)
}

/// The path without a query that makes the call more telling.
fn bare(path: &str) -> String {
    path.split('?').next().unwrap_or(path).to_owned()
}

#[test]
fn the_matrix_covers_every_operation() {
    let document = serde_json::to_value(server::openapi()).expect("JSON");
    let documented: BTreeSet<(String, String)> = document["paths"]
        .as_object()
        .expect("paths")
        .iter()
        .flat_map(|(path, item)| {
            let methods = item.as_object().expect("operations").keys();
            methods
                .filter(|name| ["get", "put", "post", "patch", "delete"].contains(&name.as_str()))
                .map(|method| (method.to_uppercase(), path.clone()))
                .collect::<Vec<_>>()
        })
        .collect();
    let covered: BTreeSet<(String, String)> =
        OPERATIONS.iter().map(|operation| (operation.method.to_owned(), bare(operation.path))).collect();
    assert_eq!(covered.len(), OPERATIONS.len(), "an operation stands twice in the matrix");
    assert_eq!(documented, covered);
    for operation in OPERATIONS {
        let parameters = operation.path.matches('{').count();
        assert_eq!(parameters == 0, operation.names == Names::Nothing, "{}", operation.path);
    }
}

#[tokio::test]
async fn what_one_may_not_know_of_does_not_exist() {
    let world = World::new().await;
    let before = world.of_others().await;
    assert!(before.contains(CANARY));
    for operation in OPERATIONS {
        let (method, path) = (operation.method, operation.path);
        for accept in ["application/json", "text/event-stream"] {
            let cases = world.unknowable(operation.names);
            let mut answers = Vec::new();
            for (what, parameters) in &cases {
                answers.push((what, parameters, call(&world.alice, operation, parameters, accept).await));
            }
            let Some((_, _, first)) = answers.first() else { continue };
            let wanted =
                if operation.names == Names::Platform { (403, "forbidden") } else { (404, "not_found") };
            first.problem(wanted.0, wanted.1);
            for (what, parameters, answer) in &answers {
                assert_eq!(gist(answer), gist(first), "{method} {path}: {what}, {parameters:?}");
            }
        }
    }
    assert_eq!(world.of_others().await, before, "nothing of theirs has changed");
}

#[tokio::test]
async fn nothing_of_others_is_in_any_answer() {
    let world = World::new().await;
    let before = world.of_others().await;
    for operation in OPERATIONS {
        let mut cases = world.unknowable(operation.names);
        match operation.names {
            Names::Nothing => cases.push(("own", Vec::new())),
            Names::OwnKey => cases.push(("the same name", vec!["main".into()])),
            Names::OwnEntity => cases.push(("the same name", vec!["deal".into(), "D-9".into()])),
            _ => {}
        }
        for (what, parameters) in cases {
            for person in [&world.alice, &world.app.rita()] {
                let answer = call(person, operation, &parameters, "*/*").await;
                let shown = format!("{:?} {}", answer.headers, answer.text);
                assert!(!shown.contains(CANARY), "{} {}: {what}: {shown}", operation.method, operation.path);
                assert!(!answer.status.is_server_error(), "{answer:?}");
            }
        }
    }
    assert_eq!(world.of_others().await, before, "nothing of theirs has changed");
    // The canaries do sing for those to whom they belong.
    for person in [&world.bob, &world.mallory] {
        assert!(person.get("/v1/sessions").await.text.contains(CANARY));
        assert!(person.get("/v1/memory/user").await.text.contains(CANARY));
    }
}
