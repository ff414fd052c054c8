//! Which conversations have read what came from outside of the organization's people.

use domain::{Result, SessionId, UserId};
use uuid::Uuid;

use crate::{TenantTx, error::from_sqlx};

/// Remembers for good that the session has read what came from outside.
pub async fn distrust(tx: &mut TenantTx, session: SessionId) -> Result<()> {
    let tenant = tx.tenant();
    sqlx::query!(
        "update sixty.sessions set untrusted = true
         where org_id = $1 and owner_id = $2 and id = $3 and not untrusted",
        tenant.org.0,
        tenant.user.0,
        session.0
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)
    .map(drop)
}

/// Whether anybody but this person has spoken in a conversation that several share: each of its runs is somebody's, and
/// goes with the conversation alone.
pub async fn others_spoke(tx: &mut TenantTx, session: SessionId, person: UserId) -> Result<bool> {
    let tenant = tx.tenant();
    sqlx::query_scalar!(
        r#"select exists (select from sixty.runs
            where org_id = $1 and owner_id = $2 and session_id = $3 and author_id <> $4) as "others!""#,
        tenant.org.0,
        tenant.user.0,
        session.0,
        person.0
    )
    .fetch_one(tx.connection())
    .await
    .map_err(from_sqlx)
}

/// Whether what came from outside stands in any of these sessions of the person's.
pub async fn any_untrusted(tx: &mut TenantTx, sessions: &[SessionId]) -> Result<bool> {
    let tenant = tx.tenant();
    let ids: Vec<Uuid> = sessions.iter().map(|session| session.0).collect();
    sqlx::query_scalar!(
        r#"select exists (select from sixty.sessions
            where org_id = $1 and owner_id = $2 and id = any ($3) and untrusted) as "any!""#,
        tenant.org.0,
        tenant.user.0,
        &ids
    )
    .fetch_one(tx.connection())
    .await
    .map_err(from_sqlx)
}
