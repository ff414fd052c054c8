//! Where a task may go on, and where its result may go: asked when it is written, and again when there is a result.

use domain::{
    FieldError, OptionalExt as _, Result, Role, SessionId, UserId,
    permission::{Action, Ask, Policy},
    schedule::Deliver,
};
use store::{
    TenantTx, orgs, permissions, sessions,
    slack::{
        self,
        links::{self, SlackUser},
    },
};

use crate::Engine;

/// What there is to say against places of a task's.
pub(super) async fn problems(
    engine: &Engine,
    tx: &mut TenantTx,
    role: Role,
    session: Option<SessionId>,
    deliver: &Deliver,
) -> Result<Vec<FieldError>> {
    let mut problems = Vec::new();
    if let Some(id) = session
        && !is_own(tx, id).await?
    {
        problems.push(FieldError { field: "session".into(), error: NO_CONVERSATION.into() });
    }
    let against = match deliver {
        Deliver::Notification {} => None,
        Deliver::Session { session_id } => {
            let found = is_own(tx, *session_id).await? || colleague(tx, role, *session_id).await?.is_some();
            (!found).then_some(("deliver.session_id", NO_CONVERSATION))
        }
        Deliver::Slack { channel } => {
            if in_slack(tx, role, channel.as_deref()).await?.is_some() {
                None
            } else if links::own(tx).await?.is_some() {
                Some(("deliver.channel", NOT_LISTED))
            } else {
                Some(("deliver.kind", NOT_LINKED))
            }
        }
        Deliver::Email { .. } if engine.settings().mailer.is_none() => {
            Some(("deliver.kind", "this server sends no mails; its operator sets SMTP_URL and SMTP_FROM"))
        }
        Deliver::Email { to } => {
            let missing = address(tx, role, to.as_deref()).await?.is_none();
            missing.then_some(if to.is_some() {
                ("deliver.to", NOT_YOURS)
            } else {
                ("deliver.kind", NO_ADDRESS)
            })
        }
    };
    problems.extend(against.map(|(field, error)| FieldError { field: field.into(), error: error.into() }));
    Ok(problems)
}

const NO_CONVERSATION: &str = "there is no such conversation of yours";
const NOT_YOURS: &str = "your organization must let you send mails, and it must be the address of your own tokens, or with access_all_org that of a member";
const NO_ADDRESS: &str =
    "your tokens name no address (the claim `email`), or your organization does not let you send mails";

const NOT_LINKED: &str = "you are not linked to Slack: write to the copilot there, and it says how; or your \
    organization does not let you post there";
const NOT_LISTED: &str =
    "must be a channel that an administrator has listed, and needs the right access_all_org";

/// Who the person is in Slack, and where a result is told there, if they may have it told there.
pub(super) async fn in_slack(
    tx: &mut TenantTx,
    role: Role,
    channel: Option<&str>,
) -> Result<Option<(SlackUser, String)>> {
    if !allows(tx, role, Action::SendSlack).await? {
        return Ok(None);
    }
    let Some(person) = links::own(tx).await? else { return Ok(None) };
    let Some(channel) = channel else {
        let direct = person.user.clone();
        return Ok(Some((person, direct)));
    };
    let workspace = slack::find(tx, &person.team).await?;
    let listed = workspace.is_some_and(|workspace| workspace.channels.iter().any(|it| it == channel));
    Ok((listed && permissions::sees_all(tx, role).await?).then(|| (person, channel.to_owned())))
}

/// Whether the conversation is the person's own.
pub(super) async fn is_own(tx: &mut TenantTx, session: SessionId) -> Result<bool> {
    Ok(sessions::find(tx, session).await.optional()?.is_some())
}

/// Whose conversation it is, if it is a colleague's and the person may write there.
pub(super) async fn colleague(tx: &mut TenantTx, role: Role, session: SessionId) -> Result<Option<UserId>> {
    let own = tx.tenant().user;
    if !permissions::sees_all(tx, role).await? {
        return Ok(None);
    }
    tracing::debug!(by = %own, %session, "a scheduled task looks for a colleague's conversation");
    Ok(sessions::owner_of(tx, session).await?.filter(|owner| *owner != own))
}

/// Where a mail goes, if the person may send one there.
pub(super) async fn address(tx: &mut TenantTx, role: Role, to: Option<&str>) -> Result<Option<String>> {
    if !allows(tx, role, Action::SendEmail).await? {
        return Ok(None);
    }
    let user = tx.tenant().user;
    // It may have come with the token of this very request.
    let own = orgs::membership(tx, user).await?.and_then(|member| member.email);
    let Some(to) = to.map(domain::email::address) else { return Ok(own) };
    let Some(to) = to else { return Ok(None) };
    let may = own.as_ref() == Some(&to)
        || (permissions::sees_all(tx, role).await? && orgs::is_mailed_at(tx, &to).await?);
    Ok(may.then_some(to))
}

/// Whether the matrix lets the person have it done at all. To write the task is their yes to what needs one.
async fn allows(tx: &mut TenantTx, role: Role, action: Action) -> Result<bool> {
    Ok(permissions::matrix(tx).await?.rule(Ask::own(role, action)).policy != Policy::Disabled)
}
