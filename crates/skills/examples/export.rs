//! Reads a SKILL.md from standard input and prints it in the open format:
//! `cargo run -p skills --example export -- KEY < SKILL.md`.

use std::{io, process::ExitCode};

use skills::{Files, Finding, Key};

fn main() -> ExitCode {
    let key = std::env::args().nth(1).unwrap_or_default().parse::<Key>();
    match (key, io::read_to_string(io::stdin())) {
        (Ok(key), Ok(document)) => export(&key, &document),
        (Err(why), _) => refuse(why),
        (_, Err(error)) => refuse(&error.to_string()),
    }
}

fn export(key: &Key, document: &str) -> ExitCode {
    let reading = skills::read(key, document, &Files::new());
    let Some(skill) = reading.skill else {
        return refuse(&said(&reading.report.errors));
    };
    let (exported, report) = skills::export_open(&skill);
    if !report.errors.is_empty() {
        return refuse(&said(&report.errors));
    }
    print!("{exported}");
    ExitCode::SUCCESS
}

fn said(found: &[Finding]) -> String {
    found.iter().map(|finding| format!("{finding}\n")).collect()
}

fn refuse(why: &str) -> ExitCode {
    eprintln!("{why}");
    ExitCode::FAILURE
}
