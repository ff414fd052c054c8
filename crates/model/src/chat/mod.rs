//! Chat Completions (OpenAI, and the many servers that speak it), through
//! `async-openai`.
//!
//! That crate knows the requests and reads the streams. Its types for both stay
//! unused, because compatible servers do not keep to them; and its way to the
//! network is replaced by [`transport`], because it retries by a rule of its
//! own, hides the headers of refusals, and logs what it cannot read.

mod assemble;
mod call;
mod client;
mod endpoint;
mod events;
mod reading;
mod translate;
mod transport;
mod wire;

pub use client::ChatClient;
pub use endpoint::{ChatEndpoint, Dialect};
pub(crate) use reading::Reading;
