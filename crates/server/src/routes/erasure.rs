//! Erasure: of a person by administrators, of an organization by the platform. The
//! answer is about an erasure that goes on by itself; to ask again changes nothing.

use axum::{
    Json,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use domain::{
    Error, OrgId, UserId,
    erasure::{Erasure, ErasureStatus},
};
use store::{
    TenantTx, audit, erasures,
    orgs::{self, Member, Standing},
    retention, runs, sweep,
};
use url::Url;

use crate::{
    App,
    caller::{Caller, OrgWide, Platform, Tx},
    extract::Path,
    problem::{Problems, Result},
    slack,
};

/// 202 while it goes on, with the place where that can be followed.
fn answer(erasure: Erasure, segments: &[&str]) -> Response {
    let status = match erasure.status {
        ErasureStatus::Running => StatusCode::ACCEPTED,
        ErasureStatus::Done => StatusCode::OK,
    };
    (status, [(header::LOCATION, path_of(segments))], Json(erasure)).into_response()
}

/// The path of these segments; ids stand in it encoded.
fn path_of(segments: &[&str]) -> String {
    let mut url = Url::parse("http://path/v1").expect("a URL");
    url.path_segments_mut().expect("a URL with a path").extend(segments);
    url.path().to_owned()
}

/// A member that the path names, for an administrator.
pub(super) async fn member_of(
    caller: &Caller,
    tx: &mut Tx,
    user: &str,
    operation: OrgWide,
) -> domain::Result<Member> {
    let derived = caller.identity.user_id(user);
    tx.organization_wide(operation, async |tx| orgs::find_member(tx, user, derived).await).await
}

/// Whether nothing of the member is left but the tombstone.
pub(super) fn erased(member: &Member) -> bool {
    member.external_id == sweep::tombstone(member.user.0)
}

/// The erasure that there is already. One that was done counts until the platform makes
/// the person a member again.
async fn known(tx: &mut TenantTx, member: &Member) -> domain::Result<Option<Erasure>> {
    let newest = erasures::newest(tx, Some(member.user)).await?;
    Ok(newest.filter(|erasure| erasure.status == ErasureStatus::Running || erased(member)))
}

/// Nobody erases themselves, so that nobody locks themselves out in passing, and nobody
/// erases one above them; with that an organization keeps its last owner.
fn may_erase(caller: &Caller, tx: &Tx, member: &Member) -> domain::Result<()> {
    if member.user == caller.identity.user {
        let detail = "another administrator has to ask for the erasure of your data";
        return Err(Error::Forbidden { code: "own_data", detail: detail.into() });
    }
    if member.role.is_some_and(|role| role > tx.role) {
        let detail = "only an owner can ask for the erasure of an owner";
        return Err(Error::Forbidden { code: "owner_protected", detail: detail.into() });
    }
    Ok(())
}

async fn begin(caller: &Caller, tx: &mut Tx, user: &str) -> domain::Result<(UserId, Erasure)> {
    let member = member_of(caller, tx, user, OrgWide::EraseMember).await?;
    if let Some(known) = known(tx, &member).await? {
        return Ok((member.user, known));
    }
    may_erase(caller, tx, &member)?;
    if retention::held(tx, member.user).await? {
        return Err(retention::refusal());
    }
    match orgs::remove_member(tx, member.user).await {
        // Somebody removed them before.
        Ok(()) | Err(Error::NotFound) => {}
        Err(error) => return Err(error),
    }
    let erasure = erasures::create(tx, Some(member.user), caller.identity.user).await?;
    let target = format!("member:{}", member.user);
    audit::record(tx, &[caller.did("member.erase").on(&target)]).await?;
    Ok((member.user, erasure))
}

/// Whoever executes the runs stops them, here at once.
async fn stop_runs(app: &App, org: OrgId, user: Option<UserId>) -> domain::Result<()> {
    let mut tx = app.store().system().await?;
    let running = runs::stop_all(&mut tx, org, user).await?;
    tx.commit().await?;
    for run in running {
        app.engine.cancel(run);
    }
    Ok(())
}

/// Erases what is stored of a person; owners and administrators. The membership ends at
/// once, runs are stopped, and the rest goes on by itself: 202, and 200 when it is done.
#[utoipa::path(delete, path = "/v1/admin/members/{user}/data", tag = "data", security(("bearer" = [])),
    params(("user" = String, Path, description = "External id of the member")),
    responses((status = 200, body = Erasure), (status = 202, body = Erasure), Problems))]
pub async fn erase_member(caller: Caller, Path(user): Path<String>) -> Result<Response> {
    let (id, erasure) = caller
        .tx(async |tx| {
            tx.administers()?;
            begin(&caller, tx, &user).await
        })
        .await?;
    if erasure.status == ErasureStatus::Running {
        stop_runs(&caller.app, caller.org, Some(id)).await?;
    }
    Ok(answer(erasure, &["admin", "members", &user, "erasure"]))
}

/// How far the erasure of a person is.
#[utoipa::path(get, path = "/v1/admin/members/{user}/erasure", tag = "data", security(("bearer" = [])),
    params(("user" = String, Path, description = "External id that the member had")),
    responses((status = 200, body = Erasure), Problems))]
pub async fn member_erasure(caller: Caller, Path(user): Path<String>) -> Result<Json<Erasure>> {
    let erasure = caller
        .tx(async |tx| {
            tx.administers()?;
            let member = member_of(&caller, tx, &user, OrgWide::EraseMember).await?;
            known(tx, &member).await?.ok_or(Error::NotFound)
        })
        .await?;
    Ok(Json(erasure))
}

/// Erases an organization with all that it has. Nobody gets in any more, runs are
/// stopped, and the rest goes on by itself: 202, and 200 when it is done.
#[utoipa::path(delete, path = "/v1/platform/orgs/{external_id}", tag = "platform", security(("bearer" = [])),
    params(("external_id" = String, Path, description = "The platform's own id of the organization")),
    responses((status = 200, body = Erasure), (status = 202, body = Erasure), Problems))]
pub async fn erase_org(platform: Platform, Path(id): Path<String>) -> Result<Response> {
    let org = platform.identity.org_id(&id);
    let (standing, held) =
        platform.tx(org, async |tx| Ok((orgs::standing(tx).await?, retention::any_held(tx).await?))).await?;
    let standing = standing.ok_or(Error::NotFound)?;
    if standing == Standing::Active {
        if held {
            return Err(retention::refusal().into());
        }
        let mut tx = platform.app.store().system().await?;
        orgs::close(&mut tx, org).await?;
        tx.commit().await?;
    }
    let erasure = platform
        .tx(org, async |tx| {
            let newest = erasures::newest(tx, None).await?;
            let counts =
                |known: &Erasure| known.status == ErasureStatus::Running || standing == Standing::Erased;
            if let Some(known) = newest.filter(counts) {
                return Ok(known);
            }
            slack::erased(&platform.app, tx).await?;
            orgs::remove_members(tx).await?;
            erasures::create(tx, None, platform.identity.user).await
        })
        .await?;
    if erasure.status == ErasureStatus::Running {
        stop_runs(&platform.app, org, None).await?;
    }
    Ok(answer(erasure, &["platform", "orgs", &id, "erasure"]))
}

/// How far the erasure of an organization is, or the record that there was one.
#[utoipa::path(get, path = "/v1/platform/orgs/{external_id}/erasure", tag = "platform", security(("bearer" = [])),
    params(("external_id" = String, Path, description = "The platform's own id of the organization")),
    responses((status = 200, body = Erasure), Problems))]
pub async fn org_erasure(platform: Platform, Path(id): Path<String>) -> Result<Json<Erasure>> {
    let org = platform.identity.org_id(&id);
    let newest = platform.tx(org, async |tx| erasures::newest(tx, None).await).await?;
    Ok(Json(newest.ok_or(Error::NotFound)?))
}
