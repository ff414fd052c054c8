//! What runs in the background of a replica: claims, heartbeats, cancels, and
//! the group writer of tokens.

use std::{panic::AssertUnwindSafe, time::Duration};

use domain::{Error, Result, run::Lease};
use futures_util::{FutureExt as _, future::BoxFuture};
use store::runs;
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::{
    Engine, Stop, audit, bulletin,
    crash::{self, CrashPoint},
    crowds, erasure, feed,
    retention::{self, Purger},
    secrets,
};

/// How often a replica looks for runs that nobody executes.
const CLAIM_EVERY: Duration = Duration::from_millis(400);
/// How often it looks for cancels that were asked of another replica.
const CANCEL_EVERY: Duration = Duration::from_millis(500);
const _: () = assert!(CANCEL_EVERY.as_millis() < 1000, "a cancel is seen within a second");
/// How often tokens reach the database: what a reader elsewhere lags behind.
const FLUSH_EVERY: Duration = Duration::from_millis(75);
/// How often old streams and keys are dropped.
const HOUSEKEEPING_EVERY: Duration = Duration::from_mins(10);
/// How often organizations are looked for whose retention is due.
const RETENTION_EVERY: Duration = Duration::from_secs(10);
/// How often the audit trail is sealed: what was not yet, nothing proves.
const SEAL_EVERY: Duration = Duration::from_secs(5);
/// How often a replica looks for erasures that nobody works at.
const ERASE_EVERY: Duration = Duration::from_secs(1);
/// How often it looks for news to those who listen.
const NEWS_EVERY: Duration = Duration::from_secs(1);
/// How often it looks for organizations whose secrets have changed.
const SECRETS_EVERY: Duration = Duration::from_secs(1);
/// How often it counts the runs of organizations that have many.
const CROWDS_EVERY: Duration = Duration::from_secs(1);
/// Claims of one look.
const CLAIM_BATCH: i64 = 32;
/// What a shutdown waits for runs that are committing a step.
const DRAIN: Duration = Duration::from_secs(5);

type Job = for<'a> fn(&'a Engine) -> BoxFuture<'a, Result<()>>;

/// What a replica does for those who are connected to it, whether it executes runs or not.
pub(crate) fn serve(engine: &Engine) {
    every(engine, NEWS_EVERY, false, |engine| bulletin::look(engine).boxed());
    every(engine, CROWDS_EVERY, false, |engine| crowds::look(engine).boxed());
    every(engine, SECRETS_EVERY, false, |engine| secrets::look(engine).boxed());
}

pub(crate) fn start(engine: &Engine) {
    let lease = Duration::from_secs(engine.settings().lease_seconds.into());
    every(engine, CLAIM_EVERY, true, |engine| claim(engine).boxed());
    every(engine, lease / 3, false, |engine| heartbeat(engine).boxed());
    every(engine, CANCEL_EVERY, false, |engine| cancels(engine).boxed());
    every(engine, HOUSEKEEPING_EVERY, false, |engine| housekeeping(engine).boxed());
    every(engine, HOUSEKEEPING_EVERY, false, |engine| secrets::reseal(engine).boxed());
    every(engine, RETENTION_EVERY, false, |engine| purge(engine).boxed());
    every(engine, SEAL_EVERY, false, |engine| audit::seal(engine.store(), &engine.0.seal_keys).boxed());
    every(engine, ERASE_EVERY, false, |engine| erasure::work(engine).boxed());
    every(engine, FLUSH_EVERY, false, |engine| flush(engine).boxed());
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
        if engine.0.stopping.is_cancelled() {
            break;
        }
        let mut tx = engine.store().system().await?;
        match runs::claim(&mut tx, &candidate, engine.settings().lease_seconds).await? {
            Some(lease) => {
                tx.commit().await?;
                crash::at(CrashPoint::Claimed);
                execute(engine, lease, candidate.attempts + 1);
            }
            None => tx.rollback().await?,
        }
    }
    Ok(())
}

/// A run's task. A panic ends the task and nothing else: the lease ends, and
/// the run is claimed again until it has had its attempts.
fn execute(engine: &Engine, lease: Lease, attempts: i32) {
    let engine = engine.clone();
    engine.clone().detach(async move {
        let run = AssertUnwindSafe(engine.execute_claimed(lease, attempts)).catch_unwind();
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
    crash::at(CrashPoint::Heartbeat);
    tx.commit().await?;
    for lease in leases {
        match kept.iter().find(|(run, _)| *run == lease.run) {
            Some((_, true)) => engine.0.stop_lease(&lease, Stop::Cancelled),
            Some((_, false)) => {}
            None => engine.0.stop_lease(&lease, Stop::Lost),
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

/// A batch that fails is stored run by run, so that one run's trouble is its own.
async fn flush(engine: &Engine) -> Result<()> {
    let pending = engine.0.feeds.with_unstored();
    match feed::flush(&pending, engine.store()).await {
        Err(Error::Internal(error)) => {
            tracing::warn!(%error, "tokens could not be stored together; each run's go alone");
            for feed in pending {
                if let Err(Error::Internal(error)) =
                    feed::flush(std::slice::from_ref(&feed), engine.store()).await
                {
                    tracing::warn!(%error, run = %feed.lease().run, "a run's tokens cannot be stored");
                    engine.0.stop_lease(feed.lease(), Stop::Unstored);
                }
            }
            Ok(())
        }
        other => other,
    }
}

/// In small transactions, until nothing is left.
async fn housekeeping(engine: &Engine) -> Result<()> {
    let mut tx = engine.store().system().await?;
    let mut count = store::housekeeping::drop_keys(&mut tx).await?;
    count += store::slack::drop_old(&mut tx).await?;
    tx.commit().await?;
    count += drop_usage(engine).await?;
    let mut after = None;
    loop {
        let mut tx = engine.store().system().await?;
        let dropped = store::housekeeping::drop_streams(&mut tx, after).await?;
        tx.commit().await?;
        count += dropped.rows;
        if dropped.next.is_none() || engine.0.stopping.is_cancelled() {
            tracing::debug!(count, "old streams and keys dropped");
            return Ok(());
        }
        after = dropped.next;
    }
}

/// Single model calls whose time is over.
async fn drop_usage(engine: &Engine) -> Result<u64> {
    let mut count = 0;
    loop {
        let mut tx = engine.store().system().await?;
        let dropped = store::housekeeping::drop_usage(&mut tx).await?;
        tx.commit().await?;
        count += dropped;
        if dropped == 0 || engine.0.stopping.is_cancelled() {
            return Ok(count);
        }
    }
}

async fn purge(engine: &Engine) -> Result<()> {
    let purger = Purger {
        replica: engine.0.replica,
        lease_seconds: engine.settings().lease_seconds,
        stopping: engine.stopping(),
    };
    retention::purge(engine.store(), &purger).await.map(drop)
}

pub(crate) async fn shutdown(engine: &Engine) {
    engine.0.stopping.cancel();
    crash::at(CrashPoint::Shutdown);
    engine.0.feeds.leave();
    // Each run hands its own lease back, and so does one that begins from here on.
    engine.0.stop_all(Stop::Shutdown);
    engine.0.tasks.close();
    if timeout(DRAIN, engine.0.tasks.wait()).await.is_err() {
        tracing::warn!("some runs did not stop in time; their leases are handed back all the same");
    }
    let handed = async {
        let mut tx = engine.store().heartbeat().await?;
        let count = runs::hand_back_all(&mut tx, engine.0.replica).await?;
        tx.commit().await.map(|()| count)
    };
    match handed.await {
        Ok(0) => {}
        Ok(count) => tracing::info!(count, "runs handed back"),
        Err(error) => tracing::warn!(%error, "leases could not be handed back; they end by themselves"),
    }
}
