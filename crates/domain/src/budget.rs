//! Budgets: what may be used, what has been, and when there is nothing left. No IO.

mod standing;

use std::fmt;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Cost, FieldError, Usage, permission::words};

pub use standing::{Amount, Standing, exhausted};

/// The code of what is refused, or fails, because nothing is left.
pub const EXHAUSTED: &str = "budget_exhausted";
/// Largest limits that can be set: more than anybody pays for.
const MOST_TOKENS: i64 = 1_000_000_000_000_000;
const MOST_COST: Cost = Cost(1_000_000 * 1_000_000_000);

words! {
    /// Whose budget it is.
    Scope {
        Org = "org",
        /// Each member's.
        User = "user",
        /// Each run's.
        Run = "run",
    }
}

words! {
    /// After what a budget begins anew. Days and months are those of UTC.
    Period {
        Day = "day",
        Month = "month",
        /// Never.
        Run = "run",
    }
}

words! {
    Unit {
        Tokens = "tokens",
        Usd = "usd",
    }
}

/// What may be used. What is left out has no limit; 0 is nothing at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Of the organization.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub org: Option<PeriodLimits>,
    /// Of each member.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<PeriodLimits>,
    /// Of each run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunLimits>,
}

/// Tokens are all that are sent and received, those in the provider's cache too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PeriodLimits {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 1_000_000_000_000_000_i64)]
    pub daily_tokens: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 1_000_000_000_000_000_i64)]
    pub monthly_tokens: Option<i64>,
    /// US dollars.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<f64>, minimum = 0, maximum = 1_000_000)]
    pub daily_usd: Option<Cost>,
    /// US dollars.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<f64>, minimum = 0, maximum = 1_000_000)]
    pub monthly_usd: Option<Cost>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RunLimits {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 1_000_000_000_000_000_i64)]
    pub tokens: Option<i64>,
    /// US dollars.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<f64>, minimum = 0, maximum = 1_000_000)]
    pub usd: Option<Cost>,
}

/// Tokens of any kind, and what they cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    pub tokens: i64,
    pub cost: Cost,
}

impl From<Usage> for Spent {
    fn from(usage: Usage) -> Self {
        Self { tokens: usage.prompt_tokens() + usage.output_tokens, cost: usage.cost }
    }
}

/// What was used today and this month, and what is set aside for model calls that are under way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Used {
    pub day: Spent,
    pub month: Spent,
    pub reserved: Spent,
}

impl Limits {
    /// Whether anything of people or the organization is limited, and so has to be counted.
    pub fn counts(&self) -> bool {
        [self.org, self.user].into_iter().flatten().any(|limits| limits != PeriodLimits::default())
    }

    /// Fields of the limits in money that are set. While there is one, only models are asked whose price is known:
    /// calls of others would cost nothing.
    pub fn in_money(&self) -> impl Iterator<Item = &'static str> {
        self.dollars().into_iter().filter(|(_, limit)| limit.is_some()).map(|(field, _)| field)
    }

    /// Those of them that need prices: under a limit of 0 nothing begins, whatever it would cost.
    pub fn needing_prices(&self) -> impl Iterator<Item = &'static str> {
        let above_zero = |(_, limit): &(_, Option<Cost>)| limit.is_some_and(|limit| limit > Cost(0));
        self.dollars().into_iter().filter(above_zero).map(|(field, _)| field)
    }

    /// Where the limits of the person and the organization stand, on this day.
    pub fn standings(&self, user: Used, org: Used, today: NaiveDate) -> Vec<Standing> {
        let of = |scope, limits: Option<PeriodLimits>, used: Used| {
            let limits = limits.unwrap_or_default();
            let day = both(limits.daily_tokens, limits.daily_usd, (scope, Period::Day), used.day);
            let month = both(limits.monthly_tokens, limits.monthly_usd, (scope, Period::Month), used.month);
            day.into_iter().chain(month).map(move |limit| limit.standing(used.reserved, today))
        };
        of(Scope::User, self.user, user).chain(of(Scope::Org, self.org, org)).collect()
    }

    /// Where a run stands that has used this much.
    pub fn of_run(&self, spent: Spent) -> Vec<Standing> {
        let limits = self.run.unwrap_or_default();
        let both = both(limits.tokens, limits.usd, (Scope::Run, Period::Run), spent);
        both.into_iter().map(|limit| limit.standing(Spent::default(), NaiveDate::MIN)).collect()
    }

    /// What is wrong with them.
    pub fn check(&self) -> Vec<FieldError> {
        let tokens = self.tokens().into_iter().filter_map(|(field, limit)| {
            let wrong = limit.is_some_and(|limit| !(0..=MOST_TOKENS).contains(&limit));
            wrong.then(|| refused(field, format!("must be a whole number from 0 to {MOST_TOKENS}")))
        });
        let dollars = self.dollars().into_iter().filter_map(|(field, limit)| {
            let wrong = limit.is_some_and(|limit| !(Cost(0)..=MOST_COST).contains(&limit));
            wrong.then(|| refused(field, "must be a number of dollars from 0 to 1000000"))
        });
        tokens.chain(dollars).collect()
    }

    fn tokens(&self) -> [(&'static str, Option<i64>); 5] {
        let (org, user) = (self.org.unwrap_or_default(), self.user.unwrap_or_default());
        [
            ("org.daily_tokens", org.daily_tokens),
            ("org.monthly_tokens", org.monthly_tokens),
            ("user.daily_tokens", user.daily_tokens),
            ("user.monthly_tokens", user.monthly_tokens),
            ("run.tokens", self.run.unwrap_or_default().tokens),
        ]
    }

    fn dollars(&self) -> [(&'static str, Option<Cost>); 5] {
        let (org, user) = (self.org.unwrap_or_default(), self.user.unwrap_or_default());
        [
            ("org.daily_usd", org.daily_usd),
            ("org.monthly_usd", org.monthly_usd),
            ("user.daily_usd", user.daily_usd),
            ("user.monthly_usd", user.monthly_usd),
            ("run.usd", self.run.unwrap_or_default().usd),
        ]
    }
}

/// A limit and what was used of it.
struct Limited {
    of: (Scope, Period),
    limit: Amount,
    used: Spent,
}

impl Limited {
    fn standing(self, reserved: Spent, today: NaiveDate) -> Standing {
        let numbers = (self.limit.part(self.used), self.limit.part(reserved));
        Standing::new(self.of, self.limit, numbers, today)
    }
}

fn both(tokens: Option<i64>, cost: Option<Cost>, of: (Scope, Period), used: Spent) -> Vec<Limited> {
    let limits = tokens.map(Amount::Tokens).into_iter().chain(cost.map(Amount::Usd));
    limits.map(|limit| Limited { of, limit, used }).collect()
}

fn refused(field: &str, error: impl Into<String>) -> FieldError {
    FieldError { field: field.into(), error: error.into() }
}

#[cfg(test)]
mod tests;
