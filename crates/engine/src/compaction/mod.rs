//! When a conversation has outgrown its prompt: what is cut off, how it is
//! archived, how it is summed up. Pure parts; the run does the steps.

mod cut;
mod passages;
mod summary;

pub use cut::{Keep, cut};
pub use passages::{passages, text};
pub use summary::{ANSWER, extract, key_points, request, requests};

use std::time::Duration;

/// What an operator may set; the model's window decides the rest.
#[derive(Clone, Copy, Debug, Default)]
pub struct Thresholds {
    /// Tokens of the messages at which a conversation is compacted.
    pub at_tokens: Option<usize>,
    /// Tokens of the newest messages that stay verbatim.
    pub keep_tokens: Option<usize>,
    /// Newest messages that stay verbatim.
    pub keep_messages: Option<usize>,
}

/// Part of the window, without system, tools and answer, that messages may fill.
const FILL: usize = 75;
const KEEP_TOKENS: usize = 20_000;
const KEEP_MESSAGES: usize = 10;
/// Compactions of one run that may free nothing before it says so.
pub const FUTILE: u32 = 3;
/// Longest time that a summary may take; then one is made without a model.
pub const SUMMARY_TIME: Duration = Duration::from_mins(1);

impl Thresholds {
    /// Tokens of the messages at which a prompt of this size is compacted.
    pub fn at(&self, window: usize, fixed: usize, answer: usize) -> usize {
        self.at_tokens.unwrap_or_else(|| window.saturating_sub(fixed + answer) * FILL / 100)
    }

    pub fn keep(&self) -> Keep {
        Keep {
            tokens: self.keep_tokens.unwrap_or(KEEP_TOKENS),
            messages: self.keep_messages.unwrap_or(KEEP_MESSAGES),
        }
    }
}

/// Tokens of so many bytes of stored JSON text. Measured calls correct the estimate: `ratio` is
/// tokens per byte of the last prompt that a provider has counted.
pub fn tokens(bytes: usize, ratio: Option<f64>) -> usize {
    match ratio {
        None => model::tokens::estimate(bytes),
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "an estimate of positive numbers far below 2^52"
        )]
        Some(ratio) => (bytes as f64 * ratio).ceil() as usize,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_threshold_is_three_quarters_of_what_the_window_leaves() {
        let thresholds = Thresholds::default();
        assert_eq!(thresholds.at(200_000, 10_000, 10_000), 135_000);
        assert_eq!(thresholds.at(1_000, 2_000, 10), 0);
        assert_eq!(Thresholds { at_tokens: Some(7), ..thresholds }.at(200_000, 0, 0), 7);
    }
}
