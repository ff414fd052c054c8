//! Slack, with somebody who stands in for it and takes nothing that Slack would not take.

mod approvals;
mod commands;
mod delivery;
mod fenced;
mod forged;
mod grid;
mod installing;
mod leaving;
mod limits;
mod load;
mod mentions;
mod own_links;
mod people;
mod replicas;
mod reports;
mod rights;
mod spent;
pub mod standin;
mod threads;
pub mod workspace;
mod zones;

use std::time::Duration;

use reqwest::{StatusCode, Url};
use secrecy::SecretString;

use crate::harness::{Person, Replica, Setup, TestApp, eventually};
use standin::{Answer, CLIENT_ID, CLIENT_SECRET, Envelope, Fault, SIGNING_SECRET, Seen, Sender, StandIn};
use workspace::{ALICE, BOB, CARL, CHANNEL, COMMAND, DIRECT, ELSEWHERE, PUBLIC, TEAM, UNLISTED, link_in};

fn settings(slack: &StandIn) -> server::slack::Settings {
    let api_url: Url = slack.api().parse().expect("a URL");
    server::slack::Settings {
        signing_secret: SecretString::from(SIGNING_SECRET),
        client_id: CLIENT_ID.into(),
        client_secret: SecretString::from(CLIENT_SECRET),
        response_hosts: vec![slack.host()],
        api_url,
        public_url: PUBLIC.parse().expect("a URL"),
        link_url: None,
        // Many tests share two cores.
        answer_within: Duration::from_secs(2),
    }
}

/// A service with a workspace.
struct Desk {
    app: TestApp,
    slack: StandIn,
    /// Slack sends to the first replica.
    sender: Sender,
}

impl Desk {
    /// Nothing is installed yet.
    async fn bare() -> Self {
        Self::with(Setup::default()).await
    }

    async fn with(setup: Setup) -> Self {
        let slack = workspace::slack().await;
        let app = TestApp::with(Setup { slack: Some(settings(&slack)), ..setup }).await;
        let sender = slack.sender(&base(&app.replica));
        Self { app, slack, sender }
    }

    /// The workspace is installed, and Alice is linked.
    async fn open() -> Self {
        Self::opened(Setup::default()).await
    }

    async fn opened(setup: Setup) -> Self {
        let desk = Self::with(setup).await;
        workspace::connect(&desk.slack, &desk.app.alice(), &desk.base()).await;
        desk
    }

    fn base(&self) -> String {
        base(&self.app.replica)
    }

    async fn page(&self, path: &str) -> reqwest::Response {
        workspace::page(&format!("{}{path}", self.base())).await
    }

    async fn install(&self, admin: &Person) -> StatusCode {
        self.install_in(TEAM, admin).await
    }

    /// Of a workspace, or for an enterprise.
    async fn install_in(&self, chosen: &str, admin: &Person) -> StatusCode {
        workspace::install(&self.slack, admin, &self.base(), chosen).await
    }

    async fn link(&self, user: &str, member: &Person) {
        workspace::link(&self.slack, &self.sender, user, member).await;
    }

    /// A slash command of a person.
    async fn command(&self, user: &str, text: &str) -> Answer {
        let answer = self.sender.slash(user, ELSEWHERE, COMMAND, text).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer
    }

    /// A message of a person to the copilot directly.
    fn direct(&self, user: &str, text: &str) -> Envelope {
        self.sender.message(user, &format!("D{user}"), None, text)
    }

    /// Somebody mentions the copilot in a channel; in a thread, if one is named.
    fn mention(&self, user: &str, text: &str, thread: Option<&str>) -> Envelope {
        let bot = self.slack.world().workspace(TEAM).bot.clone();
        self.sender.message(user, CHANNEL, thread, &format!("<@{bot}> {text}"))
    }

    /// Slack tells of something, and hears that it arrived.
    async fn deliver(&self, envelope: &Envelope) {
        let answer = self.sender.deliver(envelope, None).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, ""), "{envelope:?}");
    }

    /// Alice writes to the copilot directly.
    async fn say(&self, text: &str) {
        self.deliver(&self.direct(ALICE, text)).await;
    }

    /// A person clicks on a button of a message as it was seen.
    async fn press(&self, user: &str, seen: &Seen, label: &str) -> Answer {
        let button = seen.buttons.iter().find(|button| button.label == label);
        let button = button.unwrap_or_else(|| panic!("no button {label}: {seen:?}"));
        let answer = self.sender.click(user, &seen.channel, &seen.ts, &button.action, &button.value).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, ""));
        answer
    }

    /// Waits until these words are read in Slack, by all or by one person, and where.
    async fn hears(&self, words: &str) -> Seen {
        eventually(words, async || self.slack.said().into_iter().rfind(|seen| seen.words.contains(words)))
            .await
    }

    /// Waits until everything that was said is answered.
    async fn settled(&self) {
        eventually("everything is answered", async || {
            let open = "select count(*) from sixty.slack_turns where state <> 'over'";
            (self.app.database.count(open).await == 0).then_some(())
        })
        .await;
    }

    async fn turns(&self) -> i64 {
        self.app.database.count("select count(*) from sixty.slack_turns").await
    }

    async fn runs(&self) -> i64 {
        self.app.database.count("select count(*) from sixty.runs").await
    }

    async fn another_replica(&self, setup: Setup) -> Replica {
        self.app.another_replica(Setup { slack: Some(settings(&self.slack)), ..setup }).await
    }

    /// Slack takes no streams: an answer is a message that is changed.
    fn without_streams(&self) {
        self.slack.fail("chat.startStream", [Fault::Error("unknown_method")]);
    }

    /// Nor may a message be begun: an answer comes whole.
    fn without_drafts(&self) {
        self.without_streams();
        self.slack.fail("chat.postMessage", [Fault::Error("some_error")]);
    }
}

fn base(replica: &Replica) -> String {
    format!("http://{}", replica.address)
}
