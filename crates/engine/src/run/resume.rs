//! A claimed run: queued, or left behind by a replica that died. Resume is not
//! replay: the conversation tells where the run stands.

use domain::{
    Cursor, Error, Event, Result, Usage,
    event::ToolUsed,
    run::{Lease, RunStatus},
    tool::CallState,
};
use store::{
    Guarded,
    steps::{self, Frames},
    turns::{self, Resumed},
};

use super::{Left, Run};
use crate::Engine;

/// Code and text of a run that broke off again and again.
const GAVE_UP: (&str, &str) = ("gave_up", "the run broke off too often without getting any further");

impl Engine {
    /// `attempts` counts the claims since the run's last step, this one too.
    pub(crate) async fn execute_claimed(&self, lease: Lease, attempts: i32) {
        let gave_up = attempts > self.0.settings.limits.attempts;
        match self.load(lease).await {
            Ok(Some(run)) => run.execute(None).await,
            Ok(None) => {}
            Err(error) if gave_up => {
                tracing::error!(run = %lease.run, %error, "a run that cannot be loaded is given up");
                if let Err(error) = self.give_up(lease).await {
                    tracing::warn!(run = %lease.run, %error, "it is claimed again");
                }
            }
            Err(error) => self.hand_back(lease, attempts, &error).await,
        }
    }

    async fn load(&self, lease: Lease) -> Result<Option<Run>> {
        let Guarded::Open(mut tx) = self.store().run(&lease, self.settings().lease_seconds).await? else {
            return Ok(None);
        };
        let membership = tx.tenant().membership().cloned();
        let membership = membership.ok_or_else(|| Error::internal("a run's owner is no member"))?;
        let mut loaded = turns::load(&mut tx).await?;
        if loaded.steps == 0 && loaded.context.told != loaded.context.current {
            // A queued answer to an old question: it quotes memory as it stands now.
            let current = loaded.context.current;
            turns::pin(tx.tenant(), lease.session, current, current).await?;
            loaded.context = turns::context(tx.tenant(), lease.session).await?;
        }
        // It commits before anything is shown, so that whoever takes over sees that something was.
        let first = first_event(lease, &loaded);
        let text = first.frame(lease.run, Cursor { fence: lease.fence, n: 1 });
        let frames = Frames { n_from: 1, n_to: 1, text };
        store::events::append(&mut tx, &frames).await?;
        tx.commit().await?;
        let role = loaded.role.capped(membership.ceiling);
        let frozen = self.frozen(lease.user, role, &loaded.model, &loaded.context);
        let mut run = self.run_of(lease, role, loaded.mode, frozen, loaded.context.clone());
        self.0.committed(lease);
        run.take_over(&loaded);
        let staged = run.feed.stage(&[first]);
        run.feed.publish(&frames, &staged);
        let refused = if !membership.active {
            run.failed("membership_ended", "the person is no longer an active member", false).await
        } else if loaded.attempts > self.0.settings.limits.attempts {
            run.failed(GAVE_UP.0, GAVE_UP.1, true).await
        } else if loaded.cancel_requested {
            run.cancelled().await
        } else {
            return Ok(Some(run));
        };
        if let Err(Left::Store(error)) = refused {
            run.hand_back(&error).await;
        }
        Ok(None)
    }

    /// Ends a run whose conversation cannot even be read.
    async fn give_up(&self, lease: Lease) -> Result<()> {
        let Guarded::Open(mut tx) = self.store().run(&lease, self.settings().lease_seconds).await? else {
            return Ok(());
        };
        let (code, message) = GAVE_UP;
        let event = Event::Error { code: code.into(), message: message.into(), retryable: true };
        let text = event.frame(lease.run, Cursor { fence: lease.fence, n: 1 });
        let frames = Frames { n_from: 1, n_to: 1, text };
        steps::finish(&mut tx, RunStatus::Failed, Some(GAVE_UP), Usage::default(), &frames).await?;
        tx.commit().await
    }
}

impl Run {
    /// Counts what earlier owners did.
    fn take_over(&mut self, loaded: &Resumed) {
        self.iterations = loaded.iterations;
        self.steps = loaded.steps;
        self.usage = loaded.usage;
        self.paused = loaded.paused;
        self.attempts = loaded.attempts;
        self.compacts_only = loaded.trigger == "compact";
        // Calls of an answer that lacks its results are not done with.
        let last = self.history.last().filter(|last| last.role == "assistant");
        let open = last.map(|last| self.open_calls(&last.content)).unwrap_or_default();
        let (recorded, answered): (Vec<_>, Vec<_>) =
            loaded.calls.iter().cloned().partition(|call| open.iter().any(|open| open.id == call.id));
        self.recorded = recorded;
        self.tools_used = answered
            .into_iter()
            .map(|call| ToolUsed { id: call.id, name: call.name, success: call.state == CallState::Done })
            .collect();
        if loaded.has_events {
            tracing::info!(run = %self.lease.run, fence = self.lease.fence, "a run that was broken off goes on here");
        }
    }
}

/// Begins the stream, or tells readers that what is not whole of an earlier owner's is void.
fn first_event(lease: Lease, loaded: &Resumed) -> Event {
    if loaded.has_events {
        return Event::Reset { message_id: None };
    }
    Event::RunStarted {
        session_id: lease.session,
        message_id: loaded.message,
        model: loaded.model.clone(),
        mode: loaded.mode.resolved(),
    }
}
