//! A sequence under way: where it stands, and what comes next. All of it is in the rows of its steps
//! and in the plan, which is made again of the pinned document.

pub(crate) mod expanded;
mod outputs;
#[cfg(test)]
mod tests;

use std::{ops::Range, time::Duration};

use self::expanded::{Expanded, Part};
use domain::{
    Error, Result,
    run::PinnedSkill,
    sequence::StepStatus,
    tool::{CallState, ToolClass, ToolSpec},
};
use serde::Deserialize;
use serde_json::{Map, Value, value::RawValue};
use skills::{
    plan::{Failure, Planned},
    step::Does,
};
use store::sequences::SequenceStep;
use tokio::time::Instant;
use tools::{BEGIN_STEP, EXECUTE_ACTION, SUBMIT_OUTPUT, canonical};

pub(crate) use outputs::{Given, output_of, without_nulls};

/// How often a step is tried again, whatever its author wants: the guard against repetition sees more.
const MAX_RETRIES: i32 = 3;
/// What is kept of why a step failed, in characters.
const MAX_ERROR: usize = 1_000;

pub(crate) struct Sequence {
    expanded: Expanded,
    pub rows: Vec<SequenceStep>,
    /// The rows as they are stored.
    pub saved: Vec<SequenceStep>,
    inputs: Value,
    context: Value,
    /// The next model call has to hand in the result of the step.
    pub forced: bool,
    /// Until when the step may work, here: what waits for a person, or is taken over, begins anew.
    pub deadline: Option<Instant>,
}

/// What comes next, when no call is open. Steps are named by their index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// The service makes a call for the step.
    Begin(usize),
    /// The model works on the step.
    Work(usize),
    /// All steps are over, and the model tells of them.
    Answer,
    /// The step has failed, and the sequence with it.
    Broken(usize),
}

/// What may come after a step that has failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Else {
    /// Another try, or its fallback.
    Again,
    /// Its fallback.
    Fallback,
    /// Nothing: a person has said no.
    Ends,
}

impl Else {
    pub fn of(again: bool) -> Self {
        if again { Else::Again } else { Else::Fallback }
    }
}

/// What came of a call.
pub(crate) struct Heard<'a> {
    pub id: &'a str,
    pub name: &'a str,
    pub input: &'a RawValue,
    pub class: ToolClass,
    pub state: CallState,
    /// What the tool has said, without what the model is told beside it.
    pub text: String,
    /// What later steps read of it: of a call that the step has made itself, and of what is handed in.
    pub output: Option<String>,
    /// It was not made: it did not fit, or a person denied it.
    pub refused: bool,
    /// A person was asked about it.
    pub asked: bool,
}

/// The steps of a plan, before anything is done.
pub(crate) fn rows(expanded: &Expanded) -> Vec<SequenceStep> {
    let row = |(planned, ord): (&Planned, i32)| {
        let (skill, action) = match &planned.does {
            Does::Skill(key) => (Some(key.to_string()), None),
            Does::Action(name) => (None, Some(name.clone())),
        };
        SequenceStep::planned(ord, crate::turn::cut(&planned.name, 200), skill, action)
    };
    expanded.steps.iter().map(|step| &step.planned).zip(1..).map(row).collect()
}

impl Sequence {
    /// The rows are those of the steps.
    pub fn new(
        expanded: Expanded,
        rows: Vec<SequenceStep>,
        inputs: Map<String, Value>,
        context: Map<String, Value>,
    ) -> Result<Self> {
        if expanded.steps.len() != rows.len() {
            return Err(Error::internal("a sequence has other steps than its document"));
        }
        let (inputs, context) = (inputs.into(), context.into());
        Ok(Self { expanded, saved: rows.clone(), rows, inputs, context, forced: false, deadline: None })
    }

    pub fn planned(&self, at: usize) -> &Planned {
        &self.expanded.steps[at].planned
    }

    /// The sequences around the step, the innermost first.
    pub fn followed(&self, at: usize) -> impl Iterator<Item = &PinnedSkill> {
        self.expanded.groups_of(at).map(|group| &group.skill)
    }

    /// How long the model may work on the step at a stretch: the step says it, or else its skill; and no
    /// longer than the steps that stand for the sequences around it.
    pub fn time(&self, at: usize) -> Option<Duration> {
        let of_skill = self.rows[at].skill.as_ref().and_then(|skill| skill.timeout_ms);
        let own = self.planned(at).timeout_ms.or(of_skill);
        let inner =
            self.expanded.groups_of(at).filter_map(|group| Some((group.within.as_ref()?, &group.skill)));
        let around = inner.filter_map(|(within, skill)| within.timeout_ms.or(skill.timeout_ms));
        own.into_iter().chain(around).min().map(Duration::from_millis)
    }

    pub fn of(&self) -> i32 {
        i32::try_from(self.rows.len()).unwrap_or(i32::MAX)
    }

    /// The step that is under way or comes next.
    pub fn current(&self) -> Option<usize> {
        self.rows.iter().position(|row| !row.status.ended())
    }

    /// The step that is under way.
    pub fn running(&self) -> Option<usize> {
        self.current().filter(|at| self.rows[*at].status == StepStatus::Running)
    }

    /// The step that the model works on: it has been opened with `get_skill`.
    pub fn worked_on(&self) -> Option<usize> {
        self.running().filter(|at| self.rows[*at].skill.is_some() && self.rows[*at].call_id.is_some())
    }

    pub fn is_over(&self) -> bool {
        self.current().is_none()
    }

    /// The step whose failure ends all of it.
    fn broken(&self) -> Option<usize> {
        self.failed_in(0..self.rows.len()).find(|at| self.propagates_to(*at, Part::Group(0)))
    }

    fn failed_in(&self, steps: Range<usize>) -> impl Iterator<Item = usize> {
        steps.filter(|at| self.rows[*at].status == StepStatus::Failed)
    }

    /// Whether the failure of the step is one of the part that it stands in.
    fn propagates_to(&self, at: usize, part: Part) -> bool {
        let mut failed = Part::Step(at);
        while failed != part {
            let goes_on = *self.expanded.on_failure(failed) == Failure::Continue || self.is_replaced(failed);
            match self.expanded.around(failed).filter(|_| !goes_on) {
                Some(around) => failed = around,
                None => return false,
            }
        }
        true
    }

    fn has_failed(&self, part: Part) -> bool {
        self.failed_in(self.expanded.steps_of(part)).any(|at| self.propagates_to(at, part))
    }

    /// Whether other steps are done in the place of the part.
    fn is_replaced(&self, part: Part) -> bool {
        let skipped = |at: usize| self.rows[at].status == StepStatus::Skipped;
        self.expanded.fallback(part).is_some_and(|instead| !instead.steps.clone().all(skipped))
    }

    pub fn next(&self) -> Next {
        match (self.broken(), self.current()) {
            (Some(at), _) => Next::Broken(at),
            (None, None) => Next::Answer,
            (None, Some(at)) if self.rows[at].call_id.is_none() => Next::Begin(at),
            (None, Some(at)) => Next::Work(at),
        }
    }

    /// Whether the step opens a sequence in this one.
    pub fn opens(&self, at: usize) -> bool {
        self.expanded.steps[at].opens
    }

    /// The sequence that the step opens has begun.
    pub fn opened(&mut self, at: usize, given: String) {
        self.done(at, given);
    }

    /// Whether a person has let the step begin with other arguments than these.
    pub fn has_changed(&self, at: usize, given: &Map<String, Value>) -> bool {
        let row = &self.rows[at];
        let seen = row.output.as_deref().filter(|_| row.approved && row.status == StepStatus::Running);
        seen.is_some_and(|seen| serde_json::from_str::<Map<String, Value>>(seen).ok().as_ref() != Some(given))
    }

    /// What the step does now: its fallback, if it has come to that.
    pub fn does(&self, at: usize) -> Does {
        match &self.planned(at).on_failure {
            Failure::Fallback(key) if self.rows[at].fallback => Does::Skill(key.clone()),
            _ => self.planned(at).does.clone(),
        }
    }

    /// The step that is under way, if this is the call that the service made for it.
    pub fn made(&self, call: &str) -> Option<usize> {
        self.running().filter(|at| self.rows[*at].call_id.as_deref() == Some(call))
    }

    /// Whether this call of the step needs a person, whatever the matrix says.
    pub fn wants_approval(&self, call: &str) -> bool {
        self.made(call).is_some_and(|at| self.to_approve(at))
    }

    fn to_approve(&self, at: usize) -> bool {
        self.planned(at).requires_approval && !self.rows[at].approved
    }

    /// Whether a call of its own asks the person: what reads, or works for long, has none that would.
    pub fn asks_first(&self, at: usize, does: &Does, tool: impl Fn(&str) -> Option<ToolSpec>) -> bool {
        let has_none = |tool: ToolSpec| tool.class == ToolClass::Read || tool.actions.is_empty();
        let unasked = match does {
            Does::Skill(_) => true,
            Does::Action(name) => tool(name).is_none_or(has_none),
        };
        self.to_approve(at) && unasked
    }

    /// Takes in what came of calls that the conversation had open, all of them.
    pub fn hear(&mut self, results: &[Heard<'_>], iterations: i32) {
        let Some(at) = self.running() else { return };
        let row = &mut self.rows[at];
        let acts = |heard: &Heard<'_>| {
            let done = matches!(heard.state, CallState::Done | CallState::Unknown);
            done && heard.class != ToolClass::Read && heard.name != BEGIN_STEP
        };
        row.acted |= results.iter().any(acts);
        let own = results.iter().find(|heard| row.call_id.as_deref() == Some(heard.id));
        if let Some(heard) = own {
            return self.hear_own(at, heard, iterations);
        }
        let handed_in = |heard: &&Heard<'_>| heard.name == SUBMIT_OUTPUT && heard.state == CallState::Done;
        if let Some(output) = results.iter().find(handed_in).and_then(|heard| heard.output.clone()) {
            self.done(at, output);
        }
    }

    fn hear_own(&mut self, at: usize, heard: &Heard<'_>, iterations: i32) {
        let opens = self.opens(at);
        let row = &mut self.rows[at];
        let success = heard.state == CallState::Done;
        if heard.name == BEGIN_STEP && success && !row.approved {
            row.approved = true;
            row.call_id = None;
            // What the person has seen is what is carried out.
            let seen = inputs_of(heard.input);
            if opens {
                self.opened(at, seen);
            } else {
                row.output = Some(seen);
            }
        } else if success {
            // A skill is open now, and the model works on it.
            if row.skill.is_none() {
                self.done(at, heard.output.clone().unwrap_or_default());
            }
        } else {
            let repeatable = matches!(heard.class, ToolClass::Read | ToolClass::Idempotent);
            let again = repeatable && heard.state != CallState::Unknown && !heard.refused;
            self.fail(at, &heard.text, if heard.asked { Else::Ends } else { Else::of(again) }, iterations);
        }
    }

    fn done(&mut self, at: usize, output: String) {
        let row = &mut self.rows[at];
        (row.status, row.output, row.error) = (StepStatus::Done, Some(output), None);
        (self.forced, self.deadline) = (false, None);
        self.pass_over();
    }

    /// What stands next in the place of something that has not failed is not done.
    fn pass_over(&mut self) {
        while let Some(at) = self.current().filter(|at| self.rows[*at].status == StepStatus::Pending) {
            let instead = self.expanded.fallbacks.iter().find(|instead| instead.steps.start == at);
            match instead.filter(|instead| !self.has_failed(instead.of)) {
                Some(instead) => self.skip(instead.steps.clone()),
                None => return,
            }
        }
    }

    fn skip(&mut self, steps: Range<usize>) {
        let pending = self.rows[steps].iter_mut().filter(|row| row.status == StepStatus::Pending);
        pending.for_each(|row| row.status = StepStatus::Skipped);
    }

    /// The step has failed: it is tried again, its fallback takes over, or that is how it ends. What has
    /// had an effect, or may have had one, is neither repeated nor replaced.
    pub fn fail(&mut self, at: usize, why: &str, instead: Else, iterations: i32) {
        let most = i32::try_from(self.planned(at).max_retries).unwrap_or(MAX_RETRIES).min(MAX_RETRIES);
        // What falls back to another sequence has steps of its own for that.
        let has_fallback = matches!(self.planned(at).on_failure, Failure::Fallback(_))
            && self.expanded.fallback(Part::Step(at)).is_none();
        let row = &mut self.rows[at];
        (self.forced, self.deadline) = (false, None);
        row.error = Some(short(why));
        let first = !row.acted && !row.fallback;
        let retries = first && instead == Else::Again && row.attempt <= most;
        let falls_back = first && instead != Else::Ends && has_fallback;
        if retries || falls_back {
            row.fallback |= !retries;
            // A yes to the step is none to its fallback.
            row.approved &= retries;
            row.attempt += 1;
            row.calls_before = iterations;
            (row.call_id, row.skill, row.acted) = (None, None, false);
            return;
        }
        (row.status, row.output) = (StepStatus::Failed, None);
        self.propagate(Part::Step(at), instead);
        self.pass_over();
    }

    /// What is left of the part is skipped, and so are the parts around it as far as the failure goes.
    fn propagate(&mut self, part: Part, instead: Else) {
        let steps = self.expanded.steps_of(part);
        self.skip(steps.clone());
        if let Some(other) = self.expanded.fallback(part).map(|other| other.steps.clone()) {
            if instead != Else::Ends && !self.rows[steps].iter().any(|row| row.acted) {
                return;
            }
            self.skip(other);
        }
        if *self.expanded.on_failure(part) == Failure::Continue {
            return;
        }
        if let Some(around) = self.expanded.around(part) {
            self.propagate(around, instead);
        }
    }

    /// The step as if it were done, with a result if there is one.
    pub fn simulated(&mut self, at: usize, output: Option<String>) {
        (self.rows[at].status, self.rows[at].output) = (StepStatus::Done, output);
        self.pass_over();
    }

    /// Why the sequence has failed, for people.
    pub fn why_broken(&self, at: usize) -> String {
        let row = &self.rows[at];
        let why = row.error.as_deref().unwrap_or("it broke off");
        format!("step {} of {} ({}) failed: {why}", row.ord, self.rows.len(), row.name)
    }
}

/// What a step does and with what: of `execute_action` that which it stands for.
pub(crate) fn meant(
    does: Does,
    arguments: Map<String, Value>,
) -> std::result::Result<(Does, Map<String, Value>), String> {
    if does != Does::Action(EXECUTE_ACTION.into()) {
        return Ok((does, arguments));
    }
    let action = arguments.get("action").and_then(Value::as_str).unwrap_or_default();
    if ["", EXECUTE_ACTION, BEGIN_STEP, SUBMIT_OUTPUT].contains(&action) {
        return Err(format!("execute_action has to name a tool, and not {action:?}"));
    }
    let mut params = arguments.get("params").and_then(Value::as_object).cloned().unwrap_or_default();
    params.remove("confirm");
    Ok((Does::Action(action.to_owned()), params))
}

/// What a person has let a step begin with.
fn inputs_of(input: &RawValue) -> String {
    #[derive(Deserialize)]
    struct Begun {
        inputs: Map<String, Value>,
    }
    let begun: std::result::Result<Begun, _> = serde_json::from_str(input.get());
    Value::Object(begun.map(|begun| begun.inputs).unwrap_or_default()).to_string()
}

pub(crate) fn handed_in_by(input: &RawValue) -> Option<String> {
    #[derive(Deserialize)]
    struct Handed {
        output: Map<String, Value>,
    }
    let handed: Handed = serde_json::from_str(&canonical(input)).ok()?;
    Some(Value::Object(handed.output).to_string())
}

fn short(text: &str) -> String {
    match text.char_indices().nth(MAX_ERROR) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
