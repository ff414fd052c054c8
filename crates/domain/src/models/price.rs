//! What a model costs.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Cost, Usage};

/// US dollars for a million tokens. What is left out costs as much as `input`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Price {
    pub input: f64,
    pub output: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_read: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_write: Option<f64>,
}

const MILLION: f64 = 1e6;

impl Price {
    /// Whether each of its numbers is one of dollars, from 0 to a million.
    pub fn is_sane(&self) -> bool {
        let all = [Some(self.input), Some(self.output), self.cache_read, self.cache_write];
        all.into_iter().flatten().all(|price| (0.0..=1e6).contains(&price))
    }

    pub fn cost(&self, usage: &Usage) -> Cost {
        let part = |tokens: i64, price: f64| {
            #[expect(clippy::cast_precision_loss, reason = "no model call has that many tokens")]
            let tokens = tokens as f64;
            tokens * price / MILLION
        };
        Cost::of_usd(
            part(usage.input_tokens, self.input)
                + part(usage.output_tokens, self.output)
                + part(usage.cache_read_input_tokens, self.cache_read.unwrap_or(self.input))
                + part(usage.cache_creation_input_tokens, self.cache_write.unwrap_or(self.input)),
        )
    }
}
