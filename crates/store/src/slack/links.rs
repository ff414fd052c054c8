//! Which member a person in Slack is.

use chrono::{DateTime, Utc};
use domain::{OrgId, Result, Role, SlackLinkId, UserId};

use super::{
    Team,
    threads::{self, Leaves},
};
use crate::{TenantTx, error::from_sqlx};

/// A person in Slack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlackUser {
    pub team: Team,
    pub user: String,
}

/// From now on the person in Slack is this member. Who they were before is forgotten.
pub async fn link(tx: &mut TenantTx, person: &SlackUser, user: UserId, by_email: bool) -> Result<()> {
    if let Some(before) = find(tx, person).await?.filter(|before| before.user != user) {
        threads::leave(tx, &person.team, None, Leaves::One(before.user)).await?;
    }
    let org = tx.org();
    sqlx::query!(
        "insert into sixty.slack_links (org_id, enterprise_id, team_id, slack_user, user_id, linked_by)
         values ($1, $2, $3, $4, $5, $6)
         on conflict (org_id, enterprise_id, team_id, slack_user)
         do update set user_id = excluded.user_id, linked_by = excluded.linked_by, created_at = now(),
            timezone = null",
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

/// Keeps where the person is, as far as days and hours go: an IANA name.
pub async fn note_timezone(tx: &mut TenantTx, person: &SlackUser, timezone: &str) -> Result<()> {
    let org = tx.org();
    sqlx::query!(
        "update sixty.slack_links set timezone = $5
         where org_id = $1 and enterprise_id = $2 and team_id = $3 and slack_user = $4",
        org.0,
        person.team.enterprise,
        person.team.team,
        person.user,
        timezone
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)
    .map(drop)
}

/// The member is this person in Slack no more, and reads none of the workspace's threads. False: they were not.
pub async fn unlink(tx: &mut TenantTx, person: &SlackUser, user: UserId) -> Result<bool> {
    let org = tx.org();
    let done = sqlx::query!(
        "delete from sixty.slack_links
         where org_id = $1 and enterprise_id = $2 and team_id = $3 and slack_user = $4 and user_id = $5",
        org.0,
        person.team.enterprise,
        person.team.team,
        person.user,
        user.0
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)?;
    threads::leave(tx, &person.team, None, Leaves::One(user)).await?;
    Ok(done.rows_affected() == 1)
}

/// Whoever was recognised by their e-mail address in the workspace is a stranger there again.
pub async fn forget_recognised(tx: &mut TenantTx, team: &Team) -> Result<()> {
    let org = tx.org();
    let users = sqlx::query_scalar!(
        "delete from sixty.slack_links
         where org_id = $1 and enterprise_id = $2 and team_id = $3 and linked_by = 'email' returning user_id",
        org.0,
        team.enterprise,
        team.team
    )
    .fetch_all(tx.connection())
    .await
    .map_err(from_sqlx)?;
    for user in users {
        threads::leave(tx, team, None, Leaves::One(user.into())).await?;
    }
    Ok(())
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

/// Whom a member is in Slack.
#[derive(Clone, Debug)]
pub struct OwnLink {
    pub id: SlackLinkId,
    pub person: SlackUser,
    /// The workspace's name, if it is connected.
    pub workspace: Option<String>,
    pub by_email: bool,
    pub created_at: DateTime<Utc>,
}

/// Whom the transaction's person is in Slack, oldest first: a few. The table is the organization's, for whom Slack is asked
/// who somebody is; whose link it is, the policies' settings say here once more.
pub async fn list_own(tx: &mut TenantTx) -> Result<Vec<OwnLink>> {
    let tenant = tx.tenant();
    let rows = sqlx::query!(
        r#"select l.enterprise_id, l.team_id, l.slack_user, l.linked_by, l.created_at, w.team_name as "team_name?"
         from sixty.slack_links l
         left join sixty.slack_workspaces w
            on w.org_id = $1 and w.enterprise_id = l.enterprise_id and w.team_id = l.team_id
         where l.org_id = $1 and l.user_id = $2 and l.user_id = nullif(current_setting('app.user_id', true), '')::uuid
         order by l.created_at, l.slack_user limit 100"#,
        tenant.org.0,
        tenant.user.0
    )
    .fetch_all(tx.connection())
    .await
    .map_err(from_sqlx)?;
    Ok(rows
        .into_iter()
        .map(|row| OwnLink {
            id: SlackLinkId::derive(tenant.org, [&row.enterprise_id, &row.team_id, &row.slack_user]),
            person: SlackUser {
                team: Team { enterprise: row.enterprise_id, team: row.team_id },
                user: row.slack_user,
            },
            workspace: row.team_name,
            by_email: row.linked_by == "email",
            created_at: row.created_at,
        })
        .collect())
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
