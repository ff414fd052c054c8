//! What an organization no longer keeps is deleted: in small transactions, by one replica
//! per organization at a time, and so that organizations take turns.

use domain::{Result, id::ReplicaId, retention::Purged};
use store::{
    Store,
    retention::{self, Round, Step},
};
use tokio_util::sync::CancellationToken;

use crate::{
    audit::cause,
    crash::{self, CrashPoint},
};

/// Transactions after which the next organization has its turn.
const TURN: usize = 100;
/// Organizations of one look.
const ORGANIZATIONS: i64 = 32;

/// Who deletes.
#[derive(Clone, Debug)]
pub struct Purger {
    pub replica: ReplicaId,
    pub lease_seconds: u32,
    /// Ends the work between two transactions.
    pub stopping: CancellationToken,
}

/// Deletes what is due, until nothing is; the trouble of one organization is its own.
/// Answers what this replica has deleted.
pub async fn purge(store: &Store, purger: &Purger) -> Result<Purged> {
    let mut all = Purged::default();
    loop {
        let mut tx = store.system().await?;
        let due = retention::due(&mut tx, ORGANIZATIONS).await?;
        tx.commit().await?;
        if due.is_empty() {
            return Ok(all);
        }
        for due in due {
            if purger.stopping.is_cancelled() {
                return Ok(all);
            }
            let mut tx = store.system().await?;
            let round = retention::claim(&mut tx, due, purger.replica, purger.lease_seconds).await?;
            tx.commit().await?;
            if let Some(round) = round
                && let Err(error) = turn(store, purger, &round, &mut all).await
            {
                // Its lease ends, and then it is tried again.
                tracing::error!(org = %round.org, error = %cause(&error), "retention: nothing can be deleted");
            }
        }
    }
}

/// One organization's turn.
async fn turn(store: &Store, purger: &Purger, round: &Round, all: &mut Purged) -> Result<()> {
    for n in 1..=TURN {
        let last = n == TURN || purger.stopping.is_cancelled();
        match retention::step(store, round, last, async || crash::at(CrashPoint::Purging)).await? {
            Step::More(gone) => *all += gone,
            Step::Finished(gone) => {
                if !gone.is_nothing() {
                    tracing::info!(org = %round.org, purged = %gone, "retention: deleted");
                }
                return Ok(());
            }
            Step::Lost => return Ok(()),
        }
        crash::at(CrashPoint::Purged);
        if last {
            return Ok(());
        }
    }
    Ok(())
}
