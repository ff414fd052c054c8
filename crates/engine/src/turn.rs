//! A message becomes a run. The provider is asked as soon as the session is
//! read; the message is stored beside the request, and nothing is shown before
//! it is committed.

use std::{borrow::Cow, sync::Arc};

use chrono_tz::Tz;
use domain::{
    EntityRef, Error, Event, MemoryScope, MessageId, OptionalExt, Result, Role, RunId, SessionId, Tenant,
    UserId,
    audit::Channel,
    block,
    event::Cursor,
    models::{Routed, Routes},
    offered::Routing,
    permission::Matrix,
    run::{Chosen, Lease, Mode},
};
use serde_json::{Value, value::RawValue};
use store::{
    TenantTx,
    memories::{self, News, Subject},
    turns::{self, Context, NewTurn, Next, Past, Versions},
};
use tokio::sync::oneshot;
use tools::Offer;

use crate::{
    Engine,
    builtins::{self, Clock, Origin},
    door::Door,
    mode::{self, Before},
    prompt::{Mentioned, Note, context_note},
    routing,
    run::Start,
    skills::{About, Library, Person, Picked, Wanted},
    telemetry::Traced,
};

/// A user's message, validated and redacted.
#[derive(Clone, Debug)]
pub struct Prepared {
    pub session: SessionId,
    /// JSON text of the blocks.
    pub content: String,
    /// The text of the blocks, for the session's title and preview.
    pub text: String,
    /// As the request or the session asks.
    pub mode: Mode,
    /// The model that the request asks for, as `provider/model`.
    pub model: Option<String>,
    pub role: Role,
    /// Who says it, where that is not the member to whom the conversation belongs.
    pub author: Option<UserId>,
    pub timezone: Tz,
    pub view: Option<Value>,
    /// What the message mentions, each with its place in the request.
    pub mentions: Vec<(usize, EntityRef)>,
    /// The skill that the message names.
    pub skill: Option<Wanted>,
    /// A program wrote the message, and no person.
    pub service: bool,
    /// What brings it.
    pub trigger: Channel,
    /// What the model is told of the circumstances; a line, or nothing.
    pub notice: String,
    /// The state of the organization's secrets when all of this passed its door.
    pub secrets_state: i64,
}

/// What is quoted of one entity that a message mentions, in characters.
const MENTION: usize = 4_000;

/// A turn whose message is committed.
#[derive(Clone, Copy, Debug)]
pub struct Begun {
    pub run: RunId,
    pub message: MessageId,
}

impl Prepared {
    /// The same through a door that knows of later secrets than the one that it has passed.
    fn through(&self, door: &Door) -> Result<Cow<'_, Self>> {
        if door.state() <= self.secrets_state {
            return Ok(Cow::Borrowed(self));
        }
        let mut new = self.clone();
        let content = RawValue::from_string(new.content).map_err(Error::internal)?;
        new.content = String::from(door.redact_json(content).get());
        new.text = door.redact_hidden(&self.text).into_owned();
        new.notice = door.redact_hidden(&self.notice).into_owned();
        new.view = new.view.map(|view| door.redact_value(view));
        if let Some(wanted) = &mut new.skill
            && let Value::Object(clean) = door.redact_value(Value::Object(std::mem::take(&mut wanted.inputs)))
        {
            wanted.inputs = clean;
        }
        new.secrets_state = door.state();
        Ok(Cow::Owned(new))
    }
}

impl Engine {
    /// Takes a message in and answers when it is committed. The transaction must
    /// have the session's row locked. Once called, the turn goes on whether or
    /// not the caller waits.
    pub async fn begin_turn(&self, mut tx: TenantTx, new: Prepared, run: RunId) -> Result<Begun> {
        let (tell, told) = oneshot::channel();
        let engine = self.clone();
        let parent = self.telemetry().traces.current();
        self.detach(async move {
            // What a phase needs lives in a box: the task is as large as what it waits in.
            match Box::pin(engine.prepare(&mut tx, &new, run)).await {
                Err(error) => {
                    let refused = tx.rollback().await.and(Err(error));
                    drop(tell.send(refused));
                }
                Ok((turn, None)) => {
                    let stored = Box::pin(store_turn(tx, &turn)).await;
                    engine.wake();
                    drop(tell.send(stored));
                }
                Ok((turn, Some(start))) => {
                    let start = Start { parent, ..start };
                    if let Some((run, opened)) = Box::pin(engine.open_fresh(start, tx, turn, tell)).await {
                        run.execute(opened).await;
                    }
                }
            }
        });
        told.await.map_err(domain::Error::internal)?
    }

    /// Reads what the turn is given. With a worker in this process the run starts at once.
    async fn prepare(
        &self,
        tx: &mut TenantTx,
        new: &Prepared,
        run: RunId,
    ) -> Result<(NewTurn, Option<Start>)> {
        let begun = Begun { run, message: MessageId::new() };
        let author = new.author.unwrap_or(tx.tenant().user);
        let mut next = turns::prepare(tx, new.session, author).await?;
        if next.asked {
            // What is said now is the answer, or makes it needless.
            self.overtake(tx, new.session).await?;
            next = turns::prepare(tx, new.session, author).await?;
        }
        let secrets = self.secrets_in(tx, next.context.secrets_state).await?;
        let new = &*new.through(&secrets.door)?;
        self.has_place(next.under_way)?;
        self.has_room(tx.org()).await?;
        let standings = self.afford(tx, author, next.context.limits).await?;
        let Next { seq, mut context, matrix, .. } = next;
        let note = Note { now: chrono::Utc::now(), timezone: new.timezone, view: new.view.clone() };
        let news = catch_up(tx, &mut context).await?;
        let clock = Clock { now: note.now, zone: new.timezone };
        let (mentioned, origin) = mentioned(tx, &new.mentions, clock).await?;
        let attached = block::heads(&new.content).iter().any(|head| head.kind != "text");
        // What is attached is somebody's file, and what is looked at somebody's page.
        context.untrusted = context.holds_untrusted() || attached || note.holds_untrusted();
        context.untrusted |= origin.is_outside() || new.service;
        let claims = self.0.settings.works
            && !self.0.stopping.is_cancelled()
            && self.0.live().len() < self.0.settings.limits.runs;
        let library = self.library(tx, context.skills).await?;
        let picked = self.picked(tx, new, &library, (&context, &matrix)).await?;
        let before = Before {
            asked: new.mode,
            skill: picked.mode,
            sequence: picked.sequence.is_some(),
            text: &new.text,
            attached: attached || !mentioned.is_empty(),
            history: &context.history,
        };
        let chosen = mode::choose(before);
        let (routes, asks) = self.asks(tx, new, &context, (&chosen, &before, &picked)).await?;
        let started = run_started(new, begun, (&chosen, &asks), picked.routing.clone());
        let turn = NewTurn {
            session: new.session,
            message: begun.message,
            seq,
            content: with_mentions(&new.content, &mentioned),
            context: context_note(&note, &news, &mentioned, &(new.notice.clone() + &picked.note)),
            preview: cut(&new.text, 200),
            title: cut(&new.text, 60),
            run,
            author,
            trigger: new.trigger,
            mode: chosen.clone(),
            routing: picked.routing,
            skill: picked.skill.clone(),
            steps: picked.sequence.as_ref().map(|sequence| sequence.rows.clone()).unwrap_or_default(),
            candidates: asks.candidates.iter().map(|candidate| candidate.model.clone()).collect(),
            model_reason: asks.reason,
            role: new.role,
            timezone: new.timezone.name(),
            claim: claims.then_some((self.0.replica, self.0.settings.lease_seconds)),
            first_frame: if claims { started.frame(run, Cursor { fence: 1, n: 1 }) } else { String::new() },
            pinned: context.pinned,
            told: context.told,
            untrusted: context.untrusted,
            reserve: None,
        };
        if !claims {
            return Ok((turn, None));
        }
        context.history.push(Past::new(seq, "user", turn.content.clone(), turn.context.clone()));
        let start = Start {
            lease: self.first_lease(tx.tenant(), new, begun),
            role: new.role,
            mode: chosen.mode,
            zone: new.timezone,
            candidates: asks.candidates,
            routes,
            secrets,
            context,
            matrix,
            standings,
            library,
            skill: picked.skill,
            sequence: picked.sequence,
            started,
            parent: Traced::default(),
        };
        Ok((turn, Some(start)))
    }

    /// Whom the turn asks, and what stands for models.
    async fn asks(
        &self,
        tx: &mut TenantTx,
        new: &Prepared,
        context: &Context,
        (chosen, before, picked): (&Chosen, &Before<'_>, &Picked),
    ) -> Result<(Arc<Routes>, Routed)> {
        let routes = self.routes(tx, context.models).await?;
        let turn = routing::Turn {
            channel: new.trigger,
            before,
            chosen,
            skill: picked.skill.is_some().then_some(&picked.wish),
            of_request: new.model.as_deref(),
            blocks: &new.content,
        };
        let asks = routing::route(&routes, context, &turn)?;
        Ok((routes, asks))
    }

    /// What the message comes to among the skills of its organization.
    async fn picked(
        &self,
        tx: &mut TenantTx,
        new: &Prepared,
        library: &Library,
        (context, matrix): (&Context, &Matrix),
    ) -> Result<Picked> {
        let mentioned = new.mentions.iter().map(|(_, entity)| entity);
        let entities: Vec<EntityRef> = context.entity.iter().chain(mentioned).cloned().collect();
        let tools = self.0.toolbox.described(self.0.toolbox.offer(matrix, new.role));
        let person = Person { name: context.user_name.as_deref(), zone: new.timezone };
        let about = About { text: &new.text, person, wanted: new.skill.as_ref(), entities: &entities };
        self.pick(tx, library, about, &tools).await
    }

    /// Of the replica that begins the run at once.
    fn first_lease(&self, tenant: Tenant, new: &Prepared, begun: Begun) -> Lease {
        Lease {
            org: tenant.org,
            run: begun.run,
            session: new.session,
            user: tenant.user,
            author: new.author.unwrap_or(tenant.user),
            fence: 1,
            replica: self.0.replica,
        }
    }

    /// What a session's next prompt would be.
    pub(crate) fn frozen(
        &self,
        user: UserId,
        offer: Offer,
        (context, library): (&Context, &Library),
    ) -> crate::prompt::Frozen {
        crate::prompt::Frozen {
            user,
            tools: self.0.toolbox.definitions(offer),
            system: crate::prompt::system(context, &library.listed().text),
            summary: context.summary.as_ref().map(crate::prompt::summary_block),
            summary_text: context.summary.as_ref().map(|summary| summary.text.clone()),
        }
    }
}

fn run_started(
    new: &Prepared,
    begun: Begun,
    (chosen, asks): (&Chosen, &Routed),
    routing: Option<Routing>,
) -> Event {
    Event::RunStarted {
        session_id: new.session,
        message_id: begun.message,
        model: asks.candidates[0].model.clone(),
        mode: chosen.mode,
        mode_reason: chosen.reason.clone(),
        routing,
    }
}

/// What is on record about the entities that a message mentions, and whose words it holds.
/// One that the person does not see is refused as one that does not exist.
async fn mentioned(
    tx: &mut TenantTx,
    mentions: &[(usize, EntityRef)],
    clock: Clock,
) -> Result<(Vec<Mentioned>, Origin)> {
    let (mut all, mut origin) = (Vec::with_capacity(mentions.len()), Origin::Inside);
    for (place, entity) in mentions {
        let EntityRef { kind, id } = entity;
        let notes = builtins::NOTES_OF_MENTION;
        let Some(facts) = builtins::facts(tx, (*kind, id), notes, clock).await? else {
            return Err(Error::field(format!("mentions[{place}]"), format!("there is no {kind} {id:?}")));
        };
        if facts.origin.is_outside() {
            origin = Origin::Outside;
        }
        let text = facts.within(MENTION);
        all.push(Mentioned { entity: entity.clone(), name: facts.name, facts: text });
    }
    Ok((all, origin))
}

fn with_mentions(content: &str, mentioned: &[Mentioned]) -> String {
    let mentions =
        mentioned.iter().map(|it| block::Mention { kind: it.entity.kind, id: &it.entity.id, name: &it.name });
    block::with_mentions(content, &mentions.collect::<Vec<_>>())
}

/// The message is there, with its run, or neither is.
pub(crate) async fn store_turn(mut tx: TenantTx, turn: &NewTurn) -> Result<Begun> {
    match turns::begin(&mut tx, turn).await {
        Ok(()) => tx.commit().await.map(|()| Begun { run: turn.run, message: turn.message }),
        Err(error) => tx.rollback().await.and(Err(error)),
    }
}

/// Memory that was written since the session's snapshot. Appends travel in the
/// message's context and are returned; any other change moves the snapshot. Nothing
/// is stored: the turn's own statement pins what it quotes.
pub(crate) async fn catch_up(tx: &mut TenantTx, context: &mut Context) -> Result<Vec<News>> {
    if context.told == context.current {
        return Ok(Vec::new());
    }
    let quoted = context.pinned;
    let news = memories::news(tx, context.entity.as_ref(), context.told).await?;
    let void = |scope| news.iter().any(|change| change.scope == scope && change.appended.is_none());
    let scopes = [MemoryScope::Org, MemoryScope::User, MemoryScope::Entity];
    for (i, scope) in scopes.into_iter().enumerate() {
        // A document that is gone (version 0) voids the snapshot as well.
        if void(scope) || context.current[i] < context.told[i] {
            context.pinned[i] = context.current[i];
        }
    }
    let moved = news
        .into_iter()
        .filter(|change| {
            let i = scopes.iter().position(|scope| *scope == change.scope).unwrap_or(0);
            context.pinned[i] != context.current[i]
        })
        .collect();
    context.told = context.current;
    quote_anew(tx, context, quoted).await?;
    Ok(moved)
}

/// Reads the documents whose pins are no longer those that were quoted. That of an
/// entity which is not on record (and so has no name) is nobody's to read.
async fn quote_anew(tx: &mut TenantTx, context: &mut Context, quoted: Versions) -> Result<()> {
    let entity = context.entity.clone().filter(|_| context.entity_name.is_some());
    let subjects = [Some(Subject::Org), Some(Subject::Me), entity.map(Subject::Entity)];
    for (i, subject) in subjects.into_iter().enumerate() {
        if context.pinned[i] == quoted[i] {
            continue;
        }
        context.memory[i] = match subject {
            Some(subject) => said(tx, &subject, context.pinned[i]).await?,
            None => None,
        };
    }
    Ok(())
}

/// What the document said; nothing, if it is gone with all that it ever said.
async fn said(tx: &mut TenantTx, subject: &Subject, version: i64) -> Result<Option<String>> {
    memories::content_at(tx, subject, version).await.optional()
}

/// The beginning of a text on one line, at a word's end where there is one.
pub(crate) fn cut(text: &str, chars: usize) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let Some((end, _)) = line.char_indices().nth(chars) else { return line };
    let head = &line[..end];
    let head = head.rsplit_once(' ').map_or(head, |(head, _)| head);
    format!("{head}…")
}

#[cfg(test)]
mod tests {
    use super::cut;

    #[test]
    fn a_preview_is_cut_at_a_word() {
        assert_eq!(cut("short\n text", 60), "short text");
        assert_eq!(cut("What do we know about the renewal", 20), "What do we know…");
        assert_eq!(cut(&"ü".repeat(30), 5), "üüüüü…");
    }
}
