//! `sixty model-sim`: the stand-in as a process.

use std::{future::Future, io, net::SocketAddr, time::Duration};

use tokio::net::TcpListener;

use crate::Sim;

/// What the command line says; what is `None` keeps the stand-in's default.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Answer only what `POST /sim/script` queued, instead of the demo.
    pub scripted: bool,
    /// Answer this many numbered tokens, for benchmarks.
    pub bench_tokens: Option<usize>,
    /// Wait before the first token.
    pub first: Option<Duration>,
    /// Wait between tokens.
    pub gap: Option<Duration>,
    /// Size of the context window in tokens.
    pub window: Option<u64>,
}

impl Options {
    /// The stand-in that these options describe.
    pub fn sim(&self) -> Sim {
        let first = self.first.unwrap_or(Duration::from_millis(10));
        let gap = self.gap.unwrap_or(Duration::from_millis(15));
        let sim = match (self.bench_tokens, self.scripted) {
            (Some(tokens), _) => Sim::bench(tokens, first, gap),
            (None, true) => Sim::scripted(),
            (None, false) => Sim::demo(),
        };
        if self.first.is_some() || self.gap.is_some() {
            sim.pace(first, gap);
        }
        if let Some(window) = self.window {
            sim.window(window);
        }
        sim
    }
}

/// Listens and serves until `shutdown`; says where on standard output.
pub async fn run(
    listen: SocketAddr,
    options: &Options,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let listener = TcpListener::bind(listen).await?;
    println!("model-sim listens on http://{}", listener.local_addr()?);
    options.sim().serve(listener, shutdown).await
}
