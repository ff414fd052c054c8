//! The tool calls of one answer: reads side by side, writes in order inside the
//! step's transaction, results in the order of the calls.

use std::time::{Instant, SystemTime};

use chrono::Utc;
use domain::{
    ApprovalId, Card, CardId, Error, Event, MessageId, Result, Tenant,
    audit::Decision,
    block::{self, ToolResult},
    event::ToolUsed,
    permission::Action,
    run::RunStatus,
    tool::{CallState, ToolClass},
};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use store::{
    RunTx,
    steps::{self, NewStep, Recorded, StepKind, ToolCall},
    turns::Past,
};
use tools::{BEGIN_STEP, Call, SUBMIT_OUTPUT};

use super::{
    Errand, Left, Run,
    answer::{raw, stop_of},
    gate::{CALL, Noted},
};
use crate::{
    builtins::{self, Asking, Length, Outcome},
    crash::{self, CrashPoint},
    notebook::visible,
    prompt::neutral,
    repetition::Verdict,
    rulings,
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
    /// The record of the call as it stands before it is made, with the arguments that
    /// a person has approved.
    pub fn intent<'a>(&'a self, class: ToolClass, approved: Option<&'a str>) -> ToolCall<'a> {
        let args = approved.unwrap_or(self.input.get());
        ToolCall {
            id: &self.id,
            name: &self.name,
            class,
            state: CallState::Started,
            args,
            args_hash: Sha256::digest(args).into(),
            result: None,
            duration_ms: None,
            card: None,
        }
    }

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
    /// A person was asked about it.
    Held,
}

pub(super) struct Answered {
    pub class: ToolClass,
    pub outcome: Outcome,
    pub duration_ms: u64,
    pub ended: SystemTime,
    /// The bytes that were executed, where a person has approved them.
    pub args: Option<String>,
    /// The trail is to tell what came of it, as this action under this approval.
    pub untold: Option<(Option<Action>, Option<ApprovalId>)>,
    /// The database knows it, and the stream has told of it.
    pub recorded: bool,
}

impl Answered {
    pub fn new(class: ToolClass, outcome: Outcome, began: Instant) -> Self {
        let duration_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        Self { duration_ms, ..Self::of(class, outcome) }
    }

    /// An answer that took no time: nothing was done.
    pub fn of(class: ToolClass, outcome: Outcome) -> Self {
        let ended = SystemTime::now();
        Self { class, outcome, duration_ms: 0, ended, args: None, untold: None, recorded: false }
    }
}

/// The calls of one answer, on their way to becoming one message of results.
pub(super) struct Round {
    /// Place of the answer in its session.
    pub seq: i64,
    pub calls: Vec<OpenCall>,
    pub plans: Vec<Plan>,
    pub answered: Vec<Option<Answered>>,
    /// Calls, from the first, whose results are as the model gets them.
    pub settled: usize,
    /// A call waits for a person: the writes after it wait too.
    pub waits: bool,
    /// Said after the last result.
    pub afterword: &'static str,
    /// The run ends, and the calls that are left are not made.
    pub broken_off: bool,
}

#[derive(Deserialize)]
struct ToolUse {
    #[serde(rename = "type")]
    kind: String,
    id: Option<String>,
    name: Option<String>,
    input: Option<Box<RawValue>>,
}

/// Id, tool and arguments of each call in an assistant's message; of `execute_action` those of the
/// call that it stands for.
pub(crate) fn calls_in(content: &str) -> Vec<(String, String, Box<RawValue>)> {
    if !content.contains("\"tool_use\"") {
        return Vec::new();
    }
    let blocks: Vec<ToolUse> = serde_json::from_str(content).unwrap_or_default();
    let calls = blocks.into_iter().filter(|block| block.kind == "tool_use");
    calls
        .filter_map(|block| {
            let (id, name, input) = (block.id?, block.name?, block.input.unwrap_or_else(|| raw("{}")));
            let (name, input) = tools::inner_call(&name, &input).unwrap_or((name, input));
            Some((id, name, input))
        })
        .collect()
}

/// What is told at a run's end of the calls that it has recorded.
pub(crate) fn tools_used(calls: &[Recorded]) -> Vec<ToolUsed> {
    let made = calls.iter().filter(|call| call.state != CallState::Started);
    let used = |call: &Recorded| ToolUsed {
        id: call.id.clone(),
        name: call.name.clone(),
        success: call.state == CallState::Done,
    };
    made.map(used).collect()
}

impl Run {
    /// The tool calls in an assistant's message.
    pub(super) fn open_calls(&self, content: &str) -> Vec<OpenCall> {
        let title = |name: &str| {
            let toolbox = &self.engine.0.toolbox;
            let of_service = || toolbox.tool(name).filter(|tool| tool.name == BEGIN_STEP);
            let tool = toolbox.find(self.offer, name).or_else(of_service);
            tool.map_or(name, |tool| tool.title).to_owned()
        };
        let calls = calls_in(content).into_iter();
        calls.map(|(id, name, input)| OpenCall { id, title: title(&name), input, name }).collect()
    }

    /// Performs the calls of the answer at `seq` and stores their results as one
    /// message; or puts the run aside, if one of them needs a person.
    pub(super) async fn act(&mut self, seq: i64, calls: Vec<OpenCall>) -> Result<(), Left> {
        if calls.iter().any(|call| self.repetition.judge(&call.name, call.input.get(), 0) == Verdict::Stop) {
            return self.failed("repetition", "the run kept repeating the same tool calls", false).await;
        }
        let mut round = self.round(seq, calls);
        self.read(&mut round).await?;
        self.go_out(&mut round).await?;
        self.store_results(round).await
    }

    /// The class of the tool of this name, whoever is offered it.
    pub(super) fn class_of(&self, tool: &str) -> ToolClass {
        self.engine.0.toolbox.tool(tool).map_or(ToolClass::Read, |tool| tool.class)
    }

    pub(super) fn round(&self, seq: i64, calls: Vec<OpenCall>) -> Round {
        let plans: Vec<Plan> =
            calls.iter().enumerate().map(|(i, call)| self.plan(&calls[..i], call)).collect();
        let answered = calls.iter().zip(&plans).map(|(call, plan)| self.known(call, plan)).collect();
        Round { seq, calls, plans, answered, settled: 0, waits: false, afterword: "", broken_off: false }
    }

    fn plan(&self, before: &[OpenCall], call: &OpenCall) -> Plan {
        if self.asked.contains(&call.id) {
            return Plan::Held;
        }
        if self.is_step_call(call) {
            return self.step_call(call);
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
        if call.name == SUBMIT_OUTPUT && before.iter().any(|other| other.name == SUBMIT_OUTPUT) {
            let text = "Only the first submit_output of an answer counts; this one was not looked at.";
            return Plan::Refuse(class, Outcome::failed(text));
        }
        if let Some(refusal) = self.outside_of_skill(&call.name) {
            return Plan::Refuse(class, Outcome::failed(refusal));
        }
        match self.engine.0.toolbox.check(self.offer, &call.name, &call.input) {
            Ok((tool, call)) => Plan::Perform(tool.class, Box::new(call)),
            Err(problem) => Plan::Refuse(class, Outcome::failed(problem)),
        }
    }

    /// Performs the reads side by side, some at a time, each on a connection of its own.
    async fn read(&mut self, round: &mut Round) -> Result<(), Left> {
        let mut stop = self.stop.clone();
        let open = round.calls.iter().zip(&round.plans).zip(&round.answered);
        let reads: Vec<_> = open
            .map(async |((call, plan), answered)| match (answered, plan) {
                (None, Plan::Perform(ToolClass::Read, read)) => self.read_one(call, read).await.map(Some),
                (None, Plan::Refuse(class, outcome)) => {
                    Ok(Some(Answered::new(*class, outcome.clone(), Instant::now())))
                }
                // Known already, or a write, whose time comes later.
                _ => Ok(None),
            })
            .collect();
        let reads = stream::iter(reads).buffered(READS_AT_ONCE).try_collect();
        let reads: Vec<Option<Answered>> = tokio::select! {
            stopped = stop.wait_for(Option::is_some) => return Err(stop_of(stopped)),
            reads = reads => reads.map_err(Left::Store)?,
        };
        for (slot, read) in round.answered.iter_mut().zip(reads) {
            *slot = slot.take().or(read);
        }
        Ok(())
    }

    async fn read_one(&self, open: &OpenCall, call: &Call) -> Result<Answered> {
        let began = Instant::now();
        if let Call::Outside(outgoing) = call {
            let outcome = self.deliver(ToolClass::Read, &open.id, outgoing).await;
            return Ok(Answered::new(ToolClass::Read, outcome, began));
        }
        let limit = self.tool_time(&open.id);
        let read = async {
            // The record is read as whoever asked sees it; what was said before is the conversation's own.
            let own = matches!(call, Call::Ask(_) | Call::GetEntity { .. } | Call::ListSchedules { .. });
            let reader = if own { self.lease.author } else { self.lease.user };
            let mut tx = self.engine.store().tenant(Tenant::own(self.lease.org, reader)).await?;
            if let Some(outcome) = self.look_up_skill(&mut tx, &open.id, call).await? {
                tx.commit().await?;
                return Ok(outcome);
            }
            let asking = Asking { bound: self.entity.as_ref(), now: Utc::now(), zone: self.zone };
            let card = CardId::derive(self.lease.run, &open.id);
            let outcome = builtins::read(&mut tx, call, asking, (card, self.role)).await?;
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
        Ok(Answered::new(ToolClass::Read, outcome, began))
    }

    /// Redacts and cuts the first results, drops what cannot be seen in them, and lets the
    /// guard see them.
    fn settle(&mut self, round: &mut Round, upto: usize) {
        let longest = self.engine.limits().result_chars;
        for i in round.settled..upto {
            let (call, Some(answered)) = (&round.calls[i], &mut round.answered[i]) else { continue };
            if answered.recorded {
                continue;
            }
            let longest = match answered.outcome.length {
                Length::Budgeted => longest,
                Length::Whole => usize::MAX,
            };
            let preface = answered.outcome.preface.take().unwrap_or_default();
            let whole = format!("{preface}{}", answered.outcome.text);
            let mut text = shorten(&visible(&self.clean(&whole)), longest);
            if answered.outcome.blocked {
                self.repetition.blocked();
            } else if let Some(remark) = self.repetition.note(&call.name, call.input.get(), &text) {
                text = format!("{text}\n{remark}");
            }
            if i + 1 == round.calls.len() {
                text.push_str(round.afterword);
            }
            answered.outcome.text = text;
        }
        round.settled = round.settled.max(upto);
    }

    /// Performs the writes among the first calls that belong into a transaction, as
    /// far as the matrix or a person lets them, and records what is known of these
    /// calls. Returns what the stream is to tell.
    pub(super) async fn record(
        &mut self,
        tx: &mut RunTx,
        round: &mut Round,
        upto: usize,
    ) -> Result<Vec<Event>, Left> {
        let (mut events, mut gate) = (Vec::new(), None);
        self.weigh(tx, round).await?;
        for i in 0..upto {
            let (call, plan) = (&round.calls[i], &round.plans[i]);
            if let Some(answered) = &round.answered[i] {
                self.tell_trail(tx, call, plan, answered).await?;
                continue;
            }
            let gate = match &mut gate {
                Some(gate) => gate,
                None => gate.insert(self.gate(tx, round.waits).await?),
            };
            let answered = self.write(tx, gate, call, plan, &mut events).await?;
            round.waits = gate.waits;
            if let Some(answered) = &answered {
                self.weigh_one(tx, answered).await?;
            }
            round.answered[i] = answered;
        }
        if upto == round.calls.len() {
            self.hear_results(round);
        }
        self.settle(round, upto);
        let pairs = round.calls.iter().zip(&mut round.answered).take(upto);
        let known = pairs.filter_map(|(call, answered)| answered.as_mut().map(|answered| (call, answered)));
        let news: Vec<_> = known.filter(|(_, answered)| !answered.recorded).collect();
        let cards: Vec<Option<String>> = news.iter().map(|(_, answered)| card_json(answered)).collect();
        let records: Vec<ToolCall<'_>> = news
            .iter()
            .zip(&cards)
            .map(|((call, answered), card)| record(call, answered, card.as_deref()))
            .collect();
        steps::record_calls(tx, &records).await?;
        self.tools_used.extend(news.iter().map(|(call, answered)| ToolUsed {
            id: call.id.clone(),
            name: call.name.clone(),
            success: answered.outcome.success,
        }));
        let mut all: Vec<Event> =
            news.iter().flat_map(|(call, answered)| result_events(call, answered)).collect();
        all.append(&mut events);
        for (call, answered) in news {
            self.trace_call(call, answered);
            answered.recorded = true;
        }
        Ok(all)
    }

    /// Lets the trail know of a call that the gate did not see, or whose outcome it
    /// could not know yet.
    async fn tell_trail(
        &self,
        tx: &mut RunTx,
        call: &OpenCall,
        plan: &Plan,
        answered: &Answered,
    ) -> Result<()> {
        if answered.recorded {
            return Ok(());
        }
        let (decision, action, approval) = match (answered.untold, plan) {
            (Some((action, approval)), _) => (rulings::of_outcome(&answered.outcome), action, approval),
            (None, Plan::Refuse(class, _)) if *class != ToolClass::Read => (Decision::Refused, None, None),
            _ => return Ok(()),
        };
        let action = action.map_or(CALL, Action::as_str);
        let noted = Noted { approval, args: answered.args.as_deref(), ruling: None };
        self.note_call(tx, call, action, &[decision], noted).await
    }

    /// Stores the results as one message, or puts the run aside where one is missing.
    pub(super) async fn store_results(&mut self, mut round: Round) -> Result<(), Left> {
        let _order = self.feed.begin_storing().await;
        let mut tx = self.guarded().await?;
        let upto = round.calls.len();
        let mut events = self.record(&mut tx, &mut round, upto).await?;
        if round.answered.iter().any(Option::is_none) {
            return self.park(tx, &round, events).await;
        }
        events.extend(self.save_steps(&mut tx).await?);
        let content = content(&round);
        let done = self.errand == Errand::Proposal;
        if done {
            events.push(self.done_event(None));
        }
        let step = NewStep {
            seq: self.steps + 1,
            kind: StepKind::Tools,
            payload: "{}",
            message: MessageId::new(),
            content: &content,
            preview: None,
            calls: &[],
            iterations: self.iterations,
            done,
            model: &self.ring.current().model,
            detour: None,
        };
        let staged = self.feed.stage(&events);
        let frames = self.feed.row(&staged);
        let seq = steps::create(&mut tx, &step, &frames).await?;
        self.commit(tx, &frames, &staged).await?;
        crash::at(CrashPoint::AfterResult);
        self.steps += 1;
        self.recorded.clear();
        self.attempts = 0;
        self.own_seq = seq;
        self.history.push(Past::new(seq, "user", content, String::new()));
        if done {
            self.has_ended(RunStatus::Done, None);
            return Err(Left::Ended);
        }
        Ok(())
    }
}

/// A block of the message that the results of an answer become.
#[derive(Serialize)]
#[serde(untagged)]
enum Part<'a> {
    Result(ToolResult),
    /// For clients: see [`block::FOR_CLIENTS`].
    Card(&'a Card),
}

/// The results of an answer's calls, then what the person was shown with them.
pub(crate) fn results_content<'a>(
    results: impl Iterator<Item = ToolResult>,
    cards: impl Iterator<Item = &'a Card>,
) -> String {
    block::to_json(&results.map(Part::Result).chain(cards.map(Part::Card)).collect::<Vec<_>>())
}

fn content(round: &Round) -> String {
    let answered = || round.answered.iter().flatten();
    let results = round.calls.iter().zip(answered()).map(|(call, answered)| ToolResult {
        tool_use_id: call.id.clone(),
        content: neutral(&answered.outcome.text),
        is_error: !answered.outcome.success,
    });
    results_content(results, answered().filter_map(|answered| answered.outcome.card.as_deref()))
}

fn card_json(answered: &Answered) -> Option<String> {
    let card = answered.outcome.card.as_ref()?;
    Some(serde_json::to_string(card).expect("a card serializes: its keys are strings"))
}

/// What the stream tells of a call: its result, and what the person is shown with it.
fn result_events(call: &OpenCall, answered: &Answered) -> impl Iterator<Item = Event> {
    let card = answered.outcome.card.as_deref().cloned().map(Event::from);
    std::iter::once(result_event(call, answered)).chain(card)
}

fn result_event(call: &OpenCall, Answered { outcome, duration_ms, .. }: &Answered) -> Event {
    Event::ToolResult {
        id: call.id.clone(),
        name: call.name.clone(),
        success: outcome.success,
        result: outcome.success.then(|| outcome.text.clone()),
        error: (!outcome.success).then(|| outcome.text.clone()),
        unknown: outcome.unknown,
        duration_ms: *duration_ms,
    }
}

fn record<'a>(call: &'a OpenCall, answered: &'a Answered, card: Option<&'a str>) -> ToolCall<'a> {
    ToolCall {
        card,
        state: answered.outcome.state(),
        result: Some(&answered.outcome.text),
        duration_ms: Some(i64::try_from(answered.duration_ms).unwrap_or(i64::MAX)),
        ..call.intent(answered.class, answered.args.as_deref())
    }
}

pub(crate) fn shorten(text: &str, longest: usize) -> String {
    match text.char_indices().nth(longest) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}\n[cut: the result was longer than {longest} characters]", &text[..end]),
    }
}
