//! Workspaces of the caller's organization.

use axum::Json;
use chrono::{DateTime, Utc};
use domain::Error;
use serde::{Deserialize, Serialize};
use store::{
    audit,
    idempotency::{self, Claim},
    slack::{
        self as rows, Team, Workspace, links,
        threads::{self, Leaves},
    },
};
use utoipa::ToSchema;

use super::slack;
use crate::{
    caller::{Caller, Tx},
    extract::{Body, IdempotencyKey},
    idempotent::{Answer, request_hash},
    problem::{Problems, Result},
    slack as desk,
};

const MAX_CHANNELS: usize = 1_000;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewInstall {}

/// A page that is opened once, by whoever administers the workspace.
#[derive(Serialize, ToSchema)]
pub struct Install {
    expires_at: DateTime<Utc>,
    /// Leads to Slack, which asks for the workspace. It is good once, and shown once.
    url: String,
}

/// A workspace in which the copilot is installed.
#[derive(Serialize, ToSchema)]
pub struct SlackWorkspace {
    /// Slack's id of the enterprise; left out for a workspace that belongs to none.
    #[serde(skip_serializing_if = "Option::is_none")]
    enterprise: Option<String>,
    /// Slack's id of the workspace; left out where a whole enterprise has installed the copilot.
    #[serde(skip_serializing_if = "Option::is_none")]
    team: Option<String>,
    name: String,
    /// Ids of the channels in which the copilot may answer.
    channels: Vec<String>,
    /// Whether people are recognised by their e-mail address.
    email_linking: bool,
    version: i64,
    installed_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<Workspace> for SlackWorkspace {
    fn from(workspace: Workspace) -> Self {
        let given = |text: String| Some(text).filter(|text| !text.is_empty());
        Self {
            enterprise: given(workspace.team.enterprise),
            team: given(workspace.team.team),
            name: workspace.name,
            channels: workspace.channels,
            email_linking: workspace.email_linking,
            version: workspace.version,
            installed_at: workspace.created_at,
            updated_at: workspace.updated_at,
        }
    }
}

#[derive(Serialize, ToSchema)]
pub struct SlackSettings {
    /// Whether the service can be installed in Slack at all.
    configured: bool,
    workspaces: Vec<SlackWorkspace>,
}

/// What is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SlackChange {
    /// Which workspace; may be left out where there is one.
    team: Option<String>,
    enterprise: Option<String>,
    /// Ids of the channels in which the copilot may answer, such as `C0123ABCD`: at most 1000.
    channels: Option<Vec<String>>,
    /// Whether people are recognised by their e-mail address, without a link. Allow it where your workspace lets nobody
    /// choose the address of another. Without it, whoever was recognised so is a stranger again.
    email_linking: Option<bool>,
    /// Ends the connection: the token is given back, and nobody is linked any more. Conversations stay.
    #[serde(default)]
    disconnect: bool,
}

/// Makes a link that installs the copilot in a workspace of Slack: owners and administrators. Under the
/// `Idempotency-Key` of an earlier request it answers 409: the link is shown once.
#[utoipa::path(post, path = "/v1/admin/slack/installs", tag = "slack", security(("bearer" = [])),
    request_body = NewInstall, responses((status = 201, body = Install), Problems))]
pub async fn install(caller: Caller, key: IdempotencyKey, body: Body<NewInstall>) -> Result<Answer> {
    let hash = request_hash("POST /v1/admin/slack/installs", &body.bytes);
    let NewInstall {} = body.value;
    let slack = slack(&caller.app)?;
    let answer = caller.tx(async |tx| {
        tx.administers()?;
        people_only(&caller)?;
        if let Some(key) = &key.0
            && !matches!(idempotency::claim(tx, key, &hash).await?, Claim::New)
        {
            let detail = "the link was made and shown once; make another one if it is lost";
            return Err(Error::conflict("secret_already_shown", detail));
        }
        let (url, expires_at) = desk::install_url(&slack, tx, caller.identity.user).await?;
        audit::record(tx, &[caller.did("slack.install_link")]).await?;
        let answer =
            Answer::created("/v1/admin/slack".into(), &serde_json::json!({ "expires_at": expires_at }))?;
        if let Some(key) = &key.0 {
            let (status, location) = (answer.status.as_u16(), answer.location.as_deref());
            idempotency::keep_answer(tx, key, status, location, None, &answer.body).await?;
        }
        Ok(answer.with_secret("url", url.into()))
    });
    Ok(answer.await?)
}

pub(super) fn people_only(caller: &Caller) -> domain::Result<()> {
    if caller.is_program() {
        return Err(Error::forbidden("people connect Slack; a program with an API key does not"));
    }
    Ok(())
}

/// The workspaces of the organization: owners and administrators.
#[utoipa::path(get, path = "/v1/admin/slack", tag = "slack", security(("bearer" = [])),
    responses((status = 200, body = SlackSettings), Problems))]
pub async fn get(caller: Caller) -> Result<Json<SlackSettings>> {
    let workspaces = caller.tx(async |tx| {
        tx.administers()?;
        rows::list(tx).await
    });
    let workspaces = workspaces.await?.into_iter().map(SlackWorkspace::from).collect();
    Ok(Json(SlackSettings { configured: caller.app.slack.is_some(), workspaces }))
}

/// Sets in which channels the copilot answers, and how people are recognised; or disconnects a workspace. Owners and
/// administrators.
#[utoipa::path(patch, path = "/v1/admin/slack", tag = "slack", security(("bearer" = [])), request_body = SlackChange,
    responses((status = 200, body = SlackSettings), Problems))]
pub async fn update(caller: Caller, body: Body<SlackChange>) -> Result<Json<SlackSettings>> {
    let change = body.value;
    if let Some(channels) = &change.channels {
        check(channels)?;
    }
    let team = caller
        .tx(async |tx| {
            tx.administers()?;
            let workspace = meant(tx, &change).await?;
            if !change.disconnect {
                set(&caller, tx, &workspace, &change).await?;
            }
            Ok(workspace.team)
        })
        .await?;
    if change.disconnect {
        let slack = slack(&caller.app)?;
        desk::removed(&caller, &slack, &team).await?;
    }
    get(caller).await
}

fn check(channels: &[String]) -> domain::Result<()> {
    if channels.len() > MAX_CHANNELS {
        return Err(Error::field("channels", format!("must be at most {MAX_CHANNELS}")));
    }
    let is_id = |id: &str| {
        (2..=32).contains(&id.len())
            && id.starts_with(['C', 'G'])
            && id.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
    };
    match channels.iter().position(|id| !is_id(id)) {
        Some(place) => {
            Err(Error::field(format!("channels[{place}]"), "must be the id of a channel, such as C0123ABCD"))
        }
        None => Ok(()),
    }
}

/// The workspace that is to be changed.
async fn meant(tx: &mut Tx, change: &SlackChange) -> domain::Result<Workspace> {
    let mut all = rows::list(tx).await?;
    if change.team.is_some() || change.enterprise.is_some() {
        let named = Team {
            enterprise: change.enterprise.clone().unwrap_or_default(),
            team: change.team.clone().unwrap_or_default(),
        };
        // The id of a workspace is enough.
        let fits = |known: &Team| {
            *known == named
                || (change.enterprise.is_none() && !named.team.is_empty() && known.team == named.team)
        };
        return all.into_iter().find(|workspace| fits(&workspace.team)).ok_or(Error::NotFound);
    }
    match (all.pop(), all.is_empty()) {
        (None, _) => {
            Err(Error::conflict("slack_not_installed", "the copilot is installed in no workspace of Slack"))
        }
        (Some(only), true) => Ok(only),
        _ => Err(Error::field("team", "is needed: the copilot is installed in several workspaces")),
    }
}

async fn set(
    caller: &Caller,
    tx: &mut Tx,
    workspace: &Workspace,
    change: &SlackChange,
) -> domain::Result<()> {
    let mut channels = change.channels.clone().unwrap_or_else(|| workspace.channels.clone());
    channels.sort();
    channels.dedup();
    let email = change.email_linking.unwrap_or(workspace.email_linking);
    if (&channels, email) == (&workspace.channels, workspace.email_linking) {
        return Ok(());
    }
    rows::update(tx, &workspace.team, (&channels, email), None).await?;
    // What is taken from the list is read by nobody any more, until they speak there again.
    let closed: Vec<String> =
        workspace.channels.iter().filter(|known| !channels.contains(known)).cloned().collect();
    if !closed.is_empty() {
        threads::leave(tx, &workspace.team, Some(&closed), Leaves::Everybody).await?;
    }
    if workspace.email_linking && !email {
        links::forget_recognised(tx, &workspace.team).await?;
    }
    let target = format!("slack:{}/{}", workspace.team.enterprise, workspace.team.team);
    let detail = format!("{} channels, e-mail linking {}", channels.len(), if email { "on" } else { "off" });
    audit::record(tx, &[caller.did("slack.update").on(&target).saying(&detail)]).await
}
