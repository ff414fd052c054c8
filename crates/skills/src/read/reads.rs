//! What the steps of a sequence read of its inputs, and of what is known beside them.

use std::collections::BTreeSet;

use domain::EntityKind;
use serde_json::{Map, Value};

use super::{fields::At, guess::nearest, values::cut};
use crate::{
    Finding, Report,
    found::Found,
    mapping::{Mapping, Root},
    skill::Input,
};

/// What is known beside the organization's facts and the ids of records.
const PERSON: [&str; 2] = ["user", "timezone"];

/// Names that a mapping reads and nobody gives; what it reads of a sequence without declared inputs is added to these.
pub(super) fn check(
    at: &At,
    mapping: &Map<String, Value>,
    inputs: &[Input],
    undeclared: &mut BTreeSet<String>,
    report: &mut Report,
) {
    let parsed = Mapping::parse(mapping, &at.path, &mut Found::default());
    for path in parsed.paths() {
        let Some(name) = path.first() else { continue };
        let told = cut(path.source());
        let (problem, nearest) = match path.root() {
            Root::Inputs | Root::Params if inputs.is_empty() => {
                undeclared.insert(cut(name));
                continue;
            }
            Root::Inputs | Root::Params if !is_input(name, inputs) => {
                let names = inputs.iter().map(|input| input.name.as_str());
                (format!("reads {told}, which is no input of the skill: it is null"), nearest(name, names))
            }
            Root::Context if !is_known(name) => {
                let names = domain::profile::keys().chain(PERSON);
                (format!("reads {told}, which no profile has: it is null"), nearest(name, names))
            }
            _ => continue,
        };
        let field = format!("{}.input_mapping", at.path);
        report.warn(Finding::new(field, problem).on_line(at.line).suggest(nearest));
    }
}

/// Inputs that are read and not declared: nobody is asked for them.
pub(super) fn tell(undeclared: &BTreeSet<String>, report: &mut Report) {
    if !undeclared.is_empty() {
        let names: Vec<&str> = undeclared.iter().map(String::as_str).collect();
        let problem = format!("is missing, and the steps read inputs: {}", names.join(", "));
        report.warn(Finding::new("metadata.inputs", problem));
    }
}

/// The ids of records are given by what the conversation is about.
fn is_input(name: &str, inputs: &[Input]) -> bool {
    is_id(name) || inputs.iter().any(|input| input.name == name)
}

fn is_known(name: &str) -> bool {
    is_id(name) || PERSON.contains(&name) || domain::profile::keys().any(|key| key == name)
}

fn is_id(name: &str) -> bool {
    EntityKind::ALL.iter().any(|kind| name.strip_suffix("_id").is_some_and(|of| of == kind.to_string()))
}
