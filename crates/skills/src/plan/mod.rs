//! A sequence, checked as far as that is possible before it runs, and ready to be executed.

mod beside;
mod graph;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    Key, Report, Skill, Step,
    compile::{World, missing, resolve},
    found::{Found, Place},
    mapping::{Mapping, Root},
    step::{Does, OnFailure},
};
pub use beside::beside;
pub use graph::{Leads, MAX_DEPTH, Way};

/// Most steps of a sequence.
pub const MAX_STEPS: usize = 50;

/// What is done when a step has failed after its retries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The sequence fails.
    Stop,
    /// The sequence goes on; the step's output is null.
    Continue,
    /// This skill is followed instead, with the same arguments.
    Fallback(Key),
}

/// One step, ready.
#[derive(Clone, Debug, PartialEq)]
pub struct Planned {
    pub order: u32,
    /// What it is called in progress: its description, or what it does.
    pub name: String,
    /// A tool is named as the caller has it, not by its alias; one that is missing as it was written.
    pub does: Does,
    pub arguments: Mapping,
    pub output_key: Option<String>,
    pub on_failure: Failure,
    pub requires_approval: bool,
    pub timeout_ms: Option<u64>,
    pub max_retries: u32,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// In the order of their execution. None: the skill is an instruction, whatever its kind says.
    pub steps: Vec<Planned>,
    pub report: Report,
    /// Whether nothing is missing and there is no error.
    pub runnable: bool,
    /// Skills, tools and capabilities that are named and not there, each once.
    pub missing: Vec<String>,
}

/// Plans a skill. One without steps has an empty plan, with what it misses.
pub fn plan(skill: &Skill, world: &World<'_>) -> Plan {
    let mut found = Found::default();
    let missing = missing(skill, &[], world, &mut found);
    graph::check(skill, world.skills, &mut found);
    let mut steps: Vec<&Step> = skill.steps.iter().collect();
    steps.sort_by_key(|step| step.order);
    if steps.len() > MAX_STEPS {
        let problem = format!("has {} steps, and {MAX_STEPS} is the most", steps.len());
        found.error(Place::field("metadata.workflow"), problem);
        steps.clear();
    }
    unique(&steps, &mut found);
    let planned: Vec<Planned> =
        steps.iter().zip(0..).map(|(step, number)| planned(step, number, world, &mut found)).collect();
    references(&planned, &mut found);
    let report = found.report();
    let runnable = missing.is_empty() && report.errors.is_empty();
    Plan { steps: planned, report, runnable, missing }
}

fn at(number: usize, field: &str) -> Place {
    Place::field(format!("metadata.workflow[{number}].{field}"))
}

fn planned(step: &Step, number: usize, world: &World<'_>, found: &mut Found) -> Planned {
    let field = format!("metadata.workflow[{number}].input_mapping");
    let mut arguments = Mapping::parse(&step.input_mapping, &field, found);
    let does = match &step.does {
        Does::Action(name) => {
            if arguments.remove("confirm") {
                let problem = "is dropped: only a person confirms; write requires_approval for that";
                found.warn(at(number, "input_mapping.confirm"), problem.into());
            }
            Does::Action(resolve(name, world).unwrap_or(name).to_owned())
        }
        follows @ Does::Skill(_) => follows.clone(),
    };
    let called = match &does {
        Does::Action(name) => name.clone(),
        Does::Skill(key) => key.to_string(),
    };
    Planned {
        order: step.order,
        name: step.description.clone().filter(|text| !text.trim().is_empty()).unwrap_or(called),
        does,
        arguments,
        output_key: step.output_key.clone(),
        on_failure: failure(step, number, found),
        requires_approval: step.requires_approval,
        timeout_ms: step.timeout_ms,
        max_retries: step.max_retries,
    }
}

fn failure(step: &Step, number: usize, found: &mut Found) -> Failure {
    match (step.on_failure, &step.fallback_skill_key) {
        (OnFailure::Stop, _) => Failure::Stop,
        (OnFailure::Continue, _) => Failure::Continue,
        (OnFailure::Fallback, Some(key)) => Failure::Fallback(key.clone()),
        (OnFailure::Fallback, None) => {
            let problem = "there is no fallback_skill_key; the sequence stops at a failure of this step";
            found.warn(at(number, "on_failure"), problem.into());
            Failure::Stop
        }
    }
}

/// A second step of an order or an output key would hide the first.
fn unique(steps: &[&Step], found: &mut Found) {
    let (mut orders, mut outputs) = (BTreeSet::new(), BTreeSet::new());
    for (number, step) in steps.iter().enumerate() {
        if !orders.insert(step.order) {
            found.error(at(number, "order"), format!("is that of another step as well: {}", step.order));
        }
        if let Some(key) = &step.output_key
            && !outputs.insert(key)
        {
            found.error(at(number, "output_key"), format!("is that of another step as well: {key}"));
        }
    }
}

/// What mappings read of results: only what is there by then.
fn references(steps: &[Planned], found: &mut Found) {
    let made: BTreeMap<&str, usize> = steps
        .iter()
        .enumerate()
        .filter_map(|(number, step)| Some((step.output_key.as_deref()?, number)))
        .collect();
    for (number, step) in steps.iter().enumerate() {
        for path in step.arguments.paths().into_iter().filter(|path| path.root() == Root::Outputs) {
            let place = || at(number, "input_mapping");
            let Some(key) = path.first() else { continue };
            match made.get(key) {
                Some(maker) if *maker < number => {}
                Some(maker) => {
                    let order = steps[*maker].order;
                    found.error(
                        place(),
                        format!("reads `{key}`, which is made by step {order}: that is too late"),
                    );
                }
                None => found.warn(place(), format!("reads `{key}`, which no step makes: it will be null")),
            }
        }
    }
}
