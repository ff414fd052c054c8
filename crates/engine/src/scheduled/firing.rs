//! A slot fires: it is claimed, and its run begins.

use chrono::TimeDelta;
use domain::{
    Error, Result, SessionId,
    audit::Channel,
    block::{self, Block},
    budget,
    run::Mode,
    schedule::{PausedFor, TaskRunStatus, TaskStatus},
};
use futures_util::StreamExt as _;
use store::{
    TenantTx, api_keys,
    schedules::firing::{self as rows, Fired, Held, Leased, Outcome, Stage},
};

use super::{AT_ONCE, BATCH, ending, may_schedule, restored, role_today};
use crate::{
    Engine, Prepared,
    crash::{self, CrashPoint},
    prompt::neutral,
};

/// Slots that are claimed before they begin.
const STRETCH: usize = 400;
/// How often that is done in one look.
const STRETCHES: usize = 10;
/// How long a slot waits for a conversation in which something else goes on.
const BUSY: TimeDelta = TimeDelta::seconds(15);

/// Claims what is due, and begins it; then what others have left.
pub(super) async fn look(engine: &Engine) -> Result<()> {
    for _ in 0..STRETCHES {
        if engine.0.stopping.is_cancelled() || engine.0.live().len() >= engine.settings().limits.runs {
            return Ok(());
        }
        let claimed = claim_some(engine).await?;
        if !claimed.slots.is_empty() {
            crash::at(CrashPoint::SlotClaimed);
        }
        begin_all(engine, &claimed.slots).await;
        let mut tx = engine.store().system().await?;
        let left = rows::to_begin(&mut tx, BATCH.into(), engine.settings().lease_seconds).await?;
        tx.commit().await?;
        begin_all(engine, &left).await;
        if !claimed.more && left.len() < usize::from(BATCH) {
            return Ok(());
        }
    }
    Ok(())
}

struct Claimed {
    slots: Vec<Leased>,
    /// There may be more.
    more: bool,
}

/// Claims batch after batch, and no more than this replica is to begin at a stretch: others look too.
async fn claim_some(engine: &Engine) -> Result<Claimed> {
    let mut all = Claimed { slots: Vec::new(), more: true };
    while all.more && all.slots.len() < STRETCH {
        match claim(engine).await {
            Ok(claimed) => {
                all.slots.extend(claimed.slots);
                all.more = claimed.more;
            }
            // What is claimed begins all the same.
            Err(error) if !all.slots.is_empty() => {
                tracing::warn!(%error, "more scheduled tasks may be due");
                break;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(all)
}

async fn claim(engine: &Engine) -> Result<Claimed> {
    let mut tx = engine.store().system().await?;
    let (now, due) = rows::due(&mut tx, BATCH.into()).await?;
    if due.is_empty() {
        tx.rollback().await?;
        return Ok(Claimed { slots: Vec::new(), more: false });
    }
    let more = due.len() >= usize::from(BATCH);
    let fired: Vec<Fired> = due
        .into_iter()
        .map(|task| match restored(&task.schedule, task.anchor) {
            Ok(schedule) => {
                let due = schedule.due(task.slot, now, task.catch_up);
                // One that fires no more is missed where its owner sees it.
                let missed = due.next.is_none().then_some(task.slot);
                Fired { fires: due.fires.or(missed), next: due.next, task }
            }
            Err(error) => {
                tracing::error!(task = %task.id, %error, "a scheduled task can fire no more");
                Fired { task, fires: None, next: None }
            }
        })
        .collect();
    let slots = rows::fire(&mut tx, &fired, engine.settings().lease_seconds).await?;
    tx.commit().await?;
    Ok(Claimed { slots, more })
}

async fn begin_all(engine: &Engine, slots: &[Leased]) {
    futures_util::stream::iter(slots)
        .for_each_concurrent(usize::from(AT_ONCE), async |slot| {
            if let Err(error) = begin(engine, slot).await {
                tracing::warn!(task = %slot.task, %error, "a scheduled task could not begin; it is tried again");
            }
        })
        .await;
}

/// What keeps a slot from beginning.
enum Not {
    /// The task is not active any more.
    Cancelled,
    /// The service pauses the task.
    Paused(PausedFor),
    /// Something else goes on in its conversation.
    Later,
    /// It has waited too long.
    Late,
    /// Its time passed while the service was down, and its owner does not want it made up for.
    Missed,
}

async fn begin(engine: &Engine, slot: &Leased) -> Result<()> {
    let mut tx = engine.store().tenant(slot.owner).await?;
    let Some(held) = rows::hold(&mut tx, slot, Stage::Due).await? else { return tx.rollback().await };
    // Whether it can begin or has to wait: those before it have waited long enough.
    if !held.manual {
        rows::overtake(&mut tx, &held).await?;
    }
    match ready(&mut tx, &held).await {
        Ok(Ok(prepared)) => {
            let run = held.id.run(held.attempt + 1);
            rows::begin(&mut tx, &held, run, prepared.session).await?;
            match engine.begin_turn(tx, prepared, run).await {
                Ok(_) => Ok(()),
                Err(error @ (Error::Internal(_) | Error::Unavailable { .. })) => Err(error),
                Err(refusal) => refused(engine, slot, &refusal).await,
            }
        }
        Ok(Err(not)) => {
            put_off(&mut tx, &held, not).await?;
            tx.commit().await
        }
        Err(error) => tx.rollback().await.and(Err(error)),
    }
}

/// The turn itself was refused: the slot has failed.
async fn refused(engine: &Engine, slot: &Leased, refusal: &Error) -> Result<()> {
    let mut tx = engine.store().tenant(slot.owner).await?;
    let Some(held) = rows::hold(&mut tx, slot, Stage::Due).await? else { return tx.rollback().await };
    if matches!(refusal, Error::Conflict { code: "run_active", .. } | Error::RateLimited { .. }) {
        rows::postpone(&mut tx, &held, BUSY).await?;
    } else {
        let code = match refusal {
            Error::BudgetExhausted(_) => budget::EXHAUSTED,
            Error::Conflict { code, .. } => code,
            _ => "not_begun",
        };
        ending::failed(&mut tx, &held, None, (code, &refusal.to_string())).await?;
        ending::follow_up(&mut tx, &held).await?;
    }
    tx.commit().await
}

async fn put_off(tx: &mut TenantTx, held: &Held, not: Not) -> Result<()> {
    let put = match not {
        Not::Cancelled => rows::end(tx, held, TaskRunStatus::Cancelled, None, &Outcome::default()).await,
        Not::Paused(why) => ending::pause(tx, held, None, why).await,
        Not::Later => rows::postpone(tx, held, BUSY).await,
        Not::Late => {
            let error = "its conversation was busy for six hours, or the service was";
            ending::failed(tx, held, None, ("not_begun", error)).await
        }
        Not::Missed => ending::missed(tx, held).await,
    };
    put?;
    ending::follow_up(tx, held).await
}

/// The turn that the slot begins with, as its owner may have it today.
async fn ready(tx: &mut TenantTx, held: &Held) -> Result<std::result::Result<Prepared, Not>> {
    let task = &held.task;
    let wanted = task.status == TaskStatus::Active || (held.manual && task.status == TaskStatus::Paused);
    if !wanted {
        return Ok(Err(Not::Cancelled));
    }
    let schedule = restored(&task.schedule, task.anchor)?;
    if !held.manual && schedule.due(held.slot, held.fired_at, task.catch_up).fires.is_none() {
        return Ok(Err(Not::Missed));
    }
    let Some(member) = tx.membership().filter(|member| member.active).cloned() else {
        return Ok(Err(Not::Paused(PausedFor::Membership)));
    };
    // What a program has scheduled ends with its keys.
    if api_keys::all_over(tx).await? {
        return Ok(Err(Not::Paused(PausedFor::Membership)));
    }
    let role = role_today(task, &member);
    if !may_schedule(tx, role).await? {
        return Ok(Err(Not::Paused(PausedFor::Rights)));
    }
    if rows::is_late(held.fired_at, held.now) {
        return Ok(Err(Not::Late));
    }
    let session = match task.session {
        None => rows::open_session(tx, task, &task.name).await?,
        Some(session) => match takes(tx, session).await? {
            Ok(()) => session,
            Err(not) => return Ok(Err(not)),
        },
    };
    let mode = tx.locked_session().and_then(|it| it.mode);
    Ok(Ok(Prepared {
        session,
        content: block::to_json(&[Block::Text { text: task.prompt.clone() }]),
        text: task.prompt.clone(),
        mode: mode.unwrap_or(Mode::Auto),
        model: None,
        role,
        author: None,
        timezone: schedule.zone,
        view: None,
        mentions: Vec::new(),
        skill: None,
        service: task.untrusted,
        trigger: Channel::Schedule,
        notice: format!(
            "This is the scheduled task \"{}\", of {} UTC. Nobody reads along: carry it out and tell the result. What \
             needs the person's yes waits for it.\n",
            neutral(&task.name),
            held.slot.format("%Y-%m-%d %H:%M")
        ),
        // It was written when others were known.
        secrets_state: 0,
    }))
}

/// Whether a message can be said in the conversation, which is locked.
async fn takes(tx: &mut TenantTx, session: SessionId) -> Result<std::result::Result<(), Not>> {
    if !tx.lock_session(session).await? {
        return Ok(Err(Not::Paused(PausedFor::Target)));
    }
    // A message would be the answer to a question that stands there.
    let goes_on = rows::goes_on(tx, session).await?;
    Ok(if goes_on.run || goes_on.question { Err(Not::Later) } else { Ok(()) })
}
