//! The database and the outside, each of which does one thing at a time; and what
//! must be true of them, whatever the replicas do.

use super::rules::{Fence, Replica, Row, Status, Time};

/// Calls of the run, none of which may be repeated.
pub const CALLS: usize = 2;
/// Length of a lease.
pub const LEASE: Time = 1;

/// A replica's own clock: so far ahead of the database's, or behind and slow.
#[derive(Clone, Copy, Debug)]
pub enum Clock {
    Ahead(Time),
    Slow,
}

impl Clock {
    fn at(self, now: Time) -> Time {
        match self {
            Clock::Ahead(by) => now + by,
            Clock::Slow => now / 2 - LEASE,
        }
    }
}

/// A rule that is broken on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutant {
    /// Transactions begin without the guard.
    NoGuard,
    /// A claim keeps the fence.
    NoFenceIncrement,
    /// The call is made first, and noted then.
    IntentAfterCall,
    /// A lease has ended when the claimer's own clock says so.
    LeaseByLocalClock,
    /// The owner believes its own clock instead of asking the row.
    GuardByLocalClock,
    /// A call that was found started is made again.
    StartedIsCalledAgain,
}

/// `tool_calls.state`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    Started,
    Done,
    Unknown,
}

/// A committed step of the log, under the fence that its transaction carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    pub call: usize,
    pub fence: Fence,
}

/// Who did what, in order, and what the fence was; tells one interleaving from another.
pub type Trace = Vec<(Replica, &'static str, Fence)>;

#[derive(Debug)]
pub struct Database {
    pub now: Time,
    pub row: Row,
    pub calls: [Option<Call>; CALLS],
    pub steps: Vec<Step>,
    pub mutant: Option<Mutant>,
    /// Who wrote under which fence.
    writers: Vec<(Fence, Replica)>,
    pub trace: Trace,
    pub broken: Vec<String>,
}

/// What a replica knows of its lease.
#[derive(Clone, Copy, Debug)]
pub struct Held {
    pub me: Replica,
    pub fence: Fence,
    pub clock: Clock,
    /// The end of the lease as the replica's own clock would have it.
    pub believed_until: Time,
}

impl Database {
    pub fn new(mutant: Option<Mutant>) -> Self {
        Self {
            now: 0,
            row: Row::queued(),
            calls: [None; CALLS],
            steps: Vec::new(),
            mutant,
            writers: Vec::new(),
            trace: Vec::new(),
            broken: Vec::new(),
        }
    }

    pub fn note(&mut self, who: Replica, what: &'static str) {
        self.trace.push((who, what, self.row.fence));
    }

    pub fn tick(&mut self) {
        self.now += 1;
        self.note(0, "tick");
    }

    /// The time by which a lease ends: the database's.
    fn judged(&self, clock: Clock) -> Time {
        if self.mutant == Some(Mutant::LeaseByLocalClock) { clock.at(self.now) } else { self.now }
    }

    /// The fence of the run, if nobody executes it.
    pub fn candidate(&mut self, me: Replica, clock: Clock) -> Option<Fence> {
        self.note(me, "look");
        self.row.is_open(self.judged(clock)).then_some(self.row.fence)
    }

    pub fn claim(&mut self, seen: Fence, me: Replica, clock: Clock) -> Option<Held> {
        let before = self.row;
        let mut fence = self.row.claim(seen, me, self.judged(clock), LEASE)?;
        if self.mutant == Some(Mutant::NoFenceIncrement) {
            fence -= 1;
            self.row.fence = fence;
        }
        self.note(me, "claim");
        if before.lease_until.is_some_and(|until| until >= self.now) {
            self.broken.push(format!("replica {me} took a lease that had not ended"));
        }
        Some(Held { me, fence, clock, believed_until: clock.at(self.now) + LEASE })
    }

    /// The guard: the first statement of every writing transaction of a run.
    pub fn guard(&mut self, held: &mut Held) -> bool {
        let renewed = self.row.renew(held.fence, held.me, self.now, LEASE);
        self.note(held.me, if renewed { "guard" } else { "lost" });
        let local = held.clock.at(self.now);
        match self.mutant {
            Some(Mutant::NoGuard) => true,
            Some(Mutant::GuardByLocalClock) => local <= held.believed_until,
            _ => {
                held.believed_until = local + LEASE;
                renewed
            }
        }
    }

    pub fn heartbeat(&mut self, held: &Held) {
        self.row.renew(held.fence, held.me, self.now, LEASE);
        self.note(held.me, "heartbeat");
    }

    pub fn hand_back(&mut self, held: &Held) {
        self.row.hand_back(held.fence, held.me);
        self.note(held.me, "hand back");
    }

    /// Something is written for the run: by whoever owns it, and under a fence by one replica.
    pub fn write(&mut self, held: &Held, what: &'static str) {
        self.note(held.me, what);
        if !self.row.is_owned(held.fence, held.me) {
            self.broken.push(format!("replica {} wrote after it had lost its lease: {what}", held.me));
        }
        match self.writers.iter().find(|(fence, _)| *fence == held.fence) {
            Some((fence, other)) if *other != held.me => {
                self.broken.push(format!("replicas {other} and {} wrote under the fence {fence}", held.me));
            }
            Some(_) => {}
            None => self.writers.push((held.fence, held.me)),
        }
    }

    pub fn step(&mut self, held: &Held, call: usize, state: Call) {
        self.write(held, "step");
        self.calls[call] = Some(state);
        self.steps.push(Step { call, fence: held.fence });
    }

    pub fn finish(&mut self, held: &Held) {
        self.write(held, "finish");
        self.row.finish();
    }

    /// What must hold when everything has come to rest.
    pub fn at_rest(&mut self, effects: [u32; CALLS], acknowledged: &[Step]) {
        for (call, effects) in effects.into_iter().enumerate() {
            if effects > 1 {
                self.broken.push(format!("call {call} was repeated: it had {effects} effects"));
            }
            if self.calls[call] == Some(Call::Done) && effects == 0 {
                self.broken.push(format!("call {call} is done without an effect"));
            }
        }
        if self.row.status != Status::Done {
            self.broken.push("the run has not ended".into());
        }
        let order: Vec<usize> = self.steps.iter().map(|step| step.call).collect();
        if order != (0..CALLS).collect::<Vec<_>>() {
            self.broken.push(format!("the log has the steps {order:?}"));
        }
        if let Some(lost) = acknowledged.iter().find(|step| !self.steps.contains(step)) {
            self.broken.push(format!("a committed step is lost: {lost:?}"));
        }
    }
}
