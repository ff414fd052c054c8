//! What Slack sends, as it signs it.

use std::sync::atomic::{AtomicU64, Ordering};

use aws_lc_rs::hmac;
use chrono::Utc;
use reqwest::{StatusCode, Url};
use serde_json::{Value, json};

use super::fake::Fake;
use crate::harness::Person;

pub const SECRET: &str = "signing secret of the tests";
pub const TEAM: &str = "T0ACME";
pub const BOT: &str = "U0BOT";
/// A channel, and a direct message with Alice.
pub const CHANNEL: &str = "C0DEALS";
pub const DIRECT: &str = "D0ALICE";

/// The words of a message, in whatever it has them.
pub fn words(message: &Value) -> String {
    match message["markdown_text"].as_str() {
        Some(text) => text.to_owned(),
        None => format!("{} {}", message["text"].as_str().unwrap_or_default(), message["blocks"]),
    }
}

pub fn sign(secret: &str, at: &str, body: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let mac = hmac::sign(&key, format!("v0:{at}:{body}").as_bytes());
    let digits: String = mac.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("v0={digits}")
}

/// A number that is not used twice.
pub fn number() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed).to_string()
}

pub fn envelope(event: Value) -> Value {
    let mut envelope =
        json!({ "type": "event_callback", "team_id": TEAM, "event_id": format!("Ev{}", number()) });
    envelope["event"] = event;
    envelope
}

/// Alice writes to the copilot directly.
pub fn direct(text: &str) -> Value {
    let ts = format!("1700000000.{:0>6}", number());
    json!({ "type": "message", "channel_type": "im", "channel": DIRECT, "user": "U0ALICE", "text": text, "ts": ts })
}

/// Somebody mentions the copilot in a channel; in a thread, if one is named.
pub fn mention(user: &str, text: &str, thread: Option<&str>) -> Value {
    let ts = format!("1700000000.{:0>6}", number());
    let mut event = json!({
        "type": "app_mention", "channel": CHANNEL, "user": user, "text": format!("<@{BOT}> {text}"), "ts": ts,
    });
    if let Some(thread) = thread {
        event["thread_ts"] = thread.into();
    }
    event
}

/// The token of the link in a text.
pub fn link_in(text: &str) -> Option<String> {
    let (_, rest) = text.split_once("/slack/link?token=")?;
    Some(rest.chars().take_while(|char| char.is_ascii_alphanumeric() || "-_".contains(*char)).collect())
}

fn browser() -> reqwest::Client {
    let client = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
    client.build().expect("a client")
}

/// An administrator installs the copilot, as a browser does it. The status of the last page.
pub async fn install(slack: &Fake, admin: &Person, base: &str) -> StatusCode {
    let made = admin.post("/v1/admin/slack/installs", json!({})).await.expect(201).json();
    let url = made["url"].as_str().expect("a link").to_owned();
    let (_, token) = url.split_once("token=").expect("a token");
    let page = browser().get(format!("{base}/slack/install?token={token}")).send().await.expect("a page");
    assert_eq!(page.status(), 303, "{page:?}");
    let there: Url = page.headers()["location"].to_str().expect("a place").parse().expect("a URL");
    assert!(there.as_str().starts_with(&format!("{}/oauth/v2/authorize?", slack.url)), "{there}");
    let (_, state) = there.query_pairs().find(|(name, _)| name == "state").expect("a state");
    let back = browser().get(format!("{base}/slack/oauth?code=good&state={state}")).send().await;
    back.expect("a page").status()
}

/// Sends what Slack signs now. An error: there was no answer, or none of 200.
pub async fn post_signed(base: &str, path: &str, body: &str) -> Result<String, String> {
    let at = Utc::now().timestamp().to_string();
    let request = browser().post(format!("{base}{path}")).header("x-slack-request-timestamp", &at);
    let request = request.header("x-slack-signature", sign(SECRET, &at, body)).body(body.to_owned());
    let answer = request.send().await.map_err(|error| error.to_string())?;
    if answer.status() != 200 {
        return Err(answer.status().to_string());
    }
    answer.text().await.map_err(|error| error.to_string())
}

/// Installs the copilot, and links Alice.
pub async fn connect(slack: &Fake, alice: &Person, base: &str) {
    assert_eq!(install(slack, alice, base).await, 200);
    let told = post_signed(base, "/slack/commands", &command_form(slack, "U0ALICE", "today")).await;
    let token = link_in(&told.expect("an answer")).expect("a link");
    alice.post("/v1/slack/links", json!({ "token": token })).await.expect(201);
}

/// What Slack sends of a slash command.
pub fn command_form(slack: &Fake, user: &str, text: &str) -> String {
    let url = format!("{}/respond/{}", slack.url, number());
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.extend_pairs([
        ("team_id", TEAM),
        ("channel_id", "C0ANY"),
        ("user_id", user),
        ("command", "/sixty"),
        ("text", text),
        ("response_url", &url),
        ("trigger_id", &number()),
    ]);
    form.finish()
}
