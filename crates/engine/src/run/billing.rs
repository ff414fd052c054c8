//! What a run's model calls use: it is counted, stored with whatever the run stores next, and kept within budgets.

use domain::{
    Usage,
    budget::{self, Limits, Spent, Standing},
    models::{Candidate, Feature},
    usage::Call,
};
use store::budgets;

use super::{Left, Run};
use crate::{compaction::tokens, routing};

impl Run {
    /// What its answers are for.
    pub(super) fn feature(&self) -> Feature {
        routing::feature(self.channel, self.skill.is_some())
    }

    /// Counts the tokens of a call of this model, with what they cost.
    pub(super) fn bill(&mut self, feature: Feature, asked: &Candidate, mut usage: Usage) -> Usage {
        usage.cost = asked.price.map(|price| price.cost(&usage)).unwrap_or_default();
        self.usage += usage;
        let own_key = asked.secret.is_some();
        self.unbilled.push(Call { feature, model: asked.model.clone(), own_key, usage });
        usage
    }

    /// The same of an answer of the model that the run asks.
    pub(super) fn bill_answer(&mut self, usage: Usage) -> Usage {
        let asked = self.ring.current().clone();
        self.bill(self.feature(), &asked, usage)
    }

    /// What a call has used that did not come to its end, as far as its provider has told.
    pub(super) fn bill_broken(&mut self, usage: Usage) {
        if usage != Usage::default() {
            self.bill_answer(usage);
        }
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
        self.limits.filter(Limits::counts)?;
        let chars: usize = self.history.iter().map(super::compact::chars).sum();
        let prompt = tokens(chars + self.frozen.tools.len() + self.frozen.system.len(), self.token_ratio);
        let mut usage = Usage {
            input_tokens: i64::try_from(prompt).unwrap_or(i64::MAX),
            output_tokens: self.engine.max_tokens(self.ring.current()).into(),
            ..Usage::default()
        };
        usage.cost = self.ring.current().price.map(|price| price.cost(&usage)).unwrap_or_default();
        Some(usage.into())
    }

    /// Before each model call: sets aside what it may use, and ends the run where nothing is left.
    pub(super) async fn afford(&mut self) -> Result<(), Left> {
        let Some(limits) = self.limits else { return Ok(()) };
        if let Some(empty) = budget::exhausted(&limits.of_run(self.usage.into())) {
            return self.out_of(empty).await;
        }
        let Some(needs) = self.needs() else { return Ok(()) };
        let mut tx = self.guarded().await?;
        let (user, run) = (self.lease.author, Some(self.lease.run));
        self.standings = budgets::standings(tx.tenant(), &limits, user, run).await?;
        self.warn();
        let empty = budget::exhausted(&self.standings_now()).copied();
        if empty.is_none() {
            budgets::reserve_for(&mut tx, needs).await?;
        }
        tx.commit().await?;
        match empty {
            Some(empty) => self.out_of(&empty).await,
            None => Ok(()),
        }
    }

    /// What was said stays.
    async fn out_of(&mut self, empty: &Standing) -> Result<(), Left> {
        self.failed(budget::EXHAUSTED, &empty.to_string(), false).await
    }
}
