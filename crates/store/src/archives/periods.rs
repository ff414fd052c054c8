//! Times that a question names: `in March`, `last week`, `2026-03-14`.

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, NaiveTime, Utc};

/// From the first moment to the one after the last.
pub(super) type Period = (DateTime<Utc>, DateTime<Utc>);

const MONTHS: [(&str, &str); 12] = [
    ("january", "jan"),
    ("february", "feb"),
    ("march", "mar"),
    ("april", "apr"),
    ("may", "may"),
    ("june", "jun"),
    ("july", "jul"),
    ("august", "aug"),
    ("september", "sep"),
    ("october", "oct"),
    ("november", "nov"),
    ("december", "dec"),
];
/// Words before which `may` and `march` are months.
const BEFORE: [&str; 12] =
    ["by", "during", "early", "from", "in", "late", "mid", "of", "since", "this", "last", "until"];
/// A month without a year is one of so many years.
const YEARS: i32 = 3;

/// The times that the text speaks of, in UTC.
pub(super) fn periods(text: &str, now: DateTime<Utc>) -> Vec<Period> {
    let words: Vec<String> = text
        .split(|c: char| !(c.is_alphanumeric() || c == '-'))
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect();
    let word = |at: Option<usize>| at.and_then(|at| words.get(at)).map_or("", String::as_str);
    let today = now.date_naive();
    let mut found = Vec::new();
    for (i, this) in words.iter().enumerate() {
        let (before, after) = (word(i.checked_sub(1)), word(Some(i + 1)));
        if let Some(month) = month(this, before, after) {
            let years = match year(after) {
                Some(year) => year..=year,
                None => today.year() - YEARS + 1..=today.year(),
            };
            found.extend(years.filter_map(|year| months(year, month, 1)));
        } else if let Some(quarter) = this.strip_prefix('q').and_then(|n| n.parse::<u32>().ok())
            && (1..=4).contains(&quarter)
        {
            let year = year(after).unwrap_or_else(|| today.year());
            found.extend(months(year, 3 * quarter - 2, 3));
        } else if let Ok(day) = this.parse::<NaiveDate>() {
            found.extend(days(day, 1));
        } else if before == "in"
            && let Some(year) = year(this)
        {
            found.extend(months(year, 1, 12));
        } else {
            found.extend(relative(before, this, today));
        }
    }
    found
}

fn month(word: &str, before: &str, after: &str) -> Option<u32> {
    let at = MONTHS.iter().position(|(long, short)| word == *long || word == *short)?;
    let sure = !matches!(word, "may" | "march" | "mar") || BEFORE.contains(&before) || year(after).is_some();
    sure.then(|| u32::try_from(at + 1).ok()).flatten()
}

fn year(word: &str) -> Option<i32> {
    word.parse().ok().filter(|year| word.len() == 4 && (1990..=2100).contains(year))
}

fn relative(before: &str, word: &str, today: NaiveDate) -> Option<Period> {
    let back = match before {
        "this" => 0,
        "last" => 1,
        _ => {
            let day = match word {
                "today" => today,
                "yesterday" => today.pred_opt()?,
                _ => return None,
            };
            return days(day, 1);
        }
    };
    let month = today.checked_sub_months(Months::new(back))?;
    match word {
        "week" => {
            let monday = Days::new(u64::from(today.weekday().num_days_from_monday()) + 7 * u64::from(back));
            days(today.checked_sub_days(monday)?, 7)
        }
        "month" => months(month.year(), month.month(), 1),
        "quarter" => {
            let day = today.checked_sub_months(Months::new(3 * back))?;
            months(day.year(), day.month0() / 3 * 3 + 1, 3)
        }
        "year" => months(today.year() - i32::try_from(back).ok()?, 1, 12),
        _ => None,
    }
}

fn months(year: i32, month: u32, count: u32) -> Option<Period> {
    let first = NaiveDate::from_ymd_opt(year, month, 1)?;
    Some((midnight(first), midnight(first.checked_add_months(Months::new(count))?)))
}

fn days(first: NaiveDate, count: u64) -> Option<Period> {
    (1970..=9998).contains(&first.year()).then_some(())?;
    Some((midnight(first), midnight(first.checked_add_days(Days::new(count))?)))
}

fn midnight(day: NaiveDate) -> DateTime<Utc> {
    day.and_time(NaiveTime::MIN).and_utc()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spoken(text: &str) -> Vec<String> {
        // A Saturday.
        let now = "2026-11-28T18:00:00Z".parse().expect("a time");
        let day = |at: DateTime<Utc>| at.format("%Y-%m-%d").to_string();
        periods(text, now).into_iter().map(|(from, to)| format!("{}..{}", day(from), day(to))).collect()
    }

    #[test]
    fn months_quarters_years_and_days_are_understood() {
        for (text, periods) in [
            ("the review in March 2025?", &["2025-03-01..2025-04-01"][..]),
            ("what happened in December 2025", &["2025-12-01..2026-01-01"]),
            (
                "Dana in march",
                &["2024-03-01..2024-04-01", "2025-03-01..2025-04-01", "2026-03-01..2026-04-01"],
            ),
            ("may we march on", &[]),
            ("Q3 2025", &["2025-07-01..2025-10-01"]),
            ("q1", &["2026-01-01..2026-04-01"]),
            ("q5 and q0", &[]),
            ("in 2025", &["2025-01-01..2026-01-01"]),
            ("for 2025 euros", &[]),
            ("on 2026-02-28", &["2026-02-28..2026-03-01"]),
            ("on 2026-02-30 and 0000-01-01", &[]),
            ("yesterday", &["2026-11-27..2026-11-28"]),
            ("last week", &["2026-11-16..2026-11-23"]),
            ("this month or last month", &["2026-11-01..2026-12-01", "2026-10-01..2026-11-01"]),
            ("last quarter", &["2026-07-01..2026-10-01"]),
            ("last year", &["2025-01-01..2026-01-01"]),
            ("last thing", &[]),
        ] {
            assert_eq!(spoken(text), periods, "{text}");
        }
    }
}
