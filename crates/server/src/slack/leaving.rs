//! Workspaces are disconnected: in Slack, by an administrator, or with their organization.

use domain::{Result, audit::Actor};
use store::{
    TenantTx, audit,
    slack::{self as rows, Team},
};

use super::{Connected, Slack, desk::note, homes::Home, name, person::nobody};
use crate::{
    App,
    caller::{Caller, end},
};

/// Slack says that the copilot was removed, or its token taken away, at this time (seconds since 1970). What is told late
/// ends no installation that was made since.
pub(super) async fn disconnect(app: &App, slack: &Slack, home: &Home, said_at: i64) -> Result<()> {
    let team = &home.team;
    let mut tx = app.store().tenant(nobody(home.org)).await?;
    let gone = async {
        let known = rows::find(&mut tx, team).await?;
        if known.is_some_and(|workspace| workspace.updated_at.timestamp() > said_at) {
            return Ok(());
        }
        if rows::uninstall(&mut tx, team).await? {
            note(&mut tx, Actor::Service, "slack.uninstall", team).await?;
        }
        Ok(())
    };
    let gone = gone.await;
    end(tx, gone).await?;
    slack.homes.forget();
    Ok(())
}

/// An administrator disconnects a workspace. The token is given back to Slack once it is forgotten here.
pub async fn removed(caller: &Caller, slack: &Slack, team: &Team) -> Result<bool> {
    let token = caller
        .tx(async |tx| {
            tx.administers()?;
            let token = slack.token(tx, team).await?;
            if rows::uninstall(tx, team).await? {
                let target = format!("slack:{}", name(team));
                audit::record(tx, &[caller.did("slack.disconnect").on(&target)]).await?;
            }
            Ok(token)
        })
        .await?;
    slack.homes.forget();
    let Some(workspace) = token else { return Ok(false) };
    slack.give_back(&workspace).await;
    Ok(true)
}

/// Gives back the tokens of an organization that is erased, beside the request and as well as can be: its rows are about
/// to go.
pub async fn erased(app: &App, tx: &mut TenantTx) -> Result<()> {
    let Some(slack) = app.slack.clone() else { return Ok(()) };
    let mut connected = Vec::new();
    for workspace in rows::list(tx).await? {
        match slack.keys.open(tx.org(), &name(&workspace.team), &workspace.bot_token) {
            Ok(token) => connected.push(Connected { token, bot_user: workspace.bot_user }),
            Err(error) => tracing::warn!(%error, "a token of Slack cannot be given back"),
        }
    }
    super::beside(app, "tokens of Slack could not be given back", |_, slack| async move {
        slack.homes.forget();
        for workspace in &connected {
            slack.give_back(workspace).await;
        }
        Ok(())
    });
    Ok(())
}

impl Slack {
    /// Tells Slack that the token is good no more.
    async fn give_back(&self, workspace: &Connected) {
        if let Err(miss) = self.api.ask(&workspace.token, "auth.revoke", &[("test", "false")]).await {
            tracing::warn!(?miss, "Slack did not take a token back; it is forgotten here");
        }
    }
}
