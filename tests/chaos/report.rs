//! The table, and the file that keeps it.

use std::{fmt::Display, fmt::Write as _, fs, path::Path, process::Command, time::Instant};

use crate::{Size, crashes::findings::Findings};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
const BEGIN: &str = "<!-- begin: written by make chaos -->\n";
const END: &str = "<!-- end -->\n";
/// Notes of what went wrong that are printed.
const NOTES: usize = 20;

struct Line {
    what: String,
    measured: String,
    bound: String,
    holds: bool,
}

pub struct Report {
    began: Instant,
    commit: String,
    size: String,
    lines: Vec<Line>,
}

impl Report {
    pub fn new(size: &Size) -> Self {
        let Size { deaths, turns, handovers, streams } = size;
        // What is measured is what stands here now, whatever is committed meanwhile.
        let git = |arguments: &[&str]| {
            let output = Command::new("git").args(arguments).current_dir(ROOT).output().expect("git runs");
            String::from_utf8_lossy(&output.stdout).trim().to_owned()
        };
        let commit = git(&["rev-parse", "--short=12", "HEAD"]);
        let changed = git(&["status", "--porcelain", "--", "crates", "migrations", "tests"]);
        let changed = if changed.is_empty() { "" } else { " with uncommitted changes" };
        let commit = format!("{commit}{changed}");
        let size = format!("deaths={deaths} turns={turns} handovers={handovers} streams={streams}");
        Self { began: Instant::now(), commit, size, lines: Vec::new() }
    }

    /// What was tried; less would prove nothing.
    pub fn at_least<T: PartialOrd + Display + Copy>(
        &mut self,
        what: impl Into<String>,
        measured: T,
        floor: T,
    ) {
        let holds = measured >= floor;
        self.line(what.into(), format!("{measured:.2}"), format!("≥ {floor}"), holds);
    }

    /// What must not be more.
    pub fn at_most<T: PartialOrd + Display + Copy>(
        &mut self,
        what: impl Into<String>,
        measured: T,
        bound: T,
    ) {
        let holds = measured <= bound;
        self.line(what.into(), format!("{measured:.2}"), format!("≤ {bound}"), holds);
    }

    /// What is told beside.
    pub fn note(&mut self, what: impl Into<String>, measured: impl Display) {
        self.line(what.into(), measured.to_string(), String::new(), true);
    }

    /// What went wrong, all of which must be nothing.
    pub fn found(&mut self, part: &str, found: &Findings) {
        for note in found.notes.iter().take(NOTES) {
            eprintln!("{note}");
        }
        for (what, count) in [
            ("lost turns", found.lost),
            ("doubled effects", found.doubled),
            ("missing or repeated steps, messages, results", found.missing),
            ("streams with a gap, a repetition or another text", found.streams),
            ("unknown outcomes that history or stream hide", found.hidden),
        ] {
            self.at_most(format!("{part}: {what}"), count, 0);
        }
    }

    fn line(&mut self, what: String, measured: String, bound: String, holds: bool) {
        eprintln!("{what}: {measured} {bound}{}", if holds { "" } else { " — NOT MET" });
        self.lines.push(Line { what, measured, bound, holds });
    }

    fn markdown(&self) -> String {
        let cores = std::thread::available_parallelism().expect("a number of cores");
        let mut text = format!(
            "`make chaos` ({}) at commit {}: development build, {cores} cores shared by servers, clients, \
             provider's stand-in and Postgres, in {} minutes.\n\n| what | measured | bound |\n|---|---|---|\n",
            self.size,
            self.commit,
            self.began.elapsed().as_secs().div_ceil(60)
        );
        for Line { what, measured, bound, holds } in &self.lines {
            let mark = if *holds { "" } else { " — **not met**" };
            writeln!(text, "| {what} | {measured} | {bound}{mark} |")
                .expect("writing to a string cannot fail");
        }
        text
    }

    /// Prints the table; a whole run also puts it between the two marks of `docs/reliability.md`.
    pub fn publish(&self, whole: bool) -> Result<(), String> {
        let table = self.markdown();
        println!("{table}");
        if whole {
            let path = Path::new(ROOT).join("docs/reliability.md");
            let page = fs::read_to_string(&path).expect("the page");
            let parts = page.split_once(BEGIN).and_then(|(head, rest)| Some((head, rest.split_once(END)?.1)));
            let (head, tail) = parts.ok_or("docs/reliability.md has no marks for the table")?;
            fs::write(&path, format!("{head}{BEGIN}{table}{END}{tail}")).expect("the page can be written");
        }
        let missed = self.lines.iter().filter(|line| !line.holds).count();
        if missed == 0 { Ok(()) } else { Err(format!("{missed} bounds are not met; the table says which")) }
    }
}
