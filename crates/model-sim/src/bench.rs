//! The upstream of benchmarks: frames are encoded once and sent by reference.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;

use crate::{Reply, messages};

/// A fixed answer of numbered tokens.
pub(crate) struct Bench {
    pub tokens: usize,
    /// From the end of the request to the first token.
    pub first: Duration,
    pub gap: Duration,
    /// The whole answer, for requests that want no stream.
    pub text: String,
    /// The answer as the Messages API streams it.
    pub deltas: Arc<[Bytes]>,
}

impl Bench {
    pub fn new(tokens: usize, first: Duration, gap: Duration) -> Self {
        let words: Vec<_> = (0..tokens).map(word).collect();
        let deltas = messages::bench_deltas(words.iter().map(String::as_str), gap);
        Self { tokens, first, gap, text: words.concat(), deltas }
    }

    /// The answer on a wire that has no encoding of its own for it.
    pub fn reply(&self) -> Reply {
        Reply::text(&self.text).delay_first(self.first).delay_between(self.gap)
    }
}

fn word(index: usize) -> String {
    if index == 0 { "tok0".to_owned() } else { format!(" tok{index}") }
}
