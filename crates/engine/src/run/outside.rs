//! Calls whose effect is outside of the service. The intent commits before the
//! call; the call holds no connection; what came of it commits before anything
//! else is done. Where nobody can know what came of it, that is said, and the
//! call is not made again.

use std::time::{Duration, Instant};

use domain::{
    Error, Event, Result,
    approval::ApprovalStatus,
    audit::Decision,
    permission::Action,
    tool::{CallState, ToolClass},
};
use store::{RunTx, events, parked::Held, steps, turns::Past};
use tokio::time::{sleep, timeout};
use tools::{Call, Outgoing, Reply};

use super::{
    Errand, Left, Run,
    act::{Answered, OpenCall, Plan, Round},
    answer::stop_of,
    decide::{approved, bytes},
    gate::{CALL, Passage, of},
};
use crate::{
    Stop,
    builtins::{Origin, Outcome},
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

/// A call that the matrix or a person lets out of the service.
struct Leaving {
    class: ToolClass,
    outgoing: Outgoing,
    action: Option<Action>,
    /// What a person has approved of it.
    approved: Option<Held>,
}

impl Run {
    /// Makes the writing calls that leave the service, in order, as far as the matrix
    /// or a person lets them.
    pub(super) async fn go_out(&mut self, round: &mut Round) -> Result<(), Left> {
        for i in 0..round.calls.len() {
            if round.answered[i].is_some() || !self.leaves(round, i) {
                continue;
            }
            match self.check_stop() {
                Ok(()) => {}
                // There is no conversation to tell: the proposal is void.
                Err(stopped) if self.errand == Errand::Proposal => return Err(stopped),
                Err(Left::Stopped(Stop::Cancelled)) => {
                    // The results that there are get stored: the conversation tells of every effect.
                    self.refuse_rest(round);
                    return Ok(());
                }
                Err(stopped) => {
                    self.intend(round, i, false).await?;
                    return Err(stopped);
                }
            }
            let Some(leaving) = self.intend(round, i, true).await? else {
                // What follows a call that waits is asked about together with it, or waits too.
                if round.waits {
                    return Ok(());
                }
                continue;
            };
            crash::at(CrashPoint::AfterIntent);
            let answered = self.make(leaving.class, &round.calls[i].id, &leaving.outgoing).await?;
            crash::at(CrashPoint::Replied);
            round.answered[i] = Some(leaving.answered(answered));
        }
        Ok(())
    }

    fn leaves(&self, round: &Round, i: usize) -> bool {
        match &round.plans[i] {
            Plan::Perform(class, _) => class.leaves(),
            Plan::Held => self.class_of(&round.calls[i].name).leaves(),
            Plan::Refuse(..) => false,
        }
    }

    /// Commits all that came before a call in its answer and, if it is to be made and
    /// may be, its intent.
    async fn intend(&mut self, round: &mut Round, i: usize, make: bool) -> Result<Option<Leaving>, Left> {
        let _order = self.feed.begin_storing().await;
        let mut tx = self.guarded().await?;
        let mut news = self.record(&mut tx, round, i).await?;
        let mut leaving = None;
        if make && !round.waits {
            leaving = self.let_out(&mut tx, round, i, &mut news).await?;
        }
        if let Some(leaving) = &leaving {
            let intent = round.calls[i].intent(leaving.class, leaving.approved.as_ref().map(bytes));
            steps::record_calls(&mut tx, &[intent]).await?;
        }
        if news.is_empty() {
            tx.commit().await?;
        } else {
            let staged = self.feed.stage(&news);
            let frames = self.feed.row(&staged);
            events::append(&mut tx, &frames).await?;
            self.commit(tx, &frames, &staged).await?;
        }
        Ok(leaving)
    }

    /// Whether the call may be made now. Where not, it waits, or it is answered.
    async fn let_out(
        &self,
        tx: &mut RunTx,
        round: &mut Round,
        i: usize,
        news: &mut Vec<Event>,
    ) -> Result<Option<Leaving>, Left> {
        let call = &round.calls[i];
        let mut gate = self.gate(tx, round.waits).await?;
        if let Some(begun) = self.recorded.iter().find(|recorded| recorded.id == call.id) {
            // It goes out again under its key: it was let out before.
            return self.again(call, &begun.args, gate.held.remove(&call.id)).map(Some);
        }
        let mut leaving = None;
        if let Some(held) = gate.held.remove(&call.id) {
            if held.status == ApprovalStatus::Approved {
                match self.redeem(tx, &gate.rights, call, &held).await? {
                    Ok((class, meant)) => leaving = Leaving::of(class, &meant, Some(held)),
                    Err(refused) => round.answered[i] = Some(refused),
                }
            } else {
                round.answered[i] = self.resolve(tx, &mut gate, call, &held, news).await?;
            }
        } else if let Plan::Perform(class, meant) = &round.plans[i] {
            match self.pass(tx, &mut gate, call, meant, news).await? {
                Passage::Go(ruling) => {
                    let action = meant.action().map_or(CALL, Action::as_str);
                    self.note_call(tx, call, action, &[Decision::Auto], of(ruling)).await?;
                    leaving = Leaving::of(*class, meant, None);
                }
                Passage::Answer(outcome) => {
                    round.answered[i] = Some(Answered::of(*class, outcome));
                }
                Passage::Wait => {}
            }
        }
        round.waits = gate.waits;
        Ok(leaving)
    }

    fn again(&self, call: &OpenCall, args: &str, approved: Option<Held>) -> Result<Leaving, Left> {
        let toolbox = &self.engine.0.toolbox;
        let meant = toolbox.tool(&call.name).and_then(|tool| toolbox.read(tool, args).ok());
        let leaving = meant.and_then(|meant| Leaving::of(ToolClass::Idempotent, &meant, approved));
        leaving.ok_or_else(|| Left::Store(Error::internal("a call that was begun cannot be read")))
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
        let limit = self.tool_time(id);
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
                    // Whoever answers there is none of the organization's people.
                    Reply::Done(text) => return Outcome::ok(text).holding(Origin::Outside),
                    Reply::Refused(text) => return Outcome::failed(text).holding(Origin::Outside),
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
        let class = self.class_of(&call.name);
        let repeatable = class == ToolClass::Idempotent
            && recorded.class == class.as_str()
            && !matches!(plan, Plan::Refuse(..));
        let outcome = match recorded.state {
            CallState::Done => Outcome::ok(text()),
            CallState::Failed => Outcome::failed(text()),
            CallState::Unknown => Outcome { unknown: true, ..Outcome::failed(text()) },
            CallState::Started if repeatable => return None,
            CallState::Started => Outcome::unknown(BROKE_OFF),
        };
        let begun = recorded.state == CallState::Started;
        let tool = self.engine.0.toolbox.tool(&call.name);
        let untold = begun.then(|| (tool.and_then(|tool| tool.actions.first().copied()), None));
        // What was shown then is what was shown: it is not looked up again.
        let card = recorded.card.clone().map(Box::new);
        let outcome = Outcome { card, ..outcome };
        let args = Some(recorded.args.clone());
        Some(Answered { args, untold, recorded: !begun, ..Answered::of(class, outcome) })
    }

    /// Before a run ends that was broken off among its calls: stores what is
    /// known of them, so that no effect is missing in the conversation.
    pub(super) async fn close_calls(&mut self) -> Result<(), Left> {
        let own = |last: &&Past| last.role == "assistant" && last.seq == self.own_seq;
        let Some(last) = self.history.last().filter(own) else { return Ok(()) };
        let calls = self.open_calls(&last.content);
        if !calls.iter().any(|call| self.recorded.iter().any(|recorded| recorded.id == call.id)) {
            return Ok(());
        }
        let mut round = self.round(last.seq, calls);
        self.refuse_rest(&mut round);
        self.store_results(round).await
    }

    /// Answers for the calls that will not be made any more.
    fn refuse_rest(&self, round: &mut Round) {
        round.broken_off = true;
        for (call, slot) in round.calls.iter().zip(&mut round.answered) {
            slot.get_or_insert_with(|| Answered::of(self.class_of(&call.name), Outcome::failed(NOT_MADE)));
        }
    }
}

impl Leaving {
    /// None: the call stays in the service.
    fn of(class: ToolClass, call: &Call, approved: Option<Held>) -> Option<Self> {
        match call {
            Call::Outside(outgoing) => {
                Some(Self { class, outgoing: outgoing.clone(), action: call.action(), approved })
            }
            _ => None,
        }
    }

    /// What came of the call, with a person's part in it.
    fn answered(&self, answered: Answered) -> Answered {
        let untold = Some((self.action, self.approved.as_ref().map(|held| held.id)));
        match &self.approved {
            None => Answered { untold, ..answered },
            Some(held) => Answered {
                untold,
                args: Some(bytes(held).to_owned()),
                outcome: approved(held, answered.outcome),
                ..answered
            },
        }
    }
}
