//! What is wrong with a document before it is stored, in the words of an answer.

use domain::{Error, FieldError, Result};
use engine::Door;
use serde::Serialize;
use skills::{Files, Finding, Key, Reading, Skill};
use store::skills::Facts;
use utoipa::ToSchema;

use crate::door::{MASK, SECRET};

/// A skill that is to be written.
#[derive(Clone, Debug)]
pub struct Draft {
    pub key: Key,
    pub document: String,
    pub files: Files,
    /// The companions are those that are there: the document alone was sent.
    pub keeps_files: bool,
}

/// Something about a document, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = SkillRemark)]
pub struct Remark {
    /// Such as `metadata.triggers[2].pattern`, `body` or `references/prices.md`; empty: the whole.
    pub field: String,
    /// Line of the document, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    pub error: String,
    /// What to write instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suggestion: Option<String>,
}

impl From<Finding> for Remark {
    fn from(finding: Finding) -> Self {
        let Finding { field, line, problem, suggestion } = finding;
        Self { field, line, error: problem, suggestion }
    }
}

impl Remark {
    pub fn new(field: impl Into<String>, error: impl Into<String>) -> Self {
        Self { field: field.into(), line: None, error: error.into(), suggestion: None }
    }

    /// In one sentence, for a problem document.
    pub fn field_error(self) -> FieldError {
        let Self { field, line, error, suggestion } = self;
        let line = line.map(|line| format!("line {line}: ")).unwrap_or_default();
        let suggestion = suggestion.map(|instead| format!(" ({instead})")).unwrap_or_default();
        FieldError { field, error: format!("{line}{error}{suggestion}") }
    }
}

pub fn remarks(findings: Vec<Finding>) -> Vec<Remark> {
    findings.into_iter().map(Remark::from).collect()
}

/// Reads drafts beside the caller: a document may take a while, which nobody else is to wait for.
pub async fn read_all(door: &Door, drafts: Vec<Draft>) -> Result<Vec<(Draft, Reading)>> {
    let door = door.clone();
    let work = move || {
        let read = |draft: Draft| {
            let reading = read(&door, &draft);
            (draft, reading)
        };
        drafts.into_iter().map(read).collect()
    };
    tokio::task::spawn_blocking(work).await.map_err(Error::internal)
}

/// Reads one; refused for its errors.
pub async fn accept(door: &Door, draft: Draft) -> Result<(Draft, Skill, Vec<Remark>)> {
    let (draft, reading) =
        read_all(door, vec![draft]).await?.pop().ok_or_else(|| Error::internal("a draft without reading"))?;
    match reading.skill {
        Some(skill) if reading.report.errors.is_empty() => {
            Ok((draft, skill, remarks(reading.report.warnings)))
        }
        _ => Err(refused(reading.report.errors)),
    }
}

pub fn refused(errors: Vec<Finding>) -> Error {
    Error::fields(errors.into_iter().map(|error| Remark::from(error).field_error()).collect())
}

/// The document as it is understood, and refused where it holds a secret or the mark of one: it is
/// kept byte for byte, and a model is shown it.
fn read(door: &Door, draft: &Draft) -> Reading {
    let mut reading = skills::read(&draft.key, &draft.document, &draft.files);
    let texts = std::iter::once(("document", &draft.document))
        .chain(draft.files.iter().map(|(path, content)| (path.as_str(), content)));
    for (field, text) in texts {
        let masked = redact::contains_marker(text).then(|| (MASK, text.find("[REDACTED:")));
        let clean = door.redact_hidden(text);
        let secret = || (clean != text.as_str()).then(|| (SECRET, difference(text, &clean)));
        if let Some((problem, at)) = masked.or_else(secret) {
            let line = at.map(|at| text.as_bytes()[..at].split(|byte| *byte == b'\n').count());
            let (field, problem) = (field.to_owned(), problem.to_owned());
            reading.report.errors.push(Finding { field, line, problem, suggestion: None });
            reading.skill = None;
        }
    }
    reading
}

/// Where the texts begin to differ, in bytes.
fn difference(one: &str, other: &str) -> Option<usize> {
    one.bytes().zip(other.bytes()).position(|(one, other)| one != other)
}

/// What lists show of the skill.
pub fn facts(skill: &Skill) -> Facts<'_> {
    let deprecation = skill.deprecation.as_ref();
    Facts {
        kind: skill.kind,
        name: &skill.name,
        description: &skill.description,
        category: skill.category.as_deref(),
        priority: skill.priority.as_deref(),
        tags: &skill.tags,
        deprecated_by: deprecation.and_then(|it| it.by.as_deref()),
        deprecation_reason: deprecation.and_then(|it| it.reason.as_deref()),
        active: skill.active,
    }
}
