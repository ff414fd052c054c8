//! The clients against a provider on a loopback port that misbehaves on cue.

mod chat;
mod fake;
mod messages;
