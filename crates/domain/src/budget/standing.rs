//! Where limits stand: how much is used, what is left, and in which words that is told.

use std::fmt;

use chrono::{DateTime, Datelike as _, Days, Months, NaiveDate, NaiveTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Period, Scope, Spent, Unit};
use crate::Cost;

/// Part of a limit at which people are warned.
const WARN_PERCENT: i128 = 80;

/// An amount in the unit of its limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Amount {
    Tokens(i64),
    Usd(Cost),
}

impl Amount {
    /// In tokens, or billionths of a dollar.
    pub fn number(self) -> i64 {
        match self {
            Amount::Tokens(number) | Amount::Usd(Cost(number)) => number,
        }
    }

    fn of(self, number: i64) -> Self {
        match self {
            Amount::Tokens(_) => Amount::Tokens(number),
            Amount::Usd(_) => Amount::Usd(Cost(number)),
        }
    }

    /// What of this is in its unit.
    pub(super) fn part(self, spent: Spent) -> i64 {
        match self {
            Amount::Tokens(_) => spent.tokens,
            Amount::Usd(_) => spent.cost.0,
        }
    }

    fn unit(self) -> Unit {
        match self {
            Amount::Tokens(_) => Unit::Tokens,
            Amount::Usd(_) => Unit::Usd,
        }
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Amount::Tokens(tokens) => write!(f, "{tokens} tokens"),
            #[expect(clippy::cast_precision_loss, reason = "exact up to nine million dollars")]
            Amount::Usd(Cost(cost)) => write!(f, "${:.4}", *cost as f64 / 1e9),
        }
    }
}

/// Where one limit stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Standing {
    pub scope: Scope,
    pub period: Period,
    pub unit: Unit,
    #[schema(value_type = f64)]
    pub limit: Amount,
    #[schema(value_type = f64)]
    pub used: Amount,
    /// Set aside for model calls that are under way.
    #[schema(value_type = f64)]
    pub reserved: Amount,
    #[schema(value_type = f64)]
    pub left: Amount,
    /// When it begins anew; null: never.
    #[schema(required)]
    pub resets_at: Option<DateTime<Utc>>,
}

impl Standing {
    pub(super) fn new(
        (scope, period): (Scope, Period),
        limit: Amount,
        (used, reserved): (i64, i64),
        today: NaiveDate,
    ) -> Self {
        let left = limit.number().saturating_sub(used).saturating_sub(reserved).max(0);
        Self {
            scope,
            period,
            unit: limit.unit(),
            limit,
            used: limit.of(used),
            reserved: limit.of(reserved),
            left: limit.of(left),
            resets_at: reset(period, today),
        }
    }

    /// The same after this was used as well.
    #[must_use]
    pub fn and(&self, spent: Spent) -> Self {
        let more = self.limit.part(spent);
        let used = self.used.number().saturating_add(more);
        let left = self.left.number().saturating_sub(more).max(0);
        Self { used: self.used.of(used), left: self.left.of(left), ..*self }
    }

    /// No further model call may begin.
    pub fn is_exhausted(&self) -> bool {
        self.left.number() == 0
    }

    /// What is used is near the limit, or beyond it.
    pub fn is_near(&self) -> bool {
        let (used, limit) = (i128::from(self.used.number()), i128::from(self.limit.number()));
        limit > 0 && used * 100 >= limit * WARN_PERCENT
    }

    /// Whose budget it is, in words.
    fn name(&self) -> &'static str {
        match (self.scope, self.period) {
            (Scope::Org, Period::Day) => "the organization's daily budget",
            (Scope::Org, _) => "the organization's monthly budget",
            (Scope::User, Period::Day) => "your daily budget",
            (Scope::User, _) => "your monthly budget",
            (Scope::Run, _) => "the budget of a run",
        }
    }

    fn when(&self) -> String {
        let at = self.resets_at.map(|at| format!("; it begins anew at {}", at.format("%Y-%m-%d %H:%M UTC")));
        at.unwrap_or_default()
    }

    /// That it is near the limit, as the title of a warning.
    pub fn headline(&self) -> String {
        format!("{WARN_PERCENT} % of {} are used", self.name())
    }

    /// How much of it is used, for a warning.
    pub fn warning(&self) -> String {
        format!("{} of {} are used{}.", self.used, self.limit, self.when())
    }
}

/// Why a model call may not begin.
impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, limit, used, when) = (self.name(), self.limit, self.used, self.when());
        if self.reserved.number() == 0 || self.used.number() >= self.limit.number() {
            return write!(f, "{name} of {limit} is used up: {used} are used{when}");
        }
        let reserved = self.reserved;
        write!(
            f,
            "nothing is left of {name} of {limit}: {used} are used, and {reserved} are set aside for what is \
             under way{when}"
        )
    }
}

fn reset(period: Period, today: NaiveDate) -> Option<DateTime<Utc>> {
    let day = match period {
        Period::Day => today.checked_add_days(Days::new(1)),
        Period::Month => today.with_day(1).and_then(|first| first.checked_add_months(Months::new(1))),
        Period::Run => None,
    };
    day.map(|day| day.and_time(NaiveTime::MIN).and_utc())
}

/// The limit that lets no model call begin; of several the one that begins anew last, for there is nothing before.
pub fn exhausted(standings: &[Standing]) -> Option<&Standing> {
    let empty = standings.iter().filter(|standing| standing.is_exhausted());
    // Of equals, `max_by_key` takes the last: the first of them is a person's own.
    empty.rev().max_by_key(|standing| standing.resets_at)
}
