//! What comes of a run, or what the record says, is posted.

use chrono::TimeDelta;
use domain::{
    Card, MessageId, OptionalExt as _, Result, RunId,
    approval::{Approval, ApprovalStatus},
    asked::{Asked, QuestionStatus},
    block,
    run::{Run, RunStatus},
};
use store::{
    TenantTx, approvals as calls, asked, messages, runs,
    slack::{
        posts::{self, Kind, Place, Post, PostState},
        reports, turns,
    },
};

use super::{
    follow::{self, Followed},
    outbox::{self, Errand, Posted},
    person, record,
    render::{self, Message},
    work::{After, give_up},
};
use crate::caller::Caller;

/// Places of the messages within a round.
const ANSWERS: i32 = 100;
const CARDS: i32 = 500;
const APPROVALS: i32 = 1_000;
const QUESTION: i32 = 2_000;
/// Characters that are told of what came of a suggestion.
const OUTCOME: usize = 2_000;
/// Approvals of a conversation that are looked through.
const MANY: i64 = 100;
/// How long a run is left alone that goes on although its stream has ended.
const SOON: TimeDelta = TimeDelta::milliseconds(500);

pub(super) async fn deliver(errand: &Errand<'_>) -> Result<After> {
    let Some(run) = errand.turn.run else { return from_the_record(errand).await };
    match follow::follow(errand, run).await? {
        Followed::Left(after) => Ok(after),
        Followed::Ended { shown } => settle(errand, run, shown).await,
    }
}

async fn from_the_record(errand: &Errand<'_>) -> Result<After> {
    let command = errand.turn.command.as_deref().unwrap_or_default();
    let user = store::slack::links::SlackUser {
        team: errand.turn.team.clone(),
        user: errand.turn.slack_user.clone(),
    };
    let caller: Option<Caller> = person::caller(errand.app, errand.leased.owner.org, &user).await?;
    let text = match caller {
        None => "You are not linked any more.".to_owned(),
        Some(caller) => match record::answer(&caller, command, &errand.turn.text, errand.zone()).await {
            Ok(text) => text,
            Err(error @ (domain::Error::Internal(_) | domain::Error::Unavailable { .. })) => {
                return Err(error);
            }
            Err(refusal) => refusal.to_string(),
        },
    };
    let parts = render::answer(&text);
    for (message, ord) in parts.iter().zip(ANSWERS..) {
        let at = Place { round: 0, ord };
        if let Some(after) = stopped(errand, errand.post(at, Kind::Answer, None, message).await?).await? {
            return Ok(after);
        }
    }
    end(errand).await
}

async fn end(errand: &Errand<'_>) -> Result<After> {
    let mut tx = errand.tx().await?;
    turns::end(&mut tx, &errand.leased, None).await?;
    tx.commit().await?;
    Ok(After::Settled)
}

/// What keeps the next message from going out, if anything does.
async fn stopped(errand: &Errand<'_>, posted: Posted) -> Result<Option<After>> {
    match posted {
        Posted::Yes => Ok(None),
        Posted::Later(wait) => Ok(Some(After::Later(outbox::delta(wait)))),
        Posted::No(word) => {
            give_up(errand.app, &errand.leased, &format!("Slack does not take its answer: {word}")).await?;
            Ok(Some(After::Settled))
        }
    }
}

/// Where a run stands that goes on no further by itself.
struct Standing {
    run: Run,
    fence: i64,
    text: String,
    message: Option<MessageId>,
    cards: Vec<Card>,
    pending: Vec<Approval>,
    question: Option<Asked>,
}

/// `outcome`: what counts is what came of its one call.
async fn standing(tx: &mut TenantTx, id: RunId, outcome: bool) -> Result<Option<Standing>> {
    // First the fence: a run that goes on meanwhile has another one, and is told of again.
    let Some(fence) = turns::run_fence(tx, id).await? else { return Ok(None) };
    let Some(run) = runs::find(tx, id).await.optional()? else { return Ok(None) };
    let answer = messages::answer_of(tx, id).await?;
    let message = answer.as_ref().map(|message| message.id);
    let answer = answer.map(|message| block::text_of(message.content.get())).unwrap_or_default();
    let text = match (run.status, &run.error) {
        (RunStatus::Failed, Some(error)) => format!("I could not answer: {}", error.message),
        (RunStatus::Cancelled, _) => "This was stopped.".to_owned(),
        _ if outcome => reports::outcome(tx, id).await?.unwrap_or_default().chars().take(OUTCOME).collect(),
        _ => answer,
    };
    let waits = run.status == RunStatus::Waiting;
    let filter = calls::Filter {
        status: Some(ApprovalStatus::Pending),
        session: Some(run.session_id),
        limit: MANY,
        ..calls::Filter::default()
    };
    let mut pending = calls::list(tx, &filter).await?;
    pending.retain(|approval| approval.run_id == id);
    pending.sort_by_key(|approval| approval.id);
    let filter = asked::Filter {
        status: Some(QuestionStatus::Open),
        session: Some(run.session_id),
        limit: MANY,
        ..asked::Filter::default()
    };
    let open = if waits { asked::list(tx, &filter).await? } else { Vec::new() };
    let question = open.into_iter().find(|asked| asked.run_id == id);
    let cards = turns::cards(tx, id).await?;
    let cards = cards.iter().filter_map(|card| serde_json::from_str(card).ok()).collect();
    Ok(Some(Standing { run, fence, text, message, cards, pending, question }))
}

/// Posts what has not been shown: the answer, its cards, and what a person is asked.
async fn settle(errand: &Errand<'_>, run: RunId, shown: bool) -> Result<After> {
    let mut tx = errand.tx().await?;
    let found = standing(&mut tx, run, errand.turn.is_outcome()).await;
    tx.rollback().await?;
    let Some(mut now) = found? else {
        give_up(errand.app, &errand.leased, "its conversation was deleted").await?;
        return Ok(After::Settled);
    };
    if matches!(now.run.status, RunStatus::Queued | RunStatus::Running) {
        return Ok(After::Later(SOON));
    }
    if errand.turn.is_report() {
        now.text = format!("{}\n\n{}", errand.turn.text, now.text);
    }
    let waits = now.run.status == RunStatus::Waiting;
    if waits && errand.turn.told_fence == Some(now.fence) {
        return Ok(After::Later(TimeDelta::zero()));
    }
    let settled = now.run.status == RunStatus::Done;
    // A run that was overtaken by the next message ends with what it said before it waited, and one of two calls that
    // wait may be decided.
    let told = errand.turn.told_fence.is_some();
    let nothing_new = told
        && (now.run.status == RunStatus::Cancelled
            || ((settled || waits) && errand.turn.told_message == now.message));
    let whole = shown && (settled || waits);
    if !whole
        && !nothing_new
        && let Some(after) = answer(errand, &now.text).await?
    {
        return Ok(after);
    }
    let round = errand.round();
    let cards = if settled { now.cards.as_slice() } else { &[] };
    for (card, ord) in cards.iter().zip(CARDS..) {
        let at = Place { round, ord };
        let message = render::card(card);
        if let Some(after) = stopped(errand, errand.post(at, Kind::Answer, None, &message).await?).await? {
            return Ok(after);
        }
    }
    // What a scheduled task waits for is told to its owner alone, by a notification.
    if !errand.turn.is_report()
        && let Some(after) = ask(errand, &now).await?
    {
        return Ok(after);
    }
    let until = now.pending.iter().map(|approval| approval.expires_at).min();
    let mut tx = errand.tx().await?;
    if until.is_some() {
        posts::look_at(&mut tx, &errand.leased, until).await?;
    }
    if waits {
        turns::told(&mut tx, &errand.leased, now.fence, now.message).await?;
    } else {
        turns::end(&mut tx, &errand.leased, None).await?;
    }
    tx.commit().await?;
    Ok(After::Settled)
}

/// The whole answer: in the messages that were to show it as it was made, and then in others.
async fn answer(errand: &Errand<'_>, text: &str) -> Result<Option<After>> {
    let round = errand.round();
    let mut live = Vec::new();
    for post in errand.posts().await? {
        let begun = post.kind == Kind::Live && post.at.round == round;
        if begun
            && (post.state == PostState::Sent
                || (post.state == PostState::Sending && begun_after_all(errand, &post).await?))
        {
            live.push(post.at);
        }
    }
    // Their places are known by now.
    let known = errand.posts().await?;
    let places: Vec<_> = live
        .iter()
        .filter_map(|at| known.iter().find(|post| post.at == *at))
        .filter_map(|post| Some((post.at, post.channel.as_deref()?, post.ts.as_deref()?)))
        .collect();
    let mut shown = places.into_iter();
    for (message, ord) in render::answer(text).iter().zip(ANSWERS..) {
        let repaired = match shown.next() {
            Some(place) => Some(follow::repair(errand, place, message).await?),
            None => None,
        };
        let posted = match repaired {
            // One that was deleted, or may not be changed any more, is said anew.
            None | Some(Posted::No(_)) => {
                errand.post(Place { round, ord }, Kind::Answer, None, message).await?
            }
            Some(posted) => posted,
        };
        if let Some(after) = stopped(errand, posted).await? {
            return Ok(Some(after));
        }
    }
    // What was shown and is void says so.
    for place in shown {
        let above = render::notice("(The answer is above.)");
        if let Posted::Later(wait) = follow::repair(errand, place, &above).await? {
            return Ok(Some(After::Later(outbox::delta(wait))));
        }
    }
    Ok(None)
}

/// Whether a message of which only the intent is known is there, and where. One that cannot be found is not waited
/// for: what it was to show comes whole.
async fn begun_after_all(errand: &Errand<'_>, post: &Post) -> Result<bool> {
    if !errand.is_there(post).await? {
        return Ok(false);
    }
    let known = errand.posts().await?;
    Ok(known.iter().any(|it| it.at == post.at && it.ts.is_some()))
}

/// What the run waits for, or has proposed.
async fn ask(errand: &Errand<'_>, now: &Standing) -> Result<Option<After>> {
    let round = errand.round();
    let known = errand.posts().await?;
    let mut place = known.iter().filter(|post| post.at.round == round && post.kind == Kind::Approval).count();
    for approval in &now.pending {
        let earlier = known.iter().find(|post| post.approval == Some(approval.id));
        if earlier.is_some_and(|post| post.state != PostState::Sending) {
            continue;
        }
        let at = earlier.map_or_else(
            || {
                place += 1;
                Place { round, ord: APPROVALS + i32::try_from(place).unwrap_or(APPROVALS) }
            },
            |post| post.at,
        );
        let message: Message = render::approval(approval);
        let posted = errand.post(at, Kind::Approval, Some(approval.id), &message).await?;
        if let Some(after) = stopped(errand, posted).await? {
            return Ok(Some(after));
        }
    }
    let Some(asked) = &now.question else { return Ok(None) };
    let message = render::question(asked.id, &asked.question, &asked.options, asked.multiple);
    let at = Place { round, ord: QUESTION };
    stopped(errand, errand.post(at, Kind::Question, None, &message).await?).await
}
