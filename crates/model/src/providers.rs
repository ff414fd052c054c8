//! The providers that are configured, by name, and who of several models is asked.

use std::sync::Arc;

use domain::{OrgId, models::Candidate};

use crate::{
    Client,
    circuit::{Circuits, Pass, Standing},
};

/// Named providers. Clones share connections and circuits.
#[derive(Clone)]
pub struct Providers(Arc<Inner>);

struct Inner {
    /// Never empty.
    named: Vec<Named>,
    circuits: Circuits,
}

struct Named {
    name: String,
    client: Client,
    /// The same, for requests that another model can answer: they are not sent twice.
    hasty: Client,
}

impl Providers {
    /// The clients by the names of their providers, which stand before the slash of a model's name.
    pub fn new(clients: impl IntoIterator<Item = (String, Client)>) -> Self {
        let named = clients
            .into_iter()
            .map(|(name, client)| Named { name, hasty: client.without_retries(), client })
            .collect();
        Self(Arc::new(Inner { named, circuits: Circuits::default() }))
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.named.iter().map(|named| named.name.as_str())
    }

    /// The client of this model's provider.
    pub fn client(&self, candidate: &Candidate) -> Option<&Client> {
        self.named(candidate).map(|named| &named.client)
    }

    /// Where the model's circuit stands for this organization.
    pub fn standing(&self, org: OrgId, candidate: &Candidate) -> Standing {
        self.0.circuits.standing(owner(org, candidate), &candidate.model)
    }

    /// Where the circuit stands of those who have no key of their own.
    pub fn shared_standing(&self, model: &str) -> Standing {
        self.0.circuits.standing(None, model)
    }

    fn named(&self, candidate: &Candidate) -> Option<&Named> {
        self.0.named.iter().find(|named| named.name == candidate.provider())
    }
}

/// Whose circuits a call concerns: those of the organization, where its own key is used, else everybody's. What happens
/// to one key says nothing of another.
fn owner(org: OrgId, candidate: &Candidate) -> Option<OrgId> {
    candidate.secret.is_some().then_some(org)
}

/// Whether a model has room for a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Room {
    Enough,
    /// For a part of it: the rest has to be archived first.
    Short,
    /// Not even for what cannot be archived.
    None,
}

/// Whom a call may ask: the candidates of a run, and how far this call has come among them.
pub struct Ring {
    providers: Providers,
    org: OrgId,
    /// Never empty.
    all: Vec<Candidate>,
    /// The one that is asked, or answered last.
    at: usize,
    tried: Vec<usize>,
    /// Those that have no room for what this call sends.
    small: Vec<usize>,
    pass: Option<Pass>,
}

impl Ring {
    pub fn new(providers: Providers, org: OrgId, all: Vec<Candidate>) -> Self {
        Self { providers, org, all, at: 0, tried: Vec::new(), small: Vec::new(), pass: None }
    }

    pub fn current(&self) -> &Candidate {
        &self.all[self.at]
    }

    /// Begins with this model, if it is one of them: it answered last.
    pub fn go_on_with(&mut self, model: &str) {
        self.at = self.all.iter().position(|candidate| candidate.model == model).unwrap_or(self.at);
    }

    /// Whether there is a choice.
    pub fn is_alone(&self) -> bool {
        self.all.len() == 1
    }

    /// A call begins: at the one that answered last, unless it fails these days, or another one alone has room for the
    /// conversation. With `same`, at that one and no other.
    pub fn begin(&mut self, same: bool, room: impl Fn(&Candidate) -> Room) {
        self.tried.clear();
        self.small.clear();
        self.pass = None;
        if same {
            self.tried = (0..self.all.len()).filter(|at| *at != self.at).collect();
            self.pass = Some(self.force(self.at));
            return;
        }
        // Where nobody has room somebody has to say so.
        if !self.take_next(self.at, room) {
            self.take_next(self.at, |_| Room::Enough);
        }
    }

    /// Nobody is asked for a while: if this was to be the single request that tries a model, another one may be.
    pub fn rest(&mut self) {
        self.pass = None;
    }

    /// The one that is asked has failed: whether there is another one, which is asked now.
    pub fn fall_over(&mut self, room: impl Fn(&Candidate) -> Room) -> bool {
        self.tried.push(self.at);
        self.take_next(0, room)
    }

    /// The prompt is too long for the one that is asked, which stands in for another: whether there is one left that is
    /// `larger`, which is asked now.
    pub fn make_way(&mut self, larger: impl Fn(&Candidate) -> bool) -> bool {
        let room = |candidate: &Candidate| if larger(candidate) { Room::Enough } else { Room::None };
        !self.tried.is_empty() && self.fall_over(room)
    }

    /// The first one from `from` on whose circuit lets a request through; else the first of those that are left. Those
    /// that are short of room come last of each; one that has none is not asked.
    fn take_next(&mut self, from: usize, room: impl Fn(&Candidate) -> Room) -> bool {
        let count = self.all.len();
        self.small = (0..count).filter(|at| room(&self.all[*at]) == Room::None).collect();
        let mut left: Vec<usize> =
            (0..count).map(|i| (from + i) % count).filter(|at| self.is_left(*at)).collect();
        left.sort_by_key(|at| room(&self.all[*at]));
        let admitted = left.iter().find_map(|at| Some((*at, self.admit(*at)?)));
        let taken = admitted.or_else(|| left.first().map(|at| (*at, self.force(*at))));
        let Some((at, pass)) = taken else { return false };
        self.at = at;
        self.pass = Some(pass);
        true
    }

    fn is_left(&self, at: usize) -> bool {
        !self.tried.contains(&at) && !self.small.contains(&at)
    }

    fn admit(&self, at: usize) -> Option<Pass> {
        let candidate = &self.all[at];
        self.providers.0.circuits.admit(owner(self.org, candidate), &candidate.model)
    }

    fn force(&self, at: usize) -> Pass {
        let candidate = &self.all[at];
        self.providers.0.circuits.force(owner(self.org, candidate), &candidate.model)
    }

    /// The client that the call has come to: one that sends nothing twice, if others can answer.
    pub fn client(&self) -> Option<Client> {
        let named = self.providers.named(self.current())?;
        let others = (0..self.all.len()).any(|at| at != self.at && self.is_left(at));
        Some(if others { named.hasty.clone() } else { named.client.clone() })
    }

    /// The one that is asked is there: it has answered, or refused what was at fault.
    pub fn answered(&mut self) {
        if let Some(pass) = self.pass.take() {
            pass.answered();
        }
    }

    /// The one that is asked has failed; `wait` is what it asks for.
    pub fn failed(&mut self, wait: Option<std::time::Duration>) {
        if let Some(pass) = self.pass.take() {
            pass.failed(wait);
        }
    }
}
