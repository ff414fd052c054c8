//! The ticker of a replica: at every second it looks for what is due. It decides nothing: Postgres does.

use domain::{Error, Result};
use tokio_cron_scheduler::{Job, JobScheduler};

use super::{ending, firing};
use crate::Engine;

/// At the beginning of every second.
const EVERY_SECOND: &str = "* * * * * *";

/// Ticks until the shutdown.
pub(crate) fn start(engine: &Engine) {
    let engine = engine.clone();
    engine.clone().detach(async move {
        let mut scheduler = match ticking(&engine).await {
            Ok(scheduler) => scheduler,
            Err(error) => {
                tracing::error!(%error, "the ticker of scheduled tasks does not start; tasks fire on other replicas alone");
                return;
            }
        };
        engine.stopping().cancelled().await;
        if let Err(error) = scheduler.shutdown().await {
            tracing::warn!(%error, "the ticker of scheduled tasks did not stop in order");
        }
    });
}

async fn ticking(engine: &Engine) -> Result<JobScheduler> {
    let scheduler = JobScheduler::new().await.map_err(Error::internal)?;
    let engine = engine.clone();
    let job = Job::new_async(EVERY_SECOND, move |_, _| {
        let engine = engine.clone();
        Box::pin(async move { tick(&engine).await })
    });
    scheduler.add(job.map_err(Error::internal)?).await.map_err(Error::internal)?;
    scheduler.start().await.map_err(Error::internal)?;
    Ok(scheduler)
}

/// One look. A second that comes before the one before is done is left out.
async fn tick(engine: &Engine) {
    let Ok(_alone) = engine.0.firing.try_lock() else { return };
    // One does not wait for the other.
    let (fired, ended) = tokio::join!(firing::look(engine), ending::look(engine));
    if let Err(error) = fired.and(ended) {
        tracing::warn!(%error, "scheduled tasks could not be looked after; the next second does it");
    }
}
