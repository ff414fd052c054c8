//! What somebody said in Slack, until it is answered there.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{MessageId, Result, RunId, SessionId, Tenant, UserId};
use uuid::Uuid;

use super::Team;
use crate::{TenantTx, error::from_sqlx};

/// What was said, where, and by whom.
#[derive(Clone, Debug)]
pub struct NewTurn<'a> {
    pub id: Uuid,
    pub session: SessionId,
    pub author: UserId,
    pub team: &'a Team,
    pub slack_user: &'a str,
    pub channel: &'a str,
    /// None: it is answered to its author alone.
    pub thread: Option<&'a str>,
    pub response_url: Option<&'a str>,
    /// What is answered without a run.
    pub command: Option<&'a str>,
    pub text: &'a str,
}

/// Takes it in, for any replica to answer. The conversation is the transaction's person's.
pub async fn create(tx: &mut TenantTx, new: &NewTurn<'_>) -> Result<()> {
    let tenant = tx.tenant();
    sqlx::query!(
        "insert into sixty.slack_turns (org_id, owner_id, id, session_id, author_id, enterprise_id, team_id, slack_user,
            channel, thread, response_url, command, text)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
        tenant.org.0,
        tenant.user.0,
        new.id,
        new.session.0,
        new.author.0,
        new.team.enterprise,
        new.team.team,
        new.slack_user,
        new.channel,
        new.thread,
        new.response_url,
        new.command,
        new.text
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)
    .map(drop)
}

/// How much of what the person has said is neither answered nor waits for somebody's word, up to a limit. In the scope
/// of the organization: they speak in conversations of others too.
pub async fn unanswered(tx: &mut TenantTx, author: UserId, limit: i64) -> Result<i64> {
    let org = tx.org();
    sqlx::query_scalar!(
        r#"select count(*) as "count!" from (select from sixty.slack_turns
            where org_id = $1 and author_id = $2 and state <> 'over' and told_fence is null
                and command is distinct from $3 limit $4) open"#,
        org.0,
        author.0,
        super::reports::REPORT,
        limit
    )
    .fetch_one(tx.connection())
    .await
    .map_err(from_sqlx)
}

/// A turn that this replica looks after, under a fence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leased {
    pub owner: Tenant,
    pub id: Uuid,
    pub fence: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Received,
    Begun,
    Over,
}

/// A turn as it stands.
#[derive(Clone, Debug)]
pub struct Turn {
    pub session: SessionId,
    pub author: UserId,
    pub team: Team,
    pub slack_user: String,
    pub channel: String,
    pub thread: Option<String>,
    pub response_url: Option<String>,
    pub command: Option<String>,
    pub text: String,
    pub state: State,
    pub run: Option<RunId>,
    pub told_fence: Option<i64>,
    pub told_message: Option<MessageId>,
    /// Where its author is, as far as days and hours go: an IANA name.
    pub timezone: Option<String>,
    pub attempts: i32,
    pub look_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
    pub now: DateTime<Utc>,
    /// An earlier turn of the conversation has not begun.
    pub behind: bool,
}

impl Turn {
    /// Whether nobody has asked for it in Slack.
    pub fn is_report(&self) -> bool {
        self.command.as_deref() == Some(super::reports::REPORT)
    }

    /// Whether it tells what came of a suggestion.
    pub fn is_outcome(&self) -> bool {
        self.command.as_deref() == Some(super::reports::OUTCOME)
    }
}

/// The turn, held until the transaction ends. None: another replica looks after it by now, or it is gone.
pub async fn hold(tx: &mut TenantTx, leased: &Leased) -> Result<Option<Turn>> {
    let tenant = tx.tenant();
    let row = sqlx::query!(
        r#"select t.session_id, t.author_id, t.enterprise_id, t.team_id, t.slack_user, t.channel, t.thread,
            t.response_url, t.command, t.text, t.state, t.run_id, t.told_fence, t.told_message, t.attempts, t.look_at, t.created_at,
            now() as "now!",
            (select l.timezone from sixty.slack_links l where l.org_id = $1 and l.enterprise_id = t.enterprise_id
                and l.team_id = t.team_id and l.slack_user = t.slack_user) as timezone,
            exists (select from sixty.slack_turns e where e.org_id = $1 and e.owner_id = $2
                and e.session_id = t.session_id and e.id < t.id and e.state = 'received') as "behind!"
         from sixty.slack_turns t
         where t.org_id = $1 and t.owner_id = $2 and t.id = $3 and t.fence = $4 for no key update of t"#,
        tenant.org.0,
        tenant.user.0,
        leased.id,
        leased.fence
    )
    .fetch_optional(tx.connection())
    .await
    .map_err(from_sqlx)?;
    Ok(row.map(|row| Turn {
        session: row.session_id.into(),
        author: row.author_id.into(),
        team: Team { enterprise: row.enterprise_id, team: row.team_id },
        slack_user: row.slack_user,
        channel: row.channel,
        thread: row.thread,
        response_url: row.response_url,
        command: row.command,
        text: row.text,
        state: match row.state.as_str() {
            "received" => State::Received,
            "begun" => State::Begun,
            _ => State::Over,
        },
        run: row.run_id.map(RunId),
        told_fence: row.told_fence,
        told_message: row.told_message.map(MessageId),
        timezone: row.timezone,
        attempts: row.attempts,
        look_at: row.look_at,
        created_at: row.created_at,
        now: row.now,
        behind: row.behind,
    }))
}

/// It is being answered: by this run, or from the record.
pub async fn begin(tx: &mut TenantTx, leased: &Leased, run: Option<RunId>) -> Result<()> {
    let tenant = tx.tenant();
    sqlx::query!(
        "update sixty.slack_turns set state = 'begun', run_id = $4, attempts = 0
         where org_id = $1 and owner_id = $2 and id = $3 and fence = $5",
        tenant.org.0,
        tenant.user.0,
        leased.id,
        run.map(|run| run.0),
        leased.fence
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)
    .map(drop)
}

/// It is looked at again after this time. `failed`: it counts as a try.
pub async fn postpone(tx: &mut TenantTx, leased: &Leased, wait: TimeDelta, failed: bool) -> Result<()> {
    let tenant = tx.tenant();
    sqlx::query!(
        "update sixty.slack_turns set next_at = now() + make_interval(secs => $5), lease_until = '-infinity',
            attempts = attempts + case when $6 then 1 else 0 end
         where org_id = $1 and owner_id = $2 and id = $3 and fence = $4",
        tenant.org.0,
        tenant.user.0,
        leased.id,
        leased.fence,
        wait.as_seconds_f64(),
        failed
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)
    .map(drop)
}

/// Its author has been told that its run waits, under this fence of the run, and what it has said by then.
pub async fn told(tx: &mut TenantTx, leased: &Leased, fence: i64, message: Option<MessageId>) -> Result<()> {
    let tenant = tx.tenant();
    sqlx::query!(
        "update sixty.slack_turns set told_fence = $5, told_message = $6, attempts = 0, next_at = now(), lease_until = '-infinity'
         where org_id = $1 and owner_id = $2 and id = $3 and fence = $4",
        tenant.org.0,
        tenant.user.0,
        leased.id,
        leased.fence,
        fence,
        message.map(|message| message.0)
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)
    .map(drop)
}

/// It is answered, or cannot be, for this reason. Messages with approvals are still looked at.
pub async fn end(tx: &mut TenantTx, leased: &Leased, error: Option<&str>) -> Result<()> {
    let tenant = tx.tenant();
    sqlx::query!(
        "update sixty.slack_turns set state = 'over', error = $5, response_url = null, text = '', finished_at = now(),
            next_at = now(), lease_until = '-infinity'
         where org_id = $1 and owner_id = $2 and id = $3 and fence = $4",
        tenant.org.0,
        tenant.user.0,
        leased.id,
        leased.fence,
        error
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)
    .map(drop)
}

/// The fence of the run at this moment; none: it is gone.
pub async fn run_fence(tx: &mut TenantTx, run: RunId) -> Result<Option<i64>> {
    let tenant = tx.tenant();
    sqlx::query_scalar!(
        "select fence from sixty.runs where org_id = $1 and owner_id = $2 and id = $3",
        tenant.org.0,
        tenant.user.0,
        run.0
    )
    .fetch_optional(tx.connection())
    .await
    .map_err(from_sqlx)
}

/// The cards that a run has shown, in their order: JSON texts.
pub async fn cards(tx: &mut TenantTx, run: RunId) -> Result<Vec<String>> {
    let tenant = tx.tenant();
    sqlx::query_scalar!(
        r#"select card as "card!" from sixty.tool_calls
         where org_id = $1 and owner_id = $2 and run_id = $3 and card is not null order by created_at, call_id limit 20"#,
        tenant.org.0,
        tenant.user.0,
        run.0
    )
    .fetch_all(tx.connection())
    .await
    .map_err(from_sqlx)
}
