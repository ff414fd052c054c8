//! The matrix of what copilots may do: the caller's own view, and what administrators set.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use chrono::{DateTime, Utc};
use domain::{
    Error, Role,
    permission::{self, Action, Ask, Decider, Matrix, OrgRow, Policy, Preset, Reach, UserRow},
};
use serde::{Deserialize, Serialize};
use store::{
    audit,
    permissions::{self, NewPermissions, Permissions},
};
use utoipa::ToSchema;

use crate::{
    caller::{Caller, Tx},
    etag::{ETag, IfMatch},
    extract::Body,
    problem::{Problems, Result},
};

const MAX_USER_ROWS: usize = 1_000;

/// What the caller's copilot may do by itself.
#[derive(Serialize, ToSchema)]
#[expect(clippy::struct_excessive_bools, reason = "four names that clients know stand beside the matrix")]
pub struct Effective {
    role: Role,
    preset: Preset,
    matrix: Vec<Entry>,
    /// May it be done at all, if need be after a decision?
    #[serde(rename = "canSendEmail")]
    can_send_email: bool,
    #[serde(rename = "canScheduleTask")]
    can_schedule_task: bool,
    #[serde(rename = "canModifyDeals")]
    can_modify_deals: bool,
    #[serde(rename = "canAccessAllOrg")]
    can_access_all_org: bool,
}

/// What happens with calls of one action.
#[derive(Serialize, ToSchema)]
pub struct Entry {
    action: Action,
    policy: Policy,
    /// Who decides about a call that is proposed or waits.
    decider: Decider,
    /// The policy where a call reaches another person's things, if it is another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    elsewhere: Option<Policy>,
    /// The policy of tools that only read, if it is another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    reading: Option<Policy>,
}

/// What is set in the organization.
#[derive(Serialize, ToSchema)]
pub struct Settings {
    preset: Preset,
    rows: Vec<OrgRow>,
    users: Vec<MemberRow>,
    version: i64,
    updated_at: Option<DateTime<Utc>>,
    /// External id of the administrator who set it.
    updated_by: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSettings {
    preset: Preset,
    /// Rows that override the preset.
    #[serde(default)]
    rows: Vec<OrgRow>,
    /// Rows of single members, which only make things stricter.
    #[serde(default)]
    users: Vec<MemberRow>,
}

/// A row of one member.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MemberRow {
    /// External id of the member.
    user: String,
    action: Action,
    policy: Policy,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    decider: Option<Decider>,
}

fn effective(matrix: &Matrix, role: Role) -> Effective {
    let entry = |&action: &Action| {
        let own = Ask::own(role, action);
        let ruling = matrix.rule(own);
        let other = |ask| Some(matrix.rule(ask).policy).filter(|policy| *policy != ruling.policy);
        Entry {
            action,
            policy: ruling.policy,
            decider: ruling.decider,
            elsewhere: other(Ask { reach: Reach::Elsewhere, ..own }),
            reading: other(Ask { reads: true, ..own }),
        }
    };
    Effective {
        role,
        preset: matrix.preset,
        matrix: Action::ALL.iter().map(entry).collect(),
        can_send_email: matrix.allows(role, Action::SendEmail),
        can_schedule_task: matrix.allows(role, Action::ScheduleTask),
        can_modify_deals: matrix.allows(role, Action::ModifyDeals),
        can_access_all_org: matrix.allows(role, Action::AccessAllOrg),
    }
}

fn tagged(set: Permissions) -> Response {
    let users = set.users.into_iter().map(|(user, row)| {
        let UserRow { action, policy, decider } = row;
        MemberRow { user, action, policy, decider }
    });
    let settings = Settings {
        preset: set.preset,
        rows: set.rows,
        users: users.collect(),
        version: set.version,
        updated_at: set.updated_at,
        updated_by: set.updated_by,
    };
    (ETag(settings.version), Json(settings)).into_response()
}

/// What the caller's copilot may do by itself, and what waits for whose decision.
#[utoipa::path(get, path = "/v1/permissions", tag = "permissions", security(("bearer" = [])),
    responses((status = 200, body = Effective), Problems))]
pub async fn effective_of_caller(caller: Caller) -> Result<Json<Effective>> {
    let (matrix, role) = caller.tx(async |tx| Ok((permissions::matrix(tx).await?, tx.role))).await?;
    Ok(Json(effective(&matrix, role)))
}

/// The organization's preset and rows: owners and administrators.
#[utoipa::path(get, path = "/v1/admin/permissions", tag = "permissions", security(("bearer" = [])),
    responses((status = 200, body = Settings), Problems))]
pub async fn get(caller: Caller) -> Result<Response> {
    let set = caller
        .tx(async |tx| {
            tx.administers()?;
            permissions::find(tx).await
        })
        .await?;
    Ok(tagged(set))
}

/// Sets preset and rows, all of them: owners and administrators.
#[utoipa::path(put, path = "/v1/admin/permissions", tag = "permissions", security(("bearer" = [])),
    request_body = NewSettings, responses((status = 200, body = Settings), Problems))]
pub async fn put(caller: Caller, seen: IfMatch, body: Body<NewSettings>) -> Result<Response> {
    let new = body.value;
    let set = caller
        .tx(async |tx| {
            tx.administers()?;
            let set = write(tx, &new, seen).await?;
            let detail = format!("version {}", set.version);
            audit::record(tx, &[caller.did("permissions.put").saying(&detail)]).await?;
            Ok(set)
        })
        .await?;
    Ok(tagged(set))
}

async fn write(tx: &mut Tx, new: &NewSettings, seen: IfMatch) -> domain::Result<Permissions> {
    if new.users.len() > MAX_USER_ROWS {
        return Err(Error::field("users", format!("must be at most {MAX_USER_ROWS} rows")));
    }
    let rows: Vec<UserRow> = new
        .users
        .iter()
        .map(|row| UserRow { action: row.action, policy: row.policy, decider: row.decider })
        .collect();
    let users: Vec<(&str, &UserRow)> = new.users.iter().map(|row| row.user.as_str()).zip(&rows).collect();
    let problems = permission::check(&new.rows, &users);
    if !problems.is_empty() {
        return Err(Error::fields(problems));
    }
    let wanted = NewPermissions { preset: new.preset, rows: &new.rows, users: &users };
    permissions::put(tx, &wanted, seen.0).await?;
    permissions::find(tx).await
}
