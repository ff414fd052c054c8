//! A workspace with its people, and how they connect it: an administrator lets the copilot in, a person links
//! themselves.

use reqwest::{Client, Response, StatusCode, Url, redirect};
use serde_json::json;

use super::standin::{Sender, StandIn};
use crate::harness::{Person, eventually};

pub const TEAM: &str = "T0ACME";
pub const ALICE: &str = "U0ALICE";
pub const BOB: &str = "U0BOB";
/// Nobody in the service.
pub const CARL: &str = "U0CARL";
/// The direct messages of the copilot with Alice.
pub const DIRECT: &str = "DU0ALICE";
/// Channels in which the copilot is, and one in which it is not.
pub const CHANNEL: &str = "C0DEALS";
pub const UNLISTED: &str = "C0OTHER";
pub const ELSEWHERE: &str = "C0ANY";
pub const COMMAND: &str = "/sixty";
/// Where the service is, as people know it.
pub const PUBLIC: &str = "https://copilot.example.com";

/// Slack with this workspace. The app is not installed yet.
pub async fn slack() -> StandIn {
    let slack = StandIn::start().await;
    let mut world = slack.world();
    world.workspace(TEAM);
    for user in [ALICE, BOB, CARL, "U0RITA", "U0ADAM"] {
        world.user(TEAM, user, None);
        world.dm(user);
    }
    for channel in [CHANNEL, UNLISTED, ELSEWHERE] {
        world.channel(TEAM, channel, channel != ELSEWHERE);
    }
    drop(world);
    slack
}

/// The token of the link in a text.
pub fn link_in(text: &str) -> Option<String> {
    let (_, rest) = text.split_once("/slack/link?token=")?;
    Some(rest.chars().take_while(|char| char.is_ascii_alphanumeric() || "-_".contains(*char)).collect())
}

/// Opens a page, and follows it nowhere.
pub async fn page(url: &str) -> Response {
    let client = Client::builder().no_proxy().redirect(redirect::Policy::none()).build().expect("a client");
    client.get(url).send().await.expect("a page")
}

fn leads_to(page: &Response) -> Url {
    page.headers()["location"].to_str().expect("a place").parse().expect("a URL")
}

/// An administrator installs the copilot in a workspace, or for an enterprise. The status of the last page.
pub async fn install(slack: &StandIn, admin: &Person, base: &str, chosen: &str) -> StatusCode {
    let made = admin.post("/v1/admin/slack/installs", json!({})).await.expect(201).json();
    let link = made["url"].as_str().expect("a link");
    let ours = page(&link.replace(PUBLIC, base)).await;
    assert_eq!(ours.status(), 303, "{ours:?}");
    let mut there = leads_to(&ours);
    assert!(there.as_str().starts_with(&format!("{}/oauth/v2/authorize?", slack.url)), "{there}");
    there.query_pairs_mut().append_pair("team", chosen);
    let allowed = page(there.as_str()).await;
    assert_eq!(allowed.status(), 302, "{allowed:?}");
    let back = leads_to(&allowed);
    assert!(back.as_str().starts_with(PUBLIC), "{back}");
    page(&back.as_str().replace(PUBLIC, base)).await.status()
}

/// A person in Slack links themselves, by the link that a command tells whoever is not linked yet. Slack was asked then
/// where they are.
pub async fn link(slack: &StandIn, sender: &Sender, user: &str, member: &Person) {
    let asked = || slack.calls("users.info").iter().filter(|call| call.args["user"] == user).count();
    let (before, channel) = (asked(), slack.world().dm(user));
    let told = sender.slash(user, &channel, COMMAND, "today").await;
    let Some(token) = link_in(&told.body) else {
        return assert_eq!((told.status, told.body.as_str()), (200, ""), "neither a link nor an answer");
    };
    member.post("/v1/slack/links", json!({ "token": token })).await.expect(201);
    eventually("Slack is asked where they are", async || (asked() > before).then_some(())).await;
}

/// Installs the copilot, and links Alice.
pub async fn connect(slack: &StandIn, alice: &Person, base: &str) {
    assert_eq!(install(slack, alice, base, TEAM).await, 200);
    link(slack, &slack.sender(base), ALICE, alice).await;
}
