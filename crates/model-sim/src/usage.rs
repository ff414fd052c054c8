//! Tokens, by estimate.

use serde::{Deserialize, Serialize};

/// What an answer says it used, in tokens. `input_tokens` is the part of the
/// prompt that was neither read from the cache nor written to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Usage {
    pub input_tokens: u64,
    pub cache_creation_input_tokens: u64,
    pub cache_read_input_tokens: u64,
    pub output_tokens: u64,
}

/// Four characters to a token: the rule of thumb that the stand-in reports by.
pub(crate) fn tokens(chars: usize) -> u64 {
    chars.div_ceil(4) as u64
}
