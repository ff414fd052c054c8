//! Proposals to memory: approvals of calls that would write it, with the document.

use domain::{
    EntityRef, Error, MemoryScope, OptionalExt, Result,
    approval::{Approval, ApprovalStatus},
    proposal::{Outlook, Proposal, Proposed, Why},
};
use serde::Deserialize;
use serde_json::{Map, Value, value::RawValue};
use store::{
    TenantTx, entities,
    memories::{self, Subject},
};

use crate::{Door, Engine, builtins, notebook::line_change};

/// What of a stored preview tells which document is meant.
#[derive(Deserialize)]
struct Shown {
    entity: Option<EntityRef>,
}

/// What of a call's arguments is the edit.
#[derive(Deserialize)]
#[serde(untagged)]
enum Args {
    Append { section: String, text: String },
    Replace { old: String, new: String },
}

impl From<Args> for Proposed {
    fn from(args: Args) -> Self {
        match args {
            Args::Append { section, text } => Proposed::Append { section, text },
            Args::Replace { old, new } => Proposed::Replace { old, new },
        }
    }
}

impl Engine {
    /// An approval as a proposal, with what accepting it now would do; none if it would
    /// not write memory. The transaction is the caller's own.
    pub async fn proposal(&self, tx: &mut TenantTx, approval: Approval) -> Result<Option<Proposal>> {
        let Some(scope) = approval.action.memory() else { return Ok(None) };
        let entity = shown_entity(&approval)?;
        let pending = approval.status == ApprovalStatus::Pending;
        // A person's memory is shown to nobody else, whoever decides what is added to it.
        let outlook = if pending && (scope != MemoryScope::User || approval.owner == tx.tenant().user) {
            self.outlook(tx, &approval, approval.input.get(), entity.as_ref()).await?
        } else {
            None
        };
        let because = [
            (approval.untrusted, Why::UntrustedContent),
            (scope == MemoryScope::Org, Why::OrganizationMemory),
        ];
        let mut why: Vec<Why> = because.into_iter().filter_map(|(is, why)| is.then_some(why)).collect();
        if why.is_empty() {
            why.push(Why::Policy);
        }
        Ok(Some(Proposal {
            id: approval.id,
            status: approval.status,
            blocking: approval.blocking,
            scope,
            entity,
            proposed: proposed(&approval.input)?,
            edited: approval.edited_input.as_deref().map(proposed).transpose()?,
            why,
            preview: approval.preview,
            outlook,
            run_id: approval.run_id,
            session_id: approval.session_id,
            decider: approval.decider,
            requested_by: approval.requested_by,
            decided_by: approval.decided_by,
            decided_at: approval.decided_at,
            reason: approval.reason,
            decision_run_id: approval.decision_run_id,
            created_at: approval.created_at,
            expires_at: approval.expires_at,
        }))
    }

    /// The arguments with other words in the place of the copilot's: the line that is
    /// added, or the passage that comes in.
    pub fn reworded(door: &Door, approval: &Approval, text: &str) -> Result<Box<RawValue>> {
        let (field, longest) = match proposed(&approval.input)? {
            Proposed::Append { .. } if text.trim().is_empty() => {
                return Err(Error::field("text", "must not be empty"));
            }
            Proposed::Append { .. } => ("text", 2_000),
            Proposed::Replace { .. } => ("new", 16_000),
        };
        if text.chars().count() > longest {
            return Err(Error::field("text", format!("must be at most {longest} characters")));
        }
        if door.redact_hidden(text) != text {
            return Err(Error::field("text", "must not hold a secret"));
        }
        let mut args: Map<String, Value> =
            serde_json::from_str(approval.input.get()).map_err(Error::internal)?;
        args.insert(field.into(), text.into());
        serde_json::value::to_raw_value(&args).map_err(Error::internal)
    }

    /// Refuses an approval of what does not fit its document any more, so that it can
    /// still be changed or denied. The transaction is of the approval's own person.
    pub(crate) async fn still_fits(&self, tx: &mut TenantTx, approval: &Approval, args: &str) -> Result<()> {
        if approval.action.memory().is_none() {
            return Ok(());
        }
        let outlook = self.outlook(tx, approval, args, shown_entity(approval)?.as_ref()).await?;
        match outlook.and_then(|outlook| outlook.problem) {
            None => Ok(()),
            Some(problem) => Err(Error::conflict("proposal_outdated", problem)),
        }
    }

    /// What these arguments would do to the document as it stands. None: it is gone, or
    /// the tool is another by now, which is refused when it comes to be carried out.
    async fn outlook(
        &self,
        tx: &mut TenantTx,
        approval: &Approval,
        args: &str,
        entity: Option<&EntityRef>,
    ) -> Result<Option<Outlook>> {
        let toolbox = &self.0.toolbox;
        let call = toolbox.tool(&approval.name).and_then(|tool| toolbox.read(tool, args).ok());
        let Some(meant) = call.as_ref().and_then(|call| builtins::meant(call, entity)) else {
            return Ok(None);
        };
        let Some(subject) = meant.subject() else { return Ok(None) };
        if let Subject::Entity(entity) = &subject
            && entities::find(tx, entity.kind, &entity.id).await.optional()?.is_none()
        {
            return Ok(None);
        }
        let document = memories::find(tx, &subject).await?;
        let nothing = Outlook { version: document.version, content: None, change: None, problem: None };
        Ok(Some(match meant.edit.apply(&document.content) {
            Ok((after, _)) => Outlook {
                change: Some(line_change(&document.content, &after)),
                content: Some(after),
                ..nothing
            },
            Err(refusal) => Outlook { problem: Some(refusal.to_person()), ..nothing },
        }))
    }
}

fn shown_entity(approval: &Approval) -> Result<Option<EntityRef>> {
    let shown: Shown = serde_json::from_str(approval.preview.get()).map_err(Error::internal)?;
    Ok(shown.entity)
}

fn proposed(args: &RawValue) -> Result<Proposed> {
    serde_json::from_str::<Args>(args.get()).map(Proposed::from).map_err(Error::internal)
}
