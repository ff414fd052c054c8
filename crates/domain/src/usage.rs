//! Tokens of one or many model calls, and what they cost.

use std::ops::AddAssign;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{RunId, UserId, models::Feature};

/// Tokens as the Messages API counts them: `input_tokens` is the part that was
/// neither read from nor written to the provider's cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct Usage {
    pub input_tokens: i64,
    pub output_tokens: i64,
    pub cache_read_input_tokens: i64,
    pub cache_creation_input_tokens: i64,
    /// US dollars. Left out where no price of the model is known.
    #[serde(rename = "cost_usd", skip_serializing_if = "Cost::is_unknown")]
    #[schema(value_type = Option<f64>)]
    pub cost: Cost,
}

/// A model call that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// So that it is counted once, however often it is stored.
    pub id: Uuid,
    pub feature: Feature,
    /// `provider/model`, as it was asked.
    pub model: String,
    /// The organization's own key paid for it.
    pub own_key: bool,
    pub usage: Usage,
    /// The provider did not tell all of it.
    pub estimated: bool,
}

/// A model call, as the platform settles accounts.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct UsageEvent {
    pub id: Uuid,
    /// External id of the organization.
    pub organization: String,
    /// Internal id of whoever asked; null: the person was erased.
    #[schema(required)]
    pub user_id: Option<UserId>,
    pub run_id: RunId,
    /// `chat`, `slack`, `schedule`, `skill` or `summary`.
    pub feature: String,
    /// `provider/model`, as it was asked.
    pub model: String,
    /// Whether the organization's own key paid for it: it counts for budgets, and is not the platform's to bill.
    pub own_key: bool,
    #[serde(flatten)]
    pub usage: Usage,
    /// The provider did not tell all of it: what is missing was estimated from the text that was sent and received.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    pub estimated: bool,
    pub at: DateTime<Utc>,
}

/// US dollars, in billionths of one: whole numbers add up without a remainder. Nothing is what is not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cost(pub i64);

/// Billionths of a US dollar in one.
const BILLION: f64 = 1e9;

impl Cost {
    /// The nearest whole number of billionths.
    pub fn of_usd(usd: f64) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "`as` saturates")]
        Self((usd * BILLION).round() as i64)
    }

    pub fn is_unknown(&self) -> bool {
        self.0 == 0
    }
}

impl Serialize for Cost {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[expect(clippy::cast_precision_loss, reason = "exact up to nine million dollars")]
        serializer.serialize_f64(self.0 as f64 / BILLION)
    }
}

impl<'de> Deserialize<'de> for Cost {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        f64::deserialize(deserializer).map(Self::of_usd)
    }
}

impl Usage {
    /// The whole prompt, cached or not, in tokens.
    pub fn prompt_tokens(&self) -> i64 {
        self.input_tokens + self.cache_read_input_tokens + self.cache_creation_input_tokens
    }
}

impl std::iter::Sum for Usage {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |mut sum, usage| {
            sum += usage;
            sum
        })
    }
}

impl AddAssign for Usage {
    fn add_assign(&mut self, other: Self) {
        self.input_tokens += other.input_tokens;
        self.output_tokens += other.output_tokens;
        self.cache_read_input_tokens += other.cache_read_input_tokens;
        self.cache_creation_input_tokens += other.cache_creation_input_tokens;
        self.cost.0 += other.cost.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cost_is_told_in_dollars_and_read_again() {
        let usage = Usage { output_tokens: 7, cost: Cost(1_234_500_000), ..Usage::default() };
        let json = serde_json::to_string(&usage).expect("json");
        assert!(json.ends_with(r#""cost_usd":1.2345}"#), "{json}");
        assert_eq!(serde_json::from_str::<Usage>(&json).expect("usage"), usage);
        assert!(!serde_json::to_string(&Usage::default()).expect("json").contains("cost"));
    }
}
