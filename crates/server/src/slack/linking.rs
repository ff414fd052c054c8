//! People link themselves, and take it back.

use chrono::Utc;
use domain::{
    Error, OrgId, Result, SlackLinkId,
    notification::{About, NotificationKind},
};
use store::{
    audit, notifications,
    slack::{
        links::{self, SlackUser},
        tickets::{self, Meant},
    },
};

use super::{Purpose, Slack, name, person::nobody};
use crate::{
    App,
    caller::{Caller, Tx, end},
};

/// The signed-in member is the person in Slack for whom the link was made.
pub async fn linked(caller: &Caller, slack: &Slack, tx: &mut Tx, token: &str) -> Result<SlackUser> {
    let stale = || {
        Error::conflict(
            "slack_link_expired",
            "this link is not good any more; ask the copilot in Slack for another one",
        )
    };
    let ticket = slack.keys.verify(Purpose::Link, token, Utc::now()).ok_or_else(stale)?;
    // One of another organization is none.
    if ticket.org != tx.org() {
        return Err(stale());
    }
    let Some(Meant::Link { person }) = tickets::redeem(tx, ticket.id).await? else { return Err(stale()) };
    let me = tx.tenant().user;
    links::link(tx, &person, me, false).await?;
    let target = format!("slack:{}/{}", name(&person.team), person.user);
    audit::record(tx, &[caller.did("slack.link").on(&target)]).await?;
    // Somebody else may have given them the link.
    let text = format!(
        "{} of the workspace {} speaks as you there from now on. If that is not you, tell an administrator.",
        person.user, person.team.team
    );
    let title = "You are linked to Slack";
    notifications::add(tx, NotificationKind::SlackLinked, title, &text, About::default()).await?;
    Ok(person)
}

/// Learns where the person is, beside the request.
pub fn look_up_timezone(app: &App, org: OrgId, person: SlackUser) {
    let failed = "the time zone of somebody in Slack could not be kept";
    super::beside(app, failed, |app, slack| async move {
        let Some(workspace) = slack.connected(&app, org, &person.team).await? else { return Ok(()) };
        let Some(about) = slack.about(&workspace, &person).await else { return Ok(()) };
        let Some(zone) = about.timezone() else { return Ok(()) };
        let mut tx = app.store().tenant(nobody(org)).await?;
        let noted = links::note_timezone(&mut tx, &person, zone.name()).await;
        end(tx, noted).await
    });
}

/// The caller is that person in Slack no more.
pub async fn unlinked(caller: &Caller, tx: &mut Tx, id: SlackLinkId) -> Result<()> {
    let own = links::list_own(tx).await?;
    let link = own.into_iter().find(|link| link.id == id).ok_or(Error::NotFound)?;
    let me = tx.tenant().user;
    if !links::unlink(tx, &link.person, me).await? {
        return Err(Error::NotFound);
    }
    let target = format!("slack:{}/{}", name(&link.person.team), link.person.user);
    audit::record(tx, &[caller.did("slack.unlink").on(&target)]).await
}
