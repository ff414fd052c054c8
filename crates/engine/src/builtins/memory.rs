//! `memory_append` and `memory_replace`.

use domain::{EntityRef, Error, Event, MemoryScope, Result};
use store::{
    RunTx, entities,
    memories::{self, Change, Subject},
};

use super::Outcome;
use crate::notebook;

/// A scope and, for the scope `entity`, which one is meant.
type Target<'a> = (MemoryScope, Option<&'a EntityRef>);

pub async fn append(
    tx: &mut RunTx,
    target: Target<'_>,
    section: &str,
    text: &str,
    events: &mut Vec<Event>,
) -> Result<Outcome> {
    let subject = match subject(tx, target).await? {
        Ok(subject) => subject,
        Err(refusal) => return Ok(refusal),
    };
    if redact::contains_marker(text) {
        return Ok(Outcome::failed(
            "A [REDACTED] mark stands for a secret that was removed; it cannot be remembered.",
        ));
    }
    let document = memories::find(tx.tenant(), &subject).await?;
    match notebook::append(&document.content, section, text) {
        Ok((content, added)) => {
            write(tx, &subject, &content, Change::Append(&added), document.version, events).await
        }
        Err(refusal) => Ok(Outcome::failed(refusal)),
    }
}

pub async fn replace(
    tx: &mut RunTx,
    target: Target<'_>,
    old: &str,
    new: &str,
    events: &mut Vec<Event>,
) -> Result<Outcome> {
    let subject = match subject(tx, target).await? {
        Ok(subject) => subject,
        Err(refusal) => return Ok(refusal),
    };
    if redact::contains_marker(new) {
        return Ok(Outcome::failed(
            "A [REDACTED] mark stands for a secret that was removed; it cannot be written.",
        ));
    }
    let document = memories::find(tx.tenant(), &subject).await?;
    match notebook::replace(&document.content, old, &notebook::visible(new)) {
        Ok(content) => write(tx, &subject, &content, Change::Replace, document.version, events).await,
        Err(refusal) => Ok(Outcome::failed(refusal)),
    }
}

async fn write(
    tx: &mut RunTx,
    subject: &Subject,
    content: &str,
    change: Change<'_>,
    seen: i64,
    events: &mut Vec<Event>,
) -> Result<Outcome> {
    let run = tx.lease().run;
    match memories::write(tx.tenant(), subject, content, change, Some(seen), Some(run)).await {
        Ok(version) => {
            let scope = subject.scope();
            events.push(Event::MemoryWritten { scope, version });
            Ok(Outcome::ok(format!("Written to {} memory, version {version}.", scope.as_str())))
        }
        Err(Error::VersionMismatch { .. }) => {
            Ok(Outcome::failed("The document was changed by somebody else at this moment. Try again."))
        }
        Err(error) => Err(error),
    }
}

/// Which document is meant, or why none can be written.
async fn subject(tx: &mut RunTx, (scope, entity): Target<'_>) -> Result<Result<Subject, Outcome>> {
    Ok(match (scope, entity) {
        (MemoryScope::User, _) => Ok(Subject::Me),
        // The matrix makes a proposal of it, always: an administrator has accepted this.
        (MemoryScope::Org, _) => Ok(Subject::Org),
        (MemoryScope::Entity, None) => Err(Outcome::failed(
            "This conversation is not bound to a deal or contact. Give kind and id of the one you mean.",
        )),
        (MemoryScope::Entity, Some(entity)) => match entities::hold(tx.tenant(), entity).await {
            Ok(()) => Ok(Subject::Entity(entity.clone())),
            Err(Error::NotFound) => {
                Err(Outcome::failed(format!("There is no {} {:?}.", entity.kind, entity.id)))
            }
            Err(error) => return Err(error),
        },
    })
}
