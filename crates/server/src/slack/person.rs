//! Who in the service somebody in Slack is.

use chrono::{TimeDelta, Utc};
use domain::{Error, OrgId, Result, Tenant, UserId};
use serde_json::json;
use store::{
    TenantTx,
    slack::{
        self as rows, Team,
        links::{self, Linked, Meant, SlackUser},
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
    /// As whom the copilot speaks in the workspace.
    pub(super) async fn bot_user(&self, app: &App, org: OrgId, team: &Team) -> Result<Option<String>> {
        let mut tx = app.store().at_door().tenant(nobody(org)).await?;
        let found = rows::find(&mut tx, team).await;
        tx.rollback().await?;
        Ok(found?.map(|workspace| workspace.bot_user))
    }

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
        links::issue(tx, ticket.id, &meant, ticket.expires_at).await?;
        let mut url = self.settings.link_url.clone().unwrap_or_else(|| self.own_url("/slack/link"));
        url.query_pairs_mut().append_pair("token", &self.keys.sign(Purpose::Link, ticket));
        Ok(url)
    }

    /// The e-mail address that Slack knows of a person of this workspace who is neither a guest nor a bot, and has
    /// confirmed it. In a shared channel people of other companies speak as well: their addresses are their own affair.
    pub(super) async fn email_of(
        &self,
        workspace: &Connected,
        SlackUser { team, user }: &SlackUser,
    ) -> Result<Option<String>> {
        let asked = self.api.ask(&workspace.token, "users.info", &[("user", user)]).await;
        let answer = match asked {
            Ok(answer) => answer,
            Err(miss) => {
                tracing::warn!(?miss, "Slack does not tell who a person is");
                return Ok(None);
            }
        };
        let about = &answer["user"];
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
        Ok((home && !outsider && confirmed && email.contains('@')).then_some(email))
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
    Ok(find(app, org, person).await?.map(|linked| Caller::linked(app, linked)))
}

/// Recognises a person by their e-mail address, where administrators allow it. Whether they are a member now.
pub(super) async fn recognise(app: &App, slack: &Slack, org: OrgId, person: &SlackUser) -> Result<bool> {
    let mut tx = app.store().tenant(nobody(org)).await?;
    let allowed = rows::find(&mut tx, &person.team).await?.is_some_and(|workspace| workspace.email_linking);
    let workspace = if allowed { slack.token(&mut tx, &person.team).await? } else { None };
    tx.rollback().await?;
    let Some(workspace) = workspace else { return Ok(false) };
    let Some(email) = slack.email_of(&workspace, person).await? else { return Ok(false) };
    let mut tx = app.store().tenant(nobody(org)).await?;
    let linked = match links::by_email(&mut tx, &email).await {
        Ok(Some(user)) => links::link(&mut tx, person, user, true).await.map(|()| true),
        Ok(None) => Ok(false),
        Err(error) => Err(error),
    };
    end(tx, linked).await
}
