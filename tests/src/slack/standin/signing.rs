//! What Slack signs, and how it wraps it.

use std::fmt::{Display, Write as _};

use aws_lc_rs::hmac;
use chrono::Utc;
use reqwest::Url;
use serde_json::{Value, json};

use super::{
    Envelope,
    world::{World, number},
};

/// The signature of Slack, made without the service's code.
pub fn signature(secret: &str, at: impl Display, body: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let mut signature = "v0=".to_owned();
    for byte in hmac::sign(&key, format!("v0:{at}:{body}").as_bytes()).as_ref() {
        write!(signature, "{byte:02x}").expect("a text takes it");
    }
    signature
}

/// Fields as a form.
pub fn encoded<'a>(fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let url = Url::parse_with_params("http://form.example/", fields).expect("an address");
    url.query().unwrap_or_default().to_owned()
}

/// An event as Slack wraps it.
pub fn enveloped(world: &World, team: &str, event: &Value, ts: &str) -> Envelope {
    let id = format!("Ev{}", number());
    let enterprise = world.workspaces.get(team).and_then(|workspace| workspace.enterprise.clone());
    let bot = world.workspaces.get(team).map(|workspace| workspace.bot.clone());
    let body = json!({"type": "event_callback", "token": "deprecated", "team_id": team, "enterprise_id": enterprise,
        "api_app_id": "A1", "event": event, "event_id": id, "event_time": Utc::now().timestamp(),
        "authorizations": [{"enterprise_id": enterprise, "team_id": team, "user_id": bot, "is_bot": true,
            "is_enterprise_install": false}], "is_ext_shared_channel": false});
    Envelope { body, ts: ts.to_owned() }
}
