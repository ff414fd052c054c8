//! Whether a turn may begin: there is something left of the budgets.

use domain::{
    Error, Result, UserId,
    budget::{self, Limits, Spent, Standing},
};
use store::{TenantTx, budgets, crowds};

use crate::Engine;

impl Engine {
    /// Where the person's limits stand, if a model call may begin.
    pub async fn afford(&self, tx: &mut TenantTx, user: UserId, limits: Limits) -> Result<Vec<Standing>> {
        if limits == Limits::default() {
            return Ok(Vec::new());
        }
        let standings = budgets::standings(tx, &limits, user, None).await?;
        let of_run = limits.of_run(Spent::default());
        // What a run may not, it never may.
        match budget::exhausted(&of_run).or(budget::exhausted(&standings)) {
            Some(empty) => {
                self.telemetry().meters.over_budget(empty.scope);
                Err(Error::BudgetExhausted(Box::new(*empty)))
            }
            None => Ok(standings),
        }
    }

    /// The same of a run that is queued by itself: of the transaction's person, who must not have too much under way.
    pub async fn may_queue(&self, tx: &mut TenantTx) -> Result<()> {
        self.has_place(crowds::of_person(tx).await?)?;
        self.has_room(tx.org()).await?;
        let limits = budgets::find(tx).await?.limits;
        let user = tx.tenant().user;
        self.afford(tx, user, limits).await.map(drop)
    }
}
