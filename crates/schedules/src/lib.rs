//! When scheduled tasks fire. Pure: nothing here knows a clock or a database.
//!
//! A *slot* is an instant at which a task is to fire. Which slots there are depends on the schedule alone, so that
//! every replica finds the same ones, whatever its clock says.

mod cron;
mod describe;
mod due;
mod wanted;
mod zone;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;

pub use cron::Cron;
pub use due::{CatchUp, Due, GRACE};
pub use wanted::{MAX_EVERY_SECONDS, MIN_EVERY_SECONDS, Wanted};

/// When a task fires.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    pub when: When,
    /// In which times of day are meant and told.
    pub zone: Tz,
}

#[derive(Clone, Debug, PartialEq)]
pub enum When {
    /// At the times of day of a pattern.
    Cron(Cron),
    /// Again and again after the same time, counted from the anchor.
    Interval { every: TimeDelta, anchor: DateTime<Utc> },
    /// One time.
    Once(DateTime<Utc>),
}

impl Schedule {
    /// The slots after this moment, each once, earliest first.
    pub fn slots(&self, after: DateTime<Utc>) -> Box<dyn Iterator<Item = DateTime<Utc>> + '_> {
        match &self.when {
            When::Cron(cron) => cron.slots(self.zone, after),
            When::Interval { every, anchor } => {
                Box::new(std::iter::successors(after_in(*anchor, *every, after), |slot| {
                    slot.checked_add_signed(*every)
                }))
            }
            When::Once(at) => Box::new(std::iter::once(*at).filter(move |at| *at > after)),
        }
    }

    /// The first slot after this moment; none: it never fires again.
    pub fn next(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.slots(after).next()
    }

    /// The last slot up to this moment, of those from `first` on, which is one.
    fn last(&self, first: DateTime<Utc>, upto: DateTime<Utc>) -> DateTime<Utc> {
        // In the smallest window that has one.
        let windows = [TimeDelta::hours(2), TimeDelta::days(2), TimeDelta::days(64)];
        let starts = windows.into_iter().map(|window| upto - window).filter(|start| *start > first);
        let newest = |start| self.slots(start).take_while(|slot| *slot <= upto).last();
        starts.chain([first]).find_map(newest).unwrap_or(first)
    }
}

/// The first moment after this one that is a multiple of the interval away from the anchor, and not before it.
fn after_in(anchor: DateTime<Utc>, every: TimeDelta, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
    if after < anchor {
        return Some(anchor);
    }
    let (every, passed) = (every.num_seconds().max(1), (after - anchor).num_seconds());
    anchor.checked_add_signed(TimeDelta::try_seconds((passed / every + 1).checked_mul(every)?)?)
}
