//! `memory_append` and `memory_replace`.

use domain::{
    EntityRef, Error, Event, MemoryScope, OptionalExt, Result, approval::Preview, memory::MemoryPreview,
    permission::Action,
};
use store::{
    RunTx, TenantTx, entities,
    memories::{self, ByCopilot, Change, Subject},
};
use tools::Call;

use super::{Doing, Outcome};
use crate::notebook::{Edit, line_change};

const MARKED: &str = "A [REDACTED] mark stands for a secret that was removed; it cannot be remembered.";

/// What a call would write, and where.
pub struct Meant<'a> {
    pub scope: MemoryScope,
    /// Of the scope `entity`: which one.
    pub entity: Option<EntityRef>,
    pub edit: Edit<'a>,
}

/// None: it is no call that writes memory. `bound` is the entity of the session.
pub fn meant<'a>(call: &'a Call, bound: Option<&EntityRef>) -> Option<Meant<'a>> {
    let scope = call.action().and_then(Action::memory)?;
    let (edit, kind, id) = match call {
        Call::MemoryAppend { section, text, kind, id, .. } => (Edit::Append { section, text }, kind, id),
        Call::MemoryReplace { old, new, kind, id, .. } => (Edit::Replace { old, new }, kind, id),
        _ => return None,
    };
    let named = || Call::named_entity(*kind, id.clone()).or_else(|| bound.cloned());
    Some(Meant { scope, entity: (scope == MemoryScope::Entity).then(named).flatten(), edit })
}

impl Meant<'_> {
    /// Which document it is; none for an entity's of which nobody says which.
    pub fn subject(&self) -> Option<Subject> {
        match self.scope {
            MemoryScope::User => Some(Subject::Me),
            // The matrix makes a proposal of it, always: an administrator has accepted this.
            MemoryScope::Org => Some(Subject::Org),
            MemoryScope::Entity => self.entity.clone().map(Subject::Entity),
        }
    }

    /// The document that can be written, kept from going away; or why there is none.
    async fn writable(&self, tx: &mut TenantTx) -> Result<Result<Subject, Outcome>> {
        if redact::contains_marker(self.edit.new_text()) {
            return Ok(Err(Outcome::failed(MARKED)));
        }
        let Some(subject) = self.subject() else {
            return Ok(Err(Outcome::failed(
                "This conversation is not bound to a deal or contact. Give kind and id of the one you mean.",
            )));
        };
        let Subject::Entity(entity) = &subject else { return Ok(Ok(subject)) };
        Ok(match entities::hold(tx, entity).await.optional()? {
            Some(()) => Ok(subject),
            None => Err(Outcome::failed(format!("There is no {} {:?}.", entity.kind, entity.id))),
        })
    }

    /// The lines as they are and as they would be; or why it cannot be written.
    pub async fn preview(&self, tx: &mut TenantTx) -> Result<Result<Preview, Outcome>> {
        let subject = match self.writable(tx).await? {
            Ok(subject) => subject,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let document = memories::find(tx, &subject).await?;
        Ok(match self.edit.apply(&document.content) {
            Ok((after, _)) => Ok(Preview::Memory(MemoryPreview {
                scope: self.scope,
                entity: self.entity.clone(),
                version: document.version,
                change: line_change(&document.content, &after),
            })),
            Err(refusal) => Err(Outcome::failed(refusal.to_string())),
        })
    }

    pub async fn write(&self, tx: &mut RunTx, doing: &Doing<'_>, events: &mut Vec<Event>) -> Result<Outcome> {
        let subject = match self.writable(tx.tenant()).await? {
            Ok(subject) => subject,
            Err(refusal) => return Ok(refusal),
        };
        let document = memories::find(tx.tenant(), &subject).await?;
        let (content, added) = match self.edit.apply(&document.content) {
            Ok(edited) => edited,
            Err(refusal) => return Ok(Outcome::failed(refusal.to_string())),
        };
        let change = added.as_deref().map_or(Change::Replace, Change::Append);
        let by = ByCopilot { run: tx.lease().run, step: doing.step, accepted: doing.accepted };
        let seen = Some(document.version);
        match memories::write(tx.tenant(), &subject, &content, change, seen, Some(by)).await {
            Ok(version) => {
                let proposal_id = doing.accepted.map(|(proposal, _)| proposal);
                events.push(Event::MemoryWritten { scope: self.scope, version: Some(version), proposal_id });
                Ok(Outcome::ok(format!("Written to {} memory, version {version}.", self.scope.as_str())))
            }
            Err(Error::VersionMismatch { .. }) => {
                Ok(Outcome::failed("The document was changed by somebody else at this moment. Try again."))
            }
            Err(error) => Err(error),
        }
    }
}
