//! The Messages API (Anthropic, and the servers that speak it).

mod assemble;
mod client;
mod endpoint;
mod partial;
mod refusal;
mod stream;
mod wire;

pub use client::{MessagesClient, ModelInfo, Options};
pub use endpoint::{Auth, BadEndpoint, Endpoint};
pub use stream::AnswerStream;
