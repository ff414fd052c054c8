//! What clocks show where, and when they show it.

use chrono::{DateTime, NaiveDateTime, Offset as _, TimeDelta, TimeZone as _, Utc, offset::LocalResult};
use chrono_tz::Tz;

/// What a clock shows there at this moment.
pub fn shown(at: DateTime<Utc>, zone: Tz) -> NaiveDateTime {
    at.with_timezone(&zone).naive_local()
}

/// The first moment at which a clock there shows this; where it skips it, the end of the gap. None: out of range.
pub fn moment(shown: NaiveDateTime, zone: Tz) -> Option<DateTime<Utc>> {
    match zone.from_local_datetime(&shown) {
        LocalResult::Single(at) | LocalResult::Ambiguous(at, _) => Some(at.to_utc()),
        LocalResult::None => after_gap(shown, zone),
    }
}

/// The moment at which the clock jumps over this.
fn after_gap(skipped: NaiveDateTime, zone: Tz) -> Option<DateTime<Utc>> {
    // No offset is larger than a day, and no gap either.
    let (from, upto) = (-TimeDelta::days(2), TimeDelta::days(2));
    let mut before = skipped.and_utc().checked_add_signed(from)?;
    let mut after = skipped.and_utc().checked_add_signed(upto)?;
    let offset = |at: DateTime<Utc>| zone.offset_from_utc_datetime(&at.naive_utc()).fix();
    while after - before > TimeDelta::seconds(1) {
        let middle = before + TimeDelta::seconds((after - before).num_seconds() / 2);
        // Before the gap the clock shows less, and from its end on more.
        if middle.naive_utc() + TimeDelta::seconds(offset(middle).local_minus_utc().into()) < skipped {
            before = middle;
        } else {
            after = middle;
        }
    }
    Some(after)
}

/// Longest name of a zone for which a near one is looked for, in bytes; the longest that there is has 32.
const LONGEST_NAME: usize = 60;

/// The zone of this name; or what is wrong with it.
pub fn parse(name: &str) -> Result<Tz, String> {
    if let Ok(zone) = name.parse::<Tz>() {
        return Ok(zone);
    }
    // Of a name of any length the search would take long.
    let sought = name.len() <= LONGEST_NAME;
    let near = chrono_tz::TZ_VARIANTS
        .iter()
        .filter(|_| sought)
        .map(|zone| zone.name())
        .max_by(|a, b| strsim::jaro_winkler(a, name).total_cmp(&strsim::jaro_winkler(b, name)));
    let near = near.map(|near| format!("; {near} is the nearest")).unwrap_or_default();
    Err(format!("must be an IANA name such as Europe/Berlin{near}"))
}
