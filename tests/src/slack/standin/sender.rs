//! Slack on the other side: it signs and sends commands, events and clicks, and comes back with what was
//! not acknowledged.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use chrono::Utc;
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};

use super::{
    SIGNING_SECRET,
    signing::{encoded, enveloped, signature},
    world::{Message, World},
};

/// Slack waits no longer for an acknowledgement.
const PATIENCE: Duration = Duration::from_secs(3);
const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";

/// How a request was answered.
#[derive(Clone, Debug)]
pub struct Answer {
    /// 0: not at all, or too late.
    pub status: u16,
    pub body: String,
    pub took: Duration,
    /// Where more answers may go.
    pub response_url: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or(Value::Null)
    }

    pub fn acknowledged(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// An event as it is sent, once or again.
#[derive(Clone, Debug)]
pub struct Envelope {
    pub body: Value,
    /// The ts of its message.
    pub ts: String,
}

/// Sends to one replica of the service; clones send in parallel.
#[derive(Clone)]
pub struct Sender {
    pub service: String,
    client: Client,
    world: Arc<Mutex<World>>,
}

impl Sender {
    pub fn new(service: &str, world: Arc<Mutex<World>>) -> Self {
        let client = Client::builder().no_proxy().timeout(PATIENCE).build().expect("a client");
        Self { service: service.trim_end_matches('/').to_owned(), client, world }
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A request that Slack has signed now.
    pub fn signed(&self, path: &str, kind: &str, body: &str) -> RequestBuilder {
        self.signed_at(path, kind, body, Utc::now().timestamp())
    }

    /// A request that Slack has signed at another time.
    pub fn signed_at(&self, path: &str, kind: &str, body: &str, seconds: i64) -> RequestBuilder {
        self.client
            .post(format!("{}{path}", self.service))
            .header("content-type", kind)
            .header("x-slack-request-timestamp", seconds)
            .header("x-slack-signature", signature(SIGNING_SECRET, seconds, body.as_bytes()))
            .body(body.to_owned())
    }

    pub async fn send(&self, request: RequestBuilder, response_url: &str) -> Answer {
        let begun = Instant::now();
        let (status, body) = match request.send().await {
            Ok(answer) => (answer.status().as_u16(), answer.text().await.unwrap_or_default()),
            Err(_) => (0, String::new()),
        };
        Answer { status, body, took: begun.elapsed(), response_url: response_url.to_owned() }
    }

    /// `/60 text` by a person, in a channel.
    pub async fn slash(&self, user: &str, channel: &str, command: &str, text: &str) -> Answer {
        let (form, response_url) = {
            let mut world = self.world();
            let response_url = world.response_url(channel, user, None);
            let trigger = world.trigger();
            let team = world.users[user].team.clone();
            let enterprise = world.workspaces.get(&team).and_then(|workspace| workspace.enterprise.clone());
            let fields = [
                ("token", "deprecated"),
                ("team_id", &team),
                ("team_domain", "x"),
                ("channel_id", channel),
                ("channel_name", "y"),
                ("user_id", user),
                ("user_name", &world.users[user].name),
                ("command", command),
                ("text", text),
                ("api_app_id", "A1"),
                ("is_enterprise_install", "false"),
                ("response_url", &response_url),
                ("trigger_id", &trigger),
            ];
            let enterprise = enterprise.as_deref().map(|id| ("enterprise_id", id));
            (encoded(fields.into_iter().chain(enterprise)), response_url)
        };
        self.send(self.signed("/slack/commands", FORM, &form), &response_url).await
    }

    /// A message of a person: in a channel, a thread or a direct message. It is there from now on.
    pub fn message(&self, user: &str, channel: &str, thread: Option<&str>, text: &str) -> Envelope {
        let mut world = self.world();
        let ts = world.ts();
        let message = Message { thread: thread.map(str::to_owned), ..Message::new(channel, &ts, user, text) };
        world.messages.push(message);
        let (team, is_dm) = (world.channels[channel].team.clone(), world.channels[channel].dm.is_some());
        let mentions = world.workspaces.get(&team).is_some_and(|w| text.contains(&format!("<@{}", w.bot)));
        let mut event = json!({"type": "message", "user": user, "channel": channel, "text": text, "ts": ts,
            "event_ts": ts, "channel_type": if is_dm { "im" } else { "channel" }, "client_msg_id": format!("m{ts}")});
        if mentions && !is_dm {
            event["type"] = "app_mention".into();
        }
        if let Some(thread) = thread {
            event["thread_ts"] = thread.into();
        }
        enveloped(&mut world, &team, &event, &ts)
    }

    /// Any event of a workspace.
    pub fn event(&self, team: &str, event: &Value) -> Envelope {
        let mut world = self.world();
        let ts = event["ts"].as_str().map_or_else(|| world.ts(), str::to_owned);
        enveloped(&mut world, team, event, &ts)
    }

    /// The same message under another event id, as Slack sometimes sends it.
    pub fn again(&self, envelope: &Envelope) -> Envelope {
        let mut body = envelope.body.clone();
        body["event_id"] = format!("Ev{}", self.world().next()).into();
        Envelope { body, ts: envelope.ts.clone() }
    }

    /// A mention as the message that it is as well, if the app has asked for messages of channels.
    pub fn as_message(&self, envelope: &Envelope) -> Envelope {
        let mut envelope = self.again(envelope);
        envelope.body["event"]["type"] = "message".into();
        envelope.body["event"]["channel_type"] = "channel".into();
        envelope
    }

    /// The first delivery of an event, or a retry of this number.
    pub async fn deliver(&self, envelope: &Envelope, retry: Option<u32>) -> Answer {
        let mut request = self.signed("/slack/events", JSON, &envelope.body.to_string());
        if let Some(number) = retry {
            request =
                request.header("x-slack-retry-num", number).header("x-slack-retry-reason", "http_timeout");
        }
        self.send(request, "").await
    }

    /// All deliveries until one is acknowledged: Slack tries four times. Its waits are left out.
    pub async fn deliver_patiently(&self, envelope: &Envelope) -> Vec<Answer> {
        let mut answers = Vec::new();
        for retry in [None, Some(1), Some(2), Some(3)] {
            answers.push(self.deliver(envelope, retry).await);
            if answers.last().is_some_and(Answer::acknowledged) {
                break;
            }
        }
        answers
    }

    /// A click of a person on a button of a message that stands in a channel.
    pub async fn click(&self, user: &str, channel: &str, ts: &str, action_id: &str, value: &str) -> Answer {
        let state = json!({"values": {}});
        self.click_with(
            user,
            channel,
            ts,
            &json!({"type": "button", "action_id": action_id, "value": value}),
            &state,
        )
        .await
    }

    /// A click with what is checked in the message.
    pub async fn click_with(
        &self,
        user: &str,
        channel: &str,
        ts: &str,
        action: &Value,
        state: &Value,
    ) -> Answer {
        let (payload, response_url) = {
            let mut world = self.world();
            let original = (channel.to_owned(), ts.to_owned());
            let response_url = world.response_url(channel, user, Some(original));
            let trigger = world.trigger();
            let message = world.message(channel, ts).expect("the message that is clicked").clone();
            let mut payload = interaction(&world, "block_actions", user);
            payload["container"] =
                json!({"type": "message", "message_ts": ts, "channel_id": channel, "is_ephemeral": false});
            payload["channel"] = json!({"id": channel, "name": "x"});
            payload["message"] = json!({"type": "message", "ts": ts, "thread_ts": message.thread, "text": message.text,
                "user": message.author, "blocks": message.blocks, "metadata": message.metadata});
            payload["state"] = state.clone();
            payload["actions"] = json!([action]);
            payload["trigger_id"] = trigger.into();
            payload["response_url"] = response_url.as_str().into();
            (payload, response_url)
        };
        self.interact(&payload, &response_url).await
    }

    /// A person submits a view that was opened, with this state.
    pub async fn submit(&self, user: &str, view: &Value, values: &Value) -> Answer {
        let payload = {
            let world = self.world();
            let mut payload = interaction(&world, "view_submission", user);
            payload["view"] = view.clone();
            payload["view"]["state"] = json!({"values": values});
            payload["response_urls"] = json!([]);
            payload
        };
        self.interact(&payload, "").await
    }

    async fn interact(&self, payload: &Value, response_url: &str) -> Answer {
        let form = encoded([("payload", payload.to_string().as_str())]);
        self.send(self.signed("/slack/interactions", FORM, &form), response_url).await
    }
}

/// What every interaction says.
fn interaction(world: &World, kind: &str, user: &str) -> Value {
    let team = &world.users[user].team;
    let enterprise = world.workspaces.get(team).and_then(|workspace| workspace.enterprise.clone());
    json!({"type": kind, "api_app_id": "A1", "token": "deprecated", "team": {"id": team, "domain": "x"},
        "enterprise": enterprise.map(|id| json!({"id": id, "name": "x"})), "is_enterprise_install": false,
        "user": {"id": user, "username": "x", "name": "x", "team_id": team}})
}
