//! A stand-in for model providers that speaks their real wire.
//!
//! It depends on no other crate of ours: only the wire is shared, so that a
//! mistake in our client cannot cancel itself out here. Requests are checked as
//! strictly as the real API checks them; answers are scripted by a test
//! ([`Sim::scripted`]), made by a small honest program ([`Sim::demo`]) or
//! counted out for a benchmark ([`Sim::bench`]).
//!
//! ```no_run
//! # async fn example() -> std::io::Result<()> {
//! use model_sim::{Gate, Reply, Sim};
//!
//! let sim = Sim::scripted();
//! let server = sim.start().await?; // point a client at server.url()
//! let gate = Gate::new();
//! sim.push(Reply::status(529));
//! sim.push_for("D-42", Reply::text("Acme renews in May.").hold_after(2, &gate));
//! gate.reached().await; // two deltas are out
//! gate.release();
//! let seen = sim.wait_for_requests(2).await;
//! # drop((server, seen)); Ok(())
//! # }
//! ```
//!
//! Each wire is a module of its own (`messages`, `chat`); replies, pace, gates, log and
//! the demo's wits know none.

mod bench;
mod chat;
mod control;
pub mod demo;
mod gate;
mod http;
mod messages;
mod options;
mod play;
pub mod reply;
mod request;
mod response;
mod script;
mod sim;
mod usage;

use std::sync::{Mutex, MutexGuard, PoisonError};

pub use gate::Gate;
pub use http::Running;
pub use options::{Options, run};
pub use reply::{Quirk, Reply};
pub use request::Request;
pub use sim::Sim;
pub use usage::Usage;

/// Cuts text into pieces of so many characters.
fn pieces(text: &str, chars: usize) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let end = rest.char_indices().nth(chars).map_or(rest.len(), |(at, _)| at);
        let (piece, after) = rest.split_at(end);
        rest = after;
        (!piece.is_empty()).then_some(piece)
    })
}

/// A test that panicked while it held a lock is reported by itself.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
