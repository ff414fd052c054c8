//! What was said becomes a run, in the transaction that says so: of a turn there is one.

use chrono::TimeDelta;
use domain::{
    Error, Result, RunId,
    audit::Channel,
    block::{self, Block},
    run::Mode,
};
use engine::{Prepared, prompt::neutral};
use store::{
    Membership, TenantTx, orgs,
    schedules::firing,
    slack::turns::{self, Leased},
};
use uuid::Uuid;

use super::{outbox::Errand, work::After};

/// How long it waits for what is said before it, or goes on in its conversation.
const BUSY: TimeDelta = TimeDelta::milliseconds(700);

pub(super) enum Begun {
    Yes,
    Not(After),
}

pub(super) async fn begin(errand: &Errand<'_>) -> Result<Begun> {
    let Errand { app, leased, turn, .. } = errand;
    if turn.behind {
        return Ok(Begun::Not(After::Later(BUSY)));
    }
    if turn.command.is_some() {
        let mut tx = app.store().tenant(leased.owner).await?;
        turns::begin(&mut tx, leased, None).await?;
        tx.commit().await?;
        return Ok(Begun::Yes);
    }
    let mut tx = app.store().tenant_with_session(leased.owner, turn.session).await?;
    let run = run_of(leased);
    match ready(errand, &mut tx).await {
        Ok(Ok(prepared)) => {
            turns::begin(&mut tx, leased, Some(run)).await?;
            match app.engine.begin_turn(tx, prepared, run).await {
                Ok(_) => Ok(Begun::Yes),
                Err(Error::Conflict { code: "run_active", .. } | Error::RateLimited { .. }) => {
                    Ok(Begun::Not(After::Later(BUSY)))
                }
                Err(error @ (Error::Internal(_) | Error::Unavailable { .. })) => Err(error),
                Err(refusal) => refused(errand, &refusal.to_string()).await,
            }
        }
        Ok(Err(Not::Busy)) => tx.rollback().await.map(|()| Begun::Not(After::Later(BUSY))),
        Ok(Err(Not::Ever(why))) => {
            tx.rollback().await?;
            refused(errand, why).await
        }
        Err(error) => tx.rollback().await.and(Err(error)),
    }
}

/// Its author is told why there is no answer.
async fn refused(errand: &Errand<'_>, why: &str) -> Result<Begun> {
    errand.tell_author(why).await;
    super::work::give_up(errand.app, &errand.leased, why).await?;
    Ok(Begun::Not(After::Settled))
}

/// The run of a turn: derived, so that there is one.
fn run_of(leased: &Leased) -> RunId {
    RunId(Uuid::new_v5(&leased.id, b"run"))
}

enum Not {
    Busy,
    Ever(&'static str),
}

/// The turn as its author may have it now.
async fn ready(errand: &Errand<'_>, tx: &mut TenantTx) -> Result<std::result::Result<Prepared, Not>> {
    let Some(turn) = turns::hold(tx, &errand.leased).await? else { return Err(super::lost()) };
    let Some(session) = tx.locked_session().cloned() else {
        return Ok(Err(Not::Ever("The conversation was deleted.")));
    };
    // The run before has its answer first: what is said now is said to that.
    if turn.behind || firing::goes_on(tx, turn.session).await?.run {
        return Ok(Err(Not::Busy));
    }
    let Some(member) = orgs::membership(tx, turn.author).await?.filter(|member| member.active) else {
        return Ok(Err(Not::Ever(super::intake::LEFT)));
    };
    let Some(role) = member.role_now() else {
        return Ok(Err(Not::Ever(
            "The service does not know your role yet. Open the app once, and ask again.",
        )));
    };
    let shared = errand.leased.owner.user != turn.author;
    Ok(Ok(Prepared {
        session: turn.session,
        content: block::to_json(&[Block::Text { text: turn.text.clone() }]),
        text: turn.text,
        mode: session.mode.unwrap_or(Mode::Auto),
        model: None,
        role,
        author: Some(turn.author),
        timezone: errand.zone(),
        view: None,
        mentions: Vec::new(),
        skill: None,
        service: false,
        trigger: Channel::Slack,
        notice: if shared { notice(&member) } else { String::new() },
        // It was stored when others were known.
        secrets_state: 0,
    }))
}

/// Who speaks, among several.
fn notice(member: &Membership) -> String {
    let name = member.name.as_deref().unwrap_or(&member.external_id);
    format!("{} says this in a thread of a Slack channel; everybody there reads the answer.\n", neutral(name))
}
