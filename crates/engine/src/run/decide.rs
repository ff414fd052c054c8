//! What a person decided is carried out: exactly those bytes, once, if rights, tool
//! and arguments are still what they were.

use std::time::Instant;

use domain::{
    Error, Event, Result,
    approval::ApprovalStatus::{Approved, Denied, Executed, Expired, Pending, Refused, Void},
    audit::{Actor, Decision},
    permission::{Action, Decider, Policy},
    tool::{ToolClass, ToolSpec},
};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use store::{
    RunTx, events,
    parked::{self, Held},
};
use tools::{Call, canonical, schema_hash};

use super::{
    Errand, Left, Run,
    act::{Answered, OpenCall},
    gate::{Gate, Rights},
};
use crate::{
    builtins::{self, Outcome},
    crash::{self, CrashPoint},
    rulings::{self, Ruled},
};

const VOID: &str = "Not done: the run that asked for it has ended.";

impl Run {
    /// What came of asking a person about a call. None: nothing yet, or an earlier
    /// call has to come first.
    pub(super) async fn resolve(
        &self,
        tx: &mut RunTx,
        gate: &mut Gate,
        call: &OpenCall,
        held: &Held,
        events: &mut Vec<Event>,
    ) -> Result<Option<Answered>, Left> {
        let outcome = match held.status {
            Pending if held.overdue => {
                parked::settle(tx, held.id, Pending, Expired).await?;
                self.note(tx, held, Decision::Expired).await?;
                expired(held)
            }
            Pending => {
                gate.waits = true;
                return Ok(None);
            }
            // What leaves the service does so before this transaction.
            Approved if gate.waits || self.class_of(&call.name).leaves() => return Ok(None),
            Approved => return self.carry(tx, &gate.rights, call, held, events).await.map(Some),
            Denied => denied(held),
            Expired => expired(held),
            Executed | Refused | Void => Outcome::failed(VOID),
        };
        Ok(Some(Answered::of(self.class_of(&call.name), outcome)))
    }

    /// A run that a person's word on a proposal has queued: carries out that one call,
    /// and appends what came of it to the conversation.
    pub(super) async fn carry_out(&mut self) -> Result<(), Left> {
        let mut tx = self.guarded().await?;
        let held = parked::held(&mut tx).await?.pop();
        tx.commit().await?;
        let open = |held: &Held| {
            // Of what was on its way when an owner died, the conversation still has to learn.
            let begun = self.recorded.iter().any(|call| call.id == held.call_id);
            held.status == Approved || (held.status == Executed && begun)
        };
        let Some(held) = held.filter(open) else { return self.done().await };
        let call = OpenCall {
            id: held.call_id.clone(),
            title: self.engine.0.toolbox.tool(&held.tool).map_or(&*held.tool, |tool| tool.title).to_owned(),
            input: json(bytes(&held))?,
            name: held.tool.clone(),
        };
        self.asked.push(call.id.clone());
        self.show_start(&call).await?;
        let mut round = self.round(0, vec![call]);
        self.go_out(&mut round).await?;
        self.store_results(round).await
    }

    /// Tells readers that the call begins.
    async fn show_start(&self, call: &OpenCall) -> Result<(), Left> {
        let _order = self.feed.begin_storing().await;
        let mut tx = self.guarded().await?;
        let staged = self.feed.stage(&[call.start_event()]);
        let frames = self.feed.row(&staged);
        events::append(&mut tx, &frames).await?;
        self.commit(tx, &frames, &staged).await
    }

    /// Carries out an approved call in the transaction of its result.
    async fn carry(
        &self,
        tx: &mut RunTx,
        rights: &Rights,
        open: &OpenCall,
        held: &Held,
        events: &mut Vec<Event>,
    ) -> Result<Answered, Left> {
        let began = Instant::now();
        let (class, call) = match self.redeem(tx, rights, open, held).await? {
            Ok(redeemed) => redeemed,
            Err(refused) => return Ok(refused),
        };
        let doing = self.doing(held.decided_by_id.map(|person| (held.id, person)));
        let written = self.as_author(tx, &call, async |tx| builtins::write(tx, &call, &doing, events).await);
        let outcome = written.await?;
        self.note(tx, held, rulings::of_outcome(&outcome)).await?;
        let args = Some(bytes(held).to_owned());
        Ok(Answered { args, ..Answered::new(class, approved(held, outcome), began) })
    }

    /// Uses the approval up: whoever commits this performs the call, and nobody again.
    pub(super) async fn redeem(
        &self,
        tx: &mut RunTx,
        rights: &Rights,
        open: &OpenCall,
        held: &Held,
    ) -> Result<std::result::Result<(ToolClass, Call), Answered>, Left> {
        crash::at(CrashPoint::ApprovalDecided);
        match self.still_stands(rights, open, held) {
            Ok((tool, call)) => {
                if !parked::settle(tx, held.id, Approved, Executed).await? {
                    return Err(Left::Store(Error::internal("an approval was used up in between")));
                }
                Ok(Ok((tool.class, call)))
            }
            Err(refusal) => {
                parked::settle(tx, held.id, Approved, Refused).await?;
                self.note(tx, held, Decision::Refused).await?;
                let text = format!("Not done, although it was approved: {refusal}");
                Ok(Err(Answered::of(self.class_of(&held.tool), Outcome::failed(text))))
            }
        }
    }

    /// The tool and the arguments that a person was asked about, as the conversation
    /// has them; of a proposal, as the run that made it has recorded them.
    fn asked_for(&self, open: &OpenCall, held: &Held) -> Option<(String, String)> {
        if self.errand != Errand::Proposal {
            return Some((open.name.clone(), canonical(&open.input)));
        }
        let args = held.recorded_args.as_deref()?;
        Some((held.tool.clone(), canonical(&json(args).ok()?)))
    }

    /// Checks all that an approval is bound to, once more.
    fn still_stands(
        &self,
        rights: &Rights,
        open: &OpenCall,
        held: &Held,
    ) -> Result<(&ToolSpec, Call), &'static str> {
        if let Some(refusal) = rights.refusal() {
            return Err(refusal);
        }
        let asked = self.asked_for(open, held);
        if asked.is_none_or(|(tool, args)| tool != held.tool || args != held.args) {
            return Err("it is not the call that was asked for.");
        }
        let intact = |text: &str, hash: &[u8]| <[u8; 32]>::from(Sha256::digest(text)) == *hash;
        if !intact(&held.args, &held.args_hash)
            || held.edited.as_ref().is_some_and(|(text, hash)| !intact(text, hash))
        {
            return Err("its arguments are not those that were approved.");
        }
        let toolbox = &self.engine.0.toolbox;
        let tool = toolbox.tool(&held.tool).ok_or("there is no such tool any more.")?;
        if schema_hash(tool) != *held.schema_hash {
            return Err("the tool has changed since it was asked for; call it again.");
        }
        let call = toolbox.read(tool, bytes(held)).map_err(|_| "its arguments are not valid.")?;
        let action = call.action().filter(|action| action.as_str() == held.action);
        let action: Action = action.ok_or("it is another kind of act than the one that was asked for.")?;
        let ruling = rights.rule(action);
        if ruling.policy == Policy::Disabled {
            return Err("the person may not do this any more.");
        }
        if ruling.decider == Decider::Admin && !held.decided_by_admin {
            return Err("an administrator has to decide about it now.");
        }
        Ok((tool, call))
    }

    async fn note(&self, tx: &mut RunTx, held: &Held, decision: Decision) -> Result<()> {
        let ruled = Ruled {
            decision,
            // Nobody decided where the time ran out.
            actor: if decision == Decision::Expired { Actor::Service } else { Actor::Copilot },
            channel: self.channel,
            rule: None,
            action: &held.action,
            tool: &held.tool,
            run: self.lease.run,
            owner: self.lease.user,
            call_id: &held.call_id,
            approval: Some(held.id),
            args_hash: Sha256::digest(bytes(held)).into(),
        };
        rulings::note(tx.tenant(), &[ruled]).await
    }
}

/// The outcome with what the model is told of the person's part in it.
pub(super) fn approved(held: &Held, outcome: Outcome) -> Outcome {
    let by = held.decided_by.as_deref().unwrap_or("A person");
    let preface = match &held.edited {
        Some((edited, _)) => {
            format!("{by} approved this call with other arguments, which were executed: {edited}\n")
        }
        None => format!("{by} approved this call. "),
    };
    Outcome { preface: Some(preface), ..outcome }
}

/// Text of the database as the JSON that was stored.
fn json(text: &str) -> Result<Box<RawValue>> {
    RawValue::from_string(text.to_owned()).map_err(Error::internal)
}

/// What is carried out.
pub(super) fn bytes(held: &Held) -> &str {
    held.edited.as_ref().map_or(&held.args, |(edited, _)| edited)
}

fn denied(held: &Held) -> Outcome {
    let by = held.decided_by.as_deref().unwrap_or("A person");
    let reason = match &held.reason {
        Some(reason) => format!("; the reason given: {reason}"),
        None => String::new(),
    };
    Outcome::failed(format!(
        "{by} denied this call{reason}. It was not carried out. Do not make it again unless asked to."
    ))
}

fn expired(held: &Held) -> Outcome {
    let until = held.expires_at.format("%Y-%m-%d %H:%M UTC");
    Outcome::failed(format!(
        "Nobody decided about this call in time (until {until}), so it was not carried out. That is no denial: ask \
         whether it is still wanted."
    ))
}
