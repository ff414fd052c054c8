//! The table, and the file that keeps it.

use std::{fmt::Write as _, fs, path::Path, process::Command, thread};

use crate::{ROOT, Result, fail, process::output};

/// One line: what was measured, the figure, and the target that it is held against.
struct Line {
    metric: String,
    figure: String,
    target: &'static str,
    /// Set when the part is over: until then it may fail.
    part: Option<String>,
}

pub struct Report {
    postgres: String,
    failed: bool,
    lines: Vec<Line>,
}

impl Report {
    pub fn new(postgres: String) -> Self {
        Self { postgres, failed: false, lines: Vec::new() }
    }

    pub fn add(&mut self, metric: impl Into<String>, figure: impl Into<String>, target: &'static str) {
        let line = Line { metric: metric.into(), figure: figure.into(), target, part: None };
        eprintln!("{}: {}", line.metric, line.figure);
        self.lines.push(line);
    }

    /// A part that failed publishes why, and no figure.
    pub fn missing(&mut self, part: &str, measured: Result<()>) {
        if let Err(error) = measured {
            self.failed = true;
            self.lines.retain(|line| line.part.is_some());
            self.add(part, format!("no figure: {error}"), "");
        }
        for line in &mut self.lines {
            line.part.get_or_insert_with(|| part.to_owned());
        }
    }

    fn markdown(&self) -> Result<String> {
        let git = |arguments: &[&str]| output(Command::new("git").args(arguments).current_dir(ROOT));
        let commit = git(&["rev-parse", "--short=12", "HEAD"])?;
        let changed = git(&["status", "--porcelain", "--", "crates", "migrations"])?;
        let changed = if changed.is_empty() { "" } else { " with uncommitted changes" };
        let cores = thread::available_parallelism()?;
        let mut text = format!(
            "`make bench` at commit {commit}{changed}: release build, {cores} cores shared by load, service, provider's \
             stand-in and Postgres {}, all on the loopback interface.\n\n| metric | measured | target |\n|---|---|---|\n",
            self.postgres
        );
        for Line { metric, figure, target, .. } in &self.lines {
            writeln!(text, "| {metric} | {figure} | {target} |")?;
        }
        Ok(text)
    }

    /// Prints the table and puts it between the two marks of `docs/benchmarks.md`.
    pub fn publish(&self) -> Result<()> {
        const BEGIN: &str = "<!-- begin: written by make bench -->\n";
        const END: &str = "<!-- end -->\n";
        let table = self.markdown()?;
        println!("{table}");
        let path = Path::new(ROOT).join("docs/benchmarks.md");
        let page = fs::read_to_string(&path)?;
        let parts = page.split_once(BEGIN).and_then(|(head, rest)| Some((head, rest.split_once(END)?.1)));
        let (head, tail) = parts.ok_or("docs/benchmarks.md has no marks for the table")?;
        fs::write(&path, format!("{head}{BEGIN}{table}{END}{tail}"))?;
        self.verdict()
    }

    /// Whether each part gave its figures.
    pub fn verdict(&self) -> Result<()> {
        if self.failed { fail("a part of the benchmark failed; the table says which") } else { Ok(()) }
    }
}
