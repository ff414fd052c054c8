//! Who in the service somebody in Slack is.

use chrono::{TimeDelta, Utc};
use chrono_tz::Tz;
use domain::{Error, OrgId, Result, Tenant, UserId};
use serde_json::{Value, json};
use store::{
    TenantTx,
    slack::{
        self as rows, Team,
        links::{self, Linked, SlackUser},
        tickets::{self, Meant},
    },
};
use url::Url;
use uuid::Uuid;

use super::{Connected, Purpose, Slack, Ticket, api::Called, intake::Said, render::Message, text_of};
use crate::{
    App,
    caller::{Caller, end},
};

/// How long a person can follow the link to link themselves.
const LINK_TIME: TimeDelta = TimeDelta::minutes(30);

/// The service itself in an organization: it sees what is not personal.
pub(super) fn nobody(org: OrgId) -> Tenant {
    Tenant::own(org, UserId(Uuid::nil()))
}

impl Slack {
    /// The workspace with its token, if it is still connected.
    pub(super) async fn connected(&self, app: &App, org: OrgId, team: &Team) -> Result<Option<Connected>> {
        let mut tx = app.store().tenant(nobody(org)).await?;
        let found = self.token(&mut tx, team).await;
        tx.rollback().await?;
        found
    }

    /// Says something to one person alone, where they have spoken. It is not repeated.
    pub(super) async fn whisper(&self, app: &App, org: OrgId, said: &Said, message: Message) -> Result<()> {
        if let Some(url) = &said.response_url {
            return told(self.api.respond(url, &json!(message.to_person())).await);
        }
        let Some(workspace) = self.connected(app, org, &said.person.team).await? else { return Ok(()) };
        let mut arguments = json!(message);
        arguments["channel"] = said.channel.as_str().into();
        arguments["user"] = said.person.user.as_str().into();
        if let Some(thread) = &said.thread {
            arguments["thread_ts"] = thread.as_str().into();
        }
        told(self.api.call(&workspace.token, "chat.postEphemeral", &arguments).await.map(drop))
    }

    /// A link by which this person in Slack becomes whoever opens it, signed in.
    pub(super) async fn link_for(&self, tx: &mut TenantTx, person: &SlackUser) -> Result<Url> {
        let ticket = Ticket { org: tx.org(), id: Uuid::now_v7(), expires_at: Utc::now() + LINK_TIME };
        let meant = Meant::Link { person: person.clone() };
        tickets::issue(tx, ticket.id, &meant, ticket.expires_at).await?;
        let mut url = self.settings.link_url.clone().unwrap_or_else(|| self.own_url("/slack/link"));
        url.query_pairs_mut().append_pair("token", &self.keys.sign(Purpose::Link, ticket));
        Ok(url)
    }

    /// What Slack tells of a person. None: nothing.
    pub(super) async fn about(&self, workspace: &Connected, person: &SlackUser) -> Option<About> {
        match self.api.ask(&workspace.token, "users.info", &[("user", &person.user)]).await {
            Ok(mut answer) => Some(About(answer["user"].take())),
            Err(miss) => {
                tracing::warn!(?miss, "Slack does not tell who a person is");
                None
            }
        }
    }
}

/// What Slack tells of a person.
pub(super) struct About(Value);

impl About {
    /// The e-mail address of a person of this workspace who is neither a guest nor a bot, and has confirmed it. In a
    /// shared channel people of other companies speak as well: their addresses are their own affair.
    fn email(&self, team: &Team) -> Option<String> {
        let about = &self.0;
        let outsider = ["deleted", "is_bot", "is_restricted", "is_ultra_restricted", "is_stranger"]
            .iter()
            .any(|flag| about[*flag] == true);
        let confirmed = about["is_email_confirmed"] == true;
        let home = if team.team.is_empty() {
            text_of(&about["enterprise_user"], "enterprise_id") == team.enterprise
        } else {
            text_of(about, "team_id") == team.team
        };
        let email = text_of(&about["profile"], "email").trim().to_lowercase();
        (home && !outsider && confirmed && email.contains('@')).then_some(email)
    }

    /// Where the person is, as far as days and hours go.
    pub fn timezone(&self) -> Option<Tz> {
        text_of(&self.0, "tz").parse().ok()
    }
}

fn told(called: Called<()>) -> Result<()> {
    called.map_err(|miss| Error::internal(format!("Slack does not take a word to one person: {miss:?}")))
}

/// The member that a person in Slack is.
pub(super) async fn find(app: &App, org: OrgId, person: &SlackUser) -> Result<Option<Linked>> {
    let mut tx = app.store().at_door().tenant(nobody(org)).await?;
    let found = links::find(&mut tx, person).await;
    tx.rollback().await?;
    found
}

/// The same as the caller of our own operations.
pub(super) async fn caller(app: &App, org: OrgId, person: &SlackUser) -> Result<Option<Caller>> {
    match find(app, org, person).await? {
        Some(linked) => Caller::linked(app, linked).await.map(Some),
        None => Ok(None),
    }
}

/// Recognises a person by their e-mail address, where administrators allow it. Whether they are a member now.
pub(super) async fn recognise(app: &App, slack: &Slack, org: OrgId, person: &SlackUser) -> Result<bool> {
    let mut tx = app.store().tenant(nobody(org)).await?;
    let allowed = rows::find(&mut tx, &person.team).await?.is_some_and(|workspace| workspace.email_linking);
    let workspace = if allowed { slack.token(&mut tx, &person.team).await? } else { None };
    tx.rollback().await?;
    let Some(workspace) = workspace else { return Ok(false) };
    let Some(about) = slack.about(&workspace, person).await else { return Ok(false) };
    let Some(email) = about.email(&person.team) else { return Ok(false) };
    let mut tx = app.store().tenant(nobody(org)).await?;
    let linked = linked_by(&mut tx, person, &email, about.timezone()).await;
    end(tx, linked).await
}

async fn linked_by(tx: &mut TenantTx, person: &SlackUser, email: &str, zone: Option<Tz>) -> Result<bool> {
    // An administrator may have switched it off meanwhile.
    if !rows::recognises(tx, &person.team).await? {
        return Ok(false);
    }
    let Some(user) = links::by_email(tx, email).await? else { return Ok(false) };
    links::link(tx, person, user, true).await?;
    if let Some(zone) = zone {
        links::note_timezone(tx, person, zone.name()).await?;
    }
    Ok(true)
}
