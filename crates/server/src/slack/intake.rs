//! What comes in is stored, and only then acknowledged: Slack repeats an event that was not, and an event that was
//! stored is answered by whichever replica is free.

use std::sync::{Arc, PoisonError};

use domain::{Error, OptionalExt as _, OrgId, Result, Scope, SessionId, UserId};
use engine::crash::{self, CrashPoint};
use store::{
    TenantTx, sessions,
    slack::{
        self as rows, Team, Workspace,
        links::{self, SlackUser},
        threads::{self, Shared, Thread},
        turns::{self, NewTurn},
    },
};
use tokio::time::timeout;
use uuid::Uuid;

use super::{AT_ONCE, OF_ONE, PATIENCE, Slack, person, render};
use crate::{App, caller::end};

/// Longest message that is taken in, in characters; Slack's own limit is 40,000.
const MAX_TEXT: usize = 40_000;
/// Workspaces whose doors are remembered.
const MAX_DOORS: usize = 10_000;

/// What one person may have said that is not answered yet: a burst of theirs does not stand before their colleagues.
const OPEN: i64 = 20;

/// Told to whoever is no member any more.
pub(super) const LEFT: &str = "Your membership of the organization has ended.";

/// Something that a person said to the copilot.
#[derive(Clone, Debug)]
pub(super) struct Said {
    pub person: SlackUser,
    pub channel: String,
    /// The thread in which it is answered; none: to its author alone.
    pub thread: Option<String>,
    /// In a channel, in front of others.
    pub shared: bool,
    pub response_url: Option<String>,
    pub command: Option<&'static str>,
    pub text: String,
    /// What it is known by: of things with a common key the first one counts.
    pub keys: Vec<String>,
}

/// What became of it.
pub(super) enum Taken {
    /// It is stored, and will be answered.
    Stored,
    /// It was stored before.
    Known,
    /// Nobody knows who said it.
    Stranger { workspace: Workspace },
    /// It is no words: a file, which is not read.
    Wordless,
    /// They are no member any more.
    Left,
    /// Too much of what they said waits for an answer.
    TooMuch,
    /// The copilot may not answer there.
    Closed,
    /// The workspace is not connected.
    Nowhere,
}

impl Slack {
    /// Waits for a place among the few that are taken in at once: no workspace has all of them.
    pub(super) async fn enter<T>(&self, team: &Team, work: impl Future<Output = Result<T>>) -> Result<T> {
        let busy = || Error::Unavailable {
            detail: "too much is coming in from Slack; it comes again".into(),
            retry_after: std::time::Duration::from_secs(1),
        };
        let own = {
            let mut doors = self.doors.lock().unwrap_or_else(PoisonError::into_inner);
            if doors.len() > MAX_DOORS {
                doors.retain(|_, door| Arc::strong_count(door) > 1);
            }
            doors.entry(team.clone()).or_insert_with(|| Arc::new(tokio::sync::Semaphore::new(OF_ONE))).clone()
        };
        const { assert!(OF_ONE < AT_ONCE, "one workspace leaves room for others") };
        let entered = timeout(PATIENCE, async {
            let own = own.acquire().await;
            (own, self.door.acquire().await)
        });
        let _places = entered.await.map_err(|_| busy())?;
        work.await
    }

    /// Stores what was said.
    pub(super) async fn take(&self, app: &App, org: OrgId, said: &Said) -> Result<Taken> {
        // Two replicas may make the same thread, or the same conversation, at once: the second finds it made.
        for _ in 0..3 {
            let mut tx = app.store().at_door().tenant(person::nobody(org)).await?;
            let taken = match keep(app, &mut tx, said).await {
                Ok(Some(taken)) => taken,
                Ok(None) => {
                    tx.rollback().await?;
                    continue;
                }
                Err(error) => return tx.rollback().await.and(Err(error)),
            };
            if matches!(taken, Taken::Nowhere) {
                self.homes.forget();
            }
            // Of what is refused it is kept that something arrived, not what.
            let kept = !matches!(taken, Taken::Known | Taken::Nowhere);
            if kept {
                tx.commit().await?;
            } else {
                tx.rollback().await?;
            }
            crash::at(CrashPoint::SlackStored);
            self.wake.notify_one();
            return Ok(taken);
        }
        Err(Error::internal("a conversation of Slack is made by somebody else again and again"))
    }
}

/// None: somebody else has just made the same conversation.
async fn keep(app: &App, tx: &mut TenantTx, said: &Said) -> Result<Option<Taken>> {
    let Some(workspace) = rows::find(tx, &said.person.team).await? else { return Ok(Some(Taken::Nowhere)) };
    for key in &said.keys {
        if !rows::arrived(tx, key).await? {
            return Ok(Some(Taken::Known));
        }
    }
    if said.shared && !workspace.channels.contains(&said.channel) {
        return Ok(Some(Taken::Closed));
    }
    let author = match links::find(tx, &said.person).await? {
        None => return Ok(Some(Taken::Stranger { workspace })),
        Some(linked) if !linked.active => return Ok(Some(Taken::Left)),
        Some(_) if said.command.is_none() && said.text.trim().is_empty() => return Ok(Some(Taken::Wordless)),
        Some(linked) => linked.user,
    };
    if unanswered(tx, author).await? >= OPEN {
        return Ok(Some(Taken::TooMuch));
    }
    let session = if let (true, Some(thread)) = (said.shared, &said.thread) {
        let thread = Thread { team: &said.person.team, channel: &said.channel, thread };
        let Some(Shared { member, session }) = shared(tx, &thread, author).await? else { return Ok(None) };
        tx.switch(Some(member), Scope::Own).await?;
        session
    } else {
        tx.switch(Some(author), Scope::Own).await?;
        let Some(session) = own(tx, &said.person.team).await? else { return Ok(None) };
        session
    };
    // At the door, before the first write.
    let text: String = said.text.replace('\0', "\u{FFFD}").chars().take(MAX_TEXT).collect();
    let door = app.engine.door_in(tx).await?;
    let text = door.redact_hidden(&text);
    let new = NewTurn {
        id: Uuid::now_v7(),
        session,
        author,
        team: &said.person.team,
        slack_user: &said.person.user,
        channel: &said.channel,
        thread: said.thread.as_deref(),
        response_url: said.response_url.as_deref(),
        command: said.command,
        text: &text,
    };
    turns::create(tx, &new).await?;
    Ok(Some(Taken::Stored))
}

/// How much of what the person said is not answered yet, wherever they said it.
async fn unanswered(tx: &mut TenantTx, author: UserId) -> Result<i64> {
    tx.switch(None, Scope::Org).await?;
    let open = turns::unanswered(tx, author, OPEN).await?;
    tx.switch(None, Scope::Own).await.map(|()| open)
}

/// Told to whoever has said more than that.
pub(super) fn too_much() -> String {
    format!(
        "{OPEN} of your messages wait for an answer. Please send this again when some of them are answered."
    )
}

/// The conversation of a thread, in which the person takes part from now on.
async fn shared(tx: &mut TenantTx, thread: &Thread<'_>, author: UserId) -> Result<Option<Shared>> {
    let shared = if let Some(shared) = threads::find(tx, thread).await? {
        shared
    } else {
        let member = threads::create_member(tx).await?;
        tx.switch(Some(member), Scope::Own).await?;
        let Some(made) = threads::create(tx, thread).await? else { return Ok(None) };
        made
    };
    threads::join(tx, shared, author).await?;
    Ok(Some(shared))
}

/// The person's own conversation in this workspace.
pub(super) async fn own(tx: &mut TenantTx, team: &Team) -> Result<Option<SessionId>> {
    let key = key(team);
    if let Some(session) = sessions::find_by_key(tx, &key).await.optional()? {
        return Ok(Some(session));
    }
    let new = sessions::NewSession { client_key: Some(&key), ..sessions::NewSession::default() };
    sessions::create(tx, SessionId::new(), &new).await
}

/// By which name a person finds that conversation through the API.
pub(super) fn key(team: &Team) -> String {
    format!("slack:{}", team.team)
}

/// The workspace that a request names.
pub(super) fn team_of(enterprise: &str, team: &str) -> Team {
    Team { enterprise: enterprise.to_owned(), team: team.to_owned() }
}

/// How a person links themselves.
pub(super) async fn explain(
    app: &App,
    slack: &Slack,
    org: OrgId,
    person: &SlackUser,
) -> Result<render::Message> {
    let mut tx = app.store().at_door().tenant(person::nobody(org)).await?;
    let link = slack.link_for(&mut tx, person).await;
    Ok(render::unlinked_person(end(tx, link).await?.as_str()))
}

/// Recognises a stranger by their address, beside the request; then what they said is taken in, or they are told how to
/// link themselves.
pub(super) fn introduce(app: &App, org: OrgId, said: Said) {
    let failed = "somebody in Slack could not be told how to link themselves";
    super::beside(app, failed, |app, slack| async move { introduced(&app, &slack, org, &said).await });
}

async fn introduced(app: &App, slack: &Slack, org: OrgId, said: &Said) -> Result<()> {
    if person::recognise(app, slack, org, &said.person).await? {
        let keys = said.keys.iter().map(|key| format!("recognised:{key}")).collect();
        slack.take(app, org, &Said { keys, ..said.clone() }).await?;
        return Ok(());
    }
    let message = explain(app, slack, org, &said.person).await?;
    slack.whisper(app, org, said, message).await
}
