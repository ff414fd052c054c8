//! Leases, fences and intents under a scheduler that tries the orders in which
//! replicas, their heartbeats and the clock can come to act. Replicas die, stop for
//! longer than a lease, and have clocks of their own.

mod correspondence;
mod replica;
mod rules;
mod world;

use std::{
    collections::{HashSet, hash_map::DefaultHasher},
    hash::{Hash as _, Hasher as _},
    sync::{Arc, Mutex, PoisonError},
};

use replica::{Hazard, World, live};
use shuttle::{
    Config, Runner,
    scheduler::{PctScheduler, RandomScheduler, Scheduler},
    thread,
};
use world::{Call, Clock, LEASE, Mutant};

/// Different interleavings that have to be seen.
const FLOOR: usize = 10_000;
/// Executions under each of the two schedulers.
const EXECUTIONS: usize = 9_000;
/// Batches of executions in which a mutant has to be found.
const HUNT: u64 = 40;
const BATCH: usize = 50;
const CLOCKS: [Clock; 3] = [Clock::Ahead(0), Clock::Ahead(2 * LEASE), Clock::Slow];
/// Long enough for several take-overs.
const TICKS: i64 = 16 * LEASE;

/// What was seen over all executions.
#[derive(Default)]
struct Seen {
    executions: usize,
    interleavings: HashSet<u64>,
    takeovers: usize,
    /// Executions in which a call was found started.
    unknown: usize,
    /// Executions in which an owner was told that it has lost its lease.
    lost: usize,
    /// The first rule that was broken, with what led to it.
    broken: Option<String>,
}

/// One execution: three replicas and the clock side by side, then a last one that
/// finds what they left.
fn execution(mutant: Option<Mutant>, seen: &Mutex<Seen>) {
    let world = shuttle::sync::Arc::new(World::new(mutant));
    let mut threads: Vec<_> = CLOCKS
        .into_iter()
        .zip(1..)
        .map(|(clock, me)| {
            let world = world.clone();
            thread::spawn(move || live(&world, me, clock, Hazard(4)))
        })
        .collect();
    let clock = world.clone();
    threads.push(thread::spawn(move || {
        for _ in 0..TICKS {
            clock.database.lock().expect("no transaction panics").tick();
            thread::yield_now();
        }
    }));
    for thread in threads {
        thread.join().expect("no replica panics");
    }
    world.database.lock().expect("no transaction panics").now += 10 * LEASE;
    live(&world, 9, Clock::Ahead(0), Hazard(0));

    let mut database = world.database.lock().expect("no transaction panics");
    let effects = *world.effects.lock().expect("no effect panics");
    let acknowledged = world.acknowledged.lock().expect("nobody panics").clone();
    database.at_rest(effects, &acknowledged);
    let mut hasher = DefaultHasher::new();
    database.trace.hash(&mut hasher);
    let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
    seen.executions += 1;
    seen.interleavings.insert(hasher.finish());
    seen.takeovers += usize::from(database.row.fence > 1);
    seen.unknown += usize::from(database.calls.contains(&Some(Call::Unknown)));
    seen.lost += usize::from(database.trace.iter().any(|(_, what, _)| *what == "lost"));
    if seen.broken.is_none() && !database.broken.is_empty() {
        seen.broken = Some(format!("{}; {:?}", database.broken.join("; "), database.trace));
    }
}

/// Executions under a scheduler that chooses at random, and under one that lets few
/// threads run long and changes its mind at three places.
fn explore(mutant: Option<Mutant>, number: u64, executions: usize) -> Seen {
    let seen = Arc::new(Mutex::new(Seen::default()));
    let run = |scheduler: Box<dyn Scheduler + Send>| {
        let seen = seen.clone();
        Runner::new(scheduler, Config::new()).run(move || execution(mutant, &seen));
    };
    run(Box::new(RandomScheduler::new_from_seed(number, executions)));
    run(Box::new(PctScheduler::new_from_seed(number, 3, executions)));
    let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
    std::mem::take(&mut *seen)
}

#[test]
fn no_interleaving_repeats_a_call_or_lets_a_stranger_write() {
    let seen = explore(None, 60, EXECUTIONS);
    println!(
        "{} executions, {} different interleavings; a take-over in {}, an unknown call in {}, a lost lease in {}",
        seen.executions,
        seen.interleavings.len(),
        seen.takeovers,
        seen.unknown,
        seen.lost
    );
    assert_eq!(seen.broken, None);
    assert!(seen.interleavings.len() >= FLOOR, "only {} interleavings", seen.interleavings.len());
    // It is not said of nothing.
    for often in [seen.takeovers, seen.unknown, seen.lost] {
        assert!(often > FLOOR / 5, "{often} is too seldom");
    }
}

/// The mutant has to be found, and for what is wrong with it.
#[track_caller]
fn caught(mutant: Mutant, why: &str) {
    let broken = (0..HUNT).find_map(|number| explore(Some(mutant), number, BATCH).broken);
    let broken = broken.unwrap_or_else(|| panic!("{mutant:?} is not caught"));
    println!("{mutant:?}: {broken}");
    assert!(broken.contains(why), "{mutant:?} is caught for something else: {broken}");
}

#[test]
fn without_the_guard_a_replica_writes_after_it_has_lost_its_lease() {
    caught(Mutant::NoGuard, "wrote after it had lost its lease");
}

#[test]
fn with_a_fence_that_does_not_grow_two_replicas_write_under_one() {
    caught(Mutant::NoFenceIncrement, "wrote under the fence");
}

#[test]
fn an_intent_after_the_call_repeats_the_call() {
    caught(Mutant::IntentAfterCall, "was repeated");
}

#[test]
fn a_lease_by_the_local_clock_is_taken_before_its_end() {
    caught(Mutant::LeaseByLocalClock, "took a lease that had not ended");
}

#[test]
fn a_guard_by_the_local_clock_lets_a_replica_write_after_it_has_lost_its_lease() {
    caught(Mutant::GuardByLocalClock, "wrote after it had lost its lease");
}

#[test]
fn a_started_call_that_is_made_again_has_its_effect_twice() {
    caught(Mutant::StartedIsCalledAgain, "was repeated");
}
