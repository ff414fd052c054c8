//! `${…}` in a text, over the organization's facts: `${company_name}`, `${products[0].name|upper}`,
//! `${brand_voice|'plain'}`.
//!
//! Nothing else is a template: `{x}`, `{{merge_field}}` and code stay what they are. In a code fence
//! `${…}` is somebody's code as well, so fences are left alone altogether; a span of code within a line
//! is text. A template stands within one line; what is not closed there is none. Values are not
//! templates: what a fact says is put in as it is and not looked at again.

mod expression;
mod fence;
#[cfg(test)]
mod tests;

use serde_json::{Map, Value};

use crate::{
    Finding, Report,
    found::{Found, Place},
    limits,
};
pub(crate) use expression::told;
use expression::{Expression, Problem};
pub(crate) use fence::Fence;

/// Longest filled text, in bytes.
pub const MAX_TEXT: usize = 65_536;
/// What filling one text may read of facts, in bytes: a short template can read a long one.
const MAX_WORK: usize = 8 * MAX_TEXT;

/// The text with all templates filled in; a text that becomes longer than [`MAX_TEXT`] is an error.
/// What cannot be resolved is removed, with a warning.
pub fn fill(text: &str, facts: &Map<String, Value>) -> (String, Report) {
    let (mut found, mut fence) = (Found::default(), Fence::default());
    let mut filler = Filler::new(facts);
    let mut out = String::with_capacity(text.len().min(MAX_TEXT));
    for (line, number) in text.split_inclusive('\n').zip(1..) {
        if fence.holds(line) {
            out.push_str(line);
        } else {
            let place = Place { field: "body".into(), line: Some(number) };
            filler.line(line, &mut out, &mut found, &place);
        }
        if out.len() > MAX_TEXT || filler.is_tired() {
            found
                .error(Place::field("body"), format!("is longer than {MAX_TEXT} bytes when it is filled in"));
            return (String::new(), found.report());
        }
    }
    (out, found.report())
}

/// Tells what is wrong with the templates of a text whatever an organization says of itself. The text stands in this
/// field, from this line on.
pub(crate) fn check(text: &str, field: &str, first: usize, report: &mut Report) {
    for (line, problem) in problems(text) {
        let finding = Finding::new(field, problem.text.clone()).on_line(first + line - 1);
        report.warn(finding.suggest(problem.suggestion()));
    }
}

fn problems(text: &str) -> Vec<(usize, Problem<'_>)> {
    let (mut problems, mut fence) = (Vec::new(), Fence::default());
    for (line, number) in text.split_inclusive('\n').zip(1..) {
        if !fence.holds(line) {
            let wrong = pieces(line).filter_map(|piece| match piece {
                Piece::Template(inside) => Expression::parse(inside).and_then(|it| it.check()).err(),
                Piece::Text(_) => None,
            });
            problems.extend(wrong.map(|problem| (number, problem)));
        }
        if problems.len() > limits::FINDINGS {
            break;
        }
    }
    problems
}

/// Fills lines, and knows how much it has done.
pub(crate) struct Filler<'a> {
    facts: &'a Map<String, Value>,
    work: usize,
}

impl<'a> Filler<'a> {
    pub fn new(facts: &'a Map<String, Value>) -> Self {
        Self { facts, work: 0 }
    }

    /// Whether it should be asked no more.
    pub fn is_tired(&self) -> bool {
        self.work > MAX_WORK
    }

    /// Adds a line to the text. Stops early if that becomes too long.
    pub fn line(&mut self, line: &str, out: &mut String, found: &mut Found, place: &Place) {
        for piece in pieces(line) {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Template(inside) => self.template(inside, out, found, place),
            }
            if out.len() > MAX_TEXT || self.is_tired() {
                return;
            }
        }
    }

    fn template(&mut self, inside: &str, out: &mut String, found: &mut Found, place: &Place) {
        let filled = Expression::parse(inside).and_then(|it| it.fill(self.facts, &mut self.work));
        match filled {
            Ok(text) => out.push_str(&text),
            Err(problem) => {
                let text = problem.text.clone();
                found.suggest(place.clone(), text, || problem.suggestion());
            }
        }
    }
}

enum Piece<'a> {
    Text(&'a str),
    /// What stands between `${` and `}`.
    Template(&'a str),
}

/// A line in its parts.
fn pieces(line: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = line;
    std::iter::from_fn(move || {
        let length = match rest.find("${") {
            Some(0) => match closed(rest) {
                Some(length) => {
                    let inside = &rest[2..length - 1];
                    rest = &rest[length..];
                    return Some(Piece::Template(inside));
                }
                None => 2,
            },
            Some(start) => start,
            None => rest.len(),
        };
        let text;
        (text, rest) = rest.split_at(length);
        (!text.is_empty()).then_some(Piece::Text(text))
    })
}

/// The length of the template that begins here. It ends before another begins, so that many that
/// are not closed are not read again and again.
fn closed(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let (mut quote, mut escaped) = (None, false);
    for (at, &byte) in bytes.iter().enumerate().skip(2) {
        let begins = byte == b'$' && bytes.get(at + 1) == Some(&b'{');
        if byte == b'\n' || begins {
            return None;
        }
        match (quote, byte) {
            _ if escaped => escaped = false,
            (Some(_), b'\\') => escaped = true,
            (Some(open), _) if open == byte => quote = None,
            (None, b'\'' | b'"') => quote = Some(byte),
            (None, b'}') => return Some(at + 1),
            _ => {}
        }
    }
    None
}
