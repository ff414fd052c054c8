//! What is wrong with a document, and where.

use serde::Serialize;

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

/// All that was found. A document with errors is not taken in; one with warnings is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    pub errors: Vec<Finding>,
    pub warnings: Vec<Finding>,
}
