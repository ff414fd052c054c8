//! One model call, from its request to its last word.

use std::time::{Duration, Instant};

use domain::{SessionId, Usage, models::Candidate};
use model::{Answer, Delta, ModelError, StopReason};
use opentelemetry::trace::SpanKind;

use super::{
    CANCELLED, Meters, Telemetry, Traced,
    names::{
        CACHE_CREATION, CACHE_READ, CONVERSATION, FINISH_REASONS, INPUT_TOKENS, MAX_TOKENS, OPERATION,
        OUTPUT_TOKENS, PROVIDER, REQUEST_MODEL, RESPONSE_MODEL,
    },
    traces::{attribute, list, span},
};

/// A call that is under way. Dropped without a word, it was given up.
pub struct ModelCall {
    meters: Meters,
    span: Traced,
    /// `provider/model`, as it is asked.
    model: String,
    began: Instant,
    first: Option<Duration>,
    /// As it is accounted for, attempts that broke off included.
    used: Usage,
    over: bool,
}

impl Telemetry {
    /// A model is about to be asked.
    pub(crate) fn ask(
        &self,
        parent: &Traced,
        asked: &Candidate,
        (session, max_tokens): (SessionId, u32),
    ) -> ModelCall {
        let span = self.traces.begin(parent, || {
            span(
                format!("chat {}", asked.name()),
                SpanKind::Client,
                vec![
                    attribute(OPERATION, "chat"),
                    attribute(PROVIDER, asked.provider().to_owned()),
                    attribute(REQUEST_MODEL, asked.name().to_owned()),
                    attribute(MAX_TOKENS, i64::from(max_tokens)),
                    attribute(CONVERSATION, session.to_string()),
                ],
            )
        });
        ModelCall {
            meters: self.meters.clone(),
            span,
            model: asked.model.clone(),
            began: Instant::now(),
            first: None,
            used: Usage::default(),
            over: false,
        }
    }
}

impl ModelCall {
    /// A piece of the answer has come. Only the first one matters: a word, a thought or a tool call.
    pub(crate) fn piece(&mut self, delta: &Delta) {
        let says = !matches!(delta, Delta::Started { .. } | Delta::BrokeOff(_));
        if says && self.first.is_none() {
            self.first = Some(self.began.elapsed());
        }
    }

    /// What is accounted for: the answer, or an attempt that was given up or broke off.
    pub(crate) fn used(&mut self, usage: Usage) {
        self.used += usage;
    }

    pub(crate) fn ended(mut self, outcome: Result<&Answer, &ModelError>) {
        match outcome {
            Ok(answer) => {
                self.span.set(|| attribute(RESPONSE_MODEL, answer.model.clone()));
                self.span.set(|| list(FINISH_REASONS, &[finish(&answer.stop_reason)]));
                self.over(None, true);
            }
            Err(error) => self.over(Some(error.kind()), self.first.is_some()),
        }
    }

    fn over(&mut self, error: Option<&'static str>, there: bool) {
        self.over = true;
        let usage = self.used;
        for (name, tokens) in [
            (INPUT_TOKENS, usage.prompt_tokens()),
            (OUTPUT_TOKENS, usage.output_tokens),
            (CACHE_READ, usage.cache_read_input_tokens),
            (CACHE_CREATION, usage.cache_creation_input_tokens),
        ] {
            self.span.set(|| attribute(name, tokens));
        }
        if let Some(error) = error {
            self.span.failed(error);
        }
        if let Some(first) = self.first {
            self.meters.first_piece(&self.model, first);
        }
        self.meters.call_ended(&self.model, self.began.elapsed(), error, there);
    }
}

impl Drop for ModelCall {
    fn drop(&mut self) {
        if !self.over {
            self.over(Some(CANCELLED), self.first.is_some());
        }
    }
}

/// The provider's word, if it is one of those that we know: another one is text of a stranger.
fn finish(reason: &StopReason) -> &str {
    if matches!(reason, StopReason::Other(_)) { "other" } else { reason.as_str() }
}
