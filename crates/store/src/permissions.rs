//! The matrix of what copilots may do, as administrators set it.

use chrono::{DateTime, Utc};
use domain::{
    Error, FieldError, Result, Role, UserId,
    permission::{Action, Ask, Decider, Matrix, OrgRow, Policy, Preset, UserRow},
};
use sqlx::{Postgres, QueryBuilder, types::Json};
use uuid::Uuid;

use crate::{
    TenantTx,
    error::{corrupt, from_sqlx},
};

/// All that is set in the organization.
#[derive(Clone, Debug)]
pub struct Permissions {
    pub preset: Preset,
    pub rows: Vec<OrgRow>,
    /// Rows of single members, each with the member's external id.
    pub users: Vec<(String, UserRow)>,
    /// 0: nothing was ever set.
    pub version: i64,
    pub updated_at: Option<DateTime<Utc>>,
    /// External id of the administrator who set it.
    pub updated_by: Option<String>,
}

/// What an administrator sets; the rows have been checked.
#[derive(Clone, Debug)]
pub struct NewPermissions<'a> {
    pub preset: Preset,
    pub rows: &'a [OrgRow],
    /// External ids of members with their rows.
    pub users: &'a [(&'a str, &'a UserRow)],
}

/// What is set for the transaction's own person, as it stands now.
pub async fn matrix(tx: &mut TenantTx) -> Result<Matrix> {
    let user = tx.tenant().user;
    matrix_of(tx, user).await
}

/// Whether members of this role may look at all of the organization without asking anybody.
pub async fn sees_all(tx: &mut TenantTx, role: Role) -> Result<bool> {
    let ask = Ask::own(role, Action::AccessAllOrg);
    Ok(role.writes() && matrix(tx).await?.rule(ask).policy == Policy::Auto)
}

/// The same of this member.
pub async fn matrix_of(tx: &mut TenantTx, user: UserId) -> Result<Matrix> {
    let org = tx.org();
    let row = sqlx::query_scalar!(
        r#"select matrix as "matrix!: Json<Matrix>" from sixty.member_permissions where org_id = $1 and user_id = $2"#,
        org.0,
        user.0
    )
    .fetch_optional(tx.connection())
    .await
    .map_err(from_sqlx)?;
    Ok(row.map(|Json(matrix)| matrix).unwrap_or_default())
}

pub async fn find(tx: &mut TenantTx) -> Result<Permissions> {
    let org = tx.org();
    let head = sqlx::query!(
        r#"select p.preset, p.version, p.updated_at, m.external_id as "updated_by?"
         from sixty.permissions p
         left join sixty.members m on m.org_id = p.org_id and m.user_id = p.updated_by
         where p.org_id = $1"#,
        org.0
    )
    .fetch_optional(tx.connection())
    .await
    .map_err(from_sqlx)?;
    let Some(head) = head else {
        return Ok(Permissions {
            preset: Preset::Balanced,
            rows: Vec::new(),
            users: Vec::new(),
            version: 0,
            updated_at: None,
            updated_by: None,
        });
    };
    Ok(Permissions {
        preset: Preset::parse(&head.preset).ok_or_else(|| corrupt("a preset", &head.preset))?,
        rows: org_rows(tx).await?,
        users: user_rows(tx).await?,
        version: head.version,
        updated_at: Some(head.updated_at),
        updated_by: head.updated_by,
    })
}

async fn org_rows(tx: &mut TenantTx) -> Result<Vec<OrgRow>> {
    let org = tx.org();
    let rows = sqlx::query!(
        "select role, action, policy, decider from sixty.permission_rows where org_id = $1 order by action, role",
        org.0
    )
    .fetch_all(tx.connection())
    .await
    .map_err(from_sqlx)?;
    rows.into_iter()
        .map(|row| {
            let UserRow { action, policy, decider } =
                words(&row.action, &row.policy, row.decider.as_deref())?;
            Ok(OrgRow { role: Role::parse(&row.role), action, policy, decider })
        })
        .collect()
}

async fn user_rows(tx: &mut TenantTx) -> Result<Vec<(String, UserRow)>> {
    let org = tx.org();
    let rows = sqlx::query!(
        "select m.external_id, u.action, u.policy, u.decider
         from sixty.permission_user_rows u
         join sixty.members m on m.org_id = u.org_id and m.user_id = u.user_id
         where u.org_id = $1 order by m.external_id, u.action",
        org.0
    )
    .fetch_all(tx.connection())
    .await
    .map_err(from_sqlx)?;
    rows.into_iter()
        .map(|row| Ok((row.external_id, words(&row.action, &row.policy, row.decider.as_deref())?)))
        .collect()
}

fn words(action: &str, policy: &str, decider: Option<&str>) -> Result<UserRow> {
    Ok(UserRow {
        action: Action::parse(action).ok_or_else(|| corrupt("an action", action))?,
        policy: Policy::parse(policy).ok_or_else(|| corrupt("a policy", policy))?,
        decider: decider.and_then(Decider::parse),
    })
}

/// Sets the whole, on top of the version that the administrator saw if one is given.
pub async fn put(tx: &mut TenantTx, new: &NewPermissions<'_>, seen: Option<i64>) -> Result<i64> {
    let tenant = tx.tenant();
    let version = sqlx::query_scalar!(
        "insert into sixty.permissions as p (org_id, preset, version, updated_by)
         select $1, $2, 1, $3
         where coalesce($4::bigint, 0) = 0 or exists (select from sixty.permissions x where x.org_id = $1)
         on conflict (org_id) do update
         set preset = excluded.preset, version = p.version + 1, updated_at = now(), updated_by = $3
         where $4::bigint is null or p.version = $4
         returning version",
        tenant.org.0,
        new.preset.as_str(),
        tenant.user.0,
        seen
    )
    .fetch_optional(tx.connection())
    .await
    .map_err(from_sqlx)?;
    let Some(version) = version else {
        return Err(Error::VersionMismatch { current: find(tx).await?.version });
    };
    replace_rows(tx, new.rows).await?;
    replace_user_rows(tx, new.users).await?;
    Ok(version)
}

async fn replace_rows(tx: &mut TenantTx, rows: &[OrgRow]) -> Result<()> {
    let org = tx.org();
    sqlx::query!("delete from sixty.permission_rows where org_id = $1", org.0)
        .execute(tx.connection())
        .await
        .map_err(from_sqlx)?;
    if rows.is_empty() {
        return Ok(());
    }
    let mut sql: QueryBuilder<Postgres> =
        QueryBuilder::new("insert into sixty.permission_rows (org_id, action, role, policy, decider) ");
    sql.push_values(rows, |mut values, row| {
        values
            .push_bind(org.0)
            .push_bind(row.action.as_str())
            .push_bind(row.role.map_or("any", Role::as_str))
            .push_bind(row.policy.as_str())
            .push_bind(row.decider.map(Decider::as_str));
    });
    sql.build().execute(tx.connection()).await.map_err(from_sqlx).map(drop)
}

async fn replace_user_rows(tx: &mut TenantTx, users: &[(&str, &UserRow)]) -> Result<()> {
    let org = tx.org();
    sqlx::query!("delete from sixty.permission_user_rows where org_id = $1", org.0)
        .execute(tx.connection())
        .await
        .map_err(from_sqlx)?;
    if users.is_empty() {
        return Ok(());
    }
    let ids = members(tx, users).await?;
    let mut sql: QueryBuilder<Postgres> = QueryBuilder::new(
        "insert into sixty.permission_user_rows (org_id, user_id, action, policy, decider) ",
    );
    sql.push_values(ids.iter().zip(users), |mut values, (user, (_, row))| {
        values
            .push_bind(org.0)
            .push_bind(*user)
            .push_bind(row.action.as_str())
            .push_bind(row.policy.as_str())
            .push_bind(row.decider.map(Decider::as_str));
    });
    sql.build().execute(tx.connection()).await.map_err(from_sqlx).map(drop)
}

/// The members of these external ids, in the same order.
async fn members(tx: &mut TenantTx, users: &[(&str, &UserRow)]) -> Result<Vec<Uuid>> {
    let org = tx.org();
    let wanted: Vec<String> = users.iter().map(|(external, _)| (*external).to_owned()).collect();
    let known = sqlx::query!(
        "select external_id, user_id from sixty.members where org_id = $1 and external_id = any ($2)",
        org.0,
        &wanted
    )
    .fetch_all(tx.connection())
    .await
    .map_err(from_sqlx)?;
    let mut problems = Vec::new();
    let mut ids = Vec::new();
    for (i, external) in wanted.iter().enumerate() {
        match known.iter().find(|member| member.external_id == *external) {
            Some(member) => ids.push(member.user_id),
            None => problems.push(FieldError {
                field: format!("users[{i}].user"),
                error: "is no member of the organization".into(),
            }),
        }
    }
    if problems.is_empty() { Ok(ids) } else { Err(Error::fields(problems)) }
}
