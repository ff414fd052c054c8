//! Requests that Slack has not sent, or sent once, do nothing.

use chrono::Utc;
use serde_json::json;

use super::{ALICE, COMMAND, Desk, ELSEWHERE, SIGNING_SECRET as SECRET, TEAM, standin::signature as sign};

/// What is wrong with a request: its time, its signature, what happens to the body after it is signed.
struct Forgery {
    name: &'static str,
    at: String,
    signature: Option<String>,
    body: String,
}

fn forgeries(body: &str) -> Vec<Forgery> {
    let now = Utc::now().timestamp();
    let at = now.to_string();
    let good = sign(SECRET, &at, body);
    let case = |name, at: &str, signature: Option<String>, body: &str| Forgery {
        name,
        at: at.to_owned(),
        signature,
        body: body.to_owned(),
    };
    let old = (now - 301).to_string();
    let early = (now + 302).to_string();
    vec![
        case("no signature", &at, None, body),
        case("an empty signature", &at, Some(String::new()), body),
        case("another secret", &at, Some(sign("another secret", &at, body)), body),
        case("an empty secret", &at, Some(sign("", &at, body)), body),
        case("another body", &at, Some(good.clone()), &format!("{body} ")),
        case("an empty body", &at, Some(good.clone()), ""),
        case("another time", &(now - 1).to_string(), Some(good.clone()), body),
        case("too old", &old, Some(sign(SECRET, &old, body)), body),
        case("from the future", &early, Some(sign(SECRET, &early, body)), body),
        case("no number", "yesterday", Some(sign(SECRET, "yesterday", body)), body),
        case("a sign before the time", &format!("+{at}"), Some(sign(SECRET, format!("+{at}"), body)), body),
        case("a fraction of a second", &format!("{at}.0"), Some(sign(SECRET, format!("{at}.0"), body)), body),
        case("no time", "", Some(sign(SECRET, "", body)), body),
        case("another version", &at, Some(good.replace("v0=", "v1=")), body),
        case("no version", &at, Some(good.replace("v0=", "")), body),
        case("half a signature", &at, Some(good[..20].to_owned()), body),
        case("more than a signature", &at, Some(format!("{good}00")), body),
        case("no digits", &at, Some("v0=zz".into()), body),
    ]
}

#[tokio::test]
async fn what_is_forged_is_refused_and_leaves_nothing() {
    let desk = Desk::open().await;
    let before = desk.slack.said().len();
    let event = desk.direct(ALICE, "Who am I?").body.to_string();
    let (form, _) = desk.sender.command(ALICE, ELSEWHERE, COMMAND, "how many deals are there?");
    let click = json!({ "type": "block_actions", "team": { "id": TEAM }, "user": { "id": ALICE } });
    let click = format!("payload={click}");
    for (path, body) in
        [("/slack/events", &event), ("/slack/commands", &form), ("/slack/interactions", &click)]
    {
        for forgery in forgeries(body) {
            let mut request = desk.sender.unsigned(path, &forgery.body);
            if !forgery.at.is_empty() {
                request = request.header("x-slack-request-timestamp", &forgery.at);
            }
            if let Some(signature) = &forgery.signature {
                request = request.header("x-slack-signature", signature);
            }
            let answer = desk.sender.send(request).await;
            assert_eq!(
                (answer.status, &answer.json()["code"]),
                (401, &json!("slack_signature")),
                "{path}: {}",
                forgery.name
            );
        }
    }
    assert_eq!((desk.turns().await, desk.slack.said().len()), (0, before));
}

#[tokio::test]
async fn what_is_sent_again_is_done_once() {
    let desk = Desk::open().await;
    desk.app.sim.push(model_sim::Reply::text("You are Alice."));
    desk.app.sim.push(model_sim::Reply::text("Alice, still."));
    let at = Utc::now().timestamp();
    let event = desk.direct(ALICE, "Who am I?").body.to_string();
    let (form, _) = desk.sender.command(ALICE, ELSEWHERE, COMMAND, "how many deals are there?");
    for (path, body) in [("/slack/events", &event), ("/slack/commands", &form)] {
        for _ in 0..12 {
            let request = desk.sender.unsigned(path, body).header("x-slack-request-timestamp", at);
            let request = request.header("x-slack-signature", sign(SECRET, at, body));
            assert_eq!(desk.sender.send(request).await.status, 200);
        }
    }
    desk.settled().await;
    assert_eq!((desk.turns().await, desk.runs().await), (2, 2));
}

#[tokio::test]
async fn slack_is_answered_as_its_own_library_answers() {
    let desk = Desk::bare().await;
    let sends = async |request| desk.sender.send(request).await;
    let check = sends(desk.sender.unsigned("/slack/commands", "ssl_check=1&token=x")).await;
    assert_eq!((check.status, check.body.as_str()), (200, ""));
    let challenge = json!({ "type": "url_verification", "challenge": "say this", "token": "x" }).to_string();
    let answer = sends(desk.sender.signed("/slack/events", &challenge)).await;
    assert_eq!((answer.status, answer.json()), (200, json!({ "challenge": "say this" })));
    assert_eq!(sends(desk.sender.unsigned("/slack/events", &challenge)).await.status, 401);
    desk.deliver(&desk.sender.event(TEAM, &json!({ "type": "reaction_added", "user": ALICE }))).await;
    assert_eq!(sends(desk.sender.signed("/slack/events", "no json")).await.status, 400);
}
