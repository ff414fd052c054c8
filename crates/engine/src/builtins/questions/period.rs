//! Periods as people name them: `this_week`, `2026-Q4`. Weeks begin on Monday.

use std::ops::RangeInclusive;

use chrono::{DateTime, Datelike as _, Days, Months, NaiveDate, NaiveTime, TimeDelta, TimeZone as _, Utc};
use chrono_tz::Tz;
use domain::fields;

const WORDS: &str = "today, tomorrow, yesterday, this_week, next_week, last_week, this_month, next_month, \
    last_month, this_quarter, next_quarter, last_quarter, this_year, a month such as 2026-11, a quarter such as \
    2026-Q4, a day such as 2026-11-01, or days such as 2026-11-01..2026-11-15";

/// Whole days in the person's zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Period {
    pub first: NaiveDate,
    /// Included.
    pub last: NaiveDate,
}

/// The period that the words name, seen from that day; or what could be said instead.
pub fn parse(text: &str, today: NaiveDate) -> Result<Period, String> {
    named(text, today)
        .or_else(|| written(text))
        .map(|days| Period { first: *days.start(), last: *days.end() })
        .ok_or_else(|| format!("There is no period {text:?}. A period is {WORDS}."))
}

fn named(text: &str, today: NaiveDate) -> Option<RangeInclusive<NaiveDate>> {
    let week = |day: NaiveDate| {
        let monday = day.checked_sub_days(Days::new(day.weekday().num_days_from_monday().into()))?;
        Some(monday..=monday.checked_add_days(Days::new(6))?)
    };
    let month = |first: NaiveDate| months(first, 1);
    let this_month = today.with_day(1)?;
    let this_quarter = quarter(today.year(), today.month0() / 3 + 1)?;
    let days = Days::new;
    match text {
        "today" => Some(today..=today),
        "tomorrow" => today.succ_opt().map(|day| day..=day),
        "yesterday" => today.pred_opt().map(|day| day..=day),
        "this_week" => week(today),
        "next_week" => week(today.checked_add_days(days(7))?),
        "last_week" => week(today.checked_sub_days(days(7))?),
        "this_month" => month(this_month),
        "next_month" => month(this_month.checked_add_months(Months::new(1))?),
        "last_month" => month(this_month.checked_sub_months(Months::new(1))?),
        "this_quarter" => months(this_quarter, 3),
        "next_quarter" => months(this_quarter.checked_add_months(Months::new(3))?, 3),
        "last_quarter" => months(this_quarter.checked_sub_months(Months::new(3))?, 3),
        "this_year" => months(NaiveDate::from_ymd_opt(today.year(), 1, 1)?, 12),
        _ => None,
    }
}

fn written(text: &str) -> Option<RangeInclusive<NaiveDate>> {
    if let Some((first, last)) = text.split_once("..") {
        let (first, last) = (fields::date(first.trim())?, fields::date(last.trim())?);
        return (first <= last).then_some(first..=last);
    }
    if let Some(day) = fields::date(text) {
        return Some(day..=day);
    }
    if let Some(first) = fields::date(&format!("{text}-01")) {
        return months(first, 1);
    }
    let (year, number) = text.split_once("-Q").or_else(|| text.split_once("-q"))?;
    let first = fields::date(&format!("{year}-01-01"))?;
    months(quarter(first.year(), number.parse().ok()?)?, 3)
}

/// The first day of a quarter, from 1 to 4.
fn quarter(year: i32, number: u32) -> Option<NaiveDate> {
    (1..=4).contains(&number).then(|| NaiveDate::from_ymd_opt(year, number * 3 - 2, 1)).flatten()
}

/// So many months from their first day on.
fn months(first: NaiveDate, count: u32) -> Option<RangeInclusive<NaiveDate>> {
    Some(first..=first.checked_add_months(Months::new(count))?.pred_opt()?)
}

impl Period {
    /// From its first moment to the first one that is not in it.
    pub fn moments(&self, zone: Tz) -> (DateTime<Utc>, DateTime<Utc>) {
        let next = self.last.succ_opt().unwrap_or(self.last);
        (beginning(self.first, zone), beginning(next, zone))
    }
}

/// The first and the last day that the record can hold.
pub fn every_day() -> (NaiveDate, NaiveDate) {
    let day = |year, month, day| NaiveDate::from_ymd_opt(year, month, day).unwrap_or_default();
    (day(1, 1, 1), day(9999, 12, 31))
}

/// The first moment of a day. Where the clocks are put forward at midnight, it begins later.
pub fn beginning(day: NaiveDate, zone: Tz) -> DateTime<Utc> {
    let midnight = day.and_time(NaiveTime::MIN);
    // No gap is longer than a day (that of Samoa in 2011).
    let first =
        (0..=96).find_map(|n| zone.from_local_datetime(&(midnight + TimeDelta::minutes(15 * n))).earliest());
    first.map_or_else(|| midnight.and_utc(), |moment| moment.with_timezone(&Utc))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        fields::date(text).expect("a date")
    }

    #[test]
    fn every_word_names_its_days() {
        // A Saturday.
        let today = day("2026-11-28");
        for (text, first, last) in [
            ("today", "2026-11-28", "2026-11-28"),
            ("tomorrow", "2026-11-29", "2026-11-29"),
            ("yesterday", "2026-11-27", "2026-11-27"),
            ("this_week", "2026-11-23", "2026-11-29"),
            ("next_week", "2026-11-30", "2026-12-06"),
            ("last_week", "2026-11-16", "2026-11-22"),
            ("this_month", "2026-11-01", "2026-11-30"),
            ("next_month", "2026-12-01", "2026-12-31"),
            ("last_month", "2026-10-01", "2026-10-31"),
            ("this_quarter", "2026-10-01", "2026-12-31"),
            ("next_quarter", "2027-01-01", "2027-03-31"),
            ("last_quarter", "2026-07-01", "2026-09-30"),
            ("this_year", "2026-01-01", "2026-12-31"),
            ("2026-11", "2026-11-01", "2026-11-30"),
            ("2028-02", "2028-02-01", "2028-02-29"),
            ("2026-Q4", "2026-10-01", "2026-12-31"),
            ("2027-q1", "2027-01-01", "2027-03-31"),
            ("2026-11-05", "2026-11-05", "2026-11-05"),
            ("2026-11-01..2026-11-15", "2026-11-01", "2026-11-15"),
        ] {
            let expected = Period { first: day(first), last: day(last) };
            assert_eq!(parse(text, today), Ok(expected), "{text}");
        }
    }

    #[test]
    fn weeks_begin_on_monday_and_reach_over_years() {
        for today in ["2026-12-28", "2026-12-31", "2027-01-03"] {
            let week = parse("this_week", day(today)).expect("a week");
            assert_eq!((week.first, week.last), (day("2026-12-28"), day("2027-01-03")), "{today}");
        }
        let month = parse("last_month", day("2027-01-31")).expect("a month");
        assert_eq!((month.first, month.last), (day("2026-12-01"), day("2026-12-31")));
    }

    #[test]
    fn what_is_no_period_is_refused_with_what_could_be_said() {
        for bad in [
            "",
            "soon",
            "This_week",
            "2026",
            "2026-13",
            "2026-Q5",
            "2026-Q0",
            "2026-W03",
            "2026-02-30",
            "2026-11-15..2026-11-01",
            "2026-11-01..",
            "..2026-11-01",
            "20260-Q1",
            "0000-11",
            "-2026-11",
        ] {
            let refusal = parse(bad, day("2026-11-28")).expect_err(bad);
            assert!(
                refusal.contains("last_quarter") && refusal.contains("2026-11-01..2026-11-15"),
                "{refusal}"
            );
        }
    }

    #[test]
    fn days_have_the_length_that_the_clocks_of_the_zone_give_them() {
        let hours = |zone: Tz, text: &str| {
            let (from, to) = parse(text, day("2026-11-28")).expect(text).moments(zone);
            (to - from).num_minutes()
        };
        for (zone, text, minutes) in [
            (Tz::Europe__Berlin, "2026-03-29", 23 * 60),
            (Tz::Europe__Berlin, "2026-10-25", 25 * 60),
            (Tz::Europe__Berlin, "2026-11-28", 24 * 60),
            (Tz::America__New_York, "2026-03-08", 23 * 60),
            (Tz::America__New_York, "2026-11-01", 25 * 60),
            (Tz::Australia__Lord_Howe, "2026-10-04", 23 * 60 + 30),
            (Tz::Australia__Lord_Howe, "2026-04-05", 24 * 60 + 30),
            // The clocks go forward at midnight: the day begins at one o'clock.
            (Tz::Africa__Cairo, "2026-04-24", 23 * 60),
            (Tz::Asia__Tokyo, "2026-03-29", 24 * 60),
            (Tz::UTC, "2026-03-29", 24 * 60),
            (Tz::Europe__Berlin, "2026-03", 31 * 24 * 60 - 60),
            (Tz::Europe__Berlin, "2026-Q4", 92 * 24 * 60 + 60),
        ] {
            assert_eq!(hours(zone, text), minutes, "{zone} {text}");
        }
    }

    #[test]
    fn a_day_begins_at_midnight_of_the_zone() {
        for (zone, expected) in [
            (Tz::UTC, "2026-11-28T00:00:00+00:00"),
            (Tz::Europe__Berlin, "2026-11-27T23:00:00+00:00"),
            (Tz::America__Los_Angeles, "2026-11-28T08:00:00+00:00"),
            (Tz::Asia__Kolkata, "2026-11-27T18:30:00+00:00"),
            (Tz::Pacific__Auckland, "2026-11-27T11:00:00+00:00"),
        ] {
            assert_eq!(beginning(day("2026-11-28"), zone).to_rfc3339(), expected, "{zone}");
        }
        // Samoa skipped this day.
        assert_eq!(
            beginning(day("2011-12-30"), Tz::Pacific__Apia),
            beginning(day("2011-12-31"), Tz::Pacific__Apia)
        );
    }
}
