//! Values of the front matter as they are taken: with what is said of those that cannot be read.

use serde_json::{Map, Value};

use super::{
    fields::{At, Fields},
    values::{closed, flag, free, plain_texts, text, texts, unusual},
    yaml::Data,
};
use crate::{Finding, Key, Report, limits};

/// Where a skill is offered that says it in a way that nobody can read.
const NO_PLACE: &str = "(unreadable)";
const AS_WORDS: &str = "it is kept as the author's words, and does nothing";

pub(super) struct Head<'n, 'r> {
    pub key: &'r Key,
    pub fields: Fields<'n>,
    /// Whether the document is one of the open format, in which what stands under `metadata` is its author's own.
    pub open: bool,
    /// What is kept as it is written.
    pub words: Map<String, Value>,
    pub report: &'r mut Report,
}

impl<'n> Head<'n, '_> {
    pub fn take(&mut self, name: &str) -> Option<At<'n>> {
        self.fields.take(name, self.report)
    }

    /// What a key says. In a document of the open format a value that it cannot have is kept as it is written.
    pub fn read<T>(&mut self, name: &str, read: impl FnOnce(&At<'n>, &mut Report) -> Option<T>) -> Option<T> {
        let at = self.take(name)?;
        self.understood(&at, AS_WORDS, read).unwrap_or_else(|| {
            self.words.insert(name.to_owned(), free(&at, self.report));
            None
        })
    }

    /// What a value says. None, with a warning and what becomes of it: it is one of the open format and cannot be read.
    pub fn understood<T>(
        &mut self,
        at: &At<'n>,
        becomes: &str,
        read: impl FnOnce(&At<'n>, &mut Report) -> Option<T>,
    ) -> Option<Option<T>> {
        if !self.open {
            return Some(read(at, self.report));
        }
        let mut found = Report::default();
        let value = read(at, &mut found);
        if found.errors.is_empty() {
            found.warnings.into_iter().for_each(|warning| self.report.warn(warning));
            return Some(value);
        }
        for error in found.errors {
            let problem = format!("{}: {becomes}", error.problem);
            self.report.warn(Finding { problem, ..error });
        }
        None
    }

    pub fn text(&mut self, name: &str, most: usize) -> Option<String> {
        self.read(name, |at, report| text(at, most, report))
    }

    /// Whether the skill is switched on. What cannot be read is no yes.
    pub fn active(&mut self) -> bool {
        let Some(at) = self.take("is_active") else { return true };
        self.understood(&at, "the skill is switched off", flag).unwrap_or(Some(false)).unwrap_or(true)
    }

    pub fn texts(&mut self, name: &str) -> Vec<String> {
        self.read(name, |at, report| Some(plain_texts(at, report))).unwrap_or_default()
    }

    pub fn closed<T: Copy>(&mut self, name: &str, names: &[&str], values: &[T]) -> Option<T> {
        self.read(name, |at, report| closed(at, names, values, report))
    }

    /// A text that has to be there. `null` and `~` are words where a text is required.
    pub fn required(&mut self, name: &str, most: usize) -> Option<String> {
        let Some(at) = self.fields.take_any(name, self.report) else {
            self.report.error(Finding::new(name, "is required").on_line(2));
            return None;
        };
        let before = self.report.errors.len();
        let found = match &at.node.data {
            Data::Plain(Value::Null, spelling) if !spelling.is_empty() => Some(spelling.clone()),
            _ => text(&at, most, self.report),
        };
        if found.is_none() && self.report.errors.len() == before {
            self.report.error(at.finding("is required, and is empty"));
        }
        found
    }

    pub fn usual(&mut self, name: &str, usual: &[&str], what: &str) -> Option<String> {
        self.read(name, |at, report| {
            let given = text(at, limits::NAME, report)?;
            unusual(at, &given, usual, what, report);
            Some(given)
        })
    }

    pub fn usual_texts(&mut self, name: &str, usual: &[&str], what: &str) -> Vec<String> {
        self.read(name, |at, report| Some(unusual_texts(at, usual, what, report))).unwrap_or_default()
    }

    /// Where the skill is offered. What cannot be read is the name of no place, and not of all.
    pub fn namespaces(&mut self, usual: &[&str], what: &str) -> Vec<String> {
        let Some(at) = self.take("namespace") else { return Vec::new() };
        let read = |at: &At, report: &mut Report| Some(unusual_texts(at, usual, what, report));
        let read = self.understood(&at, "the skill is offered nowhere", read).flatten();
        read.unwrap_or_else(|| vec![NO_PLACE.to_owned()])
    }
}

fn unusual_texts(at: &At, usual: &[&str], what: &str, report: &mut Report) -> Vec<String> {
    let given = texts(at, report);
    for (at, given) in &given {
        unusual(at, given, usual, what, report);
    }
    given.into_iter().map(|(_, given)| given).collect()
}
