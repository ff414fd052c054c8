//! Whether a message arrived of which only the intent is known.

use domain::Result;
use store::slack::posts::{self, Kind, Post, PostState};

use super::{
    api::{Called, Miss},
    outbox::{Errand, METADATA, PAUSE},
    text_of,
};

/// Pages of a thread in which a message is looked for.
const PAGES: usize = 5;

impl Errand<'_> {
    /// Whether a message of which only the intent is known was posted; if nobody can know, it counts as posted.
    pub async fn is_there(&self, post: &Post) -> Result<bool> {
        let thread = self.turn.thread.as_deref().filter(|_| !post.by_url);
        let found = match thread {
            Some(thread) => self.look_up(thread, post).await?,
            None => Err(Miss::Refused("not in a thread".into())),
        };
        match found {
            Ok(Some(ts)) => {
                self.settle(post.at, PostState::Sent, Some((&self.turn.channel, &ts))).await?;
                Ok(true)
            }
            Ok(None) => self.withdraw(post.at).await.map(|()| false),
            Err(Miss::Later(_) | Miss::Unknown(_)) => Err(domain::Error::Unavailable {
                detail: "Slack does not tell whether a message was posted".into(),
                retry_after: PAUSE,
            }),
            Err(Miss::Refused(word)) => {
                tracing::warn!(turn = %self.leased.id, word, "nobody can find out whether a message was posted");
                self.settle(post.at, PostState::Unknown, None).await?;
                Ok(true)
            }
        }
    }

    /// The time of a message in the thread, by its metadata. A stream gets these with its end: one that was begun, and of
    /// which nobody knows, is the last message of ours without.
    async fn look_up(&self, thread: &str, post: &Post) -> Result<Called<Option<String>>> {
        let mut tx = self.tx().await?;
        let known = posts::known(&mut tx, &self.turn.channel).await;
        tx.rollback().await?;
        let (known, name) = (known?, self.name(post.at));
        let streams = post.kind == Kind::Live;
        let (mut begun, mut cursor) = (None, String::new());
        for _ in 0..PAGES {
            let answer = match self.replies(thread, &cursor).await {
                Ok(answer) => answer,
                Err(miss) => return Ok(Err(miss)),
            };
            for message in answer["messages"].as_array().into_iter().flatten() {
                let (ts, metadata) = (text_of(message, "ts"), &message["metadata"]);
                if metadata["event_type"] == METADATA && metadata["event_payload"]["post"] == name.as_str() {
                    return Ok(Ok(Some(ts.to_owned())));
                }
                let ours = text_of(message, "user") == self.workspace.bot_user;
                if streams
                    && ours
                    && metadata["event_type"].is_null()
                    && known.iter().all(|known| **known < *ts)
                {
                    begun = Some(ts.to_owned());
                }
            }
            text_of(&answer["response_metadata"], "next_cursor").clone_into(&mut cursor);
            if cursor.is_empty() {
                return Ok(Ok(begun));
            }
        }
        Ok(Err(Miss::Refused("the thread is too long".into())))
    }

    /// A page of a thread.
    async fn replies(&self, thread: &str, cursor: &str) -> Called {
        let asked = [
            ("channel", self.turn.channel.as_str()),
            ("ts", thread),
            ("include_all_metadata", "true"),
            ("limit", "200"),
            ("cursor", cursor),
        ];
        self.slack.api.ask(&self.workspace.token, "conversations.replies", &asked).await
    }
}
