//! Who administers skills, and whose.

use domain::{Result, skill::PLATFORM};
use engine::{Door, Engine};
use store::{TenantTx, audit::Entry};

use crate::{
    caller::{Caller, Platform},
    extract::IdempotencyKey,
    idempotent::{Answer, once},
};

/// The refusal of whoever may not, to be given after what does not exist was called so.
pub type May = Result<()>;

pub enum By {
    /// An organization's administrators, its skills.
    Organization(Caller),
    /// The platform's administrators, the platform's skills.
    Platform(Platform),
}

impl By {
    pub fn engine(&self) -> &Engine {
        match self {
            By::Organization(caller) => &caller.app.engine,
            By::Platform(platform) => &platform.app.engine,
        }
    }

    /// What their texts pass before the first write.
    pub fn door(&self) -> &Door {
        match self {
            By::Organization(caller) => &caller.door,
            By::Platform(platform) => platform.app.engine.plain_door(),
        }
    }

    /// Where these skills are.
    pub fn path(&self) -> &'static str {
        match self {
            By::Organization(_) => "/v1/admin/skills",
            By::Platform(_) => "/v1/platform/skills",
        }
    }

    /// The beginning of an entry in the audit trail.
    pub fn did<'a>(&self, action: &'a str) -> Entry<'a> {
        match self {
            By::Organization(caller) => caller.did(action),
            By::Platform(platform) => platform.did(action),
        }
    }

    /// Runs the closure in a transaction of those whose skills they are; an error rolls it back.
    pub async fn tx<T>(&self, work: impl AsyncFnOnce(&mut TenantTx, May) -> Result<T>) -> Result<T> {
        match self {
            By::Organization(caller) => {
                let work = async |tx: &mut crate::caller::Tx| {
                    let may = tx.administers();
                    work(tx, may).await
                };
                caller.tx(work).await
            }
            By::Platform(platform) => platform.tx(PLATFORM, async |tx| work(tx, Ok(())).await).await,
        }
    }

    /// The same once under an `Idempotency-Key`. Answers of the platform's administrators are kept
    /// nowhere: they are members of nothing. What they ask for twice is found done.
    pub async fn once(
        &self,
        key: IdempotencyKey,
        hash: [u8; 32],
        work: impl AsyncFnOnce(&mut TenantTx, May) -> Result<Answer>,
    ) -> Result<Answer> {
        match self {
            By::Organization(caller) => {
                let work = async |tx: &mut crate::caller::Tx| {
                    let may = tx.administers();
                    work(tx, may).await
                };
                once(caller, key, hash, work).await
            }
            By::Platform(_) => self.tx(work).await,
        }
    }
}
