//! What a message that needs the skill says.

use super::{
    fields::{At, Fields},
    table,
    values::{cut, part, plain_texts, text},
    yaml::Data,
};
use crate::{
    Finding, Report, limits, pattern,
    skill::{Pattern, Trigger},
};

/// How sure a match is where the author does not say.
const CONFIDENCE: f64 = 0.7;

pub(super) fn triggers(at: &At, report: &mut Report) -> Vec<Trigger> {
    let items = at.items(limits::TRIGGERS, report);
    items.iter().filter_map(|item| trigger(item, report)).collect()
}

fn trigger(at: &At, report: &mut Report) -> Option<Trigger> {
    if !matches!(at.node.data, Data::Map(_)) {
        let pattern = pattern_of(at, false, report)?;
        return Some(Trigger { pattern, intent: None, confidence: CONFIDENCE, examples: Vec::new() });
    }
    let mut fields = Fields::record(at, table::TRIGGER, report)?;
    let pattern = fields.take("pattern", report);
    let event = fields.take("event", report).filter(|_| pattern.is_none());
    let intent = fields.take("intent", report).and_then(|at| text(&at, limits::NAME, report));
    let confidence = fields.take("confidence", report).and_then(|at| part(&at, report));
    let examples = fields.take("examples", report).map(|at| examples(&at, report)).unwrap_or_default();
    fields.rest(report);
    let is_event = event.is_some();
    let Some(pattern) = pattern.or(event) else {
        report.error(Finding::new(format!("{}.pattern", at.path), "is required").on_line(at.line));
        return None;
    };
    let pattern = pattern_of(&pattern, is_event, report)?;
    Some(Trigger { pattern, intent, confidence: confidence.unwrap_or(CONFIDENCE), examples })
}

/// An example is a sentence, and may have commas.
fn examples(at: &At, report: &mut Report) -> Vec<String> {
    match at.node.data {
        Data::Text(_) => text(at, limits::TEXT, report).into_iter().collect(),
        _ => plain_texts(at, report),
    }
}

fn pattern_of(at: &At, event: bool, report: &mut Report) -> Option<Pattern> {
    let Some(given) = text(at, limits::PATTERN, report) else {
        if at.node.is_null() || matches!(at.node.data, Data::Text(_)) {
            report.error(at.finding("must have a pattern of 1 to 500 characters"));
        }
        return None;
    };
    if event {
        return Some(Pattern::Event(given));
    }
    match pattern::classify(&given) {
        Ok(found) => {
            if matches!(&found, Pattern::Regex(text) if pattern::compile(text).is_ok_and(|r| r.is_match("")))
            {
                let problem = format!("is `{}`, which fits every message", cut(&given));
                report.warn(at.finding(problem));
            }
            Some(found)
        }
        Err(problem) => {
            report.error(at.finding(problem));
            None
        }
    }
}
