//! A run that has read what came from outside of the organization's people: what it
//! wants to remember needs a person from there on, and so do all later runs of its
//! session, for the words stay in the prompt, in summaries and in the archive. And a run
//! in which others than its person have spoken.

use domain::{ApprovalId, Result, UserId, audit::Channel, run::Lease};
use store::{RunTx, trust};

use super::{
    Run,
    act::{Answered, Round},
};
use crate::{
    builtins::{Doing, Origin},
    scheduled::TaskAuthor,
};

impl Run {
    /// Takes note of what the results so far hold, in the transaction that stores them:
    /// before the writes of the same answer meet the matrix.
    pub(super) async fn weigh(&mut self, tx: &mut RunTx, round: &Round) -> Result<()> {
        for answered in round.answered.iter().flatten() {
            self.weigh_one(tx, answered).await?;
        }
        Ok(())
    }

    pub(super) async fn weigh_one(&mut self, tx: &mut RunTx, answered: &Answered) -> Result<()> {
        if self.untrusted || !answered.outcome.origin.is_outside() {
            return Ok(());
        }
        let session = self.lease.session;
        trust::distrust(tx.tenant(), session).await?;
        self.untrusted = true;
        Ok(())
    }

    /// Whether the conversation is one of several people, and holds words of others than whoever asks. It is asked anew
    /// at each write: others may have spoken while the run waited.
    pub(super) async fn others_spoke(&self, tx: &mut RunTx) -> Result<bool> {
        let Lease { user, author, session, .. } = self.lease;
        Ok(author != user && trust::others_spoke(tx.tenant(), session, author).await?)
    }

    /// In which run, step and conversation a write is made, and on whose word.
    pub(super) fn doing(&self, accepted: Option<(ApprovalId, UserId)>) -> Doing<'_> {
        let origin = Origin::outside_if(self.untrusted);
        let author = TaskAuthor {
            role: self.role,
            zone: self.zone,
            untrusted: self.untrusted,
            scheduled: self.channel == Channel::Schedule,
        };
        Doing {
            bound: self.entity.as_ref(),
            step: self.steps + 1,
            origin,
            accepted,
            engine: &self.engine,
            author,
        }
    }
}
