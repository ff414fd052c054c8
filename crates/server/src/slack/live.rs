//! An answer that appears as it is made: by a stream; where Slack does not take one, in a message that is changed; and
//! where that fails too, not before it is whole.

use std::time::Duration;

use domain::Result;
use serde_json::{Value, json};
use store::slack::posts::{Kind, Place, Post, PostState};
use tokio::time::Instant;

use super::{
    api::Miss,
    outbox::{Errand, Posted},
    render::{self, Piece},
};

/// How often a message is changed.
const CHANGE_EVERY: Duration = Duration::from_secs(2);

/// How it is shown.
#[derive(Clone, Debug, PartialEq)]
enum Way {
    /// Nothing is there yet.
    Before,
    Stream {
        channel: String,
        ts: String,
    },
    Change {
        channel: String,
        ts: String,
    },
    /// Not before it is whole.
    Whole,
}

pub(super) struct Live {
    way: Way,
    round: i64,
    /// Messages that were begun.
    begun: i32,
    text: render::Live,
    pieces: Vec<Piece>,
    /// All that was said, for a message that is changed.
    said: String,
    /// A message of the run is whole, and another one may follow.
    paused: bool,
    /// What is there is all that was said, and nothing else.
    clean: bool,
    not_before: Instant,
}

impl Live {
    pub async fn new(errand: &Errand<'_>) -> Result<Self> {
        let round = errand.round();
        let earlier = errand.posts().await?;
        let begun = earlier.iter().filter(|post| post.kind == Kind::Live && post.at.round == round).count();
        // What is there already, or may be, is put right when the answer is whole.
        let fresh = earlier.iter().all(|post| post.at.round != round);
        let way = if errand.turn.thread.is_some() && fresh { Way::Before } else { Way::Whole };
        Ok(Self {
            clean: way == Way::Before,
            way,
            round,
            begun: i32::try_from(begun).unwrap_or(i32::MAX),
            text: render::Live::default(),
            pieces: Vec::new(),
            said: String::new(),
            paused: false,
            not_before: Instant::now(),
        })
    }

    /// The next piece of the answer.
    pub fn hear(&mut self, text: &str) {
        if self.way == Way::Whole || text.is_empty() {
            return;
        }
        if std::mem::take(&mut self.paused) && !self.said.is_empty() {
            self.say("\n\n");
        }
        self.say(text);
    }

    fn say(&mut self, text: &str) {
        self.said.push_str(text);
        self.pieces.extend(self.text.push(text));
    }

    pub fn pause(&mut self) {
        self.paused = true;
    }

    /// What was said since the last whole message is void.
    pub fn spoil(&mut self) {
        self.clean = false;
        self.way = Way::Whole;
        self.pieces.clear();
    }

    /// Shows what is new.
    pub async fn show(&mut self, errand: &Errand<'_>) -> Result<()> {
        if Instant::now() < self.not_before {
            return Ok(());
        }
        if let Way::Change { channel, ts } = &self.way {
            if !self.pieces.is_empty() {
                let place = (channel.clone(), ts.clone());
                self.pieces.clear();
                self.change(errand, &place).await?;
            }
            return Ok(());
        }
        for piece in joined(std::mem::take(&mut self.pieces)) {
            match (self.way.clone(), piece) {
                (Way::Whole, _) => return Ok(()),
                // Slack has just asked to be left alone.
                (_, piece) if Instant::now() < self.not_before => self.pieces.push(piece),
                (Way::Change { .. }, piece) => self.pieces.push(piece),
                (Way::Before, Piece::Append(text)) => self.begin(errand, &text).await?,
                (Way::Before, Piece::Next) => {}
                (Way::Stream { channel, ts }, piece) => self.stream(errand, (channel, ts), piece).await?,
            }
        }
        Ok(())
    }

    /// The answer is whole. Whether all of it is there.
    pub async fn finish(mut self, errand: &Errand<'_>) -> Result<bool> {
        let last = self.text.finish();
        self.pieces.extend(last);
        if self.not_before <= Instant::now() {
            self.show(errand).await?;
        }
        let Way::Stream { channel, ts } = &self.way else { return Ok(false) };
        if !self.pieces.is_empty() || !self.clean {
            return Ok(false);
        }
        let stop = json!({ "channel": channel, "ts": ts, "metadata": errand.metadata(self.at()) });
        let stopped = errand.call("chat.stopStream", &stop).await;
        if let Err(miss) = &stopped {
            tracing::debug!(?miss, "a message that was streamed is written anew");
        }
        Ok(stopped.is_ok())
    }

    /// Which message was begun last.
    fn at(&self) -> Place {
        Place { round: self.round, ord: self.begun - 1 }
    }

    async fn begin(&mut self, errand: &Errand<'_>, text: &str) -> Result<()> {
        self.begun += 1;
        let at = self.at();
        let channel = errand.turn.channel.clone();
        let post = Post {
            at,
            kind: Kind::Live,
            approval: None,
            by_url: false,
            state: PostState::Sending,
            channel: Some(channel.clone()),
            ts: None,
        };
        errand.intend(&post).await?;
        let arguments = json!({
            "channel": channel,
            "thread_ts": errand.turn.thread,
            "recipient_user_id": errand.turn.slack_user,
            "recipient_team_id": errand.turn.team.team,
            "markdown_text": text,
        });
        match errand.call("chat.startStream", &arguments).await {
            Ok(answer) => {
                let place = place(&answer, &channel);
                errand.settle(at, PostState::Sent, Some((&place.0, &place.1))).await?;
                self.way = Way::Stream { channel: place.0, ts: place.1 };
            }
            Err(Miss::Refused(word)) => {
                tracing::debug!(word, "Slack takes no stream; a message is changed instead");
                errand.withdraw(at).await?;
                self.begin_changing(errand, at).await?;
            }
            Err(Miss::Later(wait)) => {
                errand.withdraw(at).await?;
                self.begun -= 1;
                self.wait(wait, Piece::Append(text.to_owned()));
            }
            Err(Miss::Unknown(why)) => {
                tracing::warn!(why, "nobody knows whether a stream has begun; the answer comes whole");
                self.spoil();
            }
        }
        Ok(())
    }

    async fn begin_changing(&mut self, errand: &Errand<'_>, at: Place) -> Result<()> {
        self.clean = false;
        let Some(message) = render::answer(&self.said).into_iter().next() else { return Ok(()) };
        if errand.post(at, Kind::Live, None, &message).await? != Posted::Yes {
            self.spoil();
            return Ok(());
        }
        let posts = errand.posts().await?;
        let place = posts.into_iter().find(|post| post.at == at).and_then(|post| post.channel.zip(post.ts));
        match place {
            Some((channel, ts)) => self.way = Way::Change { channel, ts },
            None => self.spoil(),
        }
        self.not_before = Instant::now() + CHANGE_EVERY;
        Ok(())
    }

    /// Goes on in the stream. Where it broke off, the message is changed from here on.
    async fn stream(&mut self, errand: &Errand<'_>, place: (String, String), piece: Piece) -> Result<()> {
        let mut arguments = json!({ "channel": place.0, "ts": place.1 });
        let called = match &piece {
            Piece::Append(text) => {
                arguments["markdown_text"] = text.as_str().into();
                errand.call("chat.appendStream", &arguments).await
            }
            Piece::Next => {
                arguments["metadata"] = errand.metadata(self.at());
                errand.call("chat.stopStream", &arguments).await
            }
        };
        match called {
            Ok(_) if piece == Piece::Next => self.way = Way::Before,
            Ok(_) => {}
            Err(Miss::Later(wait)) => self.wait(wait, piece),
            Err(miss) => {
                tracing::debug!(?miss, "a stream broke off; its message is changed instead");
                self.clean = false;
                // A message that is not the first shows a part of the answer only.
                if self.begun > 1 {
                    self.spoil();
                    return Ok(());
                }
                self.way = Way::Change { channel: place.0.clone(), ts: place.1.clone() };
                self.change(errand, &place).await?;
            }
        }
        Ok(())
    }

    async fn change(&mut self, errand: &Errand<'_>, (channel, ts): &(String, String)) -> Result<()> {
        self.not_before = Instant::now() + CHANGE_EVERY;
        let Some(message) = render::answer(&self.said).into_iter().next() else { return Ok(()) };
        match errand.update((channel, ts), Some(self.at()), &message).await? {
            Posted::Yes => {}
            Posted::Later(wait) => self.not_before = Instant::now() + wait,
            Posted::No(_) => self.spoil(),
        }
        Ok(())
    }

    /// Slack wants to be left alone; what comes stays in its order.
    fn wait(&mut self, wait: Duration, piece: Piece) {
        self.not_before = Instant::now() + wait;
        self.pieces.push(piece);
    }
}

/// Where a message is.
fn place(answer: &Value, channel: &str) -> (String, String) {
    let told = super::text_of(answer, "channel");
    let channel = if told.is_empty() { channel } else { told };
    (channel.to_owned(), super::text_of(answer, "ts").to_owned())
}

/// Pieces that follow each other in one message, as one.
fn joined(pieces: Vec<Piece>) -> Vec<Piece> {
    let mut all: Vec<Piece> = Vec::new();
    for piece in pieces {
        match (all.last_mut(), piece) {
            (Some(Piece::Append(before)), Piece::Append(text)) => before.push_str(&text),
            (_, piece) => all.push(piece),
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_between_two_looks_is_one_piece() {
        let append = |text: &str| Piece::Append(text.to_owned());
        let pieces = vec![append("a"), append("b"), Piece::Next, append("c")];
        assert_eq!(joined(pieces), [append("ab"), Piece::Next, append("c")]);
        assert_eq!(joined(Vec::new()), []);
    }
}
