//! Language model providers: what a run sends them and what comes back.
//!
//! A request is bytes that the caller has spliced together, as the Messages API
//! defines them. An answer arrives as [`Delta`]s and ends in an [`Answer`]; a
//! failure is a [`ModelError`], named by what the caller can do about it. A
//! [`Client`] speaks one of two protocols: [`messages`] sends those bytes, and
//! [`chat`] translates them both ways.

mod address;
mod answer;
mod arguments;
pub mod chat;
mod circuit;
mod client;
mod error;
mod framer;
mod http;
pub mod messages;
mod patience;
mod prices;
mod providers;
mod refusal;
mod retry;
mod stream;
pub mod tokens;

pub use address::BadEndpoint;
pub use answer::{Answer, Delta, InvalidInput, StopReason};
pub use chat::{ChatClient, ChatEndpoint, Dialect};
pub use circuit::Standing;
pub use client::{Client, ModelInfo};
pub use error::ModelError;
pub use messages::{Auth, Endpoint, MessagesClient};
pub use patience::Options;
pub use prices::Prices;
pub use providers::{Providers, Ring, Room};
pub use retry::RetryPolicy;
pub use stream::{AnswerStream, Broken};
