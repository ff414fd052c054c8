//! A run that needs a person's decision is put aside: it holds nothing, and its
//! session goes on.

use domain::{Event, Result, run::RunStatus};
use store::{RunTx, parked};

use super::{Left, Run};
use crate::{
    crash::{self, CrashPoint},
    prompt::AWAITING,
};

impl Run {
    /// Ends with `waiting`, after what the answer's other calls brought was recorded.
    /// The results join the conversation together, when none is missing.
    pub(super) async fn park(&mut self, mut tx: RunTx, seq: i64, mut events: Vec<Event>) -> Result<(), Left> {
        events.push(Event::Done {
            status: RunStatus::Waiting,
            message_id: None,
            iterations: self.iterations,
            tools_used: self.tools_used.clone(),
            usage: self.usage,
        });
        let staged = self.feed.stage(&events);
        let frames = self.feed.row(&staged);
        crash::at(CrashPoint::ApprovalStored);
        parked::park(&mut tx, seq, AWAITING, self.unbilled, &frames).await?;
        self.commit(tx, &frames, &staged).await?;
        Err(Left::Ended)
    }
}
