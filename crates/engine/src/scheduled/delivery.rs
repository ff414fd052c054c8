//! A result leaves its owner's conversations: it is mailed, or written into a colleague's conversation.
//!
//! A mail must not be sent twice: its intent is committed first, and one whose outcome nobody can know is told to its
//! owner. The message in a colleague's conversation has an id that follows from the slot, and is there once.

use chrono::TimeDelta;
use domain::{
    OptionalExt as _, Result, ScheduleRunId, SessionId, Tenant, UserId,
    block::{self, Block},
    notification::{About, NotificationKind},
    schedule::{Deliver, DeliveryStatus, PausedFor, TaskStatus},
};
use futures_util::StreamExt as _;
use store::{
    TenantTx,
    audit::{self, Entry},
    messages, notifications,
    schedules::{
        delivery::{self as rows, Parcel},
        firing::{self, Leased},
    },
    trust,
};
use tools::mail::{Mail, MailError, Mailer};

use super::{
    AT_ONCE,
    ending::{self, BUSY, STAYED_BUSY},
    role_today, target,
};
use crate::Engine;

/// How long a replica has for it: longer than a mailer may take, and all that are claimed begin at once.
const LEASE_SECONDS: u32 = 300;
/// How long it waits after its first, second, … try.
const WAITS: [TimeDelta; 4] =
    [TimeDelta::minutes(1), TimeDelta::minutes(5), TimeDelta::minutes(30), TimeDelta::hours(2)];
/// Longest text that is mailed, in characters.
const MAILED: usize = 100_000;

const BROKEN_OFF: &str =
    "the server stopped while it was being sent; whether it arrived is not known, and it is not sent again";
const NOT_SET_UP: &str = "this server sends no mails any more; its operator sets SMTP_URL and SMTP_FROM";
const OUT_OF_REACH: &str = "where it was to go is not there any more, or not yours to reach";
const CHANGED: &str = "the task was given another place meanwhile; the notification has the result";
const MEMBERSHIP: &str = "its owner is no active member of the organization any more";

pub(super) async fn look(engine: &Engine) -> Result<()> {
    loop {
        let mut tx = engine.store().system().await?;
        let waiting = rows::waiting(&mut tx, AT_ONCE.into(), LEASE_SECONDS).await?;
        tx.commit().await?;
        futures_util::stream::iter(&waiting)
            .for_each_concurrent(usize::from(AT_ONCE), async |leased| {
                if let Err(error) = deliver(engine, leased).await {
                    tracing::warn!(task = %leased.task, %error, "the result of a scheduled task waits to be handed over");
                }
            })
            .await;
        if waiting.len() < usize::from(AT_ONCE) || engine.stopping().is_cancelled() {
            return Ok(());
        }
    }
}

/// Where a result goes, as its owner may send it today.
enum Way<'e> {
    Mail { mailer: &'e Mailer, to: String },
    Conversation { owner: UserId, session: SessionId },
}

/// What keeps a result from going there.
enum Not {
    Broken(DeliveryStatus, &'static str),
    OutOfReach,
}

async fn deliver(engine: &Engine, leased: &Leased) -> Result<()> {
    if engine.stopping().is_cancelled() {
        return Ok(());
    }
    // A shutdown waits for what is on its way.
    let _tracked = engine.0.tasks.token();
    let mut tx = engine.store().tenant(leased.owner).await?;
    let Some(parcel) = rows::hold(&mut tx, leased).await? else { return tx.rollback().await };
    match way(engine, &mut tx, &parcel).await {
        Ok(Ok(Way::Mail { mailer, to })) => {
            let mail = mail(&mut tx, &parcel, to).await?;
            rows::sending(&mut tx, &parcel).await?;
            tx.commit().await?;
            sent(engine, leased, &parcel, mailer.send(&mail).await).await
        }
        Ok(Ok(Way::Conversation { owner, session })) => {
            let told = told(&mut tx, &parcel).await?;
            tx.rollback().await?;
            let colleague = Tenant::own(leased.owner.org, owner);
            let wrote = write(engine, leased, colleague, session, &told).await?;
            written(engine, leased, wrote).await
        }
        Ok(Err(not)) => {
            refuse(&mut tx, &parcel, not).await?;
            tx.commit().await
        }
        Err(error) => tx.rollback().await.and(Err(error)),
    }
}

async fn way<'e>(
    engine: &'e Engine,
    tx: &mut TenantTx,
    parcel: &Parcel,
) -> Result<std::result::Result<Way<'e>, Not>> {
    if parcel.status == DeliveryStatus::Sending {
        return Ok(Err(Not::Broken(DeliveryStatus::Unknown, BROKEN_OFF)));
    }
    let Some(member) = tx.membership().filter(|member| member.active).cloned() else {
        return Ok(Err(Not::Broken(DeliveryStatus::Failed, MEMBERSHIP)));
    };
    let role = role_today(&parcel.task, &member);
    Ok(match (&parcel.task.deliver, &engine.settings().mailer) {
        (Deliver::Email { .. }, None) => Err(Not::Broken(DeliveryStatus::Failed, NOT_SET_UP)),
        (Deliver::Email { to }, Some(mailer)) => target::address(tx, role, to.as_deref())
            .await?
            .map(|to| Way::Mail { mailer, to })
            .ok_or(Not::OutOfReach),
        (Deliver::Session { session_id: session }, _) if target::is_own(tx, *session).await? => {
            Err(Not::Broken(DeliveryStatus::Failed, CHANGED))
        }
        (Deliver::Session { session_id: session }, _) => target::colleague(tx, role, *session)
            .await?
            .map(|owner| Way::Conversation { owner, session: *session })
            .ok_or(Not::OutOfReach),
        (Deliver::Notification {} | Deliver::Slack { .. }, _) => {
            Err(Not::Broken(DeliveryStatus::Failed, CHANGED))
        }
    })
}

/// The whole answer, or what is kept of it.
async fn answer(tx: &mut TenantTx, parcel: &Parcel) -> Result<String> {
    let answer = match parcel.run {
        Some(run) => messages::answer_of(tx, run).await?,
        None => None,
    };
    Ok(answer.map_or_else(|| parcel.result.clone(), |message| block::text_of(message.content.get())))
}

async fn mail(tx: &mut TenantTx, parcel: &Parcel, to: String) -> Result<Mail> {
    let text = answer(tx, parcel).await?;
    let slot = parcel.slot.format("%Y-%m-%d %H:%M");
    Ok(Mail {
        to,
        subject: parcel.task.name.clone(),
        text: format!(
            "{}\n\n-- \nResult of the scheduled task {:?}, of {slot} UTC.\n",
            crate::run::shorten(&text, MAILED),
            parcel.task.name
        ),
        // The same for each try: mail systems know a mail by it that they have seen.
        message_id: parcel.id.to_string(),
    })
}

/// What a mail server has said, or has not.
async fn sent(
    engine: &Engine,
    leased: &Leased,
    parcel: &Parcel,
    outcome: std::result::Result<(), MailError>,
) -> Result<()> {
    let mut tx = engine.store().tenant(leased.owner).await?;
    let door = engine.door_in(&mut tx).await?;
    let redacted = |why: &str| door.redact_hidden(why).into_owned();
    match outcome {
        Ok(()) => rows::end(&mut tx, parcel.id, DeliveryStatus::Sent, None).await.map(drop)?,
        Err(MailError::NotTaken(why)) => match tries_left(parcel) {
            Some(wait) => rows::again(&mut tx, parcel.id, Some(&redacted(&why)), wait).await?,
            None => failed(&mut tx, parcel, DeliveryStatus::Failed, &redacted(&why)).await?,
        },
        Err(MailError::Refused(why)) => {
            failed(&mut tx, parcel, DeliveryStatus::Failed, &redacted(&why)).await?;
        }
        Err(MailError::Unknown(why)) => {
            let why =
                format!("whether it arrived is not known, and it is not sent again: {}", redacted(&why));
            failed(&mut tx, parcel, DeliveryStatus::Unknown, &why).await?;
        }
    }
    tx.commit().await
}

fn tries_left(parcel: &Parcel) -> Option<TimeDelta> {
    WAITS.get(usize::try_from(parcel.tries).ok()?).copied()
}

/// What a colleague is told.
struct Told {
    id: ScheduleRunId,
    name: String,
    text: String,
}

async fn told(tx: &mut TenantTx, parcel: &Parcel) -> Result<Told> {
    let text = answer(tx, parcel).await?;
    let member = tx.membership();
    let of = member.map_or("", |member| member.name.as_deref().unwrap_or(&member.external_id));
    let name = format!("{:?} of {of}", parcel.task.name);
    Ok(Told { id: parcel.id, text: format!("Result of the scheduled task {name}:\n\n{text}"), name })
}

enum Wrote {
    Made,
    /// Something else goes on there.
    Busy,
    Gone,
}

/// In the colleague's own name, as all that is theirs is written. What stands there is not their words.
async fn write(
    engine: &Engine,
    leased: &Leased,
    colleague: Tenant,
    session: SessionId,
    told: &Told,
) -> Result<Wrote> {
    let mut tx = engine.store().tenant_with_session(colleague, session).await?;
    let active = tx.membership().is_some_and(|member| member.active);
    if !active || tx.locked_session().is_none() {
        tx.rollback().await?;
        return Ok(Wrote::Gone);
    }
    if messages::find(&mut tx, session, told.id.message()).await.optional()?.is_some() {
        tx.rollback().await?;
        return Ok(Wrote::Made);
    }
    if firing::goes_on(&mut tx, session).await?.run {
        tx.rollback().await?;
        return Ok(Wrote::Busy);
    }
    say(&mut tx, session, told.id, &told.text).await?;
    trust::distrust(&mut tx, session).await?;
    let title = format!("{} has reported", told.name);
    let about = About { session_id: Some(session), ..About::default() };
    let text = "It has written into a conversation of yours.";
    notifications::add(&mut tx, NotificationKind::ScheduleReported, &title, text, about).await?;
    let (target, detail) = (format!("session:{session}"), format!("for schedule:{}", leased.task));
    let entry = Entry { on_behalf_of: Some(leased.owner.user), ..Entry::by_service("schedule.report") };
    audit::record(&mut tx, &[entry.on(&target).saying(&detail)]).await?;
    tx.commit().await?;
    Ok(Wrote::Made)
}

/// A result as words of the copilot's in a conversation that the transaction has locked.
pub(super) async fn say(tx: &mut TenantTx, session: SessionId, id: ScheduleRunId, text: &str) -> Result<()> {
    let content = block::to_json(&[Block::Text { text: text.to_owned() }]);
    messages::add_answer(tx, session, id.message(), &content, &crate::turn::cut(text, 200)).await
}

async fn written(engine: &Engine, leased: &Leased, wrote: Wrote) -> Result<()> {
    let mut tx = engine.store().tenant(leased.owner).await?;
    // As it stands by now.
    let Some(parcel) = rows::hold(&mut tx, leased).await? else { return tx.rollback().await };
    match wrote {
        Wrote::Made => rows::end(&mut tx, parcel.id, DeliveryStatus::Sent, None).await.map(drop)?,
        Wrote::Gone => refuse(&mut tx, &parcel, Not::OutOfReach).await?,
        Wrote::Busy if firing::is_late(parcel.ended_at, parcel.now) => {
            failed(&mut tx, &parcel, DeliveryStatus::Failed, STAYED_BUSY).await?;
        }
        Wrote::Busy => rows::again(&mut tx, parcel.id, None, BUSY).await?,
    }
    tx.commit().await
}

async fn refuse(tx: &mut TenantTx, parcel: &Parcel, not: Not) -> Result<()> {
    match not {
        Not::Broken(status, why) => failed(tx, parcel, status, why).await,
        Not::OutOfReach => {
            failed(tx, parcel, DeliveryStatus::Failed, OUT_OF_REACH).await?;
            // One that fires no more is over with this result.
            let goes_on = parcel.task.status == TaskStatus::Active && parcel.task.next_run_at.is_some();
            if goes_on { ending::paused(tx, &parcel.task, PausedFor::Target).await } else { Ok(()) }
        }
    }
}

/// It does not arrive; its owner, who has been told the result, is told that as well.
async fn failed(tx: &mut TenantTx, parcel: &Parcel, status: DeliveryStatus, why: &str) -> Result<()> {
    if !rows::end(tx, parcel.id, status, Some(why)).await? {
        return Ok(());
    }
    let title = format!("The result of {:?} was not delivered", parcel.task.name);
    let about = About { schedule_id: Some(parcel.task.id), run_id: parcel.run, session_id: None };
    notifications::add(tx, NotificationKind::ScheduleUndelivered, &title, why, about).await
}
