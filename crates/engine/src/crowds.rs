//! Not too many runs of one person or one organization are under way at the same time.
//!
//! A person's are counted in the transaction of each turn. Colleagues' runs are not the person's to see, so those of the
//! organization are counted by the service: once a second those that have many, and exactly before somebody is refused.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use domain::{Error, OrgId, Result};
use store::crowds;

use crate::{Engine, telemetry::Limit};

/// When whoever has too many under way may try again.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// What is known of organizations between two looks.
#[derive(Default)]
pub(crate) struct Crowds(Mutex<Known>);

#[derive(Default)]
struct Known {
    /// Runs that were under way, where they were many.
    counted: HashMap<OrgId, i64>,
    /// Turns that have begun here since.
    begun: HashMap<OrgId, i64>,
    /// Turns that had begun shortly before, and that were perhaps not stored yet when they were counted.
    earlier: HashMap<OrgId, i64>,
}

impl Crowds {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets a turn begin, if there is room for it as far as is known.
    fn enter(&self, org: OrgId, most: i64) -> bool {
        let mut known = self.known();
        let earlier = known.earlier.get(&org).copied().unwrap_or(0);
        let counted = known.counted.get(&org).copied().unwrap_or(half(most)) + earlier;
        let begun = known.begun.entry(org).or_default();
        let room = counted + *begun < most;
        if room {
            *begun += 1;
        }
        room
    }
}

/// Fewer are not counted between two looks.
fn half(most: i64) -> i64 {
    most / 2
}

/// Counts the runs of organizations that have many, if anything has begun here.
pub(crate) async fn look(engine: &Engine) -> Result<()> {
    {
        let mut known = engine.0.crowds.known();
        let nothing = known.begun.is_empty() && known.earlier.is_empty();
        known.earlier = std::mem::take(&mut known.begun);
        if nothing {
            known.counted.clear();
            return Ok(());
        }
    }
    let mut tx = engine.store().heartbeat().await?;
    let counted = crowds::busy(&mut tx, half(engine.settings().runs_of_org.into())).await?;
    tx.commit().await?;
    engine.0.crowds.known().counted = counted.into_iter().collect();
    Ok(())
}

impl Engine {
    /// Refuses a turn of whoever has too many runs under way.
    pub(crate) fn has_place(&self, under_way: i64) -> Result<()> {
        let most = self.settings().runs_of_user.into();
        if under_way < most {
            return Ok(());
        }
        self.telemetry().meters.refused(Limit::UserRuns);
        Err(crowded("yours", under_way, most))
    }

    /// The same for the organization.
    pub(crate) async fn has_room(&self, org: OrgId) -> Result<()> {
        let most = self.settings().runs_of_org.into();
        if self.0.crowds.enter(org, most) {
            return Ok(());
        }
        let mut tx = self.store().heartbeat().await?;
        let count = crowds::of(&mut tx, org).await?;
        tx.commit().await?;
        if count >= most {
            self.telemetry().meters.refused(Limit::OrgRuns);
            return Err(crowded("your organization", count, most));
        }
        let mut known = self.0.crowds.known();
        known.counted.insert(org, count);
        known.earlier.remove(&org);
        known.begun.insert(org, 1);
        Ok(())
    }
}

fn crowded(whose: &str, count: i64, most: i64) -> Error {
    Error::RateLimited {
        code: "too_many_runs",
        detail: format!(
            "{count} runs of {whose} are queued or running, and {most} may be; wait until one has ended"
        ),
        retry_after: RETRY_AFTER,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_organization_of_which_little_is_known_may_begin_half_of_what_it_may_have() {
        let (crowds, org) = (Crowds::default(), OrgId::derive("acme"));
        assert_eq!((0..10).filter(|_| crowds.enter(org, 10)).count(), 5);
        crowds.known().counted.insert(org, 0);
        assert_eq!((0..10).filter(|_| crowds.enter(org, 10)).count(), 5);
        assert!(!crowds.enter(OrgId::derive("globex"), 0));
    }
}
