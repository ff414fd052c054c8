//! What is stored of a person, for that person or for administrators.

use axum::{
    body::Body,
    http::{HeaderValue, header},
    response::Response,
};
use domain::{Error, UserId};
use engine::export::Export;
use futures_util::stream;
use store::{audit, erasures};

use super::erasure::{erased, member_of};
use crate::{
    caller::{Caller, OrgWide, Tx},
    extract::Path,
    problem::{Problems, Result},
};

/// The audit trail knows of every export.
async fn note(caller: &Caller, tx: &mut Tx, user: UserId) -> domain::Result<()> {
    let target = format!("member:{user}");
    audit::record(tx, &[caller.did("member.export").on(&target)]).await
}

fn stream(caller: &Caller, user: UserId, external_id: String) -> Response {
    let what =
        Export { org: caller.org, org_name: caller.org_external.clone(), member: Some((user, external_id)) };
    let pieces = stream::unfold(caller.app.engine.export(what), |mut pieces| async move {
        let piece = pieces.recv().await?;
        // An error ends the connection before the last line is sent.
        Some((piece, pieces))
    });
    let mut response = Response::new(Body::from_stream(pieces));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(
        header::CONTENT_DISPOSITION,
        HeaderValue::from_static("attachment; filename=\"export.ndjson\""),
    );
    response
}

/// Everything that is stored of the caller, as a JSON object a line. The last line has the
/// number of the lines and SHA-256 of all before it; an export without it broke off.
#[utoipa::path(get, path = "/v1/me/export", tag = "data", security(("bearer" = [])),
    responses((status = 200, body = String, content_type = "application/x-ndjson"), Problems))]
pub async fn own(caller: Caller) -> Result<Response> {
    let user = caller.identity.user;
    caller.tx(async |tx| note(&caller, tx, user).await).await?;
    Ok(stream(&caller, user, caller.identity.subject.clone()))
}

/// The same of a member; owners and administrators.
#[utoipa::path(get, path = "/v1/admin/members/{user}/export", tag = "data", security(("bearer" = [])),
    params(("user" = String, Path, description = "External id of the member")),
    responses((status = 200, body = String, content_type = "application/x-ndjson"), Problems))]
pub async fn of_member(caller: Caller, Path(user): Path<String>) -> Result<Response> {
    let member = caller
        .tx(async |tx| {
            tx.administers()?;
            let member = member_of(&caller, tx, &user, OrgWide::ExportMember).await?;
            if erased(&member) {
                return Err(Error::NotFound);
            }
            erasures::settled(tx, Some(member.user)).await?;
            note(&caller, tx, member.user).await?;
            Ok(member)
        })
        .await?;
    Ok(stream(&caller, member.user, member.external_id))
}
