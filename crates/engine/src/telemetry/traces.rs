//! Spans, straight through OpenTelemetry's own interface. Those of `tracing` would hold their parents open: the span of
//! a request would last as long as the run that it began.

use std::{borrow::Cow, fmt, sync::Arc, time::SystemTime};

use opentelemetry::{
    Array, Context, Key, KeyValue, StringValue, Value,
    global::BoxedTracer,
    trace::{SpanBuilder, SpanKind, Status, TraceContextExt as _, Tracer as _},
};

use super::names;

/// Longest text of a provider or a model that an attribute holds, in characters.
const LONGEST: usize = 100;

/// Where spans go. By default nowhere, and nothing is made of them.
#[derive(Clone, Default)]
pub struct Traces(Option<Arc<BoxedTracer>>);

/// A span; it ends when the last clone is dropped. Of those that go nowhere there is nothing.
#[derive(Clone, Default)]
pub struct Traced(Option<Context>);

impl Traces {
    pub fn new(tracer: BoxedTracer) -> Self {
        Self(Some(Arc::new(tracer)))
    }

    pub fn are_kept(&self) -> bool {
        self.0.is_some()
    }

    /// What the current task works for.
    pub(crate) fn current(&self) -> Traced {
        Traced(self.0.as_ref().map(|_| Context::current()))
    }

    /// Begins a span below this one. What it is made of is asked only if it goes somewhere.
    pub fn begin(&self, parent: &Traced, span: impl FnOnce() -> SpanBuilder) -> Traced {
        let Some(tracer) = &self.0 else { return Traced(None) };
        let parent = parent.0.clone().unwrap_or_default();
        let span = tracer.build_with_context(span(), &parent);
        Traced(Some(parent.with_span(span)))
    }
}

impl Traced {
    /// What the caller of a request says it belongs to.
    pub fn of(context: Context) -> Self {
        Self(Some(context))
    }

    pub fn context(&self) -> Option<&Context> {
        self.0.as_ref()
    }

    pub fn set(&self, attribute: impl FnOnce() -> KeyValue) {
        if let Some(context) = &self.0 {
            context.span().set_attribute(attribute());
        }
    }

    /// It ended then, and not now.
    pub(crate) fn ended_at(&self, then: SystemTime) {
        if let Some(context) = &self.0 {
            context.span().end_with_timestamp(then);
        }
    }

    /// Says what class of failure it ended in, and no more: details may hold what somebody wrote.
    pub fn failed(&self, error: impl Into<Cow<'static, str>>) {
        if let Some(context) = &self.0 {
            context.span().set_attribute(attribute(names::ERROR, error.into()));
            context.span().set_status(Status::error(""));
        }
    }
}

/// An attribute; of a text, at most its beginning.
pub fn attribute(name: &'static str, value: impl Into<Value>) -> KeyValue {
    let value = match value.into() {
        Value::String(text) => Value::String(short(text.as_str())),
        value => value,
    };
    KeyValue::new(Key::from_static_str(name), value)
}

pub(super) fn list(name: &'static str, texts: &[&str]) -> KeyValue {
    let texts = texts.iter().map(|text| short(text)).collect();
    KeyValue::new(Key::from_static_str(name), Value::Array(Array::String(texts)))
}

fn short(text: &str) -> StringValue {
    text.chars().take(LONGEST).collect::<String>().into()
}

/// What a span is begun with.
pub fn span(name: impl Into<Cow<'static, str>>, kind: SpanKind, attributes: Vec<KeyValue>) -> SpanBuilder {
    SpanBuilder::from_name(name).with_kind(kind).with_attributes(attributes)
}

impl fmt::Debug for Traces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Traces").field(&self.are_kept()).finish()
    }
}
