//! Slots against a search minute by minute, around the changes of clocks; and the refusals.

use chrono::{DateTime, Datelike as _, Duration, NaiveDate, NaiveDateTime, TimeDelta, Timelike as _, Utc};
use chrono_tz::Tz;
use proptest::prelude::*;
use schedules::{CatchUp, Cron, Due, GRACE, Schedule, Wanted, When};

/// Year, month and day.
type Day = (i32, u32, u32);

/// Zones, each with days near which its clocks have changed: an hour, half an hour, a whole day, or never.
const ZONES: [(Tz, &[Day]); 8] = [
    (Tz::Europe__Berlin, &[(2026, 3, 29), (2026, 10, 25), (2027, 3, 28)]),
    (Tz::America__New_York, &[(2026, 3, 8), (2026, 11, 1)]),
    (Tz::Australia__Lord_Howe, &[(2026, 4, 5), (2026, 10, 4)]),
    (Tz::America__Sao_Paulo, &[(2018, 2, 18), (2018, 11, 4), (2026, 11, 1)]),
    (Tz::Asia__Kathmandu, &[(2026, 3, 29), (1986, 1, 1)]),
    (Tz::Pacific__Apia, &[(2011, 12, 30), (2011, 9, 24), (2012, 4, 1)]),
    (Tz::Africa__Casablanca, &[(2026, 2, 15), (2026, 3, 22)]),
    (Tz::UTC, &[(2026, 2, 28)]),
];

fn utc(text: &str) -> DateTime<Utc> {
    text.parse().expect("a time")
}

fn cron(pattern: &str, zone: Tz) -> Schedule {
    Schedule { when: When::Cron(Cron::parse(pattern).expect("a pattern")), zone }
}

fn shown(at: DateTime<Utc>, zone: Tz) -> NaiveDateTime {
    at.with_timezone(&zone).naive_local()
}

/// A field: its text, and its values.
#[derive(Clone, Debug)]
struct Field {
    text: String,
    values: Vec<u32>,
}

fn field(first: u32, last: u32) -> impl Strategy<Value = Field> {
    let one = (first..=last).prop_map(|n| Field { text: n.to_string(), values: vec![n] });
    let some = prop::collection::btree_set(first..=last, 2..4).prop_map(|values| Field {
        text: values.iter().map(ToString::to_string).collect::<Vec<_>>().join(","),
        values: values.into_iter().collect(),
    });
    let range = (first..last).prop_flat_map(move |from| {
        (from + 1..=last)
            .prop_map(move |to| Field { text: format!("{from}-{to}"), values: (from..=to).collect() })
    });
    let all = Just(Field { text: "*".into(), values: (first..=last).collect() });
    prop_oneof![3 => one, 2 => some, 1 => range, 3 => all]
}

fn step(last: u32) -> impl Strategy<Value = Field> {
    (2..=last / 2)
        .prop_map(move |n| Field { text: format!("*/{n}"), values: (0..=last).step_by(n as usize).collect() })
}

fn matches(fields: &[Field; 4], at: NaiveDateTime) -> bool {
    let [minute, hour, ..] = fields;
    minute.values.contains(&at.minute()) && hour.values.contains(&at.hour()) && fits(fields, at.date())
}

/// Of a day of the month and a day of the week either is enough, where both are named.
fn fits(fields: &[Field; 4], date: NaiveDate) -> bool {
    let [_, _, day, weekday] = fields;
    let of_month = day.values.contains(&date.day());
    let of_week = weekday.values.contains(&date.weekday().num_days_from_sunday());
    if day.text == "*" || weekday.text == "*" { of_month && of_week } else { of_month || of_week }
}

/// The slots in the window, found by looking at each minute.
fn searched(fields: &[Field; 4], zone: Tz, after: DateTime<Utc>, until: DateTime<Utc>) -> Vec<DateTime<Utc>> {
    let minutes = |from: DateTime<Utc>, to: DateTime<Utc>| {
        std::iter::successors(Some(from), |at| Some(*at + TimeDelta::minutes(1)))
            .take_while(move |at| *at <= to)
    };
    if ["*", "*/1"].contains(&fields[1].text.as_str()) {
        return minutes(after, until).skip(1).filter(|at| matches(fields, shown(*at, zone))).collect();
    }
    let mut slots = std::collections::BTreeSet::new();
    let (mut before, mut seen) = (None, std::collections::BTreeSet::new());
    for at in minutes(after - TimeDelta::days(2), until) {
        let now = shown(at, zone);
        // What the clock has jumped over, and what it shows for the first time.
        let mut skipped = before.map_or(now, |before: NaiveDateTime| before + TimeDelta::minutes(1)).min(now);
        while skipped <= now {
            if matches(fields, skipped) && seen.insert(skipped) {
                slots.insert(at);
            }
            skipped += TimeDelta::minutes(1);
        }
        before = Some(before.map_or(now, |before| before.max(now)));
    }
    slots.into_iter().filter(|at| *at > after && *at <= until).collect()
}

prop_compose! {
    fn cases()(
        (zone, day) in prop::sample::select(&ZONES[..])
            .prop_flat_map(|(zone, days)| (Just(zone), prop::sample::select(days))),
        minute in prop_oneof![3 => field(0, 59).boxed(), 1 => step(59).boxed()],
        hour in prop_oneof![
            4 => field(0, 23).boxed(),
            1 => step(23).boxed(),
            1 => Just(Field { text: "*".into(), values: (0..=23).collect() }).boxed(),
        ],
        date in prop_oneof![3 => Just(Field { text: "*".into(), values: (1..=31).collect() }).boxed(), 1 => field(1, 31).boxed()],
        weekday in prop_oneof![2 => Just(Field { text: "*".into(), values: (0..=6).collect() }).boxed(), 1 => field(0, 6).boxed()],
        before in 0..48_i64 * 60,
    ) -> (Tz, [Field; 4], DateTime<Utc>) {
        let (year, month, date_of) = day;
        let noon = NaiveDate::from_ymd_opt(year, month, date_of).expect("a day").and_hms_opt(12, 0, 0);
        let after = noon.expect("noon").and_utc() - TimeDelta::minutes(before);
        (zone, [minute, hour, date, weekday], after)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn slots_are_what_a_search_minute_by_minute_finds((zone, fields, after) in cases()) {
        let [minute, hour, day, weekday] = &fields;
        let pattern = format!("{} {} {} * {}", minute.text, hour.text, day.text, weekday.text);
        let until = after + Duration::days(3);
        let slots: Vec<_> = cron(&pattern, zone).slots(after).take_while(|at| *at <= until).collect();
        prop_assert_eq!(slots, searched(&fields, zone, after, until), "{} in {}, after {}", pattern, zone, after);
    }

    #[test]
    fn slots_do_not_depend_on_when_they_are_asked_for((zone, fields, after) in cases()) {
        let [minute, hour, day, weekday] = &fields;
        let schedule = cron(&format!("{} {} {} * {}", minute.text, hour.text, day.text, weekday.text), zone);
        let slots: Vec<_> = schedule.slots(after).take(12).collect();
        for pair in slots.windows(2) {
            prop_assert!(pair[0] < pair[1]);
            let between = pair[0] + (pair[1] - pair[0]) / 2;
            for at in [pair[0], between, pair[1] - Duration::seconds(1)] {
                prop_assert_eq!(schedule.next(at), Some(pair[1]), "{} after {}", schedule, at);
            }
        }
    }

    #[test]
    fn whoever_looks_late_fires_the_last_slot_once_and_goes_on(
        (zone, fields, after) in cases(),
        late in 0..40_i64 * 24 * 60 * 60,
    ) {
        let [minute, hour, day, weekday] = &fields;
        let schedule = cron(&format!("{} {} {} * {}", minute.text, hour.text, day.text, weekday.text), zone);
        let slot = schedule.next(after).expect("a slot");
        let now = slot + Duration::seconds(late);
        let last = schedule.slots(after).take_while(|at| *at <= now).last();
        let due = schedule.due(slot, now, CatchUp::One);
        prop_assert_eq!(due, Due { fires: last, next: schedule.next(now) });
        let skipping = schedule.due(slot, now, CatchUp::Skip);
        prop_assert_eq!(skipping.fires, last.filter(|last| now - *last <= GRACE));
        prop_assert_eq!(skipping.next, due.next);
        let early = schedule.due(slot, slot - Duration::seconds(1), CatchUp::One);
        prop_assert_eq!(early, Due { fires: None, next: Some(slot) });
    }

    #[test]
    fn an_interval_keeps_its_beat(every in 60..400_000_i64, late in 0..4_000_000_i64) {
        let now = utc("2026-11-29T12:00:00Z");
        let wanted = Wanted { kind: "interval".into(), every_seconds: Some(every), ..Wanted::default() };
        let schedule = wanted.check(Tz::UTC, now, "schedule").expect("a schedule");
        let first = schedule.next(now).expect("a slot");
        prop_assert_eq!(first, now + Duration::seconds(every));
        let at = first + Duration::seconds(late);
        let Due { fires, next } = schedule.due(first, at, CatchUp::One);
        let (fires, next) = (fires.expect("a slot"), next.expect("a slot"));
        prop_assert!(fires <= at && at < next && next - fires == Duration::seconds(every));
        prop_assert_eq!((fires - first).num_seconds() % every, 0);
    }

    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,40}", zone in "\\PC{0,20}", at in "\\PC{0,30}") {
        let _ = Cron::parse(&text);
        let now = utc("2026-11-29T12:00:00Z");
        for kind in ["cron", "once"] {
            let wanted = Wanted {
                kind: kind.into(),
                cron: (kind == "cron").then(|| text.clone()),
                at: (kind == "once").then(|| at.clone()),
                timezone: Some(zone.clone()),
                ..Wanted::default()
            };
            let _ = wanted.check(Tz::UTC, now, "schedule");
        }
    }

    #[test]
    fn what_looks_like_a_pattern_is_read_or_refused(text in "[0-9*,/A-Z#L-]{1,6}( [0-9*,/A-Z#L-]{1,6}){3,5}") {
        if let Ok(cron) = Cron::parse(&text) {
            let schedule = Schedule { when: When::Cron(cron), zone: Tz::Europe__Berlin };
            let slots: Vec<_> = schedule.slots(utc("2026-01-01T00:00:00Z")).take(3).collect();
            prop_assert!(slots.len() == 3 && !schedule.to_string().is_empty(), "{}", text);
        }
    }
}

#[test]
fn a_time_of_day_that_a_clock_skips_is_moved_and_one_that_it_shows_twice_fires_once() {
    for (pattern, zone, after, expected) in [
        (
            "30 2 * * *",
            Tz::Europe__Berlin,
            "2026-03-28T12:00:00Z",
            ["2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"],
        ),
        (
            "30 2 * * *",
            Tz::Europe__Berlin,
            "2026-10-24T12:00:00Z",
            ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"],
        ),
        (
            "15 2 * * *",
            Tz::Australia__Lord_Howe,
            "2026-10-03T12:00:00Z",
            ["2026-10-03T15:30:00Z", "2026-10-04T15:15:00Z"],
        ),
        (
            "0 0 * * *",
            Tz::America__Sao_Paulo,
            "2018-11-03T12:00:00Z",
            ["2018-11-04T03:00:00Z", "2018-11-05T02:00:00Z"],
        ),
        (
            "0 9 * * *",
            Tz::Asia__Kathmandu,
            "2026-03-29T00:00:00Z",
            ["2026-03-29T03:15:00Z", "2026-03-30T03:15:00Z"],
        ),
        (
            "0 9 * * *",
            Tz::Pacific__Apia,
            "2011-12-29T12:00:00Z",
            ["2011-12-29T19:00:00Z", "2011-12-30T10:00:00Z"],
        ),
    ] {
        let slots: Vec<_> = cron(pattern, zone).slots(utc(after)).take(2).collect();
        assert_eq!(slots, expected.map(utc), "{pattern} in {zone}");
    }
}

#[test]
fn schedules_are_told_in_words() {
    for (pattern, words) in [
        ("0 9 * * *", "every day at 09:00 (Europe/Berlin)"),
        ("30 17 * * 5", "every Friday at 17:30 (Europe/Berlin)"),
        ("0 9 * * MON-FRI", "Monday to Friday at 09:00 (Europe/Berlin)"),
        ("0 9 * * mon,wed,7", "every Monday, Wednesday and Sunday at 09:00 (Europe/Berlin)"),
        ("0 8 1 * *", "on day 1 of every month at 08:00 (Europe/Berlin)"),
        ("*/15 * * * *", "every 15 minutes (Europe/Berlin)"),
        ("0 * * * *", "every hour (Europe/Berlin)"),
        ("5 */2 * * 1-5", "every 2 hours at minute 5, Monday to Friday (Europe/Berlin)"),
        ("* * * * *", "every minute (Europe/Berlin)"),
    ] {
        assert_eq!(cron(pattern, Tz::Europe__Berlin).to_string(), words);
    }
    let odd = cron("0 9 1,15 JAN,JUL 1", Tz::UTC).to_string();
    assert!(odd.contains("January") && odd.ends_with("(UTC)"), "{odd}");
    let now = utc("2026-11-29T12:00:00Z");
    for (seconds, words) in [
        (60, "every minute"),
        (7_200, "every 2 hours"),
        (90_061, "every 1 day and 1 hour and 1 minute and 1 second"),
    ] {
        let wanted = Wanted { kind: "interval".into(), every_seconds: Some(seconds), ..Wanted::default() };
        assert_eq!(wanted.check(Tz::UTC, now, "schedule").expect("a schedule").to_string(), words);
    }
    let wanted = Wanted { kind: "once".into(), at: Some("2026-12-01T09:00".into()), ..Wanted::default() };
    let once = wanted.check(Tz::Europe__Berlin, now, "schedule").expect("a schedule");
    assert_eq!(once.to_string(), "once, on Tuesday, 1 December 2026 at 09:00 (Europe/Berlin)");
    assert_eq!(once.slots(now).collect::<Vec<_>>(), [utc("2026-12-01T08:00:00Z")]);
}

#[test]
fn what_cannot_be_is_refused_by_its_field_and_with_the_reason() {
    let now = utc("2026-11-29T12:00:00Z");
    let cron =
        |pattern: &str| Wanted { kind: "cron".into(), cron: Some(pattern.into()), ..Wanted::default() };
    let every =
        |seconds| Wanted { kind: "interval".into(), every_seconds: Some(seconds), ..Wanted::default() };
    let once = |at: &str| Wanted { kind: "once".into(), at: Some(at.into()), ..Wanted::default() };
    let zoned = |zone: &str| Wanted { timezone: Some(zone.into()), ..cron("0 9 * * *") };
    let long = format!("{} * * * *", vec!["1"; 120].join(","));
    let cases = [
        (cron(""), "schedule.cron", "must have five fields"),
        (cron("* * * *"), "schedule.cron", "has 4"),
        (cron("0 0 9 * * *"), "schedule.cron", "has 6"),
        (cron("0 0 9 * * * 2026"), "schedule.cron", "has 7"),
        (cron("@daily"), "schedule.cron", "no macro"),
        (cron("@every 5m"), "schedule.cron", "no macro"),
        (cron("@reboot"), "schedule.cron", "no macro"),
        (cron("60 * * * *"), "schedule.cron", "\"60\" as its minute"),
        (cron("-1 * * * *"), "schedule.cron", "as its minute"),
        (cron("* 24 * * *"), "schedule.cron", "\"24\" as its hour"),
        (cron("* * 0 * *"), "schedule.cron", "as its day of the month"),
        (cron("* * 32 * *"), "schedule.cron", "as its day of the month"),
        (cron("* * * 13 *"), "schedule.cron", "as its month"),
        (cron("* * * 0 *"), "schedule.cron", "as its month"),
        (cron("* * * * 8"), "schedule.cron", "as its day of the week"),
        (cron("* * * * FUNDAY"), "schedule.cron", "\"FUNDAY\" in its day of the week"),
        (cron("0 9 MON * *"), "schedule.cron", "\"MON\" in its day of the month"),
        (cron("0 9 * * JAN"), "schedule.cron", "\"JAN\" in its day of the week"),
        (cron("0 DEC * * *"), "schedule.cron", "\"DEC\" in its hour"),
        (cron("0 9 1 JANFEB *"), "schedule.cron", "\"JANFEB\" in its month"),
        (cron("0 9 1 1JAN *"), "schedule.cron", "\"1JAN\" in its month"),
        (cron("0 9 15W * *"), "schedule.cron", "\"15W\" in its day of the month"),
        (zoned(&"Europe/Berlin".repeat(10_000)), "schedule.timezone", "must be an IANA name"),
        (cron("* * * SOMETIME *"), "schedule.cron", "\"SOMETIME\" in its month"),
        (cron("*/0 * * * *"), "schedule.cron", "as its minute"),
        (cron("*/61 * * * *"), "schedule.cron", "as its minute"),
        (cron("5-1 * * * *"), "schedule.cron", "as its minute"),
        (cron("1,,2 * * * *"), "schedule.cron", "as its minute"),
        (cron("1- * * * *"), "schedule.cron", "as its minute"),
        (cron("/5 * * * *"), "schedule.cron", "as its minute"),
        (cron("H * * * *"), "schedule.cron", "\"H\" in its minute"),
        (cron("1.5 * * * *"), "schedule.cron", "'.' in its minute"),
        (cron("0 9 * * ?"), "schedule.cron", "'?' in its day of the week"),
        (cron("٣ 9 * * *"), "schedule.cron", "'٣' in its minute"),
        (cron("0\u{200b} 9 * * *"), "schedule.cron", "in its minute"),
        (cron("0 9 30 2 *"), "schedule.cron", "there is no such day"),
        (cron("0 9 31 4,6,9,11 *"), "schedule.cron", "there is no such day"),
        (cron("99999999999999999999 * * * *"), "schedule.cron", "as its minute"),
        (cron(&long), "schedule.cron", "at most 200 characters"),
        (every(0), "schedule.every_seconds", "must be 60 to 31622400"),
        (every(59), "schedule.every_seconds", "must be 60"),
        (every(-60), "schedule.every_seconds", "must be 60"),
        (every(1_000_000_000), "schedule.every_seconds", "must be 60"),
        (every(i64::MAX), "schedule.every_seconds", "must be 60"),
        (every(i64::MIN), "schedule.every_seconds", "must be 60"),
        (once("2026-11-29T11:59:59Z"), "schedule.at", "is past: it is 2026-11-29T12:00:00Z now"),
        (once("2026-11-29T12:00:00Z"), "schedule.at", "is past"),
        (once("1970-01-01T00:00"), "schedule.at", "is past"),
        (once("2026-02-30T09:00"), "schedule.at", "must be a time"),
        (once("2026-13-01T09:00"), "schedule.at", "must be a time"),
        (once("2026-12-01T25:00"), "schedule.at", "must be a time"),
        (once("2026-12-01"), "schedule.at", "must be a time"),
        (once("tomorrow"), "schedule.at", "must be a time"),
        (once(""), "schedule.at", "must be a time"),
        (once("+262142-12-31T23:59:59Z"), "schedule.at", "must be a time"),
        (once("9999-12-31T23:59:59Z"), "schedule.at", "within five years"),
        (once("2026-12-01T09:00:00+99:00"), "schedule.at", "must be a time"),
        (zoned("Europe/Berln"), "schedule.timezone", "Europe/Berlin is the nearest"),
        (zoned("CEST"), "schedule.timezone", "must be an IANA name"),
        (zoned("+02:00"), "schedule.timezone", "must be an IANA name"),
        (zoned(""), "schedule.timezone", "must be an IANA name"),
        (zoned("../../etc/passwd"), "schedule.timezone", "must be an IANA name"),
        (zoned("europe/berlin"), "schedule.timezone", "Europe/Berlin is the nearest"),
        (Wanted { kind: "weekly".into(), ..Wanted::default() }, "schedule.kind", "cron, interval or once"),
        (Wanted { kind: "CRON".into(), ..cron("0 9 * * *") }, "schedule.kind", "cron, interval or once"),
        (Wanted::default(), "schedule.kind", "cron, interval or once"),
        (Wanted { kind: "cron".into(), ..Wanted::default() }, "schedule.cron", "is missing"),
        (Wanted { kind: "interval".into(), ..Wanted::default() }, "schedule.every_seconds", "is missing"),
        (Wanted { kind: "once".into(), ..Wanted::default() }, "schedule.at", "is missing"),
        (
            Wanted { every_seconds: Some(60), ..cron("0 9 * * *") },
            "schedule.every_seconds",
            "does not belong",
        ),
        (Wanted { at: Some("x".into()), ..every(60) }, "schedule.at", "does not belong"),
        (Wanted { cron: Some("x".into()), ..once("2026-12-01T09:00") }, "schedule.cron", "does not belong"),
    ];
    assert!(cases.len() >= 60, "{}", cases.len());
    for (wanted, field, why) in cases {
        let problems = wanted.check(Tz::UTC, now, "schedule").expect_err(&format!("{wanted:?}"));
        let told = problems.iter().any(|problem| problem.field == field && problem.error.contains(why));
        assert!(told, "{wanted:?}: {problems:?}");
    }
}
