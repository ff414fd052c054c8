//! Slack: the copilot where the team already talks.

pub mod command;
pub mod render;
pub mod signature;
