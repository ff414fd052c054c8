//! Slack, with somebody who stands in for it.

mod approvals;
mod commands;
mod delivery;
pub mod fake;
mod fenced;
mod forged;
mod grid;
mod installing;
mod leaving;
mod load;
mod own_links;
mod people;
mod reports;
mod rights;
pub mod send;
mod standin;
mod threads;
mod zones;

use chrono::Utc;
use reqwest::{StatusCode, Url};
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::harness::{Person, Replica, Setup, TestApp, eventually};
use fake::Fake;
pub use send::{
    BOT, CHANNEL, DIRECT, SECRET, TEAM, command_form, direct, envelope, install, link_in, mention, number,
    sign,
};

/// A service with a workspace.
pub struct Desk {
    pub app: TestApp,
    pub slack: Fake,
    http: reqwest::Client,
}

pub fn settings(slack: &Fake) -> server::slack::Settings {
    let api: Url = format!("{}/api", slack.url).parse().expect("a URL");
    server::slack::Settings {
        signing_secret: SecretString::from(SECRET),
        client_id: "client-id".into(),
        client_secret: SecretString::from("client-secret"),
        response_hosts: vec![api.authority().to_owned()],
        api_url: api,
        public_url: "https://copilot.example.com".parse().expect("a URL"),
        link_url: None,
    }
}

impl Desk {
    /// Nothing is installed yet.
    pub async fn bare() -> Self {
        Self::with(Setup::default()).await
    }

    pub async fn with(setup: Setup) -> Self {
        let slack = Fake::start().await;
        let app = TestApp::with(Setup { slack: Some(settings(&slack)), ..setup }).await;
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .expect("a client");
        Self { app, slack, http }
    }

    /// The workspace is installed, and Alice is linked.
    pub async fn open() -> Self {
        Self::opened(Setup::default()).await
    }

    pub async fn opened(setup: Setup) -> Self {
        let desk = Self::with(setup).await;
        desk.install(&desk.app.alice()).await;
        desk.link("U0ALICE", &desk.app.alice()).await;
        desk
    }

    pub fn base(&self) -> String {
        format!("http://{}", self.app.replica.address)
    }

    pub async fn page(&self, path: &str) -> reqwest::Response {
        self.http.get(format!("{}{path}", self.base())).send().await.expect("an answer")
    }

    /// An administrator installs the copilot, as a browser does it. The status of the last page.
    pub async fn install(&self, admin: &Person) -> StatusCode {
        install(&self.slack, admin, &self.base()).await
    }

    /// The person in Slack links themselves, by the link that a command tells.
    pub async fn link(&self, user: &str, member: &Person) {
        let told = self.command(user, "today").await.json::<Value>().await.expect("JSON");
        let token = link_in(&told.to_string()).unwrap_or_else(|| panic!("no link: {told}"));
        member.post("/v1/slack/links", json!({ "token": token })).await.expect(201);
        eventually("Slack is asked where they are", async || {
            let asked = self.slack.calls("users.info");
            asked.iter().any(|call| call.body["user"] == user).then_some(())
        })
        .await;
    }

    /// Sends a request that Slack signs now.
    pub async fn signed(&self, path: &str, body: String) -> reqwest::Response {
        self.signed_at(&self.base(), path, body).await
    }

    pub async fn signed_at(&self, base: &str, path: &str, body: String) -> reqwest::Response {
        let at = Utc::now().timestamp().to_string();
        let kind =
            if path.ends_with("events") { "application/json" } else { "application/x-www-form-urlencoded" };
        let request = self.http.post(format!("{base}{path}")).header("content-type", kind);
        let request = request.header("x-slack-request-timestamp", &at);
        let request = request.header("x-slack-signature", sign(SECRET, &at, &body));
        request.body(body).send().await.expect("an answer")
    }

    /// A slash command of a person.
    pub async fn command(&self, user: &str, text: &str) -> reqwest::Response {
        self.signed("/slack/commands", command_form(&self.slack, user, text)).await
    }

    /// Somebody writes a message.
    pub async fn event(&self, event: Value) -> reqwest::Response {
        self.signed("/slack/events", envelope(event).to_string()).await
    }

    /// Somebody clicks.
    pub async fn click(&self, user: &str, action: &str, value: &str) -> reqwest::Response {
        let payload = json!({
            "type": "block_actions", "team": { "id": TEAM }, "user": { "id": user }, "trigger_id": number(),
            "channel": { "id": DIRECT }, "container": {}, "message": {},
            "response_url": format!("{}/respond/{}", self.slack.url, number()),
            "actions": [{ "action_id": action, "value": value }],
        });
        self.interact(payload).await
    }

    pub async fn interact(&self, payload: Value) -> reqwest::Response {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.append_pair("payload", &payload.to_string());
        self.signed("/slack/interactions", form.finish()).await
    }

    /// Waits until these words were sent to Slack, as a message or to one person.
    pub async fn hears(&self, words: &str) {
        eventually(words, async || self.slack.told().contains(words).then_some(())).await;
    }

    /// Waits until everything that was said is answered.
    pub async fn settled(&self) {
        eventually("everything is answered", async || {
            let open = "select count(*) from sixty.slack_turns where state <> 'over'";
            (self.app.database.count(open).await == 0).then_some(())
        })
        .await;
    }

    pub async fn turns(&self) -> i64 {
        self.app.database.count("select count(*) from sixty.slack_turns").await
    }

    pub async fn another_replica(&self) -> Replica {
        self.app.another_replica(Setup { slack: Some(settings(&self.slack)), ..Setup::default() }).await
    }
}
