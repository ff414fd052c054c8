//! A sequence with those that its steps follow, as one list of steps: each is executed, approved and shown by
//! itself, however deep it stands.

use std::{collections::BTreeMap, ops::Range};

use domain::run::PinnedSkill;
use serde_json::{Map, Value};
use skills::{
    Finding, Key, Skill,
    mapping::Mapping,
    plan::{Failure, MAX_DEPTH, MAX_STEPS, Plan, Planned},
    skill::Needs,
    step::Does,
};

use crate::skills::{Entry, add_missing};

/// A part of a sequence that can fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Step(usize),
    Group(usize),
}

/// A step in its sequence.
#[derive(Clone, Debug)]
pub(crate) struct Placed {
    pub planned: Planned,
    /// Its sequence, by its place among the groups.
    pub group: usize,
    /// It opens its sequence: it is done when that has what it requires, and a person has let it begin.
    pub opens: bool,
}

/// The steps of one sequence.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    /// None: it is the sequence that was called for.
    pub within: Option<Within>,
    /// Its steps, with those of the sequences in it.
    pub steps: Range<usize>,
    pub skill: PinnedSkill,
    /// What an input is that it is not given.
    pub defaults: Map<String, Value>,
    /// What its inputs have to be.
    pub schema: Option<Value>,
    /// What it needs to know.
    pub needs: Vec<Needs>,
}

/// The step as which a sequence stands in another one.
#[derive(Clone, Debug)]
pub(crate) struct Within {
    pub group: usize,
    pub arguments: Mapping,
    pub output_key: Option<String>,
    pub on_failure: Failure,
    pub timeout_ms: Option<u64>,
}

/// Steps that are done only if a part has failed.
#[derive(Clone, Debug)]
pub(crate) struct Fallback {
    pub of: Part,
    pub steps: Range<usize>,
}

/// All steps in the order of their execution.
#[derive(Clone, Debug, Default)]
pub(crate) struct Expanded {
    pub steps: Vec<Placed>,
    /// The sequence that was called for, then those in it.
    pub groups: Vec<Group>,
    pub fallbacks: Vec<Fallback>,
    /// What keeps it from being executed.
    pub problems: Vec<Finding>,
    /// What is named and not there, each once.
    pub missing: Vec<String>,
}

/// What a sequence is expanded with.
pub(crate) struct Sources<'a> {
    /// The sequence that a key names; none: the model follows what it names.
    pub find: &'a dyn Fn(&Key) -> Option<&'a Entry>,
    pub plan: &'a dyn Fn(&Skill) -> Plan,
}

fn of_workflow(problem: String) -> Finding {
    Finding::new("metadata.workflow", problem)
}

impl Expanded {
    pub fn of(skill: &Skill, pin: PinnedSkill, sources: &Sources<'_>) -> Self {
        let mut expanded = Self::default();
        expanded.open(skill, pin, None, sources);
        expanded
    }

    /// The sequences that steps follow, each once.
    pub fn followed(&self) -> Vec<PinnedSkill> {
        let inner = self.groups.iter().skip(1).map(|group| (group.skill.key.clone(), group.skill.clone()));
        inner.collect::<BTreeMap<_, _>>().into_values().collect()
    }

    pub fn is_runnable(&self) -> bool {
        self.problems.is_empty() && self.missing.is_empty()
    }

    fn open(
        &mut self,
        skill: &Skill,
        pin: PinnedSkill,
        within: Option<Within>,
        sources: &Sources<'_>,
    ) -> usize {
        let (group, start) = (self.groups.len(), self.steps.len());
        let inner = within.is_some();
        let plan = (sources.plan)(skill);
        for error in &plan.report.errors {
            self.problem(if inner { of_workflow(format!("{}: {error}", skill.key)) } else { error.clone() });
        }
        add_missing(&mut self.missing, &plan.missing);
        self.groups.push(Group {
            within,
            steps: start..start,
            skill: pin,
            defaults: skill.defaults(),
            schema: skill.input_schema.clone(),
            needs: skill.required_context.clone(),
        });
        if let Some(opening) = self.opening(group) {
            self.steps.push(opening);
        }
        for planned in &plan.steps {
            self.place(planned, group, sources);
        }
        self.groups[group].steps.end = self.steps.len();
        group
    }

    fn problem(&mut self, problem: Finding) {
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }

    /// The step that opens a sequence in another one, named as the step is in whose place that stands.
    fn opening(&self, group: usize) -> Option<Placed> {
        let Group { within: Some(within), skill, .. } = &self.groups[group] else { return None };
        let planned = Planned {
            order: 0,
            name: skill.key.clone(),
            does: Does::Skill(skill.key.parse().ok()?),
            arguments: within.arguments.clone(),
            output_key: None,
            on_failure: Failure::Stop,
            requires_approval: false,
            timeout_ms: None,
            max_retries: 0,
        };
        Some(Placed { planned, group, opens: true })
    }

    fn place(&mut self, planned: &Planned, group: usize, sources: &Sources<'_>) {
        if self.steps.len() >= MAX_STEPS {
            let counted = "those of the sequences that it follows counted";
            return self.problem(of_workflow(format!("has more than {MAX_STEPS} steps, {counted}")));
        }
        let inner = match &planned.does {
            Does::Skill(key) => self.follow(key, planned, group, sources),
            Does::Action(_) => None,
        };
        if let Some(part) = inner {
            return self.fall_back(part, planned, group, sources);
        }
        let at = self.steps.len();
        self.steps.push(Placed { planned: planned.clone(), group, opens: false });
        // A skill takes over in the step itself; a sequence has steps of its own.
        if matches!(&planned.on_failure, Failure::Fallback(key) if (sources.find)(key).is_some()) {
            self.fall_back(Part::Step(at), planned, group, sources);
        }
    }

    /// The steps of the sequence in the place of the step that follows it; none if it is no sequence.
    fn follow(&mut self, key: &Key, planned: &Planned, group: usize, sources: &Sources<'_>) -> Option<Part> {
        let around = || self.within(Some(group));
        // What leads in a circle, or too deep, is among the problems.
        if around().any(|group| group.skill.key == key.as_str()) || around().count() > MAX_DEPTH {
            return None;
        }
        let entry = (sources.find)(key)?;
        let start = self.steps.len();
        let within = Within {
            group,
            arguments: planned.arguments.clone(),
            output_key: planned.output_key.clone(),
            on_failure: planned.on_failure.clone(),
            timeout_ms: planned.timeout_ms,
        };
        let inner = self.open(&entry.skill, entry.pin_sequence(Map::new()), Some(within), sources);
        if let Some(opening) = self.steps.get_mut(start) {
            opening.planned.name.clone_from(&planned.name);
            opening.planned.requires_approval = planned.requires_approval;
        }
        Some(Part::Group(inner))
    }

    /// The steps that are done if the part has failed, where its author names a fallback.
    fn fall_back(&mut self, of: Part, planned: &Planned, group: usize, sources: &Sources<'_>) {
        let Failure::Fallback(key) = &planned.on_failure else { return };
        let start = self.steps.len();
        let (does, name) = (Does::Skill(key.clone()), key.to_string());
        let fallback = Planned { does, name, on_failure: Failure::Stop, max_retries: 0, ..planned.clone() };
        self.place(&fallback, group, sources);
        self.fallbacks.push(Fallback { of, steps: start..self.steps.len() });
    }

    pub fn steps_of(&self, part: Part) -> Range<usize> {
        match part {
            Part::Step(at) => at..at + 1,
            Part::Group(group) => self.groups[group].steps.clone(),
        }
    }

    /// What happens when the part has failed; the whole ends with its failure.
    pub fn on_failure(&self, part: Part) -> &Failure {
        match part {
            Part::Step(at) => &self.steps[at].planned.on_failure,
            Part::Group(group) => {
                self.groups[group].within.as_ref().map_or(&Failure::Stop, |within| &within.on_failure)
            }
        }
    }

    /// The sequence in which the part stands; none of the whole.
    pub fn around(&self, part: Part) -> Option<Part> {
        match part {
            Part::Step(at) => Some(Part::Group(self.steps[at].group)),
            Part::Group(group) => self.groups[group].within.as_ref().map(|within| Part::Group(within.group)),
        }
    }

    pub fn fallback(&self, of: Part) -> Option<&Fallback> {
        self.fallbacks.iter().find(|fallback| fallback.of == of)
    }

    /// The sequences around a step, the innermost first.
    pub fn groups_of(&self, at: usize) -> impl Iterator<Item = &Group> {
        self.within(self.steps.get(at).map(|step| step.group))
    }

    fn within(&self, group: Option<usize>) -> impl Iterator<Item = &Group> {
        std::iter::successors(group.map(|group| &self.groups[group]), |group| {
            group.within.as_ref().map(|within| &self.groups[within.group])
        })
    }
}
