//! What is said of skills that were checked.

use std::path::PathBuf;

use serde_json::{Value, json};
use skills::{Files, Finding, Report, Skill, cookbook::TEMPLATES};

/// A skill as it lies in its folder, and what is to be said of it.
#[derive(Default)]
pub(super) struct Checked {
    pub path: PathBuf,
    pub key: String,
    /// Empty where it could not be read.
    pub document: String,
    pub files: Files,
    /// None where the report has errors.
    pub skill: Option<Skill>,
    pub report: Report,
}

/// A line a finding, errors before warnings, and a last line with the counts.
pub(super) fn text(checked: &[Checked]) -> String {
    let (errors, warnings) = counts(checked);
    format!(
        "{}{} checked, {} and {}\n",
        findings(checked),
        plural(checked.len(), "skill"),
        plural(errors, "error"),
        plural(warnings, "warning")
    )
}

/// A line a finding, and nothing of skills of which there is nothing to say.
pub(super) fn findings(checked: &[Checked]) -> String {
    let mut lines = String::new();
    for skill in checked {
        let path = |finding: &Finding| {
            let beside = skill.path.with_file_name(&finding.field);
            let path = if skill.files.contains_key(&finding.field) { &beside } else { &skill.path };
            path.display().to_string()
        };
        for (kind, found) in [("", &skill.report.errors), ("warning: ", &skill.report.warnings)] {
            for finding in found {
                lines.push_str(&line(&path(finding), kind, finding));
            }
        }
    }
    lines
}

fn line(path: &str, kind: &str, finding: &Finding) -> String {
    let at = finding.line.map(|line| format!(":{line}")).unwrap_or_default();
    let field = if finding.field.is_empty() { "document" } else { &finding.field };
    let suggestion =
        finding.suggestion.as_ref().map(|text| format!(" ({})", one_line(text))).unwrap_or_default();
    format!("{path}{at}: {}: {kind}{}{suggestion}\n", one_line(field), one_line(&finding.problem))
}

/// A problem may quote what has line breaks.
pub(super) fn one_line(text: &str) -> String {
    text.replace(['\n', '\r'], "\\n")
}

pub(super) fn plural(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

fn counts(checked: &[Checked]) -> (usize, usize) {
    let errors = checked.iter().map(|skill| skill.report.errors.len()).sum();
    let warnings = checked.iter().map(|skill| skill.report.warnings.len()).sum();
    (errors, warnings)
}

pub(super) fn json(checked: &[Checked]) -> Value {
    let skill = |skill: &Checked| {
        json!({
            "path": skill.path.to_string_lossy(),
            "key": skill.key,
            "errors": skill.report.errors,
            "warnings": skill.report.warnings,
        })
    };
    let (errors, warnings) = counts(checked);
    json!({ "skills": checked.iter().map(skill).collect::<Vec<_>>(), "errors": errors, "warnings": warnings })
}

/// The cookbook, a line a template.
pub(super) fn templates() -> String {
    let line = |template: &skills::cookbook::Template| format!("  {:<22} {}", template.name, template.about);
    TEMPLATES.iter().map(line).collect::<Vec<_>>().join("\n")
}
