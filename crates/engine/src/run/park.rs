//! A run that needs a person's decision is put aside: it holds nothing, and its
//! session goes on.

use domain::{Event, Result, event::ToolUsed, run::RunStatus};
use store::{
    RunTx, parked,
    steps::{self, ToolCall},
};

use super::{
    Left, Run,
    act::{Answered, OpenCall, record, result_event},
};
use crate::prompt::AWAITING;

impl Run {
    /// Stores what the answer's other calls brought, and ends with `waiting`. The
    /// results join the conversation together, when none is missing.
    pub(super) async fn park(
        &mut self,
        mut tx: RunTx,
        seq: i64,
        answered: &[(&OpenCall, &Answered)],
        events: Vec<Event>,
    ) -> Result<(), Left> {
        let new = || answered.iter().filter(|(_, answered)| !answered.known);
        let records: Vec<ToolCall<'_>> = new().map(|(call, answered)| record(call, answered)).collect();
        steps::record_calls(&mut tx, &records).await?;
        self.tools_used.extend(new().map(|(call, answered)| ToolUsed {
            id: call.id.clone(),
            name: call.name.clone(),
            success: answered.outcome.success,
        }));
        let mut all: Vec<Event> = new().map(|(call, answered)| result_event(call, answered)).collect();
        all.extend(events);
        all.push(Event::Done {
            status: RunStatus::Waiting,
            message_id: None,
            iterations: self.iterations,
            tools_used: self.tools_used.clone(),
            usage: self.usage,
        });
        let staged = self.feed.stage(&all);
        let frames = self.feed.row(&staged);
        parked::park(&mut tx, seq, AWAITING, self.unbilled, &frames).await?;
        self.commit(tx, &frames, &staged).await?;
        Err(Left::Ended)
    }
}
