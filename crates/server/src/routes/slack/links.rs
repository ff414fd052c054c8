//! Whom the caller is in Slack.

use axum::{Json, http::StatusCode};
use chrono::{DateTime, Utc};
use domain::SlackLinkId;
use serde::{Deserialize, Serialize};
use store::slack::links::{self, OwnLink};
use utoipa::ToSchema;

use super::{admin::people_only, slack};
use crate::{
    caller::Caller,
    extract::{Body, Path},
    problem::{Problems, Result},
    slack as desk,
};

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewLink {
    /// Of the link that the copilot has sent in Slack.
    token: String,
}

/// Who the caller is in Slack from now on.
#[derive(Serialize, ToSchema)]
pub struct Link {
    #[serde(skip_serializing_if = "String::is_empty")]
    enterprise: String,
    team: String,
    slack_user: String,
}

/// One of those whom the caller is in Slack.
#[derive(Serialize, ToSchema)]
pub struct SlackLink {
    id: SlackLinkId,
    /// Slack's id of the enterprise; left out for a workspace that belongs to none.
    #[serde(skip_serializing_if = "String::is_empty")]
    enterprise: String,
    /// Slack's id of the workspace; left out where a whole enterprise has installed the copilot.
    #[serde(skip_serializing_if = "String::is_empty")]
    team: String,
    /// The workspace's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    workspace: Option<String>,
    slack_user: String,
    /// Whether the caller was recognised by their e-mail address, and has not linked themselves.
    by_email: bool,
    linked_at: DateTime<Utc>,
}

impl From<OwnLink> for SlackLink {
    fn from(link: OwnLink) -> Self {
        Self {
            id: link.id,
            enterprise: link.person.team.enterprise,
            team: link.person.team.team,
            workspace: link.workspace,
            slack_user: link.person.user,
            by_email: link.by_email,
            linked_at: link.created_at,
        }
    }
}

/// Whom the caller is in Slack, oldest first; at most 100.
#[derive(Serialize, ToSchema)]
pub struct SlackLinks {
    data: Vec<SlackLink>,
}

/// Whom the caller is in Slack: whoever that is speaks there with the caller's rights.
#[utoipa::path(get, path = "/v1/slack/links", tag = "slack", security(("bearer" = [])),
    responses((status = 200, body = SlackLinks), Problems))]
pub async fn list(caller: Caller) -> Result<Json<SlackLinks>> {
    let links = caller.tx(async |tx| links::list_own(tx).await).await?;
    Ok(Json(SlackLinks { data: links.into_iter().map(SlackLink::from).collect() }))
}

/// Takes a link back: that person in Slack is a stranger again, and the caller reads no thread of that workspace until
/// they speak in it again.
#[utoipa::path(delete, path = "/v1/slack/links/{id}", tag = "slack", security(("bearer" = [])),
    params(("id" = SlackLinkId, Path)), responses((status = 204), Problems))]
pub async fn unlink(caller: Caller, Path(id): Path<SlackLinkId>) -> Result<StatusCode> {
    caller.tx(async |tx| desk::unlinked(&caller, tx, id).await).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Links the caller with the person in Slack for whom the link was made. It is good once.
#[utoipa::path(post, path = "/v1/slack/links", tag = "slack", security(("bearer" = [])), request_body = NewLink,
    responses((status = 201, body = Link), Problems))]
pub async fn link(caller: Caller, body: Body<NewLink>) -> Result<(StatusCode, Json<Link>)> {
    let slack = slack(&caller.app)?;
    let token = body.value.token;
    let person = caller
        .tx(async |tx| {
            people_only(&caller)?;
            desk::linked(&caller, &slack, tx, &token).await
        })
        .await?;
    desk::look_up_timezone(&caller.app, caller.org, person.clone());
    let link = Link { enterprise: person.team.enterprise, team: person.team.team, slack_user: person.user };
    Ok((StatusCode::CREATED, Json(link)))
}
