//! A schedule in words.

use std::fmt;

use chrono::TimeDelta;

use crate::{Cron, Schedule, When};

const WEEKDAYS: [&str; 8] =
    ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
const SHORT: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

/// `every Monday at 09:00 (Europe/Berlin)`.
impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let zone = self.zone.name();
        match &self.when {
            When::Cron(cron) => write!(f, "{} ({zone})", told(cron)),
            When::Interval { every, .. } => write!(f, "every {}", span(*every)),
            When::Once(at) => {
                let at = at.with_timezone(&self.zone);
                write!(f, "once, on {} ({zone})", at.format("%A, %-d %B %Y at %H:%M"))
            }
        }
    }
}

/// Usual patterns in the words that people use for them; others field by field.
fn told(cron: &Cron) -> String {
    let [minute, hour, day, month, weekday] = [0, 1, 2, 3, 4].map(|index| cron.field(index));
    if month != "*" {
        return cron.described();
    }
    let days = match (day, weekday) {
        ("*", "*") => Some("every day".to_owned()),
        ("*", weekday) => weekdays(weekday),
        (day, "*") => number(day, 31).map(|day| format!("on day {day} of every month")),
        _ => None,
    };
    let everyday = day == "*" && weekday == "*";
    let at = match (number(minute, 59), number(hour, 23)) {
        (Some(minute), Some(hour)) => {
            return days.map_or_else(|| cron.described(), |days| format!("{days} at {hour:02}:{minute:02}"));
        }
        (Some(0), None) if hour == "*" => Some("every hour".to_owned()),
        (Some(minute), None) if hour == "*" => Some(format!("every hour at minute {minute}")),
        (Some(minute), None) => step(hour).map(|n| format!("every {n} hours at minute {minute}")),
        (None, _) if minute == "*" && hour == "*" => Some("every minute".to_owned()),
        (None, _) if hour == "*" => step(minute).map(|n| format!("every {n} minutes")),
        _ => None,
    };
    match (at, days) {
        (Some(at), _) if everyday => at,
        (Some(at), Some(days)) => format!("{at}, {days}"),
        _ => cron.described(),
    }
}

fn number(field: &str, most: u32) -> Option<u32> {
    field.parse().ok().filter(|number| *number <= most && field.bytes().all(|byte| byte.is_ascii_digit()))
}

fn step(field: &str) -> Option<u32> {
    field.strip_prefix("*/").and_then(|step| number(step, 59)).filter(|step| *step > 1)
}

/// `MON-FRI`, `1`, `MON,WED`.
fn weekdays(field: &str) -> Option<String> {
    let day = |text: &str| {
        let named = SHORT.iter().position(|name| name.eq_ignore_ascii_case(text));
        named.or_else(|| number(text, 7).and_then(|day| usize::try_from(day).ok())).map(|day| WEEKDAYS[day])
    };
    if let Some((first, last)) = field.split_once('-') {
        return Some(format!("{} to {}", day(first)?, day(last)?));
    }
    let days = field.split(',').map(day).collect::<Option<Vec<_>>>()?;
    match &days[..] {
        [day] => Some(format!("every {day}")),
        [rest @ .., last] => Some(format!("every {} and {last}", rest.join(", "))),
        [] => None,
    }
}

/// `2 hours`, `90 seconds`, `1 day and 30 minutes`.
fn span(time: TimeDelta) -> String {
    let mut rest = time.num_seconds();
    let mut told = Vec::new();
    for (name, seconds) in [("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1)] {
        let count = rest / seconds;
        rest %= seconds;
        if count > 0 {
            told.push(format!("{count} {name}{}", if count == 1 { "" } else { "s" }));
        }
    }
    if let [only] = &told[..]
        && let Some(name) = only.strip_prefix("1 ")
    {
        return name.to_owned();
    }
    told.join(" and ")
}
