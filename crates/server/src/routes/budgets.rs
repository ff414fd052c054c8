//! Budgets: the organization's for its owners and administrators, and the platform's default.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use chrono::{DateTime, Utc};
use domain::{
    Error,
    budget::{Limits, PeriodLimits, RunLimits},
    skill::PLATFORM,
};
use engine::Engine;
use serde::Serialize;
use store::{
    TenantTx,
    audit::{self, Entry},
    budgets::{self, Budget},
};
use utoipa::ToSchema;

use super::priced;
use crate::{
    caller::{Caller, Platform},
    etag::{ETag, IfMatch},
    extract::Body,
    problem::{Problems, Result},
};

/// The limits in force.
#[derive(Serialize, ToSchema)]
pub struct Budgets {
    /// Of the organization.
    #[serde(skip_serializing_if = "Option::is_none")]
    org: Option<PeriodLimits>,
    /// Of each member.
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<PeriodLimits>,
    /// Of each run.
    #[serde(skip_serializing_if = "Option::is_none")]
    run: Option<RunLimits>,
    /// They are the platform's: the organization has set none of its own.
    inherited: bool,
    /// Of the organization's own; 0: it has never set any.
    version: i64,
    updated_at: Option<DateTime<Utc>>,
    /// External id of the administrator who set them, or went back to the platform's.
    updated_by: Option<String>,
}

fn tagged(budget: Budget) -> Response {
    let Budget { limits, inherited, version, updated_at, updated_by } = budget;
    let Limits { org, user, run } = limits;
    let shown = Budgets { org, user, run, inherited, version, updated_at, updated_by };
    (ETag(version), Json(shown)).into_response()
}

/// What the organization, each of its members and each of their runs may use: owners and administrators.
#[utoipa::path(get, path = "/v1/admin/budgets", tag = "budgets", security(("bearer" = [])),
    responses((status = 200, body = Budgets), Problems))]
pub async fn get(caller: Caller) -> Result<Response> {
    let budget = caller
        .tx(async |tx| {
            tx.administers()?;
            budgets::find(tx).await
        })
        .await?;
    Ok(tagged(budget))
}

/// Sets the limits, all of them, instead of the platform's: owners and administrators. What is left out has no limit.
/// Turns that begin from now on are bound by them. A limit in money is refused while a model that turns come to has no
/// price; one of 0 is not, for nothing begins under it.
#[utoipa::path(put, path = "/v1/admin/budgets", tag = "budgets", security(("bearer" = [])),
    request_body = Limits, responses((status = 200, body = Budgets), Problems))]
pub async fn put(caller: Caller, seen: IfMatch, body: Body<Limits>) -> Result<Response> {
    let engine = &caller.app.engine;
    let budget = caller
        .tx(async |tx| {
            tx.administers()?;
            write(tx, engine, &body.value, (seen, caller.did("budgets.put"))).await
        })
        .await?;
    Ok(tagged(budget))
}

/// Goes back to the platform's limits: owners and administrators. Where the organization has none of its own, nothing
/// changes.
#[utoipa::path(delete, path = "/v1/admin/budgets", tag = "budgets", security(("bearer" = [])),
    responses((status = 204), Problems))]
pub async fn delete(caller: Caller, seen: IfMatch) -> Result<StatusCode> {
    caller
        .tx(async |tx| {
            tx.administers()?;
            if budgets::delete(tx, seen.0).await? {
                audit::record(tx, &[caller.did("budgets.delete")]).await?;
            }
            Ok(())
        })
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What organizations may use that have set no budget of their own.
#[utoipa::path(get, path = "/v1/platform/budgets", tag = "platform_budgets", security(("bearer" = [])),
    responses((status = 200, body = Budgets), Problems))]
pub async fn get_default(platform: Platform) -> Result<Response> {
    Ok(tagged(platform.tx(PLATFORM, budgets::find).await?))
}

/// Sets that, all of it. A limit in money is refused while a model that turns come to by the platform's routes has no
/// price; one of 0 is not.
#[utoipa::path(put, path = "/v1/platform/budgets", tag = "platform_budgets", security(("bearer" = [])),
    request_body = Limits, responses((status = 200, body = Budgets), Problems))]
pub async fn put_default(platform: Platform, seen: IfMatch, body: Body<Limits>) -> Result<Response> {
    let (engine, did) = (&platform.app.engine, (seen, platform.did("budgets.put")));
    let budget = platform.tx(PLATFORM, async |tx| write(tx, engine, &body.value, did).await).await?;
    Ok(tagged(budget))
}

async fn write(
    tx: &mut TenantTx,
    engine: &Engine,
    limits: &Limits,
    (seen, entry): (IfMatch, Entry<'_>),
) -> domain::Result<Budget> {
    let mut problems = limits.check();
    problems.extend(priced::problems(tx, engine, limits).await?);
    if !problems.is_empty() {
        return Err(Error::fields(problems));
    }
    budgets::put(tx, limits, seen.0).await?;
    let budget = budgets::find(tx).await?;
    let detail = format!("version {}", budget.version);
    audit::record(tx, &[entry.saying(&detail)]).await?;
    Ok(budget)
}
