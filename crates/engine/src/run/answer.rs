//! One model call: stream it, redact it at the door, store it whole.

use domain::{Block, Event, MessageId, Result, Usage, block, run::RunStatus};
use model::{Answer, AnswerStream, Broken, Client, Delta, ModelError, Ring};
use redact::RedactStream;
use serde_json::value::RawValue;
use store::{
    steps::{self, NewStep, StepKind},
    turns::Past,
};
use tokio::{
    sync::watch,
    time::{Instant, sleep_until, timeout_at},
};

use super::{Left, Opened, Run};
use crate::{
    crash::{self, CrashPoint},
    prompt::{self, Target},
    turn::cut,
};

/// What came of listening to one answer.
enum Heard {
    Whole(Answer),
    Failed(ModelError),
}

impl Heard {
    fn outcome(&self) -> std::result::Result<&Answer, &ModelError> {
        match self {
            Self::Whole(answer) => Ok(answer),
            Self::Failed(error) => Err(error),
        }
    }
}

impl Run {
    /// Asks the model and stores its answer.
    pub(super) async fn ask(&mut self, opened: Option<Opened>) -> Result<(), Left> {
        let message = MessageId::new();
        let deadline = self.deadline_of_call();
        let opened = if let Some(opened) = opened {
            opened
        } else {
            let room = self.room();
            self.ring.begin(self.asked_again, room);
            Box::pin(self.make_room()).await?;
            Box::pin(self.afford(self.needs())).await?;
            Box::pin(self.open(deadline)).await?
        };
        let (heard, visible) = self.hear(opened, message, deadline).await?;
        match heard {
            Heard::Whole(answer) => {
                self.ring.answered();
                Box::pin(self.store_answer(message, answer)).await
            }
            Heard::Failed(error @ ModelError::PromptTooLong { .. }) if !visible => {
                Box::pin(self.rescue(&error)).await
            }
            Heard::Failed(error) if visible && error.is_retryable() && !self.asked_again => {
                self.asked_again = true;
                self.feed.push(&Event::Reset { message_id: Some(message) });
                Ok(())
            }
            Heard::Failed(error) => {
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
                Err(error) => (Heard::Failed(error), false),
            };
            self.call_over(heard.outcome());
            match &heard {
                Heard::Failed(error) if self.note_failure(error, visible, deadline) => {
                    // The one that is asked now may have less room than the one before.
                    Box::pin(self.make_room()).await?;
                    Box::pin(self.afford(self.needs())).await?;
                    opened = Box::pin(self.open(deadline)).await?;
                }
                _ => return Ok((heard, visible)),
            }
        }
    }

    /// Tells the circuits of a failed call. True: another model is asked now.
    fn note_failure(&mut self, error: &ModelError, visible: bool, deadline: Instant) -> bool {
        // A skill that leaves a model little time says nothing of the model, which others ask as well.
        let in_time = Instant::now() < deadline;
        if error.is_retryable() && in_time {
            self.ring.failed(error.retry_after());
        } else if error.is_about_request() {
            self.ring.answered();
        }
        if visible || self.asked_again || !in_time {
            return false;
        }
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
            let next = &self.ring.current().model;
            self.engine.telemetry().meters.failover(&failed, next);
            tracing::warn!(run = %self.lease.run, failed, next, %error, "another model is asked");
        }
        falls_over
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
        crash::at(CrashPoint::BeforeModelCall);
        let opened = in_time(&mut self.stop, deadline, client.stream(body)).await;
        if !matches!(opened, Ok(Some(_))) {
            // The question may be with the provider, and is paid for there.
            self.bill_broken(&[Broken { usage: Usage::default(), received: 0 }]);
        }
        Ok(opened?.unwrap_or_else(|| Err(too_long())))
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
                    self.bill_broken(&stream.broken());
                    return Err(stop_of(stopped));
                }
                () = &mut late => Err(too_long()),
                next = stream.next() => next,
            };
            match next {
                Ok(Some(Delta::Complete(answer))) => break Heard::Whole(answer),
                Ok(Some(delta)) => {
                    self.call_goes_on(&delta);
                    shown.delta(self, delta);
                    crash::at(CrashPoint::MidStream);
                }
                Ok(None) => break Heard::Failed(ModelError::Cut { detail: "the stream ended early".into() }),
                Err(error) => break Heard::Failed(error),
            }
        };
        shown.end_thinking(self);
        shown.end_text(self);
        self.bill_broken(&stream.broken());
        Ok((heard, shown.any))
    }

    /// How the model that is asked is called there, and how long it may answer.
    fn target(&self) -> Target<'_> {
        let asked = self.ring.current();
        Target { model: asked.name(), max_tokens: self.engine.max_tokens(asked) }
    }

    async fn store_answer(&mut self, message: MessageId, answer: Answer) -> Result<(), Left> {
        self.iterations += 1;
        let usage = self.bill_answer(&answer);
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
        self.steps += 1;
        self.attempts = 0;
        self.own_seq = seq;
        self.history.push(Past { seq, role: "assistant".into(), content, context: String::new() });
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
    async fn empty_answer(&mut self, stop_reason: &str, usage: domain::Usage) -> Result<(), Left> {
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

/// What is being shown of an answer, held back where a secret could be starting.
struct Shown {
    message: MessageId,
    text: Option<RedactStream>,
    thinking: Option<RedactStream>,
    /// White space before the first word of a block: a blank block is not stored.
    blank: String,
    /// Whether the block that is being shown has a word.
    worded: bool,
    any: bool,
}

impl Shown {
    fn new(message: MessageId) -> Self {
        Self { message, text: None, thinking: None, blank: String::new(), worded: false, any: false }
    }

    fn delta(&mut self, run: &Run, delta: Delta) {
        self.any |= matches!(delta, Delta::Text(_) | Delta::Thinking(_));
        match delta {
            Delta::Text(text) => {
                self.end_thinking(run);
                let safe = self.text.get_or_insert_with(|| run.secrets.door.stream()).push(&text);
                self.show_text(run, &safe);
            }
            Delta::Thinking(text) => {
                self.end_text(run);
                let safe = self.thinking.get_or_insert_with(|| run.secrets.door.stream()).push(&text);
                self.show_thinking(run, &safe);
            }
            Delta::ToolUseStarted { .. } => {
                self.end_thinking(run);
                self.end_text(run);
            }
            Delta::Started { .. } | Delta::Complete(_) => {}
        }
    }

    fn end_text(&mut self, run: &Run) {
        if let Some(held) = self.text.take() {
            self.show_text(run, &held.finish());
        }
        self.blank.clear();
        self.worded = false;
    }

    fn end_thinking(&mut self, run: &Run) {
        if let Some(held) = self.thinking.take() {
            self.show_thinking(run, &held.finish());
        }
    }

    fn show_text(&mut self, run: &Run, text: &str) {
        self.worded |= !text.trim().is_empty();
        self.blank.push_str(text);
        if self.worded && !self.blank.is_empty() {
            let text = std::mem::take(&mut self.blank).replace('\0', "\u{FFFD}");
            run.feed.push(&Event::Token { message_id: self.message, text });
        }
    }

    fn show_thinking(&mut self, run: &Run, text: &str) {
        if !text.is_empty() {
            let text = text.replace('\0', "\u{FFFD}");
            run.feed.push(&Event::Thinking { message_id: self.message, text });
        }
    }
}

pub(super) fn raw(json: &str) -> Box<RawValue> {
    RawValue::from_string(json.to_owned()).expect("the text was serialized here")
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

fn too_long() -> ModelError {
    ModelError::Timeout { detail: "the answer took longer than a model call may".into() }
}
