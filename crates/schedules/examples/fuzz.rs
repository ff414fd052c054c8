//! Mutates patterns, zones and times, and computes slots of what is accepted, for as many seconds as it is told:
//! `cargo run -p schedules --example fuzz -- 600 [SEED]`.
//!
//! It needs no nightly compiler. A schedule that makes the code panic or take longer than [`SLOW`], whose slots do not
//! go forward, or that is another one when it is stored and read again, is printed, and ends the run with a failure.

use std::{
    panic,
    process::ExitCode,
    time::{Duration, Instant},
};

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::{TZ_VARIANTS, Tz};
use schedules::{CatchUp, Wanted};

/// More than anything may take, in a build without optimization.
const SLOW: Duration = Duration::from_secs(2);
/// Slots that are computed of each schedule.
const SLOTS: usize = 40;
/// From which moments on, in seconds of the era: 1900 to 2160.
const FROM: i64 = -2_208_988_800;
const SPAN: usize = 8_200_000_000;
const PIECES: &[&str] = &[
    "*",
    "/",
    "-",
    ",",
    "#",
    "L",
    "W",
    "?",
    "@daily",
    "H",
    "0",
    "1",
    "5",
    "7",
    "12",
    "23",
    "24",
    "28",
    "29",
    "30",
    "31",
    "59",
    "60",
    "99999999999",
    "-1",
    "MON",
    "SUN",
    "SAT",
    "JAN",
    "FEB",
    "DEC",
    "MON-FRI",
    "5#5",
    "5L",
    "*/0",
    "*/7",
    "1-5/2",
    " ",
    "\t",
    "\u{a0}",
    "\u{202e}",
    "é",
    "\0",
    "LW",
    "15W",
    "FRI#2",
];
const SEEDS: &[&str] = &[
    "0 9 * * *",
    "*/15 * * * *",
    "30 2 * * SUN",
    "0 0 29 2 *",
    "0 0 31 * *",
    "15 1-3 1,15 JAN-JUN MON",
    "0 0 L * *",
    "0 12 * * FRI#2",
    "59 23 31 12 *",
    "* * * * *",
    "0 */4 * * *",
];

/// A small generator of numbers (xorshift): the same seed gives the same run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 31).unwrap_or_default() % most.max(1)
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len())]
    }

    fn text(&mut self, seed: &str) -> String {
        let mut chars: Vec<char> = seed.chars().collect();
        for _ in 0..self.below(4) {
            let at = self.below(chars.len() + 1);
            match self.below(3) {
                0 if at < chars.len() => drop(chars.remove(at)),
                1 => {
                    let odd = u32::try_from(self.below(0x11_0000)).ok().and_then(char::from_u32);
                    chars.insert(at, odd.unwrap_or('?'));
                }
                _ => {
                    let piece: Vec<char> = self.one(PIECES).chars().collect();
                    chars.splice(at..at, piece);
                }
            }
        }
        chars.into_iter().collect()
    }

    fn moment(&mut self) -> DateTime<Utc> {
        let seconds = i64::try_from(self.below(SPAN)).unwrap_or_default();
        DateTime::from_timestamp(FROM + seconds, 0).unwrap_or_default()
    }

    fn wanted(&mut self) -> Wanted {
        let zone = TZ_VARIANTS[self.below(TZ_VARIANTS.len())].name();
        let timezone = Some(if self.below(10) == 0 { self.text(zone) } else { zone.to_owned() });
        let blank = Wanted { timezone, ..Wanted::default() };
        match self.below(10) {
            0 => Wanted { kind: "interval".into(), every_seconds: Some(1 << self.below(40)), ..blank },
            1 => {
                let at = self.moment().to_rfc3339();
                Wanted { kind: "once".into(), at: Some(self.text(&at)), ..blank }
            }
            _ => {
                let seed = self.one(SEEDS);
                Wanted { kind: "cron".into(), cron: Some(self.text(seed)), ..blank }
            }
        }
    }
}

/// Whether it was accepted; or what is wrong with that.
fn look(wanted: &Wanted, now: DateTime<Utc>) -> Result<bool, String> {
    let Ok(schedule) = wanted.check(Tz::UTC, now, "schedule") else { return Ok(false) };
    let slots: Vec<DateTime<Utc>> = schedule.slots(now).take(SLOTS).collect();
    if slots.first().is_some_and(|first| *first <= now) || slots.windows(2).any(|pair| pair[0] >= pair[1]) {
        return Err(format!("its slots do not go forward: {slots:?}"));
    }
    let again = schedule.wanted().restore(schedule.anchor())?;
    if again != schedule || !again.slots(now).take(SLOTS).eq(slots.iter().copied()) {
        return Err("it is another one when it is read again".into());
    }
    if let Some(slot) = slots.first() {
        let due = schedule.due(*slot, *slot + TimeDelta::days(3), CatchUp::One);
        let late = due.fires.is_none_or(|fires| fires < *slot) || due.next.is_some_and(|next| next <= *slot);
        if late {
            return Err(format!("after three days it fires at {:?} and then at {:?}", due.fires, due.next));
        }
    }
    drop((schedule.to_string(), schedule.closest(now)));
    Ok(true)
}

fn main() -> ExitCode {
    let number = |nth| std::env::args().nth(nth).and_then(|text| text.parse().ok());
    let (seconds, seed) = (number(1).unwrap_or(600), number(2).unwrap_or(60));
    let (mut dice, start) = (Dice(seed.max(1)), Instant::now());
    let (mut inputs, mut accepted) = (0_u64, 0_u64);
    panic::set_hook(Box::new(|_| {}));
    while start.elapsed() < Duration::from_secs(seconds) {
        let (wanted, now, began) = (dice.wanted(), dice.moment(), Instant::now());
        let looked = panic::catch_unwind(|| look(&wanted, now));
        let problem = match looked {
            Ok(Ok(good)) => {
                accepted += u64::from(good);
                (began.elapsed() > SLOW).then(|| format!("it took {:?}", began.elapsed()))
            }
            Ok(Err(problem)) => Some(problem),
            Err(_) => Some("it panicked".into()),
        };
        inputs += 1;
        if let Some(problem) = problem {
            println!("{problem}: {wanted:?}, from {now} on (seed {seed}, input {inputs})");
            return ExitCode::FAILURE;
        }
    }
    println!("{inputs} inputs in {seconds} s (seed {seed}), {accepted} of them schedules; nothing was wrong");
    ExitCode::SUCCESS
}
