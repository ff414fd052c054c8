//! Messages go out: the intent is stored first, then the message is sent, then what came of it is stored. Where nobody
//! knows what came of it, Slack is asked whether the message is there; where that cannot be known, it is not sent again.

use std::time::Duration;

use chrono::TimeDelta;
use chrono_tz::Tz;
use domain::{ApprovalId, Result};
use engine::crash::{self, CrashPoint};
use serde_json::{Value, json};
use store::{
    TenantTx,
    slack::{
        posts::{self, Kind, Place, Post, PostState},
        turns::{Leased, Turn},
        work,
    },
};

use super::{Connected, Slack, api::Miss, person::nobody, render::Message};
use crate::{App, caller::end};

/// Posts that a `response_url` takes, and how long it does; Slack says 30 minutes.
const URL_POSTS: usize = 5;
const URL_TIME: TimeDelta = TimeDelta::minutes(29);
/// By what we know our own messages.
pub(super) const METADATA: &str = "sixty_post";
/// How long is waited before a message is looked for.
pub(super) const PAUSE: Duration = Duration::from_secs(3);

/// What this replica does for a turn.
pub(super) struct Errand<'a> {
    pub app: &'a App,
    pub slack: &'a Slack,
    pub leased: Leased,
    pub turn: Turn,
    pub workspace: Connected,
}

/// What came of a message.
#[derive(Debug, PartialEq)]
pub(super) enum Posted {
    /// It is there; or it may be, and is not sent again.
    Yes,
    Later(Duration),
    /// Slack does not take it.
    No(String),
}

/// Commits what was written under the fence, if it is still this replica's.
async fn fenced(tx: TenantTx, ours: Result<bool>) -> Result<()> {
    end(tx, ours.and_then(|ours| if ours { Ok(()) } else { Err(super::lost()) })).await
}

/// A time to wait, for Postgres.
pub(super) fn delta(wait: Duration) -> TimeDelta {
    TimeDelta::from_std(wait).unwrap_or_else(|_| TimeDelta::minutes(1))
}

impl<'a> Errand<'a> {
    /// None: the workspace is not connected any more.
    pub async fn new(app: &'a App, slack: &'a Slack, leased: Leased, turn: Turn) -> Result<Option<Self>> {
        let mut tx = app.store().tenant(nobody(leased.owner.org)).await?;
        let workspace = slack.token(&mut tx, &turn.team).await;
        tx.rollback().await?;
        Ok(workspace?.map(|workspace| Self { app, slack, leased, turn, workspace }))
    }

    pub async fn tx(&self) -> Result<TenantTx> {
        self.app.store().tenant(self.leased.owner).await
    }

    /// Where its author is, as far as days and hours go.
    pub fn zone(&self) -> Tz {
        self.turn.timezone.as_deref().and_then(|zone| zone.parse().ok()).unwrap_or(Tz::UTC)
    }

    /// How far the run had come when its author was last told of it.
    pub fn round(&self) -> i64 {
        self.turn.told_fence.unwrap_or(0)
    }

    pub async fn posts(&self) -> Result<Vec<Post>> {
        let mut tx = self.tx().await?;
        let posts = posts::list(&mut tx, self.leased.id).await;
        tx.rollback().await?;
        posts
    }

    /// Keeps the lease. False: another replica has it.
    pub async fn renew(&self) -> Result<bool> {
        let mut tx = self.app.store().heartbeat().await?;
        let kept = work::renew(&mut tx, &self.leased, self.app.engine.settings().lease_seconds).await?;
        tx.commit().await?;
        Ok(kept)
    }

    /// Where its answer belongs: its thread, or a direct message; or where a report is to go.
    pub fn channel(&self) -> &str {
        if self.turn.thread.is_some() || self.turn.is_report() {
            &self.turn.channel
        } else {
            &self.turn.slack_user
        }
    }

    /// Posts a message, once.
    pub async fn post(
        &self,
        at: Place,
        kind: Kind,
        approval: Option<ApprovalId>,
        message: &Message,
    ) -> Result<Posted> {
        let known = self.posts().await?;
        if let Some(post) = known.iter().find(|post| post.at == at) {
            if post.state != PostState::Sending {
                return Ok(Posted::Yes);
            }
            if self.is_there(post).await? {
                return Ok(Posted::Yes);
            }
        }
        if kind == Kind::Answer
            && let Some(url) = self.response_url(&known)
        {
            let post = Post { by_url: true, channel: None, ..self.planned(at, kind, approval) };
            match self.send_by_url(&post, url, message).await? {
                // The address is used up, or its time is over.
                Posted::No(word) => tracing::debug!(word, "a response URL does not take an answer"),
                posted => return Ok(posted),
            }
        }
        self.send(&self.planned(at, kind, approval), message).await
    }

    fn planned(&self, at: Place, kind: Kind, approval: Option<ApprovalId>) -> Post {
        let channel = Some(self.channel().to_owned());
        Post { at, kind, approval, by_url: false, state: PostState::Sending, channel, ts: None }
    }

    fn response_url(&self, known: &[Post]) -> Option<&str> {
        let used = known.iter().filter(|post| post.by_url).count();
        let fresh = self.turn.now - self.turn.created_at < URL_TIME;
        self.turn.response_url.as_deref().filter(|_| fresh && used < URL_POSTS)
    }

    /// Stores the intent, under the fence.
    pub async fn intend(&self, post: &Post) -> Result<()> {
        let mut tx = self.tx().await?;
        let intended = posts::intend(&mut tx, &self.leased, post).await;
        fenced(tx, intended).await?;
        crash::at(CrashPoint::PostIntended);
        Ok(())
    }

    /// Stores what came of it.
    pub async fn settle(&self, at: Place, state: PostState, place: Option<(&str, &str)>) -> Result<()> {
        crash::at(CrashPoint::Posted);
        let mut tx = self.tx().await?;
        let settled = posts::settle(&mut tx, &self.leased, at, state, place).await;
        fenced(tx, settled).await
    }

    /// Nothing was sent.
    pub async fn withdraw(&self, at: Place) -> Result<()> {
        let mut tx = self.tx().await?;
        let withdrawn = posts::withdraw(&mut tx, &self.leased, at).await;
        fenced(tx, withdrawn).await
    }

    async fn send_by_url(&self, post: &Post, url: &str, message: &Message) -> Result<Posted> {
        self.intend(post).await?;
        match self.slack.api.respond(url, &json!(message.clone().to_person())).await {
            Ok(()) => self.settle(post.at, PostState::Sent, None).await.map(|()| Posted::Yes),
            Err(Miss::Later(wait)) => self.withdraw(post.at).await.map(|()| Posted::Later(wait)),
            Err(Miss::Refused(word)) => self.withdraw(post.at).await.map(|()| Posted::No(word)),
            // What is posted like this cannot be looked up.
            Err(Miss::Unknown(why)) => {
                tracing::warn!(turn = %self.leased.id, why, "nobody knows whether an answer arrived; it is not sent again");
                self.settle(post.at, PostState::Unknown, None).await.map(|()| Posted::Yes)
            }
        }
    }

    async fn send(&self, post: &Post, message: &Message) -> Result<Posted> {
        let target = (self.turn.team.team.clone(), self.channel().to_owned());
        self.slack.pace.until_key_ready(&target).await;
        self.intend(post).await?;
        let mut arguments = json!(message);
        arguments["channel"] = self.channel().into();
        if let Some(thread) = &self.turn.thread {
            arguments["thread_ts"] = thread.as_str().into();
        }
        arguments["metadata"] = self.metadata(post.at);
        let mut called = self.call("chat.postMessage", &arguments).await;
        if matches!(&called, Err(Miss::Refused(word)) if word.contains("blocks") || word == "msg_too_long") {
            tracing::warn!(turn = %self.leased.id, "Slack does not take the blocks of a message; it goes as plain text");
            arguments["blocks"] = json!([]);
            called = self.call("chat.postMessage", &arguments).await;
        }
        match called {
            Ok(answer) => {
                let place = (super::text_of(&answer, "channel"), super::text_of(&answer, "ts"));
                self.settle(post.at, PostState::Sent, Some(place)).await.map(|()| Posted::Yes)
            }
            Err(Miss::Later(wait)) => self.withdraw(post.at).await.map(|()| Posted::Later(wait)),
            Err(Miss::Refused(word)) => self.withdraw(post.at).await.map(|()| Posted::No(word)),
            // It stays as an intent, and is looked for when it comes again.
            Err(Miss::Unknown(why)) => {
                tracing::warn!(turn = %self.leased.id, why, "nobody knows whether a message was posted; it is looked for");
                Ok(Posted::Later(PAUSE))
            }
        }
    }

    pub fn name(&self, at: Place) -> String {
        format!("{}:{}:{}", self.leased.id, at.round, at.ord)
    }

    /// By what the message is known in Slack.
    pub fn metadata(&self, at: Place) -> Value {
        json!({ "event_type": METADATA, "event_payload": { "post": self.name(at) } })
    }

    /// Changes a message; of one that was a stream, from then on it is known which it is. Doing so twice changes nothing.
    pub async fn update(
        &self,
        (channel, ts): (&str, &str),
        at: Option<Place>,
        message: &Message,
    ) -> Result<Posted> {
        let mut arguments = json!(message);
        arguments["channel"] = channel.into();
        arguments["ts"] = ts.into();
        if let Some(at) = at {
            arguments["metadata"] = self.metadata(at);
        }
        Ok(match self.call("chat.update", &arguments).await {
            Ok(_) => Posted::Yes,
            Err(Miss::Later(wait)) => Posted::Later(wait),
            Err(Miss::Unknown(_)) => Posted::Later(PAUSE),
            Err(Miss::Refused(word)) => Posted::No(word),
        })
    }

    /// Says something to the author alone. It is not repeated.
    pub async fn tell_author(&self, why: &str) {
        let message = super::render::notice(why);
        let told = if let Some(url) = &self.turn.response_url {
            self.slack.api.respond(url, &json!(message.to_person())).await
        } else {
            let mut arguments = json!(message);
            arguments["channel"] = self.turn.channel.as_str().into();
            arguments["user"] = self.turn.slack_user.as_str().into();
            if let Some(thread) = &self.turn.thread {
                arguments["thread_ts"] = thread.as_str().into();
            }
            self.call("chat.postEphemeral", &arguments).await.map(drop)
        };
        if let Err(miss) = told {
            tracing::warn!(turn = %self.leased.id, ?miss, "somebody in Slack could not be told why there is no answer");
        }
    }
}
