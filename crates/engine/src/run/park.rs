//! A run that needs a person's decision is put aside: it holds nothing, and its
//! session goes on.

use domain::{Event, Result, run::RunStatus};
use store::{RunTx, parked, usage};

use tools::ASK_USER;

use super::{Left, Run, act::Round};
use crate::{
    crash::{self, CrashPoint},
    prompt::{AWAITING, AWAITING_ANSWER},
};

impl Run {
    /// Ends with `waiting`, after what the answer's other calls brought was recorded.
    /// The results join the conversation together, when none is missing.
    pub(super) async fn park(
        &mut self,
        mut tx: RunTx,
        round: &Round,
        mut events: Vec<Event>,
    ) -> Result<(), Left> {
        events.extend(self.waiting_step());
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
        let open = round.calls.iter().zip(&round.answered).filter(|(_, answered)| answered.is_none());
        let asks = open.into_iter().any(|(call, _)| call.name == ASK_USER);
        let note = if asks { AWAITING_ANSWER } else { AWAITING };
        parked::park(&mut tx, round.seq, note, &frames).await?;
        usage::record(&mut tx, &self.unbilled).await?;
        self.commit(tx, &frames, &staged).await?;
        self.billed();
        self.has_ended(RunStatus::Waiting, None);
        Err(Left::Ended)
    }
}
