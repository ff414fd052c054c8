//! What runs in the background of a replica: claims, heartbeats, cancels, and
//! the group writer of tokens.

use std::{panic::AssertUnwindSafe, time::Duration};

use domain::{Result, run::Lease};
use futures_util::{FutureExt as _, future::BoxFuture};
use store::runs;
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::{Engine, Stop, feed};

/// How often a replica looks for runs that nobody executes.
const CLAIM_EVERY: Duration = Duration::from_millis(400);
/// How often it looks for cancels that were asked of another replica.
const CANCEL_EVERY: Duration = Duration::from_millis(500);
/// How often tokens reach the database: what a reader elsewhere lags behind.
const FLUSH_EVERY: Duration = Duration::from_millis(75);
/// How often old streams and keys are dropped.
const HOUSEKEEPING_EVERY: Duration = Duration::from_mins(10);
/// Claims of one look.
const CLAIM_BATCH: i64 = 32;
/// What a shutdown waits for runs that are committing a step.
const DRAIN: Duration = Duration::from_secs(5);

type Job = for<'a> fn(&'a Engine) -> BoxFuture<'a, Result<()>>;

pub(crate) fn start(engine: &Engine) {
    let lease = Duration::from_secs(engine.settings().lease_seconds.into());
    every(engine, CLAIM_EVERY, true, |engine| claim(engine).boxed());
    every(engine, lease / 3, false, |engine| heartbeat(engine).boxed());
    every(engine, CANCEL_EVERY, false, |engine| cancels(engine).boxed());
    every(engine, HOUSEKEEPING_EVERY, false, |engine| housekeeping(engine).boxed());
    every(engine, FLUSH_EVERY, false, |engine| feed::flush(&engine.0.feeds, engine.store()).boxed());
}

/// Runs the job at every tick until the shutdown; one that `wakes` also when a
/// run was queued here.
fn every(engine: &Engine, period: Duration, wakes: bool, job: Job) {
    let engine = engine.clone();
    engine.clone().detach(async move {
        let mut ticks = interval(period);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = engine.0.stopping.cancelled() => return,
                _ = ticks.tick() => {}
                () = engine.0.wake.notified(), if wakes => {}
            }
            if let Err(error) = job(&engine).await {
                tracing::warn!(%error, "a background job failed; it comes again");
            }
        }
    });
}

async fn claim(engine: &Engine) -> Result<()> {
    let limit = engine.settings().limits.runs;
    if engine.0.live().len() >= limit {
        return Ok(());
    }
    let mut tx = engine.store().system().await?;
    let candidates = runs::candidates(&mut tx, engine.0.replica, CLAIM_BATCH).await?;
    tx.commit().await?;
    for candidate in candidates {
        let mut tx = engine.store().system().await?;
        let claimed = runs::claim(&mut tx, &candidate, engine.settings().lease_seconds).await?;
        if let Some(lease) = claimed {
            tx.commit().await?;
            execute(engine, lease);
        }
    }
    Ok(())
}

/// A run's task. A panic ends the task and nothing else: the lease ends, and
/// the run is claimed again until it has had its attempts.
fn execute(engine: &Engine, lease: Lease) {
    let engine = engine.clone();
    engine.clone().detach(async move {
        let run = AssertUnwindSafe(engine.execute_claimed(lease)).catch_unwind();
        if run.await.is_err() {
            tracing::error!(run = %lease.run, "a run panicked");
        }
    });
}

async fn heartbeat(engine: &Engine) -> Result<()> {
    let leases = engine.0.committed_leases();
    if leases.is_empty() {
        return Ok(());
    }
    let mut tx = engine.store().heartbeat().await?;
    let kept = runs::heartbeat(&mut tx, &leases, engine.settings().lease_seconds).await?;
    tx.commit().await?;
    for lease in leases {
        match kept.iter().find(|(run, _)| *run == lease.run) {
            Some((_, true)) => engine.0.stop(lease.run, Stop::Cancelled),
            Some((_, false)) => {}
            None => engine.0.stop(lease.run, Stop::Lost),
        }
    }
    Ok(())
}

async fn cancels(engine: &Engine) -> Result<()> {
    if engine.0.live().is_empty() {
        return Ok(());
    }
    let mut tx = engine.store().heartbeat().await?;
    let cancelled = runs::cancelled(&mut tx, engine.0.replica).await?;
    tx.commit().await?;
    for run in cancelled {
        engine.0.stop(run, Stop::Cancelled);
    }
    Ok(())
}

async fn housekeeping(engine: &Engine) -> Result<()> {
    let mut tx = engine.store().heartbeat().await?;
    let count = store::housekeeping::drop_expired(&mut tx).await?;
    tx.commit().await?;
    if count > 0 {
        tracing::debug!(count, "old streams and keys dropped");
    }
    Ok(())
}

pub(crate) async fn shutdown(engine: &Engine) {
    engine.0.stopping.cancel();
    let leases = engine.0.leases();
    for lease in &leases {
        engine.0.stop(lease.run, Stop::Shutdown);
    }
    engine.0.tasks.close();
    if timeout(DRAIN, engine.0.tasks.wait()).await.is_err() {
        tracing::warn!("some runs did not stop in time; their leases are handed back all the same");
    }
    let handed = async {
        let mut tx = engine.store().heartbeat().await?;
        let count = runs::hand_back(&mut tx, &leases).await?;
        tx.commit().await.map(|()| count)
    };
    match handed.await {
        Ok(0) => {}
        Ok(count) => tracing::info!(count, "runs handed back"),
        Err(error) => tracing::warn!(%error, "leases could not be handed back; they end by themselves"),
    }
}
