//! Patterns of five fields: minute, hour, day of the month, month, day of the week.
//!
//! Clocks change. A pattern that names hours means times of day: one that a clock skips is moved to the moment after
//! the gap, and one that it shows twice fires the first time only. A pattern for every hour (`*` in the hours) goes by
//! the clock as it is: it fires at each hour that there is, and at none that there is not.

use std::fmt;

use chrono::{DateTime, NaiveDateTime, Utc};
use chrono_tz::Tz;
use croner::{
    errors::CronError,
    parser::{CronParser, Seconds, Year},
};

use crate::zone;

/// Longest pattern, in characters.
pub const MAX_PATTERN: usize = 200;

const FIELDS: [&str; 5] = ["minute", "hour", "day of the month", "month", "day of the week"];
/// The words that each of them may have.
const WORDS: [&[&str]; 5] = [
    &[],
    &[],
    &["L"],
    &["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"],
    &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT", "L"],
];
/// The largest step that changes anything in each of them.
const STEPS: [u32; 5] = [59, 23, 31, 12, 7];

/// A pattern that fires at some time.
#[derive(Clone, Debug)]
pub struct Cron {
    text: String,
    parsed: Box<croner::Cron>,
}

impl PartialEq for Cron {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl fmt::Display for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Cron {
    /// Reads a pattern; or says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let trimmed = text.trim();
        if trimmed.starts_with('@') {
            return Err("must be a pattern of five fields such as `0 9 * * MON-FRI`, and no macro".into());
        }
        if trimmed.chars().count() > MAX_PATTERN {
            return Err(format!("must be at most {MAX_PATTERN} characters"));
        }
        let fields: Vec<&str> = trimmed.split_whitespace().collect();
        let [minute, hour, day, month, weekday] = fields[..] else {
            let names = FIELDS.join(", ");
            return Err(format!("must have five fields ({names}), and has {}", fields.len()));
        };
        for (field, name) in fields.iter().zip(FIELDS) {
            if let Some(odd) = field.chars().find(|c| !(c.is_ascii_alphanumeric() || "*,-/#".contains(*c))) {
                return Err(format!("has {odd:?} in its {name}, which means nothing there"));
            }
        }
        for ((field, name), most) in fields.iter().zip(FIELDS).zip(STEPS) {
            if field.split(',').any(str::is_empty) {
                return Err(format!("has {field:?} as its {name}: an item of the list is empty"));
            }
            let steps = field.split(',').filter_map(|part| part.split_once('/')?.1.parse::<u32>().ok());
            if let Some(step) = steps.into_iter().find(|step| *step > most) {
                return Err(format!("has {field:?} as its {name}: a step of {step} is too large"));
            }
        }
        for ((field, name), words) in fields.iter().zip(FIELDS).zip(WORDS) {
            let odd = field.split(['*', ',', '-', '/', '#']).find(|item| !is_item(item, words));
            // The last day of what? Of a month it is the last Friday, `FRIL`.
            let last = field.split(',').find(|item| name == FIELDS[4] && item.eq_ignore_ascii_case("L"));
            if let Some(odd) = odd.or(last) {
                return Err(format!("has {odd:?} in its {name}, which means nothing there"));
            }
        }
        let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
        let text = fields.join(" ");
        // Each field by itself, so that the refusal can name it.
        let singly = [
            [minute, "*", "*", "*", "*"],
            ["*", hour, "*", "*", "*"],
            ["*", "*", day, "*", "*"],
            ["*", "*", "*", month, "*"],
            ["*", "*", "*", "*", weekday],
        ];
        for ((fields, name), field) in singly.iter().zip(FIELDS).zip(&fields) {
            if let Err(error) = parser.parse(&fields.join(" ")) {
                return Err(format!("has {field:?} as its {name}: {}", told(&error)));
            }
        }
        let parsed = Box::new(parser.parse(&text).map_err(|error| told(&error))?);
        // Days such as 31 June.
        let first = DateTime::<Utc>::UNIX_EPOCH;
        if parsed.find_next_occurrence(&first, true).is_err() {
            return Err("never fires: there is no such day".into());
        }
        Ok(Self { text, parsed })
    }

    /// Whether it means times of day, and not each hour.
    pub fn names_hours(&self) -> bool {
        !["*", "*/1"].contains(&self.field(1))
    }

    /// Its fields, in order.
    pub(crate) fn field(&self, index: usize) -> &str {
        self.text.split(' ').nth(index).unwrap_or("*")
    }

    pub(crate) fn described(&self) -> String {
        self.parsed.describe()
    }

    pub(crate) fn slots(
        &self,
        zone: Tz,
        after: DateTime<Utc>,
    ) -> Box<dyn Iterator<Item = DateTime<Utc>> + '_> {
        if self.names_hours() {
            Box::new(self.times_of_day(zone, after))
        } else {
            Box::new(self.each_hour(zone, after))
        }
    }

    /// What the clock on the wall shows at the slots, as if it never changed; then the moments at which it shows it.
    fn times_of_day(&self, zone: Tz, after: DateTime<Utc>) -> impl Iterator<Item = DateTime<Utc>> + '_ {
        // What is shown no later than now has been shown, or is past its gap.
        let mut shown = Some(zone::shown(after, zone).and_utc());
        let mut last = after;
        let next = move || {
            shown = self.parsed.find_next_occurrence(&shown?, false).ok();
            shown.map(|shown| shown.naive_utc())
        };
        std::iter::from_fn(next).filter_map(move |shown: NaiveDateTime| {
            let slot = zone::moment(shown, zone)?;
            // Two that a gap moves to its end are one.
            let new = slot > last;
            last = last.max(slot);
            new.then_some(slot)
        })
    }

    fn each_hour(&self, zone: Tz, after: DateTime<Utc>) -> impl Iterator<Item = DateTime<Utc>> + '_ {
        let first = self.parsed.find_next_occurrence(&after.with_timezone(&zone), false).ok();
        let next = |slot: &DateTime<Tz>| self.parsed.find_next_occurrence(slot, false).ok();
        std::iter::successors(first, next).map(|slot| slot.to_utc())
    }
}

/// Whether it is nothing, a number, one of the field's words, or one with `L` behind it.
fn is_item(item: &str, words: &[&str]) -> bool {
    let known = |item: &str| {
        item.bytes().all(|byte| byte.is_ascii_digit())
            || words.iter().any(|word| word.eq_ignore_ascii_case(item))
    };
    known(item) || (words.contains(&"L") && item.strip_suffix(['L', 'l']).is_some_and(known))
}

fn told(error: &CronError) -> String {
    match error {
        CronError::ComponentError(why) => why.trim_end_matches('.').to_lowercase(),
        CronError::IllegalCharacters(_) => "that is no number, name, range or step".into(),
        other => other.to_string().trim_end_matches('.').to_lowercase(),
    }
}
