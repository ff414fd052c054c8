//! What may be done by itself: each writing call meets the matrix as it stands at
//! that moment, in the transaction that performs it.

use std::{borrow::Cow, collections::HashMap, time::Instant};

use domain::{
    ApprovalId, Error, Event, Result, Role, Scope,
    asked::QuestionStatus,
    audit::{Actor, Decision},
    permission::{Action, Ask, Matrix, Policy, Ruling},
};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use store::{
    RunTx,
    asked::{self, Put},
    parked::{self, Held, NewApproval},
    permissions,
};
use tools::{Call, canonical, schema_hash};

use super::{
    Errand, Left, Run,
    act::{Answered, OpenCall, Plan},
};
use crate::{
    builtins::{self, Outcome},
    rulings::{self, Ruled},
};

const DISABLED: &str = "Not done: the organization does not let its copilots do this for this person. Say so; an \
    administrator can change it.";
/// A call's action in the trail, where none is known.
pub(super) const CALL: &str = "tool.call";
const LEFT: &str = "Not done: the person is no longer an active member of the organization.";

/// Rights as they are when something is done, whatever they were when it was asked.
pub(super) struct Rights {
    role: Role,
    matrix: Matrix,
    active: bool,
}

impl Rights {
    pub fn rule(&self, action: Action) -> Ruling {
        self.matrix.rule(Ask::own(self.role, action))
    }

    /// Why nothing at all may be done, if so.
    pub fn refusal(&self) -> Option<&'static str> {
        (!self.active).then_some(LEFT)
    }
}

/// What is known of the calls of one answer when they come to be performed.
pub(super) struct Gate {
    pub rights: Rights,
    /// What a person was asked about already, by the call's id.
    pub held: HashMap<String, Held>,
    /// What the run has asked its person, by the call's id.
    pub put: HashMap<String, Put>,
    /// A question of the run has no answer yet.
    pub open_question: bool,
    /// An earlier call waits for a person: the writes after it wait too.
    pub waits: bool,
    /// The conversation holds words of others than whoever asks.
    others: bool,
}

/// What the trail is told of a call beside its action.
#[derive(Clone, Copy, Default)]
pub(super) struct Noted<'a> {
    pub ruling: Option<Ruling>,
    pub approval: Option<ApprovalId>,
    /// The bytes that were executed, where they are not the model's.
    pub args: Option<&'a str>,
}

pub(super) fn of(ruling: Ruling) -> Noted<'static> {
    Noted { ruling: Some(ruling), ..Noted::default() }
}

/// What the matrix lets happen with a call.
pub(super) enum Passage {
    /// As the matrix says, where it was asked.
    Go(Ruling),
    Wait,
    Answer(Outcome),
}

impl Run {
    /// `waits`: an earlier call of the answer waits for a person.
    pub(super) async fn gate(&self, tx: &mut RunTx, waits: bool) -> Result<Gate> {
        let rights = self.rights(tx).await?;
        let asked = waits || !self.asked.is_empty() || self.errand == Errand::Proposal;
        let held = if asked { parked::held(tx).await? } else { Vec::new() };
        let held = held.into_iter().map(|held| (held.call_id.clone(), held)).collect();
        let put = if asked { asked::of_run(tx).await? } else { Vec::new() };
        let open_question = put.iter().any(|put| put.status == QuestionStatus::Open && !put.overdue);
        let put = put.into_iter().map(|put| (put.call_id.clone(), put)).collect();
        let others = self.others_spoke(tx).await?;
        Ok(Gate { rights, held, put, open_question, waits, others })
    }

    /// The lower of what the run began with, what the platform says now, and an
    /// administrator's ceiling.
    pub(super) async fn rights(&self, tx: &mut RunTx) -> Result<Rights> {
        let matrix = permissions::matrix_of(tx.tenant(), self.lease.author).await?;
        let membership = tx.tenant().membership();
        let active = membership.is_some_and(|member| member.active);
        let role =
            membership.map_or(Role::Readonly, |member| self.role.capped(member.role).capped(member.ceiling));
        Ok(Rights { role, matrix, active })
    }

    /// Performs a write inside the transaction of the step, as far as the matrix or a
    /// person lets it. None: it waits.
    pub(super) async fn write(
        &self,
        tx: &mut RunTx,
        gate: &mut Gate,
        call: &OpenCall,
        plan: &Plan,
        events: &mut Vec<Event>,
    ) -> Result<Option<Answered>, Left> {
        if let Some(held) = gate.held.remove(&call.id) {
            return self.resolve(tx, gate, call, &held, events).await;
        }
        if let Some(put) = gate.put.remove(&call.id) {
            return Ok(self.heard(tx, gate, &put).await?);
        }
        let Plan::Perform(class, meant) = plan else {
            return Err(Left::Store(Error::internal("a call was to be performed that nobody may perform")));
        };
        if let Call::AskUser(ask) = &**meant {
            return Ok(self.put(tx, gate, call, ask, events).await?);
        }
        let began = Instant::now();
        let outcome = match self.pass(tx, gate, call, meant, events).await? {
            Passage::Go(ruling) => self.perform(tx, call, meant, ruling, events).await?,
            Passage::Answer(outcome) => outcome,
            Passage::Wait => return Ok(None),
        };
        Ok(Some(Answered::new(*class, outcome, began)))
    }

    async fn perform(
        &self,
        tx: &mut RunTx,
        call: &OpenCall,
        meant: &Call,
        ruling: Ruling,
        events: &mut Vec<Event>,
    ) -> Result<Outcome> {
        let doing = self.doing(None);
        let written = self.as_author(tx, meant, async |tx| builtins::write(tx, meant, &doing, events).await);
        let outcome = written.await?;
        let action = meant.action().map_or(CALL, Action::as_str);
        let decided = [Decision::Auto, rulings::of_outcome(&outcome)];
        self.note_call(tx, call, action, &decided, of(ruling)).await?;
        Ok(outcome)
    }

    /// Does what belongs to a call as the person who asked: in a shared conversation that is not the member whose run
    /// it is. Memory stays the conversation's own: what is said among several is not for one person's.
    pub(super) async fn as_author<T>(
        &self,
        tx: &mut RunTx,
        call: &Call,
        work: impl AsyncFnOnce(&mut RunTx) -> Result<T>,
    ) -> Result<T> {
        if self.lease.author == self.lease.user || builtins::meant(call, self.entity.as_ref()).is_some() {
            return work(tx).await;
        }
        tx.tenant().switch(Some(self.lease.author), Scope::Own).await?;
        let done = work(tx).await?;
        tx.tenant().switch(None, Scope::Own).await?;
        Ok(done)
    }

    /// Whether a call that nobody was asked about may be performed now.
    pub(super) async fn pass(
        &self,
        tx: &mut RunTx,
        gate: &mut Gate,
        call: &OpenCall,
        meant: &Call,
        events: &mut Vec<Event>,
    ) -> Result<Passage, Left> {
        if let Some(refusal) = gate.rights.refusal() {
            self.note_call(tx, call, CALL, &[Decision::Refused], Noted::default()).await?;
            return Ok(Passage::Answer(Outcome::failed(refusal)));
        }
        let action = meant.action().ok_or_else(|| Error::internal("a writing call has no action"))?;
        let ruling = gate.rights.rule(action);
        let ruling = if self.untrusted { ruling.of_untrusted(action) } else { ruling };
        let wants = self.sequence.as_ref().is_some_and(|sequence| sequence.wants_approval(&call.id));
        let ruling = if wants { ruling.of_step() } else { ruling };
        let ruling = if gate.others { ruling.of_shared() } else { ruling };
        if gate.waits && ruling.policy != Policy::Approve {
            return Ok(Passage::Wait);
        }
        if let Policy::Suggest | Policy::Approve = ruling.policy {
            return self.ask_person(tx, gate, call, meant, (action, ruling), events).await;
        }
        if ruling.policy == Policy::Auto {
            return Ok(Passage::Go(ruling));
        }
        self.note_call(tx, call, action.as_str(), &[Decision::Disabled], of(ruling)).await?;
        Ok(Passage::Answer(Outcome::failed(DISABLED)))
    }

    /// Stores what a person is asked, unless the call cannot succeed anyway.
    async fn ask_person(
        &self,
        tx: &mut RunTx,
        gate: &mut Gate,
        call: &OpenCall,
        meant: &Call,
        (action, ruling): (Action, Ruling),
        events: &mut Vec<Event>,
    ) -> Result<Passage, Left> {
        let (bound, zone) = (self.entity.as_ref(), self.zone);
        let previewed = self.as_author(tx, meant, async |tx| {
            builtins::preview(tx.tenant(), meant, &call.title, bound, zone).await
        });
        let preview = match previewed.await? {
            Ok(preview) => preview,
            Err(hopeless) => {
                let refused = [Decision::Refused];
                self.note_call(tx, call, action.as_str(), &refused, of(ruling)).await?;
                return Ok(Passage::Answer(hopeless));
            }
        };
        let Some(tool) = self.engine.0.toolbox.tool(&call.name) else {
            return Err(Left::Store(Error::internal("a tool is gone while it is called")));
        };
        let (id, args) = (ApprovalId::new(), canonical(&call.input));
        let blocking = ruling.policy == Policy::Approve;
        let proposed = action.memory().filter(|_| !blocking);
        let limits = self.engine.limits();
        let time = if proposed.is_some() { limits.proposal_time } else { limits.approval_time };
        let new = NewApproval {
            id,
            call_id: &call.id,
            tool: &call.name,
            action,
            schema_hash: schema_hash(tool),
            args: &args,
            args_hash: Sha256::digest(&args).into(),
            preview: &serde_json::to_string(&preview).map_err(Error::internal)?,
            untrusted: self.untrusted,
            blocking,
            decider: ruling.decider,
            seconds: time.as_secs_f64(),
        };
        let expires_at = parked::create(tx, &new).await?;
        let decided = [rulings::of_policy(ruling.policy)];
        let noted = Noted { approval: Some(id), ..of(ruling) };
        self.note_call(tx, call, action.as_str(), &decided, noted).await?;
        events.push(Event::ApprovalRequired {
            approval_id: id,
            tool_call_id: call.id.clone(),
            name: call.name.clone(),
            action,
            input: RawValue::from_string(args).map_err(Error::internal)?,
            preview,
            expires_at,
            blocking,
        });
        let proposed =
            proposed.map(|scope| Event::MemoryWritten { scope, version: None, proposal_id: Some(id) });
        events.extend(proposed);
        if blocking {
            gate.waits = true;
            return Ok(Passage::Wait);
        }
        Ok(Passage::Answer(Outcome::proposed(ruling.decider, id)))
    }

    /// Notes what was ruled about a call of this answer, and what came of it.
    pub(super) async fn note_call(
        &self,
        tx: &mut RunTx,
        call: &OpenCall,
        action: &str,
        decisions: &[Decision],
        Noted { ruling, approval, args }: Noted<'_>,
    ) -> Result<()> {
        let rule = ruling.map(|ruling| ruling.source.to_string());
        let args = args.map_or_else(|| canonical(&call.input).into(), Cow::from);
        let args_hash = Sha256::digest(&*args).into();
        let ruled = |decision: &Decision| Ruled {
            decision: *decision,
            actor: Actor::Copilot,
            channel: self.channel,
            rule: rule.as_deref(),
            action,
            tool: &call.name,
            run: self.lease.run,
            owner: self.lease.user,
            call_id: &call.id,
            approval,
            args_hash,
        };
        let rulings: Vec<Ruled<'_>> = decisions.iter().map(ruled).collect();
        rulings::note(tx.tenant(), &rulings).await
    }
}
