//! What steps are given, and what they bring.

use domain::sequence::StepStatus;
use serde_json::{Map, Value};
use skills::mapping::{Evaluated, Mapping, Scope};
use tools::cards::CardSchema;

use super::{
    Sequence,
    expanded::{Group, Part},
};

/// Most that a tool tells later steps, in bytes of JSON; of what is longer so many characters of the text.
const MAX_OUTPUT: usize = 262_144;
const MAX_CUT: usize = 16_000;

/// The arguments of a step.
#[derive(Clone, Debug, Default)]
pub(crate) struct Given {
    pub arguments: Map<String, Value>,
    /// The sequence in which the mapping stands.
    pub group: usize,
    /// Paths of the mapping for which nothing was found, or too much.
    pub lacks: Vec<String>,
}

impl Sequence {
    /// What the step is given. The one that opens a sequence is given what that works on.
    pub fn evaluate(&self, at: usize) -> Given {
        let step = &self.expanded.steps[at];
        let group = match &self.expanded.groups[step.group].within {
            Some(within) if step.opens => within.group,
            _ => step.group,
        };
        let (inputs, outputs) = (self.inputs_of(group), self.outputs(group));
        let scope = Scope { outputs: &outputs, inputs: &inputs, params: &inputs, context: &self.context };
        let Evaluated { arguments, missing, too_large } = step.planned.arguments.evaluate(&scope);
        Given { arguments, group, lacks: missing.into_iter().chain(too_large).collect() }
    }

    fn inputs_of(&self, group: usize) -> Value {
        let group = &self.expanded.groups[group];
        if group.within.is_none() {
            return self.inputs.clone();
        }
        // As they were when it was opened, and a person may have seen them.
        let given = self.rows[group.steps.start].output.as_deref().map(serde_json::from_str);
        Value::Object(with_defaults(group, given.and_then(Result::ok).unwrap_or_default()))
    }

    /// The sequence around a sequence, and what that gives it.
    pub fn around(&self, group: usize) -> Option<(usize, &Mapping)> {
        self.expanded.groups[group].within.as_ref().map(|within| (within.group, &within.arguments))
    }

    /// The sequence that the step opens, or in which it stands.
    pub fn group(&self, at: usize) -> usize {
        self.expanded.steps[at].group
    }

    /// Why the sequence that the step opens cannot be begun with this, if so: as where somebody calls for it.
    pub fn unmet(&self, at: usize, given: &Map<String, Value>) -> Option<String> {
        let step = &self.expanded.steps[at];
        if !step.opens {
            return None;
        }
        let group = &self.expanded.groups[step.group];
        let inputs = with_defaults(group, given.clone());
        let known = |name: &str| {
            inputs.contains_key(name) || self.context.get(name).is_some_and(|value| !value.is_null())
        };
        let needs = group.needs.iter().filter(|needs| !needs.met(known));
        let mut problems: Vec<String> =
            needs.map(|needs| format!("it needs to know {}", needs.0.join(" or "))).collect();
        let inputs = Value::Object(inputs);
        match group.schema.as_ref().map(|schema| CardSchema::new(&schema.to_string())) {
            Some(Ok(schema)) => problems.extend(schema.problems(&inputs).iter().map(ToString::to_string)),
            Some(Err(_)) => problems.push("its input schema cannot be used".into()),
            None => {}
        }
        let told = || format!("the sequence {} cannot begin: {}", group.skill.key, problems.join("; "));
        (!problems.is_empty()).then(told)
    }

    /// What the parts of a sequence that are over have brought, by their output keys.
    fn outputs(&self, group: usize) -> Value {
        let mut brought: Vec<(usize, Option<&String>, Value)> = Vec::new();
        for (at, step) in self.expanded.steps.iter().enumerate().filter(|(_, step)| step.group == group) {
            let row = &self.rows[at];
            if row.status.ended() && !self.is_passed_over(Part::Step(at)) {
                let output = row.output.as_deref().and_then(|text| serde_json::from_str(text).ok());
                brought.push((at, step.planned.output_key.as_ref(), output.unwrap_or_default()));
            }
        }
        for (inner, Group { within, steps, .. }) in self.expanded.groups.iter().enumerate() {
            let Some(within) = within.as_ref().filter(|within| within.group == group) else { continue };
            let over = self.rows[steps.clone()].iter().all(|row| row.status.ended());
            if over && !self.is_passed_over(Part::Group(inner)) {
                let failed = self.has_failed(Part::Group(inner));
                let output = if failed { Value::Null } else { self.outputs(inner) };
                brought.push((steps.start, within.output_key.as_ref(), output));
            }
        }
        brought.sort_by_key(|(at, ..)| *at);
        brought.into_iter().filter_map(|(_, key, value)| Some((key?.clone(), value))).collect()
    }

    /// Whether the part was to be done in the place of another one, and was not.
    fn is_passed_over(&self, part: Part) -> bool {
        let steps = self.expanded.steps_of(part);
        let other = self.expanded.fallbacks.iter().any(|instead| instead.steps == steps);
        other && self.rows[steps].iter().all(|row| row.status == StepStatus::Skipped)
    }

    /// Names that the result of the step has, for the steps of its sequence and for those around it.
    pub fn output_keys(&self, at: usize) -> Vec<(usize, String)> {
        let step = &self.expanded.steps[at];
        let mut names: Vec<(usize, Option<&String>)> = vec![(step.group, step.planned.output_key.as_ref())];
        let around = self.expanded.groups_of(at).filter_map(|group| group.within.as_ref());
        names.extend(around.map(|within| (within.group, within.output_key.as_ref())));
        names.into_iter().filter_map(|(group, name)| Some((group, name?.clone()))).collect()
    }
}

/// What is null is not given.
fn with_defaults(group: &Group, given: Map<String, Value>) -> Map<String, Value> {
    group.defaults.clone().into_iter().chain(without_nulls(given)).collect()
}

/// The same without what is null: few tools take that for nothing.
pub(crate) fn without_nulls(given: Map<String, Value>) -> Map<String, Value> {
    given.into_iter().filter(|(_, value)| !value.is_null()).collect()
}

/// What later steps read of a tool's result: its text, and the members of what it tells beside it, or of a text
/// that is JSON. Of what is too long the beginning of the text, and the members if they have room.
pub(crate) fn output_of(text: &str, value: &Map<String, Value>) -> Value {
    let output = |text: &str, members: Map<String, Value>| {
        let own = [("text", text.into()), ("success", true.into())];
        let own = own.map(|(name, value): (&str, Value)| (name.to_owned(), value));
        Value::Object(own.into_iter().chain(members).collect())
    };
    let members =
        if value.is_empty() { serde_json::from_str(text).unwrap_or_default() } else { value.clone() };
    let fits = |value: &Value| value.to_string().len() <= MAX_OUTPUT;
    let whole = output(text, members.clone());
    if fits(&whole) {
        return whole;
    }
    let head = text.char_indices().nth(MAX_CUT).map_or(text, |(end, _)| &text[..end]);
    let short = output(head, members);
    if fits(&short) { short } else { output(head, Map::new()) }
}
