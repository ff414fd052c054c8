use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::HeaderMap,
    response::{IntoResponse as _, Response},
    routing::any,
};
use reqwest::StatusCode;
use serde_json::{Value, json};
use server::slack::signature::Verifier;
use tokio::net::TcpListener;
use tokio_util::task::TaskTracker;

use super::{
    super::{SIGNING_SECRET, Sender, StandIn, server::form, signing::signature},
    slack,
};

/// What a service has received, and the statuses that it answers with; then 200.
#[derive(Default)]
struct Heard {
    requests: Vec<(HeaderMap, String)>,
    statuses: VecDeque<u16>,
}

#[derive(Clone, Default)]
struct Service(Arc<Mutex<Heard>>);

impl Service {
    async fn start(slack: &StandIn, statuses: &[u16]) -> (Self, Sender) {
        let service = Self::default();
        service.heard().statuses.extend(statuses);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let app = Router::new().route("/slack/{*rest}", any(receive)).with_state(service.clone());
        TaskTracker::new().spawn(async move { axum::serve(listener, app).await.expect("it serves") });
        (service, slack.sender(&url))
    }

    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn received(&self) -> Vec<(HeaderMap, String)> {
        self.heard().requests.clone()
    }
}

async fn receive(State(service): State<Service>, headers: HeaderMap, body: Bytes) -> Response {
    let verified = Verifier::new([SIGNING_SECRET]).verify(&headers, &body, chrono::Utc::now());
    let text = String::from_utf8(body.to_vec()).expect("UTF-8");
    let mut heard = service.heard();
    heard.requests.push((headers, text));
    let next = if verified.is_err() { Some(401) } else { heard.statuses.pop_front() };
    let status = StatusCode::from_u16(next.unwrap_or(200)).expect("a status");
    (status, r#"{"heard":true}"#).into_response()
}

#[tokio::test]
async fn the_vector_of_slacks_documentation_is_signed_as_there() {
    let body = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&\
        channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&\
        response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&\
        trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
    let expected = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503";
    assert_eq!(signature(SIGNING_SECRET, 1_531_420_618, body.as_bytes()), expected);
}

#[tokio::test]
async fn a_command_is_a_signed_form() {
    let (slack, _) = slack().await;
    let (service, sender) = Service::start(&slack, &[]).await;
    let answer = sender.slash("U1", "C1", "/60", "deal Acme & Söhne").await;
    assert_eq!((answer.status, answer.acknowledged(), &answer.json()["heard"]), (200, true, &json!(true)));
    assert!(answer.took.as_secs() < 3 && answer.response_url.starts_with(&slack.url));
    let (headers, body) = service.received().remove(0);
    assert_eq!(headers["content-type"], "application/x-www-form-urlencoded");
    let fields = form(&body);
    assert_eq!((&fields["command"], &fields["text"]), (&json!("/60"), &json!("deal Acme & Söhne")));
    assert_eq!(
        (&fields["team_id"], &fields["user_id"], &fields["channel_id"]),
        (&json!("T1"), &json!("U1"), &json!("C1"))
    );
    assert_eq!(fields["response_url"], answer.response_url.as_str());
    assert!(slack.world().triggers.contains_key(fields["trigger_id"].as_str().expect("a trigger")));
}

#[tokio::test]
async fn an_event_comes_again_until_it_is_acknowledged() {
    let (slack, _) = slack().await;
    let (service, sender) = Service::start(&slack, &[500, 503]).await;
    let event = sender.message("U1", "C1", None, "<@UBOTT1> hello");
    let answers = sender.deliver_patiently(&event).await;
    assert_eq!(answers.iter().map(|answer| answer.status).collect::<Vec<_>>(), [500, 503, 200]);
    let received = service.received();
    let numbers: Vec<Option<&str>> = received
        .iter()
        .map(|(headers, _)| headers.get("x-slack-retry-num").map(|number| number.to_str().expect("a number")))
        .collect();
    assert_eq!(numbers, [None, Some("1"), Some("2")]);
    let bodies: Vec<Value> =
        received.iter().map(|(_, body)| serde_json::from_str(body).expect("JSON")).collect();
    assert_eq!((&bodies[0], &bodies[1]), (&bodies[1], &bodies[2]));
    assert_eq!(
        (&bodies[0]["event"]["type"], &bodies[0]["event"]["ts"]),
        (&json!("app_mention"), &json!(event.ts))
    );
    let again = sender.again(&event);
    assert_ne!(again.body["event_id"], event.body["event_id"]);
    assert_eq!(again.body["event"], event.body["event"]);
    let as_message = sender.as_message(&event);
    assert_eq!((&as_message.body["event"]["type"], &as_message.ts), (&json!("message"), &event.ts));
}

#[tokio::test]
async fn nobody_answers_is_no_acknowledgement() {
    let (slack, _) = slack().await;
    let sender = slack.sender("http://127.0.0.1:1/");
    assert_eq!(sender.service, "http://127.0.0.1:1");
    let event = sender.event("T1", &json!({"type": "app_uninstalled"}));
    let answers = sender.deliver_patiently(&event).await;
    assert_eq!(
        answers.iter().map(|answer| (answer.status, answer.acknowledged())).collect::<Vec<_>>(),
        [(0, false); 4]
    );
    assert_eq!(answers[0].json(), Value::Null);
}

#[tokio::test]
async fn messages_of_people_are_where_they_wrote_them() {
    let (slack, _) = slack().await;
    let (_, sender) = Service::start(&slack, &[]).await;
    let root = sender.message("U1", "C1", None, "One");
    let reply = sender.message("U2", "C1", Some(&root.ts), "Two");
    assert_eq!(reply.body["event"]["thread_ts"], root.ts.as_str());
    assert_eq!(slack.thread("C1", &root.ts, "U1").len(), 2);
    let dm = sender.message("U1", "DU1", None, "Three");
    assert_eq!(
        (&dm.body["event"]["channel_type"], &dm.body["event"]["type"]),
        (&json!("im"), &json!("message"))
    );
    assert_eq!(slack.channel("DU1", "U1")[0].author, "U1");
}

#[tokio::test]
async fn a_click_says_who_clicked_what_and_where_to_answer() {
    let (slack, _) = slack().await;
    let (service, sender) = Service::start(&slack, &[]).await;
    let ts = sender.message("U1", "C1", None, "Shall I?").ts;
    let answer = sender.click("U2", "C1", &ts, "sixty_approve", "an id").await;
    let payload = form(&service.received()[0].1)["payload"].clone();
    assert_eq!((&payload["type"], &payload["user"]["id"]), (&json!("block_actions"), &json!("U2")));
    assert_eq!(
        (&payload["actions"][0]["action_id"], &payload["actions"][0]["value"]),
        (&json!("sixty_approve"), &json!("an id"))
    );
    assert_eq!((&payload["message"]["ts"], &payload["container"]["message_ts"]), (&json!(ts), &json!(ts)));
    let replaced = json!({"replace_original": true, "text": "Approved"});
    let said =
        reqwest::Client::new().post(&answer.response_url).json(&replaced).send().await.expect("an answer");
    assert_eq!(said.status(), 200);
    assert_eq!(
        (slack.channel("C1", "U1")[0].words.as_str(), slack.channel("C1", "U1").len()),
        ("Approved", 1)
    );
    sender
        .submit("U1", &json!({"id": "V1", "callback_id": "sixty_edit"}), &json!({"b": {"a": {"value": "x"}}}))
        .await;
    let payload = form(&service.received()[1].1)["payload"].clone();
    assert_eq!(
        (&payload["type"], &payload["view"]["state"]["values"]["b"]["a"]["value"]),
        (&json!("view_submission"), &json!("x"))
    );
}

#[tokio::test]
async fn an_old_signature_is_not_believed() {
    let (slack, _) = slack().await;
    let (_, sender) = Service::start(&slack, &[]).await;
    let old =
        sender.signed_at("/slack/events", "application/json", "{}", chrono::Utc::now().timestamp() - 301);
    assert_eq!(sender.send(old, "").await.status, 401);
    let forged = sender.signed("/slack/events", "application/json", "{}").body("{} ");
    assert_eq!(sender.send(forged, "").await.status, 401);
}
