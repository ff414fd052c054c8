//! How long a run waits for its next owner, and whether a rolling restart is felt.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use serde_json::json;
use sqlx::PgPool;

use crate::{
    Size,
    client::{Addresses, Client, Count},
    crashes::{
        findings::{Findings, Turn, inspect},
        script::{self, Script},
    },
    harness::{Process, Setup, Spawn, TestApp, look::run_of, probe::Probe},
    report::Report,
};

const LEASE: u32 = 3;
const REPLICAS: usize = 3;

struct Stage {
    app: TestApp,
    probe: Probe,
    script: Script,
    database: PgPool,
    spawn: Spawn,
}

impl Stage {
    async fn set() -> Self {
        let app = TestApp::with(Setup { works: false, ..Setup::default() }).await;
        let script = Script::play(&app.sim);
        let probe = Probe::start().await;
        app.alice().lets_connectors_act().await;
        let database = app.database.superuser().await;
        let spawn = Spawn {
            database_url: app.database.url(),
            model_url: app.model_url(),
            lease_seconds: LEASE,
            probe_url: Some(probe.url.clone()),
            ..Spawn::default()
        };
        Self { app, probe, script, database, spawn }
    }

    /// Ends a server in the middle of an answer. Seconds until another one owns the run, and until a reader
    /// that stayed with that one hears of it.
    async fn hand_over(&self, signal: &str) -> (f64, f64) {
        let heir = Process::start(&self.spawn).await.expect("a server");
        let leaving = Process::start(&self.spawn).await.expect("a server");
        let alice = self.app.alice();
        let session = alice.session().await;
        let tag = format!("handover-{session}");
        let mut events = alice.at(leaving.address).say(&session, &script::wait(&tag)).await;
        let run = run_of(&events.until("run_started").await);
        let mut reader = alice.at(heir.address).follow(&run, None).await;
        reader.until("run_started").await;
        leaving.signal(signal);
        let began = Instant::now();
        let owned = async {
            let sql = "select fence > 1 and status <> 'queued' from sixty.runs where id = $1::uuid";
            while !sqlx::query_scalar::<_, bool>(sql)
                .bind(&run)
                .fetch_one(&self.database)
                .await
                .expect("a row")
            {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            began.elapsed().as_secs_f64()
        };
        let told = async {
            reader.until("reset").await;
            began.elapsed().as_secs_f64()
        };
        let measured = tokio::join!(owned, told);
        self.script.release(&tag);
        reader.until("done").await;
        measured
    }

    /// Restarts three replicas, one after the other, under open streams.
    async fn roll(&self, streams: usize) -> (Vec<Turn>, Arc<Count>) {
        let addresses = Addresses::default();
        let mut replicas = Vec::new();
        for slot in 0..REPLICAS {
            replicas.push(Process::start(&self.spawn).await.expect("a server"));
            addresses.set(slot, replicas[slot].address);
        }
        let count = Arc::new(Count::default());
        let alice = self.app.alice();
        let turns = join_all((0..streams).map(async |n| {
            let (person, addresses, count) = (alice.clone(), addresses.clone(), count.clone());
            let client = Client { person, addresses, count, drops: 0.0 };
            let tag = format!("rolling-{n}");
            let session = client.session(&tag).await.unwrap_or_default();
            let heard = client.turn(&session, &format!("turn {tag}"), &script::plain(&tag)).await;
            let run = heard.run.unwrap_or_default();
            Turn { session, run, tag, works: false, ends: "done", heard: heard.frames }
        }));
        let restarts = async {
            let open = "select count(*) from sixty.runs where status = 'running'";
            let all = i64::try_from(streams).expect("a number");
            while sqlx::query_scalar::<_, i64>(open).fetch_one(&self.database).await.expect("a row") < all {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            for (slot, replica) in replicas.iter_mut().enumerate() {
                let next = Process::start(&self.spawn).await.expect("a server");
                addresses.set(slot, next.address);
                replica.signal("TERM");
                assert!(replica.ended().await.success(), "a replica did not shut down in order");
                *replica = next;
            }
        };
        let (turns, ()) = tokio::join!(turns, restarts);
        (turns, count)
    }
}

pub async fn measure(size: &Size, report: &mut Report) {
    let stage = Stage::set().await;
    for (signal, name, bound) in [("KILL", "SIGKILL", f64::from(LEASE) + 2.0), ("TERM", "SIGTERM", 2.0)] {
        let (mut owned, mut told) = (Vec::new(), Vec::new());
        for _ in 0..size.handovers {
            let (by, heard) = stage.hand_over(signal).await;
            owned.push(by);
            told.push(heard);
        }
        report.at_least(format!("handover: measured after {name}"), owned.len(), size.handovers);
        report.note(
            format!("handover: median until another owns the run, after {name} (s)"),
            median(&mut owned),
        );
        report.at_most(format!("handover: longest, after {name} (s)"), longest(&owned), bound);
        report.note(
            format!("handover: longest until a reader elsewhere hears of it (s), after {name}"),
            format!("{:.2}", longest(&told)),
        );
    }
    stage.app.sim.pace(Duration::from_millis(20), Duration::from_millis(500));
    let (turns, count) = stage.roll(size.streams).await;
    let mut sum = Findings::default();
    for turn in &turns {
        if turn.run.is_empty() {
            sum.lost += 1;
            sum.notes.push(format!("{}: the message was never taken in", turn.tag));
            continue;
        }
        sum.add(inspect(&stage.app.alice(), &stage.database, &stage.probe, turn).await);
    }
    report.at_least("rolling restart: streams open", turns.len(), size.streams);
    report.at_least(
        "rolling restart: runs that another replica went on with",
        sum.taken_over,
        size.streams * 9 / 10,
    );
    let resumed = count.resumed.load(std::sync::atomic::Ordering::Relaxed);
    report.at_least("rolling restart: streams taken up again", resumed, size.streams * 9 / 10);
    report.found("rolling restart", &sum);
    let failed =
        json!(turns.iter().filter(|turn| turn.heard.last().is_none_or(|f| f.event != "done")).count());
    report.note("rolling restart: streams that did not hear the end", failed);
}

fn median(seconds: &mut [f64]) -> String {
    seconds.sort_by(f64::total_cmp);
    format!("{:.2}", seconds[seconds.len() / 2])
}

fn longest(seconds: &[f64]) -> f64 {
    seconds.iter().copied().fold(0.0, f64::max)
}
