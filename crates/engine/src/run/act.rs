//! The tool calls of one answer: reads side by side, writes in order inside the
//! step's transaction, results in the order of the calls.

use std::time::Instant;

use domain::{
    Error, Event, MessageId, Result, Tenant,
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
enum Plan {
    Perform(ToolClass, Box<Call>),
    Refuse(ToolClass, Outcome),
}

struct Answered {
    class: ToolClass,
    outcome: Outcome,
    duration_ms: u64,
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
                    self.engine.0.toolbox.find(self.role, &name).map_or(name.as_str(), |tool| tool.title);
                Some(OpenCall {
                    id: block.id?,
                    title: title.to_owned(),
                    input: block.input.unwrap_or_else(|| raw("{}")),
                    name,
                })
            })
            .collect()
    }

    /// Performs the calls and stores their results as one message.
    pub(super) async fn act(&mut self, calls: Vec<OpenCall>) -> Result<(), Left> {
        if calls.iter().any(|call| self.repetition.judge(&call.name, call.input.get(), 0) == Verdict::Stop) {
            return self.failed("repetition", "the run kept repeating the same tool calls", false).await;
        }
        let plans: Vec<Plan> =
            calls.iter().enumerate().map(|(i, call)| self.plan(&calls[..i], call)).collect();
        let mut answered = self.read(&plans).await?;
        let _order = self.feed.begin_storing().await;
        let mut tx = self.guarded().await?;
        let mut events = Vec::new();
        for (plan, slot) in plans.iter().zip(&mut answered) {
            if slot.is_none() {
                *slot = Some(self.write(&mut tx, plan, &mut events).await?);
            }
        }
        let answered: Vec<Answered> = answered.into_iter().flatten().collect();
        let answered = self.settle(&calls, answered);
        self.store_results(tx, &calls, &answered, events).await
    }

    fn plan(&self, before: &[OpenCall], call: &OpenCall) -> Plan {
        let limit = self.engine.limits().calls_per_step;
        let class =
            self.engine.0.toolbox.find(self.role, &call.name).map_or(ToolClass::Read, |tool| tool.class);
        if before.len() >= limit {
            let text = format!("At most {limit} calls are performed at once; ask again for this one.");
            return Plan::Refuse(class, Outcome::failed(text));
        }
        let equal = |other: &&OpenCall| other.name == call.name && other.input.get() == call.input.get();
        let beside = before.iter().filter(equal).map(|_| 1).sum();
        if self.repetition.judge(&call.name, call.input.get(), beside) == Verdict::Block {
            return Plan::Refuse(class, Outcome::blocked());
        }
        match self.engine.0.toolbox.check(self.role, &call.name, &call.input) {
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
                Ok(Some(Answered { class: *class, outcome: outcome.clone(), duration_ms: 0 }))
            }
            Plan::Perform(..) => Ok(None),
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
        Ok(Answered { class: ToolClass::Read, outcome, duration_ms: millis(began) })
    }

    /// Performs a write inside the transaction of the step.
    async fn write(&self, tx: &mut RunTx, plan: &Plan, events: &mut Vec<Event>) -> Result<Answered, Left> {
        let Plan::Perform(class, call) = plan else {
            return Err(Left::Store(Error::internal("a refused call was to be performed")));
        };
        let began = Instant::now();
        let outcome = builtins::write(tx, call, self.entity.as_ref(), events).await?;
        Ok(Answered { class: *class, outcome, duration_ms: millis(began) })
    }

    /// Redacts and cuts the results, and lets the guard see them.
    fn settle(&mut self, calls: &[OpenCall], answered: Vec<Answered>) -> Vec<Answered> {
        let longest = self.engine.limits().result_chars;
        calls
            .iter()
            .zip(answered)
            .map(|(call, mut answered)| {
                let mut text = shorten(&self.clean(&answered.outcome.text), longest);
                if answered.outcome.blocked {
                    self.repetition.blocked();
                } else if let Some(remark) = self.repetition.note(&call.name, call.input.get(), &text) {
                    text = format!("{text}\n{remark}");
                }
                answered.outcome.text = text;
                answered
            })
            .collect()
    }

    async fn store_results(
        &mut self,
        mut tx: RunTx,
        calls: &[OpenCall],
        answered: &[Answered],
        mut events: Vec<Event>,
    ) -> Result<(), Left> {
        let pairs = || calls.iter().zip(answered);
        let blocks: Vec<ToolResult> = pairs()
            .map(|(call, answered)| ToolResult {
                tool_use_id: call.id.clone(),
                content: answered.outcome.text.clone(),
                is_error: !answered.outcome.success,
            })
            .collect();
        let content = block::to_json(&blocks);
        let mut all: Vec<Event> = pairs().map(|(call, answered)| result_event(call, answered)).collect();
        all.append(&mut events);
        let records: Vec<ToolCall<'_>> = pairs().map(|(call, answered)| record(call, answered)).collect();
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
            done: false,
        };
        let staged = self.feed.stage(&all);
        let frames = self.feed.row(&staged);
        let seq = steps::create(&mut tx, &step, &frames).await?;
        self.commit(tx, &frames, &staged).await?;
        self.steps += 1;
        self.attempts = 0;
        self.tools_used.extend(pairs().map(|(call, answered)| ToolUsed {
            id: call.id.clone(),
            name: call.name.clone(),
            success: answered.outcome.success,
        }));
        self.history.push(Past { seq, role: "user".into(), content, context: String::new() });
        Ok(())
    }
}

fn result_event(call: &OpenCall, Answered { outcome, duration_ms, .. }: &Answered) -> Event {
    Event::ToolResult {
        id: call.id.clone(),
        name: call.name.clone(),
        success: outcome.success,
        result: outcome.success.then(|| outcome.text.clone()),
        error: (!outcome.success).then(|| outcome.text.clone()),
        duration_ms: *duration_ms,
    }
}

fn record<'a>(call: &'a OpenCall, answered: &'a Answered) -> ToolCall<'a> {
    ToolCall {
        id: &call.id,
        name: &call.name,
        class: answered.class,
        args: call.input.get(),
        args_hash: Sha256::digest(call.input.get()).into(),
        success: answered.outcome.success,
        result: &answered.outcome.text,
        duration_ms: i64::try_from(answered.duration_ms).unwrap_or(i64::MAX),
    }
}

fn millis(began: Instant) -> u64 {
    u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX)
}

fn shorten(text: &str, longest: usize) -> String {
    match text.char_indices().nth(longest) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}\n[cut: the result was longer than {longest} characters]", &text[..end]),
    }
}
