//! Which models are worth asking now. A circuit opens when a model has failed several times in a row; after a while a
//! single request tries it again, and what comes of that decides.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use domain::OrgId;
use tokio::time::Instant;

/// Failures in a row, none of them older than [`WINDOW`], that open a circuit. An answer breaks the row.
const FAILURES: usize = 3;
const WINDOW: Duration = Duration::from_mins(5);
/// How long a circuit stays open before the model is tried again; longer where the provider asks for it.
const OPEN: Duration = Duration::from_secs(30);
const LONGEST: Duration = Duration::from_mins(5);
/// Circuits that are remembered: more models than any deployment has.
const MOST: usize = 1_000;
/// The same of one organization that has a key of its own, and how many such organizations are remembered.
const MOST_OF_ONE: usize = 50;
const MOST_OWNERS: usize = 10_000;

/// The circuits of a process: those of the platform's keys, and those of each organization that has a key of its own, by
/// `provider/model`. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Circuits(Arc<Mutex<HashMap<Owner, Models>>>);

/// Whose key a model is asked with; none: the platform's.
type Owner = Option<OrgId>;
type Models = HashMap<String, Circuit>;

#[derive(Debug, Default)]
struct Circuit {
    /// When it failed since it last answered: the newest [`FAILURES`], oldest first.
    failures: Vec<Instant>,
    /// Until when nobody asks it; none: it is closed.
    open_until: Option<Instant>,
    /// When somebody was admitted who tries whether it answers again.
    probe: Option<Instant>,
}

impl Circuit {
    fn is_open(&self) -> bool {
        self.open_until.is_some()
    }

    fn failed_lately(&self, now: Instant) -> bool {
        self.failures.last().is_some_and(|last| now - *last < WINDOW)
    }

    /// Takes note of a failure, for which the model asks to be left alone for `wait`; `probed` tells that it was the
    /// request that tries the model. Whether the circuit has opened with it.
    fn fail(&mut self, now: Instant, probed: bool, wait: Option<Duration>) -> bool {
        self.failures.retain(|failed| now - *failed < WINDOW);
        if self.failures.len() == FAILURES {
            self.failures.remove(0);
        }
        self.failures.push(now);
        // Requests that were under way when it opened fail as well: they tell nothing new.
        let opens = probed || (!self.is_open() && self.failures.len() == FAILURES);
        if opens {
            self.open_until = Some(now + wait.unwrap_or(OPEN).clamp(OPEN, LONGEST));
            self.probe = None;
        }
        opens
    }
}

/// Where a circuit stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    Closed,
    /// Nobody asks the model before then.
    Open {
        retry_in: Duration,
    },
    /// The next request tries it, or one does so now.
    HalfOpen,
}

/// The permission to ask a model once. Tell what came of it; dropped without a word, it was never used.
#[derive(Debug)]
pub struct Pass {
    circuits: Circuits,
    owner: Owner,
    model: String,
    since: Instant,
    probes: bool,
}

impl Circuits {
    /// None: the model has failed too often, or somebody else tries it just now.
    pub fn admit(&self, owner: Owner, model: &str) -> Option<Pass> {
        let mut circuits = self.lock();
        let since = Instant::now();
        let probes = match circuits.get_mut(&owner).and_then(|models| models.get_mut(model)) {
            Some(Circuit { open_until: Some(until), probe, .. }) => {
                if since < *until || probe.is_some() {
                    return None;
                }
                *probe = Some(since);
                true
            }
            _ => false,
        };
        Some(Pass { circuits: self.clone(), owner, model: model.to_owned(), since, probes })
    }

    /// The permission that nobody refuses: there is no other model to ask.
    pub fn force(&self, owner: Owner, model: &str) -> Pass {
        Pass { circuits: self.clone(), owner, model: model.to_owned(), since: Instant::now(), probes: false }
    }

    pub fn standing(&self, owner: Owner, model: &str) -> Standing {
        match self.lock().get(&owner).and_then(|models| models.get(model)) {
            Some(Circuit { open_until: Some(until), probe, .. }) => {
                let retry_in = until.saturating_duration_since(Instant::now());
                if retry_in.is_zero() || probe.is_some() {
                    Standing::HalfOpen
                } else {
                    Standing::Open { retry_in }
                }
            }
            _ => Standing::Closed,
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Owner, Models>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The circuit of this model, a new one where there was none; none: too many others are remembered.
fn place<'a>(
    circuits: &'a mut HashMap<Owner, Models>,
    owner: Owner,
    model: &str,
    now: Instant,
) -> Option<&'a mut Circuit> {
    let recent = |circuit: &Circuit| circuit.failed_lately(now);
    if circuits.len() >= MOST_OWNERS && !circuits.contains_key(&owner) {
        circuits.retain(|owner, models| owner.is_none() || models.values().any(recent));
        if circuits.len() >= MOST_OWNERS {
            return None;
        }
    }
    let models = circuits.entry(owner).or_default();
    let most = if owner.is_some() { MOST_OF_ONE } else { MOST };
    if models.len() >= most && !models.contains_key(model) {
        models.retain(|_, circuit| recent(circuit));
        if models.len() >= most {
            return None;
        }
    }
    Some(models.entry(model.to_owned()).or_default())
}

impl Pass {
    /// The model has answered, or refused what was at fault: it is there. An open circuit learns nothing from an answer
    /// that began before the failures, unless it is the one that was waited for.
    pub fn answered(self) {
        let mut circuits = self.circuits.lock();
        let Some(models) = circuits.get_mut(&self.owner) else { return };
        let Some(circuit) = models.get_mut(&self.model) else { return };
        if circuit.is_open() && !self.decides(circuit) {
            circuit.failures.retain(|failed| *failed > self.since);
            if !circuit.failures.is_empty() {
                return;
            }
        }
        models.remove(&self.model);
        if models.is_empty() {
            circuits.remove(&self.owner);
        }
    }

    /// The model has failed; `wait` is what it asks for.
    pub fn failed(self, wait: Option<Duration>) {
        let now = Instant::now();
        let mut circuits = self.circuits.lock();
        let Some(circuit) = place(&mut circuits, self.owner, &self.model, now) else { return };
        let probed = self.decides(circuit);
        if circuit.fail(now, probed, wait) {
            tracing::warn!(
                model = self.model,
                own_key = self.owner.is_some(),
                "the model has failed too often: others are asked for a while"
            );
        }
    }

    /// Whether this is the request that tries the model, and not one that tried it before the circuit was closed and
    /// opened again.
    fn decides(&self, circuit: &Circuit) -> bool {
        self.probes && circuit.probe == Some(self.since)
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        if self.probes
            && let Some(models) = self.circuits.lock().get_mut(&self.owner)
            && let Some(circuit) = models.get_mut(&self.model)
            && self.decides(circuit)
        {
            circuit.probe = None;
        }
    }
}

#[cfg(test)]
mod tests;
