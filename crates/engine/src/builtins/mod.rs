//! The built-in tools at work: reads in a tenant transaction, writes inside the
//! transaction of the run's step.

mod archive;
mod cards;
mod changes;
mod memory;
mod questions;
mod record;
mod schedules;

use chrono_tz::Tz;
use domain::{
    ApprovalId, Card, CardId, EntityRef, Error, Event, Result, Role, UserId, approval::Preview,
    permission::Decider, tool::CallState,
};
use serde_json::{Map, Value};
use store::{RunTx, TenantTx};
use tools::Call;

use crate::{Engine, scheduled::TaskAuthor};

pub use cards::check_card_schema;
pub use memory::meant;
pub use questions::{Asking, say::Clock, suggestions};
pub use record::{NOTES_OF_MENTION, facts};

/// Whose words a text holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Of the organization's people, of the service, and of a copilot that has read nothing else.
    Inside,
    /// Of an integration, of a tool elsewhere, or of a conversation that has read such.
    Outside,
}

impl Origin {
    pub fn outside_if(outside: bool) -> Self {
        if outside { Origin::Outside } else { Origin::Inside }
    }

    pub fn is_outside(self) -> bool {
        self == Origin::Outside
    }
}

/// In which run a write is made.
#[derive(Clone, Copy)]
pub struct Doing<'a> {
    /// The entity of the session.
    pub bound: Option<&'a EntityRef>,
    /// Number of the step whose results tell of it.
    pub step: i32,
    /// Whose words the run may be repeating.
    pub origin: Origin,
    /// The approval under which it is made, and the person who gave it.
    pub accepted: Option<(ApprovalId, UserId)>,
    pub engine: &'a Engine,
    /// As whom a task would be scheduled.
    pub author: TaskAuthor,
}

/// How much of a text the model reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// As much as a result may take of its window.
    Budgeted,
    /// All of a skill, whose length was bounded when it was written.
    Whole,
}

/// What a call brought, in words for the model.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub success: bool,
    /// Whether it may have had an effect that nobody knows of.
    pub unknown: bool,
    /// Whether the repetition guard kept the call from being performed.
    pub blocked: bool,
    pub text: String,
    /// Said before the text: a person's part in the call.
    pub preface: Option<String>,
    /// What the text tells, for the later steps of a sequence.
    pub value: Map<String, Value>,
    /// Whose words the text holds.
    pub origin: Origin,
    /// What the person is shown beside it.
    pub card: Option<Box<Card>>,
    pub length: Length,
}

impl Outcome {
    /// The matrix makes a proposal of the call. A card may offer it to the person by its id.
    pub fn proposed(decider: Decider, id: ApprovalId) -> Self {
        let who = match decider {
            Decider::Requester => "the person",
            Decider::Admin => "an owner or administrator of the organization",
        };
        Self::ok(format!(
            "This is a proposal now, under {id}; nothing was done. It is carried out when {who} accepts it. Say so, and do not \
             make the call again."
        ))
    }

    pub fn ok(text: impl Into<String>) -> Self {
        let origin = Origin::Inside;
        Self {
            success: true,
            unknown: false,
            blocked: false,
            text: text.into(),
            preface: None,
            value: Map::new(),
            origin,
            card: None,
            length: Length::Budgeted,
        }
    }

    pub fn failed(text: impl Into<String>) -> Self {
        Self { success: false, ..Self::ok(text) }
    }

    /// The call may have had its effect; `why` says why nobody knows.
    pub fn unknown(why: &str) -> Self {
        let text = format!(
            "The outcome is unknown: {why}. The call may have taken effect, and it is not made again. Do not repeat it \
             blindly: first find out whether it took effect, or ask the person."
        );
        Self { unknown: true, ..Self::failed(text) }
    }

    /// The repetition guard refused the call.
    pub fn blocked() -> Self {
        let text = "This same call has brought the same result again and again, so it was not performed. Use what \
                    you have, or tell the person what is missing.";
        Self { blocked: true, ..Self::failed(text) }
    }

    /// The same, with what later steps of a sequence read of it. What is no object tells nothing.
    pub fn telling(self, value: Value) -> Self {
        let Value::Object(value) = value else { return self };
        Self { value, ..self }
    }

    /// The same, with words of this origin in it.
    pub fn holding(self, origin: Origin) -> Self {
        Self { origin: if origin.is_outside() { origin } else { self.origin }, ..self }
    }

    /// The same, for the model to read whole.
    pub fn instructing(self) -> Self {
        Self { length: Length::Whole, ..self }
    }

    /// The same, with a card for the person.
    pub fn showing(self, card: Card) -> Self {
        Self { card: Some(Box::new(card)), ..self }
    }

    pub fn state(&self) -> CallState {
        match self {
            Self { success: true, .. } => CallState::Done,
            Self { unknown: true, .. } => CallState::Unknown,
            _ => CallState::Failed,
        }
    }
}

/// `card` is the id of the card that the call shows, if it shows one; `role` that of the run.
pub async fn read(
    tx: &mut TenantTx,
    call: &Call,
    asking: Asking<'_>,
    (card, role): (CardId, Role),
) -> Result<Outcome> {
    match call {
        Call::Ask(question) => questions::answer(tx, question, asking).await,
        Call::Recall { query, limit, since } => archive::recall(tx, query, *limit, since.as_deref()).await,
        Call::ReadArchive { summary_id, from_seq, to_seq } => {
            archive::read(tx, *summary_id, from_seq.unwrap_or(1), to_seq.unwrap_or(i64::MAX)).await
        }
        Call::GetEntity { kind, id, part } => {
            let clock = Clock { now: chrono::Utc::now(), zone: asking.zone };
            record::get_entity(tx, (*kind, id), part.unwrap_or(1), clock).await
        }
        Call::ListSchedules { status } => schedules::list(tx, *status).await,
        Call::ShowCard(new) => cards::show(tx, new, card, role).await,
        Call::DraftEmail { to, subject, body } => Ok(cards::draft(to, subject, body, card)),
        _ => Err(Error::internal("a writing tool was asked to read")),
    }
}

/// What a person who decides about the call is shown; or why it cannot succeed, so
/// that nobody need be asked.
pub async fn preview(
    tx: &mut TenantTx,
    call: &Call,
    title: &str,
    bound: Option<&EntityRef>,
    zone: Tz,
) -> Result<Result<Preview, Outcome>> {
    if let Some(meant) = meant(call, bound) {
        return meant.preview(tx).await;
    }
    let generic = |entity: Option<EntityRef>| Preview::Generic { title: title.to_owned(), entity };
    match call {
        Call::UpdateEntity { kind, id, changes } => record::preview(tx, *kind, id, changes).await,
        Call::AddNote { kind, id, text } => {
            let entity = EntityRef { kind: *kind, id: id.clone() };
            Ok(record::notable(tx, &entity, text).await?.map(|()| generic(Some(entity))))
        }
        Call::Change(change) => changes::preview(tx, change, bound).await,
        Call::ScheduleTask(_) | Call::ChangeSchedule { .. } => schedules::preview(tx, call, zone).await,
        Call::Outside(_) => Ok(Ok(generic(None))),
        Call::BeginStep { order, of, name } => {
            let title = format!("Begin step {order} of {of}: {name}");
            Ok(Ok(Preview::Generic { title, entity: None }))
        }
        _ => Err(Error::internal("a reading tool was to be decided about")),
    }
}

/// `events` gets what the stream is to tell once the step is committed.
pub async fn write(
    tx: &mut RunTx,
    call: &Call,
    doing: &Doing<'_>,
    events: &mut Vec<Event>,
) -> Result<Outcome> {
    if let Some(meant) = meant(call, doing.bound) {
        return meant.write(tx, doing, events).await;
    }
    match call {
        Call::UpdateEntity { kind, id, changes } => {
            record::update(tx.tenant(), (*kind, id), changes, doing.origin).await
        }
        Call::AddNote { kind, id, text } => {
            let entity = EntityRef { kind: *kind, id: id.clone() };
            record::add_note(tx, &entity, text, doing.origin).await
        }
        Call::Change(change) => changes::write(tx.tenant(), change, doing).await,
        Call::ScheduleTask(_) | Call::ChangeSchedule { .. } => {
            schedules::write(tx.tenant(), call, doing).await
        }
        Call::BeginStep { .. } => Ok(Outcome::ok("The step may begin.")),
        _ => Err(Error::internal("a reading tool was asked to write")),
    }
}
