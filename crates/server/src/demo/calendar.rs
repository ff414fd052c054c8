//! When something of the demo happens, counted from now: `@+18` is a day, `@-3T14:30` a moment of
//! a day, `@soon` the next quarter of an hour that is more than 20 minutes away, `@soon+45` that many
//! minutes later. Nobody meets at the weekend: what would be on one was
//! on the Friday before, or is on the Monday after. Today is always today.

use chrono::{
    DateTime, Datelike as _, Days, DurationRound as _, NaiveDate, SecondsFormat, TimeDelta, Utc, Weekday,
};

/// None: the text is no such time.
pub(super) fn moment(now: DateTime<Utc>, text: &str) -> Option<String> {
    let at = text.strip_prefix('@')?;
    let seconds = |time: DateTime<Utc>| time.to_rfc3339_opts(SecondsFormat::Secs, true);
    if let Some(later) = at.strip_prefix("soon") {
        let quarter = TimeDelta::minutes(15);
        let soon = (now + TimeDelta::minutes(20)).duration_trunc(quarter).ok()? + quarter;
        let later = if later.is_empty() { 0 } else { later.strip_prefix('+')?.parse().ok()? };
        return Some(seconds(soon + TimeDelta::minutes(later)));
    }
    match at.split_once('T') {
        Some((days, time)) => Some(seconds(day(now, days)?.and_time(time.parse().ok()?).and_utc())),
        None => day(now, at).map(|day| day.to_string()),
    }
}

fn day(now: DateTime<Utc>, days: &str) -> Option<NaiveDate> {
    let days: i64 = days.parse().ok()?;
    let day = now.date_naive().checked_add_signed(TimeDelta::days(days))?;
    match (day.weekday(), days.signum()) {
        (_, 0) => Some(day),
        (Weekday::Sat, 1) => day.checked_add_days(Days::new(2)),
        (Weekday::Sun, 1) => day.checked_add_days(Days::new(1)),
        (Weekday::Sat, _) => day.checked_sub_days(Days::new(1)),
        (Weekday::Sun, _) => day.checked_sub_days(Days::new(2)),
        _ => Some(day),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_and_a_time_count_from_now() {
        let now = "2026-11-28T10:20:30Z".parse().expect("a time");
        let at = |text: &str| moment(now, text);
        assert_eq!(at("@+18").as_deref(), Some("2026-12-16"));
        assert_eq!(at("@-3T14:30").as_deref(), Some("2026-11-25T14:30:00Z"));
        assert_eq!(at("@soon").as_deref(), Some("2026-11-28T10:45:00Z"));
        assert_eq!(at("@soon+45").as_deref(), Some("2026-11-28T11:30:00Z"));
        assert_eq!(at("northwind.example"), None);
    }

    #[test]
    fn what_is_soon_is_within_the_hour_at_any_minute() {
        let now: DateTime<Utc> = "2026-11-28T10:00:00Z".parse().expect("a time");
        for second in 0..3_600 {
            let now = now + TimeDelta::seconds(second);
            let soon: DateTime<Utc> = moment(now, "@soon").expect("a moment").parse().expect("a time");
            let minutes = (soon - now).num_minutes();
            assert!((20..40).contains(&minutes), "{now}: {minutes}");
        }
    }

    #[test]
    fn nothing_but_today_is_on_a_weekend() {
        // A Saturday.
        let now = "2026-11-28T10:20:30Z".parse().expect("a time");
        let at = |text: &str| moment(now, text);
        assert_eq!(at("@+1T09:30").as_deref(), Some("2026-11-30T09:30:00Z"));
        assert_eq!(at("@+7").as_deref(), Some("2026-12-07"));
        assert_eq!(at("@-6").as_deref(), Some("2026-11-20"));
        assert_eq!(at("@-7T10:00").as_deref(), Some("2026-11-20T10:00:00Z"));
        assert_eq!(at("@+0").as_deref(), Some("2026-11-28"));
    }
}
