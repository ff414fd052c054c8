//! People are told when most of a budget is used.

use serde_json::{Value, json};

use super::{limit, priced, used, using};
use crate::harness::{Person, TestApp, eventually};

async fn warnings(person: &Person) -> Vec<Value> {
    let told = used(person, "/v1/notifications?limit=100").await;
    let all = told["data"].as_array().expect("a list");
    all.iter().filter(|it| it["kind"] == "budget_warning").cloned().collect()
}

async fn warned(person: &Person, times: usize) -> Vec<Value> {
    eventually("a warning", async || Some(warnings(person).await).filter(|told| told.len() == times)).await
}

#[tokio::test]
async fn a_person_is_warned_once_when_most_of_their_budget_is_used() {
    let app = TestApp::with(priced()).await;
    let (alice, bob) = (app.alice(), app.bob());
    alice.get("/v1/me").await.expect(200);
    limit(&alice, json!({"user": {"monthly_tokens": 1000}})).await;
    let session = bob.session().await;
    app.sim.respond_with(|_| using("Yes.", 100));
    for _ in 0..7 {
        bob.ask(&session, "And?").await;
    }
    assert_eq!(warnings(&bob).await, [] as [Value; 0]);
    bob.ask(&session, "And?").await;
    let told = warned(&bob, 1).await;
    assert_eq!(told[0]["title"], "80 % of your monthly budget are used");
    assert!(
        told[0]["text"].as_str().is_some_and(|text| text.starts_with("800 tokens of 1000 tokens are used"))
    );
    // It is news to whoever listens.
    let listens = bob
        .request(reqwest::Method::GET, "/v1/events")
        .header("last-event-id", uuid::Uuid::nil().to_string());
    let news = bob.send(listens).await.expect(200).text;
    assert!(news.contains("budget_warning"), "{news}");
    bob.ask(&session, "And?").await;
    // Nor does another replica tell it again: what it tells next is of another budget, and of one that was raised.
    let other = app.another_replica(priced()).await;
    let elsewhere = bob.at(other.address);
    elsewhere.ask(&session, "And?").await;
    limit(&alice, json!({"user": {"daily_tokens": 1200, "monthly_tokens": 1200}})).await;
    // Most of a day's, whether a new day has begun by now or not.
    app.sim.respond_with(|_| using("Yes.", 1_000));
    elsewhere.ask(&session, "And?").await;
    let told = warned(&bob, 3).await;
    let mut titles: Vec<&str> = told.iter().filter_map(|it| it["title"].as_str()).collect();
    titles.sort_unstable();
    let (daily, monthly) = ("80 % of your daily budget are used", "80 % of your monthly budget are used");
    assert_eq!(titles, [daily, monthly, monthly]);
    assert_eq!(warnings(&alice).await, [] as [Value; 0]);
}

#[tokio::test]
async fn owners_and_administrators_are_warned_of_the_organizations_budget() {
    let app = TestApp::with(priced()).await;
    let (alice, bob, adam) = (app.alice(), app.bob(), app.replica.person("acme", "adam", "admin"));
    adam.get("/v1/me").await.expect(200);
    limit(&alice, json!({"org": {"monthly_usd": 1}})).await;
    app.sim.respond_with(|_| using("Yes.", 1_000));
    bob.ask(&bob.session().await, "Hello?").await;
    for person in [&alice, &adam] {
        let told = warned(person, 1).await;
        assert_eq!(told[0]["title"], "80 % of the organization's monthly budget are used");
    }
    assert_eq!(warnings(&bob).await.len(), 0);
}
