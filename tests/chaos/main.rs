//! Servers die, stop for longer than their lease, and lose their database, while people talk to them. Everything is
//! counted: what was tried, against a floor, so that a run which tested nothing fails; and what went wrong, which must
//! be nothing. The table goes to standard output and to `docs/reliability.md`.

#[expect(dead_code, unused_imports, reason = "the tests use the rest")]
#[path = "../src/harness/mod.rs"]
mod harness;
#[path = "../src/crashes"]
mod crashes {
    pub mod approvals;
    pub mod findings;
    pub mod retention;
    pub mod schedules;
    pub mod script;
    pub mod sequences;
    pub mod slack;
    pub mod trial;
}
#[expect(dead_code, unused_imports, reason = "the tests use the rest")]
#[path = "../src/slack"]
mod slack {
    pub mod standin;
    pub mod workspace;
}
mod client;
mod handover;
mod points;
mod postgres;
mod report;
mod storm;

use std::process::ExitCode;

use report::Report;

/// How much is done; the floors are of the same size.
pub struct Size {
    /// Deaths at each point.
    pub deaths: usize,
    /// Turns in the storm.
    pub turns: usize,
    /// Take-overs that are measured, of each kind.
    pub handovers: usize,
    /// Streams during a rolling restart.
    pub streams: usize,
}

/// `points`, `storm`, `handover` choose parts; `deaths=20 turns=200 handovers=5 streams=50` make them smaller.
fn arguments() -> (Size, Vec<String>) {
    let mut size = Size { deaths: 100, turns: 1000, handovers: 20, streams: 200 };
    let mut parts = Vec::new();
    for argument in std::env::args().skip(1).filter(|argument| !argument.starts_with('-')) {
        let Some((name, number)) = argument.split_once('=') else {
            parts.push(argument);
            continue;
        };
        let number = number.parse().expect("a number");
        match name {
            "deaths" => size.deaths = number,
            "turns" => size.turns = number,
            "handovers" => size.handovers = number,
            "streams" => size.streams = number,
            _ => panic!("there is no size {name}"),
        }
    }
    (size, parts)
}

async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate()).expect("a signal's handler");
    tokio::select! { _ = terminate.recv() => {} _ = tokio::signal::ctrl_c() => {} }
}

#[tokio::main]
async fn main() -> ExitCode {
    let (size, parts) = arguments();
    let wanted = |part: &str| parts.is_empty() || parts.iter().any(|wanted| wanted == part);
    let mut report = Report::new(&size);
    let all = async {
        if wanted("handover") {
            handover::measure(&size, &mut report).await;
        }
        if wanted("points") {
            points::die(&size, &mut report).await;
        }
        if wanted("storm") {
            storm::rage(&size, &mut report).await;
        }
    };
    // Dropped, they end their servers.
    tokio::select! {
        () = all => {}
        () = interrupted() => return ExitCode::FAILURE,
    }
    match report.publish(parts.is_empty()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::FAILURE
        }
    }
}
