//! A document, cut into front matter and body.

use domain::visible::is_visible;

use crate::{Finding, Report, limits};

/// The two parts, without what nobody can see.
pub(super) struct Parts {
    pub front: String,
    /// Line of the document on which the front matter's YAML begins.
    pub first: usize,
    pub body: String,
    /// Line on which the body begins.
    pub body_line: usize,
}

/// The parts; None, with an error, of a document that has none or is too long.
pub(super) fn split(document: &str, report: &mut Report) -> Option<Parts> {
    let size = document.len();
    if size > limits::DOCUMENT {
        return refuse(report, "", format!("has {size} bytes, and {} is the most", limits::DOCUMENT));
    }
    if let Some(at) = document.find('\0') {
        let line = line_at(document, at);
        report.error(Finding::new("", "has the character U+0000, which no text may have").on_line(line));
        return None;
    }
    let document = document.strip_prefix('\u{FEFF}').unwrap_or(document);
    let (front, body) = cut(document, report)?;
    let body_line = 3 + front.matches('\n').count();
    if front.len() > limits::FRONT_MATTER {
        let problem =
            format!("has front matter of {} bytes, and {} is the most", front.len(), limits::FRONT_MATTER);
        return refuse(report, "", problem);
    }
    if body.len() > limits::BODY {
        let problem = format!("has {} bytes, and {} is the most", body.len(), limits::BODY);
        return refuse(report, "body", problem);
    }
    let front = shown(front, "", 2, report);
    let body = shown(body, "body", body_line, report);
    Some(Parts { front, first: 2, body, body_line })
}

fn refuse<T>(report: &mut Report, field: &str, problem: String) -> Option<T> {
    report.error(Finding::new(field, problem));
    None
}

/// Front matter (its last line break is part of it) and body.
fn cut<'d>(document: &'d str, report: &mut Report) -> Option<(&'d str, &'d str)> {
    let mut lines = document.split_inclusive('\n');
    let opening = lines.next().unwrap_or_default();
    if opening.trim_end() != "---" {
        let finding = Finding::new("", "does not begin with front matter: its first line has to be `---`");
        report.error(
            finding
                .on_line(1)
                .suggest("---\nname: My skill\ndescription: What it does, and when\n---".to_owned()),
        );
        return None;
    }
    let mut at = opening.len();
    for line in lines {
        if line.trim_end() == "---" {
            return Some((&document[opening.len()..at], &document[at + line.len()..]));
        }
        at += line.len();
    }
    let finding = Finding::new("", "has front matter that does not end: a line `---` has to follow it");
    report.error(finding.on_line(1));
    None
}

/// Takes out what nobody can see, and says so. The line breaks of Windows stay.
fn shown(part: &str, field: &str, first: usize, report: &mut Report) -> String {
    let mut hidden = Vec::new();
    let mut rest = part.char_indices().peekable();
    let mut kept = String::with_capacity(part.len());
    while let Some((at, c)) = rest.next() {
        let line_break = c == '\r' && rest.peek().is_some_and(|(_, next)| *next == '\n');
        if is_visible(c) || line_break {
            kept.push(c);
        } else {
            hidden.push((at, c));
        }
    }
    if let Some((at, c)) = hidden.first() {
        let line = first - 1 + line_at(part, *at);
        let problem = hidden_words(hidden.len(), *c);
        report.warn(Finding::new(field, problem).on_line(line));
    }
    kept
}

/// What is said of characters that nobody can see.
pub(crate) fn hidden_words(count: usize, first: char) -> String {
    let code = u32::from(first);
    format!("has {count} characters that nobody can see, the first is U+{code:04X}; they are taken out")
}

fn line_at(text: &str, at: usize) -> usize {
    1 + text[..at].matches('\n').count()
}
