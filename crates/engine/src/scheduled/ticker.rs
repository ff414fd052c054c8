//! The ticker of a replica: at every second it looks for what is due. It decides nothing: Postgres does.

use std::sync::Arc;

use domain::{Error, Result};
use tokio::sync::Mutex;
use tokio_cron_scheduler::{Job, JobScheduler};

use super::{delivery, ending, firing};
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
    // So that none waits for another.
    for look in [Look::Firing, Look::Ending, Look::Delivery] {
        let (engine, busy) = (engine.clone(), Arc::new(Mutex::new(())));
        let job = Job::new_async(EVERY_SECOND, move |_, _| {
            let (engine, busy) = (engine.clone(), busy.clone());
            Box::pin(async move { tick(&engine, look, &busy).await })
        });
        scheduler.add(job.map_err(Error::internal)?).await.map_err(Error::internal)?;
    }
    scheduler.start().await.map_err(Error::internal)?;
    Ok(scheduler)
}

#[derive(Clone, Copy, Debug)]
enum Look {
    Firing,
    Ending,
    Delivery,
}

/// One look. A second that comes before the one before is done is left out.
async fn tick(engine: &Engine, look: Look, busy: &Mutex<()>) {
    let Ok(_alone) = busy.try_lock() else { return };
    let looked = match look {
        Look::Firing => firing::look(engine).await,
        Look::Ending => ending::look(engine).await,
        Look::Delivery => delivery::look(engine).await,
    };
    if let Err(error) = looked {
        tracing::warn!(%error, ?look, "scheduled tasks could not be looked after; the next second does it");
    }
}
