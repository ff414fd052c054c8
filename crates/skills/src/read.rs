//! From a document to a skill.

use std::collections::BTreeMap;

use crate::{Key, Report, Skill};

/// Companion documents by their path inside the skill's folder.
pub type Files = BTreeMap<String, String>;

/// What was understood, and what was found on the way.
#[derive(Clone, Debug)]
pub struct Reading {
    /// None if the report has errors.
    pub skill: Option<Skill>,
    pub report: Report,
}

/// Reads a SKILL.md of either dialect. The key comes from the folder or the request.
pub fn read(_key: &Key, _document: &str, _files: &Files) -> Reading {
    Reading { skill: None, report: Report::default() }
}
