//! What is wrong with a document, and where.

use std::fmt;

use serde::Serialize;

use crate::limits;

/// One thing that is wrong, or unusual.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Where in the skill, such as `metadata.triggers[2].pattern`, `body` or
    /// `references/prices.md`; empty for the whole.
    pub field: String,
    /// Line of the document, from 1, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// What is wrong, for the author.
    pub problem: String,
    /// What to write instead, where that can be guessed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suggestion: Option<String>,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.problem)
    }
}

impl Finding {
    pub fn new(field: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { field: field.into(), line: None, problem: problem.into(), suggestion: None }
    }

    #[must_use]
    pub fn on_line(mut self, line: usize) -> Self {
        self.line = Some(line);
        self
    }

    #[must_use]
    pub fn suggest(mut self, suggestion: impl Into<Option<String>>) -> Self {
        self.suggestion = suggestion.into();
        self
    }
}

/// All that was found. A document with errors is not taken in; one with warnings is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    pub errors: Vec<Finding>,
    pub warnings: Vec<Finding>,
}

impl Report {
    /// Adds an error, up to [`limits::FINDINGS`].
    pub fn error(&mut self, finding: Finding) {
        add(&mut self.errors, finding);
    }

    /// Adds a warning, up to [`limits::FINDINGS`].
    pub fn warn(&mut self, finding: Finding) {
        add(&mut self.warnings, finding);
    }

    /// Adds all that another report holds.
    pub fn append(&mut self, more: Report) {
        self.errors.extend(more.errors);
        self.warnings.extend(more.warnings);
    }

    /// In the order of the document; what has no line comes last.
    pub(crate) fn sort(&mut self) {
        for found in [&mut self.errors, &mut self.warnings] {
            found.sort_by_key(|finding| finding.line.unwrap_or(usize::MAX));
        }
    }
}

fn add(found: &mut Vec<Finding>, finding: Finding) {
    if found.len() < limits::FINDINGS && !found.contains(&finding) {
        found.push(finding);
    }
}
