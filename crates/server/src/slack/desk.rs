//! Workspaces are connected.

use chrono::{TimeDelta, Utc};
use domain::{
    Error, OrgId, Result, Role, UserId,
    audit::{Actor, Channel},
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use store::{
    Membership, TenantTx,
    audit::{self, Entry},
    slack::{
        self as rows, Installed, Team,
        tickets::{self, Meant},
    },
};
use url::Url;
use uuid::Uuid;

use super::{Purpose, Slack, Ticket, api::Miss, name, person::nobody, text_of};
use crate::{App, caller::Tx};

/// How long an administrator can follow the link to install.
const INSTALL_TIME: TimeDelta = TimeDelta::minutes(30);
/// What the app asks for.
const SCOPES: &str = "app_mentions:read,channels:history,channels:read,chat:write,commands,groups:history,groups:read,\
    im:history,im:read,im:write,users:read,users:read.email";

/// A link by which the copilot is installed for the caller's organization, once, and how long it holds.
pub async fn install_url(slack: &Slack, tx: &mut Tx, by: UserId) -> Result<(Url, chrono::DateTime<Utc>)> {
    let ticket = Ticket { org: tx.org(), id: Uuid::now_v7(), expires_at: Utc::now() + INSTALL_TIME };
    tickets::issue(tx, ticket.id, &Meant::Install { by }, ticket.expires_at).await?;
    let mut url = slack.own_url("/slack/install");
    url.query_pairs_mut().append_pair("token", &slack.keys.sign(Purpose::Install, ticket));
    Ok((url, ticket.expires_at))
}

/// The page of Slack to which the link leads; none: it is not good any more.
pub async fn authorize_url(app: &App, slack: &Slack, token: &str) -> Result<Option<Url>> {
    let Some(ticket) = slack.keys.verify(Purpose::Install, token, Utc::now()) else { return Ok(None) };
    let mut tx = app.store().tenant(nobody(ticket.org)).await?;
    let good = tickets::is_good(&mut tx, ticket.id).await;
    tx.rollback().await?;
    if !good? {
        return Ok(None);
    }
    let mut url = slack.api.authorize_url();
    url.query_pairs_mut()
        .append_pair("client_id", &slack.settings.client_id)
        .append_pair("scope", SCOPES)
        .append_pair("redirect_uri", slack.own_url("/slack/oauth").as_str())
        .append_pair("state", token);
    Ok(Some(url))
}

/// Why an installation did not come about, for whoever looks at the page.
#[derive(Debug)]
pub enum NotInstalled {
    /// The link is not good, or not any more.
    Stale,
    /// Slack did not let the app in.
    Refused,
    /// The workspace, or one that would be answered with it, is another organization's.
    Taken,
    Failed(Error),
}

impl From<Error> for NotInstalled {
    fn from(error: Error) -> Self {
        NotInstalled::Failed(error)
    }
}

/// Slack has sent the administrator back, with this code: the link is used, and the workspace is theirs.
pub async fn installed(
    app: &App,
    slack: &Slack,
    state: &str,
    code: &str,
) -> std::result::Result<String, NotInstalled> {
    let ticket = slack.keys.verify(Purpose::Install, state, Utc::now()).ok_or(NotInstalled::Stale)?;
    // First, so that a link is used once, whatever comes of it.
    let by = redeem(app, ticket).await?.ok_or(NotInstalled::Stale)?;
    let redirect = slack.own_url("/slack/oauth");
    let form = [
        ("client_id", slack.settings.client_id.as_str()),
        ("client_secret", slack.settings.client_secret.expose_secret()),
        ("code", code),
        ("redirect_uri", redirect.as_str()),
    ];
    let answer = slack.api.form("oauth.v2.access", &form).await.map_err(|miss| match miss {
        Miss::Refused(word) => {
            tracing::warn!(word, "Slack refused an installation");
            NotInstalled::Refused
        }
        miss => NotInstalled::Failed(Error::Unavailable {
            detail: format!("Slack does not answer: {miss:?}"),
            retry_after: std::time::Duration::from_secs(5),
        }),
    })?;
    let Some(granted) = granted(&answer) else { return Err(NotInstalled::Refused) };
    keep(app, slack, ticket.org, by, &granted).await
}

async fn redeem(app: &App, ticket: Ticket) -> Result<Option<UserId>> {
    let mut tx = app.store().tenant(nobody(ticket.org)).await?;
    let meant = tickets::redeem(&mut tx, ticket.id).await;
    tx.commit().await?;
    Ok(match meant? {
        Some(Meant::Install { by }) => Some(by),
        _ => None,
    })
}

struct Granted {
    team: Team,
    team_name: String,
    bot_user: String,
    token: SecretString,
}

/// What Slack grants. An installation for a whole enterprise names no team.
fn granted(answer: &Value) -> Option<Granted> {
    let whole = answer["is_enterprise_install"] == true;
    let (team, enterprise) = (&answer["team"], &answer["enterprise"]);
    let id = if whole { "" } else { text_of(team, "id") };
    let team_name = if whole { text_of(enterprise, "name") } else { text_of(team, "name") };
    let token = text_of(answer, "access_token");
    let granted = Granted {
        team: Team { enterprise: text_of(enterprise, "id").to_owned(), team: id.to_owned() },
        team_name: team_name.to_owned(),
        bot_user: text_of(answer, "bot_user_id").to_owned(),
        token: SecretString::from(token),
    };
    let named = !granted.team.team.is_empty() || !granted.team.enterprise.is_empty();
    (named && !token.is_empty() && !granted.bot_user.is_empty()).then_some(granted)
}

async fn keep(
    app: &App,
    slack: &Slack,
    org: OrgId,
    by: UserId,
    granted: &Granted,
) -> std::result::Result<String, NotInstalled> {
    let sealed = slack.keys.seal(org, &name(&granted.team), &granted.token)?;
    let new = Installed {
        team: &granted.team,
        name: &granted.team_name,
        bot_user: &granted.bot_user,
        bot_token: &sealed,
        by,
    };
    // Two organizations that do so at the same moment are both let in; then a workspace is its own installation's, and
    // not that of its enterprise.
    let mut tx = app.store().system().await?;
    let taken = rows::taken(&mut tx, org, &granted.team).await;
    tx.rollback().await?;
    if taken? {
        return Err(NotInstalled::Taken);
    }
    let mut tx = app.store().tenant(domain::Tenant::own(org, by)).await?;
    let kept = async {
        // Who asked for it may have left since, or administer no more.
        let member = tx.membership().filter(|member| member.active);
        if !member.and_then(Membership::role_now).is_some_and(Role::administers) {
            return Ok(None);
        }
        if !rows::install(&mut tx, &new).await? {
            return Ok(Some(false));
        }
        note(&mut tx, Actor::Person(by), "slack.install", &granted.team).await?;
        Ok::<_, Error>(Some(true))
    };
    let kept = kept.await;
    match kept {
        Ok(Some(true)) => {
            tx.commit().await?;
            slack.homes.forget();
            Ok(granted.team_name.clone())
        }
        Ok(other) => {
            tx.rollback().await?;
            Err(if other.is_some() { NotInstalled::Taken } else { NotInstalled::Stale })
        }
        Err(error) => {
            tx.rollback().await?;
            Err(error.into())
        }
    }
}

pub(super) async fn note(tx: &mut TenantTx, actor: Actor, action: &str, team: &Team) -> Result<()> {
    let target = format!("slack:{}", name(team));
    let entry = match actor {
        Actor::Service => Entry::by_service(action),
        actor => Entry { channel: Channel::Slack, ..Entry::done(actor, action) },
    };
    audit::record(tx, &[entry.on(&target)]).await
}
