//! A document, cut into front matter and body.

use std::borrow::Cow;

use domain::visible::is_visible;

use crate::{Finding, Report, compile::MAX_TEXT, limits};

/// What begins and ends the front matter.
const HYPHENS: &str = "---";

/// Keys whose loss would make another skill of it, or let it do more.
const KEPT: [&str; 7] =
    ["workflow", "sequence_steps", "is_active", "allowed-tools", "allowed_tools", "namespace", "namespaces"];

/// The two parts, without what nobody can see.
pub(super) struct Parts {
    pub front: String,
    /// Line of the document on which the front matter's YAML begins.
    pub first: usize,
    pub body: String,
    /// Line on which the body begins.
    pub body_line: usize,
}

/// Where a document is cut: offsets at which its front matter begins and ends, and its body begins.
#[derive(Clone, Copy)]
pub(super) struct Frame {
    front: usize,
    end: usize,
    body: usize,
}

/// The document with plain line breaks; None, with an error, of one that is too long or no text.
pub(super) fn plain<'d>(document: &'d str, report: &mut Report) -> Option<Cow<'d, str>> {
    let size = document.len();
    if size > limits::DOCUMENT {
        let problem = format!("has {size} bytes, and {} is the most", limits::DOCUMENT);
        report.error(Finding::new("", problem));
        return None;
    }
    if let Some(at) = document.find('\0') {
        let line = line_at(document, at);
        report.error(Finding::new("", "has the character U+0000, which no text may have").on_line(line));
        return None;
    }
    let document = document.strip_prefix('\u{FEFF}').unwrap_or(document);
    let lone = document.match_indices('\r').find(|(at, _)| !document[at + 1..].starts_with('\n'));
    let Some((at, _)) = lone else { return Some(document.into()) };
    let problem = "has a carriage return that stands alone; such are read as line breaks";
    report.warn(Finding::new("", problem).on_line(line_at(document, at)));
    Some(document.replace("\r\n", "\n").replace('\r', "\n").into())
}

impl Frame {
    /// The front matter that the first line beginning with hyphens ends. The outer Err is of what does not begin with
    /// front matter at all, the inner one of what does not end it.
    pub fn by_line(document: &str) -> Result<Result<Self, Self>, Finding> {
        let after = document.strip_prefix(HYPHENS).filter(|rest| !rest.starts_with('-'));
        let Some(after) = after else {
            let finding =
                Finding::new("", "does not begin with front matter: its first line has to be `---`");
            let instead = "---\nname: My skill\ndescription: What it does, and when\n---";
            return Err(finding.on_line(1).suggest(instead.to_owned()));
        };
        let opening = after.split_inclusive('\n').next().unwrap_or_default();
        let front = HYPHENS.len() + if opening.trim().is_empty() { opening.len() } else { 0 };
        let mut at = front;
        for line in document[front..].split_inclusive('\n') {
            if line.starts_with(HYPHENS) && at > HYPHENS.len() {
                return Ok(Ok(Self::ended(document, front, at)));
            }
            at += line.len();
        }
        Ok(Err(Self { front, end: document.len(), body: document.len() }))
    }

    /// The same as the open format's own validator cuts it: at the first hyphens, wherever they stand. None: there are
    /// none before those at the beginning of a line, or too much would be lost.
    pub fn by_hyphens(self, document: &str) -> Option<Self> {
        let end = self.front + document[self.front..self.end].find(HYPHENS)?;
        let lost = if self.body > self.end { &document[end..self.end] } else { "" };
        let is_key = |line: &str| KEPT.contains(&line.split(':').next().unwrap_or_default().trim());
        (!lost.lines().skip(1).any(is_key)).then(|| Self::ended(document, self.front, end))
    }

    /// The body begins behind the hyphens, and not with the line break of a line that has nothing else.
    fn ended(document: &str, front: usize, end: usize) -> Self {
        let after = end + HYPHENS.len();
        let line = document[after..].split_inclusive('\n').next().unwrap_or_default();
        let body = after + if line.trim().is_empty() { line.len() } else { 0 };
        Self { front, end, body }
    }

    /// The parts; None, with an error, where the front matter is too long.
    pub fn parts(self, document: &str, report: &mut Report) -> Option<Parts> {
        let (front, body) = (&document[self.front..self.end], &document[self.body..]);
        let (first, body_line) = (line_at(document, self.front), line_at(document, self.body));
        if front.len() > limits::FRONT_MATTER {
            let (size, most) = (front.len(), limits::FRONT_MATTER);
            let problem = format!("has front matter of {size} bytes, and {most} is the most");
            report.error(Finding::new("", problem));
            return None;
        }
        let alone =
            |line: usize| document.lines().nth(line - 1).is_some_and(|line| line.trim_end() == HYPHENS);
        for line in [1, line_at(document, self.end)].into_iter().filter(|line| !alone(*line)) {
            let problem = "has more than `---` on a line where the front matter begins or ends";
            report.warn(Finding::new("", problem).on_line(line));
        }
        if body.len() > MAX_TEXT {
            let problem = format!(
                "has {} bytes, and a copilot is given {MAX_TEXT} at most: a skill that is longer is listed as one that \
                 cannot run; move parts of it to documents beside it",
                body.len()
            );
            report.warn(Finding::new("body", problem).on_line(body_line));
        }
        let front = shown(front, "", first, report);
        let body = shown(body, "body", body_line, report);
        Some(Parts { front, first, body, body_line })
    }
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
