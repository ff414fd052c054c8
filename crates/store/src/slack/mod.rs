//! Slack: which organization a workspace belongs to, who is who in it, and which links are still good.

pub mod links;
pub mod posts;
pub mod reports;
pub mod threads;
pub mod tickets;
pub mod turns;
pub mod work;

use chrono::{DateTime, Utc};
use domain::{OrgId, Result, UserId};

use crate::{SystemTx, TenantTx, error::from_sqlx};

/// A workspace, as Slack names it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Team {
    /// Empty: it belongs to no enterprise grid.
    pub enterprise: String,
    pub team: String,
}

/// A workspace in which the copilot is installed.
#[derive(Clone, Debug)]
pub struct Workspace {
    pub team: Team,
    pub name: String,
    pub bot_user: String,
    /// Sealed.
    pub bot_token: Vec<u8>,
    pub channels: Vec<String>,
    pub email_linking: bool,
    pub version: i64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

struct Row {
    enterprise_id: String,
    team_id: String,
    team_name: String,
    bot_user: String,
    bot_token: Vec<u8>,
    channels: Vec<String>,
    email_linking: bool,
    version: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<Row> for Workspace {
    fn from(row: Row) -> Self {
        Self {
            team: Team { enterprise: row.enterprise_id, team: row.team_id },
            name: row.team_name,
            bot_user: row.bot_user,
            bot_token: row.bot_token,
            channels: row.channels,
            email_linking: row.email_linking,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// The organization that has installed the copilot in this workspace, or for all of its enterprise.
pub async fn owner(tx: &mut SystemTx, team: &Team) -> Result<Option<OrgId>> {
    let org = sqlx::query_scalar!(
        "select org_id from sixty.slack_workspaces where enterprise_id = $1 and team_id = $2",
        team.enterprise,
        team.team
    )
    .fetch_optional(tx.connection())
    .await
    .map_err(from_sqlx)?;
    Ok(org.map(OrgId))
}

/// Whether another organization has installed the copilot in this workspace, or so that it would answer in it: for all of
/// its enterprise, or in a part of what is to be installed.
pub async fn taken(tx: &mut SystemTx, org: OrgId, team: &Team) -> Result<bool> {
    sqlx::query_scalar!(
        r#"select exists (select from sixty.slack_workspaces
            where org_id <> $1 and ((team_id <> '' and team_id = $3)
                or (enterprise_id <> '' and enterprise_id = $2 and (team_id = '' or $3 = '')))) as "taken!""#,
        org.0,
        team.enterprise,
        team.team
    )
    .fetch_one(tx.connection())
    .await
    .map_err(from_sqlx)
}

/// Whether people of the workspace are recognised by their e-mail address, which stays so until the transaction's end.
pub async fn recognises(tx: &mut TenantTx, team: &Team) -> Result<bool> {
    let org = tx.org();
    let allowed = sqlx::query_scalar!(
        "select email_linking from sixty.slack_workspaces
         where org_id = $1 and enterprise_id = $2 and team_id = $3 for share",
        org.0,
        team.enterprise,
        team.team
    )
    .fetch_optional(tx.connection())
    .await
    .map_err(from_sqlx)?;
    Ok(allowed.unwrap_or_default())
}

pub async fn find(tx: &mut TenantTx, team: &Team) -> Result<Option<Workspace>> {
    let org = tx.org();
    let row = sqlx::query_as!(
        Row,
        "select enterprise_id, team_id, team_name, bot_user, bot_token, channels, email_linking, version, created_at,
            updated_at
         from sixty.slack_workspaces where org_id = $1 and enterprise_id = $2 and team_id = $3",
        org.0,
        team.enterprise,
        team.team
    )
    .fetch_optional(tx.connection())
    .await
    .map_err(from_sqlx)?;
    Ok(row.map(Workspace::from))
}

/// Workspaces of the organization, oldest first: a few.
pub async fn list(tx: &mut TenantTx) -> Result<Vec<Workspace>> {
    let org = tx.org();
    let rows = sqlx::query_as!(
        Row,
        "select enterprise_id, team_id, team_name, bot_user, bot_token, channels, email_linking, version, created_at,
            updated_at
         from sixty.slack_workspaces where org_id = $1 order by created_at, team_id limit 100",
        org.0
    )
    .fetch_all(tx.connection())
    .await
    .map_err(from_sqlx)?;
    Ok(rows.into_iter().map(Workspace::from).collect())
}

/// What an installation brings.
#[derive(Clone, Debug)]
pub struct Installed<'a> {
    pub team: &'a Team,
    pub name: &'a str,
    pub bot_user: &'a str,
    /// Sealed.
    pub bot_token: &'a [u8],
    pub by: UserId,
}

/// Keeps an installation, a new one or one that is made again. False: the workspace is another organization's.
pub async fn install(tx: &mut TenantTx, new: &Installed<'_>) -> Result<bool> {
    let org = tx.org();
    let made = sqlx::query!(
        "insert into sixty.slack_workspaces
            (org_id, enterprise_id, team_id, team_name, bot_user, bot_token, installed_by)
         values ($1, $2, $3, $4, $5, $6, $7)
         on conflict (enterprise_id, team_id) do nothing",
        org.0,
        new.team.enterprise,
        new.team.team,
        new.name,
        new.bot_user,
        new.bot_token,
        new.by.0
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)?;
    if made.rows_affected() == 1 {
        return Ok(true);
    }
    let renewed = sqlx::query!(
        "update sixty.slack_workspaces set team_name = $4, bot_user = $5, bot_token = $6, installed_by = $7,
            version = version + 1, updated_at = now()
         where org_id = $1 and enterprise_id = $2 and team_id = $3",
        org.0,
        new.team.enterprise,
        new.team.team,
        new.name,
        new.bot_user,
        new.bot_token,
        new.by.0
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)?;
    Ok(renewed.rows_affected() == 1)
}

/// Sets what administrators decide, at the version that they saw, if one is given. False: it is at another one, or gone.
pub async fn update(
    tx: &mut TenantTx,
    team: &Team,
    (channels, email_linking): (&[String], bool),
    seen: Option<i64>,
) -> Result<bool> {
    let org = tx.org();
    let done = sqlx::query!(
        "update sixty.slack_workspaces set channels = $4, email_linking = $5, version = version + 1, updated_at = now()
         where org_id = $1 and enterprise_id = $2 and team_id = $3 and ($6::bigint is null or version = $6)",
        org.0,
        team.enterprise,
        team.team,
        channels,
        email_linking,
        seen
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)?;
    Ok(done.rows_affected() == 1)
}

/// Forgets a workspace: its token, who is who in it, and what was to be answered there. Conversations stay; of its threads
/// nobody can tell any more who may read them.
pub async fn uninstall(tx: &mut TenantTx, team: &Team) -> Result<bool> {
    let org = tx.org();
    let done = sqlx::query!(
        "delete from sixty.slack_workspaces where org_id = $1 and enterprise_id = $2 and team_id = $3",
        org.0,
        team.enterprise,
        team.team
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)?;
    sqlx::query!(
        "delete from sixty.slack_links where org_id = $1 and enterprise_id = $2 and team_id = $3",
        org.0,
        team.enterprise,
        team.team
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)?;
    threads::leave(tx, team, None, threads::Leaves::Everybody).await?;
    sqlx::query!(
        "delete from sixty.slack_tickets where org_id = $1 and enterprise_id = $2 and team_id = $3",
        org.0,
        team.enterprise,
        team.team
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)?;
    Ok(done.rows_affected() == 1)
}

/// Notes that something has arrived. False: it has arrived before.
pub async fn arrived(tx: &mut TenantTx, key: &str) -> Result<bool> {
    let org = tx.org();
    let done = sqlx::query!(
        "insert into sixty.slack_events (org_id, key) values ($1, $2) on conflict (org_id, key) do nothing",
        org.0,
        key
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)?;
    Ok(done.rows_affected() == 1)
}

/// Forgets what arrived a day ago, links whose time is over, and what was answered a week ago. Slack repeats nothing
/// after an hour.
pub async fn drop_old(tx: &mut SystemTx) -> Result<u64> {
    let events =
        sqlx::query!("delete from sixty.slack_events where received_at < now() - interval '24 hours'")
            .execute(tx.connection())
            .await
            .map_err(from_sqlx)?;
    let tickets = sqlx::query!("delete from sixty.slack_tickets where expires_at < now()")
        .execute(tx.connection())
        .await
        .map_err(from_sqlx)?;
    let turns = sqlx::query!(
        "delete from sixty.slack_turns
         where state = 'over' and finished_at < now() - interval '7 days' and look_at is null"
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)?;
    Ok(events.rows_affected() + tickets.rows_affected() + turns.rows_affected())
}
