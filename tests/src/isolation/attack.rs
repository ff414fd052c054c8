//! One request of the matrix, and the sum of all of them.

use std::collections::BTreeSet;

use reqwest::{Method, RequestBuilder};

use super::{
    operations::{At, Names, Operation, Place},
    world::{CANARY, Insider},
};
use crate::harness::{Answer, Person};

/// What has been tried, and what went wrong.
#[derive(Default)]
pub struct Tally {
    pub cases: usize,
    pub operations: BTreeSet<(&'static str, &'static str)>,
    pub places: BTreeSet<Place>,
    pub leaks: Vec<String>,
}

impl Tally {
    pub fn leak(&mut self, what: String) {
        self.leaks.push(what);
    }

    /// Counts an answer, which must not hold what is somebody else's.
    pub fn count(&mut self, operation: &Operation, answer: &Answer, case: &str) {
        self.cases += 1;
        self.operations.insert((operation.method, operation.path));
        if sings(answer) {
            self.leak(format!("{} {}: {case}: {answer:?}", operation.method, operation.path));
        }
    }

    /// Prints the figures. Fails on a leak, and where too little was tried.
    pub fn conclude(&self, mode: &str, cases: usize, operations: usize, places: usize) {
        let figures = [self.cases, self.operations.len(), self.places.len()];
        println!(
            "{mode}: {} cases, {} operations, {} places, {} leaks",
            figures[0],
            figures[1],
            figures[2],
            self.leaks.len()
        );
        let shown: Vec<&String> = self.leaks.iter().take(10).collect();
        assert!(self.leaks.is_empty(), "{mode}: {} leaks: {shown:#?}", self.leaks.len());
        for (figure, floor) in figures.into_iter().zip([cases, operations, places]) {
            assert!(
                figure >= floor,
                "{mode}: only {figures:?}, of at least {:?}",
                [cases, operations, places]
            );
        }
    }
}

/// Whether the answer holds what is Bob's or Mallory's.
pub fn sings(answer: &Answer) -> bool {
    answer.text.contains(CANARY) || format!("{:?}", answer.headers).contains(CANARY)
}

/// Sends an operation with these path parameters.
pub async fn call(person: &Person, operation: &Operation, parameters: &[String], accept: &str) -> Answer {
    let request = request(person, operation, parameters, "", operation.body).header("accept", accept);
    person.send(request).await
}

/// Asks for a name in its place; whatever else the request names is the insider's own.
pub fn ask(who: &Insider, operation: &Operation, place: &Place, asked: &[String]) -> RequestBuilder {
    let fill = |template: &str| {
        let id = asked.last().map_or("", String::as_str);
        template.replace("{kind}", asked.first().map_or("", String::as_str)).replace("{id}", id)
    };
    let own = || owned(who, operation.names);
    let person = &who.person;
    match place.at {
        At::Path => request(person, operation, asked, "", operation.body),
        At::Query(query) => request(person, operation, &own(), &fill(query), operation.body),
        At::Header(name) => {
            request(person, operation, &own(), "", operation.body).header(name, fill("{id}").replace('%', ""))
        }
        At::Body(body) => request(person, operation, &own(), "", &fill(body)),
    }
}

/// Path parameters of the insider's own.
fn owned(who: &Insider, names: Names) -> Vec<String> {
    match names {
        Names::Session => vec![who.own.session.clone()],
        Names::Run => vec![who.own.run.clone()],
        Names::Summary => vec![who.own.summary.clone()],
        Names::Approval => vec![who.own.approval.clone()],
        Names::Question => vec![who.own.question.clone()],
        Names::Proposal => vec![who.own.proposal.clone()],
        Names::Schedule => vec![who.own.schedule.clone()],
        Names::Notification => vec![who.own.notification.clone()],
        Names::SlackLink => vec![who.own.slack_link.clone()],
        Names::Entity | Names::OwnEntity => vec!["deal".into(), "D-1".into()],
        Names::Skill => vec!["mine-9".into()],
        Names::OwnKey => vec![format!("key-{}", uuid::Uuid::now_v7())],
        _ => Vec::new(),
    }
}

fn request(
    person: &Person,
    operation: &Operation,
    parameters: &[String],
    query: &str,
    body: &str,
) -> RequestBuilder {
    let mut parameters = parameters.iter();
    let template = if query.is_empty() { operation.path } else { bare(operation.path) };
    let mut path = template
        .split('/')
        .map(|part| {
            let parameter = part.starts_with('{').then(|| parameters.next().map(String::as_str));
            parameter.flatten().unwrap_or(part)
        })
        .collect::<Vec<_>>()
        .join("/");
    if !query.is_empty() {
        path = format!("{path}?{query}");
    }
    let method = Method::from_bytes(operation.method.as_bytes()).expect("a method");
    let request = person.request(method, &path);
    if body.is_empty() {
        return request;
    }
    request.header("content-type", "application/json").body(body.to_owned())
}

/// The path without a query that makes the call more telling.
fn bare(path: &str) -> &str {
    path.split('?').next().unwrap_or(path)
}
