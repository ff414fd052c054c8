//! The running service beside a raw passthrough and the provider itself, in the same run.
//!
//! Each figure comes from interleaved rounds; an answer with a failed, missing or reordered frame ends the
//! benchmark without a figure. The table goes to standard output and to `docs/benchmarks.md`.

#![expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts and times of a benchmark are far from the limits"
)]

mod archives;
mod bm25;
mod corpus;
mod counter;
mod load;
mod measure;
mod postgres;
mod process;
mod proxy;
mod report;
mod service;
mod stats;

use std::process::ExitCode;

pub type Error = Box<dyn std::error::Error + Send + Sync>;
pub type Result<T> = std::result::Result<T, Error>;

/// Where the repository is.
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

fn fail<T>(why: impl Into<String>) -> Result<T> {
    Err(why.into().into())
}

async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    if let Ok(mut terminate) = signal(SignalKind::terminate()) {
        tokio::select! { _ = terminate.recv() => {} _ = tokio::signal::ctrl_c() => {} }
    } else {
        std::future::pending::<()>().await;
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let done = if arguments.get(1).is_some_and(|first| first == "passthrough") {
        match arguments.get(2).and_then(|address| address.parse().ok()) {
            Some(upstream) => proxy::serve(upstream).await,
            None => fail("passthrough needs an address"),
        }
    } else {
        // `cargo bench` adds a flag of its own.
        let parts: Vec<String> =
            arguments.into_iter().skip(1).filter(|argument| !argument.starts_with("--")).collect();
        // Dropped, it ends its servers.
        tokio::select! {
            measured = measure::all(&parts) => measured,
            () = interrupted() => fail("interrupted"),
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
