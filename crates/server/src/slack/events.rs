//! What Slack tells by itself: what people say to the copilot, who leaves, and that it was removed.

use domain::{Error, Result};
use serde_json::Value;
use store::slack::{
    self as rows, Team,
    links::{self, SlackUser},
    threads::{self, Leaves},
};

use super::{
    Slack,
    homes::Home,
    intake::{LEFT, Said, Taken, introduce, team_of, too_much},
    leaving,
    person::nobody,
    render, text_of,
};
use crate::{App, caller::end};

/// When it happened, in seconds since 1970; without a word of that: later than all that is known.
fn said_at(envelope: &Value) -> i64 {
    envelope["event_time"].as_i64().unwrap_or(i64::MAX)
}

/// An event, as Slack wraps it. Nothing is told back.
pub async fn event(app: &App, slack: &Slack, envelope: &Value) -> Result<()> {
    let named = team_of(text_of(envelope, "enterprise_id"), text_of(envelope, "team_id"));
    let Some(home) = slack.home(app, &named).await? else {
        tracing::debug!(team = named.team, "an event of a workspace that is not connected");
        return Ok(());
    };
    let team = &home.team;
    let event = &envelope["event"];
    match text_of(event, "type") {
        // One that left says nothing of the enterprise that it is in.
        "app_uninstalled" | "tokens_revoked" if team.team != named.team => Ok(()),
        "app_uninstalled" => leaving::disconnect(app, slack, &home, said_at(envelope)).await,
        "tokens_revoked" => {
            let bots = event["tokens"]["bot"].as_array().is_some_and(|bots| !bots.is_empty());
            if bots { leaving::disconnect(app, slack, &home, said_at(envelope)).await } else { Ok(()) }
        }
        "member_left_channel" => slack.enter(team, left(app, &home, envelope)).await,
        "app_mention" | "message" => message(app, slack, home, envelope).await,
        _ => Ok(()),
    }
}

/// Somebody has left a channel: its threads are not for them any more. Where the copilot has left it, nobody tells any more
/// who does.
async fn left(app: &App, home: &Home, envelope: &Value) -> Result<()> {
    let event = &envelope["event"];
    let (user, channel) = (text_of(event, "user"), text_of(event, "channel"));
    let person = SlackUser { team: home.team.clone(), user: user.to_owned() };
    let mut tx = app.store().at_door().tenant(nobody(home.org)).await?;
    let done = async {
        // Told again, it says nothing of whoever has come back since.
        if !rows::arrived(&mut tx, &format!("event:{}", text_of(envelope, "event_id"))).await? {
            return Ok(());
        }
        let who = match links::find(&mut tx, &person).await? {
            _ if user == home.bot_user => Leaves::Everybody,
            Some(linked) => Leaves::One(linked.user),
            None => return Ok(()),
        };
        threads::leave(&mut tx, &home.team, Some(&[channel.to_owned()]), who).await
    };
    let done = done.await;
    end(tx, done).await
}

async fn message(app: &App, slack: &Slack, home: Home, envelope: &Value) -> Result<()> {
    let Home { org, team, bot_user } = home;
    let Some(said) = read(&team, envelope, Some(&bot_user)) else { return Ok(()) };
    let text = match slack.enter(&team, slack.take(app, org, &said)).await? {
        Taken::Stored if shares_files(&envelope["event"]) => {
            "I read no files: I answer your words alone.".to_owned()
        }
        Taken::Wordless => "I read no files. Tell me in words what I should know.".to_owned(),
        Taken::Stored | Taken::Known => return Ok(()),
        // Slack sends it again, and then it is known where the workspace is at home now.
        Taken::Nowhere => return Err(gone()),
        Taken::Stranger { .. } => {
            introduce(app, org, said);
            return Ok(());
        }
        Taken::Left => LEFT.to_owned(),
        Taken::TooMuch => too_much(),
        Taken::Closed => {
            "I may not answer in this channel. An administrator can list it among the channels of the \
             copilot; in a direct message I answer always."
                .to_owned()
        }
    };
    let (message, failed) =
        (render::notice(&text), "somebody in Slack could not be told why there is no answer");
    super::beside(app, failed, |app, slack| async move { slack.whisper(&app, org, &said, message).await });
    Ok(())
}

fn gone() -> Error {
    Error::Unavailable {
        detail: "the workspace was disconnected just now".into(),
        retry_after: std::time::Duration::from_secs(1),
    }
}

/// What a person says to the copilot with this event; none, if it is somebody else's word, or to somebody else.
fn read(team: &Team, envelope: &Value, bot: Option<&str>) -> Option<Said> {
    let event = &envelope["event"];
    let (user, channel, ts) = (text_of(event, "user"), text_of(event, "channel"), text_of(event, "ts"));
    // A thread that is broadcast, or a file with words, is said by a person as well.
    let said = ["", "thread_broadcast", "file_share"].contains(&text_of(event, "subtype"));
    let own = event["bot_id"].is_string() || event["app_id"].is_string() || Some(user) == bot;
    if !said || own || user.is_empty() || channel.is_empty() || ts.is_empty() {
        return None;
    }
    let direct = text_of(event, "channel_type") == "im";
    let mentions = bot.is_some_and(|bot| text_of(event, "text").contains(&format!("<@{bot}>")))
        || bot.is_some_and(|bot| text_of(event, "text").contains(&format!("<@{bot}|")));
    if !direct && !mentions && text_of(event, "type") != "app_mention" {
        return None;
    }
    let text = render::incoming(text_of(event, "text"), bot);
    if text.trim().is_empty() && !shares_files(event) {
        return None;
    }
    let thread = match text_of(event, "thread_ts") {
        "" => ts,
        thread => thread,
    };
    let mut keys = vec![format!("message:{}:{channel}:{ts}", team.team)];
    let id = text_of(envelope, "event_id");
    if !id.is_empty() {
        keys.push(format!("event:{id}"));
    }
    Some(Said {
        person: SlackUser { team: team.clone(), user: user.to_owned() },
        channel: channel.to_owned(),
        thread: Some(thread.to_owned()),
        shared: !direct,
        response_url: None,
        command: None,
        text,
        keys,
    })
}

fn shares_files(event: &Value) -> bool {
    event["files"].as_array().is_some_and(|files| !files.is_empty())
}

#[cfg(test)]
mod tests;
