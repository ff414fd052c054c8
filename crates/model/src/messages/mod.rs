//! The Messages API (Anthropic, and the servers that speak it).

mod assemble;
mod client;
mod endpoint;
mod partial;
mod reading;
mod unsigned;
mod wire;

pub use client::MessagesClient;
pub use endpoint::{Auth, Endpoint};
pub(crate) use reading::Reading;
