//! Links that are used once, and which member a person in Slack is.

use chrono::{DateTime, Utc};
use domain::{OrgId, Result, Role, UserId};
use uuid::Uuid;

use super::Team;
use crate::{TenantTx, error::from_sqlx};

/// A person in Slack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlackUser {
    pub team: Team,
    pub user: String,
}

/// What a link stands for.
#[derive(Clone, Debug)]
pub enum Meant {
    Install { by: UserId },
    Link { person: SlackUser },
}

/// Keeps what a link stands for until it is used, or its time is over.
pub async fn issue(tx: &mut TenantTx, id: Uuid, meant: &Meant, expires_at: DateTime<Utc>) -> Result<()> {
    let org = tx.org();
    let (purpose, by, person) = match meant {
        Meant::Install { by } => ("install", Some(by.0), None),
        Meant::Link { person } => ("link", None, Some(person)),
    };
    sqlx::query!(
        "insert into sixty.slack_tickets
            (org_id, id, purpose, created_by, enterprise_id, team_id, slack_user, expires_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8)",
        org.0,
        id,
        purpose,
        by,
        person.map(|person| person.team.enterprise.as_str()),
        person.map(|person| person.team.team.as_str()),
        person.map(|person| person.user.as_str()),
        expires_at
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)
    .map(drop)
}

/// Whether a link is still good, without using it.
pub async fn is_good(tx: &mut TenantTx, id: Uuid) -> Result<bool> {
    let org = tx.org();
    sqlx::query_scalar!(
        r#"select exists (select from sixty.slack_tickets
            where org_id = $1 and id = $2 and expires_at > now()) as "good!""#,
        org.0,
        id
    )
    .fetch_one(tx.connection())
    .await
    .map_err(from_sqlx)
}

/// Uses a link. None: it was used, its time is over, or it never was.
pub async fn redeem(tx: &mut TenantTx, id: Uuid) -> Result<Option<Meant>> {
    let org = tx.org();
    let row = sqlx::query!(
        "delete from sixty.slack_tickets where org_id = $1 and id = $2 and expires_at > now()
         returning created_by, enterprise_id, team_id, slack_user",
        org.0,
        id
    )
    .fetch_optional(tx.connection())
    .await
    .map_err(from_sqlx)?;
    Ok(row.and_then(|row| match (row.created_by, row.enterprise_id, row.team_id, row.slack_user) {
        (Some(by), None, None, None) => Some(Meant::Install { by: by.into() }),
        (None, Some(enterprise), Some(team), Some(user)) => {
            Some(Meant::Link { person: SlackUser { team: Team { enterprise, team }, user } })
        }
        _ => None,
    }))
}

/// From now on the person in Slack is this member. Who they were before is forgotten.
pub async fn link(tx: &mut TenantTx, person: &SlackUser, user: UserId, by_email: bool) -> Result<()> {
    let org = tx.org();
    sqlx::query!(
        "insert into sixty.slack_links (org_id, enterprise_id, team_id, slack_user, user_id, linked_by)
         values ($1, $2, $3, $4, $5, $6)
         on conflict (org_id, enterprise_id, team_id, slack_user)
         do update set user_id = excluded.user_id, linked_by = excluded.linked_by, created_at = now()",
        org.0,
        person.team.enterprise,
        person.team.team,
        person.user,
        user.0,
        if by_email { "email" } else { "link" }
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)
    .map(drop)
}

/// A member, as whom somebody in Slack speaks.
#[derive(Clone, Debug)]
pub struct Linked {
    pub org: OrgId,
    pub user: UserId,
    pub org_external: String,
    pub external_id: String,
    pub name: Option<String>,
    /// In the newest token, where roles come with tokens.
    pub token_role: Option<Role>,
    pub active: bool,
}

/// The member that the person in Slack is, or was.
pub async fn find(tx: &mut TenantTx, person: &SlackUser) -> Result<Option<Linked>> {
    let org = tx.org();
    let row = sqlx::query!(
        r#"select m.user_id, m.external_id, m.name, m.token_role, m.status, o.external_id as org_external
         from sixty.slack_links l
         join sixty.members m on m.org_id = $1 and m.user_id = l.user_id
         join sixty.orgs o on o.org_id = $1
         where l.org_id = $1 and l.enterprise_id = $2 and l.team_id = $3 and l.slack_user = $4"#,
        org.0,
        person.team.enterprise,
        person.team.team,
        person.user
    )
    .fetch_optional(tx.connection())
    .await
    .map_err(from_sqlx)?;
    Ok(row.map(|row| Linked {
        org,
        user: row.user_id.into(),
        org_external: row.org_external,
        external_id: row.external_id,
        name: row.name,
        token_role: row.token_role.as_deref().and_then(Role::parse),
        active: row.status == "active",
    }))
}

/// Who the transaction's person is in Slack, by their newest link to a workspace that is connected.
pub async fn own(tx: &mut TenantTx) -> Result<Option<SlackUser>> {
    let tenant = tx.tenant();
    let row = sqlx::query!(
        "select l.enterprise_id, l.team_id, l.slack_user from sixty.slack_links l
         join sixty.slack_workspaces w on w.org_id = $1 and w.enterprise_id = l.enterprise_id and w.team_id = l.team_id
         where l.org_id = $1 and l.user_id = $2 order by l.created_at desc limit 1",
        tenant.org.0,
        tenant.user.0
    )
    .fetch_optional(tx.connection())
    .await
    .map_err(from_sqlx)?;
    Ok(row.map(|row| SlackUser {
        team: Team { enterprise: row.enterprise_id, team: row.team_id },
        user: row.slack_user,
    }))
}

/// Who the member of this external id is in the workspace, to be spoken of there.
pub async fn slack_user_of(tx: &mut TenantTx, team: &Team, external_id: &str) -> Result<Option<String>> {
    let org = tx.org();
    sqlx::query_scalar!(
        "select l.slack_user from sixty.slack_links l
         join sixty.members m on m.org_id = $1 and m.user_id = l.user_id
         where l.org_id = $1 and l.enterprise_id = $2 and l.team_id = $3 and m.external_id = $4
         order by l.created_at desc limit 1",
        org.0,
        team.enterprise,
        team.team,
        external_id
    )
    .fetch_optional(tx.connection())
    .await
    .map_err(from_sqlx)
}

/// The active member who has this e-mail address, in lower case, in their tokens or as their external id; none,
/// if several have it.
pub async fn by_email(tx: &mut TenantTx, email: &str) -> Result<Option<UserId>> {
    let org = tx.org();
    let mut rows = sqlx::query_scalar!(
        "select user_id from sixty.members
         where org_id = $1 and (email = $2 or lower(external_id) = $2) and status = 'active' and not service
            and not shared limit 2",
        org.0,
        email
    )
    .fetch_all(tx.connection())
    .await
    .map_err(from_sqlx)?;
    let one = rows.pop().filter(|_| rows.is_empty());
    Ok(one.map(UserId))
}
