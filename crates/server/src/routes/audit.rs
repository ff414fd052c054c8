//! The audit trail: an organization's for its owners and administrators, the platform's for the platform's.

use axum::Json;
use chrono::{DateTime, Utc};
use domain::{RunId, Scope, audit::AuditEntry, skill::PLATFORM};
use serde::Deserialize;
use store::audit::{self, Filter};
use utoipa::IntoParams;
use uuid::Uuid;

use crate::{
    caller::{Caller, OrgWide, Platform},
    extract::Query,
    page::{Page, after, limit, page},
    problem::{Problems, Result},
};

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListEntries {
    /// External id of a member: what they did, or what was done on their behalf.
    user: Option<String>,
    /// An operation such as `memory.put`, or a tool's action.
    action: Option<String>,
    run_id: Option<RunId>,
    /// Only what happened since this time (RFC 3339).
    since: Option<DateTime<Utc>>,
    /// 1 to 100.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<i64>,
    cursor: Option<String>,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListPlatformEntries {
    /// Subject of the tokens of the administrator who did it.
    user: Option<String>,
    /// An operation such as `skill.update`.
    action: Option<String>,
    /// Only what happened since this time (RFC 3339).
    since: Option<DateTime<Utc>>,
    /// 1 to 100.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<i64>,
    cursor: Option<String>,
}

/// What was done in the organization, newest first. Looking is an entry as well.
#[utoipa::path(get, path = "/v1/admin/audit", tag = "audit", security(("bearer" = [])), params(ListEntries),
    responses((status = 200, body = Page<AuditEntry>), Problems))]
pub async fn list(caller: Caller, Query(query): Query<ListEntries>) -> Result<Json<Page<AuditEntry>>> {
    let limit = limit(query.limit)?;
    let before: Option<Uuid> = after(query.cursor.as_deref())?;
    let filter = Filter {
        user: query.user.as_deref(),
        actor: None,
        action: query.action.as_deref(),
        run: query.run_id,
        since: query.since,
        before,
        limit: limit + 1,
    };
    let found = caller
        .tx(async |tx| {
            let found =
                tx.organization_wide(OrgWide::ReadAudit, async |tx| audit::list(tx, &filter).await).await?;
            audit::record(tx, &[caller.did("audit.read")]).await?;
            Ok(found)
        })
        .await?;
    Ok(page(found, limit, |entry| entry.id))
}

/// What was done to the skills of the platform, newest first: for a platform administrator's token. Who did it is named
/// by an internal id; `user` finds it by the subject of the tokens. Looking is an entry as well, where there is something
/// to see.
#[utoipa::path(get, path = "/v1/platform/audit", tag = "platform", security(("bearer" = [])),
    params(ListPlatformEntries), responses((status = 200, body = Page<AuditEntry>), Problems))]
pub async fn audit(
    platform: Platform,
    Query(query): Query<ListPlatformEntries>,
) -> Result<Json<Page<AuditEntry>>> {
    let limit = limit(query.limit)?;
    let before: Option<Uuid> = after(query.cursor.as_deref())?;
    let filter = Filter {
        actor: query.user.as_deref().map(|subject| platform.identity.user_id(subject)),
        action: query.action.as_deref(),
        since: query.since,
        before,
        limit: limit + 1,
        ..Filter::default()
    };
    let found = platform
        .tx(PLATFORM, async |tx| {
            tx.switch(None, Scope::Org).await?;
            let found = audit::list(tx, &filter).await?;
            if !found.is_empty() {
                audit::record(tx, &[platform.did("audit.read")]).await?;
            }
            Ok(found)
        })
        .await?;
    Ok(page(found, limit, |entry| entry.id))
}
