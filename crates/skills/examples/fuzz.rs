//! Mutates documents and reads them, for as many seconds as it is told:
//! `cargo run -p skills --example fuzz -- 600 [SEED]`.
//!
//! It needs no nightly compiler. A document that makes the reader panic, take longer than
//! [`SLOW`], or not read what it wrote itself is printed, and ends the run with a failure.

use std::{
    panic,
    process::ExitCode,
    time::{Duration, Instant},
};

use skills::{Files, Key, cookbook::TEMPLATES, limits};

/// More than any document may take, in a build without optimization.
const SLOW: Duration = Duration::from_secs(2);
/// Pieces that have a meaning somewhere in the format.
const PIECES: &[&str] = &[
    "---\n",
    "\n---\n",
    "...\n",
    "- ",
    ": ",
    "? ",
    "&a ",
    "*a",
    "<<: *a",
    "!!binary ",
    "!x ",
    "|\n",
    ">-\n",
    "[",
    "]",
    "{",
    "}",
    "\"",
    "'",
    "#",
    "\t",
    "\r\n",
    "\\0",
    "\\u202e",
    "\u{202E}",
    "\u{FEFF}",
    "\u{E0041}",
    "\0",
    "\u{FFFE}",
    "name: ",
    "description: ",
    "metadata:\n  ",
    "  triggers:\n    - ",
    "pattern: ",
    "/(a|b)*/",
    "(?P<x>a)",
    "[x]",
    "\\w{99}",
    "workflow:\n",
    "order: 1\n",
    "skill_key: k\n",
    "${outputs.a.b}",
    "input_schema: {}",
    "$ref: x",
    "null",
    "~",
    "true",
    ".nan",
    "0x1F",
    "1e999",
    "99999999999999999999999",
    "-0",
    "a OR b",
    "😀",
    "é",
];

/// A document of the open format, with values of its author's own.
const OPEN: &str = "---\nname: fuzzed\ndescription: Does it. Use it often.\nlicense: MIT\nallowed-tools: Read Grep\nmetadata:\n  \
    author:\n    name: Ann\n  timeout_ms: fast\n  workflow: none\n  skill_type: guide\n  is_active: perhaps\n---\n\n# Do it\n";

/// A small generator of numbers (xorshift): the same seed gives the same run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap_or_default() % most.max(1)
    }

    fn place(&mut self, text: &str) -> usize {
        // Mostly in the front matter, which is read closely; the body is only copied.
        let front = text.get(4..).and_then(|rest| rest.find("\n---")).map_or(text.len(), |at| at + 8);
        let most = if self.below(8) == 0 { text.len() } else { front.min(text.len()) };
        let at = self.below(most + 1);
        (at..=text.len()).find(|&at| text.is_char_boundary(at)).unwrap_or(text.len())
    }

    fn range(&mut self, text: &str) -> std::ops::Range<usize> {
        let (a, b) = (self.place(text), self.place(text));
        let (from, to) = (a.min(b), a.max(b));
        // Mostly small pieces: a large one leaves nothing to look at.
        let near = (from..=(from + 40).min(to)).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(from);
        from..if self.below(4) == 0 { to } else { near }
    }

    fn mutate(&mut self, text: &mut String, other: &str) {
        let at = self.place(text);
        match self.below(7) {
            0 => {
                let range = self.range(text);
                text.replace_range(range, "");
            }
            1 => {
                let piece = text[self.range(text)].to_owned();
                text.insert_str(at, &piece);
            }
            2 => text.insert_str(at, &other[self.range(other)]),
            3 => {
                let odd = char::from_u32(u32::try_from(self.below(0x11_0000)).unwrap_or_default());
                text.insert(at, odd.unwrap_or('?'));
            }
            4 => {
                let piece = PIECES[self.below(PIECES.len())].repeat(1 + self.below(30));
                text.insert_str(at, &piece);
            }
            _ => text.insert_str(at, PIECES[self.below(PIECES.len())]),
        }
    }
}

/// What is wrong with how the document is read.
fn wrong(key: &Key, document: &str) -> Option<String> {
    let begin = Instant::now();
    let reading = skills::read(key, document, &Files::new());
    if begin.elapsed() > SLOW {
        return Some(format!("took {:?}", begin.elapsed()));
    }
    if reading.skill.is_some() != reading.report.errors.is_empty() {
        return Some("a skill with errors, or none without".into());
    }
    let skill = reading.skill?;
    let written = skills::write(&skill);
    let front = written.len() - skill.body.len();
    if front <= limits::FRONT_MATTER {
        let again = skills::read(key, &written, &Files::new());
        if again.skill.as_ref() != Some(&skill) {
            return Some(format!(
                "reads something else of what it wrote: {:?}\n{written}",
                again.report.errors
            ));
        }
    }
    let (exported, _) = skills::export_open(&skill);
    let open = exported.strip_prefix("---\n").and_then(|rest| rest.split_once("---"));
    let whole = open.is_some_and(|(_, body)| body.strip_prefix('\n') == Some(skill.body.as_str()));
    (!whole).then(|| format!("exports what the open format cuts elsewhere:\n{exported}"))
}

fn main() -> ExitCode {
    let mut given = std::env::args().skip(1).map(|number| number.parse::<u64>());
    let (Some(Ok(seconds)), Some(Ok(seed))) = (given.next(), given.next().or(Some(Ok(60)))) else {
        eprintln!("fuzz SECONDS [SEED]");
        return ExitCode::from(2);
    };
    let key: Key = "fuzzed".parse().expect("a key by its letters");
    let seeds: Vec<&str> = TEMPLATES.iter().map(|template| template.files[0].1).chain([OPEN]).collect();
    let mut dice = Dice(seed | 1);
    let mut kept: Vec<String> = seeds.iter().map(|&text| text.to_owned()).collect();
    let (mut inputs, mut sound) = (0_u64, 0_u64);
    let end = Instant::now() + Duration::from_secs(seconds);
    while Instant::now() < end {
        let mut text = kept[dice.below(kept.len())].clone();
        for _ in 0..=dice.below(6) {
            let other = seeds[dice.below(seeds.len())];
            dice.mutate(&mut text, other);
        }
        inputs += 1;
        match panic::catch_unwind(|| wrong(&key, &text)) {
            Ok(None) => {}
            Ok(Some(problem)) => return failed(inputs, &text, &problem),
            Err(_) => return failed(inputs, &text, "panicked"),
        }
        if skills::read(&key, &text, &Files::new()).skill.is_some() {
            sound += 1;
            // What is still read leads further than what is not.
            if kept.len() < 2_000 {
                kept.push(text);
            } else {
                let place = dice.below(kept.len());
                kept[place] = text;
            }
        }
    }
    println!("{inputs} inputs in {seconds} s (seed {seed}), {sound} of them skills; nothing was wrong");
    ExitCode::SUCCESS
}

fn failed(inputs: u64, document: &str, problem: &str) -> ExitCode {
    println!("input {inputs} {problem}\nthe document, as JSON: {}", serde_json::Value::from(document));
    ExitCode::FAILURE
}
