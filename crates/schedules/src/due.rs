//! What is to be done about a slot whose time has come, or has passed.

use chrono::{DateTime, TimeDelta, Utc};
use domain::schedule::CatchUp;

use crate::Schedule;

/// How late a slot may be and still fire as if it were on time.
pub const GRACE: TimeDelta = TimeDelta::minutes(5);

/// What a task does when it is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// The slot that fires.
    pub fires: Option<DateTime<Utc>>,
    /// When it is to be looked at again; none: its schedule is over.
    pub next: Option<DateTime<Utc>>,
}

impl Schedule {
    /// `slot` is that at which the task was to be looked at. Of several that have passed at most the last one fires.
    pub fn due(&self, slot: DateTime<Utc>, now: DateTime<Utc>, catch_up: CatchUp) -> Due {
        if slot > now {
            return Due { fires: None, next: Some(slot) };
        }
        let last = self.last(slot, now);
        let fires = catch_up == CatchUp::One || now - last <= GRACE;
        Due { fires: fires.then_some(last), next: self.next(now) }
    }
}
