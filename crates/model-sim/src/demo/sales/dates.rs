//! Days and periods as people say them, seen from the day that the prompt tells.

use chrono::{Datelike as _, Days, NaiveDate, Weekday};

use super::words::Heard;
use crate::demo::{Turn, intent::around, tags};

/// The day of the newest `<context>`.
pub(super) fn today(turn: &Turn) -> Option<NaiveDate> {
    let (day, _) = now(turn)?.rsplit_once(", ")?;
    NaiveDate::parse_from_str(day, "%A, %d %B %Y").ok()
}

/// A period as the tools name it.
pub(super) fn period(heard: &Heard, today: Option<NaiveDate>) -> Option<String> {
    for which in ["this", "next", "last"] {
        for what in ["week", "month", "quarter"] {
            if heard.has(&[&format!("{which} {what}")]) {
                return Some(format!("{which}_{what}"));
            }
        }
    }
    if heard.has(&["this year"]) {
        return Some("this_year".to_owned());
    }
    let day = ["today", "tomorrow", "yesterday"].into_iter().find(|day| heard.has(&[day]));
    if let Some(day) =
        day.or_else(|| heard.has(&["tonight", "this morning", "this afternoon"]).then_some("today"))
    {
        return Some(day.to_owned());
    }
    let named = heard.words().find_map(weekday)?;
    Some(coming(named, today?)?.to_string())
}

/// The day by which something is to be done, and the text without it.
pub(super) fn due(text: &str, today: Option<NaiveDate>) -> (Option<NaiveDate>, String) {
    let Some(today) = today else { return (None, text.to_owned()) };
    let found = phrases(today).into_iter().find_map(|(phrase, day)| {
        let (before, after) = around(text, &phrase)?;
        let before = ["by", "on", "until", "till", "for", "due", "before", "until next", "next"]
            .iter()
            .fold(before.trim_end(), |text, word| without_last(text, word));
        Some((day, format!("{} {}", before.trim(), after.trim())))
    });
    match found {
        Some((day, rest)) => (Some(day), rest.trim().to_owned()),
        None => (None, text.to_owned()),
    }
}

/// What can be said of the next weeks, with the day that is meant.
fn phrases(today: NaiveDate) -> Vec<(String, NaiveDate)> {
    const WEEKDAYS: [&str; 7] =
        ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
    const NUMBERS: [&str; 7] = ["one", "two", "three", "four", "five", "six", "seven"];
    let after = |days: u64| today.checked_add_days(Days::new(days)).unwrap_or(today);
    let to_monday = 7 - u64::from(today.weekday().num_days_from_monday());
    let mut phrases = vec![
        ("day after tomorrow".to_owned(), after(2)),
        ("tomorrow".to_owned(), after(1)),
        ("today".to_owned(), today),
        ("next week".to_owned(), after(to_monday)),
        // The Friday of the week, or the Sunday of one that has no Friday left.
        ("this week".to_owned(), after(if to_monday > 2 { to_monday - 3 } else { to_monday - 1 })),
    ];
    for (count, word) in (1..).zip(NUMBERS) {
        for number in [word.to_owned(), format!("{count}")] {
            let s = if count == 1 { "" } else { "s" };
            phrases.push((format!("in {number} day{s}"), after(count)));
            phrases.push((format!("in {number} week{s}"), after(7 * count)));
        }
    }
    let named = WEEKDAYS.iter().filter_map(|name| Some(((*name).to_owned(), coming(weekday(name)?, today)?)));
    phrases.extend(named);
    // A date as it is written down.
    phrases.extend((0..400).map(|days| (after(days).to_string(), after(days))));
    phrases
}

fn without_last<'a>(text: &'a str, word: &str) -> &'a str {
    match text.rsplit_once(char::is_whitespace) {
        Some((before, last)) if last.eq_ignore_ascii_case(word) => before.trim_end(),
        _ => text,
    }
}

fn weekday(word: &str) -> Option<Weekday> {
    // chrono takes abbreviations too, and `sun` or `sat` are words.
    (word.ends_with("day") && word.len() > 5).then(|| word.parse().ok())?
}

/// The next such day after today.
fn coming(named: Weekday, today: NaiveDate) -> Option<NaiveDate> {
    let days = 7 - (today.weekday().num_days_from_monday() + 7 - named.num_days_from_monday()) % 7;
    today.checked_add_days(Days::new(days.into()))
}

/// So many days as are said: `30 days`, `two weeks`, `a month`.
pub(super) fn days(heard: &Heard) -> Option<u64> {
    let words: Vec<&str> = heard.words().collect();
    words.windows(2).find_map(|pair| {
        let unit = match pair[1].trim_end_matches('s') {
            "day" => 1,
            "week" => 7,
            "month" => 30,
            _ => return None,
        };
        let count = match pair[0] {
            "a" | "one" => 1,
            "two" => 2,
            "three" => 3,
            "four" => 4,
            "six" => 6,
            number => number.parse().ok().filter(|count| (1..=120).contains(count))?,
        };
        Some(count * unit)
    })
}

/// Whether a day, as a line tells it, is still to come at that time of today's clock.
pub(super) fn is_to_come(when: &str, clock: Option<&str>) -> bool {
    let distance = when.rsplit_once(", ").map_or(when, |(_, distance)| distance);
    match distance {
        // `Sat 28 Nov 23:00–23:30, today`
        "today" => {
            let begins = when.split([' ', ',']).nth(3).and_then(|time| time.get(..5));
            begins.zip(clock).is_some_and(|(begins, clock)| begins >= clock)
        }
        distance => distance == "tomorrow" || distance.starts_with("in "),
    }
}

/// The clock of the newest `<context>`, as `22:25`.
pub(super) fn time(turn: &Turn) -> Option<String> {
    let time = now(turn)?.rsplit_once(", ")?.1.get(..5)?;
    Some(time.to_owned())
}

/// `Saturday, 28 November 2026, 22:25 (UTC)`
fn now(turn: &Turn) -> Option<&str> {
    let users = turn.history.iter().rev().filter(|line| line.by_user);
    users.flat_map(|line| line.blocks.iter()).find_map(|block| {
        let context = tags::all(block, "context").pop()?;
        context.body.lines().find_map(|line| line.trim().strip_prefix("Now: "))
    })
}
