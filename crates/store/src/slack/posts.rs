//! What was posted for a turn. The row commits before the message is sent: one that is found `sending` by another
//! replica was perhaps posted.

use chrono::{DateTime, Utc};
use domain::{ApprovalId, Result};
use uuid::Uuid;

use super::turns::Leased;
use crate::{
    TenantTx,
    error::{corrupt, from_sqlx},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The message in which the answer appears while it is made.
    Live,
    Answer,
    Approval,
    Question,
}

impl Kind {
    fn as_str(self) -> &'static str {
        match self {
            Kind::Live => "live",
            Kind::Answer => "answer",
            Kind::Approval => "approval",
            Kind::Question => "question",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Kind::Live, Kind::Answer, Kind::Approval, Kind::Question]
            .into_iter()
            .find(|kind| kind.as_str() == text)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PostState {
    Sending,
    Sent,
    /// Nobody can find out whether it was posted.
    Unknown,
    /// Its approval is decided, and it says so.
    Closed,
}

impl PostState {
    fn as_str(self) -> &'static str {
        match self {
            PostState::Sending => "sending",
            PostState::Sent => "sent",
            PostState::Unknown => "unknown",
            PostState::Closed => "closed",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [PostState::Sending, PostState::Sent, PostState::Unknown, PostState::Closed]
            .into_iter()
            .find(|state| state.as_str() == text)
    }
}

/// Which message of a turn: how far its run had come, and the place within that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub round: i64,
    pub ord: i32,
}

/// A message.
#[derive(Clone, Debug)]
pub struct Post {
    pub at: Place,
    pub kind: Kind,
    pub approval: Option<ApprovalId>,
    /// Through the `response_url`, and not the API.
    pub by_url: bool,
    pub state: PostState,
    pub channel: Option<String>,
    pub ts: Option<String>,
}

/// The messages of a turn, in their order.
pub async fn list(tx: &mut TenantTx, turn: Uuid) -> Result<Vec<Post>> {
    let tenant = tx.tenant();
    let rows = sqlx::query!(
        "select round, ord, kind, approval_id, via, state, channel, ts from sixty.slack_posts
         where org_id = $1 and owner_id = $2 and turn_id = $3 order by round, ord",
        tenant.org.0,
        tenant.user.0,
        turn
    )
    .fetch_all(tx.connection())
    .await
    .map_err(from_sqlx)?;
    rows.into_iter()
        .map(|row| {
            Ok(Post {
                at: Place { round: row.round, ord: row.ord },
                kind: Kind::parse(&row.kind).ok_or_else(|| corrupt("a kind of post", &row.kind))?,
                approval: row.approval_id.map(ApprovalId),
                by_url: row.via == "response_url",
                state: PostState::parse(&row.state)
                    .ok_or_else(|| corrupt("a state of a post", &row.state))?,
                channel: row.channel,
                ts: row.ts,
            })
        })
        .collect()
}

/// Times, as Slack names messages by them, of all that was posted in a channel in the person's conversations.
pub async fn known(tx: &mut TenantTx, channel: &str) -> Result<Vec<String>> {
    let tenant = tx.tenant();
    sqlx::query_scalar!(
        r#"select ts as "ts!" from sixty.slack_posts
         where org_id = $1 and owner_id = $2 and channel = $3 and ts is not null"#,
        tenant.org.0,
        tenant.user.0,
        channel
    )
    .fetch_all(tx.connection())
    .await
    .map_err(from_sqlx)
}

/// The intent to post, under the turn's fence. False: another replica looks after the turn.
pub async fn intend(tx: &mut TenantTx, leased: &Leased, post: &Post) -> Result<bool> {
    let tenant = tx.tenant();
    let done = sqlx::query!(
        "insert into sixty.slack_posts (org_id, owner_id, turn_id, round, ord, kind, approval_id, via, channel)
         select org_id, owner_id, id, $5, $6, $7, $8, $9, $10 from sixty.slack_turns
         where org_id = $1 and owner_id = $2 and id = $3 and fence = $4 for no key update",
        tenant.org.0,
        tenant.user.0,
        leased.id,
        leased.fence,
        post.at.round,
        post.at.ord,
        post.kind.as_str(),
        post.approval.map(|approval| approval.0),
        if post.by_url { "response_url" } else { "api" },
        post.channel
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)?;
    Ok(done.rows_affected() == 1)
}

/// What came of it, under the turn's fence. False: another replica looks after the turn, and finds out by itself.
pub async fn settle(
    tx: &mut TenantTx,
    leased: &Leased,
    at: Place,
    state: PostState,
    place: Option<(&str, &str)>,
) -> Result<bool> {
    let tenant = tx.tenant();
    let (channel, ts) = place.unzip();
    let done = sqlx::query!(
        "with turn as (
            select id from sixty.slack_turns
            where org_id = $1 and owner_id = $2 and id = $3 and fence = $9 for no key update
         )
         update sixty.slack_posts p set state = $6, channel = coalesce($7, p.channel), ts = coalesce($8, p.ts)
         from turn
         where p.org_id = $1 and p.owner_id = $2 and p.turn_id = turn.id and p.round = $4 and p.ord = $5",
        tenant.org.0,
        tenant.user.0,
        leased.id,
        at.round,
        at.ord,
        state.as_str(),
        channel,
        ts,
        leased.fence
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)?;
    Ok(done.rows_affected() == 1)
}

/// Nothing was posted: Slack has refused it, or was not reached. Under the turn's fence, as above.
pub async fn withdraw(tx: &mut TenantTx, leased: &Leased, at: Place) -> Result<bool> {
    let tenant = tx.tenant();
    let done = sqlx::query!(
        "with turn as (
            select id from sixty.slack_turns
            where org_id = $1 and owner_id = $2 and id = $3 and fence = $6 for no key update
         )
         delete from sixty.slack_posts p using turn
         where p.org_id = $1 and p.owner_id = $2 and p.turn_id = turn.id and p.round = $4 and p.ord = $5
            and p.state = 'sending'",
        tenant.org.0,
        tenant.user.0,
        leased.id,
        at.round,
        at.ord,
        leased.fence
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)?;
    Ok(done.rows_affected() == 1)
}

/// Messages with this approval are looked at: it is decided.
pub async fn decided(tx: &mut TenantTx, approval: ApprovalId) -> Result<()> {
    let tenant = tx.tenant();
    sqlx::query!(
        "update sixty.slack_turns set look_at = now() where org_id = $1 and owner_id = $2 and id in (
            select turn_id from sixty.slack_posts where org_id = $1 and owner_id = $2 and approval_id = $3)",
        tenant.org.0,
        tenant.user.0,
        approval.0
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)
    .map(drop)
}

/// When the turn's messages with approvals are to be looked at; none: never again.
pub async fn look_at(tx: &mut TenantTx, leased: &Leased, at: Option<DateTime<Utc>>) -> Result<()> {
    let tenant = tx.tenant();
    sqlx::query!(
        "update sixty.slack_turns set look_at = $5
         where org_id = $1 and owner_id = $2 and id = $3 and fence = $4",
        tenant.org.0,
        tenant.user.0,
        leased.id,
        leased.fence,
        at
    )
    .execute(tx.connection())
    .await
    .map_err(from_sqlx)
    .map(drop)
}
