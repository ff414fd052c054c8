//! Who answers: any replica that executes runs. What is stored is claimed under a lease and a fence, so that one that
//! dies is followed by another, and one that only seemed dead can write nothing more.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    OrgId, Result,
    notification::{About, NotificationKind},
};
use store::{
    notifications,
    slack::{
        posts,
        turns::{self, Leased, State, Turn},
        work as rows,
    },
};
use tokio::time::{MissedTickBehavior, interval};

use super::{Slack, begin, closing, deliver, outbox::Errand};
use crate::App;

/// How often a replica looks for what nobody answers.
const EVERY: Duration = Duration::from_millis(400);
/// Turns that one replica answers at the same time, and of one organization.
const AT_ONCE: usize = 512;
const OF_ONE: usize = 32;
/// Claims of one look.
const BATCH: i64 = 64;
/// Tries after which nobody is answered any more.
const TRIES: i32 = 30;
/// How long it is tried at most: later nobody waits for it.
const PATIENCE: TimeDelta = TimeDelta::hours(24);

/// Turns that this replica answers, by organization.
#[derive(Default)]
pub(super) struct Busy(Mutex<HashMap<OrgId, usize>>);

/// One of them, while it is held.
struct Place {
    slack: Arc<Slack>,
    org: OrgId,
}

impl Busy {
    fn enter(&self, slack: &Arc<Slack>, org: OrgId) -> Option<Place> {
        let mut busy = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let all: usize = busy.values().sum();
        let own = busy.entry(org).or_default();
        if all >= AT_ONCE || *own >= OF_ONE {
            return None;
        }
        *own += 1;
        Some(Place { slack: slack.clone(), org })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut busy = self.slack.busy.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = busy.get_mut(&self.org) {
            *own -= 1;
            if *own == 0 {
                busy.remove(&self.org);
            }
        }
    }
}

/// Begins to answer, until the shutdown; nothing without Slack, or where runs are left to others.
pub fn start(app: &App) {
    let Some(slack) = app.slack.clone().filter(|_| app.engine.settings().works) else { return };
    let app = app.clone();
    app.clone().engine.detach(async move {
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let stopping = app.engine.stopping();
        loop {
            tokio::select! {
                () = stopping.cancelled() => return,
                _ = ticks.tick() => {}
                () = slack.wake.notified() => {}
            }
            if let Err(error) = look(&app, &slack).await {
                tracing::warn!(%error, "what was said in Slack could not be looked for; the next look does it");
            }
        }
    });
}

async fn look(app: &App, slack: &Arc<Slack>) -> Result<()> {
    let each = i64::try_from(OF_ONE).unwrap_or(i64::MAX);
    let mut tx = app.store().system().await?;
    let ripe = rows::ripe(&mut tx, each, BATCH).await?;
    tx.rollback().await?;
    for turn in ripe {
        if app.engine.stopping().is_cancelled() {
            return Ok(());
        }
        let Some(place) = slack.busy.enter(slack, turn.owner.org) else { continue };
        let mut tx = app.store().system().await?;
        let claimed = rows::claim(&mut tx, &turn, app.engine.settings().lease_seconds).await?;
        tx.commit().await?;
        let Some(leased) = claimed else { continue };
        let app = app.clone();
        app.clone().engine.detach(async move {
            let slack = place.slack.clone();
            Box::pin(attend(&app, &slack, leased)).await;
            drop(place);
            slack.wake.notify_one();
        });
    }
    Ok(())
}

/// What is to become of a turn that is put aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum After {
    /// It has been settled already.
    Settled,
    /// It comes again after this time.
    Later(TimeDelta),
    /// Another replica goes on at once.
    HandedBack,
}

async fn attend(app: &App, slack: &Slack, leased: Leased) {
    let put = match tend(app, slack, leased).await {
        Ok(After::Settled) => return,
        Ok(After::Later(wait)) => put_off(app, &leased, wait, false).await,
        Ok(After::HandedBack) => put_off(app, &leased, TimeDelta::zero(), false).await,
        Err(error) => {
            tracing::warn!(turn = %leased.id, %error, "what was said in Slack is not answered yet");
            put_off(app, &leased, TimeDelta::seconds(2), true).await
        }
    };
    if let Err(error) = put {
        tracing::warn!(turn = %leased.id, %error, "it waits for the end of its lease");
    }
}

async fn put_off(app: &App, leased: &Leased, wait: TimeDelta, failed: bool) -> Result<()> {
    let mut tx = app.store().tenant(leased.owner).await?;
    turns::postpone(&mut tx, leased, wait, failed).await?;
    tx.commit().await
}

/// Does what there is to do for a turn.
async fn tend(app: &App, slack: &Slack, leased: Leased) -> Result<After> {
    let Some(turn) = held(app, &leased).await? else { return Ok(After::Settled) };
    let too_late = turn.now - turn.created_at > PATIENCE && turn.state == State::Received;
    if turn.state != State::Over && (too_late || turn.attempts > TRIES) {
        give_up(app, &leased, "nobody could answer it in time").await?;
        return Ok(After::Settled);
    }
    let Some(errand) = Errand::new(app, slack, leased, turn).await? else {
        give_up(app, &leased, "the workspace is not connected any more").await?;
        return Ok(After::Settled);
    };
    if errand.turn.look_at.is_some_and(|at| at <= errand.turn.now) {
        closing::look_after(&errand).await?;
    }
    match errand.turn.state {
        State::Over => Ok(After::Later(TimeDelta::zero())),
        State::Received => match begin::begin(&errand).await? {
            begin::Begun::Not(after) => Ok(after),
            begin::Begun::Yes => match held(app, &leased).await? {
                Some(turn) => deliver::deliver(&Errand { turn, ..errand }).await,
                None => Ok(After::Settled),
            },
        },
        State::Begun => deliver::deliver(&errand).await,
    }
}

async fn held(app: &App, leased: &Leased) -> Result<Option<Turn>> {
    let mut tx = app.store().tenant(leased.owner).await?;
    let turn = turns::hold(&mut tx, leased).await;
    tx.rollback().await?;
    turn
}

pub(super) async fn give_up(app: &App, leased: &Leased, why: &str) -> Result<()> {
    tracing::warn!(turn = %leased.id, why, "something that was said in Slack is not answered");
    let mut tx = app.store().tenant(leased.owner).await?;
    // Whoever has asked in Slack sees that there is no answer; of a report its owner knows nothing.
    if turns::hold(&mut tx, leased).await?.is_some_and(|turn| turn.is_report()) {
        let title = "A result was not told in Slack";
        let about = About::default();
        notifications::add(&mut tx, NotificationKind::ScheduleUndelivered, title, why, about).await?;
    }
    turns::end(&mut tx, leased, Some(why)).await?;
    posts::look_at(&mut tx, leased, None::<DateTime<Utc>>).await?;
    tx.commit().await
}
