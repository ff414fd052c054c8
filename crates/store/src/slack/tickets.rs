//! Links that are used once: each stands for a row, which goes with its use.

use chrono::{DateTime, Utc};
use domain::{Result, UserId};
use uuid::Uuid;

use super::{Team, links::SlackUser};
use crate::{TenantTx, error::from_sqlx};

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
