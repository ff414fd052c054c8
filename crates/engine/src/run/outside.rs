//! Calls whose effect is outside of the service. The intent commits before the
//! call; the call holds no connection; what came of it commits before anything
//! else is done. Where nobody can know what came of it, that is said, and the
//! call is not made again.

use std::time::{Duration, Instant};

use domain::tool::{CallState, ToolClass};
use store::{events, steps};
use tokio::time::{sleep, timeout};
use tools::{Call, Outgoing, Reply};

use super::{
    Left, Run,
    act::{Answered, OpenCall, Plan, Round},
    answer::stop_of,
};
use crate::{
    Stop,
    builtins::Outcome,
    crash::{self, CrashPoint},
};

/// What a call that is under way is given when the process shuts down: a known
/// outcome is worth a short wait.
const GRACE: Duration = Duration::from_millis(1500);
/// How often a call is made under its key before its outcome counts as unknown.
const TRIES: u32 = 3;
const PAUSE: Duration = Duration::from_millis(200);

const BROKE_OFF: &str = "the service broke off while the call was under way";
const NOT_MADE: &str = "This call was not carried out: the run was stopped before.";
const STOPPED: &str = "the run was stopped while the call was under way";

impl Run {
    /// Makes the writing calls that leave the service, in order.
    pub(super) async fn go_out(&mut self, round: &mut Round) -> Result<(), Left> {
        for i in 0..round.calls.len() {
            let Some((class, outgoing)) = outgoing(round, i) else { continue };
            match self.check_stop() {
                Ok(()) => {}
                Err(Left::Stopped(Stop::Cancelled)) => {
                    // The results that there are get stored: the conversation tells of every effect.
                    refuse_rest(round);
                    return Ok(());
                }
                Err(stopped) => {
                    self.intend(round, i, None).await?;
                    return Err(stopped);
                }
            }
            self.intend(round, i, Some(class)).await?;
            crash::at(CrashPoint::AfterIntent);
            let answered = self.make(class, &round.calls[i].id, &outgoing).await?;
            crash::at(CrashPoint::Replied);
            round.answered[i] = Some(answered);
        }
        Ok(())
    }

    /// Commits the intent of a call, and all that came before it in its answer.
    async fn intend(&mut self, round: &mut Round, i: usize, intent: Option<ToolClass>) -> Result<(), Left> {
        let _order = self.feed.begin_storing().await;
        let mut tx = self.guarded().await?;
        let news = self.record(&mut tx, round, i).await?;
        if let Some(class) = intent {
            steps::record_calls(&mut tx, &[round.calls[i].intent(class)]).await?;
        }
        if news.is_empty() {
            return tx.commit().await.map_err(Left::Store);
        }
        let staged = self.feed.stage(&news);
        let frames = self.feed.row(&staged);
        events::append(&mut tx, &frames).await?;
        self.commit(tx, &frames, &staged).await
    }

    /// Makes a call, until it is answered, its time is over, or the run has to stop.
    async fn make(&self, class: ToolClass, id: &str, outgoing: &Outgoing) -> Result<Answered, Left> {
        let began = Instant::now();
        let mut stop = self.stop.clone();
        let mut delivery = std::pin::pin!(self.deliver(class, id, outgoing));
        let stopped = async { stop_of(stop.wait_for(Option::is_some).await) };
        let outcome = tokio::select! {
            outcome = &mut delivery => outcome,
            stopped = stopped => match stopped {
                Left::Stopped(Stop::Cancelled) => Outcome::unknown(STOPPED),
                Left::Stopped(Stop::Lost) => return Err(Stop::Lost.into()),
                leaving => timeout(GRACE, delivery).await.map_err(|_| leaving)?,
            },
        };
        Ok(Answered::new(class, outcome, began))
    }

    /// Makes a call within the tool's time; one that may be repeated is, when it breaks off.
    pub(super) async fn deliver(&self, class: ToolClass, id: &str, outgoing: &Outgoing) -> Outcome {
        let limit = self.engine.limits().tool_time;
        let unclear = |why: &str| match class {
            ToolClass::Read => Outcome::failed(format!("The tool gave no result: {why}.")),
            _ => Outcome::unknown(why),
        };
        let exchanges = async {
            let tries = if class == ToolClass::Unsafe { 1 } else { TRIES };
            let mut last = String::new();
            for n in 0..tries {
                sleep(PAUSE * n).await;
                match self.exchange(id, outgoing).await {
                    Reply::Done(text) => return Outcome::ok(text),
                    Reply::Refused(text) => return Outcome::failed(text),
                    Reply::Unclear(why) => last = why,
                }
            }
            unclear(&last)
        };
        timeout(limit, exchanges).await.unwrap_or_else(|_| {
            unclear(&format!("the tool did not answer within {} seconds", limit.as_secs()))
        })
    }

    async fn exchange(&self, id: &str, outgoing: &Outgoing) -> Reply {
        match self.engine.0.outside.send(outgoing, self.lease.run, id).await {
            Ok(sent) => {
                crash::at(CrashPoint::CallSent);
                sent.reply().await
            }
            Err(reply) => reply,
        }
    }

    /// What is known of a call before anything is done: an earlier owner's
    /// result, or that nobody will learn what came of it. None: it is to be made.
    pub(super) fn known(&self, call: &OpenCall, plan: &Plan) -> Option<Answered> {
        let recorded = self.recorded.iter().find(|recorded| recorded.id == call.id)?;
        let text = || recorded.result.clone().unwrap_or_default();
        let (class, repeatable) = match plan {
            Plan::Perform(class, _) => (*class, *class == ToolClass::Idempotent),
            Plan::Refuse(class, _) => (*class, false),
        };
        let outcome = match recorded.state {
            CallState::Done => Outcome::ok(text()),
            CallState::Failed => Outcome::failed(text()),
            CallState::Unknown => Outcome { unknown: true, ..Outcome::failed(text()) },
            CallState::Started if repeatable && recorded.class == class.as_str() => return None,
            CallState::Started => Outcome::unknown(BROKE_OFF),
        };
        Some(Answered { class, outcome, duration_ms: 0, recorded: recorded.state != CallState::Started })
    }

    /// Before a run ends that was broken off among its calls: stores what is
    /// known of them, so that no effect is missing in the conversation.
    pub(super) async fn close_calls(&mut self) -> Result<(), Left> {
        let Some(last) = self.history.last().filter(|last| last.role == "assistant") else { return Ok(()) };
        let calls = self.open_calls(&last.content);
        if !calls.iter().any(|call| self.recorded.iter().any(|recorded| recorded.id == call.id)) {
            return Ok(());
        }
        let mut round = self.round(calls);
        refuse_rest(&mut round);
        self.store_results(round).await
    }
}

/// Answers for the calls that will not be made any more.
fn refuse_rest(round: &mut Round) {
    let rest = round.plans.iter().zip(&mut round.answered).filter(|(_, answered)| answered.is_none());
    for (plan, answered) in rest {
        let (Plan::Perform(class, _) | Plan::Refuse(class, _)) = plan;
        *answered = Some(Answered::new(*class, Outcome::failed(NOT_MADE), Instant::now()));
    }
}

/// The call at this place, if it is to leave the service now.
fn outgoing(round: &Round, i: usize) -> Option<(ToolClass, Outgoing)> {
    match (&round.answered[i], &round.plans[i]) {
        (None, Plan::Perform(class, call)) => match &**call {
            Call::Outside(outgoing) => Some((*class, outgoing.clone())),
            _ => None,
        },
        _ => None,
    }
}
