//! The members of the organization, for owners and administrators.

use axum::Json;
use domain::{
    Error, Role,
    member::{Member, MemberStatus},
};
use serde::Deserialize;
use store::{
    audit,
    members::{self, MemberChange},
    slack::threads,
};
use utoipa::{IntoParams, ToSchema};

use crate::{
    caller::Caller,
    extract::{Body, Path, Query, given},
    page::{Page, after, limit, page},
    problem::{Problems, Result},
};

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListMembers {
    status: Option<MemberStatus>,
    /// 1 to 100.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<i64>,
    cursor: Option<String>,
}

/// What is to change; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateMember {
    /// No token lifts the member above it; null lifts it.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Role>)]
    ceiling: Option<Option<Role>>,
    status: Option<MemberStatus>,
}

/// Members by their ids.
#[utoipa::path(get, path = "/v1/admin/members", tag = "members", security(("bearer" = [])), params(ListMembers),
    responses((status = 200, body = Page<Member>), Problems))]
pub async fn list(caller: Caller, Query(query): Query<ListMembers>) -> Result<Json<Page<Member>>> {
    let limit = limit(query.limit)?;
    let last: Option<String> = after(query.cursor.as_deref())?;
    let found = caller
        .tx(async |tx| {
            tx.administers()?;
            members::list(tx, query.status, last.as_deref(), limit + 1).await
        })
        .await?;
    Ok(page(found, limit, |member| member.id.clone()))
}

/// Sets a member's ceiling or status. Nobody changes themselves, and owners are changed by
/// owners only, as far as the service knows of them: a role that comes with a token it does not.
#[utoipa::path(patch, path = "/v1/admin/members/{user}", tag = "members", security(("bearer" = [])),
    params(("user" = String, Path, description = "External id of the member")), request_body = UpdateMember,
    responses((status = 200, body = Member), Problems))]
pub async fn update(
    caller: Caller,
    Path(external): Path<String>,
    body: Body<UpdateMember>,
) -> Result<Json<Member>> {
    let UpdateMember { ceiling, status } = body.value;
    let user = caller.identity.user_id(&external);
    let changed = caller
        .tx(async |tx| {
            tx.administers()?;
            let old = members::lock(tx, user).await?;
            if user == caller.identity.user {
                return Err(Error::forbidden("you cannot change your own membership"));
            }
            if old.role == Some(Role::Owner) && tx.role < Role::Owner {
                return Err(Error::forbidden("only an owner changes an owner's membership"));
            }
            members::update(tx, user, MemberChange { ceiling, status }).await?;
            let new = members::lock(tx, user).await?;
            if may_less(&old, &new) {
                threads::leave_all(tx, user).await?;
            }
            let (target, detail) = (format!("member:{user}"), told(&old, &new));
            audit::record(tx, &[caller.did("member.update").on(&target).saying(&detail)]).await?;
            Ok(new)
        })
        .await?;
    Ok(Json(changed))
}

/// Whether the member may do less than before: what others have looked up in threads of Slack may not be for them any
/// more.
fn may_less(old: &Member, new: &Member) -> bool {
    new.status != MemberStatus::Active
        || new.ceiling.is_some_and(|ceiling| old.ceiling.is_none_or(|before| ceiling < before))
}

/// What was changed, for the audit trail.
fn told(old: &Member, new: &Member) -> String {
    let word = |role: Option<Role>| role.map_or("none", Role::as_str);
    format!(
        "ceiling {} → {}, status {} → {}",
        word(old.ceiling),
        word(new.ceiling),
        old.status.as_str(),
        new.status.as_str()
    )
}
