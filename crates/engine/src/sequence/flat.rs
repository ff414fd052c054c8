//! A sequence with those that its steps follow, as one list of steps: each is executed, approved and shown by
//! itself, however deep it stands.

use std::{collections::BTreeMap, ops::Range};

use domain::{Error, Result, run::PinnedSkill};
use serde_json::{Map, Value};
use skills::{
    Key, Skill,
    mapping::Mapping,
    plan::{Failure, MAX_DEPTH, MAX_STEPS, Plan, Planned},
    step::Does,
};

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
}

/// The step as which a sequence stands in another one.
#[derive(Clone, Debug)]
pub(crate) struct Within {
    pub group: usize,
    pub arguments: Mapping,
    pub output_key: Option<String>,
    pub on_failure: Failure,
}

/// Steps that are done only if a part has failed.
#[derive(Clone, Debug)]
pub(crate) struct Alternative {
    pub to: Part,
    pub steps: Range<usize>,
}

/// All steps in the order of their execution.
#[derive(Clone, Debug, Default)]
pub(crate) struct Flat {
    pub steps: Vec<Placed>,
    /// The sequence that was called for, then those in it.
    pub groups: Vec<Group>,
    pub alternatives: Vec<Alternative>,
    /// What keeps it from being executed.
    pub problems: Vec<String>,
    /// What is named and not there, each once.
    pub missing: Vec<String>,
}

/// Where the sequences are found that steps follow, and how one is planned.
pub(crate) trait Sequences {
    /// None: what the key names is no sequence, and the model follows it.
    fn sequence(&self, key: &Key) -> Option<(&Skill, PinnedSkill)>;

    fn plan(&self, skill: &Skill) -> Plan;
}

impl Flat {
    pub fn of(skill: &Skill, pin: PinnedSkill, sequences: &impl Sequences) -> Self {
        let mut flat = Self::default();
        flat.open(skill, pin, None, sequences);
        flat.missing.sort();
        flat.missing.dedup();
        flat
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
        sequences: &impl Sequences,
    ) -> usize {
        let (group, start) = (self.groups.len(), self.steps.len());
        let inner = within.is_some();
        let plan = sequences.plan(skill);
        let told = |problem: String| if inner { format!("{}: {problem}", skill.key) } else { problem };
        self.problems.extend(plan.report.errors.iter().map(|error| told(error.to_string())));
        self.missing.extend(plan.missing);
        let defaults = defaults(skill);
        self.groups.push(Group { within, steps: start..start, skill: pin, defaults });
        for planned in &plan.steps {
            self.place(planned, group, sequences);
        }
        self.groups[group].steps.end = self.steps.len();
        group
    }

    fn place(&mut self, planned: &Planned, group: usize, sequences: &impl Sequences) {
        if self.steps.len() >= MAX_STEPS {
            let most =
                format!("it has more than {MAX_STEPS} steps, those of the sequences that it follows counted");
            if !self.problems.contains(&most) {
                self.problems.push(most);
            }
            return;
        }
        let inner = match &planned.does {
            Does::Skill(key) => self.follow(key, planned, group, sequences),
            Does::Action(_) => None,
        };
        if let Some(part) = inner {
            return self.otherwise(part, planned, group, sequences);
        }
        let at = self.steps.len();
        self.steps.push(Placed { planned: planned.clone(), group });
        let leads_on = |key| sequences.sequence(key).is_some();
        if matches!(&planned.on_failure, Failure::Fallback(key) if leads_on(key)) {
            self.otherwise(Part::Step(at), planned, group, sequences);
        }
    }

    /// The steps of the sequence in the place of the step that follows it; none if it is no sequence.
    fn follow(
        &mut self,
        key: &Key,
        planned: &Planned,
        group: usize,
        sequences: &impl Sequences,
    ) -> Option<Part> {
        let around = || self.within(Some(group));
        // What leads in a circle, or too deep, is among the problems.
        if around().any(|group| group.skill.key == key.as_str()) || around().count() > MAX_DEPTH {
            return None;
        }
        let (skill, pin) = sequences.sequence(key)?;
        let start = self.steps.len();
        let pin = PinnedSkill { timeout_ms: planned.timeout_ms.or(pin.timeout_ms), ..pin };
        let within = Within {
            group,
            arguments: planned.arguments.clone(),
            output_key: planned.output_key.clone(),
            on_failure: planned.on_failure.clone(),
        };
        let inner = self.open(skill, pin, Some(within), sequences);
        if let Some(first) = self.steps.get_mut(start).filter(|_| planned.requires_approval) {
            first.planned.requires_approval = true;
        }
        Some(Part::Group(inner))
    }

    /// The steps that are done if the part has failed, where its author names a fallback.
    fn otherwise(&mut self, to: Part, planned: &Planned, group: usize, sequences: &impl Sequences) {
        let Failure::Fallback(key) = &planned.on_failure else { return };
        let start = self.steps.len();
        let fallback = Planned {
            does: Does::Skill(key.clone()),
            name: key.to_string(),
            on_failure: Failure::Stop,
            requires_approval: false,
            max_retries: 0,
            ..planned.clone()
        };
        self.place(&fallback, group, sequences);
        self.alternatives.push(Alternative { to, steps: start..self.steps.len() });
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

    pub fn alternative(&self, to: Part) -> Option<&Alternative> {
        self.alternatives.iter().find(|alternative| alternative.to == to)
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

    /// Refuses rows that are not those of the steps.
    pub fn fits(&self, rows: usize) -> Result<()> {
        if self.steps.len() == rows {
            return Ok(());
        }
        Err(Error::internal("a sequence has other steps than its document"))
    }
}

/// The defaults of the inputs that have one.
pub(crate) fn defaults(skill: &Skill) -> Map<String, Value> {
    let properties = skill.input_schema.as_ref().and_then(|schema| schema["properties"].as_object());
    let inputs = properties.into_iter().flatten();
    inputs.filter_map(|(name, schema)| Some((name.clone(), schema.get("default")?.clone()))).collect()
}
