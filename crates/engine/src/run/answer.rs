//! One model call: stream it, redact it at the door, store it whole.

use domain::{Block, Event, MessageId, Result, Usage, block, models::NO_MODEL, run::RunStatus};
use model::{Answer, AnswerStream, Client, Delta, ModelError, Ring};
use serde_json::value::RawValue;
use store::{
    steps::{self, NewStep, StepKind},
    turns::Past,
};
use tokio::{
    sync::watch,
    time::{Instant, sleep_until, timeout_at},
};

use super::{Left, Opened, Run, shown::Shown};
use crate::{
    crash::{self, CrashPoint},
    prompt::{self, Target},
    turn::cut,
};

/// What came of listening to one answer: the whole of it, with what it has used.
type Heard = std::result::Result<(Answer, Usage), ModelError>;

impl Run {
    /// Asks the model and stores its answer.
    pub(super) async fn ask(&mut self, opened: Option<Opened>) -> Result<(), Left> {
        let message = MessageId::new();
        let deadline = self.deadline_of_call();
        let opened = if let Some(opened) = opened {
            opened
        } else {
            if let Some(why) = self.nobody.take() {
                return Box::pin(self.failed(NO_MODEL, &why, false)).await;
            }
            self.begin_call(self.asked_again);
            self.ask_current(deadline).await?
        };
        let (heard, visible) = self.hear(opened, message, deadline).await?;
        match heard {
            Ok((answer, usage)) => {
                self.ring.answered();
                Box::pin(self.store_answer(message, answer, usage)).await
            }
            Err(error @ ModelError::PromptTooLong { .. }) if !visible => Box::pin(self.rescue(&error)).await,
            Err(error) if visible && error.is_retryable() && !self.asked_again => {
                self.asked_again = true;
                self.feed.push(&Event::Reset { message_id: Some(message) });
                Ok(())
            }
            Err(error) => {
                if visible {
                    self.feed.push(&Event::Reset { message_id: Some(message) });
                }
                if self.is_overdue() {
                    return Box::pin(self.overdue()).await;
                }
                if self.is_step_overdue() {
                    return Box::pin(self.give_up_overdue()).await;
                }
                Box::pin(self.model_failed(&error)).await
            }
        }
    }

    /// Decides which model a call asks first: with `same`, the one that answered last and no other.
    pub(super) fn begin_call(&mut self, same: bool) {
        let before = self.ring.current().model.clone();
        let room = self.room();
        self.ring.begin(same, room);
        let now = &self.ring.current().model;
        if *now != before {
            self.detours.push(format!("{before} fails these days or has no room, {now} was asked"));
        }
    }

    /// The answer of the first model that has one. Once something was shown, no other model is asked.
    async fn hear(
        &mut self,
        mut opened: Opened,
        message: MessageId,
        deadline: Instant,
    ) -> Result<(Heard, bool), Left> {
        loop {
            let (heard, visible) = match opened {
                Ok(stream) => self.listen(stream, message, deadline).await?,
                Err(error) => (Err(error), false),
            };
            self.call_over(heard.as_ref().map(|(answer, _)| answer));
            if let Err(error) = &heard {
                let in_time = Instant::now() < deadline;
                tell_circuit(&mut self.ring, error, in_time);
                if in_time && !visible && !self.asked_again && self.fall_over(error) {
                    // The one that is asked now may have less room than the one before.
                    opened = self.ask_current(deadline).await?;
                    continue;
                }
            }
            return Ok((heard, visible));
        }
    }

    /// Asks the model whose turn it is, once the conversation fits and somebody pays for it.
    async fn ask_current(&mut self, deadline: Instant) -> Result<Opened, Left> {
        Box::pin(self.make_room()).await?;
        Box::pin(self.afford(self.needs())).await?;
        Box::pin(self.open(deadline)).await
    }

    /// Whether there is another model, which is asked now.
    fn fall_over(&mut self, error: &ModelError) -> bool {
        let failed = self.ring.current().model.clone();
        let falls_over = match error {
            ModelError::PromptTooLong { .. } => {
                let larger = self.larger();
                self.ring.make_way(larger)
            }
            error if error.is_retryable() => {
                let room = self.room();
                self.ring.fall_over(room)
            }
            _ => false,
        };
        if falls_over {
            self.fell_over(&failed, &self.ring, error);
            let kind = error.kind().replace('_', " ");
            self.detours.push(format!("{failed} failed ({kind}), {} was asked", self.ring.current().model));
        }
        falls_over
    }

    pub(super) fn fell_over(&self, failed: &str, ring: &Ring, error: &ModelError) {
        let next = &ring.current().model;
        self.engine.telemetry().meters.failover(failed, next);
        tracing::warn!(run = %self.lease.run, failed, next, %error, "another model is asked");
    }

    /// Until when a model call that begins now may last.
    pub(super) fn deadline_of_call(&self) -> Instant {
        let of_step = self.sequence.as_ref().and_then(|sequence| sequence.deadline);
        let latest = Instant::now() + self.engine.limits().model_time;
        [self.deadline, of_step].into_iter().flatten().fold(latest, Instant::min)
    }

    /// The client that a call has come to, with the organization's own key where it has one.
    pub(super) fn client(&self, ring: &Ring) -> Result<Client, ModelError> {
        let client = ring.client().ok_or_else(unconfigured)?;
        self.secrets.with_own_key(ring.current(), client)
    }

    pub(super) async fn open(&mut self, deadline: Instant) -> Result<Opened, Left> {
        let body = prompt::body(&self.frozen, self.target(), &self.history, self.choice());
        let asked = self.ring.current();
        self.call = Some(self.observe(asked, self.engine.max_tokens(asked)));
        let client = match self.client(&self.ring) {
            Ok(client) => client,
            Err(error) => return Ok(Err(error)),
        };
        let mut stream = match client.stream(body) {
            Ok(stream) => stream,
            Err(error) => return Ok(Err(error)),
        };
        crash::at(CrashPoint::BeforeModelCall);
        match in_time(&mut self.stop, deadline, stream.opened()).await {
            Ok(Some(opened)) => Ok(opened.map(|()| stream)),
            given_up => {
                self.bill_broken(stream.broken());
                given_up.map(|_| Err(out_of_time()))
            }
        }
    }

    /// Shows the answer as it comes. Also tells whether anything was shown.
    async fn listen(
        &mut self,
        mut stream: AnswerStream,
        message: MessageId,
        deadline: Instant,
    ) -> Result<(Heard, bool), Left> {
        let mut shown = Shown::new(message);
        // Made once and not for each token.
        let (mut stop, late) = (self.stop.clone(), sleep_until(deadline));
        let stopped = stop.wait_for(Option::is_some);
        tokio::pin!(stopped, late);
        let heard = loop {
            let next = tokio::select! {
                biased;
                stopped = &mut stopped => {
                    self.bill_broken(stream.broken());
                    return Err(stop_of(stopped));
                }
                () = &mut late => Err(out_of_time()),
                next = stream.next() => next,
            };
            match next {
                Ok(Some(Delta::Complete(answer))) => {
                    let usage = self.bill_answer(&answer);
                    break Ok((answer, usage));
                }
                Ok(Some(Delta::BrokeOff(broken))) => {
                    self.bill_broken(Some(broken));
                    if let Err(left) = Box::pin(self.afford(self.needs())).await {
                        self.call_over(Err(&ended_early()));
                        return Err(left);
                    }
                }
                Ok(Some(delta)) => {
                    self.call_goes_on(&delta);
                    shown.delta(self, delta);
                    crash::at(CrashPoint::MidStream);
                }
                Ok(None) => break Err(ended_early()),
                Err(error) => break Err(error),
            }
        };
        shown.end_thinking(self);
        shown.end_text(self);
        self.bill_broken(stream.broken());
        Ok((heard, shown.any))
    }

    /// How the model that is asked is called there, and how long it may answer.
    fn target(&self) -> Target<'_> {
        let asked = self.ring.current();
        Target { model: asked.name(), max_tokens: self.engine.max_tokens(asked) }
    }

    async fn store_answer(&mut self, message: MessageId, answer: Answer, usage: Usage) -> Result<(), Left> {
        self.iterations += 1;
        self.asked_again = false;
        let stop_reason = answer.stop_reason.as_str().to_owned();
        let invalid: Vec<(String, String)> = answer
            .invalid_inputs
            .iter()
            .map(|input| (input.tool_use_id.clone(), self.clean(&input.raw)))
            .collect();
        self.paused = stop_reason == "pause_turn";
        self.learn_ratio(answer.usage.prompt_tokens());
        let blocks = self.at_the_door(answer.blocks);
        if blocks.is_empty() {
            return self.empty_answer(&stop_reason, usage).await;
        }
        let content = block::to_json(&blocks);
        let text = block::concatenated(&content);
        let calls = self.open_calls(&content);
        let over = self.sequence.as_ref().is_none_or(|sequence| sequence.is_over());
        let done = calls.is_empty() && !self.paused && over;
        let mut events = vec![Event::MessageComplete {
            message_id: message,
            content: raw(&content),
            text: text.clone(),
            stop_reason: stop_reason.clone(),
        }];
        events.extend(calls.iter().map(super::act::OpenCall::start_event));
        if done {
            events.push(self.done_event(Some(message)));
        }
        let payload = serde_json::json!({ "stop_reason": stop_reason, "model": answer.model,
            "asked": self.ring.current().model, "usage": usage, "invalid_inputs": invalid });
        let preview = (!text.is_empty()).then(|| cut(&text, 200));
        let detour = (!self.detours.is_empty()).then(|| self.detours.join("; "));
        let step = NewStep {
            seq: self.steps + 1,
            kind: StepKind::Answer,
            payload: &payload.to_string(),
            message,
            content: &content,
            preview: preview.as_deref(),
            calls: &self.unbilled,
            iterations: self.iterations,
            done,
            model: &self.ring.current().model,
            detour: detour.as_deref(),
        };
        let _order = self.feed.begin_storing().await;
        let mut tx = self.guarded().await?;
        let staged = self.feed.stage(&events);
        let frames = self.feed.row(&staged);
        let seq = steps::create(&mut tx, &step, &frames).await?;
        if done {
            crash::at(CrashPoint::Finish);
        }
        self.commit(tx, &frames, &staged).await?;
        self.billed();
        self.detours.clear();
        self.steps += 1;
        self.attempts = 0;
        self.own_seq = seq;
        self.history.push(Past::new(seq, "assistant", content, String::new()));
        if done {
            self.has_ended(RunStatus::Done, None);
            return Err(Left::Ended);
        }
        Ok(())
    }

    /// The provider's own count makes the next estimate better.
    #[expect(clippy::cast_precision_loss, reason = "counts of tokens and characters, far below 2^52")]
    fn learn_ratio(&mut self, prompt_tokens: i64) {
        let ratio = prompt_tokens as f64 / self.prompt_bytes().max(1) as f64;
        // Providers that count nothing, or only the uncached part, teach nothing.
        if (0.1..=1.0).contains(&ratio) {
            self.token_ratio = Some(ratio);
        }
    }

    /// The answer's blocks as they may be stored: redacted, without U+0000, and
    /// with ids of tool calls that occur once in the conversation.
    fn at_the_door(&self, blocks: Vec<Block>) -> Vec<Block> {
        let mut known: Vec<String> = Vec::new();
        blocks.into_iter().filter_map(|block| self.admit(block, &mut known)).collect()
    }

    fn admit(&self, block: Block, known: &mut Vec<String>) -> Option<Block> {
        match block {
            Block::Text { text } => {
                let text = self.said(&text);
                (!text.trim().is_empty()).then_some(Block::Text { text })
            }
            // Its signature covers the text: a changed one would be refused.
            Block::Thinking { thinking, signature } => {
                (self.said(&thinking) == thinking).then_some(Block::Thinking { thinking, signature })
            }
            Block::ToolUse { mut id, name, input } => {
                let quoted = format!("\"{id}\"");
                if known.contains(&id) || self.history.iter().any(|past| past.content.contains(&quoted)) {
                    id = format!("{id}_{}", MessageId::new().0.simple());
                }
                known.push(id.clone());
                let name = self.clean(&name);
                Some(Block::ToolUse { id, name, input: self.secrets.door.redact_json(input) })
            }
            Block::Other(raw) => Some(Block::Other(self.secrets.door.redact_json(raw))),
        }
    }

    /// The model's words as they were shown while they came.
    fn said(&self, text: &str) -> String {
        self.secrets.door.redact(text).replace('\0', "\u{FFFD}")
    }

    /// Any other text of a model or a tool as it may be stored and shown.
    pub(super) fn clean(&self, text: &str) -> String {
        self.secrets.door.redact_hidden(text).replace('\0', "\u{FFFD}")
    }

    /// A turn may end without a word, after tools; anything else that is empty
    /// is no answer.
    async fn empty_answer(&mut self, stop_reason: &str, usage: Usage) -> Result<(), Left> {
        if stop_reason == "end_turn" && self.sequence.as_ref().is_some_and(|sequence| !sequence.is_over()) {
            return Box::pin(self.nothing_said()).await;
        }
        if stop_reason == "end_turn"
            && self.history.last().is_some_and(|last| !prompt::is_question(&last.content))
        {
            return self.done().await;
        }
        tracing::warn!(stop_reason, ?usage, "the model gave an empty answer");
        let (code, text) = match stop_reason {
            "refusal" => ("model_refused", "the model declined to answer this"),
            "max_tokens" => ("answer_too_long", "the model used up its answer's tokens without a word"),
            _ => ("empty_answer", "the model gave an empty answer"),
        };
        self.failed(code, text, code == "empty_answer").await
    }
}

pub(super) fn raw(json: &str) -> Box<RawValue> {
    RawValue::from_string(json.to_owned()).expect("the text was serialized here")
}

/// Tells the circuit of the model that is asked of its failure. What ran out of its time says nothing of the model, which
/// others ask as well: mostly it was the time of the run.
pub(super) fn tell_circuit(ring: &mut Ring, error: &ModelError, in_time: bool) {
    if error.is_retryable() && in_time {
        ring.failed(error.retry_after());
    } else if error.is_about_request() {
        ring.answered();
    }
}

/// What comes of the work, if the run is not stopped before. None: it took too long.
pub(super) async fn in_time<T>(
    stop: &mut watch::Receiver<Option<crate::Stop>>,
    deadline: Instant,
    work: impl Future<Output = T>,
) -> Result<Option<T>, Left> {
    tokio::select! {
        stopped = stop.wait_for(Option::is_some) => Err(stop_of(stopped)),
        done = timeout_at(deadline, work) => Ok(done.ok()),
    }
}

pub(super) fn stop_of(stopped: Result<watch::Ref<'_, Option<crate::Stop>>, watch::error::RecvError>) -> Left {
    stopped.ok().and_then(|stop| *stop).unwrap_or(crate::Stop::Lost).into()
}

fn unconfigured() -> ModelError {
    ModelError::Connect { detail: "its provider is not configured any more".into() }
}

pub(super) fn ended_early() -> ModelError {
    ModelError::Cut { detail: "the stream ended early".into() }
}

fn out_of_time() -> ModelError {
    ModelError::Timeout { detail: "the answer took longer than a model call may".into() }
}
