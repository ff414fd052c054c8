//! Which models are worth asking now. A circuit opens when a model has failed several times in a row; after a while a
//! single request tries it again, and what comes of that decides.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use domain::OrgId;
use tokio::time::Instant;

/// Failures in a row, none of them older than [`WINDOW`], that open a circuit. A call that ends well breaks the row of
/// those that failed before it began.
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
    /// When it failed since it last answered, oldest first.
    failures: Vec<Instant>,
    /// Until when nobody asks it; none: it is closed.
    open_until: Option<Instant>,
    /// Somebody tries whether it answers again.
    probed: bool,
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
            Some(Circuit { open_until: Some(until), probed, .. }) => {
                if since < *until || *probed {
                    return None;
                }
                *probed = true;
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
            Some(Circuit { open_until: Some(until), probed, .. }) => {
                let retry_in = until.saturating_duration_since(Instant::now());
                if retry_in.is_zero() || *probed { Standing::HalfOpen } else { Standing::Open { retry_in } }
            }
            _ => Standing::Closed,
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Owner, Models>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pass {
    /// The model has answered, or refused what was at fault: it is there.
    pub fn answered(mut self) {
        let probed = std::mem::take(&mut self.probes);
        let mut circuits = self.circuits.lock();
        let Some(models) = circuits.get_mut(&self.owner) else { return };
        let Some(circuit) = models.get_mut(&self.model) else { return };
        // What failed since says more than an answer that began before.
        circuit.failures.retain(|failed| *failed > self.since);
        if probed || circuit.failures.is_empty() {
            models.remove(&self.model);
            if models.is_empty() {
                circuits.remove(&self.owner);
            }
        }
    }

    /// The model has failed; `wait` is what it asks for.
    pub fn failed(mut self, wait: Option<Duration>) {
        let now = Instant::now();
        let probed = std::mem::take(&mut self.probes);
        let mut circuits = self.circuits.lock();
        let recent = |circuit: &Circuit| circuit.failures.last().is_some_and(|last| now - *last < WINDOW);
        if circuits.len() >= MOST_OWNERS && !circuits.contains_key(&self.owner) {
            circuits.retain(|owner, models| owner.is_none() || models.values().any(recent));
            if circuits.len() >= MOST_OWNERS {
                return;
            }
        }
        let models = circuits.entry(self.owner).or_default();
        let most = if self.owner.is_some() { MOST_OF_ONE } else { MOST };
        if models.len() >= most && !models.contains_key(&self.model) {
            models.retain(|_, circuit| recent(circuit));
            if models.len() >= most {
                return;
            }
        }
        let circuit = models.entry(self.model.clone()).or_default();
        circuit.failures.retain(|failed| now - *failed < WINDOW);
        circuit.failures.push(now);
        // Requests that were under way when it opened fail as well: they tell nothing new.
        let opens = circuit.open_until.is_none() && circuit.failures.len() >= FAILURES;
        if opens || probed {
            circuit.open_until = Some(now + wait.unwrap_or(OPEN).clamp(OPEN, LONGEST));
            circuit.probed = false;
            tracing::warn!(
                model = self.model,
                own_key = self.owner.is_some(),
                "the model has failed too often: others are asked for a while"
            );
        }
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        if self.probes
            && let Some(models) = self.circuits.lock().get_mut(&self.owner)
            && let Some(circuit) = models.get_mut(&self.model)
        {
            circuit.probed = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    const MODEL: &str = "a/model";

    fn org(n: u8) -> Owner {
        format!("00000000-0000-0000-0000-0000000000{n:02}").parse().ok()
    }

    fn fail(circuits: &Circuits, times: usize) {
        for _ in 0..times {
            circuits.force(None, MODEL).failed(None);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn three_failures_in_a_row_open_a_circuit_and_an_answer_between_them_does_not() {
        let circuits = Circuits::default();
        fail(&circuits, 2);
        circuits.admit(None, MODEL).expect("it is closed").answered();
        fail(&circuits, 2);
        assert_eq!(circuits.standing(None, MODEL), Standing::Closed);
        fail(&circuits, 1);
        assert_eq!(circuits.standing(None, MODEL), Standing::Open { retry_in: OPEN });
        assert!(circuits.admit(None, MODEL).is_none() && circuits.admit(None, "a/other").is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn failures_that_lie_far_apart_open_nothing() {
        let circuits = Circuits::default();
        for _ in 0..10 {
            fail(&circuits, 1);
            advance(WINDOW / 2).await;
        }
        assert_eq!(circuits.standing(None, MODEL), Standing::Closed);
    }

    #[tokio::test(start_paused = true)]
    async fn a_single_request_tries_an_open_circuit_and_what_comes_of_it_decides() {
        let circuits = Circuits::default();
        fail(&circuits, 3);
        advance(OPEN).await;
        assert_eq!(circuits.standing(None, MODEL), Standing::HalfOpen);
        let probe = circuits.admit(None, MODEL).expect("one may try");
        assert!(circuits.admit(None, MODEL).is_none(), "a second one may not");
        probe.failed(None);
        assert_eq!(circuits.standing(None, MODEL), Standing::Open { retry_in: OPEN });
        advance(OPEN).await;
        circuits.admit(None, MODEL).expect("one may try").answered();
        assert_eq!(circuits.standing(None, MODEL), Standing::Closed);
    }

    #[tokio::test(start_paused = true)]
    async fn a_probe_that_was_given_up_leaves_its_place_to_the_next_one() {
        let circuits = Circuits::default();
        fail(&circuits, 3);
        advance(OPEN).await;
        drop(circuits.admit(None, MODEL).expect("one may try"));
        assert!(circuits.admit(None, MODEL).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_provider_that_asks_for_more_time_gets_it_within_bounds() {
        for (wait, open) in [(1, OPEN), (90, Duration::from_secs(90)), (86_400, LONGEST)] {
            let circuits = Circuits::default();
            fail(&circuits, 2);
            circuits.force(None, MODEL).failed(Some(Duration::from_secs(wait)));
            assert_eq!(circuits.standing(None, MODEL), Standing::Open { retry_in: open }, "{wait}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn requests_that_were_under_way_do_not_keep_a_circuit_open() {
        let circuits = Circuits::default();
        fail(&circuits, 3);
        advance(OPEN / 2).await;
        fail(&circuits, 5);
        assert_eq!(circuits.standing(None, MODEL), Standing::Open { retry_in: OPEN / 2 });
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_began_before_the_failures_says_nothing_of_them() {
        let circuits = Circuits::default();
        let [early, earlier] = [(); 2].map(|()| circuits.admit(None, MODEL).expect("it is closed"));
        advance(Duration::from_secs(1)).await;
        fail(&circuits, 2);
        earlier.answered();
        fail(&circuits, 1);
        assert_eq!(circuits.standing(None, MODEL), Standing::Open { retry_in: OPEN });
        early.answered();
        assert_eq!(circuits.standing(None, MODEL), Standing::Open { retry_in: OPEN });
        // Nobody else could be asked, and it answers.
        advance(Duration::from_secs(1)).await;
        circuits.force(None, MODEL).answered();
        assert_eq!(circuits.standing(None, MODEL), Standing::Closed);
    }

    #[tokio::test(start_paused = true)]
    async fn the_answer_of_the_single_request_closes_the_circuit_whatever_else_fails_meanwhile() {
        let circuits = Circuits::default();
        let late = circuits.force(None, MODEL);
        fail(&circuits, 3);
        advance(OPEN).await;
        let probe = circuits.admit(None, MODEL).expect("one may try");
        advance(Duration::from_secs(1)).await;
        late.failed(None);
        probe.answered();
        assert_eq!(circuits.standing(None, MODEL), Standing::Closed);
    }

    #[tokio::test(start_paused = true)]
    async fn what_happens_to_one_key_says_nothing_of_another() {
        let circuits = Circuits::default();
        let [one, other] = [1, 2].map(org);
        for _ in 0..3 {
            circuits.force(one, MODEL).failed(None);
        }
        assert_eq!(circuits.standing(one, MODEL), Standing::Open { retry_in: OPEN });
        assert_eq!([other, None].map(|owner| circuits.standing(owner, MODEL)), [Standing::Closed; 2]);
        fail(&circuits, 3);
        circuits.force(one, MODEL).answered();
        assert_eq!(circuits.standing(one, MODEL), Standing::Closed);
        assert_eq!(circuits.standing(None, MODEL), Standing::Open { retry_in: OPEN });
    }

    #[tokio::test(start_paused = true)]
    async fn an_organization_whose_models_all_fail_takes_no_place_of_others() {
        let circuits = Circuits::default();
        let one = org(1);
        for n in 0..2 * MOST {
            circuits.force(one, &format!("a/{n}")).failed(None);
        }
        assert_eq!(circuits.lock()[&one].len(), MOST_OF_ONE);
        fail(&circuits, 3);
        assert_eq!(circuits.standing(None, MODEL), Standing::Open { retry_in: OPEN });
    }
}
