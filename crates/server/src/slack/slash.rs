//! Slash commands: what is answered at once, and what is stored.

use domain::{Error, OrgId, Result, Tenant};
use serde_json::{Value, json};
use store::{
    sessions,
    slack::{self as rows, links::SlackUser},
};

use super::{
    Slack,
    command::{self, Command, Read},
    homes::Home,
    intake::{LEFT, Said, Taken, explain, introduce, key, team_of, too_much},
    person, record, render,
};
use crate::App;

/// A slash command. What is answered at once is the answer; the rest is stored.
pub async fn slash_command(
    app: &App,
    slack: &Slack,
    form: &[(String, String)],
    signature: &str,
) -> Result<Option<Value>> {
    let field =
        |name: &str| form.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value.as_str());
    let named = team_of(field("enterprise_id"), field("team_id"));
    let word = field("command").to_owned();
    let to_person = |message: render::Message| Ok(Some(json!(message.to_person())));
    let command = match command::read(field("text")) {
        Read::Command(Command::Help) => return to_person(render::help(&word)),
        Read::Unsure { suggestion, text, .. } => {
            return to_person(render::did_you_mean(&word, &suggestion, &text));
        }
        Read::Incomplete(usage) => return to_person(render::usage(&word, usage)),
        Read::Command(command) => command,
    };
    let Some(Home { org, team, .. }) = slack.home(app, &named).await? else {
        return to_person(render::unlinked_workspace(None));
    };
    let person = SlackUser { team: team.clone(), user: field("user_id").to_owned() };
    let (kind, text) = record::kind_of(&command);
    let said = Said {
        person,
        channel: field("channel_id").to_owned(),
        thread: None,
        shared: false,
        response_url: Some(field("response_url"))
            .filter(|url| slack.api.is_response_url(url))
            .map(str::to_owned),
        command: kind,
        text,
        keys: vec![format!("command:{signature}")],
    };
    if command == Command::New {
        return fresh(app, slack, org, &said).await;
    }
    let taken = slack.enter(&team, slack.take(app, org, &said)).await?;
    meet(app, slack, org, &said, taken).await
}

/// What the sender of a command is told of what became of it.
async fn meet(app: &App, slack: &Slack, org: OrgId, said: &Said, taken: Taken) -> Result<Option<Value>> {
    match taken {
        Taken::Stored | Taken::Known | Taken::Wordless => Ok(None),
        Taken::Nowhere => Ok(Some(json!(render::unlinked_workspace(None).to_person()))),
        Taken::Left => Ok(Some(json!(render::notice(LEFT).to_person()))),
        Taken::TooMuch => Ok(Some(json!(render::notice(&too_much()).to_person()))),
        Taken::Closed => Err(Error::internal("a slash command is answered to its author alone")),
        Taken::Stranger { workspace } if workspace.email_linking => {
            introduce(app, org, said.clone());
            Ok(None)
        }
        Taken::Stranger { .. } => Ok(Some(json!(explain(app, slack, org, &said.person).await?.to_person()))),
    }
}

/// A new conversation instead of the person's own, which stays in their list.
async fn fresh(app: &App, slack: &Slack, org: OrgId, said: &Said) -> Result<Option<Value>> {
    let work = async {
        let Some(linked) = person::find(app, org, &said.person).await? else {
            return Ok(Some(json!(explain(app, slack, org, &said.person).await?.to_person())));
        };
        let mut tx = app.store().at_door().tenant(Tenant::own(org, linked.user)).await?;
        let key = key(&said.person.team);
        let done = match rows::arrived(&mut tx, &said.keys[0]).await {
            Ok(true) => sessions::release_key(&mut tx, &key).await,
            known => known.map(drop),
        };
        if let Err(error) = done {
            return tx.rollback().await.and(Err(error));
        }
        tx.commit().await?;
        let text = "A new conversation begins with your next message. The one before is still in your list.";
        Ok(Some(json!(render::notice(text).to_person())))
    };
    slack.enter(&said.person.team, work).await
}
