//! What was found on the way, bounded: a hostile document is answered in few words.

use crate::{Finding, Report};

/// As many findings of a kind as a person mends at once.
const MOST: usize = 100;
/// Longest part of a document that is quoted in a finding, in characters.
const QUOTED: usize = 80;
/// From here on two names are likely to be the same one, misspelled.
const ALIKE: f64 = 0.88;

/// Where something was found.
#[derive(Clone, Debug)]
pub struct Place {
    pub field: String,
    /// Line from 1. That of a body is told in words: its place in the document is not known here.
    pub line: Option<usize>,
}

impl Place {
    pub fn field(field: impl Into<String>) -> Self {
        Self { field: field.into(), line: None }
    }
}

/// A report that stops to grow.
#[derive(Debug, Default)]
pub struct Found(Report);

impl Found {
    pub fn error(&mut self, place: Place, problem: String) {
        add(&mut self.0.errors, place, problem, || None);
    }

    pub fn warn(&mut self, place: Place, problem: String) {
        add(&mut self.0.warnings, place, problem, || None);
    }

    /// A warning with what to write instead, which is looked for only if it is shown.
    pub fn suggest(&mut self, place: Place, problem: String, suggestion: impl FnOnce() -> Option<String>) {
        add(&mut self.0.warnings, place, problem, suggestion);
    }

    pub fn report(self) -> Report {
        self.0
    }
}

fn add(to: &mut Vec<Finding>, place: Place, problem: String, suggestion: impl FnOnce() -> Option<String>) {
    if to.len() < MOST {
        let Place { field, line } = place;
        let (problem, field) = if field == "body" && line.is_some() {
            (format!("line {} of the body: {problem}", line.unwrap_or_default()), field)
        } else {
            (problem, field)
        };
        let line = line.filter(|_| field != "body");
        to.push(Finding { field, line, problem, suggestion: suggestion() });
    } else if to.len() == MOST {
        let problem = "there is more of this; the rest is not listed".to_owned();
        to.push(Finding { field: String::new(), line: None, problem, suggestion: None });
    }
}

/// The text, short enough to be repeated to its author.
pub fn cut(text: &str) -> String {
    match text.char_indices().nth(QUOTED) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// The known name that was probably meant.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    if name.chars().count() > QUOTED {
        return None;
    }
    let alike = known
        .into_iter()
        .filter(|known| *known != name)
        .map(|known| (strsim::jaro_winkler(name, known), known));
    let best = alike.filter(|(score, _)| *score >= ALIKE).max_by(|a, b| a.0.total_cmp(&b.0));
    best.map(|(_, known)| known.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_findings_is_cut_and_says_so() {
        let mut found = Found::default();
        for n in 0..10_000 {
            found.warn(Place { field: "body".into(), line: Some(n) }, "odd".into());
        }
        let warnings = found.report().warnings;
        assert_eq!(warnings.len(), MOST + 1);
        assert_eq!(warnings[7].problem, "line 7 of the body: odd");
        assert!(warnings[MOST].problem.contains("not listed"));
    }

    #[test]
    fn a_misspelled_name_is_recognized_and_another_one_is_not() {
        let known = ["get_deal", "create_task"];
        assert_eq!(nearest("get_deals", known), Some("get_deal".into()));
        assert_eq!(nearest("crm_push", known), None);
        assert_eq!(nearest(&"x".repeat(10_000), known), None);
    }
}
