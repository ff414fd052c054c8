//! Organizations and members, for logins whose token carries none. Needs a
//! platform administrator's token.

use axum::{Json, http::StatusCode};
use domain::{Error, Role, UserId};
use serde::{Deserialize, Serialize};
use store::{
    audit, erasures,
    orgs::{self, NewMember, Standing},
    slack::threads,
};
use utoipa::ToSchema;

use crate::{
    caller::Platform,
    extract::{Body, Path},
    problem::{Problems, Result},
};

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewOrg {
    /// Shown to its members; its id when left out.
    name: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct Org {
    id: String,
    name: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewMembership {
    role: Role,
    name: Option<String>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = PlatformMember)]
pub struct Member {
    user: String,
    role: Role,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
}

fn external(field: &str, id: &str) -> Result<()> {
    let plain = !id.trim().is_empty() && id.chars().count() <= 255 && !id.chars().any(char::is_control);
    if plain {
        Ok(())
    } else {
        Err(Error::field(field, "must be 1 to 255 characters without control characters").into())
    }
}

/// A member's name in the audit trail: the id that says nothing of the person.
fn target(user: UserId) -> String {
    format!("member:{user}")
}

fn display_name(platform: &Platform, given: Option<&str>) -> domain::Result<Option<String>> {
    match given.map(str::trim).filter(|name| !name.is_empty()) {
        Some(name) if name.chars().count() > 255 => {
            Err(Error::field("name", "must be at most 255 characters"))
        }
        name => Ok(name.map(|name| platform.app.engine.plain_door().redact_hidden(name).into_owned())),
    }
}

/// Creates an organization, or names it anew. One that was erased begins anew, with nothing.
#[utoipa::path(put, path = "/v1/platform/orgs/{external_id}", tag = "platform", security(("bearer" = [])),
    params(("external_id" = String, Path, description = "The platform's own id of the organization")),
    request_body = NewOrg, responses((status = 200, body = Org), (status = 201, body = Org), Problems))]
pub async fn put_org(
    platform: Platform,
    Path(id): Path<String>,
    body: Body<NewOrg>,
) -> Result<(StatusCode, Json<Org>)> {
    external("external_id", &id)?;
    let name = display_name(&platform, body.value.name.as_deref())?;
    let org = platform.identity.org_id(&id);
    if platform.tx(org, orgs::standing).await? == Some(Standing::Erased) {
        let mut tx = platform.app.store().system().await?;
        orgs::reopen(&mut tx, org).await?;
        tx.commit().await?;
    }
    let (new, (id, name)) = platform
        .tx(org, async |tx| {
            let created = orgs::create(tx, &id, name.as_deref()).await?;
            erasures::settled(tx, None).await?;
            let new = orgs::adopt(tx, &id, name.as_deref()).await? || created;
            let renamed = name.filter(|_| !new);
            if let Some(name) = &renamed {
                orgs::rename(tx, name).await?;
            }
            if new || renamed.is_some() {
                let action = if new { "org.create" } else { "org.rename" };
                audit::record(tx, &[platform.did(action)]).await?;
            }
            Ok((new, orgs::find(tx).await?.ok_or(Error::NotFound)?))
        })
        .await?;
    Ok((if new { StatusCode::CREATED } else { StatusCode::OK }, Json(Org { id, name })))
}

/// Creates a membership or changes its role; a removed member is a member again.
#[utoipa::path(put, path = "/v1/platform/orgs/{external_id}/members/{sub}", tag = "platform", security(("bearer" = [])),
    params(("external_id" = String, Path, description = "The platform's own id of the organization"),
        ("sub" = String, Path, description = "The subject of the person's tokens")),
    request_body = NewMembership, responses((status = 200, body = Member), (status = 201, body = Member), Problems))]
pub async fn put_member(
    platform: Platform,
    Path((org, sub)): Path<(String, String)>,
    body: Body<NewMembership>,
) -> Result<(StatusCode, Json<Member>)> {
    external("sub", &sub)?;
    let NewMembership { role, name } = body.value;
    let name = display_name(&platform, name.as_deref())?;
    let org = platform.identity.org_id(&org);
    let member = NewMember {
        user: platform.identity.user_id(&sub),
        external_id: &sub,
        name: name.as_deref(),
        role: Some(role),
        service: false,
    };
    let new = platform
        .tx(org, async |tx| {
            orgs::find(tx).await?.ok_or(Error::NotFound)?;
            let before = orgs::membership(tx, member.user).await?.and_then(|before| before.role);
            let new = orgs::put_member(tx, &member).await?;
            if before.is_some_and(|before| role < before) {
                threads::leave_all(tx, member.user).await?;
            }
            erasures::settled(tx, Some(member.user)).await?;
            let (target, detail) = (target(member.user), format!("role {}", role.as_str()));
            audit::record(tx, &[platform.did("member.put").on(&target).saying(&detail)]).await?;
            Ok(new)
        })
        .await?;
    let status = if new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(Member { name, user: sub, role })))
}

/// Removes a member. No token lifts that.
#[utoipa::path(delete, path = "/v1/platform/orgs/{external_id}/members/{sub}", tag = "platform", security(("bearer" = [])),
    params(("external_id" = String, Path, description = "The platform's own id of the organization"),
        ("sub" = String, Path, description = "The subject of the person's tokens")),
    responses((status = 204), Problems))]
pub async fn delete_member(
    platform: Platform,
    Path((org, sub)): Path<(String, String)>,
) -> Result<StatusCode> {
    let org = platform.identity.org_id(&org);
    let user = platform.identity.user_id(&sub);
    platform
        .tx(org, async |tx| {
            orgs::remove_member(tx, user).await?;
            audit::record(tx, &[platform.did("member.remove").on(&target(user))]).await
        })
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
