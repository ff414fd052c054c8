//! The audit trail, for owners and administrators.

use axum::Json;
use chrono::{DateTime, Utc};
use domain::{RunId, audit::AuditEntry};
use serde::Deserialize;
use store::audit::{self, Filter};
use utoipa::IntoParams;
use uuid::Uuid;

use crate::{
    caller::{Caller, OrgWide},
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

/// What was done in the organization, newest first. Looking is an entry as well.
#[utoipa::path(get, path = "/v1/admin/audit", tag = "audit", security(("bearer" = [])), params(ListEntries),
    responses((status = 200, body = Page<AuditEntry>), Problems))]
pub async fn list(caller: Caller, Query(query): Query<ListEntries>) -> Result<Json<Page<AuditEntry>>> {
    let limit = limit(query.limit)?;
    let before: Option<Uuid> = after(query.cursor.as_deref())?;
    let filter = Filter {
        user: query.user.as_deref(),
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
