//! What operators are told of a run: a span for it, one for each call of a model or a tool, and how it ended.

use std::time::Duration;

use domain::{models::Candidate, run::RunStatus};
use model::{Answer, Delta, ModelError};
use opentelemetry::trace::SpanKind;

use super::{
    Left, Run,
    act::{Answered, OpenCall},
};
use crate::{
    Stop,
    telemetry::{CANCELLED, ModelCall, Traced, attribute, names, span},
};

impl Run {
    /// Its span begins; below the request that began it, where that is in this process.
    pub(super) fn trace(&mut self, parent: &Traced) {
        let (asked, lease) = (self.ring.current(), self.lease);
        self.span = self.engine.telemetry().traces.begin(parent, || {
            let attributes = vec![
                attribute(names::OPERATION, "invoke_agent"),
                attribute(names::PROVIDER, asked.provider().to_owned()),
                attribute(names::REQUEST_MODEL, asked.name().to_owned()),
                attribute(names::CONVERSATION, lease.session.to_string()),
                attribute(names::RUN, lease.run.to_string()),
                attribute(names::ORG, lease.org.to_string()),
            ];
            span("invoke_agent", SpanKind::Internal, attributes)
        });
    }

    /// This model is about to be asked.
    pub(super) fn observe(&self, asked: &Candidate, max_tokens: u32) -> ModelCall {
        let about = (self.lease.session, max_tokens);
        self.engine.telemetry().ask(&self.span, asked, about)
    }

    /// A piece of the answer has come.
    pub(super) fn call_goes_on(&mut self, delta: &Delta) {
        if let Some(call) = &mut self.call {
            call.piece(delta);
        }
    }

    pub(super) fn call_over(&mut self, outcome: Result<&Answer, &ModelError>) {
        if let Some(call) = self.call.take() {
            call.ended(outcome);
        }
    }

    /// What came of a tool call; of one that was not made there is nothing to tell.
    pub(super) fn trace_call(&self, call: &OpenCall, answered: &Answered) {
        let traces = &self.engine.telemetry().traces;
        if !traces.are_kept() {
            return;
        }
        let began = answered.ended - Duration::from_millis(answered.duration_ms);
        let call_span = traces.begin(&self.span, || {
            let attributes = vec![
                attribute(names::OPERATION, "execute_tool"),
                attribute(names::TOOL_NAME, call.name.clone()),
                attribute(names::TOOL_CALL, call.id.clone()),
            ];
            span(format!("execute_tool {}", call.name), SpanKind::Internal, attributes).with_start_time(began)
        });
        if answered.outcome.unknown {
            call_span.failed("unknown_outcome");
        } else if !answered.outcome.success {
            call_span.failed("tool_error");
        }
        call_span.ended_at(answered.ended);
    }

    /// The database says so.
    pub(super) fn has_ended(&self, status: RunStatus, error: Option<&str>) {
        self.engine.telemetry().meters.run_ended(status);
        self.span.set(|| attribute(names::RUN_STATUS, status.as_str()));
        if let Some(code) = error {
            self.span.failed(code.to_owned());
        } else if status == RunStatus::Cancelled {
            self.span.failed(CANCELLED);
        }
    }

    /// It is left to somebody else, if it is.
    pub(super) fn trace_leaving(&mut self, left: &Left) {
        // A call that was under way was given up.
        self.call = None;
        match left {
            Left::Ended | Left::Stopped(Stop::Cancelled) => {}
            Left::Stopped(Stop::Lost) => self.span.failed("lease_lost"),
            Left::Stopped(Stop::Shutdown) => self.span.failed("shutdown"),
            Left::Stopped(Stop::Unstored) | Left::Store(_) => self.span.failed("database"),
        }
    }
}
