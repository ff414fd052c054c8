//! How much a model takes and how much it answers, as far as anybody says.

use std::time::{Duration, Instant};

use domain::models::Candidate;
use model::ModelError;
use quick_cache::sync::Cache;

use crate::{Engine, secrets::Secrets};

/// Models whose windows are kept; of others the provider is asked again.
const KEPT: usize = 1_000;
/// The window of a model of which nobody says how large it is, in tokens.
pub(crate) const WINDOW: usize = 200_000;
/// How long a provider is waited for that is to tell a window.
pub(crate) const WINDOW_TIME: Duration = Duration::from_secs(10);
/// How long one is left alone that did not tell.
const SILENT: Duration = Duration::from_mins(1);

/// Context windows of models by `provider/model`, as their provider tells them.
pub(crate) struct Windows(Cache<String, Told>);

/// What a provider has told of a window.
#[derive(Clone, Copy)]
enum Told {
    /// In tokens.
    Window(usize),
    /// Nothing, when it was asked then.
    Nothing(Instant),
}

impl Default for Windows {
    fn default() -> Self {
        Self(Cache::new(KEPT))
    }
}

impl Engine {
    /// Longest answer that the model is asked for, in tokens.
    pub(crate) fn max_tokens(&self, candidate: &Candidate) -> u32 {
        let ours = self.settings().max_tokens;
        candidate.max_output_tokens.map_or(ours, |tokens| tokens.min(ours))
    }

    pub(crate) fn answer_tokens(&self, candidate: &Candidate) -> usize {
        usize::try_from(self.max_tokens(candidate)).unwrap_or(usize::MAX)
    }

    /// The context window of a model, in tokens, if an administrator or its provider has told it.
    pub(crate) fn known_window(&self, candidate: &Candidate) -> Option<usize> {
        let said = candidate.context_window.and_then(|tokens| usize::try_from(tokens).ok());
        said.or_else(|| match self.0.windows.0.get(&candidate.model)? {
            Told::Window(tokens) => Some(tokens),
            Told::Nothing(_) => None,
        })
    }

    /// The same: its provider is asked, now and then, until it tells.
    pub(crate) async fn window(&self, candidate: &Candidate, secrets: &Secrets) -> usize {
        if let Some(known) = self.known_window(candidate) {
            return known;
        }
        let (model, windows) = (&candidate.model, &self.0.windows.0);
        if matches!(windows.get(model), Some(Told::Nothing(at)) if at.elapsed() < SILENT) {
            return WINDOW;
        }
        let Some(client) = self.0.providers.client(candidate) else { return WINDOW };
        let Ok(client) = secrets.with_own_key(candidate, client.without_retries()) else { return WINDOW };
        // Whoever gives up waiting has asked as well. What is kept from one key is not kept from the others.
        let shared = candidate.secret.is_none();
        if shared {
            windows.insert(model.clone(), Told::Nothing(Instant::now()));
        }
        let window = match client.model_info(candidate.name()).await {
            Ok(info) => {
                info.max_input_tokens.and_then(|tokens| usize::try_from(tokens).ok()).unwrap_or(WINDOW)
            }
            Err(ModelError::Refused { .. }) if shared => WINDOW,
            Err(error) => {
                tracing::debug!(%error, model, "the provider does not tell the model's window now");
                return WINDOW;
            }
        };
        windows.insert(model.clone(), Told::Window(window));
        window
    }
}
