//! A replica, as `crates/engine/src/worker.rs` and `run/` have it: claims, loads,
//! intent, call, step; heartbeats beside it. It may stop anywhere for as long as the
//! scheduler likes, and it may die.

use shuttle::{
    rand::{Rng as _, thread_rng},
    sync::{Arc, Mutex},
    thread,
};

use super::{
    rules::Replica,
    world::{CALLS, Call, Clock, Database, Held, Mutant, Step},
};

/// Looks for work of one replica.
const LOOKS: usize = 6;

/// What the replicas share: the database, and the world in which calls have effects.
pub struct World {
    pub database: Mutex<Database>,
    pub effects: Mutex<[u32; CALLS]>,
    /// Steps whose commit an owner was told of.
    pub acknowledged: Mutex<Vec<Step>>,
}

/// Why a replica leaves a run.
enum Left {
    Ended,
    /// Another one has it: nothing is written any more.
    Lost,
    /// As by `kill -9`.
    Died,
    /// Asked to stop; the lease goes back.
    Stopping,
}

/// How often, in a hundred, a replica dies or stops at a place where it can.
#[derive(Clone, Copy)]
pub struct Hazard(pub u32);

impl Hazard {
    /// A place between two things that a replica does.
    fn pass(self) -> Result<(), Left> {
        thread::yield_now();
        match thread_rng().gen_range(0..100) {
            roll if roll < self.0 => Err(Left::Died),
            roll if roll < self.0 * 3 / 2 => Err(Left::Stopping),
            _ => Ok(()),
        }
    }
}

impl World {
    pub fn new(mutant: Option<Mutant>) -> Self {
        Self {
            database: Mutex::new(Database::new(mutant)),
            effects: Mutex::new([0; CALLS]),
            acknowledged: Mutex::new(Vec::new()),
        }
    }

    fn with<T>(&self, transaction: impl FnOnce(&mut Database) -> T) -> T {
        transaction(&mut self.database.lock().expect("no transaction panics"))
    }
}

/// A process: a few looks for work, until it dies.
pub fn live(world: &Arc<World>, me: Replica, clock: Clock, hazard: Hazard) {
    for _ in 0..LOOKS {
        let Some(seen) = world.with(|database| database.candidate(me, clock)) else {
            thread::yield_now();
            continue;
        };
        thread::yield_now();
        let Some(held) = world.with(|database| database.claim(seen, me, clock)) else { continue };
        let beats = heartbeat(world, held);
        let left = execute(world, held, hazard);
        beats.join().expect("a heartbeat ends");
        match left {
            Left::Died => return,
            Left::Stopping => world.with(|database| database.hand_back(&held)),
            Left::Ended | Left::Lost => {}
        }
    }
}

/// Renews the lease beside the run, at any moment of it; not after the process has died.
fn heartbeat(world: &Arc<World>, held: Held) -> thread::JoinHandle<()> {
    let world = world.clone();
    thread::spawn(move || world.with(|database| database.heartbeat(&held)))
}

fn execute(world: &World, mut held: Held, hazard: Hazard) -> Left {
    loop {
        if let Err(left) = advance(world, &mut held, hazard) {
            return left;
        }
    }
}

/// Runs the transaction if the guard lets it.
fn guarded<T>(
    world: &World,
    held: &mut Held,
    transaction: impl FnOnce(&mut Database, &Held) -> T,
) -> Result<T, Left> {
    world
        .with(|database| if database.guard(held) { Ok(transaction(database, held)) } else { Err(Left::Lost) })
}

/// Resume is not replay: looks at the log, and does what comes next.
fn advance(world: &World, held: &mut Held, hazard: Hazard) -> Result<(), Left> {
    let (next, state, mutant) = guarded(world, held, |database, _| {
        let next = database.steps.len();
        (next, database.calls.get(next).copied().flatten(), database.mutant)
    })?;
    hazard.pass()?;
    if next >= CALLS {
        guarded(world, held, Database::finish)?;
        return Err(Left::Ended);
    }
    let again = mutant == Some(Mutant::StartedIsCalledAgain);
    match state {
        None => perform(world, held, next, mutant, hazard),
        Some(Call::Started) if again => {
            call(world, held, next);
            settle(world, held, next, Call::Done)
        }
        // Somebody noted that it would call, and was not heard of any more.
        Some(_) => settle(world, held, next, Call::Unknown),
    }
}

/// Intent, call, outcome: in this order, with a commit between.
fn perform(
    world: &World,
    held: &mut Held,
    next: usize,
    mutant: Option<Mutant>,
    hazard: Hazard,
) -> Result<(), Left> {
    if mutant == Some(Mutant::IntentAfterCall) {
        call(world, held, next);
        hazard.pass()?;
        intend(world, held, next)?;
    } else {
        intend(world, held, next)?;
        hazard.pass()?;
        call(world, held, next);
    }
    hazard.pass()?;
    settle(world, held, next, Call::Done)
}

fn intend(world: &World, held: &mut Held, next: usize) -> Result<(), Left> {
    guarded(world, held, |database, held| {
        database.write(held, "intent");
        database.calls[next] = Some(Call::Started);
    })
}

/// The effect: outside, where no guard reaches.
fn call(world: &World, held: &Held, next: usize) {
    world.with(|database| database.note(held.me, "call"));
    world.effects.lock().expect("no effect panics")[next] += 1;
}

fn settle(world: &World, held: &mut Held, next: usize, state: Call) -> Result<(), Left> {
    guarded(world, held, |database, held| database.step(held, next, state))?;
    let step = Step { call: next, fence: held.fence };
    world.acknowledged.lock().expect("nobody panics").push(step);
    Ok(())
}
