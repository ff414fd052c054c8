//! What Slack has told to wait is not tried before, whoever comes with it.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use serde_json::Value;
use tokio::time::Instant;

use super::{
    api::{Called, Miss},
    outbox::Errand,
    text_of,
};

/// What Slack counts calls by: the workspace and the method, and of posts the channel.
type Counted = (String, String, String);

/// Until when calls are to wait.
#[derive(Default)]
pub(super) struct Waits(Mutex<HashMap<Counted, Instant>>);

impl Waits {
    /// How long such a call is still to wait; none: not at all.
    fn left(&self, counted: &Counted) -> Option<Duration> {
        let waits = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let left = waits.get(counted)?.saturating_duration_since(Instant::now());
        (!left.is_zero()).then_some(left)
    }

    fn keep(&self, counted: Counted, wait: Duration) {
        let now = Instant::now();
        let mut waits = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waits.retain(|_, until| *until > now);
        waits.insert(counted, now + wait);
    }
}

impl Errand<'_> {
    /// Calls a method for the workspace, unless it is to be left alone.
    pub async fn call(&self, method: &str, arguments: &Value) -> Called {
        let channel = if method == "chat.postMessage" { text_of(arguments, "channel") } else { "" };
        let counted = (self.turn.team.team.clone(), method.to_owned(), channel.to_owned());
        if let Some(left) = self.slack.waits.left(&counted) {
            return Err(Miss::Later(left));
        }
        let called = self.slack.api.call(&self.workspace.token, method, arguments).await;
        if let Err(Miss::Later(wait)) = &called {
            self.slack.waits.keep(counted, *wait);
        }
        called
    }
}
