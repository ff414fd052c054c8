//! The provider's prompt cache, simulated closely enough to bill by.

use std::{collections::HashMap, time::Duration};

use tokio::time::Instant;

use super::prompt::{Prompt, Ttl};
use crate::Usage;

/// A shorter prefix is not cached (the smallest minimum of any model).
const MIN_TOKENS: u64 = 1_024;
/// How many blocks before a breakpoint are looked at, itself included.
const LOOKBACK: usize = 20;
const MAX_ENTRIES: usize = 100_000;

/// The prefixes that were written, each with the time of its end.
#[derive(Default)]
pub(crate) struct Cache {
    entries: HashMap<u64, Entry>,
}

struct Entry {
    until: Instant,
    ttl: Duration,
}

impl Cache {
    /// Reads the longest prefix that is there, writes one at each breakpoint,
    /// and says how the prompt's tokens divide. Output is left at zero.
    pub(super) fn charge(&mut self, prompt: &Prompt, now: Instant) -> Usage {
        let breakpoints: Vec<usize> = (0..prompt.blocks.len())
            .filter(|&at| prompt.blocks[at].breakpoint.is_some() && prompt.blocks[at].tokens >= MIN_TOKENS)
            .collect();
        let hits = breakpoints.iter().filter_map(|&at| self.hit(prompt, at, now));
        let read = hits.max().unwrap_or(0);
        let cached = breakpoints.last().map_or(0, |&at| prompt.blocks[at].tokens).max(read);
        for &at in &breakpoints {
            self.write(prompt, at, now);
        }
        Usage {
            input_tokens: prompt.tokens() - cached,
            cache_creation_input_tokens: cached - read,
            cache_read_input_tokens: read,
            output_tokens: 0,
        }
    }

    /// The tokens of the longest cached prefix that this breakpoint finds.
    fn hit(&mut self, prompt: &Prompt, at: usize, now: Instant) -> Option<u64> {
        let first = (at + 1).saturating_sub(LOOKBACK);
        (first..=at).rev().find_map(|at| {
            let block = &prompt.blocks[at];
            let entry = self.entries.get_mut(&block.prefix).filter(|entry| entry.until > now)?;
            entry.until = now + entry.ttl; // Every use begins the time anew.
            Some(block.tokens)
        })
    }

    fn write(&mut self, prompt: &Prompt, at: usize, now: Instant) {
        if self.entries.len() >= MAX_ENTRIES {
            self.entries.retain(|_, entry| entry.until > now);
        }
        let block = &prompt.blocks[at];
        let ttl = Duration::from_secs(if block.breakpoint == Some(Ttl::OneHour) { 3_600 } else { 300 });
        if self.entries.len() < MAX_ENTRIES {
            self.entries.insert(block.prefix, Entry { until: now + ttl, ttl });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::messages::prompt::Block;

    /// Blocks of 2,000 tokens each; `marks` says after which of them is a breakpoint.
    fn prompt(blocks: u64, marks: &[(u64, Ttl)]) -> Prompt {
        let breakpoint = |at| marks.iter().find(|(mark, _)| *mark == at).map(|(_, ttl)| *ttl);
        let block = |at| Block { prefix: at, tokens: 2_000 * at, breakpoint: breakpoint(at) };
        Prompt { blocks: (1..=blocks).map(block).collect() }
    }

    fn read(cache: &mut Cache, prompt: &Prompt, now: Instant) -> u64 {
        cache.charge(prompt, now).cache_read_input_tokens
    }

    #[test]
    fn a_breakpoint_looks_back_over_twenty_blocks_and_no_further() {
        let now = Instant::now();
        let mark = |at| [(at, Ttl::FiveMinutes)];
        for (length, expected) in [(20, 2_000), (21, 0)] {
            let mut cache = Cache::default();
            cache.charge(&prompt(1, &mark(1)), now);
            assert_eq!(read(&mut cache, &prompt(length, &mark(length)), now), expected);
        }
    }

    #[test]
    fn entries_live_for_their_time_from_their_last_use_on() {
        let (mut cache, start) = (Cache::default(), Instant::now());
        let minutes = |minutes: u64| start + Duration::from_secs(60 * minutes);
        let short = prompt(1, &[(1, Ttl::FiveMinutes)]);
        assert_eq!(read(&mut cache, &short, start), 0);
        assert_eq!(read(&mut cache, &short, minutes(4)), 2_000);
        assert_eq!(read(&mut cache, &short, minutes(8)), 2_000);
        assert_eq!(read(&mut cache, &short, minutes(13)), 0);
        let long = prompt(2, &[(2, Ttl::OneHour)]);
        read(&mut cache, &long, start);
        assert_eq!(read(&mut cache, &long, minutes(59)), 4_000);
    }

    #[test]
    fn the_parts_add_up_to_the_prompt() {
        let mut cache = Cache::default();
        cache.charge(&prompt(2, &[(2, Ttl::FiveMinutes)]), Instant::now());
        let usage = cache.charge(&prompt(5, &[(2, Ttl::FiveMinutes), (4, Ttl::FiveMinutes)]), Instant::now());
        let parts = (usage.cache_read_input_tokens, usage.cache_creation_input_tokens, usage.input_tokens);
        assert_eq!(parts, (4_000, 4_000, 2_000));
    }
}
