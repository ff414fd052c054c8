//! A person decides about a call: the word is checked, taken once, and the run that
//! waits for it goes on.

use domain::{
    Error, FieldError, Result, Role, RunId, UserId,
    approval::Approval,
    audit::{Actor, Channel, Decision},
};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use store::{
    TenantTx,
    approvals::{self, Verdict},
    slack::{posts, reports},
};
use tools::{BEGIN_STEP, canonical};

use crate::{
    Door, Engine,
    rulings::{self, Ruled},
};

/// What a person says about an approval.
#[derive(Clone, Debug)]
pub struct Word {
    pub approve: bool,
    /// Other arguments in the place of the model's.
    pub input: Option<Box<RawValue>>,
    /// Redacted.
    pub reason: Option<String>,
    pub by: UserId,
}

impl Engine {
    /// Takes the word of somebody who has this role now, in a transaction of the
    /// approval's own person in which the approval's run is locked. Answers the run that carries it out or goes on; wake
    /// the workers after the commit.
    pub async fn decide(
        &self,
        tx: &mut TenantTx,
        approval: &Approval,
        word: &Word,
        role: Role,
    ) -> Result<RunId> {
        let edited = match &word.input {
            Some(_) if !word.approve => {
                return Err(Error::field("input", "belongs to an approval, not to a denial"));
            }
            Some(input) => self.edited(&self.door_in(tx).await?, approval, input)?,
            None => None,
        };
        if word.approve {
            self.still_fits(tx, approval, edited.as_deref().unwrap_or(approval.input.get())).await?;
        }
        let hash = |text: &str| -> [u8; 32] { Sha256::digest(text).into() };
        let verdict = Verdict {
            approve: word.approve,
            by: word.by,
            by_admin: role.administers(),
            reason: word.reason.as_deref(),
            edited: edited.as_deref().map(|text| (text, hash(text))),
        };
        approvals::decide(tx, approval.id, &verdict).await?;
        posts::decided(tx, approval.id).await?;
        let ruled = Ruled {
            decision: if word.approve { Decision::Approved } else { Decision::Denied },
            actor: Actor::Person(word.by),
            channel: Channel::Http,
            rule: None,
            action: approval.action.as_str(),
            tool: &approval.name,
            run: approval.run_id,
            owner: approval.owner,
            call_id: &approval.tool_call_id,
            approval: Some(approval.id),
            args_hash: hash(edited.as_deref().unwrap_or(approval.input.get())),
        };
        rulings::note(tx, &[ruled]).await?;
        // Nobody approves for themselves more than they may by now.
        let least = (word.by == approval.author).then_some(role);
        if approval.blocking {
            approvals::requeue(tx, approval.run_id, least).await?;
        } else if word.approve {
            let run = RunId::new();
            approvals::queue_execution(tx, approval.id, (approval.run_id, least), run).await?;
            reports::follow(tx, approval.id, run).await?;
            return Ok(run);
        }
        Ok(approval.run_id)
    }

    /// The bytes of other arguments, if they are others. They are held to the tool's
    /// schema, and stay the same kind of act: nobody was asked about another.
    fn edited(&self, door: &Door, approval: &Approval, input: &RawValue) -> Result<Option<String>> {
        let text = canonical(input);
        if text == approval.input.get() {
            return Ok(None);
        }
        if approval.name == BEGIN_STEP {
            return Err(Error::field(
                "input",
                "of a step cannot be changed; deny it, and begin the sequence again",
            ));
        }
        let Some(tool) = self.0.toolbox.tool(&approval.name) else {
            return Err(Error::conflict("tool_gone", "there is no such tool any more"));
        };
        let call = self.0.toolbox.read(tool, &text).map_err(|problems| {
            let below = |problem: FieldError| {
                let dot = if problem.field.is_empty() { "" } else { "." };
                FieldError { field: format!("input{dot}{}", problem.field), ..problem }
            };
            Error::fields(problems.into_iter().map(below).collect())
        })?;
        if call.action() != Some(approval.action) {
            let error = format!("must stay what was asked for: {}", approval.action);
            return Err(Error::field("input", error));
        }
        let raw = RawValue::from_string(text.clone()).map_err(Error::internal)?;
        if door.redact_json(raw).get() != text {
            return Err(Error::field("input", "must not hold a secret"));
        }
        Ok(Some(text))
    }
}
