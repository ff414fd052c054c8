//! A gate holds an answer until the test lets it go, so that no test sleeps.

use std::sync::Arc;

use tokio::sync::watch;

/// A place in an answer where the stand-in waits for [`Gate::release`].
/// One gate may hold any number of answers; clones are the same gate.
#[derive(Clone, Debug)]
pub struct Gate {
    state: Arc<State>,
}

#[derive(Debug)]
struct State {
    waiting: watch::Sender<usize>,
    open: watch::Sender<bool>,
}

impl Default for Gate {
    fn default() -> Self {
        Self::new()
    }
}

impl Gate {
    /// A closed gate.
    pub fn new() -> Self {
        let state = State { waiting: watch::Sender::new(0), open: watch::Sender::new(false) };
        Self { state: Arc::new(state) }
    }

    /// Opens the gate for good: for everyone who waits and who comes later.
    pub fn release(&self) {
        self.state.open.send_replace(true);
    }

    /// Returns as soon as one answer has come to the gate.
    pub async fn reached(&self) {
        self.reached_by(1).await;
    }

    /// Returns as soon as `answers` answers have come to the gate.
    pub async fn reached_by(&self, answers: usize) {
        wait(&self.state.waiting, |count| *count >= answers).await;
    }

    /// The answer's side: says that it is here and waits.
    pub async fn pass(&self) {
        self.state.waiting.send_modify(|count| *count += 1);
        wait(&self.state.open, |open| *open).await;
    }
}

async fn wait<T>(sender: &watch::Sender<T>, condition: impl FnMut(&T) -> bool) {
    // The sender is borrowed here, so the channel cannot close meanwhile.
    sender.subscribe().wait_for(condition).await.map(drop).unwrap_or_default();
}
