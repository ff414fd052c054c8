//! Many turns on three replicas that are killed and stopped at random, on a Postgres that is restarted again and again,
//! for clients whose connections drop.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::{StreamExt as _, future::join_all, stream};
use model_sim::Sim;
use rand::Rng as _;
use server::auth::Grant;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::{
    Size,
    client::{Addresses, Client, Count},
    crashes::{
        findings::{Findings, Turn, inspect},
        script::{self, Script},
    },
    harness::{Person, Process, Spawn, probe::Probe, token},
    postgres::Postgres,
    report::Report,
};

const LEASE: u32 = 3;
const REPLICAS: usize = 3;
const CLIENTS: usize = 12;
/// Turns of one conversation.
const TURNS: usize = 10;

struct Storm {
    postgres: Postgres,
    spawn: Spawn,
    addresses: Addresses,
    over: CancellationToken,
    kills: AtomicUsize,
    stops: AtomicUsize,
}

fn between(from: u64, to: u64) -> Duration {
    Duration::from_millis(rand::rng().random_range(from..to))
}

impl Storm {
    /// A server refuses to start while its database is away, and whoever runs it tries again.
    async fn start(&self) -> Process {
        loop {
            match Process::start(&self.spawn).await {
                Ok(process) => return process,
                Err(_) => sleep(Duration::from_millis(200)).await,
            }
        }
    }

    /// Kills or stops one replica again and again.
    async fn strike(&self, slot: usize) -> Process {
        let mut process = self.start().await;
        self.addresses.set(slot, process.address);
        while !self.pause(between(1_000, 5_000)).await {
            if rand::rng().random_bool(0.5) {
                process.kill();
                self.kills.fetch_add(1, Ordering::Relaxed);
                process = self.start().await;
                self.addresses.set(slot, process.address);
            } else {
                process.signal("STOP");
                sleep(Duration::from_secs(LEASE.into()) + between(200, 3_000)).await;
                process.signal("CONT");
                self.stops.fetch_add(1, Ordering::Relaxed);
            }
        }
        process
    }

    async fn restart(&self) {
        let mut crash = false;
        while !self.pause(between(5_000, 40_000)).await {
            self.postgres.restart(crash).await;
            crash = !crash;
        }
    }

    /// Whether the storm is over before the time is.
    async fn pause(&self, time: Duration) -> bool {
        self.over.run_until_cancelled(sleep(time)).await.is_none()
    }
}

/// One client's conversations.
async fn talk(client: &Client, number: usize, turns: usize) -> Vec<Turn> {
    let mut all = Vec::new();
    let mut session = String::new();
    for n in 0..turns {
        if n % TURNS == 0 {
            session = client.session(&format!("s-{number}-{n}")).await.unwrap_or_default();
        }
        let tag = format!("t-{number}-{n}");
        let heard = client.turn(&session, &tag, &script::work(&tag)).await;
        let run = heard.run.unwrap_or_default();
        all.push(Turn { session: session.clone(), run, tag, works: true, ends: "done", heard: heard.frames });
    }
    all
}

pub async fn rage(size: &Size, report: &mut Report) {
    let postgres = Postgres::start().await;
    let sim = Sim::scripted();
    Script::play(&sim);
    sim.pace(Duration::from_millis(30), Duration::from_millis(20));
    let model = sim.start().await.expect("the stand-in listens");
    let probe = Probe::start().await;
    let spawn = Spawn {
        database_url: postgres.url.clone(),
        model_url: model.url(),
        lease_seconds: LEASE,
        probe_url: Some(probe.url.clone()),
        acquire_seconds: 1,
        ..Spawn::default()
    };
    let steady = Process::start(&spawn).await.expect("a server");
    let ttl = Duration::from_hours(2);
    let grant = Grant {
        user: "alice",
        email: None,
        org: Some("acme"),
        role: Some("owner"),
        platform_admin: false,
        ttl,
    };
    let alice = Person::new(steady.address, &token(&grant));
    alice.deal().await;
    alice.lets_connectors_act().await;
    let (addresses, over) = (Addresses::default(), CancellationToken::new());
    let storm =
        Storm { postgres, spawn, addresses, over, kills: AtomicUsize::new(0), stops: AtomicUsize::new(0) };
    let count = Arc::new(Count::default());
    for slot in 0..REPLICAS {
        storm.addresses.set(slot, steady.address);
    }
    drop(steady);
    let clients = async {
        let clients = (0..CLIENTS).map(async |number| {
            let (person, addresses, count) = (alice.clone(), storm.addresses.clone(), count.clone());
            let client = Client { person, addresses, count, drops: 0.03 };
            let turns = size.turns / CLIENTS + usize::from(number < size.turns % CLIENTS);
            talk(&client, number, turns).await
        });
        let turns: Vec<Turn> = join_all(clients).await.into_iter().flatten().collect();
        storm.over.cancel();
        turns
    };
    let strikes = join_all((0..REPLICAS).map(|slot| storm.strike(slot)));
    let (turns, mut processes, ()) = tokio::join!(clients, strikes, storm.restart());
    let calm = processes.pop().expect("a replica");
    drop(processes);
    let alice = alice.at(calm.address);
    let database = storm.postgres.superuser().await;
    let mut sum = Findings::default();
    let looks = stream::iter(&turns).map(async |turn| {
        if turn.run.is_empty() {
            let notes = vec![format!("{}: the message was never taken in", turn.tag)];
            return Findings { lost: 1, notes, ..Findings::default() };
        }
        inspect(&alice, &database, &probe, turn).await
    });
    let mut looks = looks.buffer_unordered(4);
    while let Some(found) = looks.next().await {
        sum.add(found);
    }
    drop(looks);
    database.close().await;
    tell(size, report, &storm, &count, turns.len(), &sum);
    drop(calm);
}

fn tell(size: &Size, report: &mut Report, storm: &Storm, count: &Count, turns: usize, sum: &Findings) {
    let share = |of: usize| size.turns / of;
    let number = |count: &AtomicUsize| count.load(Ordering::Relaxed);
    report.at_least("storm: turns", turns, size.turns);
    report.at_least("storm: replicas killed", number(&storm.kills), share(25));
    report.at_least("storm: replicas stopped for longer than the lease", number(&storm.stops), share(25));
    report.at_least(
        "storm: Postgres restarted in order",
        number(&storm.postgres.restarts),
        share(250).max(1),
    );
    report.at_least(
        "storm: Postgres crashed and restarted",
        number(&storm.postgres.crashes),
        share(250).max(1),
    );
    report.at_least("storm: streams dropped by their clients", number(&count.dropped), share(5));
    report.at_least("storm: streams taken up again", number(&count.resumed), share(4));
    report.note("storm: requests sent again", number(&count.again));
    report.at_least("storm: runs that another replica went on with", sum.taken_over, share(20));
    report.at_least("storm: effects that were counted", sum.effects, 2 * size.turns);
    report.at_least("storm: unknown outcomes, shown as such", sum.unknown, 1);
    report.found("storm", sum);
}
