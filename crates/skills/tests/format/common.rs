//! What the tests of the format share.

use skills::{Files, Reading, Report, Skill};

pub fn read(key: &str, document: &str) -> Reading {
    skills::read(&key.parse().expect("a key of a test"), document, &Files::new())
}

/// The skill of a document that has no errors.
pub fn skill(document: &str) -> Skill {
    let reading = read("k", document);
    assert_eq!(reading.report.errors, []);
    reading.skill.expect("a document without errors has a skill")
}

/// Errors and warnings as `field: problem`.
pub fn problems(report: &Report) -> Vec<String> {
    let found = report.errors.iter().chain(&report.warnings);
    found.map(ToString::to_string).collect()
}
