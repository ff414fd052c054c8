//! The tool calls of one answer: reads side by side, writes in order inside the
//! step's transaction, results in the order of the calls.

use std::time::Instant;

use domain::{
    Error, Event, MessageId, Result, Tenant,
    audit::Decision,
    block::{self, ToolResult},
    event::ToolUsed,
    tool::ToolClass,
};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde::Deserialize;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use store::{
    RunTx,
    steps::{self, NewStep, StepKind, ToolCall},
    turns::Past,
};
use tools::Call;

use super::{
    Left, Run,
    answer::{raw, stop_of},
    gate::CALL,
};
use crate::{
    builtins::{self, Outcome},
    repetition::Verdict,
};

/// Connections that the reads of one answer may hold.
const READS_AT_ONCE: usize = 4;

/// A call as the model made it.
#[derive(Clone, Debug)]
pub(super) struct OpenCall {
    pub id: String,
    pub name: String,
    pub title: String,
    pub input: Box<RawValue>,
}

impl OpenCall {
    pub fn start_event(&self) -> Event {
        Event::ToolStart {
            id: self.id.clone(),
            name: self.name.clone(),
            title: self.title.clone(),
            input: self.input.clone(),
        }
    }
}

/// What is to happen with a call, decided before any is performed.
pub(super) enum Plan {
    Perform(ToolClass, Box<Call>),
    Refuse(ToolClass, Outcome),
    /// It was answered before the run was parked.
    Known(Outcome),
    /// A person was asked about it, or it waits behind one of these.
    Held,
}

pub(super) struct Answered {
    pub class: ToolClass,
    pub outcome: Outcome,
    pub duration_ms: u64,
    /// The bytes that were executed, where a person has approved them.
    pub args: Option<String>,
    /// It is recorded already, and readers were told.
    pub known: bool,
}

impl Answered {
    /// An answer to a call of a person's concern that took no time.
    pub fn of(outcome: Outcome) -> Self {
        Self { class: ToolClass::LocalTx, outcome, duration_ms: 0, args: None, known: false }
    }
}

/// What readers are told beside the results, and whether the run ends with them.
#[derive(Default)]
pub(super) struct Told {
    pub before: Vec<Event>,
    pub after: Vec<Event>,
    pub done: bool,
}

#[derive(Deserialize)]
struct ToolUse {
    #[serde(rename = "type")]
    kind: String,
    id: Option<String>,
    name: Option<String>,
    input: Option<Box<RawValue>>,
}

impl Run {
    /// The tool calls in an assistant's message.
    pub(super) fn open_calls(&self, content: &str) -> Vec<OpenCall> {
        if !content.contains("\"tool_use\"") {
            return Vec::new();
        }
        let blocks: Vec<ToolUse> = serde_json::from_str(content).unwrap_or_default();
        blocks
            .into_iter()
            .filter(|block| block.kind == "tool_use")
            .filter_map(|block| {
                let name = block.name?;
                let title =
                    self.engine.0.toolbox.find(self.offer, &name).map_or(name.as_str(), |tool| tool.title);
                Some(OpenCall {
                    id: block.id?,
                    title: title.to_owned(),
                    input: block.input.unwrap_or_else(|| raw("{}")),
                    name,
                })
            })
            .collect()
    }

    /// Performs the calls of the answer at `seq` and stores their results as one
    /// message; or puts the run aside, if one of them needs a person.
    pub(super) async fn act(&mut self, seq: i64, calls: Vec<OpenCall>, resumed: bool) -> Result<(), Left> {
        if calls.iter().any(|call| self.repetition.judge(&call.name, call.input.get(), 0) == Verdict::Stop) {
            return self.failed("repetition", "the run kept repeating the same tool calls", false).await;
        }
        let plans: Vec<Plan> =
            calls.iter().enumerate().map(|(i, call)| self.plan(&calls[..i], call, resumed)).collect();
        let mut answered = self.read(&plans).await?;
        let _order = self.feed.begin_storing().await;
        let mut tx = self.guarded().await?;
        let mut events = Vec::new();
        let mut gate = None;
        for ((plan, call), slot) in plans.iter().zip(&calls).zip(&mut answered) {
            if let Plan::Refuse(class, _) = plan
                && *class != ToolClass::Read
            {
                self.note_call(&mut tx, call, CALL, &[Decision::Refused], (None, None)).await?;
            }
            if slot.is_none() {
                let gate = match &mut gate {
                    Some(gate) => gate,
                    None => gate.insert(self.gate(&mut tx, resumed).await?),
                };
                *slot = self.write(&mut tx, gate, call, plan, &mut events).await?;
            }
        }
        let answered = self.settle(&calls, answered);
        if answered.iter().any(Option::is_none) {
            let answered: Vec<_> =
                calls.iter().zip(&answered).filter_map(|(call, slot)| Some((call, slot.as_ref()?))).collect();
            return self.park(tx, seq, &answered, events).await;
        }
        let answered: Vec<Answered> = answered.into_iter().flatten().collect();
        self.store_results(tx, &calls, &answered, Told { after: events, ..Told::default() }).await
    }

    fn plan(&self, before: &[OpenCall], call: &OpenCall, resumed: bool) -> Plan {
        if let Some(outcome) = self.answered.get(&call.id) {
            return Plan::Known(outcome.clone());
        }
        if resumed {
            return Plan::Held;
        }
        let limit = self.engine.limits().calls_per_step;
        let class =
            self.engine.0.toolbox.find(self.offer, &call.name).map_or(ToolClass::Read, |tool| tool.class);
        if before.len() >= limit {
            let text = format!("At most {limit} calls are performed at once; ask again for this one.");
            return Plan::Refuse(class, Outcome::failed(text));
        }
        let equal = |other: &&OpenCall| other.name == call.name && other.input.get() == call.input.get();
        let beside = before.iter().filter(equal).map(|_| 1).sum();
        if self.repetition.judge(&call.name, call.input.get(), beside) == Verdict::Block {
            return Plan::Refuse(class, Outcome::blocked());
        }
        match self.engine.0.toolbox.check(self.offer, &call.name, &call.input) {
            Ok((tool, call)) => Plan::Perform(tool.class, Box::new(call)),
            Err(problem) => Plan::Refuse(class, Outcome::failed(problem)),
        }
    }

    /// Performs the reads side by side, some at a time, each on a connection of its own.
    async fn read(&mut self, plans: &[Plan]) -> Result<Vec<Option<Answered>>, Left> {
        let mut stop = self.stop.clone();
        let reads: Vec<_> = plans.iter().map(|plan| self.read_plan(plan)).collect();
        let reads = stream::iter(reads).buffered(READS_AT_ONCE).try_collect();
        tokio::select! {
            stopped = stop.wait_for(Option::is_some) => Err(stop_of(stopped)),
            reads = reads => reads.map_err(Left::Store),
        }
    }

    /// None: a write, whose time comes later.
    async fn read_plan(&self, plan: &Plan) -> Result<Option<Answered>> {
        match plan {
            Plan::Perform(ToolClass::Read, call) => self.read_one(call).await.map(Some),
            Plan::Refuse(class, outcome) => {
                Ok(Some(Answered { class: *class, ..Answered::of(outcome.clone()) }))
            }
            Plan::Known(outcome) => Ok(Some(Answered { known: true, ..Answered::of(outcome.clone()) })),
            Plan::Perform(..) | Plan::Held => Ok(None),
        }
    }

    async fn read_one(&self, call: &Call) -> Result<Answered> {
        let began = Instant::now();
        let limit = self.engine.limits().tool_time;
        let read = async {
            let mut tx = self.engine.store().tenant(Tenant::own(self.lease.org, self.lease.user)).await?;
            let outcome = builtins::read(&mut tx, call).await?;
            tx.commit().await?;
            Ok(outcome)
        };
        let outcome = match tokio::time::timeout(limit, read).await {
            Ok(Err(Error::Unavailable { .. })) => {
                Outcome::failed("The database is busy at the moment. Try again.")
            }
            Ok(Err(Error::Invalid { detail, .. })) => {
                Outcome::failed(format!("The arguments are not valid: {detail}."))
            }
            Ok(outcome) => outcome?,
            Err(_) => Outcome::failed(format!("The tool did not answer within {} seconds.", limit.as_secs())),
        };
        let duration_ms = millis(began);
        Ok(Answered { class: ToolClass::Read, duration_ms, ..Answered::of(outcome) })
    }

    /// Redacts and cuts the results, and lets the guard see them.
    fn settle(&mut self, calls: &[OpenCall], answered: Vec<Option<Answered>>) -> Vec<Option<Answered>> {
        let pairs = calls.iter().zip(answered);
        pairs.map(|(call, answered)| answered.map(|answered| self.settle_one(call, answered))).collect()
    }

    pub(super) fn settle_one(&mut self, call: &OpenCall, mut answered: Answered) -> Answered {
        if answered.known {
            return answered;
        }
        let longest = self.engine.limits().result_chars;
        let mut text = shorten(&self.clean(&answered.outcome.text), longest);
        if answered.outcome.blocked {
            self.repetition.blocked();
        } else if let Some(remark) = self.repetition.note(&call.name, call.input.get(), &text) {
            text = format!("{text}\n{remark}");
        }
        answered.outcome.text = text;
        answered
    }

    pub(super) async fn store_results(
        &mut self,
        mut tx: RunTx,
        calls: &[OpenCall],
        answered: &[Answered],
        told: Told,
    ) -> Result<(), Left> {
        let pairs = || calls.iter().zip(answered);
        let new = || pairs().filter(|(_, answered)| !answered.known);
        let blocks: Vec<ToolResult> = pairs()
            .map(|(call, answered)| ToolResult {
                tool_use_id: call.id.clone(),
                content: answered.outcome.text.clone(),
                is_error: !answered.outcome.success,
            })
            .collect();
        let content = block::to_json(&blocks);
        self.tools_used.extend(new().map(|(call, answered)| ToolUsed {
            id: call.id.clone(),
            name: call.name.clone(),
            success: answered.outcome.success,
        }));
        let Told { before: mut all, after, done } = told;
        all.extend(new().map(|(call, answered)| result_event(call, answered)));
        all.extend(after);
        if done {
            all.push(self.done_event(None));
        }
        let records: Vec<ToolCall<'_>> = new().map(|(call, answered)| record(call, answered)).collect();
        steps::record_calls(&mut tx, &records).await?;
        let step = NewStep {
            seq: self.steps + 1,
            kind: StepKind::Tools,
            payload: "{}",
            message: MessageId::new(),
            content: &content,
            preview: None,
            usage: domain::Usage::default(),
            iterations: self.iterations,
            done,
        };
        let staged = self.feed.stage(&all);
        let frames = self.feed.row(&staged);
        let seq = steps::create(&mut tx, &step, &frames).await?;
        self.commit(tx, &frames, &staged).await?;
        self.steps += 1;
        self.attempts = 0;
        self.history.push(Past { seq, role: "user".into(), content, context: String::new() });
        if done { Err(Left::Ended) } else { Ok(()) }
    }
}

pub(super) fn result_event(call: &OpenCall, Answered { outcome, duration_ms, .. }: &Answered) -> Event {
    Event::ToolResult {
        id: call.id.clone(),
        name: call.name.clone(),
        success: outcome.success,
        result: outcome.success.then(|| outcome.text.clone()),
        error: (!outcome.success).then(|| outcome.text.clone()),
        duration_ms: *duration_ms,
    }
}

pub(super) fn record<'a>(call: &'a OpenCall, answered: &'a Answered) -> ToolCall<'a> {
    let args = answered.args.as_deref().unwrap_or(call.input.get());
    ToolCall {
        id: &call.id,
        name: &call.name,
        class: answered.class,
        args,
        args_hash: Sha256::digest(args).into(),
        success: answered.outcome.success,
        result: &answered.outcome.text,
        duration_ms: i64::try_from(answered.duration_ms).unwrap_or(i64::MAX),
    }
}

pub(super) fn millis(began: Instant) -> u64 {
    u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX)
}

fn shorten(text: &str, longest: usize) -> String {
    match text.char_indices().nth(longest) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}\n[cut: the result was longer than {longest} characters]", &text[..end]),
    }
}
