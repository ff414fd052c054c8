//! The guard against a model that calls the same tool again and again. It looks
//! at the result too: asking until something changes is legitimate, and a batch
//! of different calls is no repetition.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
};

/// The model is told at this many equal calls with equal results.
const WARN_AT: u32 = 3;
/// From here on the call is not performed.
const BLOCK_AT: u32 = 5;
/// Repetitions of any call that end the run.
const STOP_AT: u32 = 30;

/// What the guard says of a call before it is performed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Go,
    /// Refuse the call, and tell the model why.
    Block,
    /// End the run.
    Stop,
}

/// Counts calls of one run by tool, arguments and result.
#[derive(Debug, Default)]
pub struct RepetitionGuard {
    /// Per call: its last result, and how often in all it brought that one.
    seen: HashMap<u64, (u64, u32)>,
    repeated: u32,
}

impl RepetitionGuard {
    /// `beside` counts the equal calls that come before this one in the same answer.
    pub fn judge(&self, tool: &str, args: &str, beside: u32) -> Verdict {
        if self.repeated >= STOP_AT {
            return Verdict::Stop;
        }
        let times = self.seen.get(&fingerprint(&(tool, args))).map_or(0, |(_, times)| *times);
        if times + beside + 1 >= BLOCK_AT { Verdict::Block } else { Verdict::Go }
    }

    /// Counts a call that was blocked: it repeats all the same.
    pub fn blocked(&mut self) {
        self.repeated += 1;
    }

    /// Counts an outcome; a remark for the model when it repeats itself.
    /// A-B-A-B is seen too, since other calls in between reset nothing.
    pub fn note(&mut self, tool: &str, args: &str, result: &str) -> Option<String> {
        let result = fingerprint(&result);
        let (last, times) = self.seen.entry(fingerprint(&(tool, args))).or_insert((result, 0));
        if *last != result {
            (*last, *times) = (result, 0);
        }
        *times += 1;
        if *times > 1 {
            self.repeated += 1;
        }
        (*times >= WARN_AT).then(|| {
            format!(
                "(You have made this same call {times} times, always with this result. Use what you have, or try \
                 something else.)"
            )
        })
    }
}

fn fingerprint(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_calls_are_warned_at_three_and_blocked_at_five() {
        let mut guard = RepetitionGuard::default();
        for n in 1..=4 {
            assert_eq!(guard.judge("find", "{}", 0), Verdict::Go);
            assert_eq!(guard.note("find", "{}", "none").is_some(), n >= 3, "call {n}");
        }
        assert_eq!(guard.judge("find", "{}", 0), Verdict::Block);
        assert_eq!(guard.judge("find", r#"{"q":1}"#, 0), Verdict::Go);
    }

    #[test]
    fn two_calls_in_turn_are_seen_as_repetition() {
        let mut guard = RepetitionGuard::default();
        for _ in 0..4 {
            guard.note("a", "{}", "x");
            guard.note("b", "{}", "y");
        }
        assert_eq!(guard.judge("a", "{}", 0), Verdict::Block);
        assert_eq!(guard.judge("b", "{}", 0), Verdict::Block);
    }

    #[test]
    fn a_batch_of_different_calls_passes() {
        let mut guard = RepetitionGuard::default();
        for n in 0..200 {
            let args = format!("{{\"id\":{n}}}");
            assert_eq!(guard.judge("get", &args, 0), Verdict::Go);
            assert_eq!(guard.note("get", &args, "not found"), None);
        }
    }

    #[test]
    fn a_call_whose_result_changes_may_go_on() {
        let mut guard = RepetitionGuard::default();
        for n in 0..50 {
            assert_eq!(guard.judge("poll", "{}", 0), Verdict::Go);
            assert_eq!(guard.note("poll", "{}", &n.to_string()), None);
        }
    }

    #[test]
    fn thirty_repetitions_end_the_run() {
        let mut guard = RepetitionGuard::default();
        for _ in 0..4 {
            guard.note("a", "{}", "x");
        }
        for _ in 0..30 {
            guard.blocked();
        }
        assert_eq!(guard.judge("b", "{}", 0), Verdict::Stop);
    }
}
