//! Numbers. A recorder belongs to its server and not to the process: in tests there are many of them.

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use domain::{Usage, budget::Scope, run::RunStatus};
use metrics::{Counter, Gauge, Histogram, Key, Label, Level, Metadata, NoopRecorder, Recorder};

use super::names::{self, Metric};

/// Models that have numbers of their own. Organizations name models in rows: what is beyond counts as [`OTHER`].
const MOST_MODELS: usize = 100;
const OTHER: &str = "other";
/// Of a histogram's series, where nothing failed.
const NO_ERROR: &str = "";
const META: Metadata<'static> = Metadata::new("sixty", Level::INFO, None);

/// Where a process's numbers go. Clones count together.
#[derive(Clone)]
pub struct Meters(Arc<Inner>);

struct Inner {
    recorder: Box<dyn Recorder + Send + Sync>,
    models: Mutex<HashMap<String, Arc<Model>>>,
}

/// Whose a number is: `provider/model`, taken apart.
#[derive(Clone)]
struct Whose {
    provider: String,
    model: String,
}

/// What a model call counts, looked up once for each.
struct Model {
    whose: Whose,
    input: Counter,
    cache_read: Counter,
    cache_write: Counter,
    output: Counter,
    prompt: Histogram,
    answer: Histogram,
    first: Histogram,
    /// Input tokens until now: those that the cache gave, and all.
    read: AtomicI64,
    all: AtomicI64,
}

/// What was asked too often, or too much of at once.
#[derive(Clone, Copy, Debug)]
pub enum Limit {
    UserRuns,
    OrgRuns,
    UserRate,
    OrgRate,
}

impl Limit {
    fn as_str(self) -> &'static str {
        match self {
            Self::UserRuns => "user_runs",
            Self::OrgRuns => "org_runs",
            Self::UserRate => "user_rate",
            Self::OrgRate => "org_rate",
        }
    }
}

/// Counts an event stream while it is held.
pub struct OpenStream(Gauge);

impl OpenStream {
    fn new(gauge: Gauge) -> Self {
        gauge.increment(1.0);
        Self(gauge)
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}

impl Meters {
    pub fn new(recorder: impl Recorder + Send + Sync + 'static) -> Self {
        Self(Arc::new(Inner { recorder: Box::new(recorder), models: Mutex::default() }))
    }

    pub fn counter(&self, metric: Metric, labels: Vec<Label>) -> Counter {
        self.0.recorder.register_counter(&Key::from_parts(metric.name, labels), &META)
    }

    pub fn gauge(&self, metric: Metric, labels: Vec<Label>) -> Gauge {
        self.0.recorder.register_gauge(&Key::from_parts(metric.name, labels), &META)
    }

    pub fn histogram(&self, metric: Metric, labels: Vec<Label>) -> Histogram {
        self.0.recorder.register_histogram(&Key::from_parts(metric.name, labels), &META)
    }

    /// Tokens of a call of this model. `there`: something came of it.
    pub(crate) fn tokens(&self, model: &str, usage: &Usage, there: bool) {
        let model = self.model(model, there);
        for (counter, tokens) in [
            (&model.input, usage.input_tokens),
            (&model.cache_read, usage.cache_read_input_tokens),
            (&model.cache_write, usage.cache_creation_input_tokens),
            (&model.output, usage.output_tokens),
        ] {
            counter.increment(u64::try_from(tokens).unwrap_or_default());
        }
        let prompt = usage.prompt_tokens();
        model.prompt.record(float(prompt));
        model.answer.record(float(usage.output_tokens));
        let read = model.read.fetch_add(usage.cache_read_input_tokens, Ordering::Relaxed)
            + usage.cache_read_input_tokens;
        let all = model.all.fetch_add(prompt, Ordering::Relaxed) + prompt;
        if all > 0 {
            // Of a model that has not answered yet there is no share, and not one of 0.
            self.gauge(names::CACHE_SHARE, model.whose.labels()).set(float(read) / float(all));
        }
    }

    /// A call of this model has begun to be answered.
    pub(super) fn first_piece(&self, model: &str, after: Duration) {
        self.model(model, true).first.record(after.as_secs_f64());
    }

    /// The operator, or the platform, names this model: it has numbers of its own whether it answers or not.
    pub(crate) fn know(&self, model: &str) {
        self.model(model, true);
    }

    /// A call of this model is over. `there`: it has answered.
    pub(super) fn call_ended(&self, model: &str, took: Duration, error: Option<&'static str>, there: bool) {
        let mut labels = gen_ai_labels(&self.model(model, there).whose);
        labels.push(Label::from_static_parts("error_type", error.unwrap_or(NO_ERROR)));
        self.histogram(names::CALL_DURATION, labels).record(took.as_secs_f64());
    }

    pub(crate) fn failover(&self, from: &str, to: &str) {
        let (from, to) = (self.model(from, false), self.model(to, false));
        let labels = vec![Label::new("from", from.whose.full()), Label::new("to", to.whose.full())];
        self.counter(names::FAILOVERS, labels).increment(1);
    }

    pub(crate) fn over_budget(&self, scope: Scope) {
        self.counter(names::BUDGET_REFUSALS, vec![Label::from_static_parts("scope", scope.as_str())])
            .increment(1);
    }

    pub fn refused(&self, limit: Limit) {
        self.counter(names::REFUSALS, vec![Label::from_static_parts("kind", limit.as_str())]).increment(1);
    }

    pub(crate) fn run_ended(&self, status: RunStatus) {
        self.counter(names::RUNS_ENDED, vec![Label::from_static_parts("status", status.as_str())])
            .increment(1);
    }

    /// Counts an event stream until what this returns is dropped.
    pub fn open_stream(&self) -> OpenStream {
        OpenStream::new(self.gauge(names::STREAMS, Vec::new()))
    }

    /// Models that have numbers, each with the gauge of its circuit.
    pub fn circuits(&self) -> Vec<(String, Gauge)> {
        let models = self.0.models.lock().unwrap_or_else(PoisonError::into_inner);
        let known = models.values().filter(|model| model.whose.model != OTHER);
        known.map(|model| (model.whose.full(), self.gauge(names::CIRCUIT, model.whose.labels()))).collect()
    }

    /// The numbers of a model. `there`: it may get some if it has none yet; what has never answered may be a name that
    /// somebody made up.
    fn model(&self, name: &str, there: bool) -> Arc<Model> {
        let mut models = self.0.models.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(model) = models.get(name) {
            return model.clone();
        }
        let whose = if there && models.len() < MOST_MODELS { Whose::of(name) } else { Whose::other() };
        models.entry(whose.full()).or_insert_with(|| Arc::new(self.numbers_of(whose))).clone()
    }

    fn numbers_of(&self, whose: Whose) -> Model {
        let tokens = |kind| {
            let mut labels = whose.labels();
            labels.push(Label::from_static_parts("kind", kind));
            self.counter(names::TOKENS, labels)
        };
        let usage = |kind| {
            let mut labels = gen_ai_labels(&whose);
            labels.push(Label::from_static_parts("gen_ai_token_type", kind));
            self.histogram(names::TOKEN_USAGE, labels)
        };
        Model {
            input: tokens("input"),
            cache_read: tokens("cache_read"),
            cache_write: tokens("cache_write"),
            output: tokens("output"),
            prompt: usage("input"),
            answer: usage("output"),
            first: self.histogram(names::FIRST_CHUNK, gen_ai_labels(&whose)),
            read: AtomicI64::new(0),
            all: AtomicI64::new(0),
            whose,
        }
    }
}

impl Whose {
    fn of(name: &str) -> Self {
        let (provider, model) = name.split_once('/').unwrap_or(("", name));
        Self { provider: provider.to_owned(), model: model.to_owned() }
    }

    fn other() -> Self {
        Self { provider: OTHER.to_owned(), model: OTHER.to_owned() }
    }

    fn full(&self) -> String {
        format!("{}/{}", self.provider, self.model)
    }

    fn labels(&self) -> Vec<Label> {
        vec![Label::new("provider", self.provider.clone()), Label::new("model", self.model.clone())]
    }
}

fn gen_ai_labels(whose: &Whose) -> Vec<Label> {
    vec![
        Label::from_static_parts("gen_ai_operation_name", "chat"),
        Label::new("gen_ai_provider_name", whose.provider.clone()),
        Label::new("gen_ai_request_model", whose.model.clone()),
    ]
}

#[expect(clippy::cast_precision_loss, reason = "counts of tokens, far below 2^52")]
fn float(tokens: i64) -> f64 {
    tokens as f64
}

impl Default for Meters {
    fn default() -> Self {
        Self::new(NoopRecorder)
    }
}

impl fmt::Debug for Meters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Meters")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_beyond_the_most_and_names_that_were_refused_share_the_numbers_of_others() {
        let meters = Meters::default();
        meters.call_ended("a/made-up", Duration::ZERO, Some("refused"), false);
        assert!(meters.circuits().is_empty());
        for n in 0..2 * MOST_MODELS {
            meters.tokens(&format!("a/model-{n}"), &Usage::default(), true);
        }
        let names: Vec<String> = meters.circuits().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names.len(), MOST_MODELS - 1, "and one that stands for the others");
        assert!(!names.iter().any(|name| name.contains("made-up")));
    }
}
