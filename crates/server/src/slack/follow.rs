//! A run is followed to its end, or to where it waits; in a thread its answer appears as it is made.

use std::time::Duration;

use domain::{Result, RunId, event::Cursor};
use serde_json::{Value, json};
use store::slack::posts::Place;
use tokio::time::{MissedTickBehavior, interval};

use super::{
    api::Miss,
    live::Live,
    outbox::{Errand, PAUSE, Posted},
    render::Message,
    work::After,
};

/// How often what is new is shown.
const SHOW_EVERY: Duration = Duration::from_millis(700);

/// How the following ended.
pub(super) enum Followed {
    /// The run goes no further by itself. `shown`: all that it said is in the thread.
    Ended { shown: bool },
    /// This replica does not go on.
    Left(After),
}

pub(super) async fn follow(errand: &Errand<'_>, run: RunId) -> Result<Followed> {
    // What was told before the run waited is not told again.
    let after = errand.turn.told_fence.map_or_else(Cursor::default, |fence| Cursor { fence, n: i64::MAX });
    let mut reader = errand.app.engine.reader(errand.leased.owner, run, after);
    let mut live = Live::new(errand).await?;
    let lease = Duration::from_secs(errand.app.engine.settings().lease_seconds.into());
    let (mut renewals, mut shows) = (interval(lease / 3), interval(SHOW_EVERY));
    renewals.set_missed_tick_behavior(MissedTickBehavior::Delay);
    shows.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            frames = reader.next() => match frames {
                Ok(Some(frames)) => hear(&mut live, &String::from_utf8_lossy(&frames)),
                Ok(None) => break,
                // The run is gone, with its conversation.
                Err(domain::Error::NotFound) => return Ok(Followed::Ended { shown: false }),
                Err(error) => return Err(error),
            },
            _ = renewals.tick() => if !errand.renew().await? {
                return Ok(Followed::Left(After::Settled));
            },
            _ = shows.tick() => live.show(errand).await?,
        }
    }
    if errand.app.engine.stopping().is_cancelled() {
        return Ok(Followed::Left(After::HandedBack));
    }
    if !errand.renew().await? {
        return Ok(Followed::Left(After::Settled));
    }
    Ok(Followed::Ended { shown: live.finish(errand).await? })
}

/// Takes in what frames of the run tell of its answer.
fn hear(live: &mut Live, frames: &str) {
    for frame in frames.split("\n\n") {
        let field = |name: &str| frame.lines().find_map(|line| line.strip_prefix(name));
        let (Some(event), Some(data)) = (field("event: "), field("data: ")) else { continue };
        match event {
            "token" => {
                let data: Value = serde_json::from_str(data).unwrap_or_default();
                live.hear(super::text_of(&data, "text"));
            }
            "message_complete" => live.pause(),
            "reset" => live.spoil(),
            _ => {}
        }
    }
}

/// Puts a whole message in the place of one that was shown as it was made.
pub(super) async fn repair(
    errand: &Errand<'_>,
    post: (Place, &str, &str),
    message: &Message,
) -> Result<Posted> {
    let (at, channel, ts) = post;
    let stop = json!({ "channel": channel, "ts": ts });
    match errand.call("chat.stopStream", &stop).await {
        Ok(_) => {}
        // One that does not stream any more is no failure; one that does cannot be changed.
        Err(Miss::Refused(word)) => tracing::debug!(word, "a message had stopped streaming"),
        Err(Miss::Later(wait)) => return Ok(Posted::Later(wait)),
        Err(Miss::Unknown(_)) => return Ok(Posted::Later(PAUSE)),
    }
    errand.update((channel, ts), Some(at), message).await
}
