//! The client against a provider on a loopback port that misbehaves on cue.

mod calls;
mod fake;
mod refusals;
mod streams;
