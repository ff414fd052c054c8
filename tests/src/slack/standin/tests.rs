//! The stand-in itself: what it refuses is what Slack refuses.

mod api;
mod sending;

use reqwest::{Client, Response};
use serde_json::{Value, json};

use super::StandIn;

/// A workspace with two people, a channel, and the direct messages of one of them.
pub async fn slack() -> (StandIn, String) {
    let slack = StandIn::start().await;
    let token = {
        let mut world = slack.world();
        let token = world.workspace("T1").token.clone();
        world.user("T1", "U1", Some("alice@acme.example"));
        world.user("T1", "U2", None);
        world.channel("T1", "C1");
        world.dm("U1");
        token
    };
    (slack, token)
}

pub async fn raw(slack: &StandIn, token: &str, method: &str, args: &Value) -> reqwest::Result<Response> {
    let request = Client::new().post(format!("{}/{method}", slack.api())).json(args);
    let request = if token.is_empty() { request } else { request.bearer_auth(token) };
    request.send().await
}

pub async fn call(slack: &StandIn, token: &str, method: &str, args: &Value) -> Value {
    raw(slack, token, method, args).await.expect("an answer").json().await.expect("JSON")
}

/// The error of a call that must fail.
pub async fn refused(slack: &StandIn, token: &str, method: &str, args: &Value) -> String {
    let said = call(slack, token, method, args).await;
    assert_eq!(said["ok"], false, "{method} {args}: {said}");
    said["error"].as_str().expect("an error").to_owned()
}

/// A message that Slack takes.
pub fn message(channel: &str, text: &str) -> Value {
    json!({"channel": channel, "text": text, "unfurl_links": false, "unfurl_media": false})
}
