//! Who the caller is.

use axum::{Json, http::HeaderMap};
use domain::{Error, Role};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    App,
    caller::{Caller, authenticate},
    problem::{Failure, Problems, Result},
};

#[derive(Serialize, ToSchema)]
pub struct Me {
    user: User,
    /// The organization of this request; none while a login with several has not chosen.
    #[serde(skip_serializing_if = "Option::is_none")]
    organization: Option<Organization>,
    /// The effective role: the lower of the token's and an administrator's ceiling.
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<Role>,
    /// Memberships that the platform made.
    memberships: Vec<Membership>,
    rights: Rights,
}

#[derive(Serialize, ToSchema)]
struct User {
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct Organization {
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct Membership {
    org_id: String,
    role: Role,
}

#[derive(Serialize, ToSchema)]
struct Rights {
    /// May write the organization's memory.
    administer: bool,
    /// May write the sales record and memory.
    write: bool,
    platform: bool,
}

/// The caller, the organization and the rights of this token.
#[utoipa::path(get, path = "/v1/me", tag = "identity", security(("bearer" = [])), responses((status = 200, body = Me), Problems))]
pub async fn get(
    axum::extract::State(app): axum::extract::State<App>,
    headers: HeaderMap,
    caller: std::result::Result<Caller, Failure>,
) -> Result<Json<Me>> {
    let identity = authenticate(&headers, &app).await?;
    let memberships: Vec<Membership> = app
        .store()
        .memberships(identity.user)
        .await?
        .into_iter()
        .filter(|membership| membership.active)
        .map(|found| Membership { org_id: found.external_id, role: found.role.capped(found.ceiling) })
        .collect();
    // Without a choice a login with several memberships still learns which it has.
    let caller = match caller {
        Err(Failure::Domain(Error::Invalid { code: "organization_required", .. })) => None,
        other => Some(other?),
    };
    let mut me = Me {
        user: User { id: identity.subject.clone(), name: identity.name.clone() },
        organization: None,
        role: None,
        memberships,
        rights: Rights { administer: false, write: false, platform: identity.platform_admin },
    };
    if let Some(caller) = caller {
        let (role, name, user) = caller
            .tx(async |tx| {
                let org = store::orgs::find(tx).await?;
                Ok((tx.role, org.map(|(_, name)| name), tx.user_name.clone()))
            })
            .await?;
        me.user.name = user.or(me.user.name);
        me.organization = Some(Organization { id: caller.org_external.clone(), name });
        me.role = Some(role);
        me.rights.administer = role.administers();
        me.rights.write = role.writes();
    }
    Ok(Json(me))
}
