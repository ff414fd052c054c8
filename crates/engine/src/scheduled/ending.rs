//! The run of a slot has ended, or waits for its owner: what follows from that, once.

use chrono::TimeDelta;
use domain::{
    OptionalExt as _, Result, Role, block,
    notification::{About, NotificationKind},
    run::{Run, RunStatus},
    schedule::{Deliver, MAX_FAILURES, PausedFor, Task, TaskRunStatus, TaskStatus},
};
use futures_util::StreamExt as _;
use store::{
    TenantTx,
    audit::{self, Entry},
    messages, notifications, runs,
    schedules::{
        self, delivery as deliveries,
        firing::{self as rows, Held, Leased, Outcome, Stage},
    },
    slack::reports,
    trust,
};

use super::{AT_ONCE, BATCH, delivery, role_today, target};
use crate::{
    Engine,
    crash::{self, CrashPoint},
    run::shorten,
};

/// How long it waits after its first, second, … try, if the provider failed it.
const WAITS: [TimeDelta; 2] = [TimeDelta::minutes(1), TimeDelta::minutes(5)];
/// How long a result waits for a conversation in which something else goes on.
pub(super) const BUSY: TimeDelta = TimeDelta::seconds(5);
/// Longest result that is kept beside the conversation, and that a notification tells, in characters.
const RESULT: usize = 4_000;
const TOLD: usize = 1_000;

/// What a provider may do better the next time.
const PASSING: [&str; 7] = [
    "model_rate_limited",
    "model_overloaded",
    "model_timeout",
    "model_unavailable",
    "model_cut_off",
    "model_bad_answer",
    "empty_answer",
];

pub(super) async fn look(engine: &Engine) -> Result<()> {
    loop {
        let mut tx = engine.store().system().await?;
        let ended = rows::to_settle(&mut tx, BATCH.into(), engine.settings().lease_seconds).await?;
        tx.commit().await?;
        futures_util::stream::iter(&ended)
            .for_each_concurrent(usize::from(AT_ONCE), async |slot| {
                if let Err(error) = settle(engine, slot).await {
                    tracing::warn!(task = %slot.task, %error, "the end of a scheduled task waits");
                }
            })
            .await;
        if ended.len() < usize::from(BATCH) || engine.0.stopping.is_cancelled() {
            return Ok(());
        }
    }
}

async fn settle(engine: &Engine, slot: &Leased) -> Result<()> {
    let mut tx = engine.store().tenant(slot.owner).await?;
    let Some(held) = rows::hold(&mut tx, slot, Stage::Begun).await? else { return tx.rollback().await };
    let run = match held.run {
        Some(run) => runs::find(&mut tx, run).await.optional()?,
        None => None,
    };
    let active = tx.membership().is_some_and(|member| member.active);
    let settled = match &run {
        Some(run) if !active && run.status != RunStatus::Queued && run.status != RunStatus::Running => {
            // Nothing of it reaches who has left.
            pause(&mut tx, &held, Some(run), PausedFor::Membership).await
        }
        None => rows::end(&mut tx, &held, TaskRunStatus::Cancelled, None, &gone()).await,
        Some(run) => match run.status {
            RunStatus::Queued | RunStatus::Running => return tx.rollback().await,
            RunStatus::Waiting => waits(&mut tx, &held, run).await,
            RunStatus::Done => done(&mut tx, &held, run).await,
            RunStatus::Cancelled => {
                rows::end(&mut tx, &held, TaskRunStatus::Cancelled, Some(run), &Outcome::default()).await
            }
            RunStatus::Failed => {
                let error = run.error.as_ref().map(|error| (error.code.as_str(), error.message.as_str()));
                failed(&mut tx, &held, Some(run), error.unwrap_or(("failed", "the run failed"))).await
            }
        },
    };
    if let Err(error) = settled {
        return tx.rollback().await.and(Err(error));
    }
    follow_up(&mut tx, &held).await?;
    crash::at(CrashPoint::SlotSettled);
    tx.commit().await
}

/// What follows for the task where a slot may be over.
pub(super) async fn follow_up(tx: &mut TenantTx, held: &Held) -> Result<()> {
    rows::complete(tx, held.task.id).await?;
    rows::prune(tx, held.task.id).await
}

fn gone() -> Outcome<'static> {
    Outcome { error: Some(("gone", "its conversation was deleted")), ..Outcome::default() }
}

fn about(held: &Held, run: Option<&Run>) -> About {
    About {
        schedule_id: Some(held.task.id),
        run_id: run.map(|run| run.id),
        session_id: run.map(|run| run.session_id),
    }
}

async fn waits(tx: &mut TenantTx, held: &Held, run: &Run) -> Result<()> {
    let title = format!("{:?} waits for you", held.task.name);
    let text =
        "A step of it needs your yes, or it has asked you something. It goes on when you have answered.";
    notifications::add(tx, NotificationKind::ScheduleWaiting, &title, text, about(held, Some(run))).await?;
    rows::told(tx, held).await
}

async fn done(tx: &mut TenantTx, held: &Held, run: &Run) -> Result<()> {
    let answer = messages::answer_of(tx, run.id).await?;
    let text = answer.map(|message| block::text_of(message.content.get())).unwrap_or_default();
    let delivery = deliver(tx, held, run, &text).await?;
    if delivery == HandOver::Later {
        return rows::postpone(tx, held, BUSY).await;
    }
    rows::end(tx, held, TaskRunStatus::Done, Some(run), &kept(&text)).await?;
    if delivery == HandOver::HandedOver {
        deliveries::hand_over(tx, held).await?;
    }
    rows::count_failure(tx, held.task.id, false).await?;
    let title = format!("{:?} is done", held.task.name);
    let text = shorten(&text, TOLD);
    let text = match delivery {
        HandOver::Failed(why) => format!("{why}\n\n{text}"),
        _ => text,
    };
    notifications::add(tx, NotificationKind::ScheduleDone, &title, &text, about(held, Some(run))).await?;
    // One that fires no more is over with this result.
    let goes_on = held.task.status == TaskStatus::Active && held.task.next_run_at.is_some();
    if delivery == GONE && goes_on { paused(tx, &held.task, PausedFor::Target).await } else { Ok(()) }
}

/// What came of handing a result over.
#[derive(Clone, Copy, PartialEq, Eq)]
enum HandOver {
    /// It is where it belongs, or there is no such place.
    Made,
    Later,
    /// It leaves the owner's conversations, which is a matter of its own.
    HandedOver,
    Failed(&'static str),
}

const GONE: HandOver =
    HandOver::Failed("The place where it was to go is not there any more, or not yours to reach.");
pub(super) const STAYED_BUSY: &str =
    "It was to be written into a conversation, which was busy for six hours.";

/// Writes the result into the conversation that waits for it, if there is one.
async fn deliver(tx: &mut TenantTx, held: &Held, run: &Run, text: &str) -> Result<HandOver> {
    let role = tx.membership().map_or(Role::Readonly, |member| role_today(&held.task, member));
    let to = match &held.task.deliver {
        Deliver::Notification {} => return Ok(HandOver::Made),
        Deliver::Email { .. } => return Ok(HandOver::HandedOver),
        Deliver::Slack { channel } => return tell_in_slack(tx, held, run, role, channel.as_deref()).await,
        Deliver::Session { session_id } if *session_id == run.session_id => return Ok(HandOver::Made),
        Deliver::Session { session_id } => *session_id,
    };
    if !tx.lock_session(to).await? {
        let colleague = target::colleague(tx, role, to).await?;
        return Ok(if colleague.is_some() { HandOver::HandedOver } else { GONE });
    }
    if rows::goes_on(tx, to).await?.run {
        let since = run.finished_at.unwrap_or(held.fired_at);
        return Ok(if rows::is_late(since, held.now) {
            HandOver::Failed(STAYED_BUSY)
        } else {
            HandOver::Later
        });
    }
    let told = format!("Result of the scheduled task {:?}:\n\n{text}", held.task.name);
    delivery::say(tx, to, held.id, &told).await?;
    if trust::any_untrusted(tx, &[run.session_id]).await? {
        trust::distrust(tx, to).await?;
    }
    Ok(HandOver::Made)
}

/// Slack's own queue takes it, in this transaction.
async fn tell_in_slack(
    tx: &mut TenantTx,
    held: &Held,
    run: &Run,
    role: Role,
    channel: Option<&str>,
) -> Result<HandOver> {
    let Some((person, channel)) = target::in_slack(tx, role, channel).await? else { return Ok(GONE) };
    let heading = format!("Result of the scheduled task {:?}:", held.task.name);
    let report = reports::Report {
        session: run.session_id,
        run: run.id,
        person: &person,
        channel: &channel,
        heading: &heading,
    };
    reports::create(tx, &report).await?;
    Ok(HandOver::Made)
}

fn kept(text: &str) -> Outcome<'_> {
    let end = text.char_indices().nth(RESULT).map_or(text.len(), |(end, _)| end);
    Outcome { result: Some(&text[..end]), error: None }
}

/// The slot is tried again if that may help and can do no harm; else it has failed, and perhaps the task as well.
pub(super) async fn failed(
    tx: &mut TenantTx,
    held: &Held,
    run: Option<&Run>,
    error: (&str, &str),
) -> Result<()> {
    let outcome = Outcome { result: None, error: Some(error) };
    if let Some(run) = run
        && let Some(wait) = next_try(held, error.0)
        && !rows::acted(tx, run.id).await?
    {
        return rows::again(tx, held, run, &outcome, wait).await;
    }
    rows::end(tx, held, TaskRunStatus::Failed, run, &outcome).await?;
    let failures = rows::count_failure(tx, held.task.id, true).await?;
    let title = format!("{:?} failed", held.task.name);
    notifications::add(tx, NotificationKind::ScheduleFailed, &title, error.1, about(held, run)).await?;
    let active = held.task.status == TaskStatus::Active;
    if failures >= MAX_FAILURES && active {
        paused(tx, &held.task, PausedFor::Failures).await
    } else {
        Ok(())
    }
}

/// How long it waits for another try; none: there is none. The next slot is never waited past.
fn next_try(held: &Held, code: &str) -> Option<TimeDelta> {
    let tries = usize::try_from(held.attempt).ok()?;
    let wait = WAITS.get(tries.checked_sub(1)?).copied()?;
    let task = &held.task;
    let before_next = task.next_run_at.is_none_or(|next| held.now + wait < next);
    (task.status == TaskStatus::Active && before_next && PASSING.contains(&code)).then_some(wait)
}

/// The only time of the task has passed.
pub(super) async fn missed(tx: &mut TenantTx, held: &Held) -> Result<()> {
    let why = "the service was down at its time, and it was not to be made up for";
    let outcome = Outcome { result: None, error: Some(("missed", why)) };
    rows::end(tx, held, TaskRunStatus::Cancelled, None, &outcome).await?;
    let title = format!("{:?} did not run", held.task.name);
    notifications::add(tx, NotificationKind::ScheduleFailed, &title, why, about(held, None)).await
}

/// The slot is void, and the task, if it is active, is paused for this reason; its owner is told.
pub(super) async fn pause(tx: &mut TenantTx, held: &Held, run: Option<&Run>, why: PausedFor) -> Result<()> {
    let outcome = Outcome { result: None, error: Some((code(why), reason(why))) };
    rows::end(tx, held, TaskRunStatus::Cancelled, run, &outcome).await?;
    if held.task.status == TaskStatus::Active {
        return paused(tx, &held.task, why).await;
    }
    let title = format!("{:?} failed", held.task.name);
    notifications::add(tx, NotificationKind::ScheduleFailed, &title, reason(why), about(held, run)).await
}

pub(super) async fn paused(tx: &mut TenantTx, task: &Task, why: PausedFor) -> Result<()> {
    schedules::set_status(tx, task.id, TaskStatus::Paused, Some(why), None).await?;
    let about = About { schedule_id: Some(task.id), ..About::default() };
    let title = format!("{:?} is paused", task.name);
    notifications::add(tx, NotificationKind::SchedulePaused, &title, reason(why), about).await?;
    let (target, detail) = (format!("schedule:{}", task.id), format!("for {why}"));
    let entry = Entry { on_behalf_of: Some(tx.tenant().user), ..Entry::by_service("schedule.pause") };
    audit::record(tx, &[entry.on(&target).saying(&detail)]).await
}

fn code(why: PausedFor) -> &'static str {
    match why {
        PausedFor::Failures => "too_many_failures",
        PausedFor::Rights => "not_allowed",
        PausedFor::Membership => "membership_ended",
        PausedFor::Target => "conversation_gone",
    }
}

fn reason(why: PausedFor) -> &'static str {
    match why {
        PausedFor::Failures => {
            "It has failed eight times in a row. Look at its runs, put right what is wrong, and resume it."
        }
        PausedFor::Rights => {
            "You may not schedule tasks any more. Ask an administrator, and resume it when you may again."
        }
        PausedFor::Membership => "Its owner is no active member of the organization any more.",
        PausedFor::Target => {
            "The conversation that it goes on in, or the place where its result goes, is not there any more, or not \
             yours to reach. Give it another one, and resume it."
        }
    }
}
