//! What every handler can reach.

use std::{sync::Arc, time::Duration};

use engine::{Engine, telemetry::OpenStream};
use store::Store;

use crate::{auth::Verifier, config, observability::Exposition, rates::Rates, slack::Slack};

/// Two keep-alives of an event stream.
const PATIENCE: Duration = Duration::from_secs(30);

/// The shared parts of one process. Cheap to clone.
#[derive(Clone)]
pub struct App {
    pub engine: Engine,
    pub verifier: Verifier,
    pub rates: Arc<Rates>,
    pub public: Arc<Public>,
    /// Longest time in which a client accepts nothing of its answer before it is cut off.
    pub patience: Duration,
    /// What `/metrics` tells; none: it is switched off.
    pub exposition: Option<Arc<Exposition>>,
    /// None: Slack is not configured.
    pub slack: Option<Arc<Slack>>,
}

/// What the service says of itself to anybody.
#[derive(Clone, Debug, Default)]
pub struct Public {
    /// Exact origins that may call from a browser.
    pub cors_origins: Vec<String>,
    /// A worker answers to operators only.
    pub operations_only: bool,
}

impl App {
    pub fn new(engine: Engine, verifier: Verifier, rates: config::Rates, public: Public) -> Self {
        let meters = engine.telemetry().meters.clone();
        Self {
            engine,
            verifier,
            rates: Arc::new(Rates::new(rates, meters)),
            public: Arc::new(public),
            patience: PATIENCE,
            exposition: None,
            slack: None,
        }
    }

    /// The same, with numbers for operators: those that the engine was given the meters of.
    #[must_use]
    pub fn with_exposition(self, exposition: Exposition) -> Self {
        Self { exposition: Some(Arc::new(exposition)), ..self }
    }

    /// The same, with Slack. What works for Slack in the background begins with [`slack::start`](crate::slack::start).
    #[must_use]
    pub fn with_slack(self, slack: Slack) -> Self {
        Self { slack: Some(Arc::new(slack)), ..self }
    }

    /// The model of a run that decides when it begins: the session's, or the service's own.
    pub fn model(&self, chosen: Option<String>) -> String {
        chosen.unwrap_or_else(|| self.engine.settings().default_model.clone())
    }

    /// Counts one more event stream.
    pub fn open_stream(&self) -> OpenStream {
        self.engine.telemetry().meters.open_stream()
    }

    pub fn store(&self) -> &Store {
        self.engine.store()
    }
}
