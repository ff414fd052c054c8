//! When scheduled tasks fire. Pure: nothing here knows a clock or a database.
//!
//! A *slot* is an instant at which a task is to fire. Which slots there are depends on the schedule alone, so that
//! every replica finds the same ones, whatever its clock says.

mod cron;
mod describe;
mod due;
mod wanted;
mod zone;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use chrono_tz::Tz;

pub use cron::Cron;
pub use domain::schedule::CatchUp;
pub use due::{Due, GRACE};
pub use wanted::{MAX_EVERY_SECONDS, MIN_EVERY_SECONDS, Wanted};

/// Slots that are compared for how close they are: those of a day, at every minute.
const COMPARED: usize = 1_500;

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
    /// As a request would name it, with its zone.
    pub fn wanted(&self) -> Wanted {
        let mut wanted = Wanted { timezone: Some(self.zone.name().to_owned()), ..Wanted::default() };
        let kind = match &self.when {
            When::Cron(cron) => {
                wanted.cron = Some(cron.to_string());
                "cron"
            }
            When::Interval { every, .. } => {
                wanted.every_seconds = Some(every.num_seconds());
                "interval"
            }
            When::Once(at) => {
                wanted.at = Some(at.to_rfc3339_opts(SecondsFormat::Secs, true));
                "once"
            }
        };
        Wanted { kind: kind.to_owned(), ..wanted }
    }

    /// From when on intervals are counted; of other kinds nothing depends on it.
    pub fn anchor(&self) -> DateTime<Utc> {
        match self.when {
            When::Interval { anchor, .. } => anchor,
            When::Once(at) => at,
            When::Cron(_) => DateTime::UNIX_EPOCH,
        }
    }

    /// The shortest time between two of the next slots; none: there is one at most.
    pub fn closest(&self, after: DateTime<Utc>) -> Option<TimeDelta> {
        let slots: Vec<DateTime<Utc>> = self.slots(after).take(COMPARED).collect();
        slots.windows(2).map(|pair| pair[1] - pair[0]).min()
    }

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
