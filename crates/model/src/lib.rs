//! Language model providers: what a run sends them and what comes back.
//!
//! A request is bytes that the caller has spliced together; nothing here reads
//! or rewrites them. An answer arrives as [`Delta`]s and ends in an [`Answer`];
//! a failure is a [`ModelError`], named by what the caller can do about it.

mod answer;
mod circuit;
mod error;
mod framer;
pub mod messages;
mod prices;
mod providers;
mod retry;
pub mod tokens;

pub use answer::{Answer, Delta, InvalidInput, StopReason, ToolCall};
pub use circuit::Standing;
pub use error::ModelError;
pub use messages::{AnswerStream, Auth, BadEndpoint, Endpoint, MessagesClient, ModelInfo, Options};
pub use prices::Prices;
pub use providers::{Providers, Ring};
pub use retry::{Advice, RetryPolicy};

/// The client of a provider.
pub type Client = MessagesClient;
