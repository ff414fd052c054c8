//! A run that executes a sequence, step by step. What the service does itself stands in the
//! conversation as a call, and is performed as any other: under the matrix, with approvals, intents
//! and classes. What a skill is for, the model does in the loop, until it hands in the result.

use std::time::Duration;

use domain::{Block, Event, MessageId, Result, block, run::RunStatus, sequence::StepStatus, tool::ToolClass};
use serde_json::{Value, json, value::to_raw_value};
use skills::step::Does;
use store::{
    RunTx, events, sequences,
    steps::{self, NewStep, StepKind},
    turns::Past,
};
use tokio::time::Instant;
use tools::{BEGIN_STEP, SUBMIT_OUTPUT};

use super::{
    Left, Run,
    act::{OpenCall, Plan, Round},
    answer::raw,
    is_past, time_left,
};
use crate::{
    builtins::Outcome,
    crash::{self, CrashPoint},
    notebook::visible,
    prompt::Choice,
    repetition::RepetitionGuard,
    sequence::{Else, Given, Heard, Next, Sequence, handed_in_by, meant, without_nulls},
};

/// Model calls of all steps together, as a multiple of what one may make.
const ALL_STEPS: i32 = 6;
/// Begins the ids of calls that the service makes for steps.
pub(crate) const STEP_CALL: &str = "step_";

const TOO_MANY: &str = "it made as many model calls as a step may, and handed nothing in";
const NOTHING: &str = "it ended without handing anything in";
const OVERDUE: &str = "it took longer than it may";
const OVER: &str = "\n(The sequence is over. Tell the person in a few words what came of it.)";

/// How a step begins.
enum Beginning {
    Call(Made),
    /// The sequence that it opens is begun with this, and nobody need be asked.
    Opened(String),
    Fails(String),
}

/// A call that the service is about to make.
struct Made {
    id: String,
    name: String,
    input: Value,
}

impl Run {
    /// Does what comes next of the sequence.
    pub(super) async fn go_on(&mut self) -> Result<(), Left> {
        let answered = self.history.last().filter(|last| last.role == "assistant");
        if let Some((seq, calls)) = answered.map(|last| (last.seq, self.open_calls(&last.content))) {
            if !calls.is_empty() {
                return Box::pin(self.act(seq, calls)).await;
            }
            if self.paused && self.iterations < self.most_calls() {
                return self.ask(None).await;
            }
        }
        match self.sequence.as_ref().map(|sequence| sequence.next()) {
            Some(Next::Begin(at)) => Box::pin(self.begin_step(at)).await,
            Some(Next::Work(at)) => Box::pin(self.work_on(at)).await,
            Some(Next::Broken(at)) => {
                let why = self.sequence.as_ref().map(|sequence| sequence.why_broken(at)).unwrap_or_default();
                self.failed("sequence_step_failed", &why, false).await
            }
            // Where the model has spoken last, that was in a step: an answer to all of it ends the run.
            Some(Next::Answer) if self.iterations < self.most_of_sequence() => self.ask(None).await,
            Some(Next::Answer) | None => self.done().await,
        }
    }

    /// Model calls that a run of a sequence may make.
    pub(super) fn most_of_sequence(&self) -> i32 {
        self.engine.limits().iterations.saturating_mul(ALL_STEPS)
    }

    /// How the next model call is to end, while a sequence is executed.
    pub(super) fn choice_in(&self, sequence: &Sequence) -> Choice {
        let Some(at) = sequence.worked_on() else {
            return if self.paused { Choice::None } else { Choice::Answer };
        };
        let used = self.iterations - sequence.rows[at].calls_before;
        let said = self.history.last().is_some_and(|last| last.role == "assistant") && !self.paused;
        if sequence.forced || said || used + 1 >= self.engine.limits().iterations {
            Choice::Submit
        } else {
            Choice::Auto
        }
    }

    /// Makes the call that the step begins with, or goes on with.
    async fn begin_step(&mut self, at: usize) -> Result<(), Left> {
        let Some(mut sequence) = self.sequence.take() else { return Ok(()) };
        let order = self.feed.clone();
        let _order = order.begin_storing().await;
        let mut tx = self.guarded().await?;
        let made = self.call_of(&mut tx, &mut sequence, at).await;
        let first = sequence.rows[at].status == StepStatus::Pending;
        if first {
            let row = &mut sequence.rows[at];
            (row.status, row.attempt, row.calls_before) = (StepStatus::Running, 1, self.iterations);
        }
        let made = match made? {
            Beginning::Call(made) => made,
            Beginning::Opened(given) => {
                sequence.opened(at, given);
                self.sequence = Some(sequence);
                return self.store_steps(tx).await;
            }
            Beginning::Fails(why) => {
                sequence.fail(at, &why, Else::Fallback, self.iterations);
                self.sequence = Some(sequence);
                return self.store_steps(tx).await;
            }
        };
        sequence.rows[at].call_id = Some(made.id.clone());
        // Steps may ask for the same; a try may not ask again and again.
        self.repetition = RepetitionGuard::default();
        sequence.deadline = None;
        self.sequence = Some(sequence);
        let news = self.save_steps(&mut tx).await?;
        self.store_call(tx, made, news).await
    }

    /// How the step begins, with the arguments as they are by now.
    async fn call_of(&self, tx: &mut RunTx, sequence: &mut Sequence, at: usize) -> Result<Beginning> {
        let Given { arguments, lacks, .. } = sequence.evaluate(at);
        let arguments = self.secrets.door.clean_members(arguments);
        sequence.rows[at].missing = lacks.into_iter().take(100).collect();
        let (does, arguments) = match meant(sequence.does(at), arguments) {
            Ok(meant) => meant,
            Err(why) => return Ok(Beginning::Fails(why)),
        };
        if let Some(why) = sequence.unmet(at, &arguments) {
            return Ok(Beginning::Fails(why));
        }
        if sequence.has_changed(at, &arguments) {
            let why = "what it works on has changed since a person let it begin";
            return Ok(Beginning::Fails(why.into()));
        }
        let opens = sequence.opens(at);
        let asks =
            sequence.asks_first(at, &does, |name| self.engine.0.toolbox.find(self.offer, name).copied());
        let of = sequence.of();
        let row = &mut sequence.rows[at];
        let id = |what: &str| self.fresh_id(&format!("{}_{what}", row.ord));
        if asks {
            let mut input = json!({"order": row.ord, "of": of, "name": row.name, "inputs": arguments});
            let (field, named) = match &does {
                Does::Skill(key) => ("skill_key", key.as_str()),
                Does::Action(name) => ("action", name.as_str()),
            };
            input[field] = named.into();
            if row.fallback {
                input["name"] = format!("{}, by its fallback {named}", row.name).into();
            }
            let id = id(&format!("approval_{}", row.attempt.max(1)));
            return Ok(Beginning::Call(Made { id, name: BEGIN_STEP.into(), input }));
        }
        if opens {
            return Ok(Beginning::Opened(Value::Object(arguments).to_string()));
        }
        let id = id(&row.attempt.max(1).to_string());
        match does {
            Does::Action(name) => {
                let input = Value::Object(without_nulls(arguments));
                Ok(Beginning::Call(Made { id, name, input }))
            }
            Does::Skill(key) => {
                let skill = match self.pin_step(tx.tenant(), &key, arguments).await? {
                    Ok(skill) => skill,
                    Err(why) => return Ok(Beginning::Fails(why)),
                };
                row.skill = Some(skill);
                let input = json!({"key": key.as_str()});
                Ok(Beginning::Call(Made { id, name: "get_skill".into(), input }))
            }
        }
    }

    /// An id that the conversation does not have.
    fn fresh_id(&self, tail: &str) -> String {
        let run = self.lease.run.0.simple().to_string();
        let id = format!("{STEP_CALL}{}_{tail}", &run[run.len() - 12..]);
        let quoted = format!("\"{id}\"");
        if self.history.iter().any(|past| past.content.contains(&quoted)) {
            return format!("{id}_{}", MessageId::new().0.simple());
        }
        id
    }

    /// Stores the call as a message of the conversation, with the step that it belongs to.
    async fn store_call(&mut self, mut tx: RunTx, made: Made, mut news: Vec<Event>) -> Result<(), Left> {
        let input = to_raw_value(&made.input).map_err(domain::Error::internal)?;
        let input = self.secrets.door.redact_json(input);
        let content = block::to_json(&[Block::ToolUse { id: made.id, name: made.name, input }]);
        let message = MessageId::new();
        news.push(Event::MessageComplete {
            message_id: message,
            content: raw(&content),
            text: String::new(),
            stop_reason: "tool_use".into(),
        });
        news.extend(self.open_calls(&content).iter().map(OpenCall::start_event));
        let step = NewStep {
            seq: self.steps + 1,
            kind: StepKind::Answer,
            payload: "{}",
            message,
            content: &content,
            preview: None,
            calls: &[],
            iterations: self.iterations,
            done: false,
            model: &self.ring.current().model,
            detour: None,
        };
        let staged = self.feed.stage(&news);
        let frames = self.feed.row(&staged);
        let seq = steps::create(&mut tx, &step, &frames).await?;
        self.commit(tx, &frames, &staged).await?;
        crash::at(CrashPoint::StepBegun);
        self.steps += 1;
        self.attempts = 0;
        self.own_seq = seq;
        self.history.push(Past::new(seq, "assistant", content, String::new()));
        Ok(())
    }

    /// Has the model work on the step, within its limits.
    async fn work_on(&mut self, at: usize) -> Result<(), Left> {
        if let Some(sequence) = self.sequence.as_mut().filter(|sequence| sequence.deadline.is_none()) {
            sequence.deadline = sequence.time(at).map(|time| Instant::now() + time);
        }
        let Some(sequence) = &self.sequence else { return Ok(()) };
        if self.iterations >= self.most_of_sequence() {
            let text = "the sequence made as many model calls as a run of one may";
            return self.failed("iteration_limit", text, false).await;
        }
        let used = self.iterations - sequence.rows[at].calls_before;
        if self.is_step_overdue() {
            return self.give_step_up(at, OVERDUE, false).await;
        }
        let silent = self.history.iter().rev().take_while(|past| past.role == "assistant").count();
        if silent > 1 && !self.paused {
            return self.give_step_up(at, NOTHING, true).await;
        }
        if used >= self.engine.limits().iterations {
            return self.give_step_up(at, TOO_MANY, true).await;
        }
        self.ask(None).await
    }

    /// Whether the time of the step that the model works on is over.
    pub(super) fn is_step_overdue(&self) -> bool {
        is_past(self.sequence.as_ref().and_then(|sequence| sequence.deadline))
    }

    /// The step fails because of the time, wherever the model is.
    pub(super) async fn give_up_overdue(&mut self) -> Result<(), Left> {
        match self.sequence.as_ref().and_then(|sequence| sequence.worked_on()) {
            Some(at) => self.give_step_up(at, OVERDUE, false).await,
            None => Ok(()),
        }
    }

    /// The model said nothing at all: it is made to hand in; a second time, the step has failed.
    pub(super) async fn nothing_said(&mut self) -> Result<(), Left> {
        let Some(sequence) = &mut self.sequence else { return Ok(()) };
        let Some(at) = sequence.worked_on() else { return Ok(()) };
        if sequence.forced {
            return self.give_step_up(at, NOTHING, true).await;
        }
        sequence.forced = true;
        Ok(())
    }

    async fn give_step_up(&mut self, at: usize, why: &str, again: bool) -> Result<(), Left> {
        let order = self.feed.clone();
        let _order = order.begin_storing().await;
        let tx = self.guarded().await?;
        if let Some(sequence) = &mut self.sequence {
            sequence.fail(at, why, Else::of(again), self.iterations);
        }
        self.store_steps(tx).await
    }

    /// Stores where the steps stand, and nothing else.
    async fn store_steps(&mut self, mut tx: RunTx) -> Result<(), Left> {
        let news = self.save_steps(&mut tx).await?;
        if news.is_empty() {
            return Ok(tx.commit().await?);
        }
        let staged = self.feed.stage(&news);
        let frames = self.feed.row(&staged);
        events::append(&mut tx, &frames).await?;
        self.commit(tx, &frames, &staged).await
    }

    /// Stores the steps that have changed. What the stream is to tell: those that have begun or ended.
    pub(super) async fn save_steps(&mut self, tx: &mut RunTx) -> Result<Vec<Event>> {
        let Some(sequence) = &mut self.sequence else { return Ok(Vec::new()) };
        let (of, mut news) = (sequence.of(), Vec::new());
        for (row, saved) in sequence.rows.iter_mut().zip(&mut sequence.saved) {
            if row == saved {
                continue;
            }
            let took = sequences::save(tx, row).await?;
            row.duration_ms = (row.status.ended() && row.attempt > 0).then_some(took);
            if row.status != saved.status {
                news.push(Event::Step(row.shown(of)));
            }
            saved.clone_from(row);
        }
        Ok(news)
    }

    /// What the stream is told of the steps that end with the run.
    pub(super) fn steps_broken_off(&self, run: RunStatus) -> Vec<Event> {
        let Some(sequence) = self.sequence.as_ref().filter(|_| run != RunStatus::Done) else {
            return Vec::new();
        };
        // What is stored, and not what was about to be.
        let steps = sequence.saved.iter().map(|row| row.shown(sequence.of()));
        steps.filter_map(|step| step.broken_off(run)).map(Event::Step).collect()
    }

    /// What the stream is told of the step in which the run waits for a person.
    pub(super) fn waiting_step(&self) -> Option<Event> {
        let sequence = self.sequence.as_ref()?;
        let row = &sequence.rows[sequence.running()?];
        let shown = row.shown(sequence.of());
        Some(Event::Step(domain::sequence::RunStep { status: StepStatus::Waiting, ..shown }))
    }

    /// What the results of an answer's calls mean to the step, once all are there.
    pub(super) fn hear_results(&mut self, round: &mut Round) {
        // A call that was not made says nothing of its step, which ends with the run.
        if round.broken_off {
            return;
        }
        let Some(mut sequence) = self.sequence.take() else { return };
        let calls = round.calls.iter().zip(&round.plans).zip(&round.answered);
        let heard: Vec<Heard<'_>> = calls
            .filter_map(|((call, plan), answered)| {
                let answered = answered.as_ref()?;
                let outcome = &answered.outcome;
                Some(Heard {
                    id: &call.id,
                    name: &call.name,
                    input: &call.input,
                    class: answered.class,
                    state: outcome.state(),
                    output: match sequence.made(&call.id) {
                        Some(_) => Some(self.secrets.door.output_of(outcome)),
                        None if call.name == SUBMIT_OUTPUT => {
                            handed_in_by(&call.input).map(|output| self.secrets.door.clean_json(output))
                        }
                        None => None,
                    },
                    text: visible(&self.clean(&outcome.text)),
                    refused: matches!(plan, Plan::Refuse(..)) || self.asked.contains(&call.id),
                    asked: self.asked.contains(&call.id),
                })
            })
            .collect();
        if heard.len() == round.calls.len() && sequence.running().is_some() {
            sequence.hear(&heard, self.iterations);
            if sequence.next() == Next::Answer {
                round.afterword = OVER;
            }
        }
        self.sequence = Some(sequence);
    }

    /// Time of a call: that of the step, where it is the step's own and has less, and no more than
    /// the skill has left.
    pub(super) fn tool_time(&self, call: &str) -> Duration {
        let limit = time_left(self.engine.limits().tool_time, self.deadline);
        let Some(sequence) = &self.sequence else { return limit };
        match sequence.made(call).and_then(|at| sequence.time(at)) {
            Some(own) => limit.min(own),
            None => time_left(limit, sequence.deadline),
        }
    }

    /// The call that the service makes to ask a person whether a step may begin.
    pub(super) fn is_step_call(&self, call: &OpenCall) -> bool {
        let made = self.sequence.as_ref().and_then(|sequence| sequence.made(&call.id));
        call.name == BEGIN_STEP && made.is_some()
    }

    /// The class of the tool, and the call, of what asks whether a step may begin.
    pub(super) fn step_call(&self, call: &OpenCall) -> Plan {
        let toolbox = &self.engine.0.toolbox;
        let read = toolbox.tool(BEGIN_STEP).map(|tool| toolbox.read(tool, call.input.get()));
        match read {
            Some(Ok(read)) => Plan::Perform(ToolClass::LocalTx, Box::new(read)),
            _ => Plan::Refuse(ToolClass::LocalTx, Outcome::failed("The step cannot be asked about.")),
        }
    }
}
