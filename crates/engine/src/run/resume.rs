//! A claimed run: queued, or left behind by a replica that died. Resume is not
//! replay: the conversation tells where the run stands.

use domain::{Error, Event, Result, event::ToolUsed, run::Lease};
use store::{
    Guarded,
    turns::{self, Resumed},
};

use super::{Left, Run};
use crate::{Engine, turn::resolve};

impl Engine {
    pub(crate) async fn execute_claimed(&self, lease: Lease) {
        match self.load(lease).await {
            Ok(Some(run)) => run.execute(None).await,
            Ok(None) => {}
            // The lease ends by itself, and the run is claimed again.
            Err(error) => tracing::warn!(run = %lease.run, %error, "a claimed run cannot be loaded"),
        }
    }

    async fn load(&self, lease: Lease) -> Result<Option<Run>> {
        let Guarded::Open(mut tx) = self.store().run(&lease, self.settings().lease_seconds).await? else {
            return Ok(None);
        };
        let membership = tx.tenant().membership().cloned();
        let loaded = turns::load(&mut tx).await?;
        tx.commit().await?;
        let membership = membership.ok_or_else(|| Error::internal("a run's owner is no member"))?;
        let role = membership.ceiling.map_or(loaded.role, |ceiling| ceiling.min(loaded.role));
        let frozen = self.frozen(lease.user, role, &loaded.model, &loaded.context);
        let mut run = self.run_of(lease, role, loaded.mode, frozen, loaded.context.clone());
        self.0.committed(lease);
        run.take_over(&loaded);
        let refused = if !membership.active {
            run.failed("membership_ended", "the person is no longer an active member", false).await
        } else if loaded.attempts > self.0.settings.limits.attempts {
            run.failed("gave_up", "the run broke off too often without getting any further", true).await
        } else if loaded.cancel_requested {
            run.cancelled().await
        } else if loaded.trigger == "compact" {
            run.compact_only().await
        } else {
            return Ok(Some(run));
        };
        match refused {
            Err(Left::Store(error)) => Err(error),
            _ => Ok(None),
        }
    }
}

impl Run {
    /// Counts what earlier owners did, and tells readers what is void of it.
    fn take_over(&mut self, loaded: &Resumed) {
        self.iterations = loaded.iterations;
        self.steps = loaded.steps;
        self.usage = loaded.usage;
        self.tools_used = loaded
            .tools
            .iter()
            .map(|(id, name, success)| ToolUsed { id: id.clone(), name: name.clone(), success: *success })
            .collect();
        self.feed.push(&if loaded.has_events {
            Event::Reset { message_id: None }
        } else {
            Event::RunStarted {
                session_id: self.lease.session,
                message_id: loaded.message,
                model: loaded.model.clone(),
                mode: resolve(loaded.mode),
            }
        });
    }
}
