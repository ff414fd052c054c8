//! What is told in Slack although nobody has just asked there: the answers of scheduled tasks, and what came of
//! suggestions.

use domain::{ApprovalId, Result, RunId, SessionId};
use uuid::Uuid;

use super::links::SlackUser;
use crate::{TenantTx, error::from_sqlx};

/// Nobody has asked for it in Slack: the answer of a run that is over is told there.
pub(super) const REPORT: &str = "report";

/// The answer of a run that is to be told in Slack.
#[derive(Clone, Debug)]
pub struct Report<'a> {
    pub session: SessionId,
    pub run: RunId,
    pub person: &'a SlackUser,
    /// A channel, or the person for a direct message.
    pub channel: &'a str,
    /// Stands before it.
    pub heading: &'a str,
}

/// Has any replica tell it. The run is the transaction's person's.
pub async fn create(tx: &mut TenantTx, new: &Report<'_>) -> Result<()> {
    let tenant = tx.tenant();
    sqlx::query!(
        "insert into sixty.slack_turns (org_id, owner_id, id, session_id, author_id, enterprise_id, team_id, slack_user,
            channel, command, text, state, run_id)
         values ($1, $2, $3, $4, $2, $5, $6, $7, $8, $9, $10, 'begun', $11)",
        tenant.org.0,
        tenant.user.0,
        Uuid::now_v7(),
        new.session.0,
        new.person.team.enterprise,
        new.person.team.team,
        new.person.user,
        new.channel,
        REPORT,
        new.heading,
        new.run.0
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)
    .map(drop)
}

/// A suggestion that was shown in Slack was accepted: what its run brings is told where it was shown.
pub(super) const OUTCOME: &str = "outcome";

/// Has any replica tell what comes of a suggestion, if it was shown in Slack. The run is the transaction's person's.
pub async fn follow(tx: &mut TenantTx, approval: ApprovalId, run: RunId) -> Result<()> {
    let tenant = tx.tenant();
    sqlx::query!(
        "insert into sixty.slack_turns (org_id, owner_id, id, session_id, author_id, enterprise_id, team_id, slack_user,
            channel, thread, command, text, state, run_id)
         select t.org_id, t.owner_id, $4, t.session_id, t.author_id, t.enterprise_id, t.team_id, t.slack_user,
            t.channel, t.thread, $6, '', 'begun', $5
         from sixty.slack_posts p
         join sixty.slack_turns t on t.org_id = $1 and t.owner_id = $2 and t.id = p.turn_id
         where p.org_id = $1 and p.owner_id = $2 and p.approval_id = $3
         order by t.id limit 1",
        tenant.org.0,
        tenant.user.0,
        approval.0,
        Uuid::now_v7(),
        run.0,
        OUTCOME
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)
    .map(drop)
}

/// What came of the call of such a run, in the words that the conversation has of it.
pub async fn outcome(tx: &mut TenantTx, run: RunId) -> Result<Option<String>> {
    let tenant = tx.tenant();
    let found = sqlx::query_scalar!(
        "select result from sixty.tool_calls
         where org_id = $1 and owner_id = $2 and run_id = $3 order by created_at desc limit 1",
        tenant.org.0,
        tenant.user.0,
        run.0
    )
    .fetch_optional(tx.connection())
    .await
    .map_err(from_sqlx)?;
    Ok(found.flatten())
}
