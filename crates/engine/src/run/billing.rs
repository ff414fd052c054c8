//! What a run's model calls use: it is counted, stored with whatever the run stores next, and kept within budgets.

use domain::{
    Usage,
    budget::{self, Spent, Standing},
    models::{Candidate, Feature},
    usage::Call,
};
use model::{Answer, Broken};
use store::{budgets, usage};
use uuid::Uuid;

use super::{Left, Run};
use crate::{compaction::tokens, routing};

/// What a call has used.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counted {
    pub usage: Usage,
    /// The provider did not tell all of it.
    pub estimated: bool,
}

impl Counted {
    /// The model is known to be there: its provider has told something of the call, or something came of it.
    fn is_answered(&self) -> bool {
        !self.estimated || self.usage.output_tokens > 0
    }
}

impl Run {
    /// What its answers are for.
    pub(super) fn feature(&self) -> Feature {
        routing::feature(self.channel, self.skill.is_some())
    }

    /// Counts the tokens of a call of this model, with what they cost.
    pub(super) fn bill(&mut self, feature: Feature, asked: &Candidate, counted: Counted) -> Usage {
        let Counted { mut usage, estimated } = counted;
        usage.cost = asked.price.map(|price| price.cost(&usage)).unwrap_or_default();
        self.usage += usage;
        self.engine.telemetry().meters.tokens(&asked.model, &usage, counted.is_answered());
        let (id, model) = (Uuid::now_v7(), asked.model.clone());
        let own_key = asked.secret.is_some();
        self.unbilled.push(Call { id, feature, model, own_key, usage, estimated });
        usage
    }

    /// The same of an answer of the model that the run asks.
    pub(super) fn bill_answer(&mut self, answer: &Answer) -> Usage {
        let counted =
            self.counted(answer.usage, || self.prompt_bytes(), || Broken::from(answer).received, true);
        self.bill_current(counted)
    }

    /// The same of what broke off, if anything did.
    pub(super) fn bill_broken(&mut self, broken: Option<Broken>) {
        if let Some(Broken { usage, received, whole }) = broken {
            let counted = self.counted(usage, || self.prompt_bytes(), || received, whole);
            self.bill_current(counted);
        }
    }

    fn bill_current(&mut self, counted: Counted) -> Usage {
        let asked = self.ring.current().clone();
        let usage = self.bill(self.feature(), &asked, counted);
        if let Some(call) = &mut self.call {
            call.used(usage);
        }
        usage
    }

    /// What the provider has told of a call; where it told nothing, what the bytes amount to that were sent and received.
    /// Many tell how long an answer is at its end alone: of one that broke off before it, more may have come than was told.
    /// The bytes are measured only where they are needed: most providers tell.
    pub(super) fn counted(
        &self,
        told: Usage,
        sent: impl FnOnce() -> usize,
        received: impl FnOnce() -> usize,
        whole: bool,
    ) -> Counted {
        let estimate = |bytes| i64::try_from(tokens(bytes, self.token_ratio)).unwrap_or(i64::MAX);
        let mut usage = told;
        if told.prompt_tokens() == 0 {
            usage.input_tokens = estimate(sent());
        }
        if told.output_tokens == 0 || !whole {
            usage.output_tokens = told.output_tokens.max(estimate(received()));
        }
        Counted { usage, estimated: usage != told }
    }

    /// What is sent with each call: tools, system and conversation.
    pub(super) fn prompt_bytes(&self) -> usize {
        let messages: usize = self.history.iter().map(super::compact::bytes).sum();
        messages + self.frozen.tools.len() + self.frozen.system.len()
    }

    /// What no stored step accounts for yet.
    pub(super) fn spent_since(&self) -> Usage {
        self.unbilled.iter().map(|call| call.usage).sum()
    }

    /// It is stored.
    pub(super) fn billed(&mut self) {
        self.standings = self.standings_now();
        self.unbilled.clear();
        self.warn();
    }

    /// Where the limits stood before, and what this run has used since.
    fn standings_now(&self) -> Vec<Standing> {
        let spent = self.spent_since().into();
        self.standings.iter().map(|standing| standing.and(spent)).collect()
    }

    fn warn(&self) {
        self.engine.warn((self.lease.org, self.lease.author), &self.standings);
    }

    /// What the next model call may use, to be set aside; none where nothing is counted.
    pub(super) fn needs(&self) -> Option<Spent> {
        let asked = self.ring.current();
        self.needs_of(asked, || self.prompt_bytes(), self.engine.max_tokens(asked))
    }

    /// What a call of this model may use that sends so many bytes and is answered with so many tokens at most.
    pub(super) fn needs_of(
        &self,
        asked: &Candidate,
        sent: impl FnOnce() -> usize,
        answer: u32,
    ) -> Option<Spent> {
        self.limits.counts().then_some(())?;
        let mut usage = Usage {
            input_tokens: i64::try_from(tokens(sent(), self.token_ratio)).unwrap_or(i64::MAX),
            output_tokens: answer.into(),
            ..Usage::default()
        };
        usage.cost = asked.price.map(|price| price.cost(&usage)).unwrap_or_default();
        Some(usage.into())
    }

    /// Before each model call: stores what earlier calls have used that broke off, sets aside what this one may use, and
    /// ends the run where nothing is left.
    pub(super) async fn afford(&mut self, needs: Option<Spent>) -> Result<(), Left> {
        let limits = self.limits;
        if let Some(empty) = budget::exhausted(&limits.of_run(self.usage.into())) {
            return self.out_of(empty).await;
        }
        if needs.is_none() && self.unbilled.is_empty() {
            return Ok(());
        }
        let mut tx = self.guarded().await?;
        usage::record(&mut tx, &self.unbilled).await?;
        let mut standings = Vec::new();
        let mut empty = None;
        if let Some(needs) = needs {
            let (user, run) = (self.lease.author, Some(self.lease.run));
            standings = budgets::standings(tx.tenant(), &limits, user, run).await?;
            empty = budget::exhausted(&standings).copied();
            if empty.is_none() {
                budgets::reserve_for(&mut tx, needs).await?;
            }
        }
        tx.commit().await?;
        self.unbilled.clear();
        self.standings = standings;
        self.warn();
        match empty {
            Some(empty) => self.out_of(&empty).await,
            None => Ok(()),
        }
    }

    /// What was said stays.
    async fn out_of(&mut self, empty: &Standing) -> Result<(), Left> {
        self.engine.telemetry().meters.over_budget(empty.scope);
        self.failed(budget::EXHAUSTED, &empty.to_string(), false).await
    }
}
