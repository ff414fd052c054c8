//! From a document to a skill.

mod fields;
mod guess;
mod head;
mod open;
mod reads;
pub(crate) mod schema;
mod split;
mod steps;
pub(crate) mod table;
mod taken;
mod triggers;
mod values;
mod yaml;

use std::collections::BTreeMap;

use fields::Fields;
use split::Frame;
use table::Home;
use yaml::{Data, Entry};

use crate::{Finding, Key, Report, Skill, files, limits, template};

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
///
/// Lenient: every key is read at either level and under its older spellings, with a warning; what
/// is not known is kept. Characters that nobody can see are taken out, with a warning.
pub fn read(key: &Key, document: &str, files: &Files) -> Reading {
    let mut report = Report::default();
    files::check(files, &mut report);
    let skill = understand(key, document, &mut report);
    report.sort();
    templates(files, &mut report);
    Reading { skill: skill.filter(|_| report.errors.is_empty()), report }
}

/// Templates of companions that no organization can fill in, wherever they are included.
fn templates(files: &Files, report: &mut Report) {
    let is_markdown = |path: &str| path.rsplit_once('.').is_some_and(|(_, ending)| ending == "md");
    for (path, text) in files.iter().filter(|(path, _)| is_markdown(path)) {
        template::check(text, path, 1, report);
    }
}

fn understand(key: &Key, document: &str, report: &mut Report) -> Option<Skill> {
    let document = split::plain(document, report)?;
    let (parts, node, seen) = framed(&document, report)?;
    tell(&seen, report)?;
    let entries = match &node.data {
        Data::Map(entries) => entries.as_slice(),
        _ if node.is_null() => &[],
        _ => {
            let problem = format!("has front matter that is {}, and must be a map", node.kind());
            report.error(Finding::new("", problem).on_line(node.line));
            return None;
        }
    };
    let mut fields = Fields::new(table::FRONT_MATTER);
    fields.add("", Home::Top, entries, report);
    if let Some(metadata) = fields.extra("metadata") {
        fields.add("metadata", Home::Metadata, inside(&metadata, report), report);
    }
    Some(head::skill(key, fields, open::is_open(key, entries), parts, report))
}

type Framed = (split::Parts, yaml::Node, yaml::Seen);

/// The parts with what the front matter says. Hyphens within a line end it where nothing else would be YAML.
fn framed(document: &str, report: &mut Report) -> Option<Framed> {
    let by_line = Frame::by_line(document).map_err(|finding| report.error(finding)).ok()?;
    let mut found = Report::default();
    let cut = by_line.map(|frame| parsed(frame, document, &mut found));
    if let Ok(Some(Ok(framed))) = cut {
        report.append(found);
        return Some(framed);
    }
    let mut instead = Report::default();
    let frame = by_line.unwrap_or_else(|open| open).by_hyphens(document);
    let framed = frame.and_then(|frame| parsed(frame, document, &mut instead)).and_then(Result::ok);
    if let Some(framed) = framed.filter(|(_, node, _)| matches!(node.data, Data::Map(_))) {
        report.append(instead);
        return Some(framed);
    }
    report.append(found);
    match cut {
        Err(_) => {
            let problem = "has front matter that does not end: a line `---` has to follow it";
            report.error(Finding::new("", problem).on_line(1));
        }
        Ok(Some(Err((fault, first)))) => {
            let line = fault.line.unwrap_or(first);
            let suggestion = fault.suggestion();
            report.error(Finding::new("", fault.problem).on_line(line).suggest(suggestion));
        }
        Ok(_) => {}
    }
    None
}

/// None, with an error, where the front matter is too long to be read.
fn parsed(frame: Frame, document: &str, report: &mut Report) -> Option<Result<Framed, (yaml::Fault, usize)>> {
    let parts = frame.parts(document, report)?;
    Some(match yaml::parse(&parts.front, parts.first) {
        Ok((node, seen)) => Ok((parts, node, seen)),
        Err(fault) => Err((fault, parts.first)),
    })
}

/// What was found in the texts themselves; None where nothing else is worth saying.
fn tell(seen: &yaml::Seen, report: &mut Report) -> Option<()> {
    if let Some(line) = seen.hidden.first() {
        let problem = "has escaped characters that nobody can see; they are taken out";
        report.warn(Finding::new("", problem).on_line(*line));
    }
    if let Some(line) = seen.zero {
        report.error(Finding::new("", "has the character U+0000, which no text may have").on_line(line));
    }
    if let Some(line) = seen.long {
        let problem = format!("has a key of more than {} characters", limits::KEY_NAME);
        report.error(Finding::new("", problem).on_line(line));
    }
    if seen.bytes > limits::FRONT_MATTER {
        let problem = format!(
            "has {} bytes of text with all that its aliases repeat, and {} is the most",
            seen.bytes,
            limits::FRONT_MATTER
        );
        report.error(Finding::new("", problem));
        return None;
    }
    Some(())
}

/// The keys under `metadata`; anything else than a map has none.
fn inside<'n>(metadata: &fields::At<'n>, report: &mut Report) -> &'n [Entry] {
    match &metadata.node.data {
        Data::Map(entries) => entries,
        _ if metadata.node.is_null() => &[],
        _ => {
            report.warn(
                metadata.finding(format!("is ignored: it must be a map, and is {}", metadata.node.kind())),
            );
            &[]
        }
    }
}
