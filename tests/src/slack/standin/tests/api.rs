use reqwest::{Client, StatusCode};
use serde_json::{Value, json};

use super::{
    super::{CLIENT_ID, CLIENT_SECRET, Fault},
    call, message, raw, refused, slack,
};

/// An answer's ts.
fn ts(said: &Value) -> String {
    assert_eq!(said["ok"], true, "{said}");
    said["ts"].as_str().expect("a ts").to_owned()
}

#[tokio::test]
async fn posts_stand_where_they_were_posted() {
    let (slack, token) = slack().await;
    let root = ts(&call(&slack, &token, "chat.postMessage", &message("C1", "A &amp; B")).await);
    let mut reply = message("C1", "fallback");
    reply["thread_ts"] = root.as_str().into();
    reply["blocks"] = json!([
        {"type": "markdown", "text": "**Hello**"},
        {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": [{"type": "text", "text": "To: x"}]}]},
        {"type": "actions", "elements": [{"type": "button", "action_id": "a", "value": "v",
            "text": {"type": "plain_text", "text": "Go"}}]},
    ]);
    let reply = ts(&call(&slack, &token, "chat.postMessage", &reply).await);
    let channel = slack.channel("C1", "U1");
    assert_eq!((channel.len(), channel[0].words.as_str(), channel[0].replies), (1, "A & B", 1));
    let thread = slack.thread("C1", &root, "U1");
    assert_eq!(thread.iter().map(|seen| seen.ts.as_str()).collect::<Vec<_>>(), [&root, &reply]);
    assert_eq!((thread[1].words.as_str(), thread[1].author.as_str()), ("**Hello**\nTo: x", "UBOTT1"));
    assert_eq!(thread[1].buttons, [("Go".to_owned(), "a".to_owned(), "v".to_owned())]);
    assert_eq!(thread[1].blocks.len(), 3);
    let calls = slack.calls("chat.postMessage");
    assert_eq!(
        (calls.len(), calls[0].team.as_deref(), &calls[0].args["channel"]),
        (2, Some("T1"), &json!("C1"))
    );
    slack.assert_clean();
}

#[tokio::test]
async fn a_call_needs_a_token_that_counts() {
    let (slack, token) = slack().await;
    let post = message("C1", "Hi");
    assert_eq!(refused(&slack, "", "chat.postMessage", &post).await, "not_authed");
    assert_eq!(refused(&slack, "xoxb-other", "chat.postMessage", &post).await, "invalid_auth");
    slack.world().workspace("T1").revoked = true;
    assert_eq!(refused(&slack, &token, "chat.postMessage", &post).await, "token_revoked");
    let calls = slack.calls("chat.postMessage");
    assert_eq!(calls[2].error.as_deref(), Some("token_revoked"));
}

#[tokio::test]
async fn what_is_not_there_is_refused() {
    let (slack, token) = slack().await;
    slack.world().workspace("T2");
    slack.world().channel("T2", "C2");
    slack.world().channel("T1", "C3");
    slack.world().channels.get_mut("C3").expect("it").joined = false;
    for (method, args, error) in [
        ("chat.postMessage", message("C9", "x"), "channel_not_found"),
        ("chat.postMessage", message("C2", "x"), "channel_not_found"),
        ("chat.postMessage", message("C3", "x"), "not_in_channel"),
        ("chat.update", json!({"channel": "C1", "ts": "1.1", "text": "x"}), "message_not_found"),
        (
            "chat.appendStream",
            json!({"channel": "C1", "ts": "1.1", "markdown_text": "x"}),
            "message_not_found",
        ),
        ("chat.postEphemeral", json!({"channel": "C1", "user": "U9", "text": "x"}), "user_not_in_channel"),
        ("users.info", json!({"user": "U9"}), "user_not_found"),
        ("conversations.open", json!({"users": "U9"}), "user_not_found"),
        ("conversations.info", json!({"channel": "C2"}), "channel_not_found"),
        ("conversations.replies", json!({"channel": "C1", "ts": "1.1"}), "thread_not_found"),
        ("views.open", json!({"trigger_id": "x", "view": {}}), "invalid_trigger_id"),
    ] {
        assert_eq!(refused(&slack, &token, method, &args).await, error, "{method} {args}");
    }
    slack.assert_clean();
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
    let bad = [
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
        ("chat.postMessage", json!({"channel": "C1", "unfurl_links": false, "unfurl_media": false})),
        ("chat.postMessage", json!({"text": "x"})),
        ("chat.startStream", json!({"channel": "C1"})),
        ("files.upload", json!({})),
    ];
    for (n, (method, args)) in bad.iter().enumerate() {
        call(&slack, &token, method, args).await;
        assert_eq!(slack.world().problems.len(), n + 1, "{method} {args}");
    }
    let plain = Client::new().post(format!("{}/auth.test", slack.api())).bearer_auth(&token);
    let said = plain.header("content-type", "text/plain").body("x").send().await.expect("an answer");
    assert_eq!(said.json::<Value>().await.expect("JSON")["error"], "invalid_post_type");
    assert_eq!(slack.world().problems.len(), bad.len() + 1);
}

#[tokio::test]
async fn an_update_takes_the_place_of_what_was_there() {
    let (slack, token) = slack().await;
    let posted = ts(&call(&slack, &token, "chat.postMessage", &message("C1", "one")).await);
    let update = json!({"channel": "C1", "ts": posted, "text": "two"});
    assert_eq!(call(&slack, &token, "chat.update", &update).await["ok"], true);
    let seen = &slack.channel("C1", "U1")[0];
    assert_eq!((seen.words.as_str(), seen.edits), ("two", 1));
    let theirs = slack.sender("http://127.0.0.1:1").message("U1", "C1", None, "mine").ts;
    let update = json!({"channel": "C1", "ts": theirs, "text": "yours"});
    assert_eq!(refused(&slack, &token, "chat.update", &update).await, "cant_update_message");
}

#[tokio::test]
async fn a_whisper_is_for_one_person() {
    let (slack, token) = slack().await;
    let args = json!({"channel": "C1", "user": "U1", "text": "psst"});
    assert_eq!(call(&slack, &token, "chat.postEphemeral", &args).await["ok"], true);
    assert_eq!((slack.channel("C1", "U1").len(), slack.channel("C1", "U2").len()), (1, 0));
}

#[tokio::test]
async fn a_stream_is_one_message_until_it_is_stopped_or_idle() {
    let (slack, token) = slack().await;
    let root = slack.sender("http://127.0.0.1:1").message("U1", "C1", None, "Question").ts;
    let mut start = json!({"channel": "C1", "thread_ts": root, "recipient_user_id": "U1"});
    assert_eq!(refused(&slack, &token, "chat.startStream", &start).await, "missing_recipient_team_id");
    start["recipient_team_id"] = "T1".into();
    slack.world().problems.clear();
    let stream = ts(&call(&slack, &token, "chat.startStream", &start).await);
    let at = |text: &str| json!({"channel": "C1", "ts": stream, "markdown_text": text});
    for text in ["Hello ", "world"] {
        assert_eq!(call(&slack, &token, "chat.appendStream", &at(text)).await["ok"], true);
    }
    let seen = || slack.thread("C1", &root, "U1").pop().expect("a reply");
    assert_eq!((seen().words.as_str(), seen().growing), ("Hello world", true));
    let update = json!({"channel": "C1", "ts": stream, "text": "x"});
    assert_eq!(refused(&slack, &token, "chat.update", &update).await, "streaming_state_conflict");
    assert_eq!(refused(&slack, &token, "chat.appendStream", &at(&"x".repeat(12_000))).await, "msg_too_long");
    slack.expire_streams();
    assert_eq!(
        refused(&slack, &token, "chat.appendStream", &at("!")).await,
        "message_not_in_streaming_state"
    );
    assert_eq!(refused(&slack, &token, "chat.stopStream", &at("!")).await, "message_not_in_streaming_state");
    assert_eq!(
        call(&slack, &token, "chat.update", &json!({"channel": "C1", "ts": stream, "text": "Whole"})).await["ok"],
        true
    );
    assert_eq!((seen().words.as_str(), seen().growing), ("Whole", false));
    let second = ts(&call(&slack, &token, "chat.startStream", &start).await);
    let stop =
        json!({"channel": "C1", "ts": second, "markdown_text": "End.", "metadata": {"event_type": "e"}});
    assert_eq!(call(&slack, &token, "chat.stopStream", &stop).await["ok"], true);
    assert_eq!((seen().words.as_str(), seen().growing), ("End.", false));
    slack.assert_clean();
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
    assert_eq!(
        (limited.status(), limited.headers()["retry-after"].to_str().ok()),
        (StatusCode::TOO_MANY_REQUESTS, Some("7"))
    );
    let broken = raw(&slack, &token, "chat.postMessage", &post).await.expect("an answer");
    assert_eq!(broken.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(refused(&slack, &token, "chat.postMessage", &post).await, "not_in_channel");
    for messages in [0, 1] {
        let answer = raw(&slack, &token, "chat.postMessage", &post).await;
        let whole = match answer {
            Ok(answer) => answer.bytes().await.map(|_| ()),
            Err(error) => Err(error),
        };
        assert!(whole.is_err(), "the connection has broken");
        assert_eq!(slack.channel("C1", "U1").len(), messages);
    }
    slack.fail("*", [Fault::Error("fatal_error")]);
    assert_eq!(refused(&slack, &token, "auth.test", &json!({})).await, "fatal_error");
    assert_eq!(call(&slack, &token, "chat.postMessage", &post).await["ok"], true);
}

#[tokio::test]
async fn a_response_address_takes_five_posts_within_half_an_hour() {
    let (slack, _) = slack().await;
    let url = slack.world().response_url("C1", "U1", None);
    let post = |body: Value| {
        let request = Client::new().post(&url).json(&body);
        async { request.send().await.expect("an answer").status().as_u16() }
    };
    assert_eq!(post(json!({"response_type": "in_channel", "text": "for all"})).await, 200);
    for n in 0..4 {
        assert_eq!(post(json!({"text": format!("for one {n}")})).await, 200);
    }
    assert_eq!(post(json!({"text": "too much"})).await, 404);
    assert_eq!((slack.channel("C1", "U1").len(), slack.channel("C1", "U2").len()), (5, 1));
    assert_eq!(slack.replies(&url).len(), 5);
    slack.assert_clean();
    let url = slack.world().response_url("C1", "U1", None);
    slack.expire_response_urls();
    let late = Client::new().post(&url).json(&json!({"text": "late"})).send().await.expect("an answer");
    assert_eq!(late.text().await.expect("words"), "expired_url");
    assert!(url.contains(&slack.host()));
}

#[tokio::test]
async fn an_install_is_a_code_that_counts_once() {
    let (slack, _) = slack().await;
    slack.world().workspace("T7").enterprise = Some("E7".into());
    let code = slack.world().grant("T7", "https://sixty.example/slack/oauth");
    let form = |secret: &'static str, code: String, uri: &'static str| {
        let fields =
            [("client_id", CLIENT_ID), ("client_secret", secret), ("code", &code), ("redirect_uri", uri)];
        let body = super::super::signing::encoded(fields);
        let request = Client::new().post(format!("{}/oauth.v2.access", slack.api()));
        let request = request.header("content-type", "application/x-www-form-urlencoded").body(body);
        async { request.send().await.expect("an answer").json::<Value>().await.expect("JSON") }
    };
    let uri = "https://sixty.example/slack/oauth";
    assert_eq!(form("wrong", code.clone(), uri).await["error"], "bad_client_secret");
    assert_eq!(form(CLIENT_SECRET, "other".into(), uri).await["error"], "invalid_code");
    assert_eq!(form(CLIENT_SECRET, code.clone(), "https://other.example").await["error"], "bad_redirect_uri");
    let installed = form(CLIENT_SECRET, code.clone(), uri).await;
    assert_eq!((&installed["team"]["id"], &installed["enterprise"]["id"]), (&json!("T7"), &json!("E7")));
    assert_eq!(form(CLIENT_SECRET, code, uri).await["error"], "invalid_code");
    let token = installed["access_token"].as_str().expect("a token");
    let who = call(&slack, token, "auth.test", &json!({})).await;
    assert_eq!((&who["team_id"], &who["enterprise_id"]), (&json!("T7"), &json!("E7")));
    assert_eq!(call(&slack, token, "apps.uninstall", &json!({})).await["ok"], true);
    assert_eq!(refused(&slack, token, "auth.test", &json!({})).await, "token_revoked");
}

#[tokio::test]
async fn people_channels_and_what_was_said_are_looked_up() {
    let (slack, token) = slack().await;
    let alice = call(&slack, &token, "users.info", &json!({"user": "U1"})).await;
    assert_eq!(alice["user"]["profile"]["email"], "alice@acme.example");
    assert_eq!(
        call(&slack, &token, "conversations.open", &json!({"users": "U1"})).await["channel"]["id"],
        "DU1"
    );
    let dm = call(&slack, &token, "conversations.info", &json!({"channel": "DU1"})).await;
    assert_eq!(dm["channel"]["is_im"], true);
    let root = slack.sender("http://127.0.0.1:1").message("U1", "C1", None, "Question").ts;
    let mut reply = message("C1", "Answer");
    (reply["thread_ts"], reply["metadata"]) =
        (root.as_str().into(), json!({"event_type": "sixty_post", "event_payload": {"post": "7"}}));
    call(&slack, &token, "chat.postMessage", &reply).await;
    let args = json!({"channel": "C1", "ts": root, "include_all_metadata": true});
    let said = call(&slack, &token, "conversations.replies", &args).await;
    assert_eq!(said["messages"].as_array().map(Vec::len), Some(2));
    assert_eq!(said["messages"][1]["metadata"]["event_payload"]["post"], "7");
    let said = call(&slack, &token, "conversations.replies", &json!({"channel": "C1", "ts": root})).await;
    assert_eq!(said["messages"][1].get("metadata"), None);
    let history = call(&slack, &token, "conversations.history", &json!({"channel": "C1"})).await;
    assert_eq!(history["messages"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn a_trigger_opens_one_view_that_is_one() {
    let (slack, token) = slack().await;
    let text = |words: &str| json!({"type": "plain_text", "text": words});
    let mut view = json!({"type": "modal", "title": text("Edit"), "submit": text("Approve"), "blocks": [
        {"type": "input", "block_id": "b", "label": text("To"),
            "element": {"type": "plain_text_input", "action_id": "a", "initial_value": "x"}}]});
    let trigger = slack.world().trigger();
    let opened = call(&slack, &token, "views.open", &json!({"trigger_id": trigger, "view": view})).await;
    assert_eq!(opened["ok"], true, "{opened}");
    assert_eq!(slack.world().views[0]["blocks"][0]["block_id"], "b");
    let again = json!({"trigger_id": trigger, "view": view});
    assert_eq!(refused(&slack, &token, "views.open", &again).await, "exchanged_trigger_id");
    slack.assert_clean();
    view["title"] = text("A title that is longer than Slack's");
    let trigger = slack.world().trigger();
    let long = json!({"trigger_id": trigger, "view": view});
    assert_eq!(refused(&slack, &token, "views.open", &long).await, "invalid_arguments");
    assert_eq!(slack.world().problems.len(), 1);
}
