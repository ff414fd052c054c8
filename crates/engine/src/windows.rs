//! How much a model takes and how much it answers, as far as anybody says.

use std::time::{Duration, Instant};

use domain::{OrgId, models::Candidate};
use quick_cache::sync::Cache;

use crate::{Engine, secrets::Secrets};

/// Windows that are kept; of other models the provider is asked again.
const KEPT: usize = 1_000;
/// The window of a model of which nobody says how large it is, in tokens.
pub(crate) const WINDOW: usize = 200_000;
/// How long a provider is waited for that is to tell a window.
pub(crate) const WINDOW_TIME: Duration = Duration::from_secs(10);
/// How long one is left alone that did not tell.
const SILENT: Duration = Duration::from_mins(1);

/// What is known of the windows of models, by `provider/model`: from the platform's keys, and from those of each
/// organization that has its own.
pub(crate) struct Windows(Cache<(Option<OrgId>, String), Told>);

/// What a provider has told of a window.
#[derive(Clone, Copy)]
enum Told {
    /// In tokens.
    Window(usize),
    /// It answers, and does not say.
    Unsaid,
    /// Nothing yet, when it was asked then.
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

    /// The same, as a size.
    pub(crate) fn answer_tokens(&self, candidate: &Candidate) -> usize {
        usize::try_from(self.max_tokens(candidate)).unwrap_or(usize::MAX)
    }

    /// The context window of a model, in tokens, if an administrator or its provider has told it.
    pub(crate) fn known_window(&self, org: OrgId, candidate: &Candidate) -> Option<usize> {
        let said = candidate.context_window.and_then(|tokens| usize::try_from(tokens).ok());
        said.or_else(|| match self.0.windows.0.get(&key(org, candidate))? {
            Told::Window(tokens) => Some(tokens),
            Told::Unsaid | Told::Nothing(_) => None,
        })
    }

    /// The same, or what is believed where nobody tells. Its provider is asked, now and then, until it answers.
    pub(crate) async fn window(&self, org: OrgId, candidate: &Candidate, secrets: &Secrets) -> usize {
        if let Some(known) = self.known_window(org, candidate) {
            return known;
        }
        let (key, windows) = (key(org, candidate), &self.0.windows.0);
        match windows.get(&key) {
            Some(Told::Unsaid) => return WINDOW,
            Some(Told::Nothing(at)) if at.elapsed() < SILENT => return WINDOW,
            _ => {}
        }
        let Some(client) = self.0.providers.client(candidate).cloned() else { return WINDOW };
        let Ok(client) = secrets.with_own_key(candidate, client) else { return WINDOW };
        // Whoever gives up waiting has asked as well.
        windows.insert(key.clone(), Told::Nothing(Instant::now()));
        match client.model_info(candidate.name()).await {
            Ok(info) => {
                let tokens = info.max_input_tokens.and_then(|tokens| usize::try_from(tokens).ok());
                windows.insert(key, tokens.map_or(Told::Unsaid, Told::Window));
                tokens.unwrap_or(WINDOW)
            }
            Err(error) => {
                tracing::debug!(%error, model = candidate.model, "the provider does not tell the model's window now");
                WINDOW
            }
        }
    }
}

/// Whose key the model is asked with, and the model.
fn key(org: OrgId, candidate: &Candidate) -> (Option<OrgId>, String) {
    (candidate.secret.is_some().then_some(org), candidate.model.clone())
}
