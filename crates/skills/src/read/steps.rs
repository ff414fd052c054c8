//! The steps of a sequence, and what can be wrong with them without a look at other skills.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::{
    fields::{At, Fields},
    reads, table,
    values::{closed, count, cut, flag, key, object_of, text},
    yaml::{Data, Node},
};
use crate::{
    Finding, Key, Report, Step,
    found::Found,
    limits,
    mapping::Mapping,
    skill::Input,
    step::{Does, OnFailure},
};

const ON_FAILURE: [OnFailure; 3] = [OnFailure::Stop, OnFailure::Continue, OnFailure::Fallback];

/// A step with its place in the document.
struct Placed<'n> {
    at: At<'n>,
    step: Step,
}

/// Reads the steps, by their order. `own` is the key of the skill itself.
pub(super) fn steps(at: &At, own: &Key, inputs: &[Input], report: &mut Report) -> Vec<Step> {
    let items = at.items(limits::STEPS, report);
    let mut steps: Vec<Placed> = Vec::new();
    for (i, item) in items.into_iter().enumerate() {
        let place = u32::try_from(i + 1).unwrap_or(u32::MAX);
        if let Some(step) = step(&item, place, own, report) {
            steps.push(Placed { at: item, step });
        }
    }
    steps.sort_by_key(|placed| placed.step.order);
    duplicates(&steps, report);
    references(&steps, report);
    let mut undeclared = BTreeSet::new();
    for Placed { at, step } in &steps {
        reads::check(at, &step.input_mapping, inputs, &mut undeclared, report);
    }
    reads::tell(&undeclared, report);
    steps.into_iter().map(|placed| placed.step).collect()
}

/// Whether a step of a sequence stands there, or what is meant to be one.
pub(super) fn has_step(at: &At) -> bool {
    // Others have these of their own.
    let common = |name: &str| ["description", "timeout_ms"].contains(&name);
    let named = |name: &str| !common(name) && table::STEP.iter().any(|known| known.is_called(name));
    let is_step =
        |node: &Node| matches!(&node.data, Data::Map(entries) if entries.iter().any(|it| named(&it.name)));
    match &at.node.data {
        Data::List(items) => items.iter().any(is_step),
        _ => is_step(at.node),
    }
}

fn step(at: &At, place: u32, own: &Key, report: &mut Report) -> Option<Step> {
    let mut fields = Fields::record(at, table::STEP, report)?;
    let order = order(&mut fields, at, place, report);
    let does = does(&mut fields, at, own, report);
    let mapping = fields.take("input_mapping", report).and_then(|at| {
        let object = object_of(&at, report)?;
        unread(&object, &at, matches!(does, Some(Does::Action(_))), report);
        Some(object)
    });
    let output_key = fields.take("output_key", report).and_then(|at| output_key(&at, report));
    let on_failure = fields.take("on_failure", report);
    let on_failure =
        on_failure.and_then(|at| closed(&at, table::ON_FAILURE, &ON_FAILURE, report)).unwrap_or_default();
    // Where two spellings differ, the stricter counts.
    let spellings = fields.spellings("requires_approval");
    let wanted: Vec<bool> = spellings.iter().filter_map(|at| flag(at, report)).collect();
    fields.take("requires_approval", report);
    let timeout = fields.take("timeout_ms", report);
    let retries = fields.take("max_retries", report);
    let retries = retries.and_then(|at| count(&at, 0, limits::RETRIES, report)).unwrap_or_default();
    let fallback = fields.take("fallback_skill_key", report).and_then(|at| other(&at, own, report));
    let description = fields.take("description", report);
    if on_failure == OnFailure::Fallback && fallback.is_none() {
        report.warn(at.finding("has on_failure `fallback` and no fallback_skill_key: it stops instead"));
    }
    let step = Step {
        order: order?,
        does: does?,
        input_mapping: mapping.unwrap_or_default(),
        output_key,
        on_failure,
        requires_approval: wanted.contains(&true),
        description: description.and_then(|at| text(&at, limits::TEXT, report)),
        timeout_ms: timeout.and_then(|at| count(&at, 1, limits::TIMEOUT_MS, report)),
        max_retries: u32::try_from(retries).unwrap_or_default(),
        fallback_skill_key: fallback,
    };
    fields.rest(report);
    Some(step)
}

/// Expressions that nobody will understand when the step is carried out, and what only a person says.
fn unread(mapping: &Map<String, Value>, at: &At, calls: bool, report: &mut Report) {
    let mut found = Found::default();
    let mut parsed = Mapping::parse(mapping, &at.path, &mut found);
    for warning in found.report().warnings {
        report.warn(Finding { line: Some(at.line), ..warning });
    }
    if calls && parsed.remove("confirm") {
        report.warn(
            at.finding("has a `confirm`, which is dropped: only a person confirms; write requires_approval"),
        );
    }
}

/// Without an order, the place in the list.
fn order(fields: &mut Fields, at: &At, place: u32, report: &mut Report) -> Option<u32> {
    let Some(order) = fields.take("order", report) else {
        report.warn(at.finding(format!("has no order; its place in the list, {place}, is taken")));
        return Some(place);
    };
    count(&order, 0, u64::from(u16::MAX), report).and_then(|order| u32::try_from(order).ok())
}

fn does(fields: &mut Fields, at: &At, own: &Key, report: &mut Report) -> Option<Does> {
    match (fields.take("skill_key", report), fields.take("action", report)) {
        (Some(skill), None) => {
            if skill.node.is_blank() {
                report.error(skill.finding("must be the key of a skill"));
            }
            other(&skill, own, report).map(Does::Skill)
        }
        (None, Some(action)) => {
            let name = text(&action, limits::NAME, report);
            if name.is_none() {
                report.error(action.finding("must be the name of a tool"));
            }
            name.map(Does::Action)
        }
        (Some(_), Some(_)) => {
            report.error(at.finding("has both skill_key and action: a step has one of them"));
            None
        }
        (None, None) => {
            report.error(at.finding("has neither skill_key nor action: a step has one of them"));
            None
        }
    }
}

/// The key of another skill.
fn other(at: &At, own: &Key, report: &mut Report) -> Option<Key> {
    let found = text(at, limits::NAME, report).and_then(|given| key(at, &given, report))?;
    if found == *own {
        report.error(at.finding("is the skill itself: it would never end"));
        return None;
    }
    Some(found)
}

/// A name that a path in a mapping can have.
fn output_key(at: &At, report: &mut Report) -> Option<String> {
    let name = text(at, table::OUTPUT_KEY, report)?;
    if name.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-') {
        return Some(name);
    }
    let problem = format!("is `{}`, and must have letters, digits, `_` and `-` only", cut(&name));
    report.error(at.finding(problem));
    None
}

fn duplicates(steps: &[Placed], report: &mut Report) {
    let mut orders: BTreeMap<u32, usize> = BTreeMap::new();
    let mut keys: BTreeMap<&str, usize> = BTreeMap::new();
    for Placed { at, step } in steps {
        if let Some(line) = orders.insert(step.order, at.line) {
            let field = format!("{}.order", at.path);
            let problem = format!("is {} a second time, first in the step on line {line}", step.order);
            report.error(Finding::new(field, problem).on_line(at.line));
        }
        let Some(key) = step.output_key.as_deref() else { continue };
        if let Some(line) = keys.insert(key, at.line) {
            let field = format!("{}.output_key", at.path);
            let problem = format!("is `{key}` a second time, first in the step on line {line}");
            report.error(Finding::new(field, problem).on_line(at.line));
        }
    }
}

/// A mapping may read the outputs of earlier steps only.
fn references(steps: &[Placed], report: &mut Report) {
    for (i, Placed { at, step }) in steps.iter().enumerate() {
        let mut read = Vec::new();
        outputs_read(&step.input_mapping, &mut read);
        for name in read {
            let made = steps.iter().position(|placed| placed.step.output_key.as_deref() == Some(&name));
            let field = format!("{}.input_mapping", at.path);
            let earlier = steps[..i].iter().filter_map(|placed| placed.step.output_key.as_deref());
            match made {
                Some(maker) if maker < i => {}
                Some(maker) => {
                    let order = steps[maker].step.order;
                    let problem = format!("reads outputs.{name}, which step {order} gives only later");
                    report.error(Finding::new(field, problem).on_line(at.line));
                }
                None => {
                    let problem = format!("reads outputs.{}, which no step gives: it is null", cut(&name));
                    let suggestion = super::guess::nearest(&name, earlier);
                    report.warn(Finding::new(field, problem).on_line(at.line).suggest(suggestion));
                }
            }
        }
    }
}

fn outputs_read(mapping: &Map<String, Value>, read: &mut Vec<String>) {
    for value in mapping.values() {
        outputs_in(value, read);
    }
}

/// Names after `outputs.` inside of `${…}`. Its recursion is bounded by the depth of the front matter.
fn outputs_in(value: &Value, read: &mut Vec<String>) {
    match value {
        Value::Object(members) => outputs_read(members, read),
        Value::Array(items) => items.iter().for_each(|item| outputs_in(item, read)),
        Value::String(text) => {
            let inside = text.split("${").skip(1).map(|rest| rest.split('}').next().unwrap_or_default());
            for name in inside.flat_map(names) {
                if !read.iter().any(|known| known == name) {
                    read.push(name.to_owned());
                }
            }
        }
        _ => {}
    }
}

/// The names that an expression reads of `outputs`.
fn names(expression: &str) -> impl Iterator<Item = &str> {
    let part = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    expression.match_indices("outputs.").filter_map(move |(at, sign)| {
        let begins = !expression[..at].ends_with(|c: char| part(c) || c == '.');
        let rest = &expression[at + sign.len()..];
        let name = &rest[..rest.find(|c: char| !part(c)).unwrap_or(rest.len())];
        (begins && !name.is_empty()).then_some(name)
    })
}
