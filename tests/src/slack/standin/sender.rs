//! Slack on the other side: it signs and sends commands, events and clicks.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::Utc;
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};

use super::{
    SIGNING_SECRET,
    signing::{encoded, enveloped, signature},
    submitting,
    world::{Message, World, number, ts},
};

/// How a request was answered.
#[derive(Clone, Debug)]
pub struct Answer {
    /// 0: not at all.
    pub status: u16,
    pub body: String,
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

impl Envelope {
    /// The same message under another event id, as Slack sometimes sends it.
    pub fn again(&self) -> Self {
        let mut again = self.clone();
        again.body["event_id"] = format!("Ev{}", number()).into();
        again
    }

    /// A mention as the message that it is as well, if the app has asked for messages of channels.
    pub fn as_message(&self) -> Self {
        let mut message = self.again();
        message.body["event"]["type"] = "message".into();
        message.body["event"]["channel_type"] = "channel".into();
        message
    }
}

/// Sends to one replica of the service; clones send in parallel.
#[derive(Clone)]
pub struct Sender {
    service: String,
    client: Client,
    world: Arc<Mutex<World>>,
}

impl Sender {
    pub fn new(service: &str, world: Arc<Mutex<World>>) -> Self {
        let client = Client::builder().no_proxy().build().expect("a client");
        Self { service: service.to_owned(), client, world }
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A request that nobody has signed.
    pub fn unsigned(&self, path: &str, body: &str) -> RequestBuilder {
        let events = path.ends_with("/events");
        let kind = if events { "application/json" } else { "application/x-www-form-urlencoded" };
        let request = self.client.post(format!("{}{path}", self.service));
        request.header("content-type", kind).body(body.to_owned())
    }

    /// A request that Slack has signed now.
    pub fn signed(&self, path: &str, body: &str) -> RequestBuilder {
        let at = Utc::now().timestamp();
        let request = self.unsigned(path, body).header("x-slack-request-timestamp", at);
        request.header("x-slack-signature", signature(SIGNING_SECRET, at, body))
    }

    pub async fn send(&self, request: RequestBuilder) -> Answer {
        let (status, body) = match request.send().await {
            Ok(answer) => (answer.status().as_u16(), answer.text().await.unwrap_or_default()),
            Err(_) => (0, String::new()),
        };
        Answer { status, body, response_url: String::new() }
    }

    /// A command of a person in a channel, as a form; and where it is answered.
    pub fn command(&self, user: &str, channel: &str, command: &str, text: &str) -> (String, String) {
        let mut world = self.world();
        let response_url = world.response_url(channel, user, None);
        let trigger = world.trigger();
        // In a shared channel an outsider's command comes from the workspace that the app is in.
        let team = world.channels[channel].team.clone();
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
    }

    /// Sends a command. What it is answered at once is shown to the person.
    pub async fn slash(&self, user: &str, channel: &str, command: &str, text: &str) -> Answer {
        let (form, response_url) = self.command(user, channel, command, text);
        let answer = self.send(self.signed("/slack/commands", &form)).await;
        if answer.acknowledged() {
            self.world().answered(&response_url, &answer.body);
        }
        Answer { response_url, ..answer }
    }

    /// A message of a person: in a channel, a thread or a direct message. It is there from now on.
    pub fn message(&self, user: &str, channel: &str, thread: Option<&str>, text: &str) -> Envelope {
        let mut world = self.world();
        let ts = ts();
        let message = Message { thread: thread.map(str::to_owned), ..Message::new(channel, &ts, user, text) };
        world.messages.push(message);
        let (team, is_dm) = (world.channels[channel].team.clone(), world.channels[channel].dm.is_some());
        let mentions = world.workspaces.get(&team).is_some_and(|w| text.contains(&format!("<@{}", w.bot)));
        let mut event = json!({"type": "message", "user": user, "channel": channel, "text": text, "ts": ts,
            "event_ts": ts, "client_msg_id": format!("m{ts}")});
        if mentions && !is_dm {
            event["type"] = "app_mention".into();
        } else {
            event["channel_type"] = if is_dm { "im" } else { "channel" }.into();
        }
        if let Some(thread) = thread {
            event["thread_ts"] = thread.into();
        }
        enveloped(&world, &team, &event, &ts)
    }

    /// Any event of a workspace.
    pub fn event(&self, team: &str, event: &Value) -> Envelope {
        let ts = event["ts"].as_str().map_or_else(ts, str::to_owned);
        enveloped(&self.world(), team, event, &ts)
    }

    /// The first delivery of an event, or a retry of this number.
    pub async fn deliver(&self, envelope: &Envelope, retry: Option<u32>) -> Answer {
        let mut request = self.signed("/slack/events", &envelope.body.to_string());
        if let Some(number) = retry {
            request =
                request.header("x-slack-retry-num", number).header("x-slack-retry-reason", "http_timeout");
        }
        self.send(request).await
    }

    /// A click of a person on a button of a message that stands in a channel.
    pub async fn click(&self, user: &str, channel: &str, ts: &str, action_id: &str, value: &str) -> Answer {
        let (payload, response_url) = {
            let mut world = self.world();
            let original = (channel.to_owned(), ts.to_owned());
            let response_url = world.response_url(channel, user, Some(original));
            let trigger = world.trigger();
            let message = world.message(channel, ts).expect("the message that is clicked").clone();
            let mut payload = interaction(&world, "block_actions", user);
            let ephemeral = message.only_for.is_some();
            payload["container"] = json!({"type": "message", "message_ts": ts, "channel_id": channel,
                "is_ephemeral": ephemeral});
            payload["channel"] = json!({"id": channel, "name": "x"});
            // Of what one person alone sees, Slack tells no content.
            if !ephemeral {
                payload["message"] = json!({"type": "message", "ts": ts, "thread_ts": message.thread,
                    "text": message.text, "user": message.author, "blocks": message.blocks,
                    "metadata": message.metadata});
            }
            payload["state"] = json!({"values": {}});
            payload["actions"] = json!([{"type": "button", "action_id": action_id, "value": value}]);
            payload["trigger_id"] = trigger.into();
            payload["response_url"] = response_url.as_str().into();
            (payload, response_url)
        };
        let answer = self.interact(&payload).await;
        Answer { response_url, ..answer }
    }

    /// A person submits a view that was opened, with these values instead of those that stood in its inputs.
    pub async fn submit(&self, user: &str, view: &Value, written: &[(&str, &str)]) -> Answer {
        let mut payload = interaction(&self.world(), "view_submission", user);
        payload["view"] = view.clone();
        payload["view"]["state"] = submitting::state(view, written);
        payload["response_urls"] = json!([]);
        let answer = self.interact(&payload).await;
        if let Err(why) = submitting::answer(view, &answer.body) {
            self.world().problem(format!("a view was answered with {why}"));
        }
        answer
    }

    async fn interact(&self, payload: &Value) -> Answer {
        let form = encoded([("payload", payload.to_string().as_str())]);
        self.send(self.signed("/slack/interactions", &form)).await
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
