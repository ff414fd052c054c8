//! The check of what an administrator says of models: each row must mean something.

use std::collections::HashSet;

use super::{KeyRow, ModelRow, ModelSettings, RouteRow};
use crate::FieldError;

const MOST_MODELS: usize = 500;
/// One for each feature and tier, and for all of either.
const MOST_ROUTES: usize = 24;
const MOST_CANDIDATES: usize = 8;
const MOST_ALLOWED: usize = 500;
const MOST_KEYS: usize = 100;
/// Longest name of a model on its provider's wire, in bytes.
const LONGEST_NAME: usize = 200;
/// Windows and answers that are believed, in tokens.
const MOST_TOKENS: u32 = 100_000_000;

/// The provider of a model, and the model's name there; none: that is no `provider/model`.
pub fn parts(model: &str) -> Option<(&str, &str)> {
    model.split_once('/').filter(|(provider, name)| !provider.is_empty() && is_name(name))
}

/// Whether this can be a model's name on the wire of its provider.
fn is_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= LONGEST_NAME && name.bytes().all(|b| b.is_ascii_graphic())
}

/// What is wrong with the settings, by the path of the field, where these providers are configured.
pub fn check(settings: &ModelSettings, providers: &[&str]) -> Vec<FieldError> {
    let mut check = Check { providers, problems: Vec::new() };
    let counts = [
        ("models", settings.models.len(), MOST_MODELS),
        ("routes", settings.routes.len(), MOST_ROUTES),
        ("keys", settings.keys.len(), MOST_KEYS),
        ("allowed", settings.allowed.as_ref().map_or(0, Vec::len), MOST_ALLOWED),
    ];
    for (field, count, most) in counts {
        if count > most {
            check.refuse(field.into(), format!("must be at most {most}"));
            return check.problems;
        }
    }
    check.models(&settings.models);
    check.routes(&settings.routes);
    check.keys(&settings.keys);
    for (i, name) in settings.allowed.iter().flatten().enumerate() {
        let field = format!("allowed[{i}]");
        match name.strip_suffix("/*") {
            Some(provider) => check.provider(field, provider),
            None => check.model(field, name),
        }
    }
    if settings.allowed.as_ref().is_some_and(Vec::is_empty) {
        check.refuse("allowed".into(), "must name a model, or be left out: nobody could ask any");
    }
    check.problems
}

struct Check<'a> {
    providers: &'a [&'a str],
    problems: Vec<FieldError>,
}

impl Check<'_> {
    fn refuse(&mut self, field: String, error: impl Into<String>) {
        self.problems.push(FieldError { field, error: error.into() });
    }

    fn models(&mut self, rows: &[ModelRow]) {
        let mut seen = HashSet::new();
        for (i, row) in rows.iter().enumerate() {
            let field = |name: &str| format!("models[{i}].{name}");
            self.model(field("model"), &row.model);
            if !seen.insert(&row.model) {
                self.refuse(field("model"), "has another row");
            }
            if row.price.is_some_and(|price| !price.is_sane()) {
                self.refuse(field("price"), "must be numbers of dollars from 0 to a million");
            }
            for (name, tokens) in
                [("context_window", row.context_window), ("max_output_tokens", row.max_output_tokens)]
            {
                if tokens.is_some_and(|tokens| !(1..=MOST_TOKENS).contains(&tokens)) {
                    self.refuse(field(name), format!("must be from 1 to {MOST_TOKENS} tokens"));
                }
            }
        }
    }

    fn routes(&mut self, rows: &[RouteRow]) {
        let mut seen = HashSet::new();
        for (i, row) in rows.iter().enumerate() {
            let field = format!("routes[{i}]");
            if !seen.insert((row.feature, row.tier)) {
                self.refuse(field.clone(), "has another row for the same feature and tier");
            }
            let count = row.candidates.len();
            if !(1..=MOST_CANDIDATES).contains(&count) {
                self.refuse(format!("{field}.candidates"), format!("must be 1 to {MOST_CANDIDATES} models"));
                continue;
            }
            let mut named = HashSet::new();
            for (j, name) in row.candidates.iter().enumerate() {
                let place = format!("{field}.candidates[{j}]");
                if !named.insert(name) {
                    self.refuse(place.clone(), "is named twice");
                }
                self.model(place, name);
            }
        }
    }

    fn keys(&mut self, rows: &[KeyRow]) {
        let mut seen = HashSet::new();
        for (i, row) in rows.iter().enumerate() {
            let field = format!("keys[{i}].provider");
            if !seen.insert(&row.provider) {
                self.refuse(field.clone(), "has another key");
            }
            self.provider(field, &row.provider);
        }
    }

    fn model(&mut self, field: String, name: &str) {
        match parts(name) {
            Some((provider, _)) => self.provider(field, provider),
            None => self.refuse(field, "must be provider/model, such as anthropic/claude-sonnet-5-5"),
        }
    }

    fn provider(&mut self, field: String, provider: &str) {
        if !self.providers.contains(&provider) {
            let known = self.providers.join(", ");
            self.refuse(field, format!("names the provider {provider:?}; there are: {known}"));
        }
    }
}
