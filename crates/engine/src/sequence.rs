//! A sequence under way: where it stands, and what comes next. All of it is in the rows of its steps
//! and in the plan, which is made again of the pinned document.

use std::time::Duration;

use domain::{
    Error, Result,
    sequence::StepStatus,
    tool::{ToolClass, ToolSpec},
};
use serde::Deserialize;
use serde_json::{Map, Value, value::RawValue};
use skills::{
    mapping::{Evaluated, Scope},
    plan::{Failure, Planned},
    step::Does,
};
use store::sequences::SequenceStep;
use tokio::time::Instant;
use tools::{BEGIN_STEP, SUBMIT_OUTPUT, canonical};

use crate::builtins::Outcome;

/// How often a step is tried again, whatever its author wants: the guard against repetition sees more.
const MAX_RETRIES: i32 = 3;
/// What is kept of why a step failed, in characters.
const MAX_ERROR: usize = 1_000;

pub(crate) struct Sequence {
    plan: Vec<Planned>,
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
    pub outcome: &'a Outcome,
    /// It was not made: it did not fit, or a person denied it.
    pub refused: bool,
    /// A person was asked about it.
    pub asked: bool,
}

/// The steps of a plan, before anything is done.
pub(crate) fn rows(plan: &[Planned]) -> Vec<SequenceStep> {
    let row = |(planned, ord): (&Planned, i32)| {
        let (skill, action) = match &planned.does {
            Does::Skill(key) => (Some(key.to_string()), None),
            Does::Action(name) => (None, Some(name.clone())),
        };
        SequenceStep::planned(ord, crate::turn::cut(&planned.name, 200), skill, action)
    };
    plan.iter().zip(1..).map(row).collect()
}

impl Sequence {
    /// The rows are those of the plan.
    pub fn new(
        plan: Vec<Planned>,
        rows: Vec<SequenceStep>,
        inputs: Map<String, Value>,
        context: Map<String, Value>,
    ) -> Result<Self> {
        if plan.len() != rows.len() {
            return Err(Error::internal("a sequence has other steps than its document"));
        }
        let (inputs, context) = (inputs.into(), context.into());
        Ok(Self { plan, saved: rows.clone(), rows, inputs, context, forced: false, deadline: None })
    }

    pub fn planned(&self, at: usize) -> &Planned {
        &self.plan[at]
    }

    /// How long the model may work on the step at a stretch: the step says it, or else its skill.
    pub fn time(&self, at: usize) -> Option<Duration> {
        let of_skill = self.rows[at].skill.as_ref().and_then(|skill| skill.timeout_ms);
        self.plan[at].timeout_ms.or(of_skill).map(Duration::from_millis)
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

    fn broken(&self) -> Option<usize> {
        let failed = |at: &usize| self.rows[*at].status == StepStatus::Failed;
        (0..self.rows.len()).filter(failed).find(|at| self.plan[*at].on_failure != Failure::Continue)
    }

    pub fn next(&self) -> Next {
        match (self.broken(), self.current()) {
            (Some(at), _) => Next::Broken(at),
            (None, None) => Next::Answer,
            (None, Some(at)) if self.rows[at].call_id.is_none() => Next::Begin(at),
            (None, Some(at)) => Next::Work(at),
        }
    }

    /// What the step is given.
    pub fn evaluate(&self, at: usize) -> Evaluated {
        let outputs = self.outputs();
        let scope =
            Scope { outputs: &outputs, inputs: &self.inputs, params: &self.inputs, context: &self.context };
        self.plan[at].arguments.evaluate(&scope)
    }

    fn outputs(&self) -> Value {
        let made = self.plan.iter().zip(&self.rows).filter(|(_, row)| row.status.ended());
        let value = |row: &SequenceStep| -> Value {
            row.output.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
        };
        made.filter_map(|(planned, row)| Some((planned.output_key.clone()?, value(row)))).collect()
    }

    /// What the step does now: its fallback, if it has come to that.
    pub fn does(&self, at: usize) -> Does {
        match &self.plan[at].on_failure {
            Failure::Fallback(key) if self.rows[at].fallback => Does::Skill(key.clone()),
            _ => self.plan[at].does.clone(),
        }
    }

    /// Whether this call of the step needs a person, whatever the matrix says.
    pub fn wants_approval(&self, call: &str) -> bool {
        self.running().is_some_and(|at| {
            let row = &self.rows[at];
            row.call_id.as_deref() == Some(call) && self.to_approve(at)
        })
    }

    fn to_approve(&self, at: usize) -> bool {
        self.plan[at].requires_approval && !self.rows[at].approved && !self.rows[at].fallback
    }

    /// Whether a call of its own asks the person: what reads, or works for long, has none that would.
    pub fn asks_first(&self, at: usize, tool: impl Fn(&str) -> Option<ToolSpec>) -> bool {
        let reads = match self.does(at) {
            Does::Skill(_) => true,
            Does::Action(name) => tool(&name).is_none_or(|tool| tool.class == ToolClass::Read),
        };
        self.to_approve(at) && reads
    }

    /// Takes in what came of calls that the conversation had open, all of them.
    pub fn hear(&mut self, results: &[Heard<'_>], iterations: i32) {
        let Some(at) = self.running() else { return };
        let row = &mut self.rows[at];
        let acts = |heard: &Heard<'_>| {
            let done = heard.outcome.success || heard.outcome.unknown;
            done && heard.class != ToolClass::Read && heard.name != BEGIN_STEP
        };
        row.acted |= results.iter().any(acts);
        let own = results.iter().find(|heard| row.call_id.as_deref() == Some(heard.id));
        if let Some(heard) = own {
            return self.hear_own(at, heard, iterations);
        }
        let handed_in = |heard: &&Heard<'_>| heard.name == SUBMIT_OUTPUT && heard.outcome.success;
        if let Some(output) = results.iter().find(handed_in).and_then(|heard| handed_in_by(heard.input)) {
            self.done(at, output);
        }
    }

    fn hear_own(&mut self, at: usize, heard: &Heard<'_>, iterations: i32) {
        let (row, outcome) = (&mut self.rows[at], heard.outcome);
        if heard.name == BEGIN_STEP && outcome.success {
            row.approved = true;
            row.call_id = None;
        } else if outcome.success {
            // A skill is open now, and the model works on it.
            if row.skill.is_none() {
                self.done(at, output_of(outcome));
            }
        } else {
            let repeatable = matches!(heard.class, ToolClass::Read | ToolClass::Idempotent);
            let again = repeatable && !outcome.unknown && !heard.refused;
            self.fail(at, &outcome.text, if heard.asked { Else::Ends } else { Else::of(again) }, iterations);
        }
    }

    fn done(&mut self, at: usize, output: String) {
        let row = &mut self.rows[at];
        (row.status, row.output, row.error) = (StepStatus::Done, Some(output), None);
        (self.forced, self.deadline) = (false, None);
    }

    /// The step has failed: it is tried again, its fallback takes over, or that is how it ends. What has
    /// had an effect, or may have had one, is neither repeated nor replaced.
    pub fn fail(&mut self, at: usize, why: &str, instead: Else, iterations: i32) {
        let most = i32::try_from(self.plan[at].max_retries).unwrap_or(MAX_RETRIES).min(MAX_RETRIES);
        let (row, on_failure) = (&mut self.rows[at], &self.plan[at].on_failure);
        (self.forced, self.deadline) = (false, None);
        row.error = Some(short(why));
        let first = !row.acted && !row.fallback;
        let retries = first && instead == Else::Again && row.attempt <= most;
        let falls_back = first && instead != Else::Ends && matches!(on_failure, Failure::Fallback(_));
        if retries || falls_back {
            row.fallback |= !retries;
            row.attempt += 1;
            row.calls_before = iterations;
            (row.call_id, row.skill, row.acted) = (None, None, false);
            return;
        }
        row.status = StepStatus::Failed;
        if *on_failure != Failure::Continue {
            let rest = self.rows[at..].iter_mut().filter(|row| row.status == StepStatus::Pending);
            rest.for_each(|row| row.status = StepStatus::Skipped);
        }
    }

    /// The step as if it were done, with a result if there is one.
    pub fn simulated(&mut self, at: usize, output: Option<String>) {
        (self.rows[at].status, self.rows[at].output) = (StepStatus::Done, output);
    }

    /// Why the sequence has failed, for people.
    pub fn why_broken(&self, at: usize) -> String {
        let row = &self.rows[at];
        let why = row.error.as_deref().unwrap_or("it broke off");
        format!("step {} of {} ({}) failed: {why}", row.ord, self.rows.len(), row.name)
    }
}

/// What later steps read of a tool's result: its text, and the members of a result that is JSON.
pub(crate) fn output_of(outcome: &Outcome) -> String {
    let members = serde_json::from_str::<Map<String, Value>>(&outcome.text).unwrap_or_default();
    let own = [("text", outcome.text.clone().into()), ("success", true.into())];
    let own = own.map(|(name, value)| (name.to_owned(), value));
    Value::Object(own.into_iter().chain(members).collect()).to_string()
}

fn handed_in_by(input: &RawValue) -> Option<String> {
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
