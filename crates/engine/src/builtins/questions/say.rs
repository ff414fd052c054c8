//! Days, amounts and names as an answer words them.

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use domain::{
    EntityKind,
    brief::{Brief, Neighbour},
    fields,
};
use serde_json::Value;

use super::period;
use crate::turn::cut;

/// Longest name or other short text in an answer, in characters.
const SHORT: usize = 160;

/// The moment at which is answered, and the zone in which days are counted.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    pub now: DateTime<Utc>,
    pub zone: Tz,
}

impl Clock {
    pub fn today(self) -> NaiveDate {
        self.day_of(self.now)
    }

    pub fn day_of(self, moment: DateTime<Utc>) -> NaiveDate {
        moment.with_timezone(&self.zone).date_naive()
    }

    /// The first moment of the day so many days ago.
    pub fn days_ago(self, days: u16) -> DateTime<Utc> {
        let day = self.today().checked_sub_days(chrono::Days::new(days.into()));
        period::beginning(day.unwrap_or(NaiveDate::MIN), self.zone)
    }

    /// `Thu 3 Dec 2026, in 5 days`
    pub fn day(self, day: NaiveDate) -> String {
        format!("{}, {}", date(day), self.distance(day))
    }

    /// The day of a moment: `Thu 3 Dec 2026, in 5 days`
    pub fn day_at(self, moment: DateTime<Utc>) -> String {
        self.day(self.day_of(moment))
    }

    /// `Thu 3 Dec 2026 14:00, in 5 days`
    pub fn moment(self, moment: DateTime<Utc>) -> String {
        let local = moment.with_timezone(&self.zone);
        format!(
            "{} {}, {}",
            date(local.date_naive()),
            local.format("%H:%M"),
            self.distance(local.date_naive())
        )
    }

    /// Whole days from that moment to today.
    pub fn days_since(self, moment: DateTime<Utc>) -> i64 {
        (self.today() - self.day_of(moment)).num_days()
    }

    fn distance(self, day: NaiveDate) -> String {
        match (day - self.today()).num_days() {
            0 => "today".into(),
            1 => "tomorrow".into(),
            -1 => "yesterday".into(),
            days if days > 0 => format!("in {days} days"),
            days => format!("{} days ago", -days),
        }
    }

    /// How long a day is over: `overdue by 2 days`. None: it is not.
    pub fn overdue(self, day: NaiveDate) -> Option<String> {
        match (self.today() - day).num_days() {
            1 => Some("overdue by 1 day".into()),
            days if days > 1 => Some(format!("overdue by {days} days")),
            _ => None,
        }
    }

    /// A day by which something is to be done: `Thu 26 Nov 2026, overdue by 2 days`
    pub fn due(self, day: NaiveDate) -> String {
        self.overdue(day).map_or_else(|| self.day(day), |overdue| format!("{}, {overdue}", date(day)))
    }

    /// When it happens: `Thu 3 Dec 2026 14:00–15:00, in 5 days`. What has a date and no time is on that
    /// day in every zone.
    pub fn when(self, entity: &Brief) -> String {
        if let Some(day) = entity.fields.get("date").and_then(Value::as_str).and_then(fields::date) {
            return self.day(day);
        }
        let local = |moment: DateTime<Utc>| moment.with_timezone(&self.zone).naive_local();
        let begins = local(entity.at);
        let day = begins.date();
        let end = entity.ends_at.map(local).filter(|end| *end > begins).map(|end| {
            if end.date() == day {
                format!("–{}", end.format("%H:%M"))
            } else {
                format!("–{} {}", date(end.date()), end.format("%H:%M"))
            }
        });
        format!("{} {}{}, {}", date(day), begins.format("%H:%M"), end.unwrap_or_default(), self.distance(day))
    }
}

/// `Thu 3 Dec 2026`
pub fn date(day: NaiveDate) -> String {
    day.format("%a %-d %b %Y").to_string()
}

/// `84,000 EUR`; cents where there are any.
pub fn amount(amount: f64, currency: Option<&str>) -> String {
    let rounded = format!("{amount:.2}");
    let (whole, cents) = rounded.split_once('.').unwrap_or((&rounded, "00"));
    let digits = whole.trim_start_matches('-');
    let mut text = String::from(if whole.starts_with('-') { "-" } else { "" });
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    if cents != "00" {
        text.push_str(&format!(".{cents}"));
    }
    format!("{text} {}", currency.unwrap_or("(no currency)"))
}

/// A number of 0 to 100 without needless digits.
pub fn number(number: f64) -> String {
    format!("{}", (number * 10.0).round() / 10.0)
}

/// A text on one line, cut where it is long.
pub fn short(text: &str) -> String {
    cut(text, SHORT)
}

/// `1 deal`, `2 deals`
pub fn count(n: i64, one: &str) -> String {
    if n == 1 { format!("1 {one}") } else { format!("{n} {one}s") }
}

/// `deal D-42: Acme renewal`
pub fn title(entity: &Brief) -> String {
    format!("{} {}: {}", entity.kind, short(&entity.id), short(&entity.name))
}

/// `Dana Roe (contact C-7, buyer)`
pub fn neighbour(link: &Neighbour) -> String {
    let role = link.role.as_deref().map(|role| format!(", {}", short(role))).unwrap_or_default();
    format!("{} ({} {}{role})", short(&link.name), link.kind, short(&link.id))
}

/// Those of the kinds to which it is linked; none if there are none.
pub fn neighbours(entity: &Brief, kinds: &[EntityKind]) -> Option<String> {
    let links: Vec<String> =
        entity.links.iter().filter(|link| kinds.contains(&link.kind)).map(neighbour).collect();
    (!links.is_empty()).then(|| links.join(", "))
}

/// A text field of the kind, on one line.
pub fn field(entity: &Brief, name: &str) -> Option<String> {
    entity.fields.get(name).and_then(Value::as_str).map(short).filter(|text| !text.is_empty())
}

/// Names or addresses of a field, at most five of them.
pub fn people(entity: &Brief, name: &str) -> Option<String> {
    let people = entity.fields.get(name).and_then(fields::people).filter(|people| !people.is_empty())?;
    let named: Vec<String> = people.iter().take(5).map(|person| short(person)).collect();
    let more = people.len().saturating_sub(5);
    Some(if more > 0 { format!("{} and {more} more", named.join(", ")) } else { named.join(", ") })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock(now: &str, zone: Tz) -> Clock {
        Clock { now: fields::time(now).expect("a time"), zone }
    }

    fn day(text: &str) -> NaiveDate {
        fields::date(text).expect("a date")
    }

    #[test]
    fn a_day_is_told_with_weekday_and_distance() {
        let clock = clock("2026-11-28T12:00:00Z", Tz::UTC);
        for (text, told) in [
            ("2026-11-28", "Sat 28 Nov 2026, today"),
            ("2026-11-29", "Sun 29 Nov 2026, tomorrow"),
            ("2026-11-27", "Fri 27 Nov 2026, yesterday"),
            ("2026-12-03", "Thu 3 Dec 2026, in 5 days"),
            ("2026-11-02", "Mon 2 Nov 2026, 26 days ago"),
        ] {
            assert_eq!(clock.day(day(text)), told);
        }
        assert_eq!(clock.due(day("2026-11-26")), "Thu 26 Nov 2026, overdue by 2 days");
        assert_eq!(clock.due(day("2026-11-27")), "Fri 27 Nov 2026, overdue by 1 day");
        assert_eq!(clock.due(day("2026-11-28")), "Sat 28 Nov 2026, today");
    }

    #[test]
    fn the_zone_decides_which_day_it_is() {
        for (zone, today) in [
            (Tz::UTC, "2026-11-28"),
            (Tz::Europe__Berlin, "2026-11-29"),
            (Tz::America__Los_Angeles, "2026-11-28"),
            (Tz::Pacific__Auckland, "2026-11-29"),
        ] {
            let clock = clock("2026-11-28T23:30:00Z", zone);
            assert_eq!(clock.today(), day(today), "{zone}");
            assert_eq!(clock.days_since(clock.now), 0);
            assert_eq!(clock.days_ago(0), period::beginning(day(today), zone));
        }
    }

    #[test]
    fn amounts_have_separators_and_their_currency() {
        for (value, currency, told) in [
            (84_000.0, Some("EUR"), "84,000 EUR"),
            (0.0, Some("EUR"), "0 EUR"),
            (999.0, None, "999 (no currency)"),
            (1_000.5, Some("USD"), "1,000.50 USD"),
            (1_234_567.891, Some("JPY"), "1,234,567.89 JPY"),
            (1e15, Some("EUR"), "1,000,000,000,000,000 EUR"),
        ] {
            assert_eq!(amount(value, currency), told);
        }
        assert_eq!((number(60.0), number(33.333)), ("60".to_owned(), "33.3".to_owned()));
    }
}
