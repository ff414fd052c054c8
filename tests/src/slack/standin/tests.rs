//! The stand-in itself: what it refuses is what Slack refuses, and what must not be sent is found.

use reqwest::{Client, Response, StatusCode};
use serde_json::{Value, json};

use super::{CLIENT_ID, CLIENT_SECRET, Fault, StandIn, signing::encoded};

/// A workspace with two people, a channel, and the direct messages of one of them.
async fn slack() -> (StandIn, String) {
    let slack = StandIn::start().await;
    let token = {
        let mut world = slack.world();
        let token = world.workspace("T1").token.clone();
        world.user("T1", "U1", Some("alice@acme.example"));
        world.user("T1", "U2", None);
        world.channel("T1", "C1", true);
        world.dm("U1");
        token
    };
    (slack, token)
}

async fn raw(slack: &StandIn, token: &str, method: &str, args: &Value) -> reqwest::Result<Response> {
    let request = Client::new().post(format!("{}/{method}", slack.api())).json(args);
    let request = if token.is_empty() { request } else { request.bearer_auth(token) };
    request.send().await
}

async fn call(slack: &StandIn, token: &str, method: &str, args: &Value) -> Value {
    raw(slack, token, method, args).await.expect("an answer").json().await.expect("JSON")
}

/// The error of a call that must fail.
async fn refused(slack: &StandIn, token: &str, method: &str, args: &Value) -> String {
    let said = call(slack, token, method, args).await;
    assert_eq!(said["ok"], false, "{method} {args}: {said}");
    said["error"].as_str().expect("an error").to_owned()
}

/// A message that Slack takes.
fn message(channel: &str, text: &str) -> Value {
    json!({"channel": channel, "text": text, "unfurl_links": false, "unfurl_media": false})
}

fn ts(said: &Value) -> String {
    assert_eq!(said["ok"], true, "{said}");
    said["ts"].as_str().expect("a ts").to_owned()
}

#[tokio::test]
#[should_panic(expected = "Slack would not have this:\nchat.postMessage lets Slack unfurl links")]
async fn whoever_breaks_a_rule_fails() {
    let (slack, token) = slack().await;
    call(&slack, &token, "chat.postMessage", &json!({"channel": "C1", "text": "x"})).await;
}

#[tokio::test]
async fn a_call_needs_a_token_that_counts() {
    let (slack, token) = slack().await;
    let post = message("C1", "Hi");
    assert_eq!(refused(&slack, "", "chat.postMessage", &post).await, "not_authed");
    assert_eq!(refused(&slack, "xoxb-other", "chat.postMessage", &post).await, "invalid_auth");
    slack.world().workspace("T1").revoked = true;
    assert_eq!(refused(&slack, &token, "chat.postMessage", &post).await, "token_revoked");
}

#[tokio::test]
async fn what_is_not_there_is_refused() {
    let (slack, token) = slack().await;
    slack.world().workspace("T2");
    slack.world().channel("T2", "C2", true);
    slack.world().channel("T1", "C3", false);
    let theirs = slack.sender("http://127.0.0.1:1").message("U1", "C1", None, "mine").ts;
    for (method, args, error) in [
        ("chat.postMessage", message("C9", "x"), "channel_not_found"),
        ("chat.postMessage", message("C2", "x"), "channel_not_found"),
        ("chat.postMessage", message("C3", "x"), "not_in_channel"),
        ("chat.update", json!({"channel": "U1", "ts": "1.1", "text": "x"}), "channel_not_found"),
        ("chat.update", json!({"channel": "C1", "ts": "1.1", "text": "x"}), "message_not_found"),
        ("chat.update", json!({"channel": "C1", "ts": theirs, "text": "x"}), "cant_update_message"),
        (
            "chat.appendStream",
            json!({"channel": "C1", "ts": "1.1", "markdown_text": "x"}),
            "message_not_found",
        ),
        ("chat.postEphemeral", json!({"channel": "C1", "user": "U9", "text": "x"}), "user_not_in_channel"),
        ("users.info", json!({"user": "U9"}), "user_not_found"),
        ("conversations.replies", json!({"channel": "C1", "ts": "1.1"}), "thread_not_found"),
        ("views.open", json!({"trigger_id": "x", "view": {}}), "invalid_trigger_id"),
    ] {
        assert_eq!(refused(&slack, &token, method, &args).await, error, "{method} {args}");
    }
}

#[tokio::test]
async fn what_must_not_be_sent_is_a_problem() {
    let (slack, token) = slack().await;
    let with = |name: &str, value: Value| {
        let mut post = message("C1", "x");
        post[name] = value;
        post
    };
    let section = |text: &str| json!([{"type": "section", "text": {"type": "mrkdwn", "text": text}}]);
    let button = json!({"type": "button", "action_id": "a", "text": {"type": "plain_text", "text": "x"}});
    for (method, args) in [
        ("chat.postMessage", with("text", json!("x".repeat(4_001)))),
        ("chat.postMessage", with("text", json!("<!channel>"))),
        ("chat.postMessage", with("blocks", section("<!here> look"))),
        ("chat.postMessage", with("blocks", section(&"x".repeat(3_001)))),
        ("chat.postMessage", with("blocks", section(""))),
        ("chat.postMessage", with("blocks", json!([{"type": "markdown", "text": "🦀".repeat(6_001)}]))),
        ("chat.postMessage", with("blocks", json!([{"type": "of the future"}]))),
        ("chat.postMessage", with("blocks", json!([{"type": "actions", "elements": [button, button]}]))),
        ("chat.postMessage", with("blocks", Value::Array(vec![json!({"type": "divider"}); 51]))),
        ("chat.postMessage", with("blocks", Value::Array(vec![section(&"x".repeat(2_900))[0].clone(); 5]))),
        ("chat.postMessage", with("thread_ts", json!("1.1"))),
        ("chat.postMessage", with("unfurl_links", json!(true))),
        ("chat.postMessage", with("link_names", json!(true))),
        ("chat.postMessage", json!({"channel": "C1", "unfurl_links": false, "unfurl_media": false})),
        ("chat.postMessage", json!({"text": "x"})),
        ("chat.startStream", json!({"channel": "C1"})),
        ("files.upload", json!({})),
    ] {
        call(&slack, &token, method, &args).await;
        assert_eq!(slack.take_problems().len(), 1, "{method} {args}");
    }
    let plain = Client::new().post(format!("{}/auth.test", slack.api())).bearer_auth(&token);
    let said = plain.header("content-type", "text/plain").body("x").send().await.expect("an answer");
    assert_eq!(said.json::<Value>().await.expect("JSON")["error"], "invalid_post_type");
    assert_eq!(slack.take_problems().len(), 1);
}

#[tokio::test]
async fn a_mention_is_found_in_what_slack_reads_though_it_comes_in_pieces() {
    let (slack, token) = slack().await;
    let inert = json!([{"type": "rich_text", "elements": [{"type": "rich_text_section",
        "elements": [{"type": "text", "text": "<@U2> <!here>"}]}]}]);
    let mut post = message("C1", "&lt;@U2>");
    post["blocks"] = inert;
    let root = ts(&call(&slack, &token, "chat.postMessage", &post).await);
    assert!(slack.world().named.is_empty());
    let mut start =
        json!({"channel": "C1", "thread_ts": root, "recipient_user_id": "U1", "recipient_team_id": "T1"});
    start["markdown_text"] = "Ask <".into();
    let stream = ts(&call(&slack, &token, "chat.startStream", &start).await);
    for text in ["@U2> and <", "!here>"] {
        let more = json!({"channel": "C1", "ts": stream, "markdown_text": text});
        ts(&call(&slack, &token, "chat.appendStream", &more).await);
    }
    assert!(slack.world().named.contains("U2"));
    assert_eq!(slack.take_problems(), ["a stream mentions somebody: <!here…>"]);
}

#[tokio::test]
async fn a_stream_is_one_message_until_it_is_stopped_or_idle() {
    let (slack, token) = slack().await;
    let root = slack.sender("http://127.0.0.1:1").message("U1", "C1", None, "Question").ts;
    let mut start = json!({"channel": "C1", "thread_ts": root, "recipient_user_id": "U1"});
    assert_eq!(refused(&slack, &token, "chat.startStream", &start).await, "missing_recipient_team_id");
    start["recipient_team_id"] = "T1".into();
    assert_eq!(slack.take_problems().len(), 1);
    let stream = ts(&call(&slack, &token, "chat.startStream", &start).await);
    let at = |text: &str| json!({"channel": "C1", "ts": stream, "markdown_text": text});
    for text in ["Hello ", "world"] {
        ts(&call(&slack, &token, "chat.appendStream", &at(text)).await);
    }
    let seen = || slack.said().pop().expect("a reply");
    assert_eq!((seen().words.as_str(), seen().growing, seen().thread), ("Hello world", true, Some(root)));
    let update = json!({"channel": "C1", "ts": stream, "text": "Whole"});
    assert_eq!(refused(&slack, &token, "chat.update", &update).await, "streaming_state_conflict");
    assert_eq!(refused(&slack, &token, "chat.appendStream", &at(&"x".repeat(12_000))).await, "msg_too_long");
    slack.expire_streams();
    for method in ["chat.appendStream", "chat.stopStream"] {
        assert_eq!(refused(&slack, &token, method, &at("!")).await, "message_not_in_streaming_state");
    }
    ts(&call(&slack, &token, "chat.update", &update).await);
    assert_eq!((seen().words.as_str(), seen().growing), ("Whole", false));
}

#[tokio::test]
async fn faults_come_once_and_in_their_order() {
    let (slack, token) = slack().await;
    let post = message("C1", "x");
    let faults = [
        Fault::RateLimited(7),
        Fault::Status(500),
        Fault::Error("not_in_channel"),
        Fault::DroppedBefore,
        Fault::DroppedAfter,
    ];
    slack.fail("chat.postMessage", faults);
    let limited = raw(&slack, &token, "chat.postMessage", &post).await.expect("an answer");
    let wait = limited.headers()["retry-after"].to_str().ok();
    assert_eq!((limited.status(), wait), (StatusCode::TOO_MANY_REQUESTS, Some("7")));
    let broken = raw(&slack, &token, "chat.postMessage", &post).await.expect("an answer");
    assert_eq!(broken.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(refused(&slack, &token, "chat.postMessage", &post).await, "not_in_channel");
    for messages in [0, 1] {
        let whole = match raw(&slack, &token, "chat.postMessage", &post).await {
            Ok(answer) => answer.bytes().await.map(|_| ()),
            Err(error) => Err(error),
        };
        assert!(whole.is_err(), "the connection has broken");
        assert_eq!(slack.said().len(), messages);
    }
    slack.fail("*", [Fault::Error("fatal_error")]);
    assert_eq!(refused(&slack, &token, "auth.test", &json!({})).await, "fatal_error");
    // All four came within the seven seconds.
    let hasty = slack.take_problems();
    assert!(hasty.len() == 4 && hasty[0].contains("before its time"), "{hasty:?}");
}

#[tokio::test]
async fn a_response_address_takes_five_posts_within_half_an_hour() {
    let (slack, _) = slack().await;
    let url = slack.world().response_url("C1", "U1", None);
    let post = async |url: &str, body: Value| {
        let answer = Client::new().post(url).json(&body).send().await.expect("an answer");
        (answer.status().as_u16(), answer.text().await.expect("words"))
    };
    for n in 0..5 {
        assert_eq!(post(&url, json!({"text": format!("for one {n}")})).await.0, 200);
    }
    assert_eq!(post(&url, json!({"text": "too much"})).await, (404, "used_url".to_owned()));
    assert_eq!((slack.said().len(), slack.shown().len(), slack.replies(&url).len()), (5, 0, 5));
    let url = slack.world().response_url("C1", "U1", None);
    slack.expire_response_urls();
    assert_eq!(post(&url, json!({"text": "late"})).await, (404, "expired_url".to_owned()));
}

#[tokio::test]
async fn an_install_is_a_code_that_counts_once_and_brings_what_was_asked_for() {
    let (slack, _) = slack().await;
    slack.world().workspace("T7").enterprise = Some("E7".into());
    slack.world().user("T7", "U7", Some("dana@acme.example"));
    let uri = "https://sixty.example/slack/oauth";
    let code = slack.world().grant("T7", uri, Some("commands,users:read"));
    let form = async |id: &str, secret: &str, code: &str, uri: &str| {
        let fields = [("client_id", id), ("client_secret", secret), ("code", code), ("redirect_uri", uri)];
        let request = Client::new().post(format!("{}/oauth.v2.access", slack.api()));
        let request =
            request.header("content-type", "application/x-www-form-urlencoded").body(encoded(fields));
        request.send().await.expect("an answer").json::<Value>().await.expect("JSON")
    };
    assert_eq!(form("other", CLIENT_SECRET, &code, uri).await["error"], "invalid_client_id");
    assert_eq!(form(CLIENT_ID, "wrong", &code, uri).await["error"], "bad_client_secret");
    assert_eq!(form(CLIENT_ID, CLIENT_SECRET, "other", uri).await["error"], "invalid_code");
    assert_eq!(form(CLIENT_ID, CLIENT_SECRET, &code, "https://x.example").await["error"], "bad_redirect_uri");
    let installed = form(CLIENT_ID, CLIENT_SECRET, &code, uri).await;
    assert_eq!((&installed["team"]["id"], &installed["enterprise"]["id"]), (&json!("T7"), &json!("E7")));
    assert_eq!(form(CLIENT_ID, CLIENT_SECRET, &code, uri).await["error"], "invalid_code");
    let token = installed["access_token"].as_str().expect("a token");
    slack.world().zone("U7", "Asia/Tokyo");
    let known = call(&slack, token, "users.info", &json!({"user": "U7"})).await;
    assert_eq!(
        (&known["user"]["tz"], &known["user"]["profile"]["email"]),
        (&json!("Asia/Tokyo"), &Value::Null)
    );
    slack.world().enterprise("E7");
    let code = slack.world().grant("E7", uri, None);
    let whole = form(CLIENT_ID, CLIENT_SECRET, &code, uri).await;
    assert_eq!(
        (&whole["team"], &whole["enterprise"]["id"], &whole["is_enterprise_install"]),
        (&Value::Null, &json!("E7"), &json!(true))
    );
    assert_eq!(installed["is_enterprise_install"], false);
    assert_eq!(refused(&slack, token, "chat.postMessage", &message("C1", "x")).await, "missing_scope");
    assert_eq!(slack.take_problems().len(), 1);
}

#[tokio::test]
async fn a_trigger_opens_one_view_that_is_one() {
    let (slack, token) = slack().await;
    let text = |words: &str| json!({"type": "plain_text", "text": words});
    let mut view = json!({"type": "modal", "title": text("Edit"), "submit": text("Approve"), "blocks": [
        {"type": "input", "block_id": "b", "label": text("To"),
            "element": {"type": "plain_text_input", "action_id": "a", "initial_value": "x"}}]});
    let trigger = slack.world().trigger();
    let opened = json!({"trigger_id": trigger, "view": view});
    assert_eq!(call(&slack, &token, "views.open", &opened).await["ok"], true);
    assert_eq!(refused(&slack, &token, "views.open", &opened).await, "exchanged_trigger_id");
    view["title"] = text("A title that is longer than Slack's");
    let trigger = slack.world().trigger();
    let long = json!({"trigger_id": trigger, "view": view});
    assert_eq!(refused(&slack, &token, "views.open", &long).await, "invalid_arguments");
    assert_eq!(slack.take_problems().len(), 1);
}
