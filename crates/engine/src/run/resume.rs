//! A claimed run: queued, or left behind by a replica that died. Resume is not
//! replay: the conversation tells where the run stands.

use chrono_tz::Tz;
use domain::{
    Cursor, Error, Event, Result,
    audit::Channel,
    block,
    models::{Candidate, NO_MODEL, Routed, Routes},
    run::{Chosen, Lease, RunStatus},
};
use store::{
    Guarded, RunTx, TenantTx, approvals,
    sequences::{self, SequenceStep},
    steps::{self, Frames},
    trust,
    turns::{self, Resumed},
};

use tools::Offer;

use super::{Errand, Given, Left, Run, tools_used};
use crate::{
    Engine,
    mode::{self, Before},
    routing,
    sequence::Sequence,
    skills::{Entry, Library, Person, facts, sequence_context},
    telemetry::Traced,
};

/// Code and text of a run that broke off again and again.
const GAVE_UP: (&str, &str) = ("gave_up", "the run broke off too often without getting any further");

/// How a run goes on, and whom it asks.
struct Decided {
    chosen: Chosen,
    candidates: Vec<Candidate>,
    /// Why none of them may be asked. What needs no model is done all the same.
    nobody: Option<String>,
}

impl Engine {
    /// `attempts` counts the claims since the run's last step, this one too.
    pub(crate) async fn execute_claimed(&self, lease: Lease, attempts: i32) {
        let gave_up = attempts > self.0.settings.limits.attempts;
        match self.load(lease).await {
            Ok(Some(run)) => run.execute(None).await,
            Ok(None) => {}
            Err(error) if gave_up => {
                tracing::error!(run = %lease.run, %error, "a run that cannot be loaded is given up");
                if let Err(error) = self.give_up(lease).await {
                    tracing::warn!(run = %lease.run, %error, "it is claimed again");
                }
            }
            Err(error) => self.hand_back(lease, attempts, &error, &[]).await,
        }
    }

    async fn load(&self, lease: Lease) -> Result<Option<Run>> {
        let Guarded::Open(mut tx) = self.store().run(&lease, self.settings().lease_seconds).await? else {
            return Ok(None);
        };
        let membership = tx.tenant().membership().cloned();
        let membership = membership.ok_or_else(|| Error::internal("a run's owner is no member"))?;
        let mut loaded = turns::load(&mut tx).await?;
        if loaded.steps == 0 && loaded.trigger != "decision" && loaded.context.told != loaded.context.current
        {
            // A queued answer to an old question: it quotes memory as it stands now.
            let current = loaded.context.current;
            turns::pin(tx.tenant(), lease.session, current, current).await?;
            loaded.context = turns::context(tx.tenant(), lease.session).await?;
        }
        if loaded.context.holds_untrusted() {
            trust::distrust(tx.tenant(), lease.session).await?;
        }
        let routes = self.routes(tx.tenant(), loaded.context.models).await?;
        let secrets = self.secrets_in(tx.tenant(), loaded.context.secrets_state).await?;
        let Decided { chosen, candidates, nobody } = self.decided(&mut tx, &loaded, &routes).await?;
        let library = self.library(tx.tenant(), loaded.context.skills).await?;
        let role = loaded.role.capped(membership.ceiling);
        let rows = match &loaded.skill {
            Some(_) => sequences::of_run(tx.tenant(), lease.run).await?,
            None => Vec::new(),
        };
        let offer = self.offer(&loaded.matrix, role, !rows.is_empty());
        let sequence = self.taken_up(&mut tx, &library, &loaded, rows, offer).await?;
        // It commits before anything is shown, so that whoever takes over sees that something was.
        let first = first_event(lease, &loaded, &chosen, &candidates[0].model);
        let frames = first.as_ref().map(|first| {
            let text = first.frame(lease.run, Cursor { fence: lease.fence, n: 1 });
            Frames { n_from: 1, n_to: 1, text }
        });
        if let Some(frames) = &frames {
            store::events::append(&mut tx, frames).await?;
        }
        tx.commit().await?;
        let frozen = self.frozen(lease.user, offer, (&loaded.context, &library));
        let given = Given { frozen, library, routes, secrets, candidates };
        let mut run = self.run_of(lease, (role, offer), chosen.mode, given, loaded.context.clone());
        self.0.committed(lease);
        run.take_skill(loaded.skill.clone(), sequence);
        run.take_over(&loaded);
        run.nobody = nobody;
        run.trace(&Traced::default());
        if let Some((first, frames)) = first.zip(frames) {
            let staged = run.feed.stage(&[first]);
            run.feed.publish(&frames, &staged);
        }
        let refused = if !membership.active {
            run.failed("membership_ended", "the person is no longer an active member", false).await
        } else if loaded.attempts > self.0.settings.limits.attempts {
            run.failed(GAVE_UP.0, GAVE_UP.1, true).await
        } else if loaded.cancel_requested {
            run.cancelled().await
        } else {
            return Ok(Some(run));
        };
        if let Err(Left::Store(error)) = refused {
            run.hand_back(&error).await;
        }
        Ok(None)
    }

    /// What was decided when the run began; or what is decided now, of one that was queued without.
    async fn decided(&self, tx: &mut RunTx, loaded: &Resumed, routes: &Routes) -> Result<Decided> {
        if let Some(reason) = &loaded.mode_reason {
            let first = std::slice::from_ref(&loaded.model);
            let names = loaded.candidates.as_deref().unwrap_or(first);
            // What is not allowed any more is not asked; where nobody is left, it is decided anew.
            let allowed = names.iter().filter(|name| routing::stands(routes, name, &loaded.context.limits));
            let candidates: Vec<Candidate> = allowed.map(|name| routes.candidate(name)).collect();
            if !candidates.is_empty() {
                let chosen = Chosen { mode: loaded.mode, reason: reason.clone() };
                return Ok(Decided { chosen, candidates, nobody: None });
            }
        }
        let (chosen, asks) = match self.choose_for(tx.tenant(), loaded, routes).await {
            Err(Error::Conflict { code: NO_MODEL, detail }) => {
                let reason = loaded.mode_reason.clone().unwrap_or_else(|| "no model may be asked".into());
                let chosen = Chosen { mode: loaded.mode, reason };
                let candidates = vec![routes.candidate(&loaded.model)];
                return Ok(Decided { chosen, candidates, nobody: Some(detail) });
            }
            decided => decided?,
        };
        let names: Vec<String> = asks.candidates.iter().map(|candidate| candidate.model.clone()).collect();
        turns::decide(tx, &chosen, &names, &asks.reason).await?;
        Ok(Decided { chosen, candidates: asks.candidates, nobody: None })
    }

    async fn choose_for(
        &self,
        tx: &mut TenantTx,
        loaded: &Resumed,
        routes: &Routes,
    ) -> Result<(Chosen, Routed)> {
        let skill = match &loaded.skill {
            Some(skill) => Some(self.pinned(tx, skill).await?),
            None => None,
        };
        let history = &loaded.context.history;
        let place = history.iter().rposition(|past| past.seq <= loaded.own_seq && past.role == "user");
        let (before, question) = history.split_at(place.unwrap_or(history.len()));
        let content = question.first().map_or("[]", |past| past.content.as_str());
        let attached = block::heads(content).iter().any(|head| head.kind != "text");
        let text = block::concatenated(content);
        let before = Before {
            asked: loaded.mode,
            skill: skill.as_ref().map(|entry| entry.skill.mode),
            sequence: false,
            text: &text,
            attached,
            history: before,
        };
        let chosen = mode::choose(before);
        let wish = skill.as_ref().map(Entry::wish);
        let turn = routing::Turn {
            channel: Channel::parse(&loaded.trigger).unwrap_or(Channel::Service),
            before: &before,
            chosen: &chosen,
            skill: wish.as_ref(),
            of_request: None,
            blocks: content,
        };
        let asks = routing::route(routes, &loaded.context, &turn)?;
        Ok((chosen, asks))
    }

    /// The sequence that a run executes, as it stands in its rows; none for any other run.
    async fn taken_up(
        &self,
        tx: &mut RunTx,
        library: &Library,
        loaded: &Resumed,
        rows: Vec<SequenceStep>,
        offer: Offer,
    ) -> Result<Option<Sequence>> {
        let Some(skill) = loaded.skill.as_ref().filter(|_| !rows.is_empty()) else { return Ok(None) };
        let tools = self.0.toolbox.described(offer);
        let expanded = self.pinned_sequence(tx.tenant(), library, skill, &tools).await?;
        let facts = facts(tx.tenant()).await?;
        let person = Person {
            name: loaded.context.user_name.as_deref(),
            zone: loaded.timezone.parse().unwrap_or(Tz::UTC),
        };
        let context = sequence_context(facts, person, &skill.inputs);
        Sequence::new(expanded, rows, skill.inputs.clone(), context).map(Some)
    }

    /// Ends a run whose conversation cannot even be read.
    async fn give_up(&self, lease: Lease) -> Result<()> {
        let Guarded::Open(mut tx) = self.store().run(&lease, self.settings().lease_seconds).await? else {
            return Ok(());
        };
        let (code, message) = GAVE_UP;
        let event = Event::Error { code: code.into(), message: message.into(), retryable: true };
        let text = event.frame(lease.run, Cursor { fence: lease.fence, n: 1 });
        let frames = Frames { n_from: 1, n_to: 1, text };
        steps::finish(&mut tx, RunStatus::Failed, Some(GAVE_UP), &frames).await?;
        approvals::void(tx.tenant(), lease.run).await?;
        tx.commit().await
    }
}

impl Run {
    /// Counts what earlier owners did.
    fn take_over(&mut self, loaded: &Resumed) {
        self.own_seq = loaded.own_seq;
        self.iterations = loaded.iterations;
        self.steps = loaded.steps;
        self.usage = loaded.usage;
        self.paused = loaded.paused;
        // The name comes from the list that it is looked up in.
        self.zone = loaded.timezone.parse().unwrap_or(Tz::UTC);
        self.attempts = loaded.attempts;
        self.ring.go_on_with(&loaded.model);
        self.channel = Channel::parse(&loaded.trigger).unwrap_or(Channel::Service);
        self.errand = match loaded.trigger.as_str() {
            "compact" => Errand::Compaction,
            "decision" => Errand::Proposal,
            _ => Errand::Answer,
        };
        self.open.clone_from(&loaded.parked.open);
        self.asked.clone_from(&loaded.parked.asked);
        self.recorded.clone_from(&loaded.calls);
        self.tools_used = tools_used(&loaded.calls);
        if loaded.has_events && !loaded.parked.untouched {
            tracing::info!(run = %self.lease.run, fence = self.lease.fence, "a run that was broken off goes on here");
        }
    }
}

/// Begins the stream, or tells readers that what is not whole of an earlier owner's is
/// void. None: the run goes on where it waited, and what they have seen stands.
fn first_event(lease: Lease, loaded: &Resumed, chosen: &Chosen, model: &str) -> Option<Event> {
    if loaded.parked.untouched {
        return None;
    }
    if loaded.has_events {
        return Some(Event::Reset { message_id: None });
    }
    Some(Event::RunStarted {
        session_id: lease.session,
        message_id: loaded.message,
        model: model.into(),
        mode: chosen.mode,
        mode_reason: chosen.reason.clone(),
        routing: loaded.routing.clone(),
    })
}
