//! A schedule as a request names it.

use chrono::{DateTime, NaiveDateTime, SubsecRound as _, TimeDelta, Utc};
use chrono_tz::Tz;
use domain::FieldError;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Cron, Schedule, When, zone};

/// Shortest and longest interval, in seconds: a minute and a year.
pub const MIN_EVERY_SECONDS: i64 = 60;
pub const MAX_EVERY_SECONDS: i64 = 366 * 24 * 60 * 60;
/// How far ahead a single time may lie.
const FARTHEST: TimeDelta = TimeDelta::days(5 * 366);

/// `{"kind": "cron", "cron": "0 9 * * MON-FRI", "timezone": "Europe/Berlin"}`, `{"kind": "interval", "every_seconds":
/// 3600}` or `{"kind": "once", "at": "2026-12-01T09:00"}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = When)]
pub struct Wanted {
    /// `cron`, `interval` or `once`.
    pub kind: String,
    /// Minute, hour, day of the month, month, day of the week.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cron: Option<String>,
    /// 60 to a year.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every_seconds: Option<i64>,
    /// RFC 3339, or without an offset: as the clock shows it in the zone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// IANA name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
}

impl Wanted {
    /// One that was checked before it was stored, and whose time may have passed. `anchor` is the first slot of an
    /// interval.
    pub fn restore(&self, anchor: DateTime<Utc>) -> Result<Schedule, String> {
        let zone = zone::parse(self.timezone.as_deref().unwrap_or("UTC"))?;
        let when = match self.kind.as_str() {
            "cron" => When::Cron(required(self.cron.as_deref()).and_then(Cron::parse)?),
            "interval" => {
                When::Interval { every: TimeDelta::seconds(required(self.every_seconds)?.max(1)), anchor }
            }
            "once" => {
                let at = DateTime::parse_from_rfc3339(required(self.at.as_deref())?);
                When::Once(at.map_err(|error| error.to_string())?.to_utc())
            }
            _ => return Err("is of no known kind".into()),
        };
        Ok(Schedule { when, zone })
    }

    /// Reads it, with the zone of the person where it names none. Intervals are counted from `now`. The fields of the
    /// problems stand below `at`, such as `schedule`.
    pub fn check(&self, usual: Tz, now: DateTime<Utc>, at: &str) -> Result<Schedule, Vec<FieldError>> {
        let mut problems = Vec::new();
        let mut problem = |field: &str, error: String| {
            problems.push(FieldError { field: format!("{at}.{field}"), error });
        };
        let zone = match self.timezone.as_deref().map(zone::parse) {
            None => Some(usual),
            Some(Ok(zone)) => Some(zone),
            Some(Err(error)) => {
                problem("timezone", error);
                None
            }
        };
        for (field, given) in [
            ("cron", self.cron.is_some()),
            ("every_seconds", self.every_seconds.is_some()),
            ("at", self.at.is_some()),
        ] {
            let own = own_field(&self.kind);
            if own.is_some_and(|own| own != field) && given {
                problem(field, format!("does not belong to a schedule of the kind {}", self.kind));
            }
        }
        let when = match self.kind.as_str() {
            "cron" => required(self.cron.as_deref()).and_then(Cron::parse).map(When::Cron),
            "interval" => required(self.every_seconds).and_then(|every| interval(every, now)),
            // In which zone that is meant is said above.
            "once" => required(self.at.as_deref())
                .and_then(|text| once(text, zone.unwrap_or(usual), now))
                .map(When::Once),
            _ => Err("must be cron, interval or once".into()),
        };
        match when {
            Err(error) => problem(own_field(&self.kind).unwrap_or("kind"), error),
            Ok(when) => {
                if let Some(zone) = zone
                    && problems.is_empty()
                {
                    return Ok(Schedule { when, zone });
                }
            }
        }
        Err(problems)
    }
}

/// The field that a schedule of this kind has.
fn own_field(kind: &str) -> Option<&'static str> {
    match kind {
        "cron" => Some("cron"),
        "interval" => Some("every_seconds"),
        "once" => Some("at"),
        _ => None,
    }
}

fn required<T>(given: Option<T>) -> Result<T, String> {
    given.ok_or_else(|| "is missing".into())
}

fn interval(every: i64, now: DateTime<Utc>) -> Result<When, String> {
    if !(MIN_EVERY_SECONDS..=MAX_EVERY_SECONDS).contains(&every) {
        return Err(format!("must be {MIN_EVERY_SECONDS} to {MAX_EVERY_SECONDS}"));
    }
    let every = TimeDelta::seconds(every);
    // No sooner than the interval says.
    let begins = now.trunc_subsecs(0) + TimeDelta::seconds(i64::from(now.timestamp_subsec_nanos() > 0));
    Ok(When::Interval { every, anchor: begins + every })
}

fn once(text: &str, zone: Tz, now: DateTime<Utc>) -> Result<DateTime<Utc>, String> {
    let local = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S"];
    let shown = || local.iter().find_map(|format| NaiveDateTime::parse_from_str(text, format).ok());
    let at = match DateTime::parse_from_rfc3339(text) {
        Ok(at) => Some(at.to_utc()),
        Err(_) => shown().and_then(|shown| zone::moment(shown, zone)),
    };
    // A second that only some clocks have.
    let at = at.filter(|at| at.timestamp_subsec_nanos() < 1_000_000_000);
    let at = at.ok_or("must be a time such as 2026-12-01T09:00 or 2026-12-01T09:00:00+01:00")?;
    let at = at.trunc_subsecs(0);
    if at <= now {
        return Err(format!("is past: it is {} now", now.format("%Y-%m-%dT%H:%M:%SZ")));
    }
    if at - now > FARTHEST {
        return Err("must lie within five years".into());
    }
    Ok(at)
}
